"""Fixtures of the metadata tests."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from objstore.meta.database import Database
from tests.meta.world import World


@pytest.fixture(scope="module")
async def database(database_url: str) -> AsyncIterator[Database]:
    """The module's database."""
    database = await Database.connect(database_url, pool_size=8)
    yield database
    await database.close()


@pytest.fixture(scope="module")
async def raw(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A plain connection to the module's database, to look behind the scenes."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def world(database: Database, raw: "asyncpg.Connection[asyncpg.Record]") -> World:
    """A bucket and an open volume of their own."""
    return await World.make(database, raw)

"""Fixtures of the repair tests: a world a test, each on a database that was emptied."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from objstore.work import failpoint
from tests.harness.rows import wipe
from tests.repair.world import World


@pytest.fixture
async def raw(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A plain connection, to an empty database."""
    connection = await asyncpg.connect(database_url)
    await wipe(connection)
    yield connection
    await connection.close()


@pytest.fixture
async def world(tmp_path: Path, database_url: str, raw: object) -> AsyncIterator[World]:
    """A world with a bucket."""
    made = await World(tmp_path, database_url).open()
    await made.store.create_bucket(made.bucket, "root", "us-east-1")
    yield made
    await made.close()


@pytest.fixture(autouse=True)
def no_failpoints() -> Iterator[None]:
    """What a test armed is gone after it."""
    yield
    failpoint.disarm()

"""Fixtures of the store's tests."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from objstore.work import failpoint
from tests.store.place import Place


@pytest.fixture(scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> AsyncIterator[Place]:
    """A store of the module's own."""
    place = await Place(tmp_path_factory.mktemp("drives"), database_url).open()
    yield place
    await place.close()


@pytest.fixture(scope="module")
async def raw(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A plain connection to the module's database, to look behind the scenes."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def bucket(place: Place, request: pytest.FixtureRequest) -> str:
    """A bucket of the test's own."""
    name = f"b{abs(hash(request.node.nodeid)) % 10**12}"
    await place.store.create_bucket(name, "root", "us-east-1")
    return name


@pytest.fixture(autouse=True)
def no_failpoints() -> Iterator[None]:
    """What a test armed is gone after it."""
    yield
    failpoint.disarm()

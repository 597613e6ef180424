"""PgBouncer in transaction mode: every transaction may be on another connection."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from objstore.meta.database import Database
from objstore.meta.migrate import upgrade
from objstore.meta.objects import Objects
from objstore.model.errors import DatabaseUnavailable
from objstore.model.objects import ObjectVersion
from tests.harness.pooler import PROGRAM, Pooler
from tests.meta.world import World

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed (apt install pgbouncer)")

CONNECTIONS, SESSIONS, ROUNDS = 2, 8, 6


@pytest.fixture(scope="module")
def pooler(database_url: str) -> Iterator[Pooler]:
    with tempfile.TemporaryDirectory(prefix="objstore-pooler-") as root:
        pooler = Pooler(database_url, Path(root) / "p", CONNECTIONS)
        yield pooler
        pooler.close()


@pytest.fixture
async def behind(pooler: Pooler) -> AsyncIterator[Objects]:
    database = await Database.connect(pooler.url, pool_size=SESSIONS, application_name="behind-pooler", is_pooled=True)
    yield Objects(database)
    await database.close()


async def test_many_sessions_share_few_connections(world: World, behind: Objects) -> None:
    """Every statement text is new to whichever connection it comes to, and none is left over from another."""

    async def client(number: int) -> None:
        for turn in range(ROUNDS):
            key = b"%d/%d" % (number, turn % 3)
            writes = [world.write(key), world.write(key + b"/more")]
            outcomes = await behind.commit(writes)
            assert all(isinstance(outcome, ObjectVersion) for outcome in outcomes), outcomes
            (found,) = await behind.lookup([(world.bucket.id, key)])
            assert found == outcomes[0]
            (added,) = await behind.add([world.write(b"new/%d/%d" % (number, turn))])
            assert added is not None

    await asyncio.gather(*map(client, range(SESSIONS)))
    await world.check_conservation()


async def test_connections_that_die_are_not_noticed(
    world: World, behind: Objects, raw: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    query = (
        "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    refused = 0
    for turn in range(4):
        await raw.execute(query)
        writes = [world.write(b"%d/%d" % (turn, number)) for number in range(SESSIONS)]
        for outcome in await asyncio.gather(*(behind.commit([write]) for write in writes), return_exceptions=True):
            refused += isinstance(outcome, DatabaseUnavailable)
            assert isinstance(outcome, list | DatabaseUnavailable), outcome
    assert refused < 4 * SESSIONS
    assert await behind.lookup([(world.bucket.id, b"none")]) == [None]


async def test_starters_migrate_through_it(pooler: Pooler, database_url: str) -> None:
    for _ in range(3):
        await asyncio.to_thread(upgrade, pooler.url)

"""Errors that are nobody's fault: a transaction that met another one is repeated, a server that is full is told of."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import BigInteger, Text, func, literal_column, select, update

from objstore.meta.database import Database, Transaction
from objstore.meta.statement import Statement, param
from objstore.meta.tables import volume
from objstore.model.errors import DatabaseBusy, DatabaseUnavailable
from tests.meta.world import World

# Fails with the SQLSTATE for so many calls; a sequence is not rolled back.
FUNCTION = """
    CREATE SEQUENCE calls;
    CREATE FUNCTION fail_at_first(times bigint, state text) RETURNS bigint LANGUAGE plpgsql AS $$
        DECLARE call bigint := nextval('calls');
        BEGIN
            IF call <= times THEN RAISE EXCEPTION 'call %', call USING ERRCODE = state; END IF;
            RETURN call;
        END $$
"""
FAIL = Statement(select(func.fail_at_first(param("times", BigInteger), param("state", Text))), "times", "state")
TOUCH = Statement(
    update(volume)
    .where(volume.c.id == param("id", volume.c.id.type))
    .values(data_bytes=volume.c.data_bytes + literal_column("1")),
    "id",
)
SERIALIZATION, DEADLOCK, BACKEND_KILLED, FULL = "40001", "40P01", "57P01", "53300"


@pytest.fixture(scope="module")
async def function(database: Database, raw: "asyncpg.Connection[asyncpg.Record]") -> None:
    await raw.execute(FUNCTION)


@pytest.fixture(autouse=True)
async def fresh(function: None, raw: "asyncpg.Connection[asyncpg.Record]") -> None:
    await raw.execute("ALTER SEQUENCE calls RESTART")


async def touch_and_fail(world: World, database: Database, times: int, state: str) -> int:
    """A transaction that changes something and then fails; gives which call did not."""

    async def work(transaction: Transaction) -> int:
        await transaction.identify()
        assert await transaction.execute(TOUCH, world.volume) == 1
        found = await transaction.first(FAIL, times, state)
        assert found is not None
        return int(found[0])

    return await database.transact(work)


async def touched(world: World) -> int:
    return int(await world.raw.fetchval("SELECT data_bytes FROM volume WHERE id = $1", world.volume))


@pytest.mark.parametrize(("state", "times"), [(SERIALIZATION, 5), (DEADLOCK, 5), (BACKEND_KILLED, 1)])
async def test_it_is_repeated_whole(world: World, database: Database, state: str, times: int) -> None:
    before = await touched(world)
    assert await touch_and_fail(world, database, times, state) == times + 1
    assert await touched(world) == before + 1  # what failed left nothing


@pytest.mark.parametrize(("state", "times"), [(SERIALIZATION, 6), (DEADLOCK, 6), (BACKEND_KILLED, 2), (FULL, 2)])
async def test_but_not_for_ever(world: World, database: Database, state: str, times: int) -> None:
    before = await touched(world)
    with pytest.raises(DatabaseUnavailable) as raised:
        await touch_and_fail(world, database, times, state)
    assert isinstance(raised.value, DatabaseBusy) == (state in (SERIALIZATION, DEADLOCK))
    assert await touched(world) == before
    await database.ping()


@pytest.mark.parametrize("state", [BACKEND_KILLED, FULL])
async def test_reads_are_repeated_once(database: Database, state: str) -> None:
    assert (await database.fetch(FAIL, 1, state))[0][0] == 2


async def test_what_is_wrong_is_not_repeated(world: World, database: Database) -> None:
    with pytest.raises(asyncpg.RaiseError):
        await touch_and_fail(world, database, 1, "P0001")
    assert await touch_and_fail(world, database, 1, "P0001") == 2


@pytest.fixture
async def limited(database_url: str, raw: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator[str]:
    """URL of a role that may have one connection."""
    await raw.execute("CREATE ROLE limited LOGIN CONNECTION LIMIT 1")
    yield database_url.replace("postgres@", "limited@", 1)
    await raw.execute("DROP ROLE limited")


async def test_a_server_without_connections_left_is_unavailable(limited: str) -> None:
    taken = await Database.connect(limited, pool_size=1)
    with pytest.raises(DatabaseBusy, match="too many connections"):
        await Database.connect(limited)
    await taken.close()
    again = await Database.connect(limited)
    await again.close()

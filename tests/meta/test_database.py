"""Sessions, the pool, and what becomes of errors."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import BigInteger, Text, func, literal_column, select, update

from objstore.meta import database as database_module
from objstore.meta import pool as pool_module
from objstore.meta.database import Database, LostRace, Transaction
from objstore.meta.statement import Statement, param
from objstore.meta.tables import volume
from objstore.model.errors import DatabaseBusy, DatabaseUnavailable, NoSuchKey
from tests.meta.world import World

ONE = Statement(select(literal_column("1")))
SLEEP = Statement(select(func.pg_sleep(param("seconds", BigInteger))), "seconds")
DIVIDE = Statement(select(literal_column("1 / 0")))
TOUCH = Statement(
    update(volume).where(volume.c.id == param("id", volume.c.id.type)).values(tier=param("name", Text)), "id", "name"
)


@pytest.fixture
async def small(database_url: str) -> AsyncIterator[Database]:
    """Two connections at most."""
    database = await Database.connect(database_url, pool_size=2)
    yield database
    await database.close()


async def test_nobody_there(tmp_path: object) -> None:
    with pytest.raises(DatabaseUnavailable):
        await Database.connect(f"postgresql://postgres@/postgres?host={tmp_path}")
    with pytest.raises(DatabaseUnavailable):
        await Database.connect("postgresql://postgres@127.0.0.1:1/postgres")


async def test_no_such_database(postgres_url: str) -> None:
    with pytest.raises(DatabaseUnavailable):
        await Database.connect(postgres_url.replace("/postgres?", "/no_such?"))


async def test_closed(small: Database) -> None:
    await small.close()
    with pytest.raises(DatabaseUnavailable):
        await small.ping()


async def test_pool_is_bounded(small: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "QUEUE_SECONDS_MAX", 0.1)
    sleepers = [asyncio.ensure_future(small.fetch(SLEEP, 10)) for _ in range(2)]
    await asyncio.sleep(0.05)
    with pytest.raises(DatabaseBusy):
        await small.ping()
    monkeypatch.undo()
    for sleeper in sleepers:
        sleeper.cancel()
    await asyncio.gather(*sleepers, return_exceptions=True)
    await asyncio.gather(*[small.ping() for _ in range(50)])


async def test_cancelled_work_frees_its_connection(small: Database) -> None:
    async def work(transaction: Transaction) -> None:
        await transaction.identify()
        await transaction.fetch(SLEEP, 10)

    for _ in range(4):
        calls = [asyncio.ensure_future(small.fetch(SLEEP, 10)), asyncio.ensure_future(small.transact(work))]
        await asyncio.sleep(0.02)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await small.ping()


async def test_our_own_mistakes_are_not_hidden(small: Database) -> None:
    async def work(transaction: Transaction) -> None:
        await transaction.fetch(DIVIDE)

    for _ in range(3):
        with pytest.raises(asyncpg.DivisionByZeroError):
            await small.fetch(DIVIDE)
        with pytest.raises(asyncpg.DivisionByZeroError):
            await small.transact(work)
        with pytest.raises(asyncpg.DataError):
            await small.fetch(SLEEP, "text")
        await small.ping()


async def test_what_work_raises_rolls_back(world: World, small: Database) -> None:
    async def work(transaction: Transaction) -> None:
        await transaction.identify()
        assert await transaction.execute(TOUCH, world.volume, "changed") == 1
        raise NoSuchKey()

    with pytest.raises(NoSuchKey):
        await small.transact(work)
    (found,) = await world.volumes.get([world.volume])
    assert found is not None
    assert found.tier == "hot"


async def test_deadlock_is_tried_again(world: World, small: Database) -> None:
    volumes = [world.volume, await world.open_volume()]
    both_hold = asyncio.Barrier(2)
    attempts = 0

    async def touch(order: list[bytes]) -> None:
        first = True

        async def work(transaction: Transaction) -> None:
            nonlocal attempts, first
            attempts += 1
            await transaction.identify()
            await transaction.execute(TOUCH, order[0], "x")
            if first:
                first = False
                await both_hold.wait()
            await transaction.execute(TOUCH, order[1], "x")

        await small.transact(work)

    await asyncio.gather(touch(volumes), touch(volumes[::-1]))
    assert attempts == 3


async def test_races_end(small: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "RACE_SECONDS_MAX", 0.1)

    async def work(transaction: Transaction) -> None:
        raise LostRace("again")

    with pytest.raises(DatabaseUnavailable):
        await small.transact(work)


def test_statement_knows_its_parameters() -> None:
    clause = select(param("a", BigInteger) + param("b", BigInteger) + param("a", BigInteger))
    assert Statement(clause, "b", "a").sql == "SELECT $2::BIGINT + $1::BIGINT + $2::BIGINT AS anon_1"
    with pytest.raises(ValueError, match="takes"):
        Statement(clause, "a")
    with pytest.raises(ValueError, match="takes"):
        Statement(select(literal_column("1")).limit(5))

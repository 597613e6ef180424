"""What a client asks of Postgres is over in time, whatever hangs; maintenance may take longer."""

import asyncio

import pytest
from sqlalchemy import Float, func, select

from objstore.meta.database import Database
from objstore.meta.objects import Objects
from objstore.meta.statement import Statement, param
from objstore.model.errors import DatabaseUnavailable
from tests.meta.world import World

SLEEP = Statement(select(func.pg_sleep(param("seconds", Float))), "seconds")
SECONDS = 0.3
SOON = 3.0  # far below what is waited for, far above SECONDS


@pytest.fixture
def hurried(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setattr(database, "_seconds", SECONDS)
    return database


async def test_a_late_read_is_given_up_at_once(hurried: Database) -> None:
    """Not tried a second time, and the connection that it hangs on is not used again."""
    begun = asyncio.get_running_loop().time()
    with pytest.raises(DatabaseUnavailable):
        await hurried.fetch(SLEEP, 30.0)
    assert asyncio.get_running_loop().time() - begun < SOON
    assert await hurried.fetch(SLEEP, 0.0)


async def test_waiting_for_a_connection_counts(hurried: Database) -> None:
    held = [asyncio.ensure_future(hurried.patient.fetch(SLEEP, 1.0)) for _ in range(8)]
    await asyncio.sleep(0.1)
    with pytest.raises(DatabaseUnavailable):
        await hurried.fetch(SLEEP, 0.0)
    assert not any(one.done() for one in held), "there were connections left"
    await asyncio.gather(*held)


async def test_maintenance_is_patient(hurried: Database) -> None:
    assert hurried.patient.patient is hurried.patient
    assert await hurried.patient.fetch(SLEEP, 2 * SECONDS)


async def test_a_transaction_that_is_late_changes_nothing(hurried: Database, world: World) -> None:
    [before] = await world.put(b"k")
    held = world.raw.transaction()
    await held.start()
    await world.raw.execute("SELECT FROM object WHERE bucket_id = $1 FOR UPDATE", world.bucket.id)
    begun = asyncio.get_running_loop().time()
    with pytest.raises(DatabaseUnavailable):
        await Objects(hurried).commit([world.write(b"k")])
    assert asyncio.get_running_loop().time() - begun < SOON
    await held.rollback()
    found = await world.current(b"k")
    assert found is not None
    assert found.version_id == before.version_id

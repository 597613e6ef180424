"""A synchronous standby that does not answer: nothing is said to be done that only one server has."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from objstore.meta import database as database_module
from objstore.meta.database import Database
from objstore.meta.migrate import upgrade
from objstore.meta.objects import Objects
from objstore.model.errors import DatabaseUnavailable
from objstore.model.objects import ObjectVersion
from tests.harness.standby import Single
from tests.meta.world import World

AWAY = "ALTER SYSTEM SET synchronous_standby_names = 'nobody'"
BACK = "ALTER SYSTEM RESET synchronous_standby_names"
WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'objstore'"


@pytest.fixture(scope="module")
def single() -> Iterator[Single]:
    with tempfile.TemporaryDirectory(prefix="objstore-single-") as root:
        server = Single(Path(root) / "p" / "0", Path(root) / "p" / "s")
        server.make()
        server.start()
        yield server
        server.kill()


@pytest.fixture(scope="module")
def database_url(single: Single) -> str:
    single.sql("CREATE DATABASE objstore")
    upgrade(single.url("objstore"))
    return single.url("objstore")


@pytest.fixture
async def raw(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(database_url, server_settings={"synchronous_commit": "local"})
    yield connection
    await connection.close()


async def standby(raw: "asyncpg.Connection[asyncpg.Record]", statement: str) -> None:
    """The setting holds for whoever commits from now on."""
    await raw.execute(statement)
    await raw.execute("SELECT pg_reload_conf()")
    expected = "nobody" if statement == AWAY else ""
    while await raw.fetchval("SHOW synchronous_standby_names") != expected:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


@pytest.fixture
async def away(world: World, raw: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator[None]:
    await standby(raw, AWAY)
    yield
    await standby(raw, BACK)


async def backends_that_wait(raw: "asyncpg.Connection[asyncpg.Record]") -> list[int]:
    while not (found := await raw.fetch(WAITING)):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    return [record[0] for record in found]


@pytest.mark.parametrize("way", ["add", "commit"])
async def test_a_commit_that_is_late_is_not_said_to_be_done(
    world: World, away: None, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server commits by itself when the wait is cancelled, and everybody sees it."""
    monkeypatch.setattr(world.objects._database, "_seconds", 0.5)
    monkeypatch.setattr(database_module, "SETTLE_SECONDS_MAX", 0.5)
    with pytest.raises(DatabaseUnavailable):
        await getattr(world.objects, way)([world.write(b"late " + way.encode())])


@pytest.mark.parametrize("way", ["add", "commit"])
@pytest.mark.parametrize("function", ["pg_cancel_backend", "pg_terminate_backend"])
async def test_nor_one_whose_wait_an_operator_ended(
    world: World,
    away: None,
    raw: "asyncpg.Connection[asyncpg.Record]",
    way: str,
    function: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database_module, "SETTLE_SECONDS_MAX", 0.5)
    name = f"{function} {way}".encode()
    work = asyncio.ensure_future(getattr(world.objects, way)([world.write(name)]))
    for pid in await backends_that_wait(raw):
        await raw.execute(f"SELECT {function}({pid})")
    with pytest.raises(DatabaseUnavailable):
        await work
    assert await world.current(name) is not None  # but for all to see: that is why looking is not enough


async def test_when_the_standby_is_back_in_time_it_is_done(
    world: World, away: None, raw: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    work = asyncio.ensure_future(world.objects.commit([world.write(b"k")]))
    (pid,) = await backends_that_wait(raw)
    await raw.execute(f"SELECT pg_terminate_backend({pid})")
    await standby(raw, BACK)
    (outcome,) = await work
    assert isinstance(outcome, ObjectVersion)
    assert await world.current(b"k") == outcome


async def test_a_standby_is_no_primary(single: Single, database_url: str) -> None:
    """What it shows may be old: it is not read from."""
    replica = Single(single.data.with_name("1"), single.sockets.with_name("s1"))
    replica.copy(single)
    replica.start()
    try:
        with pytest.raises(DatabaseUnavailable):
            await Database.connect(replica.url("objstore"))
        database = await Database.connect(replica.url("objstore") + "&target_session_attrs=any")
        assert (await Objects(database).lookup([(1, b"none")])) == [None]
        await database.close()
    finally:
        replica.kill()

"""An ambiguous commit is resolved by looking: committed, aborted, still running, or unknown."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from objstore.meta import database as database_module
from objstore.meta.database import Database
from objstore.meta.objects import Objects
from objstore.model.errors import DatabaseUnavailable
from objstore.model.objects import Condition, ObjectVersion
from tests.meta.proxy import Cut, Line, Proxy
from tests.meta.world import World

NAME = "behind-proxy"
ABSENT = Condition(if_none_match_any=True)


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[Proxy]:
    with tempfile.TemporaryDirectory() as directory:
        async with Proxy(database_url, Path(directory)) as proxy:
            yield proxy


@pytest.fixture
async def behind(proxy: Proxy) -> AsyncIterator[Objects]:
    database = await Database.connect(proxy.url, pool_size=2, application_name=NAME)
    yield Objects(database)
    await database.close()


async def terminate(raw: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Kill the backends of the connections behind the proxy."""
    query = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE application_name = $1"
    assert await raw.fetch(query, NAME)


async def put_once(world: World, behind: Objects, proxy: Proxy, cut: Cut) -> ObjectVersion:
    """Put a key that must be absent: a second try after a success would be refused."""
    write = world.write(b"k", condition=ABSENT)
    done = asyncio.Event()

    async def cut_and_tell(line: Line) -> None:
        await cut(line)
        done.set()

    proxy.at_commit = cut_and_tell
    (outcome,) = await behind.commit([write])
    await done.wait()
    assert isinstance(outcome, ObjectVersion), outcome
    assert await world.current(b"k") == outcome
    await world.check_conservation()
    return outcome


async def test_committed(world: World, behind: Objects, proxy: Proxy) -> None:
    async def cut(line: Line) -> None:
        await line.deliver()
        line.hang_up()

    await put_once(world, behind, proxy, cut)


async def test_committed_then_backend_killed(world: World, behind: Objects, proxy: Proxy) -> None:
    async def cut(line: Line) -> None:
        await line.deliver()
        await terminate(world.raw)

    await put_once(world, behind, proxy, cut)


async def test_backend_killed_before_commit(world: World, behind: Objects, proxy: Proxy) -> None:
    async def cut(line: Line) -> None:
        await terminate(world.raw)

    await put_once(world, behind, proxy, cut)


async def test_line_cut_before_commit(world: World, behind: Objects, proxy: Proxy) -> None:
    async def cut(line: Line) -> None:
        line.hang_up()

    await put_once(world, behind, proxy, cut)


async def test_commit_arrives_late(world: World, behind: Objects, proxy: Proxy) -> None:
    """While the server still has the transaction in progress nobody guesses."""

    async def cut(line: Line) -> None:
        line.hang_up()
        await asyncio.sleep(0.3)
        await line.deliver()

    await put_once(world, behind, proxy, cut)


async def test_commit_does_not_arrive_in_time(
    world: World, behind: Objects, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "SETTLE_SECONDS_MAX", 0.2)
    over, delivered = asyncio.Event(), asyncio.Event()

    async def cut(line: Line) -> None:
        line.hang_up()
        await over.wait()
        await line.deliver()
        delivered.set()

    proxy.at_commit = cut
    with pytest.raises(DatabaseUnavailable):
        await behind.commit([world.write(b"k")])
    over.set()
    await delivered.wait()
    assert await world.current(b"k") is not None  # it was not for us to say that it had failed


async def test_a_commit_whose_answer_is_late_is_looked_up(
    world: World, behind: Objects, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line is still there, but nothing comes over it; the transaction was carried out, so success it is."""
    monkeypatch.setattr(behind._database, "_seconds", 0.3)

    async def say_nothing(line: Line) -> None:
        await line.deliver()
        await asyncio.sleep(5)

    proxy.at_commit = say_nothing
    (outcome,) = await behind.commit([world.write(b"k")])
    assert proxy.at_commit is None
    assert isinstance(outcome, ObjectVersion), outcome
    assert await world.current(b"k") == outcome
    await world.check_conservation()


async def test_twice_is_given_up(world: World, behind: Objects, proxy: Proxy) -> None:
    async def cut(line: Line) -> None:
        line.hang_up()
        proxy.at_commit = cut

    proxy.at_commit = cut
    with pytest.raises(DatabaseUnavailable):
        await behind.commit([world.write(b"k")])
    assert await world.current(b"k") is None


async def test_idle_connections_that_died(world: World, behind: Objects) -> None:
    await behind.lookup([(world.bucket.id, b"k")])
    for _ in range(3):
        await terminate(world.raw)
        await behind.lookup([(world.bucket.id, b"k")])
        await terminate(world.raw)
        (outcome,) = await behind.commit([world.write(b"k")])
        assert isinstance(outcome, ObjectVersion)
    await world.check_conservation()

"""The engine on a real store: what is due is done, once, and nothing else."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from objstore.lifecycle import engine as engine_module
from objstore.lifecycle.engine import Engine, EngineSettings
from objstore.model.lifecycle import Expiration, Filter, Rule, Transition
from objstore.model.requests import ListRequest
from objstore.work import failpoint
from tests.lifecycle.world import World

EXPIRE = Rule("e", True, Filter("logs/"), Expiration(days=3))
DEMOTE = Rule("t", True, transitions=(Transition("GLACIER_IR", days=3),))


async def test_expiration(world: World) -> None:
    await world.put(b"logs/old", b"other", days=5)
    await world.put(b"logs/new", days=1)
    await world.rules(EXPIRE)
    await world.settle()
    assert await world.keys() == {b"logs/new": "STANDARD", b"other": "STANDARD"}
    figures = (await world.figures())["e", "delete"]
    assert (figures.objects, figures.bytes, figures.errors) == (1, 200_000, 0)
    assert figures.lag_milliseconds > 0
    assert await world.tasks() == 0


async def test_transition(world: World) -> None:
    await world.put(b"old", b"older", days=5)
    await world.put(b"small", days=5, size=1000)
    await world.put(b"new", days=1)
    await world.rules(DEMOTE)
    await world.settle()
    assert await world.keys() == {
        b"old": "GLACIER_IR", b"older": "GLACIER_IR", b"small": "STANDARD", b"new": "STANDARD",
    }  # fmt: skip
    assert await world.tiers() == {b"old": 1, b"older": 1, b"small": 0, b"new": 0}
    assert (await world.figures())["t", "transition:GLACIER_IR"].objects == 2


async def test_several_hops_and_a_class_of_the_same_tier(world: World) -> None:
    hops = (Transition("STANDARD_IA", days=3), Transition("GLACIER_IR", days=6))
    await world.put(b"k", days=4)
    await world.rules(Rule("t", True, transitions=hops))
    await world.settle()
    assert await world.keys() == {b"k": "STANDARD_IA"}
    extents = (await world.place.store.get(world.bucket, b"k")).extents
    await world.age("object", 8, b"k")
    await world.settle()
    assert await world.keys() == {b"k": "GLACIER_IR"}
    assert (await world.place.store.get(world.bucket, b"k")).extents == extents


async def test_tags_and_sizes(world: World) -> None:
    await world.put(b"tagged", b"plain", days=5)
    await world.put(b"large", days=5, size=400_000)
    await world.raw.execute('UPDATE object SET tags = \'{"a": "b", "c": "d"}\' WHERE key = \'tagged\'::bytea')
    await world.rules(
        Rule("tag", True, Filter(tags=(("a", "b"),)), Expiration(days=1)),
        Rule("size", True, Filter(larger_than=300_000, smaller_than=500_000), Expiration(days=1)),
    )
    await world.settle()
    assert await world.keys() == {b"plain": "STANDARD"}


async def test_a_date(world: World) -> None:
    await world.put(b"k", b"l")
    tomorrow, yesterday = (datetime.now(UTC) + timedelta(days=days) for days in (1, -1))
    await world.rules(Rule("d", True, Filter("k"), Expiration(date=tomorrow)))
    await world.settle()
    assert set(await world.keys()) == {b"k", b"l"}
    await world.rules(Rule("d", True, Filter("k"), Expiration(date=yesterday)))
    await world.settle()
    assert set(await world.keys()) == {b"l"}
    await world.put(b"k2")  # written after the date: due at once
    await world.settle()
    assert set(await world.keys()) == {b"l"}


async def test_a_changed_rule_begins_anew(world: World) -> None:
    await world.put(b"a", b"b", days=5)
    await world.rules(Rule("r", True, Filter("x"), Expiration(days=1)))
    await world.settle()
    await world.rules(Rule("r", True, Filter("a"), Expiration(days=1)))
    await world.settle()
    assert set(await world.keys()) == {b"b"}


async def test_rules_that_are_gone(world: World) -> None:
    await world.put(b"a", days=5)
    await world.rules(EXPIRE, DEMOTE)
    await world.engine.sync()
    await world.place.store.set_setting(world.bucket, "lifecycle", None)
    await world.settle()
    assert set(await world.keys()) == {b"a"}
    left = "SELECT rule FROM walk WHERE rule <> '' AND bucket_id = $1"
    assert await world.raw.fetch(left, await world.bucket_id()) == []


async def test_a_task_is_decided_anew(world: World) -> None:
    """Overwritten, or the rule changed, after the walk: nothing happens."""
    await world.put(b"logs/a", b"logs/b", days=5)
    await world.rules(EXPIRE)
    await world.engine.sync()
    assert await world.walk_once() == 2
    await world.put(b"logs/a")
    await world.settle()
    assert set(await world.keys()) == {b"logs/a"}
    await world.age("object", 5, b"logs/a")
    await world.engine.sync()
    await world.raw.execute("UPDATE walk SET next_run = now(), time = NULL, key = '', seq = 0")
    assert await world.walk_once() == 1
    await world.rules(Rule("e", False, Filter("logs/"), Expiration(days=3)))
    await world.settle()
    assert set(await world.keys()) == {b"logs/a"}


async def test_abort_uploads(world: World) -> None:
    store = world.place.store
    for key in (b"old", b"new", b"x"):
        await store.create_upload(world.bucket, key)
    await world.age("upload", 5, b"old", b"x", column="created")
    await world.rules(Rule("a", True, Filter("o"), abort_days=3))
    await world.settle()
    uploads = (await store.list_uploads(world.bucket, b"", b"", b"", None, 10)).uploads
    assert [upload.key for upload in uploads] == [b"new", b"x"]
    assert (await world.figures())["a", "abort"].objects == 1


async def test_many_pages_and_a_bounded_backlog(world: World) -> None:
    keys = [b"logs/%04d" % i for i in range(150)]
    await world.put(*keys, days=5, size=10)
    await world.rules(EXPIRE)
    engine = world.engine
    world.engine = Engine(
        world.place.store, world.place.database, None, EngineSettings(interval_seconds=0, backlog_max=20)
    )
    world.engine._walks._backlog_max = 20
    await world.engine.sync()
    for _ in range(10):
        await world.raw.execute("UPDATE walk SET next_run = now()")
        await world.engine._walks.step(world.engine._query, 10)
        assert await world.tasks() <= 20 + 10
    world.engine = engine
    for _ in range(4):
        await world.settle()
    assert await world.keys() == {}
    assert (await world.figures())["e", "delete"].objects == 150


async def test_each_effect_once_with_many_workers(world: World) -> None:
    keys = [b"logs/%04d" % i for i in range(120)]
    await world.put(*keys, days=5, size=10)
    await world.put(*keys[::10], days=5)
    await world.put(*[b"cold/%d" % i for i in range(20)], days=5)
    await world.rules(EXPIRE, DEMOTE)
    engines = [
        Engine(world.place.store, world.place.database, None, EngineSettings(interval_seconds=0, lease_seconds=lease))
        for lease in (300.0, 0.0, 0.05, 300.0)
    ]

    async def run(engine: Engine) -> None:
        for _ in range(12):
            await engine.sync()
            await engine.walk()
            await engine.work()

    await asyncio.gather(*(run(engine) for engine in engines))
    await world.settle()
    assert set((await world.keys()).values()) == {"GLACIER_IR"}
    figures = await world.figures()
    assert figures["e", "delete"].objects == 120
    assert figures["t", "transition:GLACIER_IR"].objects == 20


async def test_what_takes_longer_than_its_lease_keeps_it(world: World) -> None:
    await world.put(b"k", days=5)
    await world.rules(DEMOTE)
    engine = Engine(world.place.store, world.place.database, None, EngineSettings(lease_seconds=0.3))
    await engine.sync()
    await engine.walk()
    renewed: list[datetime] = []

    async def wait() -> None:
        """For two renewals: by then the first lease would be over."""
        failpoint.disarm()
        while len(renewed) < 3:
            ready = await world.raw.fetchval("SELECT ready FROM task")
            if not renewed or ready > renewed[-1]:
                renewed.append(ready)
            assert await world.engine.work() == 0  # nobody else gets it
            await asyncio.sleep(0.01)

    failpoint.arm("move.synced", wait)
    assert await engine.work() == 1
    assert len(renewed) == 3
    assert await world.keys() == {b"k": "GLACIER_IR"}
    assert (await world.figures())["t", "transition:GLACIER_IR"].objects == 1


async def test_walks_that_find_nothing_do_not_rest_before_their_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.put(*[b"%d" % i for i in range(5)], days=5, size=10)
    await world.rules(EXPIRE)
    monkeypatch.setattr(engine_module, "STEPS_AT_ONCE", 3)
    step = world.engine._walks.step
    monkeypatch.setattr(world.engine._walks, "step", lambda plan: step(plan, 1))
    await world.engine.sync()
    await world.raw.execute("DELETE FROM walk WHERE rule <> 'e' OR action <> 'expire'")
    assert (await world.engine.walk(), world.engine.behind) == (0, True)
    await world.raw.execute("UPDATE walk SET next_run = 'infinity'")
    assert (await world.engine.walk(), world.engine.behind) == (0, False)


async def test_a_failing_tier_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.put(b"k", days=5)
    await world.rules(DEMOTE)
    cold = [drive for drive in world.place.drives if drive.tier == "capacity"]
    shards = [(drive, drive._root) for drive in cold]
    await world.place.store.context.pool.close()
    for drive in cold:
        drive._root = "/nowhere"
    await world.engine.sync()
    await world.walk_once()
    assert await world.engine.work() == 1
    assert await world.keys() == {b"k": "STANDARD"}
    figures = (await world.figures())["t", "transition:GLACIER_IR"]
    assert (figures.objects, figures.errors) == (0, 1)
    assert figures.last_error
    for drive, root in shards:
        drive._root = root
        drive.health.__init__()  # type: ignore[misc]
    await world.raw.execute("UPDATE task SET ready = now()")
    await world.settle()
    assert await world.keys() == {b"k": "GLACIER_IR"}


async def test_listing_shows_the_class(world: World) -> None:
    await world.put(b"k", days=5)
    await world.rules(DEMOTE)
    await world.settle()
    (version,) = (await world.place.store.list(ListRequest(world.bucket))).versions
    assert version.storage_class == "GLACIER_IR"

"""Rules on a tier or a prefix as a whole: the fill level, the steps of checkpoints."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from objstore.lifecycle.forecast import expect
from objstore.lifecycle.pins import put_pin
from objstore.lifecycle.plan import Plan
from objstore.meta import groups
from objstore.model import clock, days
from objstore.model.extended_rules import ExtendedRule, KeepLast, TierFull
from objstore.model.lifecycle import Filter
from tests.lifecycle.test_access import last_access
from tests.lifecycle.world import World

SIZE = 200_000
RAW = SIZE * 6 // 4  # with parity
FULL = ExtendedRule("full", True, tier_full=TierFull(80, 50), storage_class="GLACIER_IR")


async def fill(world: World, capacity: int, used: int) -> None:
    """As if the one hot drive that there is had been measured so."""
    await world.raw.execute(
        "INSERT INTO drive (id, tier, node, address, zone, rack, state, capacity_bytes, free_bytes)"
        " VALUES ('full', 'hot', '', '', '', '', 0, $1, $2)"
        " ON CONFLICT (id) DO UPDATE SET capacity_bytes = $1, free_bytes = $2",
        capacity, capacity - used,
    )  # fmt: skip


@pytest.fixture
async def ten(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Ten objects on a tier that they fill; ``k0`` is the coldest."""
    monkeypatch.setattr(groups, "CONFIRM", timedelta())
    await world.raw.execute("DELETE FROM garbage; DELETE FROM usage; DELETE FROM drive WHERE tier = 'hot'")
    await world.raw.execute("UPDATE bucket SET settings = '{}'")  # other tests' buckets have such rules too
    keys = [b"k%d" % i for i in range(10)]
    await world.put(*keys)
    for i, key in enumerate(keys):
        await last_access(world, 20 - i, key)
    await world.raw.execute("UPDATE usage SET accessed = $1", days.day_of(clock.now()) - 11)
    await world.rules(extended=(FULL,))
    await world.engine.sync()
    yield world
    await world.raw.execute("DELETE FROM drive WHERE id = 'full'; DELETE FROM pin")


async def demoted(world: World) -> set[bytes]:
    return {key for key, tier in (await world.tiers()).items() if tier}


async def test_a_full_tier_sheds_its_coldest_until_low(ten: World) -> None:
    await fill(ten, 10 * RAW, 9 * RAW)
    await ten.settle()
    assert await demoted(ten) == {b"k0", b"k1", b"k2", b"k3"}
    # Their bytes are garbage that is still on the drives: that is no reason to go on.
    await ten.settle()
    assert len(await demoted(ten)) == 4
    assert (await ten.figures())["full", "transition:GLACIER_IR"].objects == 4


async def test_between_low_and_high_nothing_goes(ten: World) -> None:
    await fill(ten, 10 * RAW, 7 * RAW)
    await ten.settle()
    assert await demoted(ten) == set()


async def test_what_is_queued_counts(ten: World) -> None:
    await fill(ten, 10 * RAW, 9 * RAW)
    assert await ten.walk_once() == 4
    await ten.raw.execute("UPDATE walk SET next_run = now()")
    assert await ten.walk_once() == 0
    assert await ten.tasks() == 4


async def test_a_tier_that_has_room_again_keeps_what_is_queued(ten: World) -> None:
    await fill(ten, 10 * RAW, 9 * RAW)
    assert await ten.walk_once() == 4
    await fill(ten, 10 * RAW, 4 * RAW)
    await ten.settle()
    assert await demoted(ten) == set()
    assert await ten.tasks() == 0


async def test_a_filter_does_not_stop_it(ten: World) -> None:
    """The coldest are not the rule's: it goes on to those that are."""
    await ten.rules(extended=(ExtendedRule("full", True, Filter("k9"), tier_full=TierFull(80, 50),
                                           storage_class="GLACIER_IR"),))  # fmt: skip
    await fill(ten, 10 * RAW, 9 * RAW)
    await ten.settle()
    assert await demoted(ten) == {b"k9"}


async def test_it_has_to_be_full_for_a_while(ten: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "CONFIRM", timedelta(hours=1))
    await fill(ten, 10 * RAW, 9 * RAW)
    await ten.settle()
    assert await demoted(ten) == set()


async def test_old_versions_fill_a_tier_just_as_well(ten: World) -> None:
    """The coldest of all go, whether they are current or not; with ``Versions`` only those that are asked for."""
    await ten.versioning("Enabled")
    old = [b"k%d" % i for i in range(5, 10)]
    await ten.put(*old)
    today = days.day_of(clock.now())
    for i, key in enumerate(old):
        await ten.raw.execute("UPDATE version SET accessed = $1 WHERE key = $2 AND noncurrent_since IS NOT NULL",
                              today - 30 + i, key)  # fmt: skip
    await ten.raw.execute("DELETE FROM usage")
    for table, noncurrent in (("object", False), ("version WHERE noncurrent_since IS NOT NULL", True)):
        await ten.raw.execute(
            "INSERT INTO usage (bucket_id, prefix, tier, storage_class, noncurrent, accessed, objects, bytes) SELECT "
            f"bucket_id, '', tier, storage_class, {noncurrent}, accessed, count(*), sum(size) FROM {table} "
            "GROUP BY bucket_id, tier, storage_class, accessed"
        )
    await fill(ten, 16 * RAW, 15 * RAW)
    only = ExtendedRule("full", True, tier_full=TierFull(80, 50), storage_class="GLACIER_IR", versions="Current")
    plan = Plan(extended=(FULL,), versioning="Enabled")
    both = await expect(ten.place.database, await ten.bucket_id(), plan, clock.now(), 1)
    assert [one.action.of for one in both] == ["current", "noncurrent"]
    assert 6.9 * SIZE < sum(one.forecast.by_day[0].bytes for one in both) < 7.1 * SIZE
    await ten.settle()
    gone = await ten.raw.fetchval("SELECT count(*) FROM version WHERE noncurrent_since IS NOT NULL AND tier = 1")
    assert (gone, await demoted(ten)) == (5, {b"k0", b"k1"})
    await ten.raw.execute("UPDATE version SET tier = 0, storage_class = 0 WHERE tier = 1")
    await ten.rules(extended=(only,))
    await fill(ten, 16 * RAW, 15 * RAW)
    await ten.settle()
    assert await ten.raw.fetchval("SELECT count(*) FROM version WHERE tier = 1") == 0


def steps(**parts: Any) -> ExtendedRule:
    given = {"keep_last": KeepLast(2, 3), "storage_class": "GLACIER_IR", **parts}
    return ExtendedRule("steps", True, Filter("ckpt/"), **given)


async def checkpoints(world: World, *numbers: int) -> None:
    await world.put(*[b"ckpt/step-%d/%s" % (n, part) for n in numbers for part in (b"a", b"b/c")], size=1000)


async def cold_steps(world: World) -> set[int]:
    return {int(key.split(b"/")[1][5:]) for key in await demoted(world)}


async def test_checkpoints(world: World) -> None:
    """The last two of seven stay, and the first, the fourth, the seventh."""
    await checkpoints(world, 1, 2, 3, 8, 9, 10, 11)
    await world.put(b"other/step-2/a", b"ckpu")
    await world.rules(extended=(steps(),))
    await world.settle()
    assert await cold_steps(world) == {2, 3, 9}
    assert len(await demoted(world)) == 6
    assert {key for key, name in (await world.keys()).items() if name != "STANDARD"} == await demoted(world)


async def test_later_checkpoints_push_others_out(world: World) -> None:
    await checkpoints(world, 1, 2, 3)
    await world.rules(extended=(steps(keep_last=KeepLast(2)),))
    await world.settle()
    assert await cold_steps(world) == {1}
    await checkpoints(world, 4, 10)
    world.engine._actor._groups._steps.clear()  # what it knows is a few seconds old at most
    await world.settle()
    assert await cold_steps(world) == {1, 2, 3}


async def test_files_as_steps_expire(world: World) -> None:
    await world.put(*[b"ckpt/%d.pt" % n for n in (9, 10, 100)], size=1000)
    await world.rules(extended=(steps(keep_last=KeepLast(1), storage_class=None, expire=True),))
    await world.settle()
    assert set(await world.keys()) == {b"ckpt/100.pt"}


async def test_a_pass_takes_a_page_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "RANGES_AT_ONCE", 2)
    await checkpoints(world, *range(7))
    await world.rules(extended=(steps(keep_last=KeepLast(1)),))
    await world.engine.sync()
    assert await world.walk_once() == 12
    await world.settle()
    assert await cold_steps(world) == set(range(6))


async def test_a_step_that_is_the_last_again_stays(world: World) -> None:
    """Steps after it were deleted between the walk and the act."""
    await checkpoints(world, 1, 2)
    await world.rules(extended=(steps(keep_last=KeepLast(1)),))
    await world.engine.sync()
    assert await world.walk_once() == 2
    await world.place.delete(world.bucket, b"ckpt/step-2/a")
    await world.place.delete(world.bucket, b"ckpt/step-2/b/c")
    await world.settle()
    assert await demoted(world) == set()


async def test_a_pinned_object_does_not_leave_a_full_tier(ten: World) -> None:
    until = clock.now() + timedelta(days=1)
    await put_pin(ten.place.database, await ten.bucket_id(), b"k1", until, 0)
    await fill(ten, 10 * RAW, 9 * RAW)
    await ten.settle()
    assert await demoted(ten) == {b"k0", b"k2", b"k3", b"k4"}

"""Warm-up jobs and pins: what is below a prefix comes to the hot tier, and stays there for a time."""

from datetime import timedelta

import pytest

from objstore.lifecycle.pins import cancel_pin, list_pins, put_pin
from objstore.lifecycle.warm import cancel_warming, list_warming, start_warming, warming
from objstore.model import clock
from objstore.model.errors import InvalidObjectState
from objstore.model.lifecycle import Rule, Transition
from tests.lifecycle.world import World

SIZE = 200_000
DEMOTE = Rule("t", True, transitions=(Transition("GLACIER_IR", days=3),))


async def settle(world: World) -> None:
    """As ``World.settle``, with warm-ups and pins."""
    for _ in range(50):
        await world.raw.execute("UPDATE warm SET next_run = now() WHERE finished IS NULL")
        ended = await world.engine.expire_pins()
        found = await world.engine.warm()
        await world.settle()
        if not found and not ended:
            return
    raise AssertionError("warming does not come to rest")


@pytest.fixture(autouse=True)
async def nothing_warm(world: World) -> None:
    await world.raw.execute("DELETE FROM warm; DELETE FROM pin")


async def test_a_warm_up(world: World) -> None:
    await world.put(b"p/a", b"p/b", b"q/c", storage_class="GLACIER_IR")
    await world.put(b"p/hot")
    job = await start_warming(world.place.database, await world.bucket_id(), b"p/")
    await settle(world)
    assert await world.tiers() == {b"p/a": 0, b"p/b": 0, b"p/hot": 0, b"q/c": 1}
    assert await world.keys() == {b"p/a": "STANDARD", b"p/b": "STANDARD", b"p/hot": "STANDARD", b"q/c": "GLACIER_IR"}
    status = await warming(world.place.database, job)
    assert status is not None
    assert (status.state, status.complete, status.objects, status.bytes) == ("done", True, 2, 2 * SIZE)
    assert (status.found_objects, status.found_bytes, status.remaining) == (2, 2 * SIZE, timedelta())
    assert status.finished is not None
    assert [one.id for one in await list_warming(world.place.database, await world.bucket_id())] == [job]


async def test_progress_and_an_estimate(world: World) -> None:
    await world.put(*[b"p/%d" % i for i in range(4)], storage_class="STANDARD_IA")
    job = await start_warming(world.place.database, await world.bucket_id(), b"p/")
    assert await world.engine.warm() == 4
    await world.raw.execute("UPDATE warm SET objects = 1, bytes = $1, created = created - interval '10 s'", SIZE)
    status = await warming(world.place.database, job)
    assert status is not None
    assert status.remaining is not None
    assert (status.state, status.objects, status.found_objects) == ("running", 1, 4)
    assert timedelta(seconds=30) <= status.remaining < timedelta(seconds=90)


async def test_archived_objects_get_a_copy(world: World) -> None:
    await world.put(b"p/a", storage_class="GLACIER")
    version = await world.place.store.get(world.bucket, b"p/a")
    with pytest.raises(InvalidObjectState):
        await world.place.read(version)
    await start_warming(world.place.database, await world.bucket_id(), b"p/", days=2)
    await settle(world)
    assert await world.keys() == {b"p/a": "GLACIER"}  # reads it


async def test_cancelled(world: World) -> None:
    await world.put(b"p/a", storage_class="STANDARD_IA")
    job = await start_warming(world.place.database, await world.bucket_id(), b"")
    assert await world.engine.warm() == 1
    assert await cancel_warming(world.place.database, job)
    assert not await cancel_warming(world.place.database, job)
    await settle(world)
    assert await world.tiers() == {b"p/a": 1}
    assert await world.tasks() == 0
    status = await warming(world.place.database, job)
    assert status is not None
    assert status.state == "cancelled"


async def test_a_job_goes_on_where_it_was(world: World) -> None:
    await world.put(*[b"p/%d" % i for i in range(5)], storage_class="STANDARD_IA")
    await start_warming(world.place.database, await world.bucket_id(), b"p/")
    jobs = world.engine._jobs
    assert await jobs.step(0.0, limit=2) == 2
    assert await jobs.step(0.0, limit=2) == 2
    await settle(world)
    assert set((await world.tiers()).values()) == {0}
    (status,) = await list_warming(world.place.database, await world.bucket_id())
    assert (status.objects, status.found_objects, status.state) == (5, 5, "done")


async def test_a_pin_holds_back_until_its_time(world: World) -> None:
    await world.put(b"p/a", b"q/b", days=5)
    bucket_id = await world.bucket_id()
    await put_pin(world.place.database, bucket_id, b"p/", clock.now() + timedelta(days=1), 10**9)
    await world.rules(DEMOTE)
    await settle(world)
    assert await world.tiers() == {b"p/a": 0, b"q/b": 1}
    assert await world.tasks() == 0
    await world.raw.execute("UPDATE pin SET until = now() - interval '1 s'")
    await settle(world)
    assert await world.tiers() == {b"p/a": 1, b"q/b": 1}
    assert await list_pins(world.place.database, bucket_id) == []


async def test_a_pin_that_is_taken_away(world: World) -> None:
    await world.put(b"p/a", days=5)
    bucket_id = await world.bucket_id()
    await put_pin(world.place.database, bucket_id, b"p/", clock.now() + timedelta(days=1), 0)
    await world.rules(DEMOTE)
    await settle(world)
    assert [pin.prefix for pin in await list_pins(world.place.database, bucket_id)] == [b"p/"]
    assert await cancel_pin(world.place.database, bucket_id, b"p/")
    assert not await cancel_pin(world.place.database, bucket_id, b"p/")
    await settle(world)
    assert await world.tiers() == {b"p/a": 1}


async def test_a_pin_promotes_up_to_its_budget(world: World) -> None:
    await world.put(*[b"p/%d" % i for i in range(4)], storage_class="STANDARD_IA")
    bucket_id = await world.bucket_id()
    await put_pin(world.place.database, bucket_id, b"p/", clock.now() + timedelta(days=1), 2 * SIZE + 1)
    await settle(world)
    assert await world.tiers() == {b"p/0": 0, b"p/1": 0, b"p/2": 1, b"p/3": 1}


async def test_bad_arguments(world: World) -> None:
    bucket_id = await world.bucket_id()
    with pytest.raises(ValueError, match="a time to come"):
        await put_pin(world.place.database, bucket_id, b"", clock.now() - timedelta(seconds=1), 1)
    with pytest.raises(ValueError, match="days"):
        await start_warming(world.place.database, bucket_id, b"", days=0)
    assert await warming(world.place.database, "no hex") is None


async def test_what_came_back_goes_again_when_it_is_not_used(world: World) -> None:
    """A rule by age has passed it long ago: it is as if the age began with the last use."""
    await world.put(b"p/a", b"p/b", days=5)
    await world.rules(DEMOTE)
    await settle(world)
    assert set((await world.tiers()).values()) == {1}
    await start_warming(world.place.database, await world.bucket_id(), b"p/")
    await settle(world)
    assert set((await world.tiers()).values()) == {0}
    await world.raw.execute("UPDATE object SET accessed = accessed - 4 WHERE key = 'p/a'")
    await settle(world)
    assert await world.keys() == {b"p/a": "GLACIER_IR", b"p/b": "STANDARD"}


async def test_a_pin_holds_what_comes_after_it(world: World) -> None:
    """Pinned all the time: what becomes due later stays, and so does what is put below it."""
    await world.rules(DEMOTE)
    await put_pin(world.place.database, await world.bucket_id(), b"p/", clock.now() + timedelta(hours=1), 10**9)
    await settle(world)
    await world.put(b"p/a", b"q/a", days=5)
    await settle(world)
    assert await world.keys() == {b"p/a": "STANDARD", b"q/a": "GLACIER_IR"}
    await world.age("object", 9, b"p/a")
    await settle(world)
    assert await world.tiers() == {b"p/a": 0, b"q/a": 1}
    assert await cancel_pin(world.place.database, await world.bucket_id(), b"p/")
    await settle(world)
    assert await world.tiers() == {b"p/a": 1, b"q/a": 1}


async def test_a_pin_fetches_what_is_put_cold_later(world: World) -> None:
    """As long as there is some of its budget left, and without counting twice what it has fetched before."""
    bucket_id = await world.bucket_id()
    await world.put(b"p/a", storage_class="GLACIER_IR")
    await put_pin(world.place.database, bucket_id, b"p/", clock.now() + timedelta(days=1), 2 * SIZE)
    await settle(world)
    await world.put(b"p/b", b"p/c", storage_class="GLACIER_IR")
    await settle(world)
    assert await world.tiers() == {b"p/a": 0, b"p/b": 1, b"p/c": 1}
    world.engine._every_bucket_at = 0.0
    await world.engine.sync()
    await settle(world)
    assert await world.tiers() == {b"p/a": 0, b"p/b": 1, b"p/c": 1}  # it has only just looked
    await world.raw.execute("UPDATE warm SET finished = now() - interval '2 h'")
    world.engine._every_bucket_at = 0.0
    await world.engine.sync()
    await settle(world)
    assert await world.tiers() == {b"p/a": 0, b"p/b": 0, b"p/c": 1}
    (job,) = await list_warming(world.place.database, bucket_id)
    assert (job.state, job.objects, job.found_bytes) == ("done", 2, 2 * SIZE)

"""A worker is killed at every step: the object is whole in one place, and the next worker does it, once."""

import asyncio
import sys
from pathlib import Path

import pytest

from objstore.model.lifecycle import Expiration, Filter, Rule, Transition
from tests.lifecycle.victim import DEAD
from tests.lifecycle.world import World
from tests.store.test_moves import reclaim

STEPS = [
    *("move.read", "move.synced", "move.verified", "move.swap", "effect.done", "effect.finished", "effect.committed"),
    "move.done",
]
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", STEPS)
async def test_killed_while_moving(world: World, name: str) -> None:
    await world.put(b"large", days=5, size=700_001)
    await world.put(b"small", days=5, size=3000)
    rule = Rule("t", True, Filter(larger_than=1), transitions=(Transition("GLACIER_IR", days=3),))
    await world.rules(rule)
    await die_at(world, name)
    keys = await world.keys()  # reads all, too
    assert len(set(keys.values())) == 1
    await recover(world)
    assert await world.keys() == {b"large": "GLACIER_IR", b"small": "GLACIER_IR"}
    assert (await world.figures())["t", "transition:GLACIER_IR"].objects == 2
    await reclaim(world.place)
    assert await world.keys() == {b"large": "GLACIER_IR", b"small": "GLACIER_IR"}


@pytest.mark.parametrize("name", ["effect.finished", "effect.committed"])
async def test_killed_while_deleting(world: World, name: str) -> None:
    await world.put(b"a", b"b", days=5)
    await world.rules(Rule("e", True, expiration=Expiration(days=3)))
    await die_at(world, name)
    assert set(await world.keys()) == (set() if name == "effect.committed" else {b"a", b"b"})
    await recover(world)
    assert await world.keys() == {}
    assert (await world.figures())["e", "delete"].objects == 2


async def die_at(world: World, name: str) -> None:
    """Another process does what is due, and dies."""
    place = world.place
    command = [sys.executable, "-m", "tests.lifecycle.victim", str(place.root), place.url, name]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
    assert await process.wait() == DEAD


async def recover(world: World) -> None:
    """Its lease and its heartbeat run out; another worker goes on."""
    await world.raw.execute("UPDATE task SET ready = now()")
    await world.raw.execute("UPDATE writer SET heartbeat = now() - interval '1 hour' WHERE id <> $1",
                            world.place.store.context.pool.writer_id)  # fmt: skip
    await world.place.store.context.volumes.seal_orphans(60.0)
    await world.settle()
    assert await world.tasks() == 0

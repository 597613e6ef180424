"""A healer is killed at every step: nothing is lost, nothing is left over, and the next one finishes."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from objstore.model.states import DriveState
from tests.repair.victim import DEAD
from tests.repair.world import World

STEPS = ["heal.taken", "heal.planned", "heal.noted", "heal.created", "heal.built", "heal.verified", "heal.swap",
         "heal.swapped", "sweep.deleted"]  # fmt: skip
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", STEPS)
async def test_killed_while_healing(world: World, raw: Any, name: str) -> None:
    await world.fill(3000, 200_000)
    lost, bad = (await world.holders(raw))[:2]
    for volume_id, column, drive, file in await world.shards(raw):
        if drive == bad.id:
            world.files()[drive, file].write_bytes(b"rot")
            await world.context.volumes.report_damage(volume_id, column, "a test")
    await world.set_state(lost, DriveState.GONE)
    assert await world.short() > 0
    command = [sys.executable, "-m", "tests.repair.victim", str(world.root), world.url, name]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT)
    assert await process.wait() == DEAD
    world.store.context.catalog.forget_all()
    await world.check()
    # Its leases run out, and what it was building is given up.
    await raw.execute("UPDATE repair SET ready = now(); UPDATE stray SET seen = now() - interval '1 day'")
    await world.settle()
    while await world.sweeper.step():
        pass
    for drive in world.drives:
        drive._files.clear()
    await world.assert_whole(raw)
    await world.check()
    assert await raw.fetchval("SELECT count(*) FROM stray") == 0

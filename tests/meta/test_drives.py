"""Drives."""

from dataclasses import replace

from objstore.meta.database import Database
from objstore.meta.drives import Drives
from objstore.model.states import DriveState
from objstore.model.volumes import Drive


async def test_drives(database: Database) -> None:
    drives = Drives(database)
    first = Drive("0" * 32, "hot", "node-a", "/mnt/0", "z1", "r1", DriveState.UP, 1000, 900)
    second = replace(first, id="1" * 32, tier="capacity", address="/mnt/1")
    for drive in (first, second):
        await drives.register(drive)
    assert await drives.list() == [second, first]

    assert await drives.set_state(first.id, DriveState.DRAINING)
    assert not await drives.set_state("f" * 32, DriveState.GONE)
    await drives.update_space(first.id, 2000, 5)
    # Known again somewhere else: it keeps its state.
    await drives.register(replace(first, address="/mnt/9", capacity_bytes=3000, free_bytes=7))
    assert await drives.list() == [
        second,
        replace(first, address="/mnt/9", state=DriveState.DRAINING, capacity_bytes=3000, free_bytes=7),
    ]

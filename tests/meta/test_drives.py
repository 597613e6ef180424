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
    # Known again somewhere else: it keeps its state.
    await drives.register(replace(first, address="/mnt/9", capacity_bytes=3000, free_bytes=7))
    assert await drives.list() == [
        second,
        replace(first, address="/mnt/9", state=DriveState.DRAINING, capacity_bytes=3000, free_bytes=7),
    ]


async def test_detection_yields_to_an_operator(database: Database) -> None:
    drives = Drives(database)
    drive = Drive("2" * 32, "hot", "node-b", "/mnt/2")
    await drives.register(drive)
    assert await drives.judge(drive.id, DriveState.UP, DriveState.SUSPECT, "late")
    assert not await drives.judge(drive.id, DriveState.UP, DriveState.GONE, "late")
    assert await drives.set_state(drive.id, DriveState.UP, "checked", held=True)
    assert not await drives.judge(drive.id, DriveState.UP, DriveState.SUSPECT, "late")
    assert await drives.set_state(drive.id, DriveState.UP, "", held=False)
    assert await drives.judge(drive.id, DriveState.UP, DriveState.SUSPECT, "late again")
    [found] = [standing for standing in await drives.standing() if standing.id == drive.id]
    assert (found.state, found.held, found.reason) == (DriveState.SUSPECT, False, "late again")


async def test_strikes_add_up(database: Database) -> None:
    drives = Drives(database)
    drive = Drive("3" * 32, "hot", "node-b", "/mnt/3")
    await drives.register(drive)
    await drives.strike({drive.id: 2.0})
    await drives.strike({drive.id: 3.0, "f" * 32: 1.0})
    [found] = [standing for standing in await drives.standing() if standing.id == drive.id]
    assert 4.5 < found.strikes <= 5
    assert found.silent_seconds >= 0
    await drives.judge(drive.id, DriveState.UP, DriveState.SUSPECT, "struck")
    assert [s.strikes for s in await drives.standing() if s.id == drive.id] == [0]

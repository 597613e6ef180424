"""Data-loss bugs of other stores, by what they did: none of it happens here."""

import os
from typing import Any

import pytest

from objstore.meta.strays import StrayReason
from objstore.model.states import DriveState
from tests.repair.world import World


async def test_drives_that_come_up_one_by_one(world: World, raw: Any) -> None:
    """B7: while most drives are not there yet, healers, fsck, sweepers and the compactor run. Nothing is purged."""
    await world.fill()
    before = set(world.files())
    drives = dict(world.context.drives)
    world.context.drives.clear()  # type: ignore[attr-defined]
    world.store.context.catalog.forget_all()
    for drive in world.drives:
        await world.set_state(drive, DriveState.SUSPECT)
    for drive in world.drives:
        await world.planner.step()
        await world.mender.step()
        await world.fsck.ensure()
        await raw.execute("UPDATE inspection SET next_run = now()")
        await world.fsck.step()
        await world.fsck.set_aside(0.0)
        await world.sweeper.step(0.0)
        await world.compact()
        world.context.drives[drive.id] = drives[drive.id]  # type: ignore[index]
        world.store.context.catalog.forget_all()
        await world.set_state(drive, DriveState.UP)
    assert before <= set(world.files())
    await world.settle()
    await world.assert_whole_swept(raw)
    assert await world.context.strays.list(list(StrayReason), 10) == []


async def test_each_drive_replaced_in_turn_with_all_data_demoted(world: World, raw: Any) -> None:
    """B8: everything lies on the capacity tier; each of its drives is exchanged for an empty one, one after another."""
    await world.fill(storage_class="STANDARD_IA")
    for old in [drive for drive in world.drives if drive.tier == "capacity"]:
        await world.lose(old)
        added = await world.add_drive("capacity")
        await world.settle()
        assert await world.short() == 0
        assert added.id in world.context.drives
        await world.check()
    await world.assert_whole_swept(raw)


async def test_reads_held_open_while_everything_moves(world: World, raw: Any) -> None:
    """B1: a GET that is under way reads on, whatever is compacted, drained and swept meanwhile; it deletes nothing."""
    await world.fill(700_001, count=3)
    readers = []
    for key, body in world.contents.items():
        version = await world.store.get(world.bucket, key)
        readers.append((await world.store.read(version, 0, version.size), body))
    drive = await world.holder(raw)
    await world.set_state(drive, DriveState.DRAINING)
    await world.settle()
    for reader, body in readers:
        assert b"".join([bytes(piece) async for piece in reader]) == body
    await world.assert_whole_swept(raw)


async def test_a_target_that_fails_leaves_the_source(world: World, raw: Any) -> None:
    """B4: shards leave a drive only when every new file was read back; a target that loses bytes is found out."""
    await world.fill(3000, 200_000)
    drive = await world.holder(raw)
    rows = await world.shards(raw)
    await world.set_state(drive, DriveState.DRAINING)
    healthy = {}
    for other in world.drives:
        healthy[other.id] = other.start_write

        def lying(*arguments: Any) -> None:
            """Says that it wrote."""
            arguments[-1](None, None)

        other.start_write = lying  # type: ignore[method-assign]
    await world.settle_failing()
    moved = [row for row in await world.shards(raw) if row not in rows]
    assert all(world.files()[row[2], row[3]].stat().st_size == 4096 for row in moved), "only what has no byte"
    for other in world.drives:
        other.start_write = healthy[other.id]  # type: ignore[method-assign]
    await world.check()
    await world.settle()
    await world.assert_whole_swept(raw)


async def test_a_file_whose_sync_failed_is_never_synced_again(
    world: World, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B10: the kernel drops the pages and says so once. What was being built is given up, and built again elsewhere."""
    await world.fill(3000, 200_000)
    await world.lose(await world.holder(raw))
    sync, failed, calls = os.fdatasync, set(), []

    def fails_once(fd: int) -> None:
        name = os.readlink(f"/proc/self/fd/{fd}")
        calls.append(name)
        if len(failed) < 2 and name not in failed:
            failed.add(name)
            raise OSError(5, "Input/output error")
        sync(fd)

    monkeypatch.setattr(os, "fdatasync", fails_once)
    for _ in range(20):
        await world.planner.step()
        if not await world.mender.step():
            break
        for drive in world.drives:
            drive.health._suspect_until = 0.0
    assert len(failed) == 2
    assert all(calls.count(name) == 1 for name in failed)
    await world.assert_whole_swept(raw)
    assert not failed & {str(path) for path in world.files().values()}

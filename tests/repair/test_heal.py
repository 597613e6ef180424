"""Heal: whatever up to m drives are lost, everything reads back and is whole again; stale drives change nothing."""

import asyncio
import itertools
from random import Random
from typing import Any

from objstore.meta.repairs import RepairKind
from objstore.meta.strays import StrayReason
from objstore.model.errors import TooManyLost
from objstore.model.states import DriveState
from tests.repair.world import World
from tests.store.place import HOT


async def test_nothing_to_do(world: World, raw: Any) -> None:
    await world.fill()
    assert await world.settle() == 0
    await world.assert_whole(raw)


async def test_every_subset_of_lost_drives(world: World, raw: Any) -> None:
    """A small volume of 4+2: all 21 subsets of up to two drives are readable and heal; three are a clean refusal."""
    await world.fill(10, 65_536, 200_000)
    volume_id = (await world.shards(raw))[0][0]
    drives, everything = {drive.id: drive for drive in world.drives}, dict(world.context.drives)

    async def holders() -> list[str]:
        return [drive for volume, _, drive, _ in await world.shards(raw) if volume == volume_id]

    async def give_back(ids: list[str]) -> None:
        world.context.drives.update(everything)  # type: ignore[attr-defined]
        world.store.context.catalog.forget_all()
        for drive_id in ids:
            await world.set_state(drives[drive_id], DriveState.UP)

    for columns in [chosen for size in (1, 2) for chosen in itertools.combinations(range(HOT.n), size)]:
        now = await holders()
        lost = [now[column] for column in columns]
        for drive_id in lost:
            await world.lose(drives[drive_id])
        await world.check()
        assert await world.short() > 0
        await world.settle()
        assert await world.short() == 0
        assert not {drive for _, _, drive, _ in await world.shards(raw)} & set(lost)
        await world.check()
        await give_back(lost)  # nobody needs what is on them
        while await world.sweeper.step():
            pass
        await world.assert_whole(raw)
    lost = (await holders())[:3]
    for drive_id in lost:
        await world.lose(drives[drive_id])
    refused = 0
    for key in world.contents:
        try:
            assert await world.content(world.bucket, key) == world.contents[key]
        except TooManyLost:
            refused += 1
    assert refused
    await world.settle_failing()
    assert await world.short() > 0
    await give_back(lost)
    await world.check()


async def test_damage_is_mended_in_place(world: World, raw: Any) -> None:
    await world.fill()
    random = Random(5)
    rows = await world.shards(raw)
    volumes = sorted({volume for volume, *_ in rows})
    for volume_id in volumes:
        mine = [(column, drive, file) for volume, column, drive, file in rows if volume == volume_id]
        for column, drive, file in random.sample(mine, 2):
            world.flip(world.files()[drive, file], random)
            await world.context.volumes.report_damage(volume_id, column, "a test")
    assert await world.short() == len(volumes)
    await world.settle()
    after = await world.shards(raw)
    assert [row[:3] for row in after] == [row[:3] for row in rows], "only bytes were bad: the drives stay"
    assert await raw.fetchval("SELECT count(*) FROM shard WHERE generation = 1") == 2 * len(volumes)
    while await world.sweeper.step():
        pass
    await world.assert_whole(raw)
    await world.check()


async def test_a_false_alarm_is_forgotten(world: World, raw: Any) -> None:
    await world.fill(4000)
    rows = await world.shards(raw)
    await world.context.volumes.report_damage(rows[0][0], 0, "a reader was unlucky")
    await world.settle()
    assert await world.shards(raw) == rows
    await world.assert_whole(raw)


async def test_a_missing_file(world: World, raw: Any) -> None:
    await world.fill(4000, 200_000)
    for volume_id in {volume for volume, *_ in await world.shards(raw)}:
        [(drive, file)] = [row[2:] for row in await world.shards(raw) if row[:2] == (volume_id, 1)]
        world.files()[drive, file].unlink()
        await world.context.volumes.report_damage(volume_id, 1, "missing")
    for drive in world.drives:
        drive._files.clear()
    await world.settle()
    await world.assert_whole(raw)
    await world.check()


async def test_open_volumes_are_sealed_first(world: World, raw: Any) -> None:
    await world.put(world.bucket, b"open", b"content")
    world.contents[b"open"] = b"content"
    rows = await world.shards(raw)
    drive = next(drive for drive in world.drives if drive.id == rows[0][2])
    await world.lose(drive)
    await world.planner.step()
    assert await raw.fetchval("SELECT count(*) FROM volume WHERE state = 0 AND NOT seal_requested") == 0
    await world.seal()
    await world.settle()
    await world.assert_whole(raw)
    await world.check()


async def test_the_fewest_spare_come_first(world: World, raw: Any) -> None:
    for number in range(4):
        await world.fill(3000, seed=number)
    volumes = sorted({volume for volume, *_ in await world.shards(raw)})
    assert len(volumes) >= 4
    for number, volume_id in enumerate(volumes[:3]):
        for column in range((1, 3, 2)[number]):
            await world.context.volumes.report_damage(volume_id, column, "a test")
    await world.planner.step()
    taken = await world.context.repairs.take([RepairKind.HEAL], 10, 60.0)
    assert [(one.volume_id, one.spare) for one in taken] == [
        (volumes[1], HOT.m - 3), (volumes[2], HOT.m - 2), (volumes[0], HOT.m - 1),
    ]  # fmt: skip
    assert await world.context.repairs.take([RepairKind.HEAL], 10, 60.0) == []


async def test_several_workers_share_the_work(world: World, raw: Any) -> None:
    for number in range(8):
        await world.fill(3000, 200_000, seed=number)
    await world.lose(await world.holder(raw))
    await world.planner.step()
    waiting = await raw.fetchval("SELECT count(*) FROM repair")
    assert waiting > 3
    done = await asyncio.gather(*(_until_idle(world) for _ in range(4)))
    assert sum(done) == waiting
    assert sorted(done)[1] > 0, "one did it all"
    figures = await world.context.stats.figures()
    assert [(one.kind, one.volumes, one.failures) for one in figures] == [(RepairKind.HEAL, waiting, 0)]
    await world.assert_whole(raw)
    await world.check()


async def _until_idle(world: World) -> int:
    count = 0
    while await world.mender.step():
        count += 1
    return count


async def test_no_drive_to_spare(world: World, raw: Any) -> None:
    """It waits, and goes on when there is a drive: the queue keeps it."""
    await world.fill(3000)
    rows = await world.shards(raw)
    spare = [drive for drive in world.drives if drive.tier == "hot" and drive.id not in {row[2] for row in rows}]
    for drive in [*spare, next(drive for drive in world.drives if drive.id == rows[0][2])]:
        await world.lose(drive)
    await world.settle_failing()
    assert await world.short() == 1
    assert "no drive can take" in await raw.fetchval("SELECT last_error FROM repair")
    await world.add_drive("hot")
    await world.settle()
    await world.assert_whole(raw)


async def test_a_stale_generation_is_found_and_replaced(world: World, raw: Any) -> None:
    """B5: the file of an older generation stands where the newer one should be."""
    await world.fill(3000, 200_000)
    drive = await world.holder(raw)
    rows = [row for row in await world.shards(raw) if row[2] == drive.id]
    old = {row[:2]: world.files()[drive.id, row[3]].read_bytes() for row in rows}
    for volume_id, column, *_ in rows:
        path = world.files()[drive.id, volume_id]
        path.write_bytes(b"rot" * 2000)
        await world.context.volumes.report_damage(volume_id, column, "a test")
    await world.settle()
    for volume_id, column, drive_id, file in await world.shards(raw):
        if (volume_id, column) in old:
            assert drive_id == drive.id
            world.files()[drive_id, file].write_bytes(old[volume_id, column])
    drive._files.clear()
    await raw.execute("UPDATE inspection SET next_run = now()")
    await world.scrubber.ensure()
    await raw.execute("UPDATE inspection SET next_run = now()")
    while await world.scrubber.step():
        pass
    assert {tuple(row) for row in await raw.fetch("SELECT volume_id, column_index FROM damage")} == set(old)
    await world.settle()
    while await world.sweeper.step():
        pass
    await world.assert_whole(raw)
    await world.check()


async def test_a_repair_that_lost_its_lease_changes_nothing(world: World, raw: Any) -> None:
    await world.fill(3000)
    for drive in (await world.holders(raw))[:2]:
        await world.lose(drive)
    await world.planner.step()
    [held] = await world.context.repairs.take([RepairKind.HEAL], 1, 0.0)
    other = await world.context.repairs.take([RepairKind.HEAL], 1, 60.0)
    assert other
    before = await world.shards(raw)
    await world.mender._try(held)
    assert await world.shards(raw) == before
    assert await raw.fetchval("SELECT count(*) FROM stray WHERE reason = $1", StrayReason.BUILDING) == 0
    assert {file for _, file in world.files()} == {row[3] for row in before}
    await raw.execute("UPDATE repair SET ready = now()")
    await world.settle()
    await world.assert_whole(raw)


async def test_late_reports_about_the_old_place_are_not_believed(world: World, raw: Any) -> None:
    """A gateway that still knows the old place meets a file that is gone: that says nothing of the new one."""
    await world.fill(3000)
    old = [(await world.store.context.catalog.place(volume))[0] for volume in {r[0] for r in await world.shards(raw)}]
    drive = next(drive for drive in world.drives if drive.id == old[0].drive_ids[0])
    await world.set_state(drive, DriveState.DRAINING)
    await world.settle()
    for volume in old:
        await world.context.volumes.report_damage(volume.id, 0, "not found", volume)
    while await world.sweeper.step():
        pass
    await world.assert_whole(raw)

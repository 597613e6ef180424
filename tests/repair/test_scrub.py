"""Scrub: one pass finds every flip of every shard; its place survives; a drive that is away misses nothing."""

from random import Random
from typing import Any

from objstore.meta.inspections import InspectionKind
from objstore.work import failpoint
from tests.repair.world import World

NOW = "UPDATE inspection SET next_run = now(), lease_until = NULL"


async def scrub(world: World, raw: Any) -> int:
    await world.scrubber.ensure()
    await raw.execute(NOW)
    count = 0
    while looked := await world.scrubber.step():
        count += looked
    return count


async def test_a_pass_looks_at_every_byte(world: World, raw: Any) -> None:
    await world.fill()
    await world.fill(storage_class="STANDARD_IA")
    rows = await world.shards(raw)
    await scrub(world, raw)
    progress = await world.context.inspections.progress(InspectionKind.SCRUB)
    assert {one.drive_id for one in progress} == {drive.id for drive in world.drives}
    assert sum(one.last_shards for one in progress) == len(rows)
    assert sum(one.last_bytes for one in progress) >= sum(path.stat().st_size for path in world.files().values())
    assert sum(one.last_problems for one in progress) == 0
    assert all(one.last_finished for one in progress)
    assert await raw.fetchval("SELECT min(next_run - started) FROM inspection") is not None
    assert await world.scrubber.step() == 0, "the next pass is due in a period"
    await world.assert_whole(raw)


async def test_every_flip_is_found_and_mended(world: World, raw: Any) -> None:
    """In every shard file there is, in one pass; mended a column at a time where a volume has more than m."""
    await world.fill(3000, 65_536, 200_000, 700_001)
    random, flipped = Random(3), set()
    for volume_id, column, drive, file in await world.shards(raw):
        if column in {number % 6 for number in (volume_id[0], volume_id[0] + 3)}:
            world.flip(world.files()[drive, file], random)
            flipped.add((volume_id, column))
    assert len(flipped) > 3
    await scrub(world, raw)
    assert {tuple(row) for row in await raw.fetch("SELECT volume_id, column_index FROM damage")} == flipped
    progress = await world.context.inspections.progress(InspectionKind.SCRUB)
    assert sum(one.last_problems for one in progress) == len(flipped)
    await world.settle()
    while await world.sweeper.step():
        pass
    await world.assert_whole(raw)
    await world.check()
    await scrub(world, raw)
    await world.assert_whole(raw)


async def test_its_place_survives(world: World, raw: Any) -> None:
    await world.fill(3000, 200_000)
    await world.scrubber.ensure()
    await raw.execute(NOW)

    class Killed(Exception):
        pass

    async def die() -> None:
        raise Killed

    failpoint.arm("scrub.looked", die)
    for _ in world.drives:
        try:
            await world.scrubber.step()
        except Killed:
            break
    failpoint.disarm()
    assert await world.context.inspections.take(InspectionKind.SCRUB, world.context.local_ids(), 1.0)
    await raw.execute(NOW)
    while await world.scrubber.step():
        pass
    progress = await world.context.inspections.progress(InspectionKind.SCRUB)
    assert sum(one.last_shards for one in progress) == len(await world.shards(raw))


async def test_a_drive_that_is_away_misses_nothing(world: World, raw: Any) -> None:
    """The directory is empty, as when nothing is mounted there."""
    await world.fill(3000)
    for drive in world.drives:
        drive._files.clear()
        drive.path.rename(drive.path.with_suffix(".away"))
        drive.path.mkdir()
    await scrub(world, raw)
    assert await raw.fetchval("SELECT count(*) FROM damage") == 0
    assert await raw.fetchval("SELECT count(*) FROM inspection WHERE last_error IS NOT NULL AND kind = 0") > 0
    for drive in world.drives:
        assert list(drive.path.iterdir()) == []
        drive.path.rmdir()
        drive.path.with_suffix(".away").rename(drive.path)
    await scrub(world, raw)
    await world.assert_whole(raw)

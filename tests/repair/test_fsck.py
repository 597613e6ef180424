"""fsck: rows without files and files without rows are found; nothing is deleted, and nothing touched on a guess."""

import os
from typing import Any

import pytest

from objstore.drive.local import LocalDrive
from objstore.meta.strays import StrayReason
from tests.repair.world import World

NOW = "UPDATE inspection SET next_run = now(), lease_until = NULL"


async def check(world: World, raw: Any) -> None:
    """One pass over all drives."""
    await world.fsck.ensure()
    await raw.execute(NOW)
    while await world.fsck.step():
        pass


def plant(drive: LocalDrive, name: bytes, content: bytes) -> None:
    """A file that no row knows."""
    path = drive.path / "shards" / name.hex()[:2] / f"{name.hex()}.shard"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


async def test_nothing_is_wrong(world: World, raw: Any) -> None:
    await world.fill()
    await check(world, raw)
    assert await raw.fetchval("SELECT count(*) FROM stray") == 0
    assert await raw.fetchval("SELECT sum(last_shards) FROM inspection") == len(world.files())
    await world.assert_whole(raw)


async def test_missing_files_are_made_anew(world: World, raw: Any) -> None:
    await world.fill(3000, 200_000)
    gone = [row for row in await world.shards(raw) if row[1] == 2]
    for _, _, drive, file in gone:
        world.files()[drive, file].unlink()
    await check(world, raw)
    assert {tuple(row) for row in await raw.fetch("SELECT volume_id, column_index FROM damage")} == {
        row[:2] for row in gone
    }
    await world.settle()
    while await world.sweeper.step():
        pass
    await world.assert_whole(raw)
    await world.check()


async def test_orphans_are_set_aside_after_a_grace_and_never_deleted(world: World, raw: Any) -> None:
    await world.fill(3000)
    drive, half = world.drives[:2]
    known = next(iter(world.files().values()))
    plant(drive, b"o" * 16, known.read_bytes())
    plant(half, b"h" * 16, b"half writ")
    await check(world, raw)
    strays = await world.context.strays.list([StrayReason.ORPHAN], 10)
    assert {(one.drive_id, one.file_id) for one in strays} == {(drive.id, b"o" * 16), (half.id, b"h" * 16)}
    assert next(one for one in strays if one.drive_id == drive.id).volume_id == bytes.fromhex(known.stem)
    assert await world.fsck.set_aside() == 0, "the grace is not over"
    assert await world.fsck.set_aside(0.0) == 2
    assert (drive.path / "quarantine" / f"{(b'o' * 16).hex()}.shard").read_bytes() == known.read_bytes()
    assert (half.path / "quarantine" / f"{(b'h' * 16).hex()}.shard").exists()
    assert len(await world.context.strays.list([StrayReason.QUARANTINED], 10)) == 2
    await check(world, raw)
    await world.compact()
    assert len(await world.context.strays.list([StrayReason.QUARANTINED], 10)) == 2
    await world.assert_whole(raw)


async def test_an_orphan_that_a_row_names_by_now_is_none(world: World, raw: Any) -> None:
    """A volume that was just being made when the drive was listed."""
    await world.fill(3000)
    volume_id, column, drive_id, _ = (await world.shards(raw))[0]
    await raw.execute("DELETE FROM shard WHERE volume_id = $1 AND column_index = $2", volume_id, column)
    await check(world, raw)
    assert await raw.fetchval("SELECT count(*) FROM stray") == 1
    await raw.execute(
        "INSERT INTO shard (volume_id, column_index, drive_id) VALUES ($1, $2, $3)", volume_id, column, drive_id
    )
    assert await world.fsck.set_aside(0.0) == 0
    await check(world, raw)
    assert await raw.fetchval("SELECT count(*) FROM stray") == 0
    await world.assert_whole(raw)


@pytest.mark.parametrize("how", ["empty mount", "EIO", "EMFILE"])
async def test_a_drive_that_cannot_be_listed_is_left_as_it_is(
    world: World, raw: Any, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B6: nothing is deleted, set aside, or taken for missing, whatever is wrong with the drive."""
    await world.fill(3000, 200_000)
    drive = await world.holder(raw)
    before = {key: path for key, path in world.files().items() if key[0] == drive.id}
    assert before
    drive._files.clear()
    if how == "empty mount":
        drive.path.rename(drive.path.with_suffix(".away"))
        drive.path.mkdir()
    else:
        number, listdir = {"EIO": 5, "EMFILE": 24}[how], os.listdir

        def fails(path: str) -> list[str]:
            if str(path).startswith(str(drive.path)):
                raise OSError(number, os.strerror(number), path)
            return listdir(path)

        monkeypatch.setattr(os, "listdir", fails)
    await world.fsck.ensure()
    await raw.execute(NOW)
    for _ in range(2 * len(world.drives)):
        await world.fsck.step()
    monkeypatch.undo()
    if how == "empty mount":
        assert list(drive.path.iterdir()) == []
        drive.path.rmdir()
        drive.path.with_suffix(".away").rename(drive.path)
    assert {key: path for key, path in world.files().items() if key[0] == drive.id} == before
    assert await raw.fetchval("SELECT last_error FROM inspection WHERE drive_id = $1", drive.id)
    await world.assert_whole(raw)
    await world.check()

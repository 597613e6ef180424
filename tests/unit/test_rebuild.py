"""Shards audited and built anew: every flip is found, and whatever up to m shards are lost, they come back the same."""

import itertools
import os
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from objstore.drive.alias import Alias
from objstore.drive.identify import format_drive
from objstore.drive.local import LocalDrive
from objstore.format.superblock import SUPERBLOCK_BYTES, Superblock
from objstore.model.errors import DriveError, TooManyLost
from objstore.model.profile import Profile
from objstore.model.volumes import Volume
from objstore.volume.audit import audit_shard
from objstore.volume.rebuild import rebuild_shards
from objstore.volume.shard_writer import ShardWriter
from objstore.volume.stripe_writer import StripeWriter
from tests.unit.test_volume import Shelf

PROFILES = [Profile(4, 2, unit_bytes=32768), Profile(3, 1), Profile(1, 2)]
FLIPS = 120


@pytest.fixture(params=PROFILES, ids=str, scope="module")
async def shelf(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shelf]:
    """A volume with stripes of all kinds: packed ones with empty columns, large ones, a given-up one."""
    profile, root = request.param, tmp_path_factory.mktemp("shelf")
    drives = [LocalDrive(root / str(i), await format_drive(root / str(i), "c" * 32, "hot")) for i in range(profile.n)]
    made = Shelf(Volume(b"V" * 16, "hot", profile, tuple(drive.id for drive in drives), b"w" * 16), drives)
    await made.fill()
    await made.append([b"one column only"])
    await StripeWriter(made.open, 300_000, 100).abandon()
    await made.append([made.random.randbytes(50_000), b"the last"])
    yield made
    for drive in drives:
        drive.close()


def path_of(shelf: Shelf, column: int) -> Path:
    return Path(shelf.drives[column].shard_path(shelf.volume.id))


def file_of(shelf: Shelf, column: int, name: bytes) -> bytes:
    return Path(shelf.drives[column].shard_path(name)).read_bytes()


async def rebuilt(
    shelf: Shelf, drives: list[object], wanted: tuple[int, ...], name: bytes
) -> tuple[object, list[Alias]]:
    """The wanted columns under another name on their own drives."""
    volume, writers = shelf.volume, {}
    for column in wanted:
        drive = shelf.drives[column]
        head = Superblock(volume.id, column, volume.profile.k, volume.profile.m, bytes.fromhex(drive.id), b"c" * 16,
                          volume.profile.unit_bytes, "hot", 1)  # fmt: skip
        writers[column] = ShardWriter(drive, name)
        await writers[column].create(head.pack())
    done = await rebuild_shards(volume, drives, writers)  # type: ignore[arg-type]
    return done, [Alias(shelf.drives[column], name) for column in wanted]


async def test_a_sound_volume_has_no_problem(shelf: Shelf) -> None:
    for column in range(shelf.volume.profile.n):
        audit = await audit_shard(shelf.volume, shelf.drives, column, 0)
        assert (audit.problem, audit.torn) == ("", 0)
        assert audit.bytes >= path_of(shelf, column).stat().st_size
        assert audit.stripes > 12


async def test_every_flip_is_found(shelf: Shelf) -> None:
    random, missed = Random(11), []
    for number in range(FLIPS):
        column = number % shelf.volume.profile.n
        path = path_of(shelf, column)
        at, bit = random.randrange(path.stat().st_size), 1 << random.randrange(8)
        if number % 4 == 0:
            at = random.randrange(SUPERBLOCK_BYTES + 300)
        with path.open("r+b") as file:
            file.seek(at)
            [was] = file.read(1)
            os.pwrite(file.fileno(), bytes([was ^ bit]), at)
            if not (await audit_shard(shelf.volume, shelf.drives, column, 0)).problem:
                missed.append((column, at))
            os.pwrite(file.fileno(), bytes([was]), at)
    # The space of a stripe that was given up is nobody's; its header is looked at.
    void = await _void_spans(shelf)
    assert [one for one in missed if not any(low <= one[1] < high for low, high in void)] == []
    assert len(missed) < FLIPS / 4


async def _void_spans(shelf: Shelf) -> list[tuple[int, int]]:
    content = path_of(shelf, 0).read_bytes()
    places = [at for at in range(SUPERBLOCK_BYTES, len(content), 64) if content[at : at + 6] == b"OSTR\x01\x00"]
    spans = [(at, at + int.from_bytes(content[at + 52 : at + 56], "little")) for at in places]
    assert len(spans) == 1
    return spans


async def test_what_is_cut_missing_or_stale_is_found(shelf: Shelf) -> None:
    path = path_of(shelf, 0)
    whole = path.read_bytes()
    audit = await audit_shard(shelf.volume, shelf.drives, 0, 1)
    assert "stale" in audit.problem
    other = path_of(shelf, 1)
    try:
        path.write_bytes(whole[: len(whole) // 2])
        assert (await audit_shard(shelf.volume, shelf.drives, 0, 0)).problem
        path.write_bytes(whole[:100])
        assert (await audit_shard(shelf.volume, shelf.drives, 0, 0)).problem
        path.write_bytes(other.read_bytes())
        assert "column 1" in (await audit_shard(shelf.volume, shelf.drives, 0, 0)).problem
    finally:
        path.write_bytes(whole)
    shelf.drives[0]._files.clear()
    path.rename(path.with_suffix(".away"))
    try:
        assert (await audit_shard(shelf.volume, shelf.drives, 0, 0)).problem
        # The same under a mount point that is empty is no finding about shards.
        identity = shelf.drives[0].path / "drive.json"
        identity.rename(identity.with_suffix(".away"))
        with pytest.raises(DriveError):
            await audit_shard(shelf.volume, shelf.drives, 0, 0)
        identity.with_suffix(".away").rename(identity)
    finally:
        path.with_suffix(".away").rename(path)


async def test_every_loss_is_made_good(shelf: Shelf) -> None:
    """All subsets of up to m columns: what is built is what was, byte for byte, in a new generation."""
    n, m = shelf.volume.profile.n, shelf.volume.profile.m
    subsets = [lost for size in range(1, m + 1) for lost in itertools.combinations(range(n), size)]
    for number, lost in enumerate(subsets):
        drives: list[object] = [None if column in lost else drive for column, drive in enumerate(shelf.drives)]
        done, aliases = await rebuilt(shelf, drives, lost, bytes([number]) * 16)
        assert done.lost == 0  # type: ignore[attr-defined]
        assert not done.bad  # type: ignore[attr-defined]
        places: list[object] = list(shelf.drives)
        for column, alias in zip(lost, aliases, strict=True):
            places[column] = alias
        for column, alias in zip(lost, aliases, strict=True):
            audit = await audit_shard(shelf.volume, places, column, 1)  # type: ignore[arg-type]
            assert (audit.problem, audit.torn) == ("", 0)
            _same(path_of(shelf, column).read_bytes(), file_of(shelf, column, alias.file_id))
            await alias.delete(b"")


def _same(old: bytes, made: bytes) -> None:
    """But for the generation, and zeros that were not written at the end."""
    length = max(len(old), len(made))
    assert made[136:].ljust(length, b"\0") == old[136:].ljust(length, b"\0")


async def test_sound_parts_of_a_bad_shard_are_used(shelf: Shelf) -> None:
    """Each shard of the volume rots in another stripe: more than m of a kind, and yet all comes back."""
    n = shelf.volume.profile.n
    whole = {column: path_of(shelf, column).read_bytes() for column in range(n)}
    places = [
        at for at in range(SUPERBLOCK_BYTES, len(whole[n - 1]), 64) if whole[n - 1][at : at + 6] == b"OSTR\x01\x02"
    ]
    assert len(places) >= n
    for column, at in zip(range(n), places, strict=False):
        content = bytearray(whole[column])
        if len(content) > at + 70:
            content[at + 70] ^= 1
        path_of(shelf, column).write_bytes(content)
    done, aliases = await rebuilt(shelf, list(shelf.drives), (0, n - 1), b"s" * 16)
    for column, content in whole.items():
        path_of(shelf, column).write_bytes(content)
    assert done.lost == 0  # type: ignore[attr-defined]
    for column, alias in zip((0, n - 1), aliases, strict=True):
        _same(whole[column], file_of(shelf, column, alias.file_id))
        await alias.delete(b"")


async def test_too_few_shards(shelf: Shelf) -> None:
    k = shelf.volume.profile.k
    drives: list[object] = [drive if column < k - 1 else None for column, drive in enumerate(shelf.drives)]
    wanted = shelf.volume.profile.n - 1
    with pytest.raises(TooManyLost):
        await rebuilt(shelf, drives, (wanted,), b"t" * 16)
    await shelf.drives[wanted].delete(b"t" * 16)

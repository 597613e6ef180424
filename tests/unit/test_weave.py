"""Columns made in windows: what lies across their borders, what is wrong in one of many stripes, what fails midway."""

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from objstore.drive.identify import format_drive
from objstore.drive.local import LocalDrive
from objstore.format.stripe import pack_header, unpack_beside, unpack_header
from objstore.format.superblock import SUPERBLOCK_BYTES
from objstore.model.errors import CorruptData, DriveError
from objstore.model.profile import Profile
from objstore.model.volumes import Volume
from objstore.volume import rebuild
from objstore.volume.shard_writer import ShardWriter
from tests.unit.test_rebuild import file_of, path_of, rebuilt
from tests.unit.test_volume import Shelf

PROFILE = Profile(4, 2, unit_bytes=32768)
WINDOW_BYTES = 96 * 1024  # of the tests: a large object lies in many
KIB = 1024


@pytest.fixture(scope="module")
async def shelf(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shelf]:
    """A volume of many windows: large objects between batches of small ones, lone records, a stripe given up."""
    root = tmp_path_factory.mktemp("weave")
    drives = [LocalDrive(root / str(i), await format_drive(root / str(i), "c" * 32, "hot")) for i in range(PROFILE.n)]
    made = Shelf(Volume(b"V" * 16, "hot", PROFILE, tuple(drive.id for drive in drives), b"w" * 16), drives)
    await made.fill()
    for turn in range(5):
        await made.stream(made.random.randbytes(600 * KIB + 77_777 * turn))
        for _ in range(8):
            await made.append([made.random.randbytes(4 * KIB) for _ in range(32)])
        await made.append([made.random.randbytes(200 * KIB)])
    yield made
    for drive in drives:
        drive.close()


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "WINDOW_BYTES", WINDOW_BYTES)


async def built(shelf: Shelf, drives: list[Any], wanted: tuple[int, ...]) -> Any:
    """What was done, when the columns are what they were."""
    done, aliases = await rebuilt(shelf, drives, wanted, b"n" * 16)
    try:
        for column, alias in zip(wanted, aliases, strict=True):
            old, made = path_of(shelf, column).read_bytes(), file_of(shelf, column, alias.file_id)
            assert len(made) <= len(old)
            assert made[136:].ljust(len(old) - 136, b"\0") == old[136:], column
    finally:
        for alias in aliases:
            await alias.delete(b"")
    return done


async def test_many_windows(shelf: Shelf) -> None:
    for lost in ((0,), (5,), (1, 4), (2, 3)):
        done = await built(shelf, [None if c in lost else drive for c, drive in enumerate(shelf.drives)], lost)
        assert (done.lost, done.bad) == (0, {})
        # k columns, each once, but for what is read before the windows.
        longest = max(path_of(shelf, column).stat().st_size for column in range(PROFILE.n))
        assert done.read_bytes < 1.2 * PROFILE.k * longest
    copied = await built(shelf, list(shelf.drives), (4,))
    assert copied.read_bytes < 1.2 * path_of(shelf, 4).stat().st_size


@pytest.mark.parametrize("seed", range(12))
async def test_a_damaged_source_is_told_of_and_made_up_for(shelf: Shelf, seed: int) -> None:
    """Flips, and a torn-off end, in one other column; sometimes it is the one that is to be built."""
    random = Random(seed)
    bad, wanted = random.randrange(PROFILE.n), random.randrange(PROFILE.n)
    path = path_of(shelf, bad)
    whole = path.read_bytes()
    harmed = bytearray(whole)
    for _ in range(random.choice((1, 3, 40))):
        harmed[random.randrange(SUPERBLOCK_BYTES, len(harmed))] ^= 1 << random.randrange(8)
    drives: list[Any] = [*shelf.drives]
    if bad != wanted:
        drives[wanted] = None
    done, aliases = None, []
    path.write_bytes(harmed[: len(harmed) * 2 // 3] if seed % 4 == 0 else harmed)
    try:
        done, aliases = await rebuilt(shelf, drives, (wanted,), b"d" * 16)
    finally:
        path.write_bytes(whole)
    assert done.lost == 0
    assert set(done.bad) <= {bad}
    old, made = path_of(shelf, wanted).read_bytes(), file_of(shelf, wanted, aliases[0].file_id)
    assert made[136:].ljust(len(old) - 136, b"\0") == old[136:]
    await aliases[0].delete(b"")


class Breaking:
    """A drive that reads up to some byte, and then fails."""

    def __init__(self, drive: LocalDrive, good_bytes: int) -> None:
        self._drive, self._good_bytes, self.failed = drive, good_bytes, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._drive, name)

    def start_read_back(self, volume_id: bytes, offset: int, buffers: Any, check: Any, done: Any) -> None:
        if offset + sum(map(len, buffers)) <= self._good_bytes:
            self._drive.start_read_back(volume_id, offset, buffers, check, done)
            return
        self.failed += 1
        done(None, DriveError("broken from here on", self._drive.id))


async def test_a_source_that_breaks_midway_gives_way_to_another(shelf: Shelf) -> None:
    size = path_of(shelf, 4).stat().st_size
    for breaking, good_bytes in ((4, size // 2), (1, size // 3), (2, 0)):
        drives: list[Any] = [*shelf.drives]
        drives[0] = None
        drives[breaking] = drive = Breaking(shelf.drives[breaking], good_bytes)
        done = await built(shelf, drives, (0,))
        assert drive.failed
        assert done.lost == 0
        assert set(done.bad) == {breaking}


async def test_a_hole_stays_a_hole(shelf: Shelf) -> None:
    """A column that takes no part in large stripes does not become as large as the others on its disk."""
    drives = [None if column == 0 else drive for column, drive in enumerate(shelf.drives)]
    _, aliases = await rebuilt(shelf, drives, (0,), b"h" * 16)
    files = path_of(shelf, 0), Path(shelf.drives[0].shard_path(aliases[0].file_id))
    old, made = (file.stat().st_blocks for file in files)
    assert made <= old * 1.1
    await aliases[0].delete(b"")


@pytest.mark.parametrize("seed", range(10))
async def test_a_file_is_what_was_put_into_it(shelf: Shelf, seed: int) -> None:
    """Pieces of all sizes, gaps, headers behind, sent whenever; against the same in memory."""
    random, drive = Random(seed), shelf.drives[0]
    writer, model, at = ShardWriter(drive, b"f" * 16), bytearray(SUPERBLOCK_BYTES), SUPERBLOCK_BYTES
    await writer.create(bytes(SUPERBLOCK_BYTES))
    skipped: list[tuple[int, int]] = []
    for _ in range(60):
        gap = random.choice((0, 0, 64, 320, 5000, 70_000, 300_000))
        if gap:
            skipped.append((at, min(gap, 9000)))
        at += gap
        piece = random.randbytes(random.choice((1, 64, 4096, 40_000, 700_000)))
        model += bytes(at - len(model)) + piece
        writer.add(at, piece)
        at += len(piece)
        if skipped and random.random() < 0.3:
            low, size = skipped.pop(random.randrange(len(skipped)))
            behind = random.randbytes(size)
            model[low : low + size] = behind
            writer.add_behind(low, behind)
        if random.random() < 0.3:
            await writer.send()
    await writer.close()
    made = file_of(shelf, 0, b"f" * 16)
    await drive.delete(b"f" * 16)
    assert made == bytes(model)


def test_a_header_beside_another() -> None:
    lengths = (40_000, 10_000, 0, 70_000)

    def packed(column: int, owner: bytes = b"owner", offset: int = 4096) -> bytes:
        size = lengths[column] if column < 4 else 70_000
        sums = range(column, column + -(-size // 32768))
        return pack_header(1, column, b"V" * 16, offset, 120_000, 0, 70_000, 192, 80_000, lengths, owner, sums)

    first = unpack_header(packed(4), b"V" * 16, 4096, 4)
    prefix = packed(4)[: first.prefix_bytes]
    for column in (0, 1, 3, 5):
        raw = packed(column)
        expected = unpack_header(raw, b"V" * 16, 4096, column).checksums
        assert unpack_beside(memoryview(raw), prefix, column, first) == expected
        used = first.prefix_bytes + 8 * len(expected) + 8
        others = [packed(column, b"other"), packed(column, offset=8192), packed((column + 1) % 6), b"", raw[: used - 1]]
        others += [raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :] for at in range(used)]
        for other in others:
            with pytest.raises(CorruptData):
                unpack_beside(memoryview(other), prefix, column, first)

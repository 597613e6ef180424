"""Volumes: what was appended is read back, whole and in ranges, with any m columns lost or rotten."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objstore.drive.base import Drive
from objstore.drive.identify import format_drive
from objstore.drive.local import LocalDrive
from objstore.format.checksum import checksum
from objstore.format.extent import Extent, unpack
from objstore.format.record import pack_record
from objstore.format.stripe import StripeHeader, unpack_header
from objstore.model.errors import DriveError, DriveTimeout, TooManyLost
from objstore.model.profile import Profile
from objstore.model.volumes import Volume
from objstore.volume.buffers import BufferPool
from objstore.volume.extent_reader import ExtentReader, read_extents
from objstore.volume.layout import StripeLayout
from objstore.volume.open_volume import OpenVolume
from objstore.volume.packed_stripe import PackedRecord
from objstore.volume.scan import scan_records
from objstore.volume.stripe_reader import StripeReader
from objstore.volume.stripe_writer import StripeWriter

PROFILES = [
    Profile(4, 2, unit_bytes=32768),
    Profile(1, 0, unit_bytes=32768),
    Profile(1, 2),
    Profile(3, 1),
    Profile(10, 4),
]
SMALL = [0, 1, 100, 4096, 70_000, 120_000]
LARGE = [1, 100, 5000, 300_000, 1 << 20, (1 << 20) + 1, 3_000_007]
Stored = list[tuple[Extent, bytes]]


class Shelf:
    """A volume on real directories, and what is in it."""

    def __init__(self, volume: Volume, drives: list[LocalDrive]) -> None:
        self.volume, self.drives, self.random = volume, drives, Random(7)
        self.open = OpenVolume(volume, drives)
        self.stored: Stored = []
        self.damages: list[tuple[int, str]] = []

    async def fill(self) -> None:
        await self.open.create(b"c" * 16)
        for _ in range(6):
            await self.append(
                [self.random.randbytes(self.random.choice(SMALL)) for _ in range(self.random.randint(1, 9))]
            )
        for size in LARGE:
            await self.stream(self.random.randbytes(size))

    async def append(self, payloads: list[bytes]) -> None:
        records = [
            PackedRecord(pack_record(1, b"small", b"v" * 16, 0, 0, len(p), checksum(p), b"{}", 1), p, checksum(p))
            for p in payloads
        ]
        for packed, payload in zip(await self.open.append(records), payloads, strict=True):
            self.stored += [(extent, payload) for extent in unpack(packed)]

    async def stream(self, payload: bytes) -> None:
        data, profile = np.frombuffer(payload, np.uint8), self.volume.profile
        writer = StripeWriter(self.open, len(payload), 300)
        step = 2 * profile.k * profile.unit_bytes
        for at in range(0, len(payload), step):
            piece = data[at : at + step]
            await writer.write(
                writer.encode(piece, at, np.empty(max(1, step * profile.m // profile.k), np.uint8)), len(piece)
            )
        owner = pack_record(1, b"large", b"w" * 16, 0, 0, len(payload), 0, b"", 1)
        self.stored.append((await writer.close(owner), payload))
        await self.open.sync()

    async def read(self, extent: Extent, start: int, end: int, without: tuple[int, ...] = ()) -> bytes:
        drives = [None if column in without else drive for column, drive in enumerate(self.drives)]
        reader = ExtentReader(self.volume, drives, extent, lambda _, column, why: self.damages.append((column, why)))
        return b"".join([bytes(piece) async for piece in read_extents([(reader, start, end)])])

    async def check(self, without: tuple[int, ...] = ()) -> None:
        for extent, payload in self.stored:
            assert await self.read(extent, 0, len(payload), without) == payload
            start = self.random.randint(0, len(payload))
            end = self.random.randint(start, len(payload))
            if start < end:
                assert await self.read(extent, start, end, without) == payload[start:end]
                middle = extent.slice(start, end)
                assert await self.read(middle, 0, end - start, without) == payload[start:end]


@pytest.fixture
def uncached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is ever found in the page cache."""
    monkeypatch.setattr(LocalDrive, "read_now", lambda *_: False)


def rot(path: Path, random: Random) -> None:
    """Flip bits anywhere behind the superblock."""
    content = bytearray(path.read_bytes())
    for _ in range(300):
        content[random.randrange(4096, len(content))] ^= 1 << random.randrange(8)
    path.write_bytes(content)


@pytest.fixture(params=PROFILES, ids=str)
async def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shelf]:
    profile: Profile = request.param
    drives = [
        LocalDrive(tmp_path / str(i), await format_drive(tmp_path / str(i), "c" * 32, "hot")) for i in range(profile.n)
    ]
    made = Shelf(Volume(b"V" * 16, "hot", profile, tuple(drive.id for drive in drives), b"w" * 16), drives)
    await made.fill()
    yield made
    for drive in drives:
        drive.close()


async def test_what_was_appended_is_read(shelf: Shelf) -> None:
    await shelf.check()
    # One that is late is read a second way: on a busy machine that may be.
    assert all(isinstance(why, DriveTimeout) for _, why in shelf.damages)


@pytest.mark.usefixtures("uncached")
async def test_what_the_page_cache_lacks_is_read(shelf: Shelf) -> None:
    await shelf.check()
    # One that is late is read a second way: on a busy machine that may be.
    assert all(isinstance(why, DriveTimeout) for _, why in shelf.damages)


def test_a_lent_buffer_comes_back_when_no_part_of_it_is_held() -> None:
    buffers = BufferPool()
    lent = buffers.lend(4096)
    lent[:] = b"a" * 4096
    part = lent[100:200]
    del lent
    other = buffers.lend(4096)
    other[:] = b"b" * 4096
    assert bytes(part) == b"a" * 100  # never given to another while it is held
    del part, other
    assert {buffers.take(4096)[0], buffers.take(4096)[0]} == {ord("a"), ord("b")}


async def test_any_m_columns_may_be_lost(shelf: Shelf) -> None:
    profile = shelf.volume.profile
    patterns = list(itertools.combinations(range(profile.n), profile.m))
    for lost in shelf.random.sample(patterns, min(6, len(patterns))):
        await shelf.check(lost)


async def test_any_m_columns_may_rot(shelf: Shelf) -> None:
    profile = shelf.volume.profile
    others = shelf.random.sample(range(1, profile.n), max(0, profile.m - 1))
    for column in [0, *others][: profile.m]:
        rot(Path(shelf.drives[column].shard_path(shelf.volume.id)), shelf.random)
    await shelf.check()
    assert bool(shelf.damages) == bool(profile.m)


async def test_more_than_m_lost_is_an_error_and_never_wrong_bytes(shelf: Shelf) -> None:
    profile = shelf.volume.profile
    lost = tuple(range(profile.m + 1))
    refused = 0
    for extent, payload in shelf.stored:
        try:
            assert await shelf.read(extent, 0, len(payload), lost) == payload
        except (TooManyLost, DriveError):
            refused += 1
    assert refused


async def test_a_late_drive_never_writes_into_what_was_answered(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    if not shelf.volume.profile.m:
        pytest.skip("nothing to rebuild from")
    for drive in shelf.drives:
        monkeypatch.setattr(drive, "read_seconds", 0.5)
    given: list[memoryview] = []

    def start_read(volume_id: bytes, offset: int, buffers: list[memoryview], check: object, done: object) -> None:
        given.extend(memoryview(buffer) for buffer in buffers)

    async def read(*_: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(shelf.drives[0], "start_read", start_read)
    monkeypatch.setattr(shelf.drives[0], "read", read)
    monkeypatch.setattr(shelf.drives[0], "read_now", lambda *_: False)  # not in the page cache
    extent, payload = shelf.stored[-1]
    drives: list[Drive | None] = [*shelf.drives]
    reader = StripeReader(shelf.volume, drives, extent.stripe_offset, extent.header_units * 64, lambda *_: None)
    reader._headers[0] = await header_of(shelf, extent)
    found = ExtentReader(shelf.volume, drives, extent, lambda *_: None)
    found._stripe = reader
    piece = await found.read(0, len(payload))
    assert given, "the late drive was never asked"
    for buffer in given:
        buffer[:] = b"?" * len(buffer)
    assert piece == payload


async def header_of(shelf: Shelf, extent: Extent) -> StripeHeader:
    """The header of column 0, read before its drive is late."""
    raw = bytearray(extent.header_units * 64)
    with open(shelf.drives[0].shard_path(shelf.volume.id), "rb") as file:  # noqa: ASYNC230
        file.seek(extent.stripe_offset)
        file.readinto(raw)
    return unpack_header(raw, shelf.volume.id, extent.stripe_offset, 0)


@pytest.mark.parametrize("remote", [False, True])
async def test_a_scan_finds_every_record(shelf: Shelf, monkeypatch: pytest.MonkeyPatch, remote: bool) -> None:
    for drive in shelf.drives:
        monkeypatch.setattr(drive, "write_once", remote)
    lost = shelf.random.sample(range(shelf.volume.profile.n), shelf.volume.profile.m)
    drives = [None if column in lost else drive for column, drive in enumerate(shelf.drives)]
    found = [
        record async for records in scan_records(shelf.volume, drives, lambda *_: None) for record in records or ()
    ]
    assert {one.extent for one in found} == {extent for extent, _ in shelf.stored}
    assert {one.record.key for one in found} == {b"small", b"large"}


async def test_a_scan_steps_over_space_that_was_given_up(shelf: Shelf) -> None:
    before = len(shelf.stored)
    await StripeWriter(shelf.open, 500_000, 300).abandon()
    StripeWriter(shelf.open, 500_000, 300)  # a crash leaves no header at all
    await shelf.append([b"behind the hole"])
    found = [r async for records in scan_records(shelf.volume, shelf.drives, lambda *_: None) for r in records or ()]
    assert len(found) == before + 1


@given(st.integers(1, 20), st.sampled_from([32768, 262144]), st.integers(0, 30_000_000))
def test_layout_covers_every_byte_once(k: int, unit: int, size: int) -> None:
    layout = StripeLayout(k, unit, size)
    pieces = layout.pieces(0, size)
    at, seen = 0, [0] * k
    for column, offset, length, data_at in pieces:
        assert data_at == at
        assert offset == seen[column]
        seen[column] += length
        at += length
    assert at == size
    assert tuple(seen) == layout.lengths
    assert layout.width == max(layout.lengths)

"""A drive that is slow costs its readers a delay and a rebuild, not its own time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from random import Random
from typing import Any

import numpy as np
import pytest

from objstore.drive.base import Check, Done
from objstore.format.checksum import checksum
from objstore.format.extent import Extent, unpack
from objstore.format.record import pack_record
from objstore.model.errors import DriveError, TooManyLost
from objstore.model.profile import Profile
from objstore.model.volumes import Volume
from objstore.volume import hedge
from objstore.volume.extent_reader import ExtentReader, read_extents
from objstore.volume.hedge import Hedge, first_of
from objstore.volume.open_volume import OpenVolume
from objstore.volume.packed_stripe import PackedRecord
from objstore.volume.stripe_writer import StripeWriter
from tests.sim.drive import SimDrive

PROFILE = Profile(4, 2, unit_bytes=32768)


class SlowDrive(SimDrive):
    """Answers no read while ``moving`` is not set; nobody waits for it in less than an hour."""

    read_seconds = 3600.0

    def __init__(self, number: int) -> None:
        super().__init__(f"{number:032x}", "slow-test", Random(number))
        self.moving = asyncio.Event()
        self.moving.set()
        self.asked = 0
        self.suspected: list[str] = []

    @property
    def reachable(self) -> bool:
        return not self.suspected

    def suspect(self, reason: str) -> None:
        self.suspected.append(reason)

    def read_now(self, volume_id: bytes, offset: int, buffers: Sequence[Any]) -> bool:
        return False

    async def read(self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None = None) -> None:
        self.asked += 1
        await self.moving.wait()
        await super().read(volume_id, offset, buffers, check)

    def start_read(
        self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None, done: Done
    ) -> None:
        task = asyncio.ensure_future(self.read(volume_id, offset, buffers, check))
        task.add_done_callback(lambda _: done(None, DriveError("gone") if task.cancelled() else task.exception()))


class Shelf:
    """A volume with small objects and a large one."""

    def __init__(self) -> None:
        self.drives = [SlowDrive(number) for number in range(PROFILE.n)]
        self.volume = Volume(b"v" * 16, "slow-test", PROFILE, tuple(d.id for d in self.drives), b"w" * 16)
        self.stored: list[tuple[Extent, bytes]] = []
        self.damages: list[tuple[int, Exception]] = []

    async def fill(self) -> None:
        opened, random = OpenVolume(self.volume, self.drives), Random(3)
        await opened.create(b"c" * 16)
        payloads = [random.randbytes(size) for size in (10, 4096, 90_000, 4096, 5000, 20)]
        records = [
            PackedRecord(pack_record(1, b"k", b"v" * 16, 0, 0, len(p), checksum(p), b"{}", 1), p, checksum(p))
            for p in payloads
        ]
        for packed, payload in zip(await opened.append(records), payloads, strict=True):
            self.stored += [(extent, payload) for extent in unpack(packed)]
        large = random.randbytes(700_001)
        writer = StripeWriter(opened, len(large), 300)
        data = np.frombuffer(large, np.uint8)
        await writer.write(writer.encode(data, 0, np.empty(len(large), np.uint8)), len(large))
        owner = pack_record(1, b"large", b"w" * 16, 0, 0, len(large), 0, b"", 1)
        self.stored.append((await writer.close(owner), large))

    async def read(self, extent: Extent, start: int, end: int) -> bytes:
        reader = ExtentReader(
            self.volume, list(self.drives), extent, lambda _, column, error: self.damages.append((column, error))
        )
        return b"".join([bytes(piece) async for piece in read_extents([(reader, start, end)])])

    async def read_all(self) -> None:
        for extent, payload in self.stored:
            assert await self.read(extent, 0, len(payload)) == payload
            start, end = len(payload) // 3, len(payload) * 5 // 6
            assert await self.read(extent, start, end) == payload[start:end]


@pytest.fixture
async def shelf(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shelf]:
    monkeypatch.setattr(hedge, "_by_tier", {})
    shelf = Shelf()
    await shelf.fill()
    yield shelf
    for drive in shelf.drives:
        drive.moving.set()
    await asyncio.sleep(0.01)


@pytest.mark.parametrize("slow", [(0,), (3,), (5,), (1, 4), (2, 3), (4, 5)])
async def test_reads_do_not_wait_for_slow_drives(shelf: Shelf, slow: tuple[int, ...]) -> None:
    for number in slow:
        shelf.drives[number].moving.clear()
    await asyncio.wait_for(shelf.read_all(), 60)
    assert all(isinstance(error, DriveError) for _, error in shelf.damages)


async def test_a_drive_that_is_always_late_is_avoided(shelf: Shelf) -> None:
    shelf.drives[0].moving.clear()
    while not shelf.drives[0].suspected:
        await asyncio.wait_for(shelf.read_all(), 60)
    assert shelf.drives[0].suspected == ["slow"]
    assert not any(drive.suspected for drive in shelf.drives[1:])
    asked = shelf.drives[0].asked
    await asyncio.wait_for(shelf.read_all(), 60)
    assert shelf.drives[0].asked == asked


async def test_when_too_many_are_slow_they_are_waited_for(shelf: Shelf) -> None:
    for drive in shelf.drives[:3]:
        drive.moving.clear()
    reading = asyncio.ensure_future(shelf.read_all())
    await asyncio.sleep(0.1)
    assert not reading.done()
    for drive in shelf.drives[:3]:
        drive.moving.set()
    await asyncio.wait_for(reading, 60)


async def test_a_late_column_that_is_needed_is_asked_again(shelf: Shelf) -> None:
    """One reader, several ranges: once late is not lost, where too many others are."""
    for drive in shelf.drives[1:3]:
        await drive.delete(shelf.volume.id)
    shelf.drives[0].moving.clear()
    extent, payload = shelf.stored[-1]
    reader = ExtentReader(shelf.volume, list(shelf.drives), extent, lambda *_: None)
    asyncio.get_running_loop().call_later(0.3, shelf.drives[0].moving.set)
    for start, end in ((0, len(payload)), (0, 200_000), (100_000, 700_000)):
        assert await asyncio.wait_for(reader.read(start, end), 60) == payload[start:end]


@pytest.mark.parametrize("late", [(0,), (1,), (0, 1, 2), (5,)])
async def test_a_late_column_that_is_harmed_too_is_one_too_many(shelf: Shelf, late: tuple[int, ...]) -> None:
    """Three of six have lost what they held, some answer late at that: unavailable, whatever was found last."""
    for drive in shelf.drives[:3]:
        for offset in range(0, await drive.length(shelf.volume.id), 512):
            await drive.write(shelf.volume.id, offset, [bytes(512)], sync=False)
    for number in late:
        shelf.drives[number].moving.clear()
    asyncio.get_running_loop().call_later(0.3, lambda: [drive.moving.set() for drive in shelf.drives])
    unavailable = 0
    for extent, payload in shelf.stored:
        try:
            assert await asyncio.wait_for(shelf.read(extent, 0, len(payload)), 60) == payload
        except TooManyLost:
            unavailable += 1
    assert unavailable > 0


async def test_healthy_drives_are_not_read_twice(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hedge, "DELAY_SECONDS_MIN", 10.0)
    monkeypatch.setattr(hedge, "DELAY_SECONDS_MAX", 10.0)
    await shelf.read_all()
    assert not shelf.damages
    assert hedge.hedge_of("slow-test").begun == 0


async def test_where_everything_is_slow_little_is_read_twice(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hedge, "IN_FLIGHT_MAX", 0)
    shelf.drives[0].moving.clear()
    reading = asyncio.ensure_future(shelf.read_all())
    await asyncio.sleep(0.1)
    assert not reading.done()
    shelf.drives[0].moving.set()
    await asyncio.wait_for(reading, 60)
    assert hedge.hedge_of("slow-test").begun == 0


async def test_a_lost_race_takes_what_comes(shelf: Shelf) -> None:
    """The second way does not exist, or fails: the read itself is waited for, and its failure told."""
    drive, begun = shelf.drives[0], Hedge()

    async def nothing() -> bytes:
        raise TooManyLost("no other way")

    async def late() -> None:
        await asyncio.sleep(0.05)

    async def fails() -> None:
        await asyncio.sleep(0.05)
        raise DriveError("in the end")

    assert await begun.race(late, drive, nothing) is None
    with pytest.raises((DriveError, TooManyLost)):
        await begun.race(fails, drive, nothing)
    drive.suspect("to be avoided")
    assert await begun.race(late, drive, nothing) is None
    assert begun.won == 0


def test_the_delay_follows_the_median() -> None:
    found = Hedge()
    for number in range(2000):
        found.note(0.5 if number % 5 == 0 else 0.02)  # one drive of five is slow
    assert 0.05 < found.delay_seconds < 0.12
    for _ in range(2000):
        found.note(3.0)
    assert found.delay_seconds == hedge.DELAY_SECONDS_MAX
    for _ in range(2000):
        found.note(0.0)
    assert found.delay_seconds == hedge.DELAY_SECONDS_MIN


async def test_first_of() -> None:
    begun: list[int] = []

    def call(number: int, result: str | None, seconds: float) -> Callable[[], Awaitable[str | None]]:
        async def run() -> str | None:
            begun.append(number)
            await asyncio.sleep(seconds)
            return result

        return run

    quick = [call(0, "a", 0), call(1, "b", 0), call(2, "c", 0)]
    assert await first_of(quick, 2, 60) == {0: "a", 1: "b"}
    assert begun == [0, 1]
    assert await first_of([call(0, None, 0), call(1, "b", 0), call(2, "c", 0)], 2, 60) == {1: "b", 2: "c"}
    assert await first_of([call(0, "a", 3600), call(1, "b", 0), call(2, "c", 0)], 2, 0.01) == {1: "b", 2: "c"}
    assert await first_of([call(0, None, 0), call(1, "b", 0)], 2, 0.01) == {1: "b"}
    assert await first_of([], 1, 0.01) == {}

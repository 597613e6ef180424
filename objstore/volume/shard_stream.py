"""ShardStream: one shard read from its beginning to its end, in windows. For whoever reads shards whole.

A drive that does not answer is silent: what its shard has is not known, and must not be taken for missing.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from objstore.drive.absent import AbsentDrive
from objstore.drive.base import Drive
from objstore.drive.fresh import FreshRead
from objstore.format.extent import HEADER_UNIT_BYTES
from objstore.format.stripe import FIXED_BYTES, StripeHeader, peek_header_bytes, unpack_header
from objstore.model.errors import CorruptData, DriveError, DriveTimeout, ShardMissing
from objstore.model.limits import DRIVE_TIMEOUT_SECONDS
from objstore.volume.buffers import PAGE_BYTES, aligned_buffer

WINDOW_BYTES = 1024 * 1024
CARRY_BYTES = 64 * 1024  # what is left of a window when the next one is needed is put before that
HEADER_BYTES_MAX = 1024 * 1024
_MAGIC = b"OSTR"


@dataclass(slots=True)
class _Window:
    """Bytes [start, end) of a shard, in a room whose first byte is ``origin``. ``reading``: they are still to come."""

    room: memoryview
    origin: int
    start: int
    end: int
    reading: FreshRead | None = None

    def view(self, at: int, end: int) -> memoryview:
        """Bytes [at, end)."""
        return self.room[at - self.origin : end - self.origin]


class ShardStream:
    """A shard of ``length`` bytes (known once it is opened). What is given is good until it is asked again.

    ``fresh``: read from the device, not from the page cache, and leave nothing there; while one window is worked on,
    the next is read. ``silent``: at some time the drive did not answer.
    """

    def __init__(
        self, volume_id: bytes, drive: Drive, column: int, window_bytes: int = WINDOW_BYTES, fresh: bool = False
    ) -> None:
        self.column, self.drive, self.length, self.read_bytes = column, drive, 0, 0
        self._volume_id, self._size, self._fresh = volume_id, window_bytes, fresh
        self.silent = False
        self._carry = CARRY_BYTES if fresh else 0
        self._window = _Window(memoryview(b""), 0, 0, 0)
        self._ahead: _Window | None = None
        self._spare = memoryview(b"")

    async def open(self) -> None:
        """Learn the length. Raises DriveError; ShardMissing only of a drive that is there."""
        try:
            async with _in_time(self.drive):
                self.length = await self.drive.length(self._volume_id)
        except ShardMissing:
            await self._ask_whether_mounted()
            raise
        except DriveTimeout:
            self.silent = True
            raise

    async def _ask_whether_mounted(self) -> None:
        """Below an empty mount point nothing is found either."""
        try:
            async with _in_time(self.drive):
                await self.drive.shards(b"", 1)
        except DriveError:
            self.silent = True
            raise

    async def bytes(self, at: int, size: int) -> memoryview:
        """Bytes [at, at + size), fewer where the shard ends. Raises DriveError."""
        return await self.some(at, size, size)

    async def some(self, at: int, least: int, most: int) -> memoryview:
        """Up to ``most`` bytes from ``at`` on, as many as are at hand, but ``least`` of them, fewer only where the
        shard ends. Raises DriveError.
        """
        end = min(at + least, self.length)
        if end <= at:
            return memoryview(b"")
        window = self._window
        if at < window.start or end > window.end:
            window = await self._advance(at, end)
        return window.view(at, min(at + most, window.end))

    async def header(self, offset: int) -> StripeHeader | None:
        """This column's header of the stripe at ``offset``; None if there is none, whole and unharmed."""
        found = await self.raw_header(offset)
        with suppress(CorruptData):
            return None if found is None else unpack_header(found, self._volume_id, offset, self.column)
        return None

    async def raw_header(self, offset: int) -> memoryview | None:
        """The bytes of what looks like a header at ``offset``, unverified. Raises DriveError."""
        fixed = await self.bytes(offset, FIXED_BYTES)
        size = peek_header_bytes(bytes(fixed))
        if size is None or not FIXED_BYTES <= size <= HEADER_BYTES_MAX:
            return None
        return await self.bytes(offset, size)

    async def find(self, offset: int, end: int) -> int | None:
        """The first place in [offset, end) where a header of this column stands whole. Raises DriveError."""
        at = offset
        while at < min(end, self.length):
            window = bytes(await self.bytes(at, min(self._size, end - at)))
            hit = window.find(_MAGIC)
            while hit >= 0:
                if (at + hit) % HEADER_UNIT_BYTES == 0 and await self.header(at + hit) is not None:
                    return at + hit
                hit = window.find(_MAGIC, hit + 1)
            # A magic may lie across the border: places are multiples of the header unit, and windows too.
            at += len(window) // HEADER_UNIT_BYTES * HEADER_UNIT_BYTES or HEADER_UNIT_BYTES
        return None

    async def _advance(self, at: int, end: int) -> _Window:
        """A window with bytes [at, end), if it can be the one that is read ahead."""
        now, ahead = self._window, self._ahead
        self._ahead = None
        if ahead is not None and now.start <= at and now.end - at <= CARRY_BYTES and ahead.start < end <= ahead.end:
            await self._settle(ahead)
            if at < ahead.start:
                ahead.view(at, ahead.start)[:] = now.view(at, ahead.start)
                ahead.start = at
            self._window, self._spare = ahead, now.room
        else:
            await self._load(at, end)
        if self._fresh:
            self._read_ahead()
        return self._window

    async def _load(self, at: int, end: int) -> None:
        start = at // PAGE_BYTES * PAGE_BYTES if self._fresh else at
        stop = max(end, start + self._size)
        stop = min(-(-stop // PAGE_BYTES) * PAGE_BYTES if self._fresh else stop, self.length)
        room, self._window = self._window.room, _Window(memoryview(b""), 0, 0, 0)
        window = self._prepared(room, start, stop)
        if self._fresh:
            window.reading = FreshRead(self.drive, self._volume_id, start, window.view(start, stop))
            await self._settle(window)
        else:
            async with self._heard():
                await self.drive.read(self._volume_id, start, [window.view(start, stop)])
            self.read_bytes += stop - start
        self._window = window

    def _prepared(self, room: memoryview, start: int, stop: int) -> _Window:
        need = self._carry + stop - start
        if len(room) < need:
            room = aligned_buffer(max(need, self._carry + self._size)).data
        return _Window(room, start - self._carry, start, stop)

    def _read_ahead(self) -> None:
        start = self._window.end
        stop = min(start + self._size, self.length)
        if start >= stop or start % PAGE_BYTES:
            return
        room, self._spare = self._spare, memoryview(b"")
        ahead = self._prepared(room, start, stop)
        ahead.reading = FreshRead(self.drive, self._volume_id, start, ahead.view(start, stop))
        self._ahead = ahead

    async def _settle(self, window: _Window) -> None:
        """Wait for what is being read. After a failure nobody uses the room again: a late drive may write into it."""
        reading, window.reading = window.reading, None
        assert reading is not None
        async with self._heard():
            await reading.wait(DRIVE_TIMEOUT_SECONDS)
        self.read_bytes += window.end - window.start

    @asynccontextmanager
    async def _heard(self) -> AsyncIterator[None]:
        """Around a read: within the bound, and whether the drive kept silent."""
        try:
            async with _in_time(self.drive):
                yield
        except DriveTimeout:
            self.silent = True
            raise


@asynccontextmanager
async def _in_time(drive: Drive) -> AsyncIterator[None]:
    """A bound for each call, as a DriveTimeout."""
    try:
        async with asyncio.timeout(DRIVE_TIMEOUT_SECONDS):
            yield
    except TimeoutError:
        raise DriveTimeout(f"drive {drive.id} took longer than {DRIVE_TIMEOUT_SECONDS} s", drive.id) from None


class Streams(dict[int, ShardStream]):
    """Of those columns whose shards answered at first, by column. ``silent``: columns of drives that did not."""

    def __init__(self, opened: Mapping[int, ShardStream], silent: Collection[int] = ()) -> None:
        super().__init__(opened)
        self._silent = frozenset(silent)

    @property
    def silent(self) -> frozenset[int]:
        """Columns of which nobody knows what they have, or not all the time."""
        return self._silent | {column for column, stream in self.items() if stream.silent}


async def open_streams(
    volume_id: bytes, drives: Sequence[Drive | None], window_bytes: int = WINDOW_BYTES, fresh: bool = False
) -> Streams:
    """Streams of the shards that there are."""
    there = [(i, drive) for i, drive in enumerate(drives) if drive is not None and not isinstance(drive, AbsentDrive)]
    streams = [ShardStream(volume_id, drive, column, window_bytes, fresh) for column, drive in there]
    opened = await asyncio.gather(*(stream.open() for stream in streams), return_exceptions=True)
    for error in opened:
        if isinstance(error, BaseException) and not isinstance(error, DriveError):
            raise error
    found = {stream.column: stream for stream, error in zip(streams, opened, strict=True) if error is None}
    return Streams(found, [stream.column for stream in streams if stream.silent])


async def header_at(streams: Mapping[int, ShardStream], k: int, offset: int) -> StripeHeader | None:
    """The header of the stripe at ``offset`` as any shard has it; parity first, for it takes part in every stripe."""
    for column in sorted(streams, key=lambda column: (column < k, column)):
        with suppress(DriveError):
            if (found := await streams[column].header(offset)) is not None:
                return found
    return None


async def next_stripe(streams: Mapping[int, ShardStream], offset: int, end: int) -> int | None:
    """Where, from ``offset``, the next stripe that any of the shards knows of begins."""
    found: int | None = None
    for stream in streams.values():
        with suppress(DriveError):
            hit = await stream.find(offset, end if found is None else found)
            found = hit if hit is not None else found
    return found

"""Bytes of extents, verified: whole small ones in one read, ranges by block, large ones a chunk of rows at a time."""

import asyncio
import functools
from collections.abc import AsyncIterator, Mapping, Sequence

from objstore.drive.base import Drive
from objstore.format.checksum import checksum
from objstore.format.extent import HEADER_UNIT_BYTES, PACKED, Extent
from objstore.model.errors import CorruptData, DriveAway, DriveError, DriveTimeout, LateRead
from objstore.model.limits import BLOCK_BYTES
from objstore.model.volumes import Volume
from objstore.volume.buffers import BufferPool
from objstore.volume.hedge import hedge_of
from objstore.volume.layout import StripeLayout
from objstore.volume.stripe_reader import Damage, Span, StripeReader, scatter

WHOLE_BYTES_MAX = 2 * BLOCK_BYTES  # a packed extent up to this is read whole, whatever part of it is wanted
CHUNK_BYTES = 4 * 1024 * 1024  # of a large object, in one piece to the client, where drives have to be waited for
# What the page cache holds is read, verified and sent in pieces so small that they stay in the CPU's own cache.
CACHED_BYTES = 1024 * 1024
UNCACHED_CHUNKS = (
    16  # where the page cache lacks a piece, so many go through the drives' threads before it is asked again
)


class ExtentReader:
    """Reads one extent. ``drives[i]`` serves column i, None where it is not reachable; ``buffers``: for its pieces."""

    def __init__(
        self,
        volume: Volume,
        drives: Sequence[Drive | None],
        extent: Extent,
        damaged: Damage,
        buffers: BufferPool | None = None,
    ) -> None:
        self._volume, self._drives, self._extent, self._damaged = volume, drives, extent, damaged
        self._buffers = buffers or BufferPool()
        self._stripe = StripeReader(
            volume, drives, extent.stripe_offset, extent.header_units * HEADER_UNIT_BYTES, damaged
        )

    def pieces(self, start: int, end: int) -> list[tuple[int, int]]:
        """How ``read`` should be called for bytes [start, end): ranges in order, each of bounded size."""
        extent = self._extent
        if extent.kind == PACKED:
            return [(start, end)]
        row = self._volume.profile.k * extent.unit_bytes
        step = max(1, CHUNK_BYTES // row) * row
        ranges, at = [], start
        while at < end:
            # Chunks end at row borders of the stripe, so that whole units are read without a copy.
            border = (extent.data_offset + at) // step * step + step - extent.data_offset
            ranges.append((at, min(end, border)))
            at = ranges[-1][1]
        return ranges

    def read_now(self, start: int, end: int) -> memoryview | None:
        """The first bytes of [start, end), verified, if the page cache has them: in the event loop, without waiting.

        None if it has not, or if anything is wrong with them: ``read`` finds out.
        """
        extent = self._extent
        if extent.kind == PACKED:
            return None
        step = max(1, CACHED_BYTES // extent.unit_bytes) * extent.unit_bytes
        at = extent.data_offset + start
        output, columns = self._room(start, min(end, start + step - at % step))
        return output if self._stripe.read_many_now(columns) else None

    async def read(self, start: int, end: int) -> memoryview:
        """Bytes [start, end) of the extent, one of ``pieces``. Raises TooManyLost, CorruptData."""
        if self._extent.kind == PACKED:
            return await self._read_packed(start, end)
        return await self._read_striped(start, end)

    async def _read_packed(self, start: int, end: int) -> memoryview:
        extent = self._extent
        if extent.checksum and (extent.length <= WHOLE_BYTES_MAX or end - start == extent.length):
            return (await self._read_whole())[start:end]
        found = await self._stripe.read(extent.column, extent.data_offset + start, extent.data_offset + end)
        return found

    async def _read_whole(self) -> memoryview:
        """The payload, from its column if that has it unharmed and in time, else rebuilt from others."""
        extent, drive = self._extent, self._drives[self._extent.column]
        content = memoryview(bytearray(extent.length))
        try:
            if drive is None:
                raise DriveAway("the drive is not here")
            rebuilt = None
            if self._volume.profile.m:
                read = functools.partial(drive.read, self._volume.id, extent.payload_offset, [content])
                rebuilt = await hedge_of(self._volume.tier).race(read, drive, self._rebuild_late)
            else:
                async with asyncio.timeout(drive.read_seconds):
                    await drive.read(self._volume.id, extent.payload_offset, [content])
            if rebuilt is not None:
                return rebuilt
            if checksum(content) == extent.checksum:
                return content
            failure: Exception = CorruptData("checksum of an object differs")
        except TimeoutError:
            assert drive is not None
            drive.suspect("late read")
            failure = DriveTimeout(f"drive {drive.id} is late")
        except DriveError as error:
            failure = error
        self._stripe.lose(extent.column, failure)
        return await self._rebuild_whole()

    async def _rebuild_late(self) -> memoryview:
        """The payload without its column, which is late."""
        self._stripe.lose(self._extent.column, DriveTimeout("late"))
        return await self._rebuild_whole()

    async def _rebuild_whole(self) -> memoryview:
        """What is rebuilt comes from verified blocks; it is held against the object's own checksum too."""
        extent = self._extent
        rebuilt = await self._stripe.read(extent.column, extent.data_offset, extent.data_offset + extent.length)
        if checksum(rebuilt) != extent.checksum:
            raise CorruptData(
                f"object at {extent.payload_offset} of volume {self._volume.id.hex()} differs after rebuilding"
            )
        return rebuilt

    async def _read_striped(self, start: int, end: int) -> memoryview:
        output, columns = self._room(start, end)
        try:
            await self._stripe.read_many(columns)
        except LateRead as error:
            return await self._without(error.columns, start, end, columns)
        return output

    async def _without(self, late: frozenset[int], start: int, end: int, read: "Mapping[int, Span]") -> memoryview:
        """The same, late columns rebuilt. Their drives may yet write into that output, so what came is copied."""
        output, columns = self._room(start, end)
        for column in late:
            self._stripe.lose(column, DriveTimeout("late"))
        for column, (first, last, views) in columns.items():
            if column in late:
                scatter(await self._stripe.read(column, first, last), views)
            else:
                for view, known in zip(views, read[column][2] or (), strict=True):
                    view[:] = known
        return output

    def _room(self, start: int, end: int) -> tuple[memoryview, dict[int, tuple[int, int, list[memoryview]]]]:
        """An output for bytes [start, end), and what of each column goes where in it."""
        extent = self._extent
        layout = StripeLayout(self._volume.profile.k, extent.unit_bytes, extent.checksum)
        low, high = extent.data_offset + start, extent.data_offset + end
        output = self._buffers.lend(end - start)
        columns: dict[int, tuple[int, int, list[memoryview]]] = {}
        for column, at, size, data_at in layout.pieces(low, high):
            view = output[data_at - low : data_at - low + size]
            if column in columns:
                first, _, views = columns[column]
                views.append(view)
                columns[column] = (first, at + size, views)
            else:
                columns[column] = (at, at + size, [view])
        return output, columns


async def read_extents(
    readers: Sequence[tuple[ExtentReader, int, int]], ahead: int = 2, cached: list[bool] | None = None
) -> AsyncIterator[memoryview]:
    """Pieces of several extents in order, ``ahead`` of them being read while one is sent.

    ``cached[0]``: whether the piece that was given last was in the page cache.
    """
    cached = [False] if cached is None else cached
    wanted = ((reader, piece) for reader, start, end in readers for piece in reader.pieces(start, end))
    flying: list[asyncio.Task[memoryview]] = []
    uncached = 0
    try:
        for reader, (start, end) in wanted:
            at = start
            if not uncached:
                while flying:
                    cached[0] = False
                    yield await flying.pop(0)
                while at < end and (piece := reader.read_now(at, end)) is not None:
                    at += len(piece)
                    cached[0] = True
                    yield piece
                    await asyncio.sleep(0)  # others have their turn, however fast this client takes it
                if at == end:
                    continue
                uncached = UNCACHED_CHUNKS
            uncached -= 1
            flying.append(asyncio.ensure_future(reader.read(at, end)))
            if len(flying) > ahead:
                cached[0] = False
                yield await flying.pop(0)
        while flying:
            cached[0] = False
            yield await flying.pop(0)
    finally:
        for task in flying:
            task.cancel()

"""Verify a stripe that was just written: every column comes back from its drive as it was meant, and decodes.

What is about to lose its only other copy is not taken for durable because a write returned. All k+m columns are read
(not from the page cache, where a drive can arrange that), held against the block checksums of their headers, and the
parity that the data gives is compared with the parity that was read. The payloads in it are hashed on the way.

A chunk of all columns is one call a drive, and one wake-up of the event loop.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from xxhash import xxh3_64

from objstore.drive.base import Drive
from objstore.drive.threads import CallGroup
from objstore.erasure import codec_for
from objstore.format.checksum import first_bad_block
from objstore.format.extent import HEADER_UNIT_BYTES, PACKED, Extent
from objstore.format.stripe import StripeHeader, unpack_header
from objstore.model.errors import CorruptData, DriveError
from objstore.model.limits import BLOCK_BYTES, DRIVE_TIMEOUT_SECONDS
from objstore.model.volumes import Volume
from objstore.volume.buffers import BufferPool
from objstore.volume.layout import StripeLayout

CHUNK_BYTES = 16 * BLOCK_BYTES  # of each column at once
LONE_CHUNK_BYTES = 256 * BLOCK_BYTES  # of a volume with one column, where each read is a request to another server
Columns = np.ndarray[tuple[int, int], np.dtype[np.uint8]]
Payload = tuple[Extent, xxh3_64]


async def verify_stripe(
    volume: Volume, drives: Sequence[Drive | None], payloads: Sequence[Payload], buffers: BufferPool
) -> None:
    """Read the stripe back that the extents of ``payloads`` lie in; each one's hasher is told its bytes, in order.

    Raises DriveError, CorruptData, TimeoutError unless every column of it is there, right, and decodes.
    """
    here = [drive for drive in drives if drive is not None]
    if len(here) < volume.profile.n:
        raise DriveError(f"{volume.profile.n - len(here)} drives of volume {volume.id.hex()} are not here")
    extent = payloads[0][0]
    checking = _Checking(volume, here, extent.stripe_offset, extent.header_units * HEADER_UNIT_BYTES, payloads)
    first = await checking.first_header()
    step = _step(volume, extent)
    profile = volume.profile
    room = buffers.take((profile.n + profile.m) * step)
    columns = room.reshape(profile.n + profile.m, step)
    for low in range(0, first.width, step):
        await checking.rows(first, columns[:, : min(step, first.width - low)], low)
    buffers.give(room)  # after a failure some drive may still write into it


def _step(volume: Volume, extent: Extent) -> int:
    """Bytes of each column at once: whole blocks, and of a striped stripe whole units."""
    most = CHUNK_BYTES if volume.profile.n > 1 else LONE_CHUNK_BYTES
    return most if extent.kind == PACKED else max(1, most // extent.unit_bytes) * extent.unit_bytes


class _Checking:
    """One stripe that is being checked."""

    def __init__(
        self, volume: Volume, drives: Sequence[Drive], offset: int, header_bytes: int, payloads: Sequence[Payload]
    ) -> None:
        self._volume, self._drives, self._payloads = volume, drives, payloads
        self._offset, self._header_bytes = offset, header_bytes
        self._headers: dict[int, StripeHeader] = {}

    async def first_header(self) -> StripeHeader:
        """A header, which knows the lengths of all columns. The first parity column takes part in every stripe."""
        k, m = self._volume.profile.k, self._volume.profile.m
        if m or k == 1:
            return await self._header(k if m else 0)
        for column in range(k - 1):
            try:
                return await self._header(column)
            except (DriveError, CorruptData):
                continue  # it may be a column of length 0
        return await self._header(k - 1)

    async def rows(self, first: StripeHeader, columns: Columns, low: int) -> None:
        """Bytes from ``low`` of every column, into the first n rows of ``columns``; the others are for parity."""
        width, taking_part = columns.shape[1], []
        for column in range(self._volume.profile.n):
            there = max(0, min(low + width, first.length_of(column)) - low)
            columns[column, there:] = 0  # what a column does not have is zeros
            if there or (not low and first.length_of(column)):
                taking_part.append((column, columns[column, :there].data))
        await self._read(taking_part, low)
        await asyncio.get_running_loop().run_in_executor(None, self._decode, first, columns, low)

    async def _read(self, wanted: Sequence[tuple[int, memoryview]], low: int) -> None:
        """The first time headers come with the columns that follow them."""
        group, at = CallGroup(len(wanted)), self._offset + (self._header_bytes + low if low else 0)
        for column, content in wanted:
            head = b"" if low else bytearray(self._header_bytes)
            check = self._check_of(column, head, content, low)
            buffers = [content] if low else [head, content]
            self._drives[column].start_read_back(self._volume.id, at, buffers, check, group.done)
        errors = await group.wait(self._seconds)
        if errors:
            raise errors[0]

    @property
    def _seconds(self) -> float:
        return max(DRIVE_TIMEOUT_SECONDS, *(drive.read_seconds for drive in self._drives), 0.0)

    def _check_of(self, column: int, head: Any, content: memoryview, low: int) -> Callable[[], None]:
        """Run by the drive's thread."""

        def check() -> None:
            if head:
                self._headers[column] = unpack_header(head, self._volume.id, self._offset, column)
            sums = self._headers[column].checksums[low // BLOCK_BYTES : -(-(low + len(content)) // BLOCK_BYTES)]
            if len(sums) * BLOCK_BYTES < len(content) or first_bad_block(content, sums) is not None:
                raise CorruptData(f"column {column} of volume {self._volume.id.hex()} came back wrong at {low}")

        return check

    def _decode(self, first: StripeHeader, columns: Columns, low: int) -> None:
        k, m = self._volume.profile.k, self._volume.profile.m
        parity = columns[k + m :]
        codec_for(k, m).encode(columns[:k], parity)
        if not np.array_equal(parity, columns[k : k + m]):
            raise CorruptData(f"parity of volume {self._volume.id.hex()} does not decode to its data")
        for extent, digest in self._payloads:
            for column, start, size in _pieces(extent, k, first.width, low, low + columns.shape[1]):
                digest.update(columns[column, start - low : start - low + size].data)

    async def _header(self, column: int) -> StripeHeader:
        raw, group = bytearray(self._header_bytes), CallGroup(1)
        self._drives[column].start_read_back(self._volume.id, self._offset, [raw], None, group.done)
        errors = await group.wait(self._seconds)
        if errors:
            raise errors[0]
        return unpack_header(raw, self._volume.id, self._offset, column)


def _pieces(extent: Extent, k: int, width: int, low: int, high: int) -> list[tuple[int, int, int]]:
    """(column, offset in it, bytes) of what bytes [low, high) of all columns have of an extent, in its order."""
    start, end = extent.data_offset, extent.data_offset + extent.length
    if extent.kind == PACKED:
        start, end = max(start, low), min(end, high)
        return [(extent.column, start, end - start)] if start < end else []
    layout = StripeLayout(k, extent.unit_bytes, extent.checksum)
    rows_end = layout.data_bytes if high >= width else high * k
    return [piece[:3] for piece in layout.pieces(max(start, low * k), min(end, rows_end))]

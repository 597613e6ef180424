"""Verify a stripe that was just written: every column comes back from its drive as it was meant, and decodes.

What is about to lose its only other copy is not taken for durable because a write returned. All k+m columns are read
(not from the page cache, where a drive can arrange that), held against the block checksums of their headers, and the
parity that the data gives is compared with the parity that was read.
"""

import asyncio
from collections.abc import Sequence

import numpy as np

from objstore.drive.base import Drive
from objstore.erasure import codec_for
from objstore.format.checksum import first_bad_block
from objstore.format.stripe import StripeHeader, unpack_header
from objstore.model.errors import CorruptData, DriveError
from objstore.model.limits import BLOCK_BYTES, DRIVE_TIMEOUT_SECONDS
from objstore.model.volumes import Volume

CHUNK_BYTES = 32 * BLOCK_BYTES  # of each column at once: n MiB in memory


async def verify_stripe(volume: Volume, drives: Sequence[Drive | None], offset: int, header_bytes: int) -> None:
    """Raises DriveError, CorruptData unless every column of the stripe at ``offset`` is there, right, and decodes."""
    here = [drive for drive in drives if drive is not None]
    if len(here) < volume.profile.n:
        raise DriveError(f"{volume.profile.n - len(here)} drives of volume {volume.id.hex()} are not here")
    first = await _first_header(volume, here, offset, header_bytes)
    if volume.profile.n == 1:
        return  # nothing to decode with: whoever reads the payload reads all there is
    taking_part = [column for column in range(volume.profile.n) if first.length_of(column)]
    size = header_bytes + first.width
    await asyncio.gather(*(here[column].evict(volume.id, offset, size) for column in taking_part))
    headers = dict(
        zip(
            taking_part,
            await asyncio.gather(*(_header(volume, here, c, offset, header_bytes) for c in taking_part)),
            strict=True,
        )
    )
    for low in range(0, first.width, CHUNK_BYTES):
        await _verify_rows(volume, here, headers, low, min(low + CHUNK_BYTES, first.width))


async def _first_header(volume: Volume, drives: Sequence[Drive], offset: int, header_bytes: int) -> StripeHeader:
    """A header, which knows the lengths of all columns. The first parity column takes part in every stripe."""
    if volume.profile.m:
        return await _header(volume, drives, volume.profile.k, offset, header_bytes)
    for column in range(volume.profile.k - 1):
        try:
            return await _header(volume, drives, column, offset, header_bytes)
        except (DriveError, CorruptData):
            continue  # it may be a column of length 0
    return await _header(volume, drives, volume.profile.k - 1, offset, header_bytes)


async def _verify_rows(
    volume: Volume, drives: Sequence[Drive], headers: dict[int, StripeHeader], low: int, high: int
) -> None:
    """Bytes [low, high) of every column; ``low`` is where a block begins."""
    profile = volume.profile
    columns = np.zeros((profile.n, high - low), np.uint8)  # what a column does not have is zeros
    reads = []
    for column, header in headers.items():
        there = min(high, header.length_of(column)) - low
        if there > 0:
            reads.append(_read(volume, drives[column], header, low, columns[column, :there].data))
    await asyncio.gather(*reads)
    await asyncio.get_running_loop().run_in_executor(None, _decode, volume, columns)


def _decode(volume: Volume, columns: "np.ndarray[tuple[int, int], np.dtype[np.uint8]]") -> None:
    k, m = volume.profile.k, volume.profile.m
    parity = np.empty((m, columns.shape[1]), np.uint8)
    codec_for(k, m).encode(columns[:k], parity)
    if not np.array_equal(parity, columns[k:]):
        raise CorruptData(f"parity of volume {volume.id.hex()} does not decode to its data")


async def _read(volume: Volume, drive: Drive, header: StripeHeader, low: int, content: memoryview) -> None:
    at = header.stripe_offset + header.header_bytes + low
    async with asyncio.timeout(DRIVE_TIMEOUT_SECONDS):
        await drive.read(volume.id, at, [content])
    sums = header.checksums[low // BLOCK_BYTES : -(-(low + len(content)) // BLOCK_BYTES)]
    if len(sums) * BLOCK_BYTES < len(content) or first_bad_block(content, sums) is not None:
        raise CorruptData(f"column {header.column} of volume {volume.id.hex()} came back wrong at {at}")


async def _header(volume: Volume, drives: Sequence[Drive], column: int, offset: int, header_bytes: int) -> StripeHeader:
    raw = bytearray(header_bytes)
    async with asyncio.timeout(DRIVE_TIMEOUT_SECONDS):
        await drives[column].read(volume.id, offset, [raw])
    return unpack_header(raw, volume.id, offset, column)

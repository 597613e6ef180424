"""Audit: every byte of one shard held against what it has to be, from the device.

    superblock    whose shard it is, of which column and generation; the rest of its page is zeros
    header        of each stripe that this column takes part in: whole, here, and zeros up to its end
    column        every block against its checksum
    between       zeros, where nothing was written

Where the shard has no header the other shards say whether it should: a column of length 0 has none, and a stripe that
a crash has torn has none that can be decoded. What lies in torn or given-up space belongs to nobody and is not looked
at. The first thing that is wrong ends the audit: such a shard is built anew as a whole.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from objstore.drive.base import Drive
from objstore.format.checksum import first_bad_block
from objstore.format.extent import HEADER_UNIT_BYTES
from objstore.format.stripe import StripeHeader, unpack_header
from objstore.format.superblock import SUPERBLOCK_BYTES, Superblock
from objstore.model.errors import CorruptData, DriveError, DriveTimeout, ShardMissing
from objstore.model.limits import BLOCK_BYTES
from objstore.model.volumes import Volume
from objstore.volume.shard_stream import ShardStream, Streams, header_at, next_stripe, open_streams
from objstore.volume.stripe_writer import VOID

INLINE_BYTES_MAX = 64 * 1024  # more than this is checked in a thread
CHUNK_BYTES = 32 * BLOCK_BYTES
PACED_BYTES = 256 * 1024
REFERENCE_WINDOW_BYTES = 64 * 1024  # of the other shards only headers are read
_ZEROS = bytes(64 * 1024)
Throttle = Callable[[int], Awaitable[None]]


async def unlimited(_: int) -> None:
    """A throttle that lets everything pass."""


@dataclass(slots=True)
class Audit:
    """What an audit has found. ``problem``: what is wrong with the shard, empty if nothing is.

    ``torn``: stripes that are not whole here and that fewer than k others have, so that nobody can rebuild them: left
    by a crash before anything was answered, or lost. ``doubtful``: those that are not whole here and of which nobody
    knows whether they should be, for drives of others do not answer.
    """

    bytes: int = 0
    stripes: int = 0
    torn: int = 0
    doubtful: int = 0
    problem: str = ""


async def audit_shard(
    volume: Volume, drives: Sequence[Drive | None], column: int, generation: int, throttle: Throttle = unlimited
) -> Audit:
    """Audit a column of a volume that nobody appends to; ``drives`` as the catalog has them.

    Raises DriveError when its drive as a whole does not answer: then nothing is known of the shard.
    """
    drive = drives[column]
    if drive is None:
        raise DriveError(f"the drive of column {column} is not here")
    work = _Auditor(volume, drives, ShardStream(volume.id, drive, column, fresh=True), generation, throttle)
    try:
        await work.run()
    except CorruptData as error:
        work.audit.problem = str(error)
    except ShardMissing as error:
        await drive.shards(b"", 1)  # an unmounted drive says so, and misses nothing
        work.audit.problem = str(error)
    except DriveTimeout:
        raise
    except DriveError as error:
        await drive.shards(b"", 1)
        work.audit.problem = str(error)
    work.audit.bytes = work.own.read_bytes
    return work.audit


class _Auditor:
    def __init__(
        self, volume: Volume, drives: Sequence[Drive | None], own: ShardStream, generation: int, throttle: Throttle
    ) -> None:
        self.audit, self.own = Audit(), own
        self._volume, self._drives, self._generation, self._throttle = volume, drives, generation, throttle
        self._others = Streams({})
        self._unpaced = 0

    async def run(self) -> None:
        await self.own.open()
        others = [None if i == self.own.column else drive for i, drive in enumerate(self._drives)]
        self._others = await open_streams(self._volume.id, others, REFERENCE_WINDOW_BYTES)
        await self._superblock()
        end = max([self.own.length, *(stream.length for stream in self._others.values())])
        offset = SUPERBLOCK_BYTES
        while offset < end:
            offset = await self._stripe(offset, end)
            self.audit.stripes += 1
        await self._pace(0, 1)

    async def _pace(self, count: int, enough: int = PACED_BYTES) -> None:
        """Before so many bytes are looked at: many small stripes wait together."""
        self._unpaced += count
        if self._unpaced >= enough:
            count, self._unpaced = self._unpaced, 0
            await self._throttle(count)

    async def _superblock(self) -> None:
        raw = bytes(await self.own.bytes(0, SUPERBLOCK_BYTES))
        found = Superblock.unpack(raw)
        volume, profile = self._volume, self._volume.profile
        is_ours = (found.volume_id, found.column, found.k, found.m, found.unit_bytes, found.tier) == (
            volume.id, self.own.column, profile.k, profile.m, profile.unit_bytes, volume.tier,
        )  # fmt: skip
        if not is_ours:
            raise CorruptData(f"the superblock is that of column {found.column} of volume {found.volume_id.hex()}")
        if found.generation < self._generation:
            raise CorruptData(f"a stale shard: generation {found.generation}, expected {self._generation}")
        if raw != found.pack():
            raise CorruptData("bytes after the superblock differ")

    async def _stripe(self, offset: int, end: int) -> int:
        """Check the stripe at ``offset``; where the next one begins."""
        raw = await self.own.raw_header(offset)
        header: StripeHeader | None = None
        if raw is not None:
            with suppress(CorruptData):
                header = unpack_header(raw, self._volume.id, offset, self.own.column)
        if header is None:
            return await self._absent(offset, end)
        following = offset + max(header.span_bytes, HEADER_UNIT_BYTES)
        if header.kind != VOID:
            assert raw is not None
            if bytes(raw) != header.pack():
                raise CorruptData(f"bytes after the stripe header at {offset} differ")
            await self._column(header)
            await self._zeros(offset + header.header_bytes + header.length_of(self.own.column), following)
        return following

    async def _column(self, header: StripeHeader) -> None:
        length, base, low = header.length_of(self.own.column), header.stripe_offset + header.header_bytes, 0
        while low < length:
            content = await self.own.some(base + low, BLOCK_BYTES, length - low)
            size = len(content) if low + len(content) == length else len(content) // BLOCK_BYTES * BLOCK_BYTES
            await self._pace(size)
            sums = header.checksums[low // BLOCK_BYTES : -(-(low + size) // BLOCK_BYTES)]
            if size <= INLINE_BYTES_MAX:
                bad = first_bad_block(content, sums)
            else:
                bad = await asyncio.get_running_loop().run_in_executor(None, first_bad_block, content, sums)
            if bad is not None or not size or len(sums) * BLOCK_BYTES < size:
                raise CorruptData(f"the column of the stripe at {header.stripe_offset} does not match its checksums")
            low += size

    async def _zeros(self, start: int, end: int) -> None:
        end = min(end, self.own.length)
        while start < end:
            content = await self.own.some(start, 1, min(len(_ZEROS), end - start))
            if bytes(content) != _ZEROS[: len(content)]:
                raise CorruptData(f"bytes where nothing was written, after {start}")
            start += len(content)

    async def _absent(self, offset: int, end: int) -> int:
        """There is no header of this column at ``offset``: is that right?"""
        header = await header_at(self._others, self._volume.profile.k, offset)
        if header is None:
            self._count(len(self._others.silent) > self._volume.profile.m)  # all that a whole stripe has to have
            streams = {**self._others, self.own.column: self.own}
            following = await next_stripe(streams, offset + HEADER_UNIT_BYTES, end)
            return end if following is None else following
        following = offset + max(header.span_bytes, HEADER_UNIT_BYTES)
        if header.kind == VOID:
            return following
        if not header.length_of(self.own.column):
            await self._zeros(offset, following)
        elif (have := await self._have(header)) >= self._volume.profile.k:
            raise CorruptData(f"the header of the stripe at {offset} is damaged or missing")
        else:
            self._count(have + len(self._others.silent) >= self._volume.profile.k)
        return following

    def _count(self, is_doubtful: bool) -> None:
        """A stripe that is not whole here, and that the columns that answer cannot make whole."""
        if is_doubtful:
            self.audit.doubtful += 1
        else:
            self.audit.torn += 1

    async def _have(self, header: StripeHeader) -> int:
        """How many of the other columns have their part of a stripe, by their headers."""
        count = 0
        for column in range(self._volume.profile.n):
            if column == self.own.column:
                continue
            if not header.length_of(column):
                count += 1
            elif (stream := self._others.get(column)) is not None:
                with suppress(DriveError):
                    count += await stream.header(header.stripe_offset) is not None
        return count

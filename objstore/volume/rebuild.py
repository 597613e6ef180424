"""Rebuild: columns of a volume written anew, as whole shard files, sequentially.

What can be read right of the old file is copied; the rest is decoded from k other columns. Every byte that is read is
held against its checksum on the way, and a source that fails in a stripe is left out of that stripe. A stripe that
fewer than k columns have (a crash tore it, or it is lost) leaves a hole: nobody can make it. That takes that the others
have said so: where those that do not answer might make up k, all of it is left for later.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from objstore.drive.base import Drive
from objstore.erasure import codec_for
from objstore.format.checksum import block_checksums, first_bad_block
from objstore.format.extent import HEADER_UNIT_BYTES
from objstore.format.stripe import StripeHeader
from objstore.format.superblock import SUPERBLOCK_BYTES
from objstore.model.errors import CorruptData, DriveError, DriveTimeout, TooManyLost
from objstore.model.limits import BLOCK_BYTES
from objstore.model.volumes import Volume
from objstore.volume.audit import CHUNK_BYTES, INLINE_BYTES_MAX, Throttle, unlimited
from objstore.volume.shard_stream import ShardStream, Streams, header_at, next_stripe, open_streams
from objstore.volume.shard_writer import ShardWriter
from objstore.volume.stripe_writer import VOID

Result = TypeVar("Result")


@dataclass(slots=True)
class Rebuilt:
    """What was done. ``bad``: sources that could not be read right, and why; ``lost``: stripes that nobody can make."""

    read_bytes: int = 0
    written_bytes: int = 0
    lost: int = 0
    bad: dict[int, str] = field(default_factory=dict)


async def rebuild_shards(
    volume: Volume,
    drives: Sequence[Drive | None],
    writers: Mapping[int, ShardWriter],
    throttle: Throttle = unlimited,
) -> Rebuilt:
    """Fill the created files of ``writers`` (by column) and make them durable.

    ``drives[i]``: where column i can be read, None where it cannot; also of a column that is written anew, if its old
    file may be of use. Nobody appends to the volume. Raises DriveError, also when too few sources answered to be sure
    that what could not be made is lost; TooManyLost if fewer than k shards answer.
    """
    work = _Rebuild(volume, drives, writers, throttle)
    await work.run()
    return work.done


class _Rebuild:
    def __init__(
        self, volume: Volume, drives: Sequence[Drive | None], writers: Mapping[int, ShardWriter], throttle: Throttle
    ) -> None:
        self.done = Rebuilt()
        self._volume, self._drives, self._writers, self._throttle = volume, drives, writers, throttle
        self._k, self._m = volume.profile.k, volume.profile.m
        self._streams = Streams({})

    async def run(self) -> None:
        streams = self._streams = await open_streams(self._volume.id, self._drives)
        if len(streams) < self._k and not self._writers.keys() <= streams.keys():
            raise TooManyLost(f"{len(streams)} shards of volume {self._volume.id.hex()} answer, {self._k} are needed")
        end = max(stream.length for stream in streams.values())
        self._be_sure(end, 0)  # behind what those that answer have
        offset = SUPERBLOCK_BYTES
        while offset < end:
            header = await header_at(streams, self._k, offset)
            if header is None:
                self._be_sure(offset, 0)
                following = await next_stripe(streams, offset + HEADER_UNIT_BYTES, end)
                offset = end if following is None else following
                continue
            await self._stripe(header)
            offset += max(header.span_bytes, HEADER_UNIT_BYTES)
        for writer in self._writers.values():
            await writer.close()
        self.done.read_bytes = sum(stream.read_bytes for stream in streams.values())
        self.done.written_bytes = sum(writer.written_bytes for writer in self._writers.values())

    async def _stripe(self, header: StripeHeader) -> None:
        wanted = [column for column in self._writers if header.kind == VOID or header.length_of(column)]
        if header.kind == VOID:
            for column in wanted:
                await self._writers[column].put(header.stripe_offset, replace(header, column=column).pack())
            return
        if wanted:
            stripe = _Stripe(self._volume, self._streams, header, self.done.bad)
            try:
                await stripe.write({column: self._writers[column] for column in wanted}, self._throttle)
            except TooManyLost:
                self._be_sure(header.stripe_offset, stripe.readable)
                self.done.lost += 1

    def _be_sure(self, offset: int, readable: int) -> None:
        """Raises DriveTimeout if there may be a whole stripe at ``offset``, of which so many columns could be read.

        Without any, all parity columns and the data's own would have to be silent.
        """
        silent = self._streams.silent
        if readable + len(silent) >= self._k if readable else len(silent) > self._m:
            raise DriveTimeout(f"columns {sorted(silent)} do not answer: the stripe at {offset} may be whole")


class _Stripe:
    """One stripe. ``bad`` is told of sources that fail."""

    def __init__(
        self, volume: Volume, streams: Mapping[int, ShardStream], header: StripeHeader, bad: dict[int, str]
    ) -> None:
        self._k, self._n, self._m = volume.profile.k, volume.profile.n, volume.profile.m
        self._streams, self._header, self._bad = streams, header, bad
        self._headers: dict[int, StripeHeader] = {header.column: header}
        self._lost: set[int] = set()
        self.readable = 0  # columns, where that were too few

    async def write(self, writers: Mapping[int, ShardWriter], throttle: Throttle) -> None:
        """Write these columns and their headers. Raises DriveError of a writer, TooManyLost."""
        header = self._header
        sums: dict[int, list[int]] = {column: [] for column in writers}
        base = header.stripe_offset + header.header_bytes
        whole = header.width <= CHUNK_BYTES
        for low in range(0, header.width, CHUNK_BYTES):
            high = min(low + CHUNK_BYTES, header.width)
            there = {column: min(high, header.length_of(column)) - low for column in writers}
            there = {column: size for column, size in there.items() if size > 0}
            await throttle((high - low) * (self._k + len(there)))
            pieces, found = await self._pieces(there, low, high)
            for column, piece in pieces.items():
                sums[column] += found[column]
                if whole:
                    await writers[column].put(header.stripe_offset, self._packed(column, sums[column]))
                await writers[column].put(base + low, piece)
        if not whole:
            for column, writer in writers.items():
                await writer.put_behind(header.stripe_offset, self._packed(column, sums[column]))

    def _packed(self, column: int, sums: Sequence[int]) -> bytes:
        return replace(self._header, column=column, checksums=tuple(sums)).pack()

    async def _pieces(
        self, there: Mapping[int, int], low: int, high: int
    ) -> tuple[dict[int, memoryview], dict[int, list[int]]]:
        """The wanted columns from ``low`` on, as many bytes as there are, and the checksums of their blocks."""
        pieces = {c: piece for c, size in there.items() if (piece := await self._sound(c, low, low + size)) is not None}
        missing = [column for column in there if column not in pieces]
        if missing:
            decoded = await self._decode(missing, low, high)
            pieces |= {column: piece[: there[column]] for column, piece in decoded.items()}
        sums = await _run({c: len(p) for c, p in pieces.items()}, lambda c: block_checksums(pieces[c]))
        return pieces, sums

    async def _decode(self, missing: Sequence[int], low: int, high: int) -> dict[int, memoryview]:
        candidates = [c for c in range(self._n) if c not in missing]
        # Those first of which nothing has to be read, then the one that was read for the header.
        candidates.sort(key=lambda c: (self._header.length_of(c) > low, c != self._header.column))
        present: dict[int, memoryview] = {}
        while len(present) < self._k:
            batch, candidates = candidates[: self._k - len(present)], candidates[self._k - len(present) :]
            if not batch:
                self.readable = len(present)
                raise TooManyLost(f"{len(present)} columns of the stripe at {self._header.stripe_offset} are readable")
            found = await asyncio.gather(*(self._padded(column, low, high) for column in batch))
            present |= {c: content for c, content in zip(batch, found, strict=True) if content is not None}
        codec = codec_for(self._k, self._m)
        if high - low <= INLINE_BYTES_MAX:
            rebuilt = codec.rebuild(present, missing)
        else:
            rebuilt = await asyncio.get_running_loop().run_in_executor(None, codec.rebuild, present, missing)
        return dict(zip(missing, rebuilt, strict=True))

    async def _padded(self, column: int, low: int, high: int) -> memoryview | None:
        """Bytes [low, high) of a column with zeros where it has none; None if it cannot be read right."""
        there = min(high, self._header.length_of(column))
        if there <= low:
            return memoryview(bytes(high - low))
        content = await self._sound(column, low, there)
        if content is None or there == high:
            return content
        padded = memoryview(bytearray(high - low))
        padded[: there - low] = content
        return padded

    async def _sound(self, column: int, low: int, high: int) -> memoryview | None:
        """Bytes [low, high) of a column as its own shard has them, verified; None if it cannot be read right."""
        stream = self._streams.get(column)
        if stream is None or column in self._lost:
            return None
        try:
            header = self._headers.get(column)
            if header is None:
                header = await stream.header(self._header.stripe_offset)
                if header is None:
                    raise CorruptData(f"no header of the stripe at {self._header.stripe_offset}")
                self._headers[column] = header
            content = await stream.bytes(header.stripe_offset + header.header_bytes + low, high - low)
            sums = header.checksums[low // BLOCK_BYTES : -(-high // BLOCK_BYTES)]
            bad = await _run({column: len(content)}, lambda _: first_bad_block(content, sums))
            if bad[column] is not None or len(content) < high - low:
                raise CorruptData(f"the column of the stripe at {header.stripe_offset} does not match its checksums")
        except DriveTimeout:  # says nothing of the shard
            self._lost.add(column)
            return None
        except (DriveError, CorruptData) as error:
            self._lost.add(column)
            self._bad.setdefault(column, str(error))
            return None
        return content


async def _run(sizes: Mapping[int, int], work: Callable[[int], Result]) -> dict[int, Result]:
    """``work`` of each column: here if it is little, else in a thread."""

    def each() -> dict[int, Result]:
        return {column: work(column) for column in sizes}

    if sum(sizes.values()) <= INLINE_BYTES_MAX:
        return each()
    return await asyncio.get_running_loop().run_in_executor(None, each)

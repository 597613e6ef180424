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
from objstore.volume.buffers import PAGE_BYTES
from objstore.volume.shard_stream import (
    CARRY_BYTES,
    WINDOW_BYTES,
    ShardStream,
    Streams,
    header_at,
    next_stripe,
    open_streams,
)
from objstore.volume.shard_writer import ShardWriter
from objstore.volume.stripe_writer import VOID
from objstore.volume.weave import Begun, Weaver

Result = TypeVar("Result")
ALONE_MAX = 64
ROOM_BYTES = 32 * 1024 * 1024  # for two windows of each of k sources


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
        self._window = max(WINDOW_BYTES, min(2 * WINDOW_BYTES, ROOM_BYTES // 2 // self._k // PAGE_BYTES * PAGE_BYTES))
        self._avoided: set[int] = set()  # columns that could not be read at some time
        self._begun: Begun | None = None
        self._alone, self._tried = 0, 1  # stripes to be looked at one by one from here on

    async def run(self) -> None:
        streams = self._streams = await open_streams(self._volume.id, self._drives, self._window, fresh=True)
        if len(streams) < self._k and not self._writers.keys() <= streams.keys():
            raise TooManyLost(f"{len(streams)} shards of volume {self._volume.id.hex()} answer, {self._k} are needed")
        end = max(stream.length for stream in streams.values())
        self._be_sure(end, 0)  # behind what those that answer have
        offset = SUPERBLOCK_BYTES
        while offset < end:
            began = offset
            if not self._alone:
                offset = await self._weave(offset, end)
                # Where one stripe after the other is odd, there is no use in trying each time.
                self._alone = self._tried = min(2 * self._tried, ALONE_MAX) if offset == began else 1
            self._alone -= 1
            if offset < end or self._begun is not None:
                offset = await self._odd(offset, end)
        for writer in self._writers.values():
            await writer.close()
        self.done.read_bytes = sum(stream.read_bytes for stream in streams.values())
        self.done.written_bytes = sum(writer.written_bytes for writer in self._writers.values())

    async def _weave(self, offset: int, end: int) -> int:
        """As many stripes as are as they should be, from ``offset`` on; where the first one is that is not."""
        sources = self._sources()
        if not sources:
            return offset
        weaver = Weaver(self._volume, sources, self._writers)
        loop = asyncio.get_running_loop()
        while offset < end and (rows := await self._rows(sources, offset)):
            began = offset
            offset = await loop.run_in_executor(None, weaver.weave, offset, rows)
            for writer in self._writers.values():
                await writer.send()
            await self._throttle((offset - began) * (len(sources) + len(self._writers)))
            if weaver.is_odd or offset == began:
                break
        self._begun = weaver.begun
        return offset

    def _sources(self) -> list[int]:
        """The wanted columns themselves where all of them can be read, else k others."""
        there = [column for column in self._streams if column not in self._avoided]
        if self._writers.keys() <= set(there):
            return list(self._writers)
        others = sorted(column for column in there if column not in self._writers)
        # One of parity, which takes part in every stripe; then data, for what it does not have need not be read.
        parity = [column for column in others if column >= self._k][:1]
        others = [*parity, *(column for column in others if column not in parity)]
        return others[: self._k] if len(others) >= self._k else []

    async def _rows(self, sources: Sequence[int], offset: int) -> dict[int, memoryview]:
        """What is at hand from ``offset`` on, as much of each; nothing if one of them cannot be read."""
        streams = [self._streams[column] for column in sources]
        found = await asyncio.gather(
            *(s.some(offset, CARRY_BYTES, self._window) for s in streams), return_exceptions=True
        )
        rows: dict[int, memoryview] = {}
        for stream, row in zip(streams, found, strict=True):
            if isinstance(row, DriveError):
                self._avoided.add(stream.column)
                if not isinstance(row, DriveTimeout):
                    self.done.bad.setdefault(stream.column, str(row))
            elif isinstance(row, BaseException):
                raise row
            else:
                rows[stream.column] = row
        if len(rows) < len(sources):
            return {}
        going_on = [len(rows[s.column]) for s in streams if offset + len(rows[s.column]) < s.length]
        size = min(going_on) if going_on else max(map(len, rows.values()))
        return {column: row[:size] if len(row) >= size else _longer(row, size) for column, row in rows.items()}

    async def _odd(self, offset: int, end: int) -> int:
        """One stripe by itself, from as many shards as it takes, or a place where there is none; where to go on."""
        begun, self._begun = self._begun, None
        if begun is not None:
            await self._stripe(begun)
            return begun.following
        header = await header_at(self._streams, self._k, offset)
        if header is None:
            self._be_sure(offset, 0)
            following = await next_stripe(self._streams, offset + HEADER_UNIT_BYTES, end)
            return end if following is None else following
        begun = Begun(header, {column: [] for column in self._writers})
        await self._stripe(begun)
        return begun.following

    async def _stripe(self, begun: Begun) -> None:
        header = begun.header
        wanted = [column for column in self._writers if header.kind == VOID or header.length_of(column)]
        if header.kind == VOID:
            for column in wanted:
                await self._writers[column].put(header.stripe_offset, replace(header, column=column).pack())
            return
        if wanted:
            stripe = _Stripe(self._volume, self._streams, begun, self.done.bad)
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
    """One stripe, or the rest of it. ``bad`` is told of sources that fail."""

    def __init__(self, volume: Volume, streams: Mapping[int, ShardStream], begun: Begun, bad: dict[int, str]) -> None:
        self._k, self._n, self._m = volume.profile.k, volume.profile.n, volume.profile.m
        self._streams, self._begun, self._header, self._bad = streams, begun, begun.header, bad
        header = begun.header
        self._headers: dict[int, StripeHeader] = {header.column: header}
        self._lost: set[int] = set()
        self.readable = 0  # columns, where that were too few

    async def write(self, writers: Mapping[int, ShardWriter], throttle: Throttle) -> None:
        """Write these columns and their headers. Raises DriveError of a writer, TooManyLost."""
        header = self._header
        sums = self._begun.sums
        base = header.stripe_offset + header.header_bytes
        whole = header.width <= CHUNK_BYTES and not self._begun.low
        for low in range(self._begun.low, header.width, CHUNK_BYTES):
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


def _longer(row: memoryview, size: int) -> memoryview:
    """What a shard that ends has, and the zeros that it counts for."""
    padded = memoryview(bytearray(size))
    padded[: len(row)] = row
    return padded

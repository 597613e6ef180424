"""StripeReader: verified bytes of one stripe's columns, rebuilt from the others where a column is lost."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from objstore.drive.base import Drive
from objstore.erasure import codec_for
from objstore.format.checksum import first_bad_block
from objstore.format.stripe import StripeHeader, unpack_header
from objstore.model.errors import CorruptData, DriveError, DriveTimeout, TooManyLost
from objstore.model.limits import BLOCK_BYTES, READ_TIMEOUT_SECONDS
from objstore.model.volumes import Volume

Damage = Callable[[Volume, int, str], None]


class StripeReader:
    """Reads columns of the stripe at ``offset``. ``damaged`` is told of every column that could not be read right."""

    def __init__(
        self, volume: Volume, drives: Sequence[Drive | None], offset: int, header_bytes: int, damaged: Damage
    ) -> None:
        self._volume, self._drives = volume, drives
        self._offset, self._header_bytes, self._damaged = offset, header_bytes, damaged
        self._headers: dict[int, StripeHeader] = {}
        self._lost: set[int] = set()
        self._k = volume.profile.k

    async def header(self, column: int) -> StripeHeader:
        """That column's own header, with its checksums. Raises DriveError, CorruptData."""
        known = self._headers.get(column)
        if known is None:
            raw = bytearray(self._header_bytes)
            await self._read(column, self._offset, [raw], None)
            known = self._headers[column] = unpack_header(raw, self._volume.id, self._offset, column)
        return known

    async def any_header(self) -> StripeHeader:
        """The header as any shard has it, parity first, for parity takes part in every stripe. Raises TooManyLost."""
        for header in self._headers.values():
            return header
        n = self._volume.profile.n
        for column in [*range(self._k, n), *range(self._k)]:
            try:
                return await self.header(column)
            except (DriveError, CorruptData):
                continue
        raise TooManyLost(f"no header left of stripe {self._offset} of volume {self._volume.id.hex()}")

    async def read(
        self, column: int, start: int, end: int, outputs: Sequence[memoryview] | None = None
    ) -> memoryview | None:
        """Bytes [start, end) of a column, verified, rebuilt if need be.

        With ``outputs`` they are read straight into these (start and end must be block borders, or the column's end)
        and None is returned. Raises TooManyLost.
        """
        try:
            if column not in self._lost:
                return await self._read_own(column, start, end, outputs)
        except (DriveError, CorruptData) as error:
            self.lose(column, str(error))
        rebuilt = await self._rebuild(column, start, end)
        if outputs is None:
            return rebuilt
        _scatter(rebuilt, outputs)
        return None

    def lose(self, column: int, reason: str) -> None:
        """Do not try this column again, and report it."""
        if column not in self._lost:
            self._lost.add(column)
            self._damaged(self._volume, column, reason)

    async def _read_own(
        self, column: int, start: int, end: int, outputs: Sequence[memoryview] | None
    ) -> memoryview | None:
        header = await self.header(column)
        first, last = start // BLOCK_BYTES, -(-end // BLOCK_BYTES)
        low, high = first * BLOCK_BYTES, min(last * BLOCK_BYTES, header.length_of(column))
        if end > high:
            raise CorruptData(f"column {column} has {high} bytes, {end} expected")
        sums = header.checksums[first:last]
        at = self._offset + self._header_bytes + low
        if outputs is not None and low == start and high == end:
            await self._read(column, at, outputs, lambda: _verify(outputs, sums))
            return None
        whole = memoryview(bytearray(high - low))
        await self._read(column, at, [whole], lambda: _verify([whole], sums))
        wanted = whole[start - low : end - low]
        if outputs is None:
            return wanted
        _scatter(wanted, outputs)
        return None

    async def _read(self, column: int, at: int, buffers: Sequence[Any], check: Callable[[], None] | None) -> None:
        drive = self._drives[column]
        if drive is None:
            raise DriveError(f"the drive of column {column} is not here")
        try:
            async with asyncio.timeout(READ_TIMEOUT_SECONDS):
                await drive.read(self._volume.id, at, buffers, check)
        except TimeoutError:
            drive.suspect("late read")
            raise DriveTimeout(f"drive {drive.id} took longer than {READ_TIMEOUT_SECONDS} s", drive.id) from None

    async def _rebuild(self, column: int, start: int, end: int) -> memoryview:
        """The column's bytes from k others; short and absent columns are the zeros that the header says they are."""
        header = await self.any_header()
        # Whole blocks of the others: they are verified on the way.
        low, high = start // BLOCK_BYTES * BLOCK_BYTES, min(-(-end // BLOCK_BYTES) * BLOCK_BYTES, header.width)
        present: dict[int, memoryview] = {}
        candidates = [c for c in self._by_cost(header, low) if c != column and c not in self._lost]
        while len(present) < self._k:
            batch, candidates = candidates[: self._k - len(present)], candidates[self._k - len(present) :]
            if not batch:
                raise TooManyLost(
                    f"{len(present)} of the {self._k} columns needed are readable in stripe {self._offset} "
                    f"of volume {self._volume.id.hex()}"
                )
            found = await asyncio.gather(*(self._padded(header, c, low, high) for c in batch))
            present |= {c: content for c, content in zip(batch, found, strict=True) if content is not None}
        loop = asyncio.get_running_loop()
        codec = codec_for(self._k, self._volume.profile.m)
        [whole] = await loop.run_in_executor(None, codec.rebuild, present, [column])
        return whole[start - low : end - low]

    def _by_cost(self, header: StripeHeader, low: int) -> list[int]:
        """Columns, those first of which nothing has to be read."""
        return sorted(range(self._volume.profile.n), key=lambda c: header.length_of(c) > low)

    async def _padded(self, header: StripeHeader, column: int, low: int, high: int) -> memoryview | None:
        """Bytes [low, high) of a column with zeros where it has none; None if it cannot be read right."""
        there = min(high, header.length_of(column))
        if there <= low:
            return memoryview(bytes(high - low))
        content = memoryview(bytearray(high - low))
        try:
            await self._read_own(column, low, there, [content[: there - low]])
        except (DriveError, CorruptData) as error:
            self.lose(column, str(error))
            return None
        return content


def _verify(views: Sequence[memoryview], sums: Sequence[int]) -> None:
    """Raises CorruptData unless the blocks have these checksums; every view but the last is whole blocks."""
    at = 0
    for view in views:
        count = -(-len(view) // BLOCK_BYTES)
        bad = first_bad_block(view, sums[at : at + count])
        if bad is not None:
            raise CorruptData(f"checksum of block {at + bad} differs")
        at += count
    if at != len(sums):
        raise CorruptData(f"{len(sums)} checksums for {at} blocks")


def _scatter(source: memoryview, outputs: Sequence[memoryview]) -> None:
    at = 0
    for output in outputs:
        output[:] = source[at : at + len(output)]
        at += len(output)

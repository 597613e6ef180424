"""StripeReader: verified bytes of one stripe's columns, rebuilt from the others where a column is lost."""

import asyncio
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from objstore.drive.base import Drive
from objstore.drive.threads import CallGroup
from objstore.erasure import codec_for
from objstore.format.checksum import first_bad_block
from objstore.format.stripe import StripeHeader, unpack_header
from objstore.model import clock
from objstore.model.errors import CorruptData, DriveAway, DriveError, DriveTimeout, LateRead, TooManyLost
from objstore.model.limits import BLOCK_BYTES
from objstore.model.volumes import Volume
from objstore.volume.hedge import first_of, hedge_of, swallow

Damage = Callable[[Volume, int, Exception], None]
CHECKED_INLINE_BYTES_MAX = 64 * 1024  # of a column: more is checked, and decoded, in a thread
GAP_BYTES_MAX = 64 * 1024  # between a header and what is wanted of its column: read along, for one call in place of two
Span = tuple[int, int, Sequence[memoryview] | None]  # start and end in a column, and where the bytes go


class StripeReader:
    """Reads columns of the stripe at ``offset``. ``damaged`` is told of every column that could not be read right."""

    def __init__(
        self, volume: Volume, drives: Sequence[Drive | None], offset: int, header_bytes: int, damaged: Damage
    ) -> None:
        self._volume, self._drives = volume, drives
        self._offset, self._header_bytes, self._damaged = offset, header_bytes, damaged
        self._headers: dict[int, StripeHeader] = {}
        self._lost: set[int] = set()
        self._slow: set[int] = set()  # of the lost ones, those that may come yet
        self._k = volume.profile.k
        self._hedge = hedge_of(volume.tier)

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
        columns = self._candidates([*range(self._k, n), *range(self._k)])
        calls = [functools.partial(self._header_or_none, column) for column in columns]
        for header in (await first_of(calls, 1, self._hedge.delay_seconds, extra=1)).values():
            return header
        raise TooManyLost(f"no header left of stripe {self._offset} of volume {self._volume.id.hex()}")

    async def read(self, column: int, start: int, end: int) -> memoryview:
        """Bytes [start, end) of a column, verified, rebuilt if need be. Raises TooManyLost."""
        drive, found = self._drives[column], []

        async def directly() -> None:
            await self.header(column)
            plan = self._plan(column, (start, end, None))
            await self._read(column, plan.at, plan.buffers, plan.check)
            found.append(plan.wanted)

        if column not in self._lost and drive is not None and self._volume.profile.m:
            try:
                rebuilt = await self._hedge.race(directly, drive, lambda: self._rebuild(column, start, end))
                return found[0] if rebuilt is None else rebuilt
            except (DriveError, CorruptData, TimeoutError) as error:
                self.lose(column, error if not isinstance(error, TimeoutError) else self._late(drive))
        elif column not in self._lost:
            try:
                await directly()
                return found[0]
            except (DriveError, CorruptData) as error:
                self.lose(column, error)
        try:
            return await self._rebuild(column, start, end)
        except TooManyLost:
            if column not in self._slow:
                raise
            try:
                await directly()  # there is no other way
            except (DriveError, CorruptData) as error:
                raise TooManyLost(f"the last column there was: {error}") from error
            return found[0]

    def lose(self, column: int, error: Exception) -> None:
        """Do not try this column again, and report it."""
        if column not in self._lost:
            self._lost.add(column)
            if isinstance(error, DriveTimeout) and not isinstance(error, DriveAway):
                self._slow.add(column)
            self._damaged(self._volume, column, error)

    async def read_many(self, spans: Mapping[int, Span]) -> None:
        """Several columns' bytes at once, into their outputs, verified, rebuilt where need be.

        Raises TooManyLost; LateRead when drives did not answer in time: they may still write into their columns'
        outputs. The other columns' are as they should be.
        """
        plans = await self._plans(spans)
        failed: dict[int, Exception] = {}
        # What the page cache holds is read in one thread: a hand-over for each column would cost more than the copying.
        cached = await asyncio.get_running_loop().run_in_executor(None, self._read_now, plans)
        waiting = {column: plan for column, plan in plans.items() if column not in cached}
        late = await self._wait(waiting, failed)
        for column, (start, end, outputs) in spans.items():
            if column in late:
                continue
            if column in plans and column not in failed:
                plans[column].deliver()
                continue
            if column in failed:
                self.lose(column, failed[column])
            assert outputs is not None
            scatter(await self.read(column, start, end), outputs)
        if late:
            raise LateRead(f"columns {sorted(late)} are late", late)

    async def _wait(self, waiting: "Mapping[int, _Plan]", failed: dict[int, Exception]) -> frozenset[int]:
        """Read these columns; those that are late: a few while the others can make good for them, or all in the end."""
        if not waiting:
            return frozenset()
        group, hedge, patience = CallGroup(len(waiting)), self._hedge, self._patience(waiting)
        begun = clock.monotonic_seconds()
        for column, plan in waiting.items():
            self._start(column, plan, group, failed)

        def late() -> frozenset[int]:
            return frozenset(waiting.keys() - set(group.ended))

        def longer() -> float:
            return 0.0 if self._are_few(late() | failed.keys()) and not hedge.is_busy else patience

        try:
            await group.wait(hedge.delay_seconds, longer)
        except TimeoutError:
            columns = late()
            hedge.note(hedge.delay_seconds)
            self._outran(columns)
            return columns
        hedge.note(clock.monotonic_seconds() - begun)
        return frozenset()

    def _are_few(self, columns: Iterable[int]) -> bool:
        """Whether the others can make good for them."""
        return len(self._lost.union(columns)) <= self._volume.profile.m

    def _outran(self, columns: Iterable[int]) -> None:
        for drive in filter(None, (self._drives[column] for column in columns)):
            self._hedge.outran(drive)

    def _late(self, drive: Drive) -> DriveTimeout:
        drive.suspect("late read")
        return DriveTimeout(f"drive {drive.id} took longer than {drive.read_seconds} s", drive.id)

    async def _header_or_none(self, column: int) -> StripeHeader | None:
        try:
            return await self.header(column)
        except (DriveError, CorruptData):
            return None

    def _candidates(self, columns: Iterable[int]) -> list[int]:
        """Those that are not lost in their order, but what is to be avoided, and then what is slow, at the end."""

        def rank(column: int) -> int:
            drive = self._drives[column]
            return 2 if column in self._slow else int(drive is None or not drive.reachable)

        return sorted((c for c in columns if c not in self._lost or c in self._slow), key=rank)

    def read_many_now(self, spans: Mapping[int, Span]) -> bool:
        """As ``read_many``, in the event loop: True if the page cache held all of it, and unharmed."""
        with suppress(CorruptData):  # read again in a drive's thread, to be sure, and reported there
            for column, span in spans.items():
                drive = self._drives[column]
                if drive is None or column in self._lost or not self._know_header_now(column, drive):
                    return False
                plan = self._plan(column, span)
                if not drive.read_now(self._volume.id, plan.at, plan.buffers):
                    return False
                plan.check()
                plan.deliver()
            return True
        return False

    def _know_header_now(self, column: int, drive: Drive) -> bool:
        """Whether the column's header is known, or the page cache has it. Raises CorruptData."""
        if column not in self._headers:
            raw = bytearray(self._header_bytes)
            if not drive.read_now(self._volume.id, self._offset, [raw]):
                return False
            self._headers[column] = unpack_header(raw, self._volume.id, self._offset, column)
        return True

    def _patience(self, columns: Iterable[int]) -> float:
        here = (drive.read_seconds for column in columns if (drive := self._drives[column]) is not None)
        return max(here, default=0.0)

    def _read_now(self, plans: "Mapping[int, _Plan]") -> set[int]:
        """Read and verify what needs no waiting for a device; those columns. In a thread."""
        done = set()
        for column, plan in plans.items():
            drive = self._drives[column]
            if drive is not None and drive.read_now(self._volume.id, plan.at, plan.buffers):
                with suppress(CorruptData):  # read again in a drive's thread, to be sure, and reported there
                    plan.check()
                    done.add(column)
        return done

    async def _plans(self, spans: Mapping[int, Span]) -> "dict[int, _Plan]":
        """What to read of each column that is not lost."""
        plans = {}
        avoided = [c for c in spans if (drive := self._drives[c]) is not None and not drive.reachable]
        if self._are_few(avoided):
            for column in avoided:
                self.lose(column, DriveTimeout("its drive is avoided"))
        await self._know_headers([column for column in spans if column not in self._lost])
        for column, span in spans.items():
            if column not in self._lost:
                try:
                    plans[column] = self._plan(column, span)
                except CorruptData as error:
                    self.lose(column, error)
        return plans

    async def _know_headers(self, columns: Sequence[int]) -> None:
        calls = {asyncio.ensure_future(self.header(c)): c for c in columns if c not in self._headers}
        if not calls:
            return
        for call in calls:
            call.add_done_callback(swallow)  # whoever wants all this may be gone before they come
        _, late = await asyncio.wait(calls, timeout=self._hedge.delay_seconds)
        if late and (self._hedge.is_busy or not self._are_few(calls[call] for call in late)):
            _, late = await asyncio.wait(calls)  # each has the time-out of its drive
        self._outran(calls[call] for call in late)
        for call, column in calls.items():
            if call in late:
                self.lose(column, DriveTimeout("late"))
            elif isinstance(error := call.exception(), (DriveError, CorruptData)):
                self.lose(column, error)
            elif error is not None:
                raise error

    def _start(self, column: int, plan: "_Plan", group: CallGroup, failed: dict[int, Exception]) -> None:
        drive = self._drives[column]

        def done(result: Any, error: BaseException | None) -> None:
            if error is not None:
                failed[column] = error if isinstance(error, Exception) else DriveError(repr(error))
            group.ended.append(column)
            group.done(result, None)

        if drive is None:
            done(None, DriveAway(f"the drive of column {column} is not here"))
        else:
            drive.start_read(self._volume.id, plan.at, plan.buffers, plan.check, done)

    def _plan(self, column: int, span: "Span", of_another: StripeHeader | None = None) -> "_Plan":
        """What to read of a column, and what to hold it against. Raises CorruptData.

        Its header is known; with that ``of_another`` column it has no checksums yet.
        """
        start, end, _ = span
        header = of_another or self._headers[column]
        first, last = start // BLOCK_BYTES, -(-end // BLOCK_BYTES)
        low, high = first * BLOCK_BYTES, min(last * BLOCK_BYTES, header.length_of(column))
        if end > high:
            raise CorruptData(f"column {column} has {high} bytes, {end} expected")
        at = self._offset + self._header_bytes + low
        return _Plan(at, low, high, span, () if of_another else header.checksums[first:last])

    async def _read(self, column: int, at: int, buffers: Sequence[Any], check: Callable[[], None] | None) -> None:
        drive = self._drives[column]
        if drive is None:
            raise DriveAway(f"the drive of column {column} is not here")
        try:
            async with asyncio.timeout(drive.read_seconds):
                await drive.read(self._volume.id, at, buffers, check)
        except TimeoutError:
            raise self._late(drive) from None

    async def _rebuild(self, column: int, start: int, end: int) -> memoryview:
        """The column's bytes from k others; short and absent columns are the zeros that the header says they are."""
        header = await self.any_header()
        # Whole blocks of the others: they are verified on the way.
        low, high = start // BLOCK_BYTES * BLOCK_BYTES, min(-(-end // BLOCK_BYTES) * BLOCK_BYTES, header.width)
        candidates = self._candidates(c for c in self._by_cost(header, low) if c != column)
        calls = [functools.partial(self._padded, header, c, low, high) for c in candidates]
        found = await first_of(calls, self._k, self._hedge.delay_seconds, extra=1)
        if len(found) < self._k:
            raise TooManyLost(
                f"{len(found)} of the {self._k} columns needed are readable in stripe {self._offset} "
                f"of volume {self._volume.id.hex()}"
            )
        present = {candidates[index]: content for index, content in found.items()}
        codec = codec_for(self._k, self._volume.profile.m)
        if codec.is_fast and high - low <= CHECKED_INLINE_BYTES_MAX:
            [whole] = codec.rebuild(present, [column])
        else:
            [whole] = await asyncio.get_running_loop().run_in_executor(None, codec.rebuild, present, [column])
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
            # Its checksums are in its own header, where it lies in anybody's: both are read at once.
            plan = self._plan(column, (low, there, [content[: there - low]]), header)
            await self._read_with_header(column, low, plan)
            plan.sums = self._plan(column, (low, there, [])).sums
            if there - low <= CHECKED_INLINE_BYTES_MAX:
                plan.check()
            else:
                await asyncio.get_running_loop().run_in_executor(None, plan.check)
        except (DriveError, CorruptData) as error:
            self.lose(column, error)
            return None
        plan.deliver()
        return content

    async def _read_with_header(self, column: int, low: int, plan: "_Plan") -> None:
        """Read what is planned from byte ``low`` of a column on, and its header. Raises DriveError, CorruptData."""
        if column in self._headers:
            await self._read(column, plan.at, plan.buffers, None)
        elif low <= GAP_BYTES_MAX:
            raw = bytearray(self._header_bytes)
            await self._read(column, self._offset, [raw, bytearray(low), *plan.buffers], None)
            self._headers[column] = unpack_header(raw, self._volume.id, self._offset, column)
        else:
            read = self._read(column, plan.at, plan.buffers, None)
            for done in await asyncio.gather(self.header(column), read, return_exceptions=True):
                if isinstance(done, BaseException):
                    raise done


class _Plan:
    """One read of a column: whole blocks, straight into the outputs where these are whole blocks themselves."""

    __slots__ = ("_outputs", "at", "buffers", "sums", "wanted")

    def __init__(self, at: int, low: int, high: int, span: Span, sums: Sequence[int]) -> None:
        start, end, outputs = span
        self.at, self.sums = at, sums
        self._outputs: Sequence[memoryview] = ()
        if outputs is not None and low == start and high == end:
            self.buffers, self.wanted = outputs, memoryview(b"")
        else:
            whole = memoryview(bytearray(high - low))
            self.buffers, self.wanted = [whole], whole[start - low : end - low]
            self._outputs = outputs or ()

    def check(self) -> None:
        """Raises CorruptData unless what was read is what was written."""
        _verify(self.buffers, self.sums)

    def deliver(self) -> None:
        """Put what was read where it was wanted, unless it was read there."""
        scatter(self.wanted, self._outputs)


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


def scatter(source: memoryview, outputs: Sequence[memoryview]) -> None:
    """Copy bytes into outputs, one after the other."""
    at = 0
    for output in outputs:
        output[:] = source[at : at + len(output)]
        at += len(output)

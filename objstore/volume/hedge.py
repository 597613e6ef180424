"""Hedges: a read that is late is begun a second way, and whichever comes first is taken.

Late is what takes much longer than reads of the tier do. Their median is what that is measured by: one slow drive among
few does not move it. So a slow drive costs a reader that delay and a rebuild from other columns, not its own time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from objstore.drive.base import Drive
from objstore.model import clock
from objstore.model.errors import TooManyLost

MEDIANS = 4.0
DELAY_SECONDS_MIN = 0.005  # a turn of a busy loop is no reason to read twice
DELAY_SECONDS_MAX = 0.5
STEP = 1.05
IN_FLIGHT_MAX = 32  # of a tier: where everything is slow, reading twice makes it slower
LATE_MAX = 5  # reads of a drive that were outrun within LATE_SECONDS: then it is avoided for a while
LATE_SECONDS = 1.0
Result = TypeVar("Result")


class Hedge:
    """Of one tier in this process: how long reads take, who is late, how many are being outrun."""

    def __init__(self) -> None:
        self._median = DELAY_SECONDS_MIN / MEDIANS
        self._in_flight = 0
        self._late: dict[str, tuple[float, int]] = {}
        self.begun = self.won = 0

    @property
    def delay_seconds(self) -> float:
        """After this a read is late."""
        return min(max(self._median * MEDIANS, DELAY_SECONDS_MIN), DELAY_SECONDS_MAX)

    @property
    def is_busy(self) -> bool:
        """No more reads may be begun a second way now."""
        return self._in_flight >= IN_FLIGHT_MAX

    def note(self, seconds: float) -> None:
        """A read took so long. The median moves by a small factor towards it."""
        self._median *= STEP if seconds > self._median else 1 / STEP

    def outran(self, drive: Drive) -> None:
        """A second way was faster than this drive."""
        self.won += 1
        now = clock.monotonic_seconds()
        since, count = self._late.get(drive.id, (now, 0))
        if now - since > LATE_SECONDS:
            since, count = now, 0
        self._late[drive.id] = (since, count + 1)
        if count + 1 == LATE_MAX:
            drive.suspect("slow")

    async def race(
        self, read: Callable[[], Awaitable[object]], drive: Drive, instead: Callable[[], Awaitable[Result]]
    ) -> Result | None:
        """None if ``read`` was first; else what ``instead`` gave, for that was first.

        Of a drive that is to be avoided ``read`` is begun only if ``instead`` cannot be done. Raises what ``read``
        raises, if that is first, and TimeoutError when neither comes in the drive's time.
        """
        if not drive.reachable:
            try:
                return await instead()
            except TooManyLost:
                pass
        begun, call = clock.monotonic_seconds(), asyncio.ensure_future(read())
        try:
            await asyncio.wait((call,), timeout=self.delay_seconds)
            if not call.done() and not self.is_busy:
                # However it ends it took long: where most reads do, that is not late any more.
                self.note(self.delay_seconds)
                return await self._outrun(call, drive, begun, instead)
            if not call.done():
                await asyncio.wait((call,), timeout=drive.read_seconds)
            if not call.done():
                raise TimeoutError
        finally:
            # What nobody waits for any more ends by itself: a drive has its own time-out.
            call.add_done_callback(swallow)
        self.note(clock.monotonic_seconds() - begun)
        call.result()
        return None

    async def _outrun(
        self, call: "asyncio.Future[object]", drive: Drive, begun: float, instead: Callable[[], Awaitable[Result]]
    ) -> Result | None:
        self.begun += 1
        self._in_flight += 1
        other = asyncio.ensure_future(instead())
        try:
            await asyncio.wait((call, other), timeout=drive.read_seconds, return_when=asyncio.FIRST_COMPLETED)
            if other.done() and other.exception() is None:
                self.outran(drive)
                return other.result()
            if not call.done():  # the other way does not exist
                await asyncio.wait((call,), timeout=max(0.0, begun + drive.read_seconds - clock.monotonic_seconds()))
            if not call.done():
                raise TimeoutError
            if call.exception() is not None:
                return await other  # it may be on its way still
            return None
        finally:
            self._in_flight -= 1
            if not other.done():
                other.cancel()
            else:
                swallow(other)


async def first_of(
    calls: Sequence[Callable[[], Awaitable[Result | None]]], count: int, delay_seconds: float, extra: int = 0
) -> dict[int, Result]:
    """The first ``count`` results of calls that give something, by their index; fewer if there are no more.

    So many are begun at once, and ``extra`` ones: it is the slowest of several that is waited for, and without the
    slowest that takes half the time. One more is begun for each that gives None or is late.
    """
    found: dict[int, Result] = {}
    running: dict[asyncio.Future[Result | None], int] = {}
    following = iter(enumerate(calls))
    late: set[asyncio.Future[Result | None]] = set()

    def begin() -> None:
        for index, call in following:
            running[asyncio.ensure_future(call())] = index
            return

    for _ in range(count + extra):
        begin()
    try:
        while running and len(found) < count:
            timeout = delay_seconds if running.keys() - late else None
            done, _ = await asyncio.wait(running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            for call in done:
                index, result = running.pop(call), call.result()
                if result is not None:
                    found[index] = result
                else:
                    begin()
            if not done:
                for call in [*(running.keys() - late)]:
                    late.add(call)
                    begin()
    finally:
        for call in running:
            call.cancel()
    return dict(sorted(found.items())[:count])


def swallow(call: "asyncio.Future[Any]") -> None:
    """Whatever became of a call that nobody waits for any more."""
    if call.done() and not call.cancelled():
        call.exception()


_by_tier: dict[str, Hedge] = {}


def hedges() -> Mapping[str, Hedge]:
    """Of all tiers that were read from."""
    return _by_tier


def hedge_of(tier: str) -> Hedge:
    """The tier's."""
    found = _by_tier.get(tier)
    if found is None:
        found = _by_tier[tier] = Hedge()
    return found

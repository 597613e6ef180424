"""Pace: how fast background work may go: bytes and operations a second, hours of the day, and clients first."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from objstore.model import clock
from objstore.model.errors import ObjstoreError
from objstore.work.governor import SHARE_MIN, TURN_SECONDS, Clients, Governor

ASK_SECONDS = 0.5
LISTEN_SECONDS_MAX = 3 * TURN_SECONDS
# Shorter than what it takes to hear clients without us: else nothing would be heard of them beside us. Batches that are
# long enough to hear them meanwhile may rest longer.
REST_SECONDS_MAX = 3.0
LONG_BATCH_SECONDS, LONG_REST = 1.2 * TURN_SECONDS, 4.0
SMALLEST = 4  # the smallest batch is a quarter of the largest: each has its flushes, however small
SHRINK_BELOW = 2.0  # times the share: batches are whole from a half on
BURST_SECONDS = 1.0
SLEEP_SECONDS_MIN, SLEEP_SECONDS_MAX = 0.001, 1.0


@dataclass(frozen=True, slots=True)
class Window:
    """Minutes of the day (UTC) in which the engine may move bytes; one that ends before it begins spans midnight."""

    start: int
    end: int

    @classmethod
    def parse(cls, text: str) -> "Window":
        """``HH:MM-HH:MM``; raises ValueError."""
        start, dash, end = text.partition("-")
        if not dash:
            raise ValueError(f"{text!r}: a window is written HH:MM-HH:MM")
        return cls(_minute(start), _minute(end))

    def holds(self, minute: int) -> bool:
        """Whether a minute of the day is in it; start and end the same: always."""
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


def _minute(text: str) -> int:
    hours, colon, minutes = text.strip().partition(":")
    if not colon or not (hours.isdigit() and minutes.isdigit()) or int(hours) > 24 or int(minutes) > 59:
        raise ValueError(f"{text!r} is no time of day")
    return (int(hours) * 60 + int(minutes)) % (24 * 60)


class TokenBucket:
    """Lets ``rate`` units a second pass; what is taken beyond that is waited for. No rate: no bound."""

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._level = rate * BURST_SECONDS if rate else 0.0
        self._at = clock.monotonic_seconds()
        self._used = False

    async def take(self, units: float) -> None:
        """Take units, then wait until the debt is paid: a large item passes at once and the next one waits."""
        rate = self._rate
        while rate is not None:
            self._used = True
            self._refill(rate)
            if self._level >= 0:
                self._level -= units
                return
            await asyncio.sleep(min(max(-self._level / rate, SLEEP_SECONDS_MIN), SLEEP_SECONDS_MAX))
            rate = self._rate  # which may be another one by now

    def was_used(self) -> bool:
        """Whether anything was taken, or waited for, or is yet to be paid, since this was last asked."""
        used, self._used = self._used, False
        if self._rate is not None:
            self._refill(self._rate)
        return used or self._level < 0

    def set_rate(self, rate: float | None) -> None:
        """Another rate from now on, also for those who wait."""
        if rate == self._rate:
            return
        if self._rate is None:
            self._level, self._at = (rate or 0.0) * BURST_SECONDS, clock.monotonic_seconds()
        else:
            self._refill(self._rate)
        self._rate = rate

    def _refill(self, rate: float) -> None:
        now = clock.monotonic_seconds()
        self._level = min(self._level + (now - self._at) * rate, rate * BURST_SECONDS)
        self._at = now


class Pace:
    """``clients``: what clients do now, asked at most once in ``ASK_SECONDS``. Beyond ``quiet`` operations a second the
    engine rests ``rest`` times as long as each of its batches took; with ``factor``, as long as keeps their p99 within
    so many times what it is without (work/governor.py), where that is known. No ``rest``: nobody is given way to.
    ``stop`` ends every rest around a batch.
    """

    def __init__(
        self,
        bytes_per_second: float | None = None,
        operations_per_second: float | None = None,
        windows: Sequence[Window] = (),
        clients: Callable[[], Awaitable[Clients]] | None = None,
        quiet: float = 1.0,
        rest: float = 1.0,
        factor: float | None = None,
        stop: asyncio.Event | None = None,
    ) -> None:
        self._bytes, self._operations = TokenBucket(bytes_per_second), TokenBucket(operations_per_second)
        self._windows, self._clients, self._quiet, self._rest = windows, clients, quiet, rest
        self._governor = None if factor is None else Governor(factor, quiet, 1 / (1 + rest))
        self._known, self._asked = Clients(), float("-inf")
        self._share, self._active, self._idle_since = 1.0, 0, clock.monotonic_seconds()
        self._turn, self._stop = asyncio.Lock(), stop or asyncio.Event()

    def set_rates(self, bytes_per_second: float | None, operations_per_second: float | None = None) -> None:
        """Other bounds from now on, also for what is under way."""
        self._bytes.set_rate(bytes_per_second)
        self._operations.set_rate(operations_per_second)

    def were_used(self) -> tuple[bool, bool]:
        """Of the bounds of bytes and of operations, whether each was used since this was last asked."""
        return self._bytes.was_used(), self._operations.was_used()

    def is_open(self, now: datetime) -> bool:
        """Whether bytes may be moved at this time of the day."""
        return not self._windows or any(window.holds(now.hour * 60 + now.minute) for window in self._windows)

    async def bytes(self, count: int) -> None:
        """Before so many bytes are moved."""
        await self._judge()
        await self._bytes.take(count)

    async def operations(self, count: int) -> None:
        """Before so many versions are acted on."""
        await self._operations.take(count)

    async def rest_after(self, took: timedelta) -> float:
        """For how many seconds to rest after a batch that took so long: 0 unless clients are busy."""
        if self._clients is None or not self._rest:
            return 0.0
        return took.total_seconds() * self._rest if (await self._ask()).operations > self._quiet else 0.0

    # ---- With a governor.

    @property
    def share(self) -> float:
        """The part of the time that work may take now."""
        return self._share

    def items(self, most: int) -> int:
        """How many items a batch may have: fewer where clients are close to what they can bear, so that it is short."""
        return max(most // SMALLEST, min(most, round(most * SHRINK_BELOW * self._share)))

    @contextlib.asynccontextmanager
    async def batch(self) -> AsyncIterator[None]:
        """Around a batch: waits for its turn, and rests after it. While clients are busy, one at a time."""
        await self._listen()
        if self._share >= 1.0:
            async with self.working():
                yield
            return
        async with self._turn:
            began = clock.monotonic_seconds()
            async with self.working():
                yield
            took = clock.monotonic_seconds() - began
            await self._rest_from(took)

    async def _rest_from(self, took: float) -> None:
        """As long as the share asks for, while there are clients to rest for."""
        longest = REST_SECONDS_MAX if took < LONG_BATCH_SECONDS else LONG_REST * took
        left = min(took * (1 - self._share) / self._share, longest)
        while left > 0 and not self._stop.is_set():
            await self._sleep(min(left, REST_SECONDS_MAX))
            left -= REST_SECONDS_MAX
            if left > 0 and (await self._ask()).operations <= self._quiet:
                return

    async def breathe(self, since: float, least: float) -> None:
        """Between two pieces of long work: rest for what was worked since then, as the share asks for.

        ``least``: the share is never less. Many short rests keep clients' latency lower than few long ones.
        """
        share, took = max(await self._judge(), least), clock.monotonic_seconds() - since
        if share < 1.0:
            await self._sleep(min(took * (1 - share) / share, REST_SECONDS_MAX))

    async def idle(self) -> None:
        """There is nothing to do: a good moment to learn how clients fare without us."""
        await self._judge()

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Around work: what is heard of clients meanwhile is not how they fare without us."""
        self._active += 1
        try:
            yield
        finally:
            self._active -= 1
            self._idle_since = clock.monotonic_seconds()

    async def _listen(self) -> None:
        """Rest for as long as it takes to hear clients without us; not for ever, for others may be at work."""
        until = clock.monotonic_seconds() + LISTEN_SECONDS_MAX
        while not await self._judge() and clock.monotonic_seconds() < until and not self._stop.is_set():
            await self._sleep(ASK_SECONDS)

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    async def _judge(self) -> float:
        if self._governor is None or self._clients is None or not self._rest:
            return self._share
        clients, now = await self._ask(), clock.monotonic_seconds()
        share = self._governor.share(clients, now, 0.0 if self._active else now - self._idle_since)
        self._share = share or SHARE_MIN
        return share

    async def _ask(self) -> Clients:
        now = clock.monotonic_seconds()
        if self._clients is not None and now - self._asked >= ASK_SECONDS:
            self._asked = now
            with contextlib.suppress(ObjstoreError):  # what was known is better than nothing
                self._known = await self._clients()
        return self._known

"""Pace: how fast background work may go: bytes and operations a second, hours of the day, and clients first."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from objstore.model import clock

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

    async def take(self, units: float) -> None:
        """Take units, then wait until the debt is paid: a large item passes at once and the next one waits."""
        if self._rate is None:
            return
        self._refill()
        while self._level < 0:
            await asyncio.sleep(min(max(-self._level / self._rate, SLEEP_SECONDS_MIN), SLEEP_SECONDS_MAX))
            self._refill()
        self._level -= units

    def _refill(self) -> None:
        assert self._rate is not None
        now = clock.monotonic_seconds()
        self._level = min(self._level + (now - self._at) * self._rate, self._rate * BURST_SECONDS)
        self._at = now


class Pace:
    """``clients``: requests a second that clients make now; beyond ``quiet`` of them the engine rests ``rest`` times
    as long as each of its batches took.
    """

    def __init__(
        self,
        bytes_per_second: float | None = None,
        operations_per_second: float | None = None,
        windows: Sequence[Window] = (),
        clients: Callable[[], Awaitable[float]] | None = None,
        quiet: float = 1.0,
        rest: float = 1.0,
    ) -> None:
        self._bytes, self._operations = TokenBucket(bytes_per_second), TokenBucket(operations_per_second)
        self._windows, self._clients, self._quiet, self._rest = windows, clients, quiet, rest

    def is_open(self, now: datetime) -> bool:
        """Whether bytes may be moved at this time of the day."""
        return not self._windows or any(window.holds(now.hour * 60 + now.minute) for window in self._windows)

    async def bytes(self, count: int) -> None:
        """Before so many bytes are moved."""
        await self._bytes.take(count)

    async def operations(self, count: int) -> None:
        """Before so many versions are acted on."""
        await self._operations.take(count)

    async def rest_after(self, took: timedelta) -> float:
        """For how many seconds to rest after a batch that took so long: 0 unless clients are busy."""
        if self._clients is None or not self._rest:
            return 0.0
        return took.total_seconds() * self._rest if await self._clients() > self._quiet else 0.0

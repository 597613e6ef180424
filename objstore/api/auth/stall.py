"""StallWatch: gives up on bodies that do not move, at the price of a set insertion a read.

One timer an event loop looks at the bodies that are being waited for, instead of one timer a read.
"""

import asyncio
from typing import Protocol

from objstore.model.limits import BODY_STALL_BYTES, BODY_STALL_SECONDS

_TICKS = 12  # a stall is noticed within a twelfth more than its time


class Waiter(Protocol):
    """A body that waits for its client. ``ticks`` and ``moved_bytes`` belong to the watch."""

    received_bytes: int
    moved_bytes: int
    ticks: int

    def stalled(self) -> None:
        """It was given up: wake whoever waits."""
        ...


class StallWatch:
    """``seconds``: how long a body may be waited for without ``bytes_min`` more of it coming in."""

    def __init__(self, seconds: float = BODY_STALL_SECONDS, bytes_min: int = BODY_STALL_BYTES) -> None:
        self._period_seconds = seconds / _TICKS
        self._bytes_min = bytes_min
        self._waiting: set[Waiter] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def enter(self, waiter: Waiter) -> None:
        """``waiter`` begins to wait."""
        if self._loop is not (loop := asyncio.get_running_loop()):
            self._waiting.clear()
            self._loop = loop
            loop.call_later(self._period_seconds, self._tick, loop)
        self._waiting.add(waiter)

    def leave(self, waiter: Waiter) -> None:
        """``waiter`` waits no longer."""
        self._waiting.discard(waiter)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not loop:
            return
        if not self._waiting:
            self._loop = None
            return
        for waiter in list(self._waiting):
            if waiter.received_bytes - waiter.moved_bytes >= self._bytes_min:
                waiter.moved_bytes, waiter.ticks = waiter.received_bytes, 0
            waiter.ticks += 1
            if waiter.ticks > _TICKS:
                waiter.stalled()
        loop.call_later(self._period_seconds, self._tick, loop)

"""A bounded set of sessions, the last used first.

asyncpg's own pool spends a task, a proxy and a round trip on each loan. Here a loan costs a semaphore, and a session
whose work was cut short (lost, timed out, cancelled) is never lent again.
"""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

from objstore.meta.session import Session
from objstore.model import clock
from objstore.model.errors import DatabaseBusy, DatabaseUnavailable
from objstore.model.limits import QUEUE_SECONDS_MAX

SECONDS_LEFT_MIN = 0.01


class Pool:
    """At most ``size`` sessions, opened when they are needed.

    ``loans``: so far; ``lent_seconds``: how long these took; ``waiting``: who waits for one now; ``wait_seconds``: how
    long anybody has.
    """

    def __init__(self, open_session: Callable[[float], Awaitable[Session]], size: int) -> None:
        self._open_session = open_session
        self._slots = asyncio.Semaphore(size)
        self._idle: list[Session] = []
        self._lent: set[Session] = set()
        self._closed = False
        self.size = size
        self.loans = self.waiting = 0
        self.lent_seconds = self.wait_seconds = 0.0
        self._since: dict[Session, float] = {}

    @property
    def lent(self) -> int:
        """Sessions in use."""
        return len(self._lent)

    @property
    def idle(self) -> int:
        """Sessions that are open and not in use."""
        return len(self._idle)

    async def acquire(self, deadline: float) -> Session:
        """A session that looks alive.

        Raises DatabaseUnavailable if there is none by ``deadline``, or within ``QUEUE_SECONDS_MAX``: DatabaseBusy if
        all are lent.
        """
        if self._slots.locked():
            begun = clock.monotonic_seconds()
            self.waiting += 1
            try:
                await asyncio.wait_for(self._slots.acquire(), seconds_left(deadline))
            except TimeoutError:
                raise DatabaseBusy("every connection to Postgres is busy") from None
            finally:
                self.waiting -= 1
                self.wait_seconds += clock.monotonic_seconds() - begun
        else:
            await self._slots.acquire()
        try:
            session = await self._take(deadline)
        except BaseException:
            self._slots.release()
            raise
        self._lent.add(session)
        self._since[session] = clock.monotonic_seconds()
        self.loans += 1
        return session

    def release(self, session: Session, healthy: bool) -> None:
        """Give back; unless ``healthy`` the connection is cut, which rolls back whatever it was doing."""
        self._lent.discard(session)
        self.lent_seconds += clock.monotonic_seconds() - self._since.pop(session, clock.monotonic_seconds())
        if healthy and not self._closed and not session.is_closed():
            self._idle.append(session)
        else:
            session.terminate()
        self._slots.release()

    async def close(self) -> None:
        """Close the idle sessions and cut those that are lent."""
        self._closed = True
        for session in self._lent:
            session.terminate()
        while self._idle:
            session = self._idle.pop()
            try:
                await session.close(timeout=QUEUE_SECONDS_MAX)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                session.terminate()

    async def _take(self, deadline: float) -> Session:
        if self._closed:
            raise DatabaseUnavailable("the database was closed")
        while self._idle:
            session = self._idle.pop()
            if not session.is_closed():
                return session
        return await self._open_session(seconds_left(deadline))


def seconds_left(deadline: float) -> float:
    """How long to wait for a connection: never 0, which would not even let one be taken that is there."""
    return min(max(deadline - clock.monotonic_seconds(), SECONDS_LEFT_MIN), QUEUE_SECONDS_MAX)

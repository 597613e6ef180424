"""Threads of one drive, and groups of calls that many drives work on together.

concurrent.futures costs a future, two locks and one wake-up of the event loop a call. A stripe is k+m calls: here they
share one future and one wake-up.
"""

import asyncio
import threading
from collections.abc import Callable
from itertools import count
from queue import SimpleQueue
from typing import Any

from objstore.model import clock
from objstore.model.errors import DriveTimeout
from objstore.model.limits import DRIVE_QUEUE_MAX, DRIVE_STUCK_SECONDS, DRIVE_TIMEOUT_SECONDS
from objstore.work.spans import carried

CLOSE_SECONDS_MAX = 5.0
PAUSED_SECONDS = 0.5  # a timer that rings so late says that this process stood still, not that a drive did
Done = Callable[[Any, BaseException | None], None]
_Job = tuple[Callable[..., Any], tuple[Any, ...], Done]


class DriveThreads:
    """Up to ``most`` threads, started when there is work for them.

    A call that hangs holds only its drive's threads. Once they all hang, calls queue up for ``DRIVE_STUCK_SECONDS``;
    from then on they are refused with DriveTimeout, until the drive moves again.
    """

    def __init__(self, name: str, most: int) -> None:
        self._name, self._most = name, most
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._idle = 0
        self._moved = 0.0  # when a thread last took a call, or the queue was last seen empty
        self._threads: list[threading.Thread] = []

    @property
    def stuck(self) -> bool:
        """Calls wait, and none has been taken up for a while."""
        waiting = self._jobs.qsize()
        if not waiting:
            return False
        return waiting >= DRIVE_QUEUE_MAX or clock.monotonic_seconds() - self._moved > DRIVE_STUCK_SECONDS

    def start(self, work: Callable[..., Any], args: tuple[Any, ...], done: Done) -> None:
        """Run ``work(*args)`` in a thread; ``done(result, error)`` is called there, or here if the drive is stuck."""
        waiting = self._jobs.qsize()
        if not waiting:
            self._moved = clock.monotonic_seconds()
        elif self.stuck:
            _tell(done, None, DriveTimeout(f"{self._name} hangs, {waiting} calls wait for it"))
            return
        if self._idle <= waiting and len(self._threads) < self._most:
            thread = threading.Thread(target=self._loop, name=f"{self._name}-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        work, args = carried(_name_of(args), work, args)
        self._jobs.put((work, args, done))

    def call(self, work: Callable[..., Any], args: tuple[Any, ...]) -> "asyncio.Future[Any]":
        """Run ``work(*args)`` in a thread; await the future for its result, or DriveTimeout."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def settle(result: Any, error: BaseException | None) -> None:
            late.cancel()
            if not future.done():
                if error is None:
                    future.set_result(result)
                else:
                    future.set_exception(error)

        def done(result: Any, error: BaseException | None) -> None:
            loop.call_soon_threadsafe(settle, result, error)

        def expire() -> None:
            settle(None, DriveTimeout(f"{self._name} took longer than {DRIVE_TIMEOUT_SECONDS} s"))

        late = loop.call_later(DRIVE_TIMEOUT_SECONDS, expire)
        self.start(work, args, done)
        return future

    def close(self) -> None:
        """Finish what was started, then let the threads go; those that hang are left behind."""
        deadline = clock.monotonic_seconds() + CLOSE_SECONDS_MAX
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(max(0.0, deadline - clock.monotonic_seconds()))

    def _loop(self) -> None:
        while True:
            self._idle += 1  # a hint, so a lost update does no harm
            job = self._jobs.get()
            self._idle -= 1
            self._moved = clock.monotonic_seconds()
            if job is None:
                return
            work, args, done = job
            try:
                result = work(*args)
            except BaseException as error:
                _tell(done, None, error)
            else:
                _tell(done, result, None)
            del job, work, args, done  # nothing is kept alive while the thread waits


def _name_of(args: tuple[Any, ...]) -> str:
    """Of a span: a drive's calls are guarded, and the guard is told what to do first."""
    return f"drive {getattr(args[0], '__name__', '').strip('_')}" if args else "drive"


def _tell(done: Done, result: Any, error: BaseException | None) -> None:
    try:
        done(result, error)
    except RuntimeError:
        # The event loop has closed: nobody is waiting any more.
        return


class CallGroup:
    """Calls that end in any thread; ``wait`` gives their errors once all have ended.

    ``ended``: those of the numbered calls that have.
    """

    def __init__(self, calls: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._calls, self._count = calls, count(1)
        self._errors: list[BaseException] = []
        self._all: asyncio.Future[bool] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self.ended: list[int] = []

    def done(self, _result: Any, error: BaseException | None) -> None:
        """One call has ended. From any thread: ``next`` of a count and ``append`` are atomic."""
        if error is not None:
            self._errors.append(error)
        if next(self._count) == self._calls:
            self._loop.call_soon_threadsafe(self._resolve, True)

    def numbered(self, number: int) -> Done:
        """As ``done``, for a call that ``ended`` is to tell of."""

        def done(result: Any, error: BaseException | None) -> None:
            self.ended.append(number)
            self.done(result, error)

        return done

    async def wait(self, timeout_seconds: float, longer: Callable[[], float] | None = None) -> list[BaseException]:
        """The errors of the calls. Raises TimeoutError when some have not ended in time.

        ``longer`` is asked once, when time is up, how many seconds more it shall be.
        """
        self._arm(timeout_seconds, longer)
        try:
            if not await self._all:
                raise TimeoutError
        finally:
            if self._timer is not None:
                self._timer.cancel()
        return self._errors

    def _arm(self, seconds: float, longer: Callable[[], float] | None) -> None:
        self._timer = self._loop.call_later(seconds, self._ring, self._loop.time() + seconds, seconds, longer)

    def _ring(self, due: float, seconds: float, longer: Callable[[], float] | None) -> None:
        if self._all.done():
            return
        if self._loop.time() - due > PAUSED_SECONDS:
            self._arm(seconds, longer)
        elif longer is not None and (more := longer()) > 0:
            self._arm(more, None)
        else:
            self._resolve(False)

    def _resolve(self, in_time: bool) -> None:
        if not self._all.done():
            self._all.set_result(in_time)

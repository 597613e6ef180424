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

Done = Callable[[Any, BaseException | None], None]
_Job = tuple[Callable[..., Any], tuple[Any, ...], Done]


class DriveThreads:
    """Up to ``most`` threads, started when there is work for them. A call that hangs holds only its drive's threads."""

    def __init__(self, name: str, most: int) -> None:
        self._name, self._most = name, most
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._idle = 0
        self._threads: list[threading.Thread] = []

    def start(self, work: Callable[..., Any], args: tuple[Any, ...], done: Done) -> None:
        """Run ``work(*args)`` in a thread; ``done(result, error)`` is called there."""
        if self._idle <= self._jobs.qsize() and len(self._threads) < self._most:
            thread = threading.Thread(target=self._loop, name=f"{self._name}-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._jobs.put((work, args, done))

    def call(self, work: Callable[..., Any], args: tuple[Any, ...]) -> "asyncio.Future[Any]":
        """Run ``work(*args)`` in a thread; await the future for its result."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def settle(result: Any, error: BaseException | None) -> None:
            if not future.done():
                if error is None:
                    future.set_result(result)
                else:
                    future.set_exception(error)

        def done(result: Any, error: BaseException | None) -> None:
            loop.call_soon_threadsafe(settle, result, error)

        self.start(work, args, done)
        return future

    def close(self) -> None:
        """Finish what was started, then let the threads go."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _loop(self) -> None:
        while True:
            self._idle += 1  # a hint, so a lost update does no harm
            job = self._jobs.get()
            self._idle -= 1
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


def _tell(done: Done, result: Any, error: BaseException | None) -> None:
    try:
        done(result, error)
    except RuntimeError:
        # The event loop has closed: nobody is waiting any more.
        return


class CallGroup:
    """Calls that end in any thread; ``wait`` gives their errors once all have ended."""

    def __init__(self, calls: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._calls, self._ended = calls, count(1)
        self._errors: list[BaseException] = []
        self._all: asyncio.Future[bool] = self._loop.create_future()

    def done(self, _result: Any, error: BaseException | None) -> None:
        """One call has ended. From any thread: ``next`` of a count and ``append`` are atomic."""
        if error is not None:
            self._errors.append(error)
        if next(self._ended) == self._calls:
            self._loop.call_soon_threadsafe(self._resolve, True)

    async def wait(self, timeout_seconds: float) -> list[BaseException]:
        """The errors of the calls. Raises TimeoutError when some have not ended in time."""
        late = self._loop.call_later(timeout_seconds, self._resolve, False)
        try:
            if not await self._all:
                raise TimeoutError
        finally:
            late.cancel()
        return self._errors

    def _resolve(self, in_time: bool) -> None:
        if not self._all.done():
            self._all.set_result(in_time)

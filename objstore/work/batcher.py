"""Batcher: requests that are in flight together share one crossing of a costly boundary.

There is no timer. While one batch is in flight the next one gathers, so an idle server adds no latency and a busy
one amortises.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from operator import itemgetter
from typing import Any, Generic, TypeVar

from objstore.model.errors import Overloaded
from objstore.model.limits import BATCH_BYTES_MAX, BATCH_ITEMS_MAX, QUEUE_SECONDS_MAX
from objstore.work.spans import here, span

# Answers leave, clients send, the loop reads. With 64 connections a batch had 16 items with 0 turns, 28 with 8.
REJOIN_TURNS = 8
_parent = itemgetter(2)
Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Collects items and hands them to ``work`` in order, ``in_flight`` batches at a time.

    A batch beside another one starts only once ``crowd`` items wait: until then it is cheaper to gather.

    ``work`` gives one result an item; an Exception in its place is raised to that item's waiter alone, and an
    exception of ``work`` itself to all of the batch. An item that has waited ``wait_seconds`` in the queue is refused
    with Overloaded, also while a batch hangs. ``observe`` is told each batch's size, ``unclaimed`` each result whose
    waiter has gone. ``name``: of its spans.
    """

    def __init__(
        self,
        work: Callable[[list[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        in_flight: int = 1,
        crowd: int = 1,
        items_max: int = BATCH_ITEMS_MAX,
        weigh: Callable[[Item], int] | None = None,
        weight_max: int = BATCH_BYTES_MAX,
        observe: Callable[[int], None] | None = None,
        unclaimed: Callable[[Result], None] | None = None,
        wait_seconds: float = QUEUE_SECONDS_MAX,
        name: str = "batch",
    ) -> None:
        self._work = work
        self._in_flight = in_flight
        self._crowd = crowd
        self._items_max = items_max
        self._weigh = weigh
        self._weight_max = weight_max
        self._observe = observe
        self._unclaimed = unclaimed
        self._wait_seconds = wait_seconds
        self._name = name
        self._expiry: asyncio.TimerHandle | None = None
        self._queue: deque[tuple[Item, asyncio.Future[Result], float, Any]] = deque()
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, item: Item) -> "asyncio.Future[Result]":
        """Queue an item; await the future for its result."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        self._queue.append((item, done, loop.time(), here()))
        if not self._running or (self._running < self._in_flight and len(self._queue) >= self._crowd):
            self._running += 1
            task = loop.create_task(self._run())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif self._expiry is None:
            self._expiry = loop.call_later(self._wait_seconds, self._expire)
        return done

    @property
    def depth(self) -> int:
        """Items that wait for a batch."""
        return len(self._queue)

    async def drain(self) -> None:
        """Wait until everything submitted so far is answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _run(self) -> None:
        # One turn of the loop, so that the requests that it is reading now can join.
        await asyncio.sleep(0)
        try:
            while batch := self._take():
                await self._do(batch)
                if len(batch) > 1:
                    # Those who have just been answered ask again at once: let them join those who wait already, or two
                    # halves would take turns for ever, each paying for a crossing of its own.
                    for _ in range(REJOIN_TURNS):
                        await asyncio.sleep(0)
        finally:
            self._running -= 1

    def _take(self) -> list[tuple[Item, "asyncio.Future[Result]", Any]]:
        batch: list[tuple[Item, asyncio.Future[Result], Any]] = []
        weight, oldest = 0, asyncio.get_running_loop().time() - self._wait_seconds
        queue, weigh = self._queue, self._weigh
        while queue and len(batch) < self._items_max:
            item, done, since, parent = queue[0]
            if weigh is not None:
                weight += weigh(item)
                if batch and weight > self._weight_max:
                    break
            queue.popleft()
            if done.done():  # its waiter was cancelled
                continue
            if since < oldest:
                _refuse(done)
                continue
            batch.append((item, done, parent))
        return batch

    def _expire(self) -> None:
        """Refuse those who have waited too long. One timer a queue, armed while somebody waits."""
        loop, queue = asyncio.get_running_loop(), self._queue
        now = loop.time()
        while queue and (queue[0][1].done() or queue[0][2] <= now - self._wait_seconds):
            _refuse(queue.popleft()[1])
        self._expiry = None
        if queue:
            left = queue[0][2] + self._wait_seconds - now
            self._expiry = loop.call_later(left, self._expire)

    async def _do(self, batch: list[tuple[Item, Any, Any]]) -> None:
        if self._observe is not None:
            self._observe(len(batch))
        try:
            with span(self._name, map(_parent, batch), items=len(batch)):
                results = await self._work([item for item, _, _ in batch])
        except asyncio.CancelledError:
            for _, done, _ in batch:
                done.cancel()
            raise
        except Exception as error:
            for _, done, _ in batch:
                if not done.done():
                    done.set_exception(error)
            return
        for (_, done, _), result in zip(batch, results, strict=True):
            if done.done():
                if self._unclaimed is not None and not isinstance(result, Exception):
                    self._unclaimed(result)
            elif isinstance(result, Exception):
                done.set_exception(result)
            else:
                done.set_result(result)


def _refuse(done: "asyncio.Future[Any]") -> None:
    if not done.done():
        done.set_exception(Overloaded("waited too long in the queue"))

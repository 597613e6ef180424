"""AnswerWatch: gives up on requests that cannot be answered in time, at the price of a set insertion a request.

pyarrow hangs up on an answer of which nothing has come after 3 s, and so do others sooner or later: a 503 that says
"try again" is worth more to them. One timer an event loop looks at the requests that are being served.
"""

import asyncio

from objstore.api.s3.call import Call
from objstore.model.limits import ANSWER_SECONDS_MAX

_TICK_SECONDS = 0.1


class AnswerWatch:
    """Cancels the task of a call that has kept its client waiting for ``seconds``, and sets its ``late``.

    Time counts from the last byte of the request, and not for what is ``unhurried``.
    """

    def __init__(self, seconds: float = ANSWER_SECONDS_MAX) -> None:
        self._seconds = seconds
        self._calls: set[Call] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def enter(self, call: Call) -> None:
        """The current task begins to work on an answer."""
        if self._loop is not (loop := asyncio.get_running_loop()):
            self._calls.clear()
            self._loop = loop
            loop.call_later(_TICK_SECONDS, self._tick, loop)
        call.task = asyncio.current_task()
        self._calls.add(call)

    def leave(self, call: Call) -> None:
        """It has one. The task's context knows the call: if the call knew the task, both would be garbage of the kind
        that only the collector finds, 27 objects a request and a fifth of the CPU of a small GET."""
        self._calls.discard(call)
        call.task = None

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not loop:
            return
        if not self._calls:
            self._loop = None
            return
        now = loop.time()
        for call in list(self._calls):
            if not call.since_seconds or call.waits_for_client():
                call.since_seconds = now
            elif now - call.since_seconds > self._seconds and not call.unhurried():
                self._give_up(call)
        loop.call_later(_TICK_SECONDS, self._tick, loop)

    def _give_up(self, call: Call) -> None:
        self._calls.discard(call)
        call.late = True
        if call.task is not None:
            call.task.cancel()

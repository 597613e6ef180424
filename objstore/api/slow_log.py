"""SlowLog: a line in the log for each request that took long, and what of it took how long.

A request carries a few moments (of the process's monotonic clock) with it, each the end of a stage; what they come to
is only worked out for those that are slow.
"""

import structlog

from objstore.api.s3.call import Call

# The ends of a write's stages, as the store tells them: of a small one, which shares its batch, and of a large one,
# whose bytes are encoded and written while they come.
_SMALL = ("receive", "queue", "append", "commit")
_LARGE = ("receive", "flush", "commit")

LINES_MAX = 20

_log = structlog.get_logger(__name__)


class SlowLog:
    """Writes down what takes ``seconds`` or longer; 0: nothing. When all is slow, at most ``LINES_MAX`` lines a second:
    the next one says how many were left out.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds or float("inf")
        self._second = self._lines = self._left_out = 0

    def note(self, call: Call, seconds: float) -> None:
        """A request was served within ``seconds``."""
        if seconds < self._seconds:
            return
        if not self._is_wanted(int(call.begun + seconds)):
            return
        request = call.request
        stages = stages_of(call, call.begun + seconds)
        _log.warning(
            "slow_request",
            request_id=request.request_id,
            operation=call.operation,
            bucket=request.bucket,
            status=call.status,
            seconds=round(seconds, 3),
            sent=call.sent_bytes,
            left_out=self._left_out,
            slowest=max(stages, key=lambda name: stages[name]),
            **{f"{name}_seconds": round(took, 3) for name, took in stages.items()},
        )
        self._left_out = 0

    def _is_wanted(self, second: int) -> bool:
        if second != self._second:
            self._second, self._lines = second, 0
        self._lines += 1
        if self._lines <= LINES_MAX:
            return True
        self._left_out += 1
        return False


def stages_of(call: Call, ended: float) -> dict[str, float]:
    """Seconds of each stage that the request came to, in their order: they add up to all of it."""
    ends: list[tuple[str, float]] = [("auth", call.admitted)]
    if call.stages:
        ends += zip(_SMALL if len(call.stages) == len(_SMALL) else _LARGE, call.stages, strict=True)
    elif call.looked_up:
        ends += [("metadata", call.looked_up), ("read", call.answered)]
    else:
        ends.append(("handle", call.answered))
    ends.append(("send", ended))
    found, before = dict[str, float](), call.begun
    for name, moment in ends:
        if moment:  # a stage that was not reached has no end
            found[name] = max(0.0, moment - before)
            before = max(before, moment)
    return found

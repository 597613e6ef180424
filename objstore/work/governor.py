"""Governor: which part of the time background work may take, so that clients' latency stays near what it is without.

What clients' requests take is measured where they are served. While nobody of us works, that is what it is without us
(``base``); while we work it may be ``factor`` times that. Above, the part becomes smaller, at most by half each time;
well below, it grows by a quarter. Now and then, and when clients do much more or less than before, all work rests to
learn the base anew. Without clients there is no bound.

Pure: whoever asks says what time it is.
"""

from dataclasses import dataclass

# Gateways say every two seconds what the last two seconds were like: what is known after so long is of these.
TURN_SECONDS = 5.0
LEARN_AGAIN_SECONDS = 300.0
LOAD_CHANGE = 2.0  # times as many or as few operations: another base
SHARE_MIN = 0.02
LEAST_FACTOR, GROWTH, NEAR = 0.5, 1.25, 0.9
NEW_WEIGHT = 0.5  # of a reading, beside those before: 99 of 100 of two seconds are not many


@dataclass(frozen=True, slots=True)
class Clients:
    """``operations``: a second; ``p99_seconds``: of small requests, 0 if there were too few to say."""

    operations: float = 0.0
    p99_seconds: float = 0.0


class Governor:
    """``quiet``: so many operations a second are nobody; ``unknown``: the part where there is no latency to go by."""

    def __init__(self, factor: float, quiet: float, unknown: float) -> None:
        self._factor, self._quiet, self._unknown = factor, quiet, unknown
        self._share = unknown
        self._base: Clients | None = None
        self._seen = 0.0
        self._learned = self._turned = float("-inf")
        self._has_yielded = False

    def share(self, clients: Clients, now: float, idle_seconds: float) -> float:
        """The part of the time for work from now on; 0: rest for a while, then ask again.

        ``idle_seconds``: for how long nobody has worked.
        """
        if clients.operations <= self._quiet:
            return 1.0
        if not clients.p99_seconds:
            return self._unknown
        if idle_seconds >= TURN_SECONDS:
            self._learn(clients, now)
        elif self._base is None or now - self._learned > LEARN_AGAIN_SECONDS or self._is_other(clients):
            self._yield(clients)
            return 0.0
        elif now - self._turned >= TURN_SECONDS:
            self._turn(clients.p99_seconds, self._base.p99_seconds * self._factor)
            self._turned = now
        return self._share

    def _learn(self, clients: Clients, now: float) -> None:
        seconds = clients.p99_seconds
        if self._base is not None and not self._is_other(clients):
            seconds = _mixed(self._base.p99_seconds, seconds)
        self._base, self._learned, self._turned, self._seen = Clients(clients.operations, seconds), now, now, 0.0
        self._has_yielded = False

    def _yield(self, clients: Clients) -> None:
        """Clients that wait for each answer make fewer requests when we slow them: that, too, may be our doing."""
        if (
            self._base is not None
            and not self._has_yielded
            and clients.operations * LOAD_CHANGE < self._base.operations
        ):
            self._share, self._has_yielded = max(SHARE_MIN, self._share * LEAST_FACTOR), True

    def _is_other(self, clients: Clients) -> bool:
        assert self._base is not None
        return not 1 / LOAD_CHANGE <= clients.operations / self._base.operations <= LOAD_CHANGE

    def _turn(self, seconds: float, allowed: float) -> None:
        self._seen = _mixed(self._seen, seconds) if self._seen else seconds
        if self._seen > allowed:
            self._share = max(SHARE_MIN, self._share * max(LEAST_FACTOR, allowed / self._seen))
        elif self._seen < NEAR * allowed:
            self._share = min(1.0, self._share * GROWTH)


def _mixed(before: float, new: float) -> float:
    return before + NEW_WEIGHT * (new - before)

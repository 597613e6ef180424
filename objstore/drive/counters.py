"""Counters: what a drive did since it was opened, and how long it took. Threads add without a lock: a lost update of a
statistic does no harm."""

from bisect import bisect_left

# From a page that the kernel still holds to a disk that hangs.
SECONDS_BOUNDS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5)


class Durations:
    """How many took how long: one count a bound, and what took longer than the last."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(SECONDS_BOUNDS) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(SECONDS_BOUNDS, seconds)] += 1
        self.seconds += seconds


class Counters:
    """``reads`` with those that the page cache served; ``reading`` is without them. ``writing``: flushes included."""

    __slots__ = ("read_bytes", "reading", "reads", "syncs", "writes", "writing", "written_bytes")

    def __init__(self) -> None:
        self.reads = self.read_bytes = self.writes = self.written_bytes = self.syncs = 0
        self.reading, self.writing = Durations(), Durations()

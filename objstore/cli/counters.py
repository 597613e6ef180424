"""What drives, the store and Postgres' connections count, as metrics."""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Protocol

from objstore.api.metrics import Metrics
from objstore.drive.counters import SECONDS_BOUNDS, Counters, Durations
from objstore.drive.health import Health
from objstore.lifecycle.heat import Folding
from objstore.meta.pool import Pool
from objstore.model.tiers import tier_of_code
from objstore.store.accesses import Accesses
from objstore.store.flows import Flows, Total
from objstore.store.store import Queue
from objstore.volume.hedge import hedges

_COUNTERS = ("reads", "read_bytes", "writes", "written_bytes", "syncs")
Values = list[tuple[tuple[str, ...], float]]


class CountedDrive(Protocol):
    """What a drive counts."""

    id: str
    tier: str
    counters: Counters
    health: Health

    @property
    def reachable(self) -> bool: ...


def count_drives(metrics: Metrics, drives: Collection[CountedDrive]) -> None:
    """Let ``metrics`` read the drives' own counters."""
    for name in _COUNTERS:
        metrics.count_from(f"objstore_drive_{name}_total", f"Drives: {name.replace('_', ' ')}.", ("tier", "drive"),
                           lambda name=name: _values(drives, name))  # type: ignore[misc]  # fmt: skip
    metrics.count_from(
        "objstore_drive_errors_total",
        "Drives: failed operations.",
        ("tier", "drive"),
        lambda: [((drive.tier, drive.id), drive.health.errors) for drive in drives],
    )
    metrics.count_from(
        "objstore_drive_busy_seconds_total",
        "Time that operations of a drive took, the page cache's not counted; those at a time add up.",
        ("tier", "drive"),
        lambda: [((drive.tier, drive.id), _busy(drive.counters)) for drive in drives],
    )
    metrics.durations_from(
        "objstore_drive_latency_seconds",
        "Time of an operation of a drive of a tier, flushes included, the page cache's reads not.",
        ("tier", "operation"),
        SECONDS_BOUNDS,
        lambda: _durations(drives),
    )
    metrics.gauges_from(
        "objstore_drives_unreachable",
        "Drives that this server's processes avoid because they fail or hang; one counts once a process.",
        ("tier",),
        lambda: _sums((drive.tier, float(not drive.reachable)) for drive in drives),
    )


def _values(drives: Collection[CountedDrive], name: str) -> Iterable[tuple[tuple[str, ...], float]]:
    return [((drive.tier, drive.id), getattr(drive.counters, name)) for drive in drives]


def _busy(counters: Counters) -> float:
    return counters.reading.seconds + counters.writing.seconds


def _durations(drives: Collection[CountedDrive]) -> Iterator[tuple[tuple[str, ...], list[int], float]]:
    found: dict[tuple[str, str], tuple[list[int], float]] = {}
    for drive in drives:
        for operation, durations in (("read", drive.counters.reading), ("write", drive.counters.writing)):
            name = drive.tier, operation
            found[name] = _added(durations, *found.get(name, ([0] * len(durations.counts), 0.0)))
    for name, (counts, seconds) in found.items():
        yield name, counts, seconds


def _added(more: Durations, counts: list[int], seconds: float) -> tuple[list[int], float]:
    return [a + b for a, b in zip(counts, more.counts, strict=True)], seconds + more.seconds


def _sums(values: Iterable[tuple[str, float]]) -> Values:
    found: dict[str, float] = {}
    for name, value in values:
        found[name] = found.get(name, 0.0) + value
    return [((name,), value) for name, value in found.items()]


def count_accesses(metrics: Metrics, accesses: Accesses, folding: Folding) -> None:
    """Let ``metrics`` read what becomes of the accesses that are counted in memory."""

    def count(name: str, text: str, total: Callable[[], float]) -> None:
        metrics.count_from(f"objstore_accesses_{name}_total", text, (), lambda: [((), total())])

    count("folded", "Versions whose rows were told of accesses.", lambda: folding.folded)
    count("missed", "Versions whose rows could not be told of accesses.", lambda: folding.missed)
    count("dropped", "Accesses that were not counted: there was no room.", lambda: accesses.dropped)
    count("fold_seconds", "Time spent telling rows of accesses.", lambda: folding.seconds)


def count_hedges(metrics: Metrics) -> None:
    """Let ``metrics`` read how often a read was late, and whether the second way was faster."""

    def values() -> Iterable[tuple[tuple[str, ...], float]]:
        for tier, hedge in hedges().items():
            yield (tier, "won"), hedge.won
            yield (tier, "lost"), hedge.begun - hedge.won

    metrics.count_from("objstore_hedged_reads_total", "Late reads that were begun a second way.",
                       ("tier", "outcome"), lambda: list(values()))  # fmt: skip


def count_degraded(metrics: Metrics, total: Callable[[], int]) -> None:
    """Let ``metrics`` read how many columns had to be rebuilt."""
    text = "Columns that had to be rebuilt from others while reading."
    metrics.count_from("objstore_degraded_reads_total", text, (), lambda: [((), total())])


def count_clients(metrics: Metrics, flows: Flows) -> None:
    """Let ``metrics`` read what clients write to tiers and read from them."""
    for what, index, noun in (("objects", 0, "Objects and parts"), ("bytes", 1, "Payload")):
        metrics.count_from(
            f"objstore_tier_written_{what}_total",
            f"{noun} that clients wrote.",
            ("tier",),
            lambda index=index: _by_tier(flows.written, index),  # type: ignore[misc]
        )
        metrics.count_from(
            f"objstore_tier_read_{what}_total",
            f"{noun} that clients read, from the page cache (memory) or from drives.",
            ("tier", "source"),
            lambda index=index: _reads(flows, index),  # type: ignore[misc]
        )


def _reads(flows: Flows, index: int) -> Values:
    cached = [((*name, "memory"), value) for name, value in _by_tier(flows.cached, index)]
    return cached + [((*name, "drives"), value) for name, value in _by_tier(flows.read, index)]


def _by_tier(totals: dict[int, Total], index: int) -> Values:
    return [((tier_of_code(code),), total[index]) for code, total in totals.items()]


def count_moves(metrics: Metrics, flows: Flows) -> None:
    """Let ``metrics`` read what went from tier to tier, and what expired."""
    for what, index, noun in (("objects", 0, "Objects"), ("bytes", 1, "Payload")):
        metrics.count_from(
            f"objstore_tier_moved_{what}_total",
            f"{noun} moved between tiers: demoted, promoted or restored.",
            ("verb", "source", "target"),
            lambda index=index: [  # type: ignore[misc]
                ((verb, tier_of_code(source), tier_of_code(target)), total[index])
                for (verb, source, target), total in flows.moved.items()
            ],
        )
        metrics.count_from(
            f"objstore_tier_expired_{what}_total",
            f"{noun} deleted for good by lifecycle rules.",
            ("tier",),
            lambda index=index: _by_tier(flows.expired, index),  # type: ignore[misc]
        )


def count_queues(metrics: Metrics, queues: Callable[[], Iterable[tuple[str, Queue]]]) -> None:
    """Let ``metrics`` read how many requests wait for a batch, by boundary."""
    metrics.gauges_from(
        "objstore_queue_items",
        "Requests that wait for a place in a batch.",
        ("boundary",),
        lambda: _sums((name, float(queue.depth)) for name, queue in queues()),
    )


def count_connections(metrics: Metrics, pool: Pool) -> None:
    """Let ``metrics`` read how Postgres' connections are used."""
    metrics.gauges_from(
        "objstore_database_connections",
        "Connections to Postgres: busy, idle, or (max) as many as there may be.",
        ("state",),
        lambda: [(("busy",), pool.lent), (("idle",), pool.idle), (("max",), pool.size)],
    )
    metrics.gauges_from(
        "objstore_database_waiting",
        "Statements and transactions that wait for a connection.",
        (),
        lambda: [((), pool.waiting)],
    )
    for name, text, total in (
        ("transactions", "Statements and transactions.", lambda: pool.loans),
        ("busy_seconds", "Time that these took.", lambda: pool.lent_seconds),
        ("wait_seconds", "Time that was spent waiting for a connection.", lambda: pool.wait_seconds),
    ):
        metrics.count_from(f"objstore_database_{name}_total", text, (), lambda total=total: [((), total())])  # type: ignore[misc]

"""What the drives count, as metrics."""

from collections.abc import Callable, Collection, Iterable
from typing import Protocol

from objstore.api.metrics import Metrics
from objstore.drive.health import Health
from objstore.drive.local import Counters
from objstore.lifecycle.heat import Folding
from objstore.store.accesses import Accesses
from objstore.volume.hedge import hedges

_COUNTERS = ("reads", "read_bytes", "writes", "written_bytes", "syncs")


class CountedDrive(Protocol):
    """What a drive counts."""

    id: str
    tier: str
    counters: Counters
    health: Health


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


def _values(drives: Collection[CountedDrive], name: str) -> Iterable[tuple[tuple[str, ...], float]]:
    return [((drive.tier, drive.id), getattr(drive.counters, name)) for drive in drives]


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

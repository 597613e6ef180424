"""Recorder: writes what this process has counted into the history, one statement every ten seconds.

What could not be written is dropped: history says what happened within a step, and a step without it is a gap.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping

import structlog

from objstore.api.audience import Audience, counts_of
from objstore.api.metrics import Metrics
from objstore.cli.counters import CountedDrive
from objstore.cli.pause import pause
from objstore.meta.database import Database
from objstore.meta.history_samples import Samples
from objstore.model import clock
from objstore.model.errors import ObjstoreError
from objstore.model.series import STEP, code_of
from objstore.model.tiers import tier_of_code
from objstore.store.flows import Flows, Total

# After the end of a step, so that steps of all processes have about the same bounds.
AFTER_SECONDS = 0.5

Counts = Iterable[tuple[str, str, float]]  # series, label, total since the process began
Source = Callable[[], Counts]

log = structlog.get_logger(__name__)


class Recorder:
    """``process``: its name, unique among those that run. ``sources``: what it counts.

    ``steps``: what it has counted since they were last asked; names may come and go there.
    """

    def __init__(
        self, database: Database, process: str, sources: Collection[Source], steps: Collection[Source] = ()
    ) -> None:
        self._samples, self._process, self._sources, self._steps = Samples(database), process, sources, steps
        self._before: dict[tuple[str, str], float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``, and once more then."""
        while not stop.is_set():
            await pause(stop, STEP - (clock.now_seconds() - AFTER_SECONDS) % STEP)
            await self.record()

    async def record(self) -> None:
        """Write what has been counted since the last time."""
        try:
            await self._samples.add(self._process, self._counted())
        except ObjstoreError as error:
            log.warning("history_not_written", error=repr(error))

    def _counted(self) -> list[tuple[int, str, float]]:
        found: list[tuple[int, str, float]] = []
        for source in self._sources:
            for series, label, total in source():
                more = total - self._before.get((series, label), 0)
                self._before[series, label] = total
                if more > 0:
                    found.append((code_of(series), label, more))
        found += [(code_of(series), label, more) for step in self._steps for series, label, more in step() if more > 0]
        return found


def of_requests(metrics: Metrics) -> Source:
    """Requests, by group of operations, and how long their first bytes took."""

    def read() -> Counts:
        metrics.flush()
        return [(series, label, total) for (series, label), total in metrics.totals.items()]

    return read


def of_clients(flows: Flows) -> Source:
    """What clients wrote and read, by tier."""
    kinds: Mapping[str, dict[int, Total]] = {"put": flows.written, "memory": flows.cached, "read": flows.read}

    def read() -> Counts:
        for kind, totals in kinds.items():
            for code, total in totals.items():
                yield from _both(kind, tier_of_code(code), total)

    return read


def of_audience(audience: Audience) -> Source:
    """Whom this process has answered since the last time."""

    def read() -> Counts:
        buckets, families = audience.take()
        yield from counts_of("bucket", buckets)
        yield from counts_of("client", families)

    return read


def of_moves(flows: Flows) -> Source:
    """What was moved between tiers, and expired."""

    def read() -> Counts:
        for (verb, source, target), total in flows.moved.items():
            yield from _both(verb, f"{tier_of_code(source)}:{tier_of_code(target)}", total)
        for code, total in flows.expired.items():
            yield from _both("expired", tier_of_code(code), total)

    return read


def of_drives(drives: Collection[CountedDrive]) -> Source:
    """What each drive did for this process."""

    def read() -> Counts:
        for drive in drives:
            counters = drive.counters
            yield "drive_operations", drive.id, counters.reads + counters.writes
            yield "drive_bytes", drive.id, counters.read_bytes + counters.written_bytes

    return read


def _both(kind: str, label: str, total: Total) -> Counts:
    yield f"{kind}_objects", label, total[0]
    yield f"{kind}_bytes", label, total[1]

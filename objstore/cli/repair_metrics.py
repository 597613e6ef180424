"""Metrics of repairs, from the database: what is short of redundancy, what waits, what was done.

Every worker reports the same, for the whole cluster: take the maximum over workers, not the sum.
"""

import asyncio
import contextlib

import structlog

from objstore.api.metrics import Metrics, Source
from objstore.meta.database import Database
from objstore.meta.inspections import InspectionKind, Inspections
from objstore.meta.redundancy import short_of_redundancy
from objstore.meta.repair_stats import RepairFigures, RepairStats
from objstore.meta.repairs import RepairKind, Repairs
from objstore.model import clock
from objstore.model.errors import ObjstoreError

LOOK_SECONDS = 5.0
_COUNTERS = {
    "volumes": "Volumes that were repaired.",
    "shards": "Shards that were written anew.",
    "bytes": "Bytes of shards that were written anew.",
    "failures": "Repairs that failed and were put off.",
    "lost_stripes": "Stripes of repaired volumes that fewer than k shards had.",
}

log = structlog.get_logger(__name__)


class RepairMetrics:
    """Looks every ``LOOK_SECONDS``; counters count from the start of the process."""

    def __init__(self, metrics: Metrics, database: Database) -> None:
        self._database = database
        self._levels = dict.fromkeys(
            ("volumes_short_of_redundancy", "repair_waiting_volumes", "repair_waiting_bytes", "scrub_oldest_seconds"),
            0.0,
        )
        self._before: dict[RepairKind, RepairFigures] | None = None
        self._now: dict[RepairKind, RepairFigures] = {}
        for name in self._levels:
            metrics.gauge_from(f"objstore_{name}", lambda name=name: self._levels[name])  # type: ignore[misc]
        for name, text in _COUNTERS.items():
            metrics.count_from(f"objstore_repair_{name}_total", text, ("kind",), self._source(name))

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``."""
        while not stop.is_set():
            try:
                await self._look()
            except ObjstoreError as error:
                log.warning("repairs_not_measured", error=repr(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_SECONDS)

    async def _look(self) -> None:
        waiting = await Repairs(self._database).waiting()
        self._levels["volumes_short_of_redundancy"] = await short_of_redundancy(self._database)
        self._levels["repair_waiting_volumes"] = sum(one.volumes for one in waiting)
        self._levels["repair_waiting_bytes"] = sum(one.bytes for one in waiting)
        scrubs = await Inspections(self._database).progress(InspectionKind.SCRUB)
        ages = [(clock.now() - one.last_finished).total_seconds() for one in scrubs if one.last_finished is not None]
        self._levels["scrub_oldest_seconds"] = max(ages, default=0.0)
        self._now = {one.kind: one for one in await RepairStats(self._database).figures()}
        if self._before is None:
            self._before = self._now

    def _source(self, name: str) -> Source:
        def read() -> list[tuple[tuple[str, ...], float]]:
            before = self._before or {}
            return [
                ((kind.name.lower(),), getattr(one, name) - (getattr(before[kind], name) if kind in before else 0))
                for kind, one in self._now.items()
            ]

        return read

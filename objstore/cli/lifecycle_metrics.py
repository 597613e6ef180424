"""Metrics of the lifecycle engine, from the database: what waits, how late it is, what was done, by action and tier.

Every server reports the same, for all of them: take the maximum over servers, not the sum.
"""

import asyncio
import contextlib

import structlog

from objstore.api.metrics import Metrics, Source
from objstore.meta.database import Database
from objstore.meta.lifecycle_status import Figures, figures_by_action, queue_length
from objstore.model import clock
from objstore.model.errors import ObjstoreError

LOOK_SECONDS = 10.0
_COUNTERS = {
    "objects": "Versions and uploads that lifecycle rules acted on.",
    "bytes": "Bytes of versions that lifecycle rules acted on.",
    "errors": "Attempts of lifecycle rules that failed.",
}

log = structlog.get_logger(__name__)


class LifecycleMetrics:
    """Looks every ``LOOK_SECONDS``; counters count from the start of the process."""

    def __init__(self, metrics: Metrics, database: Database) -> None:
        self._database = database
        self._before: dict[str, Figures] | None = None
        self._now: dict[str, Figures] = {}
        self._tasks, self._lag = 0, 0.0
        metrics.gauge_from("objstore_lifecycle_backlog", lambda: self._tasks)
        metrics.gauge_from("objstore_lifecycle_lag_seconds", lambda: self._lag)
        for name, text in _COUNTERS.items():
            source = self._source(name)
            metrics.count_from(f"objstore_lifecycle_{name}_total", text, ("action", "tier"), source)

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``."""
        while not stop.is_set():
            try:
                await self._look()
            except ObjstoreError as error:
                log.warning("lifecycle_not_measured", error=repr(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_SECONDS)

    async def _look(self) -> None:
        self._tasks, oldest = await queue_length(self._database)
        self._lag = 0.0 if oldest is None else max(0.0, (clock.now() - oldest).total_seconds())
        self._now = {one.action: one for one in await figures_by_action(self._database)}
        if self._before is None:
            self._before = self._now

    def _source(self, name: str) -> Source:
        def read() -> list[tuple[tuple[str, ...], float]]:
            sums: dict[tuple[str, str], float] = {}
            for one in self._now.values():
                before = (self._before or {}).get(one.action)
                more = getattr(one, name) - (getattr(before, name) if before else 0)
                sums[one.kind] = sums.get(one.kind, 0.0) + more
            return list(sums.items())

        return read

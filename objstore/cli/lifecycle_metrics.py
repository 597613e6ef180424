"""Metrics of the lifecycle engine, from the database: what waits, how late it is, what was done, by action and tier.

Every server reports the same, for all of them: take the maximum over servers, not the sum.
"""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime

import structlog

from objstore.api.metrics import Metrics, Source
from objstore.meta.database import Database
from objstore.meta.lifecycle_status import (
    Figures,
    RuleFigures,
    figures_by_action,
    figures_by_rule,
    queue_length,
)
from objstore.model import clock
from objstore.model.errors import ObjstoreError

LOOK_SECONDS = 10.0
_COUNTERS = {
    "objects": "Versions and uploads that lifecycle rules acted on.",
    "bytes": "Bytes of versions that lifecycle rules acted on.",
    "errors": "Attempts of lifecycle rules that failed.",
}


def _age(moment: datetime | None) -> float:
    return 0.0 if moment is None else max(0.0, (clock.now() - moment).total_seconds())


_BY_RULE: dict[str, tuple[str, Callable[[RuleFigures], float]]] = {
    "backlog": ("Versions and uploads that wait for a rule.", lambda one: one.tasks),
    "lag_seconds": ("Since when the oldest of them is due.", lambda one: _age(one.oldest_due)),
    "objects": ("Versions and uploads that the rule has acted on, ever.", lambda one: one.objects),
    "bytes": ("Their bytes.", lambda one: one.bytes),
    "errors": (
        "Attempts of the rule that failed, ever; the last error's text is in the admin API.",
        lambda one: one.errors,
    ),
    "last_error_seconds": (
        "When an attempt last failed, in seconds since 1970; 0: never.",
        lambda one: 0.0 if one.last_failed is None else one.last_failed.timestamp(),
    ),
}

log = structlog.get_logger(__name__)


class LifecycleMetrics:
    """Looks every ``LOOK_SECONDS``; counters count from the start of the process."""

    def __init__(self, metrics: Metrics, database: Database) -> None:
        self._database = database
        self._before: dict[str, Figures] | None = None
        self._now: dict[str, Figures] = {}
        self._tasks, self._lag = 0, 0.0
        self._rules: list[RuleFigures] = []
        for name, (text, level) in _BY_RULE.items():
            metrics.gauges_from(f"objstore_lifecycle_rule_{name}", text, ("rule",), self._levels(level))
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

    def _levels(self, level: Callable[[RuleFigures], float]) -> Source:
        return lambda: [((one.series,), level(one)) for one in self._rules]

    async def _look(self) -> None:
        self._tasks, oldest = await queue_length(self._database)
        self._lag = _age(oldest)
        self._rules = await figures_by_rule(self._database)
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

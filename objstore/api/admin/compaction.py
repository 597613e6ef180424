"""Compaction: one full pass on demand, with its last outcome."""

import asyncio
from dataclasses import asdict
from typing import Any

from objstore.lifecycle.compact import Compactor
from objstore.meta.database import Database
from objstore.meta.usage import seals_pending
from objstore.meta.volumes import Volumes
from objstore.model import clock

SEAL_SECONDS_MAX = 15.0  # writers hear of a request with their heartbeat, every two seconds
SEAL_POLL_SECONDS = 0.1


class Compaction:
    """At most one pass at a time in a process; other processes share the work by leases."""

    def __init__(self, compactor: Compactor, database: Database) -> None:
        self._compactor = compactor
        self._database = database
        self._running: asyncio.Task[dict[str, Any]] | None = None
        self.last: dict[str, Any] | None = None

    @property
    def running(self) -> bool:
        """Whether a pass is under way in this process."""
        return self._running is not None

    async def run(self, *, seal_all: bool, grace_seconds: float | None) -> dict[str, Any]:
        """Seal open volumes with garbage (or all), empty and retire, unlink what has had its grace; gives figures.

        Joins a pass that is under way. Goes on when the caller goes away.
        """
        if self._running is None:
            self._running = asyncio.create_task(self._pass(seal_all, grace_seconds))
            self._running.add_done_callback(self._ended)
        return await asyncio.shield(self._running)

    def _ended(self, _: "asyncio.Task[dict[str, Any]]") -> None:
        self._running = None

    async def _pass(self, seal_all: bool, grace_seconds: float | None) -> dict[str, Any]:
        begun = clock.monotonic_seconds()
        requested = await Volumes(self._database).request_seal(None if seal_all else 0.0)
        deadline = begun + SEAL_SECONDS_MAX
        while requested and clock.monotonic_seconds() < deadline:
            if not await seals_pending(self._database):
                break
            await asyncio.sleep(SEAL_POLL_SECONDS)
        outcome = await self._compactor.full_pass(grace_seconds)
        self.last = {
            "finished": clock.now().isoformat(),
            "seconds": round(clock.monotonic_seconds() - begun, 3),
            "seals_requested": requested,
            **asdict(outcome),
        }
        return self.last

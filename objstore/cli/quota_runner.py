"""Quotas of a gateway worker: read every few seconds, and at once when somebody has changed one."""

import asyncio

import structlog

from objstore.meta.quotas import Quotas
from objstore.model import clock
from objstore.model.errors import ObjstoreError
from objstore.store.quotas import Limits

LOOK_SECONDS = 5.0
# Pause so many times as long as the last reading took: sums over many buckets may take their time.
PACE = 10.0

log = structlog.get_logger(__name__)


class QuotaRunner:
    """Keeps ``limits`` as the database has them."""

    def __init__(self, quotas: Quotas, limits: Limits) -> None:
        self._quotas, self._limits = quotas, limits
        self._turn = asyncio.Lock()

    async def look(self) -> None:
        """Read them now. Raises DatabaseUnavailable."""
        async with self._turn:
            # What is let through from here on may be missing in what is read: it counts on.
            self._limits.begin()
            self._limits.take(await self._quotas.uses())

    async def run(self) -> None:
        """Until it is cancelled; what cannot be read stays as it was."""
        while True:
            begun = clock.monotonic_seconds()
            try:
                await self.look()
            except ObjstoreError as error:
                log.warning("quotas_not_read", error=repr(error))
            took = clock.monotonic_seconds() - begun
            await asyncio.sleep(max(LOOK_SECONDS, took * PACE))

"""Sweep: removes files that our own hand has replaced or given up. What was only found is never deleted here."""

import structlog

from objstore.meta.strays import Stray, StrayReason
from objstore.model.errors import ClusterError
from objstore.repair.context import RepairContext
from objstore.work.failpoint import reach

log = structlog.get_logger(__name__)

BATCH_FILES = 256
# Whoever builds a file says so several times within a lease.
ABANDONED_LEASES = 2


class Sweeper:
    """One bounded step at a time."""

    def __init__(self, context: RepairContext) -> None:
        self._context = context

    async def step(self, grace_seconds: float | None = None) -> int:
        """Delete what has had its grace, on the drives that answer; how many files."""
        context, settings = self._context, self._context.settings
        await context.strays.condemn(ABANDONED_LEASES * settings.lease_seconds)
        grace = settings.grace_seconds if grace_seconds is None else grace_seconds
        due = await context.strays.due(context.local_ids(), StrayReason.REPLACED, grace, BATCH_FILES)
        return sum([await self._remove(found) for found in due])

    async def _remove(self, found: Stray) -> bool:
        context = self._context
        drive = context.drives.get(found.drive_id)
        if drive is None:
            return False
        # A commit whose answer was lost may have made the file a shard's: the row says so, and it stays.
        if not await context.shards.named(found.drive_id, [found.file_id]):
            try:
                await drive.delete(found.file_id)
            except ClusterError as error:
                log.warning("file_not_deleted", drive=found.drive_id, file=found.file_id.hex(), error=str(error))
                return False
        await reach("sweep.deleted")
        await context.strays.drop(found)
        return True

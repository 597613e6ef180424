"""Scrub: every byte of every shard of a drive verified once within a period, from a cursor that no restart loses.

A pass goes through the files that have to be on the drive, by name. What is wrong goes to ``damage``, and the healers
see to it. A volume that is still written comes with a later pass. A drive that does not answer as a whole is asked
again later, at the same place: that says nothing about its shards.
"""

import structlog

from objstore.drive.alias import named
from objstore.meta.inspections import Inspection, InspectionKind
from objstore.meta.shards import Held
from objstore.meta.volumes import Volumes
from objstore.model import clock
from objstore.model.errors import ClusterError, DriveError, DriveTimeout
from objstore.repair.context import RepairContext
from objstore.volume.audit import Audit, audit_shard
from objstore.work.failpoint import reach

log = structlog.get_logger(__name__)

BATCH_SHARDS = 256  # the cursor is written after each shard; this many are looked up at once
STEP_SECONDS = 20.0  # then the drive is given back, for another one whose turn it is
RETRY_SECONDS = 60.0
SPREAD = 0.5  # of the period: within it a new drive's first pass begins


class Scrubber:
    """One bounded step at a time; any number of processes may run one, each of another drive."""

    def __init__(self, context: RepairContext) -> None:
        self._context = context
        self._volumes: Volumes = context.volumes

    async def ensure(self) -> None:
        """See to it that every drive has its walk."""
        by_tier: dict[str, list[str]] = {}
        for drive_id in self._context.local_ids():
            by_tier.setdefault(self._context.drives[drive_id].tier, []).append(drive_id)
        for tier, drive_ids in by_tier.items():
            spread = SPREAD * self._context.settings.scrub_period(tier)
            await self._context.inspections.ensure(InspectionKind.SCRUB, drive_ids, spread)

    async def step(self) -> int:
        """Some shards of a drive that is due; how many were looked at, 0 if no drive is due."""
        context, lease = self._context, self._context.settings.lease_seconds
        held = await context.inspections.take(InspectionKind.SCRUB, context.local_ids(), lease)
        if held is None:
            return 0
        try:
            return await self._walk(held)
        except ClusterError as error:
            log.warning("not_scrubbed", drive=held.drive_id, error=str(error))
            await context.inspections.release(held, RETRY_SECONDS, str(error))
            return 0

    async def _walk(self, held: Inspection) -> int:
        context, lease = self._context, self._context.settings.lease_seconds
        cursor, looked, began = held.cursor, 0, clock.monotonic_seconds()
        while True:
            page = await context.shards.on_drive(held.drive_id, cursor, BATCH_SHARDS)
            for shard in page:
                at = clock.monotonic_seconds()
                audit = await self._audit(held, shard, cursor)
                took = clock.monotonic_seconds() - at
                figures = (1, audit.bytes, 1 if audit.problem else 0)
                await reach("scrub.looked")
                if not await context.inspections.advance(held, shard.file_id, lease, took, figures):
                    return looked
                cursor, looked = shard.file_id, looked + 1
                if clock.monotonic_seconds() - began > STEP_SECONDS:
                    await context.inspections.release(held, 0.0)
                    return looked
            if len(page) < BATCH_SHARDS:
                break
        await context.inspections.finish(held, self._period(held.drive_id))
        return looked + 1

    def _period(self, drive_id: str) -> float:
        drive = self._context.drives.get(drive_id)
        return self._context.settings.scrub_period(drive.tier if drive is not None else "")

    async def _audit(self, held: Inspection, shard: Held, cursor: bytes) -> Audit:
        context, drive_id, lease = self._context, held.drive_id, self._context.settings.lease_seconds
        renewed = clock.monotonic_seconds()

        async def paced(count: int) -> None:
            nonlocal renewed
            await context.pace.bytes(count)
            if clock.monotonic_seconds() - renewed > lease / 4:
                renewed = clock.monotonic_seconds()
                if not await context.inspections.advance(held, cursor, lease, 0.0, (0, 0, 0)):
                    raise DriveTimeout("somebody else scrubs the drive now")

        volume, places = await context.catalog.place(shard.volume_id)
        drives = list(places)
        drives[shard.column] = named(context.drives.get(drive_id), _name(shard))
        try:
            audit = await audit_shard(volume, drives, shard.column, shard.generation, paced)
        except DriveError:
            if await self._is_elsewhere(drive_id, shard):
                return Audit()
            raise
        if audit.torn:
            log.info("stripes_torn", volume=shard.volume_id.hex(), column=shard.column, stripes=audit.torn)
        if audit.problem and not await self._is_elsewhere(drive_id, shard):
            log.error("shard_damaged", volume=shard.volume_id.hex(), column=shard.column, drive=drive_id,
                      problem=audit.problem)  # fmt: skip
            await self._volumes.report_damage(shard.volume_id, shard.column, audit.problem)
        elif audit.problem:
            return Audit(audit.bytes)
        return audit

    async def _is_elsewhere(self, drive_id: str, shard: Held) -> bool:
        """Whether the file has been replaced, or its volume given back, while it was looked at."""
        return shard.file_id not in await self._context.shards.named(drive_id, [shard.file_id])


def _name(shard: Held) -> bytes | None:
    return None if shard.file_id == shard.volume_id else shard.file_id

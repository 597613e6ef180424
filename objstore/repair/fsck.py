"""fsck: the files on a drive against the shard rows, both ways.

    a row without its file     the column is missing: it goes to ``damage``, and is rebuilt
    a file without a row       an orphan: noted, with the time; set aside once it has been one for ``orphan_seconds``

The files are listed first and the rows asked after, so that a volume that is just being made is known by then, or is
an orphan for one pass. Nothing is ever deleted: what is set aside waits in the drive's quarantine for an operator. A
drive that cannot be listed whole (an error, too many open files, an empty mount point) is left as it is.
"""

import structlog

from objstore.drive.base import Drive
from objstore.format.superblock import SUPERBLOCK_BYTES, Superblock
from objstore.meta.inspections import Inspection, InspectionKind
from objstore.meta.shards import Held
from objstore.meta.strays import Stray, StrayReason
from objstore.model import clock
from objstore.model.errors import ClusterError, CorruptData, DriveError, ShardMissing
from objstore.repair.context import RepairContext
from objstore.work.failpoint import reach

log = structlog.get_logger(__name__)

BATCH_FILES = 1000
RETRY_SECONDS = 60.0
FIRST_SECONDS = 600.0  # within which a new drive's first pass begins
LAST = b"\xff" * 16


class Fsck:
    """One bounded step at a time; any number of processes may run one, each of another drive."""

    def __init__(self, context: RepairContext) -> None:
        self._context = context

    async def ensure(self) -> None:
        """See to it that every drive has its walk."""
        spread = min(FIRST_SECONDS, self._context.settings.fsck_seconds)
        await self._context.inspections.ensure(InspectionKind.FSCK, self._context.local_ids(), spread)

    async def step(self) -> int:
        """A page of files of a drive that is due; how many, 0 if no drive is due."""
        context, lease = self._context, self._context.settings.lease_seconds
        held = await context.inspections.take(InspectionKind.FSCK, context.local_ids(), lease)
        if held is None:
            return 0
        try:
            return await self._page(held)
        except ClusterError as error:
            log.warning("drive_not_checked", drive=held.drive_id, error=str(error))
            await context.inspections.release(held, RETRY_SECONDS, str(error))
            return 0

    async def set_aside(self, orphan_seconds: float | None = None) -> int:
        """Put into quarantine what has been an orphan for long; how many files."""
        context = self._context
        age = context.settings.orphan_seconds if orphan_seconds is None else orphan_seconds
        due = await context.strays.due(context.local_ids(), StrayReason.ORPHAN, age, BATCH_FILES)
        return sum([await self._set_aside(found) for found in due])

    async def _page(self, held: Inspection) -> int:
        context, at = self._context, clock.monotonic_seconds()
        drive = context.drives[held.drive_id]
        files = await drive.shards(held.cursor, BATCH_FILES)
        high = files[-1] if len(files) == BATCH_FILES else LAST
        await reach("fsck.listed")
        rows = await self._rows(held.drive_id, held.cursor, high)
        problems = await self._missing(drive, [row for row in rows if row.file_id not in set(files)])
        problems += await self._unknown(drive, files, held.cursor, high)
        took = clock.monotonic_seconds() - at
        lease = context.settings.lease_seconds
        if not await context.inspections.advance(held, high, lease, took, (len(files), 0, problems)):
            return len(files)
        if high == LAST:
            await context.inspections.finish(held, context.settings.fsck_seconds)
        else:
            await context.inspections.release(held, 0.0)
        return len(files) + 1

    async def _rows(self, drive_id: str, low: bytes, high: bytes) -> list[Held]:
        found: list[Held] = []
        while page := await self._context.shards.on_drive(drive_id, found[-1].file_id if found else low, BATCH_FILES):
            found += [row for row in page if row.file_id <= high]
            if page[-1].file_id > high or len(page) < BATCH_FILES:
                break
        return found

    async def _missing(self, drive: Drive, rows: list[Held]) -> int:
        """Rows without a file, asked once more one by one; how many."""
        count = 0
        for row in rows:
            try:
                await drive.length(row.file_id)
                continue
            except ShardMissing:
                await drive.shards(LAST, 1)  # an unmounted drive says so here
            if row.file_id in await self._context.shards.named(drive.id, [row.file_id]):
                log.error("shard_missing", volume=row.volume_id.hex(), column=row.column, drive=drive.id)
                await self._context.volumes.report_damage(row.volume_id, row.column, "the file is not on the drive")
                count += 1
        return count

    async def _unknown(self, drive: Drive, files: list[bytes], low: bytes, high: bytes) -> int:
        """Files without a row become orphans; what was one and is not any more is forgotten. How many there are."""
        context = self._context
        known = await context.shards.named(drive.id, files) if files else set()
        strays = await context.strays.between(drive.id, low, high)
        orphans = [file_id for file_id in files if file_id not in known and file_id not in strays]
        for file_id in orphans:
            volume_id, size = await self._owner(drive, file_id)
            await context.strays.add(Stray(drive.id, file_id, volume_id, StrayReason.ORPHAN, size))
            log.warning("orphan_found", drive=drive.id, file=file_id.hex(), volume=volume_id.hex(), bytes=size)
        there = set(files)
        for file_id, reason in strays.items():
            if reason is StrayReason.ORPHAN and (file_id in known or file_id not in there):
                await context.strays.drop(Stray(drive.id, file_id, file_id, StrayReason.ORPHAN))
        old = [f for f, reason in strays.items() if reason is StrayReason.ORPHAN and f in there and f not in known]
        return len(orphans) + len(old)

    async def _owner(self, drive: Drive, file_id: bytes) -> tuple[bytes, int]:
        """Whose shard the file says it is, and its size."""
        raw = bytearray(SUPERBLOCK_BYTES)
        try:
            size = await drive.length(file_id)
            await drive.read(file_id, 0, [raw])
            return Superblock.unpack(bytes(raw)).volume_id, size
        except (DriveError, CorruptData):
            return file_id, 0

    async def _set_aside(self, found: Stray) -> bool:
        context = self._context
        drive = context.drives.get(found.drive_id)
        if drive is None:
            return False
        if await context.shards.named(found.drive_id, [found.file_id]):
            await context.strays.drop(found)
            return False
        try:
            await drive.quarantine(found.file_id)
        except ShardMissing:
            await context.strays.drop(found)
            return False
        except ClusterError as error:
            log.warning("orphan_not_set_aside", drive=found.drive_id, file=found.file_id.hex(), error=str(error))
            return False
        await context.strays.add(
            Stray(found.drive_id, found.file_id, found.volume_id, StrayReason.QUARANTINED, found.bytes)
        )
        log.warning("orphan_set_aside", drive=found.drive_id, file=found.file_id.hex())
        return True

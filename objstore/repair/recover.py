"""Recover: an empty database filled from the drives alone.

    1 inventory   superblocks say which volumes there are, and where their columns lie
    2 gather      every record of every volume: whose bytes, of which version, where
    3 load        the newest whole snapshot that is found among them (or one from a file), and what changed after it
    4 mend        rows of it whose bytes have moved since get their new places, by the records
    5 add         versions that were put after the last snapshot, from what their records say
    6 count       usage, links

What was deleted after the last snapshot may come back, and what was made only in the database after it (copies that
share bytes, completed uploads, appends, tags, settings) is not there. Without any snapshot buckets have made-up names
and every key its newest version. Step by step it is said in the report.
"""

from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import orjson
import structlog

from objstore.crypto.chunks import plain_size
from objstore.format.extent import unpack
from objstore.format.part import unpack_parts
from objstore.meta.buckets import Buckets
from objstore.meta.database import Database
from objstore.meta.load import Head, head_of, load
from objstore.meta.objects import Objects, Write
from objstore.meta.recovery import Dangling, Found, Recoveries
from objstore.model import clock, days
from objstore.model.encryption import envelope_of
from objstore.model.errors import ClusterError, CorruptData, ObjstoreError
from objstore.model.objects import Bucket, ObjectVersion
from objstore.model.storage_class import STORAGE_CLASS_CODES
from objstore.model.tiers import HOT, code_of_tier, tier_of
from objstore.repair.assemble import assemble, assemble_parts
from objstore.repair.inventory import Inventory
from objstore.repair.snapshots import BUCKET_ID, BUCKET_NAME, CHANGES, FULL
from objstore.volume.extent_reader import ExtentReader, read_extents

log = structlog.get_logger(__name__)

BATCH_RECORDS, BATCH_WRITES = 5000, 256
# Gateways' clocks differ, and a commit comes later than the time that it carries.
MARGIN = timedelta(seconds=120)
Pieces = Callable[[], AsyncIterator[bytes]]


class RecoveryRefused(ObjstoreError):
    """The database is not empty, or there is nothing to recover from."""


@dataclass(slots=True)
class Report:
    """``volumes_lost``: fewer than k of their shards are there. ``stripes_unreadable``: most likely torn by a crash.

    ``files_foreign``: shards of another cluster, which are left alone.
    ``snapshot``: when it was taken, None if none was found. ``moved``: rows that were given new places. ``dropped``:
    versions and parts of the snapshot whose bytes are nowhere. ``added``: versions from records that are newer than
    the snapshot; ``skipped``: records' versions that were deleted or replaced before it. ``uploads``: of those that
    were not completed as far as is known.
    """

    drives: int = 0
    volumes: int = 0
    volumes_lost: int = 0
    files_unreadable: int = 0
    files_foreign: int = 0
    stripes_unreadable: int = 0
    records: int = 0
    snapshot: datetime | None = None
    changes_until: datetime | None = None
    buckets: int = 0
    buckets_made_up: list[str] = field(default_factory=list)
    moved: int = 0
    dropped: int = 0
    added: int = 0
    skipped: int = 0
    uploads: int = 0


@dataclass(frozen=True, slots=True)
class _Kept:
    """A snapshot that lies on the drives."""

    key: bytes
    extents: bytes


class Recovery:
    """``owner``: of buckets that no snapshot knows of. ``backup``: a snapshot from elsewhere, whole.

    ``loaded`` is called when the snapshot's rows are there: they say what codes of tiers and classes mean.
    """

    def __init__(
        self,
        database: Database,
        inventory: Inventory,
        owner: str,
        region: str,
        backup: Pieces | None = None,
        loaded: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._loaded = loaded
        self._database, self._inventory, self._backup = database, inventory, backup
        self._owner, self._region = owner, region
        self._objects, self._buckets = Objects(database), Buckets(database)
        self.report = Report(drives=len(inventory.drives))

    async def run(self) -> Report:
        """All of it; raises RecoveryRefused before anything is written."""
        recoveries = await Recoveries.open(self._database)
        try:
            if not await recoveries.is_empty():
                raise RecoveryRefused("the database is not empty: recovery only fills one that has no bucket")
            if not self._inventory.volumes and self._backup is None:
                raise RecoveryRefused("there is no volume on these drives")
            await self._gather(recoveries)
            buckets = await recoveries.gathered()
            horizon = await self._load(recoveries)
            if self._loaded is not None:
                await self._loaded()
            await recoveries.add_volumes(
                (volume, list(self._inventory.shards[id_].values())) for id_, volume in self._inventory.volumes.items()
            )
            await self._mend(recoveries)
            await self._make_buckets(recoveries, buckets)
            await self._add(recoveries, horizon)
            await recoveries.finish()
        finally:
            recoveries.close()
        return self.report

    async def _gather(self, recoveries: Recoveries) -> None:
        report, inventory = self.report, self._inventory
        report.volumes, report.files_unreadable = len(inventory.volumes), inventory.unreadable
        report.volumes_lost, report.files_foreign = len(inventory.lost()), inventory.foreign
        batch: list[Found] = []
        for volume_id in inventory.volumes:
            async for records in inventory.records(volume_id):
                if records is None:
                    report.stripes_unreadable += 1
                    continue
                batch += records
                report.records += len(records)
                if len(batch) >= BATCH_RECORDS:
                    await recoveries.gather(batch)
                    batch = []
        await recoveries.gather(batch)

    async def _load(self, recoveries: Recoveries) -> datetime | None:
        """The newest snapshot that is whole, and all changes after it; the time until which they know everything."""
        kept = await self._kept(recoveries)
        head = await self._load_full(recoveries, [one for one in kept if one.key.startswith(FULL)])
        if head is None:
            return None
        self.report.snapshot = until = head.taken
        for one in kept:
            if one.key.startswith(CHANGES):
                found = await self._head(self._pieces(one))
                # Each goes on where the one before it ended, or before that.
                if found is not None and found.taken > until and found.since is not None and found.since <= until:
                    await load(recoveries.session, self._pieces(one)())
                    self.report.changes_until = until = found.taken
        return until

    async def _load_full(self, recoveries: Recoveries, kept: list[_Kept]) -> Head | None:
        candidates = [self._pieces(one) for one in reversed(kept)]
        for pieces in [self._backup, *candidates] if self._backup is not None else candidates:
            if pieces is not None and await self._head(pieces) is not None:
                return await load(recoveries.session, pieces())
        return None

    async def _head(self, pieces: Pieces) -> Head | None:
        """What a snapshot says of itself, None unless it can be read whole."""
        try:
            return await head_of(pieces())
        except (ClusterError, CorruptData) as error:
            log.warning("snapshot_not_readable", error=str(error))
            return None

    async def _kept(self, recoveries: Recoveries) -> list[_Kept]:
        """Snapshots on the drives, the oldest first."""
        found, records = [], [one async for one in recoveries.records(BUCKET_ID)]
        for (key, _), group in groupby(records, key=lambda one: (one.key, one.version_id)):
            whole = assemble(list(group))
            if whole is not None:
                found.append(_Kept(key, whole.extents))
        return sorted(found, key=lambda one: one.key.rpartition(b"/")[2])

    def _pieces(self, kept: _Kept) -> Pieces:
        async def read() -> AsyncIterator[bytes]:
            readers = []
            for extent in unpack(kept.extents):
                volume, drives = self._inventory.place(extent.volume_id)
                readers.append((ExtentReader(volume, drives, extent, lambda *_: None), 0, extent.length))
            async for piece in read_extents(readers):
                yield bytes(piece)

        return read

    async def _mend(self, recoveries: Recoveries) -> None:
        """Rows of the snapshot whose bytes are elsewhere now."""
        async for page in recoveries.dangling(self._inventory.volumes.keys()):
            for row in page:
                extents = await self._found_again(recoveries, row)
                if extents is None:
                    await recoveries.drop(row)
                    self.report.dropped += 1
                    log.warning("bytes_not_found", key=row.key, version=row.version_id.hex(), table=row.table)
                else:
                    await recoveries.repoint(row, extents)
                    self.report.moved += 1

    async def _found_again(self, recoveries: Recoveries, row: Dangling) -> bytes | None:
        if row.table == "restored":
            return None  # it can be restored again
        records = await recoveries.records_of(row.bucket_id, row.key, row.version_id)
        if row.parts is not None:
            return assemble_parts(records, row.parts, row.stored)
        whole = assemble([one for one in records if one.part == row.part], row.stored)
        return None if whole is None else whole.extents

    async def _make_buckets(self, recoveries: Recoveries, ids: set[int]) -> None:
        """Buckets that no snapshot knows of have a name of ours; their settings are not known."""
        known = await recoveries.bucket_ids()
        for bucket_id in sorted(ids - known):
            name = BUCKET_NAME if bucket_id == BUCKET_ID else f"recovered-{bucket_id:x}"
            owner = "" if bucket_id == BUCKET_ID else self._owner
            await self._buckets.create(Bucket(bucket_id, name, owner, self._region, clock.now()))
            if bucket_id != BUCKET_ID:
                self.report.buckets_made_up.append(name)
        self.report.buckets = len(known | ids)

    async def _add(self, recoveries: Recoveries, horizon: datetime | None) -> None:
        """Versions that the snapshot could not know, in the order in which they were put."""
        batch: list[ObjectVersion] = []
        async for versions in self._by_key(recoveries):
            batch += versions
            if len(batch) >= BATCH_WRITES:
                await self._commit(batch, horizon)
                batch = []
        await self._commit(batch, horizon)

    async def _by_key(self, recoveries: Recoveries) -> AsyncIterator[list[ObjectVersion]]:
        """The whole versions of each key, oldest first."""
        name, group = None, list[Found]()
        async for one in recoveries.records():
            if (one.bucket_id, one.key) != name:
                if group:
                    yield self._versions(group)
                name, group = (one.bucket_id, one.key), []
            group.append(one)
        if group:
            yield self._versions(group)

    def _versions(self, records: list[Found]) -> list[ObjectVersion]:
        found = []
        for _, group in groupby(records, key=lambda one: one.version_id):
            mine = list(group)
            if all(one.part for one in mine):
                self.report.uploads += 1
                continue
            whole = assemble([one for one in mine if not one.part])
            if whole is not None and whole.attrs:
                found.append(_version(mine[0], whole.extents, whole.size, whole.tier, whole.attrs))
        return sorted(found, key=lambda one: one.modified)

    async def _commit(self, versions: list[ObjectVersion], horizon: datetime | None) -> None:
        """Those that are newer than what the snapshot knows, and not in it."""
        names = [(one.bucket_id, one.key) for one in versions]
        current = await self._objects.lookup(names)
        others = await self._objects.lookup_versions(
            [(*name, v.version_id) for name, v in zip(names, versions, strict=True)]
        )
        writes: list[Write] = []
        for one, now, other in zip(versions, current, others, strict=True):
            if other is not None or (now is not None and now.version_id == one.version_id):
                continue
            is_old = horizon is not None and one.modified <= horizon - MARGIN
            if is_old or (now is not None and now.modified >= one.modified):
                self.report.skipped += 1
                continue
            writes.append(Write(one.bucket_id, one.key, one))
        for outcome in await self._objects.commit(writes):
            if isinstance(outcome, Exception):
                raise outcome
        self.report.added += len(writes)


def _version(first: Found, extents: bytes, size: int, tier: str, raw: bytes) -> ObjectVersion:
    told = orjson.loads(raw)
    parts = b64decode(told["parts"]) if "parts" in told else None
    modified, checksum = datetime.fromisoformat(told["modified"]), told.get("checksum")
    named = str(told.get("class", "STANDARD"))
    return ObjectVersion(
        first.bucket_id,
        first.key,
        first.version_id,
        _plain_size(size, parts, told.get("attrs")),
        bytes.fromhex(told["etag"]),
        modified,
        _class_on(tier, named),
        extents,
        parts,
        told.get("attrs"),
        told.get("tags"),
        None if checksum is None else bytes.fromhex(checksum),
        accessed=days.day_of(modified),
        tier=code_of_tier(tier),
    )


def _plain_size(stored: int, parts: bytes | None, attrs: Mapping[str, Any] | None) -> int:
    """Bytes that the client sent."""
    if parts is not None:
        return sum(size for _, size, _ in unpack_parts(parts))
    return stored if envelope_of(attrs) is None else plain_size(stored)


def _class_on(tier: str, named: str) -> str:
    """The class that a record says, if such objects lie on the tier; else one that does, for it was moved there."""
    if named == "INTELLIGENT_TIERING" or tier_of(named) == tier:
        return named
    return next((one for one in STORAGE_CLASS_CODES if tier_of(one) == tier), "STANDARD" if tier == HOT else named)

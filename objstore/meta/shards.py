"""Shards: where the columns of a volume are, what is known to be wrong with them, and putting one elsewhere.

| What happens in ``replace``             | What is left                          | Who clears it                      |
|-----------------------------------------|---------------------------------------|------------------------------------|
| the volume, the shard or the lease is   | the new files, marked as being built  | whoever sweeps strays              |
| no more what it was                     |                                       |                                    |
| commit                                  | the old files, marked as replaced     | the same, after a grace            |
| crash or lost connection before         | the new files, marked as being built  | the same                           |
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Double,
    Integer,
    SmallInteger,
    Text,
    and_,
    any_,
    cast,
    delete,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta import strays
from objstore.meta.database import Database, Transaction
from objstore.meta.repairs import Repair, finish
from objstore.meta.statement import Statement, array, batch, constant, param
from objstore.meta.strays import Stray, StrayReason
from objstore.meta.tables import TIME, damage, drive, shard, volume
from objstore.meta.volumes import Volumes
from objstore.model.states import DriveState, VolumeState
from objstore.model.volumes import Volume

s = shard.c
_volume_id = param("volume", BYTEA)
_LOOK = Statement(
    select(s.column_index, s.drive_id, drive.c.state, s.generation, s.file_id, damage.c.reason, damage.c.last_seen)
    .outerjoin_from(shard, drive, drive.c.id == s.drive_id)
    .outerjoin(damage, and_(damage.c.volume_id == s.volume_id, damage.c.column_index == s.column_index))
    .where(s.volume_id == _volume_id)
    .order_by(s.column_index),
    "volume",
)
_LOCK_VOLUME = Statement(select(volume.c.state).where(volume.c.id == _volume_id).with_for_update(read=True), "volume")
_MOVE = Statement(
    update(shard)
    .where(
        s.volume_id == _volume_id,
        s.column_index == param("its_column", SmallInteger),
        s.drive_id == param("old_drive", Text),
        s.generation == param("old_generation", Integer),
    )
    .values(drive_id=param("new_drive", Text), file_id=param("new_file", BYTEA), generation=s.generation + constant(1)),
    *("volume", "its_column", "old_drive", "old_generation", "new_drive", "new_file"),
)
_FORGET_DAMAGE = Statement(
    delete(damage).where(damage.c.volume_id == _volume_id, damage.c.column_index == param("its_column", SmallInteger)),
    *("volume", "its_column"),
)
_CLEAR_DAMAGE = Statement(
    delete(damage).where(
        damage.c.volume_id == _volume_id,
        damage.c.column_index == param("its_column", SmallInteger),
        damage.c.last_seen <= param("seen_until", TIME),
    ),
    *("volume", "its_column", "seen_until"),
)
_on = param("its_drive", Text)
_file = func.coalesce(s.file_id, s.volume_id)
_ON_DRIVE = Statement(
    select(_file, s.volume_id, s.column_index, s.generation)
    .join_from(shard, volume, volume.c.id == s.volume_id)
    .where(
        s.drive_id == _on,
        _file > param("after_file", BYTEA),
        volume.c.state.in_([constant(VolumeState.SEALED.value), constant(VolumeState.COMPACTING.value)]),
    )
    .order_by(_file)
    .limit(param("limit", BigInteger)),
    *("its_drive", "after_file", "limit"),
)
_asked = batch("asked", {"file_id": BYTEA})
_NAMED = Statement(
    select(_asked.c.file_id).join_from(_asked, shard, and_(s.drive_id == _on, _file == _asked.c.file_id)),
    *("its_drive", "file_id"),
)
_COUNTS = Statement(
    select(
        s.drive_id,
        func.count(),
        func.coalesce(func.sum(volume.c.data_bytes / volume.c.k), constant(0)),
    )
    .join_from(shard, volume, volume.c.id == s.volume_id)
    .where(s.drive_id == any_(array("drives", Text)), volume.c.state != constant(VolumeState.RETIRED.value))
    .group_by(s.drive_id),
    "drives",
)

_DAMAGED = Statement(select(func.count()).select_from(damage))
_shard_bytes = volume.c.data_bytes / volume.c.k
_LARGEST = Statement(
    select(s.volume_id, s.column_index, _shard_bytes)
    .join_from(shard, volume, volume.c.id == s.volume_id)
    .where(s.drive_id == _on, volume.c.state == constant(VolumeState.SEALED.value))
    .order_by(_shard_bytes.desc(), s.volume_id)
    .limit(param("limit", BigInteger)),
    *("its_drive", "limit"),
)
_many = func.count() > func.greatest(
    constant(1), func.ceil(cast(volume.c.k + volume.c.m, Double) / param("nodes", Double))
)
# Looked at while somebody rebalances: every shard of the tier, by index.
_CROWDED = Statement(
    select(volume.c.id, _shard_bytes)
    .join_from(volume, shard, s.volume_id == volume.c.id)
    .join(drive, drive.c.id == s.drive_id)
    .where(
        volume.c.id > literal_column("''::bytea", BYTEA),
        volume.c.tier == param("its_tier", Text),
        volume.c.state == constant(VolumeState.SEALED.value),
    )
    .group_by(volume.c.id, drive.c.zone, drive.c.rack, drive.c.node)
    .having(_many)
    .limit(param("limit", BigInteger)),
    *("its_tier", "nodes", "limit"),
)
_HOLDERS = Statement(
    select(s.volume_id, s.drive_id, s.column_index).where(s.volume_id == any_(array("volumes", BYTEA))), "volumes"
)


@dataclass(frozen=True, slots=True)
class Shard:
    """A column of a volume. ``state``: of its drive, None for one that is not known (the column was never written).

    ``damage``: what is said to be wrong with it, empty if nothing is; ``damage_seen``: when that was said last.
    """

    column: int
    drive_id: str
    state: DriveState | None
    generation: int
    file_id: bytes | None
    damage: str
    damage_seen: datetime | None

    @property
    def is_lost(self) -> bool:
        """Nothing is expected of where it is."""
        return self.state is None or self.state is DriveState.GONE


@dataclass(frozen=True, slots=True)
class Replacement:
    """A shard's new file on a drive."""

    old: Shard
    drive_id: str
    file_id: bytes


@dataclass(frozen=True, slots=True)
class Held:
    """A shard that has to be on a drive, by the name of its file."""

    file_id: bytes
    volume_id: bytes
    column: int
    generation: int


class Stale(Exception):
    """Something is no more what it was when the work began: nothing of it may stay."""


class Shards:
    """The table of shards, for whoever moves them."""

    def __init__(self, database: Database) -> None:
        self._database = database.patient
        self._volumes = Volumes(database)

    async def look(self, volume_id: bytes) -> tuple[Volume, list[Shard]] | None:
        """A volume and its shards as they are now, by column; None if there is no such volume."""
        [found] = await self._volumes.get([volume_id])
        if found is None:
            return None
        records = await self._database.fetch(_LOOK, volume_id)
        return found, [
            Shard(column, drive_id, None if state is None else DriveState(state), generation, file_id, why or "", seen)
            for column, drive_id, state, generation, file_id, why, seen in records
        ]

    async def replace(self, repair: Repair, replacements: Sequence[Replacement], done: bool) -> None:
        """Point shards to their new files. ``done``: nothing is left to do for the volume, the repair ends.

        Raises Stale, and nothing has changed, if the lease, the volume, a shard or a new file is not what it was.
        """

        async def work(transaction: Transaction) -> None:
            await transaction.identify()
            locked = await transaction.first(_LOCK_VOLUME, repair.volume_id)
            if locked is None or locked[0] not in (VolumeState.SEALED.value, VolumeState.COMPACTING.value):
                raise Stale("the volume is no more what it was")
            for one in replacements:
                await self._replace(transaction, repair.volume_id, one)
            if not await finish(transaction, repair, done):
                raise Stale("somebody else has the volume now")

        await self._database.transact(work)

    async def clear_damage(self, volume_id: bytes, column: int, until: datetime) -> bool:
        """Forget what was said of a column until then: it was looked at and is sound. False if more was said since."""
        return bool(await self._database.change(_CLEAR_DAMAGE, volume_id, column, until))

    async def on_drive(self, drive_id: str, after: bytes, limit: int) -> list[Held]:
        """Shards of volumes that nobody appends to that have to be on a drive, by file, from ``after`` on."""
        return [Held(*record) for record in await self._database.fetch(_ON_DRIVE, drive_id, after, limit)]

    async def named(self, drive_id: str, files: Sequence[bytes]) -> set[bytes]:
        """Those of the files on a drive that some shard row names."""
        return {record[0] for record in await self._database.fetch(_NAMED, drive_id, list(files))}

    async def counts(self, drive_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Shards on drives, and about how many bytes they have."""
        found = await self._database.fetch(_COUNTS, list(drive_ids))
        return {drive_id: (count, int(size)) for drive_id, count, size in found}

    async def damaged(self) -> int:
        """Columns that are known to be missing or damaged."""
        return int((await self._database.fetch(_DAMAGED))[0][0])

    async def largest(self, drive_id: str, limit: int) -> list[tuple[bytes, int, int]]:
        """Volume, column and about how many bytes of the largest shards of sealed volumes on a drive."""
        found = await self._database.fetch(_LARGEST, drive_id, limit)
        return [(volume_id, column, int(size)) for volume_id, column, size in found]

    async def holders(self, volume_ids: Collection[bytes]) -> list[tuple[bytes, str, int]]:
        """(volume, drive, column) of each shard of some volumes."""
        found = await self._database.fetch(_HOLDERS, list(volume_ids))
        return [(volume_id, drive_id, column) for volume_id, drive_id, column in found]

    async def crowded(self, tier: str, nodes: int, limit: int) -> dict[bytes, int]:
        """Volumes of which some node holds more shards than a tier with so many nodes needs, and bytes of a shard."""
        found = await self._database.fetch(_CROWDED, tier, float(max(nodes, 1)), limit)
        return {volume_id: int(size) for volume_id, size in found}

    async def _replace(self, transaction: Transaction, volume_id: bytes, one: Replacement) -> None:
        if not await strays.claim(transaction, one.drive_id, one.file_id):
            raise Stale("the new file was swept away")
        old = one.old
        moved = await transaction.execute(
            _MOVE, volume_id, old.column, old.drive_id, old.generation, one.drive_id, one.file_id
        )
        if not moved:
            raise Stale(f"column {old.column} is no more where it was")
        await transaction.execute(_FORGET_DAMAGE, volume_id, old.column)
        if old.state is not None:
            gone = Stray(old.drive_id, old.file_id or volume_id, volume_id, StrayReason.REPLACED)
            await strays.add(transaction, gone)

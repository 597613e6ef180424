"""Volumes: their states, their writers, their garbage.

    open → sealed → compacting → retired → (forgotten); compacting → sealed when it is given up;
    open → retired when its writer knows that nothing of it was ever committed

A volume that is OPEN may be appended to by its writer, and a commit that refers to what was appended holds the row
FOR SHARE and checks the state: so sealing is the fence, whatever a writer that was taken for dead does afterwards.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from objstore.meta import strays
from objstore.meta import volume_statements as sql
from objstore.meta.database import Database, Transaction
from objstore.meta.strays import Stray, StrayReason
from objstore.model.profile import Profile
from objstore.model.states import VolumeState
from objstore.model.volumes import Volume
from objstore.work.governor import Clients

WRITER_KEPT_SECONDS = 24 * 3600.0
RETRY_SECONDS = 3600.0
# A write that was given up may still take place: what it leaves is unlinked when it cannot any more.
LATE_WRITE_SECONDS = 900.0
UNLINK_RETRY_SECONDS, UNLINK_RETRY_SECONDS_MAX = 10.0, 3600.0
FOLD_ROWS_MIN = 64
FOLD_ROWS_MAX = 20_000
FOLD_VOLUMES_MAX = 64


@dataclass(frozen=True, slots=True)
class VolumeTotals:
    """Sums over the volumes of a tier that are in a state; ``data_bytes`` counts from when they are sealed."""

    tier: str
    state: VolumeState
    volumes: int
    data_bytes: int
    garbage_bytes: int


class Volumes:
    """The tables of volumes, shards, writers, damage, and the ledger."""

    def __init__(self, database: Database) -> None:
        # Clients wait for new volumes and for look-ups; all else is maintenance.
        self._prompt, self._database = database, database.patient

    async def create(self, volume: Volume) -> None:
        """Insert the volume and its shards; two shards on one drive violate a unique index.

        Columns that are on no drive are to be healed: that is noted in the same transaction.
        """
        profile = volume.profile
        row = (
            volume.id,
            volume.tier,
            profile.k,
            profile.m,
            profile.unit_bytes,
            profile.pack_bytes_max,
            profile.stripe_bytes_max,
            profile.shard_bytes_max,
            volume.writer_id,
            volume.state,
            volume.data_bytes,
            volume.audit,
        )

        async def work(transaction: Transaction) -> None:
            await transaction.identify()
            await transaction.execute(sql.CREATE, *row)
            columns = list(range(len(volume.drive_ids)))
            await transaction.execute(sql.CREATE_SHARDS, volume.id, columns, volume.drive_ids)
            for column in volume.absent:
                await transaction.execute(sql.REPORT_DAMAGE, volume.id, column, "never written", None, None)

        await self._prompt.transact(work)

    async def get(self, ids: Sequence[bytes]) -> list[Volume | None]:
        """Volumes in the order of ``ids``."""
        found = {record[0]: volume_of(record) for record in await self._prompt.fetch(sql.GET, list(ids))}
        return [found.get(volume_id) for volume_id in ids]

    async def seal(self, volume_id: bytes, writer_id: bytes, data_bytes: int) -> bool:
        """OPEN → SEALED by the volume's own writer, who says how many payload bytes it appended."""
        return bool(await self._database.change(sql.SEAL, volume_id, writer_id, data_bytes))

    async def discard(self, volume_id: bytes, writer_id: bytes) -> bool:
        """OPEN → RETIRED by the volume's own writer, of whose extents none was ever given out."""
        return bool(await self._database.change(sql.DISCARD, volume_id, writer_id, LATE_WRITE_SECONDS))

    async def register_writer(self, writer_id: bytes, host: str, pid: int) -> None:
        """Announce a process that will append."""
        await self._database.change(sql.REGISTER, writer_id, host, pid)

    async def heartbeat(
        self, writer_id: bytes, operations_per_second: float = 0.0, p99_seconds: float = 0.0
    ) -> list[bytes]:
        """Renew the lease on the writer's open volumes; those of them that somebody wants sealed.

        ``operations_per_second``: what clients have it do; ``p99_seconds``: of small requests, 0 if there were few.
        """
        await self._database.change(sql.HEARTBEAT, writer_id, operations_per_second, p99_seconds)
        return [record[0] for record in await self._database.fetch(sql.WANTED, writer_id)]

    async def load(self, age_seconds: float) -> Clients:
        """What clients do, by the heartbeats that are not older."""
        ((operations, p99_seconds),) = await self._database.fetch(sql.LOAD, age_seconds)
        return Clients(float(operations), float(p99_seconds))

    async def seal_orphans(self, lease_seconds: float) -> int:
        """Seal the open volumes of writers that have not been heard of for so long; how many.

        What they hold is not known: they are marked for an audit. Forgets writers that are long gone.
        """
        sealed = await self._database.change(sql.SEAL_ORPHANS, lease_seconds)
        await self._database.change(sql.FORGET_WRITERS, max(lease_seconds, WRITER_KEPT_SECONDS))
        return sealed

    async def request_seal(self, older_than_seconds: float | None) -> int:
        """Ask the writers of open volumes to seal them: of those opened longer ago that have garbage, or (None) all."""
        if older_than_seconds is None:
            return await self._database.change(sql.REQUEST_SEAL)
        return await self._database.change(sql.REQUEST_SEAL_OF_GARBAGE, older_than_seconds)

    async def compactable(
        self, garbage_ratio: float, limit: int, ahead_seconds: float = 0.0
    ) -> list[tuple[Volume, int]]:
        """Volumes worth compacting, with their garbage bytes, most first; claim one with ``begin_compact``.

        Sealed ones whose garbage is at least that part of their data (empty ones too) or that need an audit, and those
        whose compactor's lease has run out. Those that were given up wait for their time, less ``ahead_seconds``.
        """
        records = await self._database.fetch(sql.COMPACTABLE, garbage_ratio, limit, ahead_seconds)
        return [(volume_of(record), record[-1]) for record in records]

    async def begin_compact(self, volume_id: bytes, owner: bytes, lease_seconds: float) -> bool:
        """SEALED → COMPACTING for an owner; also takes over from a lease that has run out, and renews one's own."""
        return bool(await self._database.change(sql.BEGIN_COMPACT, volume_id, owner, lease_seconds))

    async def give_up(
        self,
        volume_id: bytes,
        owner: bytes,
        data_bytes: int,
        garbage_bytes: int,
        retry_after_seconds: float = RETRY_SECONDS,
    ) -> None:
        """COMPACTING → SEALED: not worth it, or not possible now. Sets the figures that the owner has counted."""

        async def work(transaction: Transaction) -> None:
            await transaction.identify()
            if await transaction.execute(sql.GIVE_UP, volume_id, owner, data_bytes, retry_after_seconds):
                await transaction.execute(sql.FORGET_GARBAGE, volume_id)
                await transaction.execute(sql.ADD_GARBAGE, volume_id, garbage_bytes)

        await self._database.transact(work)

    async def retire(self, volume_id: bytes, owner: bytes) -> bool:
        """COMPACTING → RETIRED. The owner has seen no referents since the volume was compacting."""
        return bool(await self._database.change(sql.RETIRE, volume_id, owner))

    async def retired(self, older_than_seconds: float, limit: int) -> list[Volume]:
        """Volumes retired longer ago: nobody reads them any more, their shards may be unlinked."""
        return [volume_of(record) for record in await self._database.fetch(sql.RETIRED, older_than_seconds, limit)]

    async def postpone_unlink(self, volume_id: bytes) -> None:
        """A drive of a retired volume did not answer: ``retired`` has it again after a while, longer each time."""
        await self._database.change(sql.POSTPONE_UNLINK, volume_id, UNLINK_RETRY_SECONDS, UNLINK_RETRY_SECONDS_MAX)

    async def forget(self, volume_id: bytes) -> None:
        """Delete everything about a retired volume whose shards are unlinked."""

        async def work(transaction: Transaction) -> None:
            await transaction.identify()
            if await transaction.execute(sql.FORGET, volume_id):
                for statement in sql.FORGET_REST:
                    await transaction.execute(statement, volume_id)

        await self._database.transact(work)

    async def leave_behind(self, volume: Volume, column: int) -> None:
        """A shard of a retired volume lies on a drive that is given up: should that come back, it may be deleted."""
        drive_id = volume.drive_ids[column]
        if not drive_id.startswith("none:"):
            file_id = volume.file_of(column) or volume.id
            await strays.Strays(self._database).add(Stray(drive_id, file_id, volume.id, StrayReason.REPLACED))

    async def fold_ledger(self) -> int:
        """Replace the many ledger rows of a volume by their sum, for a bounded number of both; how many volumes."""
        scattered = await self._database.fetch(sql.SCATTERED, FOLD_ROWS_MIN, FOLD_VOLUMES_MAX)
        return sum([await self._fold(record[0]) for record in scattered])

    async def report_damage(self, volume_id: bytes, column: int, reason: str, seen: Volume | None = None) -> None:
        """Note that a column of a volume is missing or corrupt; not if it is no more where ``seen`` has it."""
        place = (None, None) if seen is None else (seen.drive_ids[column], seen.file_of(column))
        await self._database.change(sql.REPORT_DAMAGE, volume_id, column, reason, *place)

    async def moved_since(self, since: datetime | None) -> tuple[list[bytes], datetime]:
        """Volumes of which a shard was put elsewhere after ``since`` (None: no matter which), and the time now."""
        [(now, moved)] = await self._database.fetch(sql.MOVED, since)
        return moved, now

    async def totals(self) -> list[VolumeTotals]:
        """Sums by tier and state."""
        return [
            VolumeTotals(tier, VolumeState(state), volumes, data_bytes, garbage_bytes)
            for tier, state, volumes, data_bytes, garbage_bytes in await self._database.fetch(sql.TOTALS)
        ]

    async def _fold(self, volume_id: bytes) -> int:
        async def work(transaction: Transaction) -> int:
            await transaction.identify()
            if await transaction.first(sql.HOLD_FOR_FOLD, volume_id) is None:
                return 0
            return await transaction.execute(sql.FOLD, volume_id, FOLD_ROWS_MAX)

        return await self._database.transact(work)


def volume_of(values: Iterable[Any]) -> Volume:
    """From the values of ``VOLUME_COLUMNS``."""
    id_, tier, k, m, unit, pack, stripe, shard, drive_ids, files, writer_id, state, data_bytes, audit, *_ = values
    profile = Profile(k, m, unit, pack, stripe, shard)
    names = tuple(files) if any(files) else ()
    return Volume(id_, tier, profile, tuple(drive_ids), writer_id, VolumeState(state), data_bytes, audit, names)

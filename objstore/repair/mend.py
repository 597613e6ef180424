"""Mend: the columns of one volume put where they should be, whatever is the matter with it.

    1 take      the volume, under a lease, the fewest spare columns first
    2 look      at its shards as they are now; what is said to be damaged is audited before anything is done
    3 note      each new file, before it is made
    4 build     new files on other drives (in place where only bytes are damaged), copied or decoded, durable
    5 verify    each one from its device, every byte
    6 replace   the shard rows, if lease, volume, shards and files are still the same       ← THE COMMIT POINT

| What happens                     | What is left                            | Who clears it                        |
|----------------------------------|-----------------------------------------|--------------------------------------|
| crash before 3                   | the volume, with a lease that runs out  | whoever takes it then                |
| crash in 3–6                     | the same, and files noted as being built| sweep, once nobody renews them       |
| a source or target drive fails   | the same                                | looked at again, later and later     |
| the lease ran out, others did it | new files                               | deleted at once: no row names them   |
| COMMIT is not answered           | all or nothing                          | sweep: a file that a row names stays |
| a drive comes back after 6       | its old file, that no row names         | sweep, fsck                          |
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import structlog

from objstore.drive.alias import Alias, named
from objstore.drive.base import Drive
from objstore.format.superblock import Superblock
from objstore.meta.repairs import Repair, RepairKind
from objstore.meta.shards import Replacement, Shard, Stale
from objstore.meta.strays import Stray, StrayReason
from objstore.model import clock
from objstore.model.errors import ClusterError, CorruptData, DriveError, DriveTimeout, PlacementImpossible
from objstore.model.states import DriveState, VolumeState
from objstore.model.volumes import Drive as DriveRow
from objstore.model.volumes import Volume
from objstore.placement.choose import Copysets
from objstore.placement.moves import choose_target
from objstore.repair.context import RepairContext
from objstore.volume.audit import Throttle, audit_shard, unlimited
from objstore.volume.rebuild import Rebuilt, rebuild_shards
from objstore.volume.shard_writer import ShardWriter
from objstore.work.failpoint import reach

log = structlog.get_logger(__name__)

EVERY_KIND = list(RepairKind)
SEAL_WAIT_SECONDS = 2.0  # a writer hears with its heartbeat that its volume is wanted sealed
RETRY_SECONDS_MAX = 3600.0
# Of the time, however busy clients are: what has lost a column must not wait for ever, what is only moved may.
HEAL_SHARE_MIN, MOVE_SHARE_MIN = 0.2, 0.1
SPARE_BYTES = 64 * 1024 * 1024  # what a drive has to have left with the new file on it


@dataclass(slots=True)
class _Work:
    """One volume. ``wanted``: columns to be put elsewhere, with their targets; ``left``: what cannot be done now."""

    held: Repair
    volume: Volume
    shards: list[Shard]
    sources: list[Drive | None]
    wanted: dict[int, DriveRow] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    writers: dict[int, ShardWriter] = field(default_factory=dict)
    renewed: float = 0.0
    rested: float = 0.0
    paced: Throttle = unlimited


class Mender:
    """One volume at a time; any number of processes may run any number of them."""

    def __init__(self, context: RepairContext) -> None:
        self._context, self._settings = context, context.settings
        self._copysets: dict[tuple[str, int, int], Copysets] = {}

    async def step(self, kinds: Sequence[RepairKind] = tuple(EVERY_KIND)) -> int:
        """Take a volume and mend it; 0 if none waits."""
        taken = await self._context.repairs.take(list(kinds), 1, self._settings.lease_seconds)
        for held in taken:
            async with self._context.pace.working():
                await self._try(held)
        if not taken:
            await self._context.pace.idle()
        return len(taken)

    async def _try(self, held: Repair) -> None:
        context, began = self._context, clock.monotonic_seconds()
        await reach("heal.taken")
        try:
            await self._mend(held, began)
        except Stale as error:
            log.info("repair_overtaken", volume=held.volume_id.hex(), reason=str(error))
        except (ClusterError, CorruptData) as error:
            log.warning("not_repaired", volume=held.volume_id.hex(), kind=held.kind.name.lower(), error=str(error))
            delay = min(self._settings.retry_seconds * 2**held.attempts, RETRY_SECONDS_MAX)
            await context.repairs.postpone(held, delay, str(error))
            await context.stats.failed(held.kind, str(error))

    async def _mend(self, held: Repair, began: float) -> None:
        context = self._context
        found = await context.shards.look(held.volume_id)
        if found is None or found[0].state == VolumeState.RETIRED:
            await context.repairs.drop(held)
            return
        volume, shards = found
        if volume.state == VolumeState.OPEN:
            await context.repairs.seal()
            await context.repairs.postpone(held, SEAL_WAIT_SECONDS, "somebody still writes to it")
            return
        sources = [None if s.is_lost else named(context.drives.get(s.drive_id), s.file_id) for s in shards]
        work = _Work(held, volume, shards, sources, renewed=began, rested=began)
        work.paced = partial(self._pace, work)
        await self._choose(work)
        if work.wanted:
            await self._move(work, began)
        elif work.left:
            raise PlacementImpossible("; ".join(work.left))
        else:
            await context.repairs.drop(held)

    async def _choose(self, work: _Work) -> None:
        """Which columns have to move, and where to."""
        rows = {row.id: row for row in await self._context.rows.list()}
        needs = [shard for shard in work.shards if await self._needs(work, shard)]
        need_bytes = await self._length(work) if needs else 0
        # Lost drives hold nothing; those that something leaves take nothing of the same volume.
        holders = [rows[shard.drive_id] for shard in work.shards if not shard.is_lost and shard.drive_id in rows]
        for shard in needs:
            target = self._target(work, shard, rows, holders, need_bytes)
            if target is None:
                work.left.append(f"no drive can take column {shard.column} of volume {work.volume.id.hex()}")
                continue
            work.wanted[shard.column] = target
            if target.id != shard.drive_id:
                holders.append(target)

    async def _needs(self, work: _Work, shard: Shard) -> bool:
        """Whether a column has to be put elsewhere or anew."""
        if shard.is_lost or shard.state is DriveState.DRAINING:
            return True
        if shard.damage:
            return await self._is_damaged(work, shard)
        held = work.held
        return held.kind is RepairKind.REBALANCE and shard.column == held.column and shard.drive_id != held.target

    async def _is_damaged(self, work: _Work, shard: Shard) -> bool:
        """Look at what is said to be damaged: what is sound is sound, whatever a reader met."""
        drive = self._context.drives.get(shard.drive_id)
        if drive is None or not drive.reachable:
            work.left.append(f"the drive of column {shard.column} does not answer")
            return False

        try:
            audit = await audit_shard(work.volume, work.sources, shard.column, shard.generation, work.paced)
        except DriveError as error:
            work.left.append(str(error))
            return False
        if audit.problem:
            return True
        if audit.doubtful:
            work.left.append(f"drives do not answer that have to say whether column {shard.column} is whole")
            return False
        assert shard.damage_seen is not None
        if not await self._context.shards.clear_damage(work.volume.id, shard.column, shard.damage_seen):
            work.left.append(f"column {shard.column} was reported again")
        return False

    async def _length(self, work: _Work) -> int:
        """Bytes that a new file may need."""
        longest = 0
        for source in work.sources:
            with suppress(DriveError):
                longest = max(longest, await source.length(work.volume.id) if source is not None else 0)
        return longest

    def _target(
        self, work: _Work, shard: Shard, rows: dict[str, DriveRow], holders: list[DriveRow], need_bytes: int
    ) -> DriveRow | None:
        candidates = [row for row in rows.values() if row.tier == work.volume.tier and self._takes(row, need_bytes)]
        by_id = {row.id: row for row in candidates}
        taken = {row.id for row in holders}
        wants_target = work.held.kind is RepairKind.REBALANCE and shard.column == work.held.column
        if wants_target and work.held.target in by_id.keys() - taken:
            return by_id[work.held.target]
        if shard.damage and shard.drive_id in by_id:
            return by_id[shard.drive_id]  # it is up: only these bytes are bad
        return choose_target(holders, candidates, self._sets(work, shard, rows, holders))

    def _sets(
        self, work: _Work, shard: Shard, rows: dict[str, DriveRow], holders: list[DriveRow]
    ) -> list[tuple[str, ...]]:
        """Copysets of the tier as it is now that the drives are in which keep their columns."""
        profile, tier = work.volume.profile, work.volume.tier
        up = [row for row in rows.values() if row.tier == tier and row.state is DriveState.UP]
        if len(up) < profile.n:
            return []
        known = self._copysets.get((tier, profile.n, profile.m))
        if known is None or not known.are_of(up, profile.n, profile.m):
            known = self._copysets[tier, profile.n, profile.m] = Copysets(up, profile.n, profile.m)
        here = {row.id for row in up}
        return known.with_all({row.id for row in holders if row.id in here and row.id != shard.drive_id})

    def _takes(self, row: DriveRow, need_bytes: int) -> bool:
        drive = self._context.drives.get(row.id)
        has_room = not row.capacity_bytes or row.free_bytes - need_bytes > min(SPARE_BYTES, row.capacity_bytes // 16)
        return row.state is DriveState.UP and drive is not None and drive.usable and not drive.write_once and has_room

    async def _move(self, work: _Work, began: float) -> None:
        try:
            done = await self._build(work)
            await self._verify(work)
            await reach("heal.swap")
        except BaseException:
            await self._discard(work)
            raise
        columns = {shard.column: shard for shard in work.shards}
        replacements = [
            Replacement(columns[column], writer.drive.id, writer.file_id) for column, writer in work.writers.items()
        ]
        try:
            await self._context.shards.replace(work.held, replacements, done=not work.left)
        except Stale:
            await self._discard(work)
            raise
        await reach("heal.swapped")
        self._context.catalog.forget(work.volume.id)
        await self._count(work, done, began)

    async def _build(self, work: _Work) -> Rebuilt:
        context, volume = self._context, work.volume
        await reach("heal.planned")
        for column, row in work.wanted.items():
            writer = ShardWriter(context.drives[row.id], clock.random_id())
            await context.strays.add(Stray(row.id, writer.file_id, volume.id, StrayReason.BUILDING))
            work.writers[column] = writer
            await reach("heal.noted")
            await writer.create(self._superblock(work, column, row))
            await reach("heal.created")

        done = await rebuild_shards(volume, work.sources, work.writers, work.paced)
        await reach("heal.built")
        if done.lost:
            log.error("stripes_lost", volume=volume.id.hex(), stripes=done.lost)
        for column, problem in done.bad.items():
            if column not in work.wanted:
                await context.volumes.report_damage(volume.id, column, problem, volume)
                work.left.append(problem)
        return done

    def _superblock(self, work: _Work, column: int, row: DriveRow) -> bytes:
        volume, profile = work.volume, work.volume.profile
        generation = work.shards[column].generation + 1
        return Superblock(
            volume.id,
            column,
            profile.k,
            profile.m,
            bytes.fromhex(row.id),
            self._context.cluster_id,
            profile.unit_bytes,
            volume.tier,
            generation,
        ).pack()

    async def _verify(self, work: _Work) -> None:
        places = list(work.sources)
        for column, writer in work.writers.items():
            places[column] = Alias(writer.drive, writer.file_id)
        for column in work.writers:
            audit = await audit_shard(work.volume, places, column, work.shards[column].generation + 1, work.paced)
            if audit.problem:
                raise CorruptData(f"the new file of column {column} came back wrong: {audit.problem}")
            if audit.doubtful:
                raise DriveTimeout(f"drives do not answer that have to say whether column {column} is whole")
        await reach("heal.verified")

    async def _pace(self, work: _Work, count: int) -> None:
        """Before bytes are read. A volume that has nothing to spare is not kept waiting."""
        if work.held.spare > 0:
            is_heal = work.held.kind is RepairKind.HEAL
            await self._context.pace.breathe(work.rested, HEAL_SHARE_MIN if is_heal else MOVE_SHARE_MIN)
            if not is_heal:
                await self._context.moves.take(count)
            await self._context.pace.bytes(count)
        now = work.rested = clock.monotonic_seconds()  # what was waited for here is no work
        if now - work.renewed < self._settings.lease_seconds / 4:
            return
        work.renewed = now
        held = await self._context.repairs.renew(work.held, self._settings.lease_seconds)
        for writer in work.writers.values():
            held &= await self._context.strays.renew(writer.drive.id, writer.file_id)
        if not held:
            raise Stale("the lease has run out")

    async def _discard(self, work: _Work) -> None:
        """Delete files that no row names and none ever will; what cannot be deleted now is swept later."""
        for writer in work.writers.values():
            with suppress(ClusterError):
                writer.drive.finish(writer.file_id)
                await writer.drive.delete(writer.file_id)
                await self._context.strays.drop(
                    Stray(writer.drive.id, writer.file_id, work.volume.id, StrayReason.BUILDING)
                )

    async def _count(self, work: _Work, done: Rebuilt, began: float) -> None:
        took = int((clock.monotonic_seconds() - began) * 1000)
        kind, shards = work.held.kind, len(work.writers)
        await self._context.stats.done(kind, shards, done.written_bytes, took, done.lost)
        if kind is RepairKind.REBALANCE:
            await self._context.rebalances.moved(work.volume.tier, shards, done.written_bytes)
        log.info(
            "repaired",
            volume=work.volume.id.hex(),
            kind=kind.name.lower(),
            columns=sorted(work.writers),
            bytes=done.written_bytes,
            milliseconds=took,
        )

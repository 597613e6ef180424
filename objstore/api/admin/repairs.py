"""/repair, /fsck and /rebalance: what is short of redundancy, what is being done about it, and how far that is."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel

from objstore.api.admin.state import AdminState, admin_state
from objstore.meta.database import Database
from objstore.meta.drives import Drives
from objstore.meta.inspections import InspectionKind, Inspections
from objstore.meta.redundancy import short_of_redundancy
from objstore.meta.repair_stats import Rebalances, RebalanceState, RepairFigures, RepairStats
from objstore.meta.repairs import RepairKind, Repairs, Waiting
from objstore.meta.shards import Shards
from objstore.meta.strays import StrayReason, Strays
from objstore.model.states import DriveState

router = APIRouter(tags=["repair"])
State = Annotated[AdminState, Depends(admin_state)]
Drive = Annotated[str | None, Query(max_length=64, description="One drive only, by its id.")]
STRAYS_MAX = 1000
BATCH_VOLUMES = 10_000


class Queue(BaseModel):
    """Volumes that wait. ``spare``: how many more columns they may lose; ``bytes``: about, one shard each."""

    kind: str
    spare: int
    volumes: int
    bytes: int
    taken: int
    failing: int
    oldest: datetime


class Done(BaseModel):
    """Since the cluster began. ``bytes_per_second``: of new shards, by one worker while it works."""

    kind: str
    volumes: int
    shards: int
    bytes: int
    bytes_per_second: float
    failures: int
    lost_stripes: int
    last_done: datetime | None
    last_failed: datetime | None
    last_error: str | None


class Rebalancing(BaseModel):
    """Of a tier. ``left``: moves that are queued now; more may be planned once they are done."""

    tier: str
    state: str
    started: datetime
    finished: datetime | None
    planned: int
    planned_bytes: int
    moved: int
    moved_bytes: int
    left: int
    last_error: str | None


class RepairStatus(BaseModel):
    """``volumes_short_of_redundancy``: 0 means healed. ``remaining_seconds``: an estimate, None while there is none."""

    volumes_short_of_redundancy: int
    waiting: list[Queue]
    done: list[Done]
    rebalancing: list[Rebalancing]
    remaining_seconds: float | None


class Walk(BaseModel):
    """A walk over a drive. ``total_…``: what the drive holds now; ``last_…``: of the last complete pass.

    ``remaining_seconds``: at the pace of this pass.
    """

    drive: str
    tier: str
    running: bool
    started: datetime | None
    next_run: datetime
    shards: int
    bytes: int
    problems: int
    total_shards: int
    total_bytes: int
    remaining_seconds: float | None
    last_finished: datetime | None
    last_shards: int
    last_bytes: int
    last_problems: int
    last_error: str | None


class Walks(BaseModel):
    """By drive."""

    drives: list[Walk]


class Orphan(BaseModel):
    """A file that no row names. ``quarantined``: it was set aside on its drive, where only an operator deletes it."""

    drive: str
    file: str
    volume: str
    bytes: int
    since: datetime | None
    quarantined: bool


class FsckStatus(BaseModel):
    """``missing``: columns whose file is not there, or is damaged, and that are not rebuilt yet."""

    drives: list[Walk]
    orphans: list[Orphan]
    missing: int


@router.get("/repair")
async def status(state: State) -> RepairStatus:
    """What is short of redundancy, what waits, what was done."""
    database = state.database
    waiting = await Repairs(database).waiting()
    figures = await RepairStats(database).figures()
    return RepairStatus(
        volumes_short_of_redundancy=await short_of_redundancy(database),
        waiting=[_queue(one) for one in waiting],
        done=[_done(one) for one in figures],
        rebalancing=await _rebalancing(database),
        remaining_seconds=_remaining(waiting, figures),
    )


@router.post("/repair/heal", status_code=202)
async def heal(state: State) -> RepairStatus:
    """Look now for what is short of redundancy, and try again at once what has failed before."""
    repairs = Repairs(state.database)
    await repairs.queue(RepairKind.HEAL, BATCH_VOLUMES)
    await repairs.hurry()
    return await status(state)


@router.get("/repair/scrub")
async def scrub_status(state: State) -> Walks:
    """How far every drive's pass is."""
    return Walks(drives=await _walks(state.database, InspectionKind.SCRUB))


@router.post("/repair/scrub", status_code=202)
async def scrub(state: State, drive: Drive = None) -> Walks:
    """Begin the next pass over all drives, or one, now."""
    await _start(state.database, InspectionKind.SCRUB, drive)
    return await scrub_status(state)


@router.get("/fsck")
async def fsck_status(state: State) -> FsckStatus:
    """How far the check of each drive is, and every orphan that is known."""
    database = state.database
    found = await Strays(database).list([StrayReason.ORPHAN, StrayReason.QUARANTINED], STRAYS_MAX)
    return FsckStatus(
        drives=await _walks(database, InspectionKind.FSCK),
        orphans=[
            Orphan(
                drive=one.drive_id,
                file=one.file_id.hex(),
                volume=one.volume_id.hex(),
                bytes=one.bytes,
                since=one.seen,
                quarantined=one.reason is StrayReason.QUARANTINED,
            )
            for one in found
        ],
        missing=await Shards(database).damaged(),
    )


@router.post("/fsck", status_code=202)
async def fsck(state: State, drive: Drive = None) -> FsckStatus:
    """Begin the next check of all drives, or one, now."""
    await _start(state.database, InspectionKind.FSCK, drive)
    return await fsck_status(state)


@router.post("/rebalance/{tier}", status_code=202)
async def rebalance(tier: str, state: State) -> Rebalancing:
    """Make the drives of a tier evenly full; goes on with what is under way."""
    if not any(row.tier == tier and row.state is DriveState.UP for row in await Drives(state.database).list()):
        raise HTTPException(404, f"there is no tier {tier} with drives")
    await Rebalances(state.database).start(tier)
    return await rebalance_status(tier, state)


@router.get("/rebalance/{tier}")
async def rebalance_status(tier: str, state: State) -> Rebalancing:
    """How far the last rebalancing of a tier is."""
    for one in await _rebalancing(state.database):
        if one.tier == tier:
            return one
    raise HTTPException(404, f"tier {tier} was never rebalanced")


@router.delete("/rebalance/{tier}")
async def cancel_rebalance(tier: str, state: State) -> Rebalancing:
    """End it: what has moved stays, what is under way is finished."""
    if not await Rebalances(state.database).end(tier, RebalanceState.CANCELLED):
        raise HTTPException(404, f"tier {tier} is not being rebalanced")
    await Repairs(state.database).forget(RepairKind.REBALANCE)
    return await rebalance_status(tier, state)


async def _start(database: Database, kind: InspectionKind, drive: str | None) -> None:
    rows = [row for row in await Drives(database).list() if row.state is not DriveState.GONE]
    chosen = [row.id for row in rows if drive is None or row.id == drive]
    if not chosen:
        raise HTTPException(404, f"there is no drive {drive}")
    walks = Inspections(database)
    await walks.ensure(kind, chosen, 0.0)
    await walks.start(kind, chosen)


async def _rebalancing(database: Database) -> list[Rebalancing]:
    repairs = Repairs(database)
    return [
        Rebalancing(
            tier=job.tier,
            state=job.state.name.lower(),
            started=job.started,
            finished=job.finished,
            planned=job.planned,
            planned_bytes=job.planned_bytes,
            moved=job.moved,
            moved_bytes=job.moved_bytes,
            left=await repairs.left(RepairKind.REBALANCE, job.tier),
            last_error=job.last_error,
        )
        for job in await Rebalances(database).jobs()
    ]


async def _walks(database: Database, kind: InspectionKind) -> list[Walk]:
    rows = {row.id: row for row in await Drives(database).list() if row.state is not DriveState.GONE}
    counts = await Shards(database).counts(list(rows))
    shown = []
    for one in await Inspections(database).progress(kind):
        if one.drive_id not in rows:
            continue
        total, size = counts.get(one.drive_id, (0, 0))
        left = max(0, total - one.shards)
        shown.append(
            Walk(
                drive=one.drive_id,
                tier=rows[one.drive_id].tier,
                running=one.running,
                started=one.started if one.shards or one.running else None,
                next_run=one.next_run,
                shards=one.shards,
                bytes=one.bytes,
                problems=one.problems,
                total_shards=total,
                total_bytes=size,
                remaining_seconds=round(one.seconds / one.shards * left, 1) if one.shards else None,
                last_finished=one.last_finished,
                last_shards=one.last_shards,
                last_bytes=one.last_bytes,
                last_problems=one.last_problems,
                last_error=one.last_error,
            )
        )
    return shown


def _queue(one: Waiting) -> Queue:
    return Queue(
        kind=one.kind.name.lower(),
        spare=one.spare,
        volumes=one.volumes,
        bytes=one.bytes,
        taken=one.taken,
        failing=one.failing,
        oldest=one.oldest,
    )


def _done(one: RepairFigures) -> Done:
    return Done(
        kind=one.kind.name.lower(),
        volumes=one.volumes,
        shards=one.shards,
        bytes=one.bytes,
        bytes_per_second=round(one.bytes * 1000 / max(one.milliseconds, 1), 1),
        failures=one.failures,
        lost_stripes=one.lost_stripes,
        last_done=one.last_done,
        last_failed=one.last_failed,
        last_error=one.last_error,
    )


def _remaining(waiting: list[Waiting], figures: list[RepairFigures]) -> float | None:
    """At the pace that one worker had so far, times those who work now."""
    size, milliseconds = sum(one.bytes for one in figures), sum(one.milliseconds for one in figures)
    if not size or not milliseconds:
        return None
    workers = max(1, sum(one.taken for one in waiting))
    return round(sum(one.bytes for one in waiting) * milliseconds / size / 1000 / workers, 1)

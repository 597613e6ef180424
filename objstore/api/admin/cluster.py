"""GET /status and /durability: the cluster at a glance, and what it can lose without losing anything."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from objstore.api.admin.state import AdminState, admin_state
from objstore.meta.drives import Drives, Standing
from objstore.meta.nodes import Nodes
from objstore.meta.placements import Placement, placements
from objstore.meta.redundancy import short_of_redundancy
from objstore.meta.repair_stats import RepairStats
from objstore.meta.volumes import Volumes
from objstore.model.states import DriveState, VolumeState
from objstore.model.volumes import Drive
from objstore.placement.choose import Copysets, sets_a_drive
from objstore.placement.durability import (
    annual_loss,
    annual_loss_by_windows,
    loss_of_a_group,
    nines,
    repair_hours,
)
from objstore.placement.survival import Survival, least, survival_of

router = APIRouter(tags=["cluster"])
State = Annotated[AdminState, Depends(admin_state)]
SUSPECT_STATES = (DriveState.SUSPECT, DriveState.GONE)


class NodeStatus(BaseModel):
    """``silent_seconds``: since it was last heard of."""

    name: str
    address: str
    zone: str
    rack: str
    version: str
    state: str
    silent_seconds: float


class DriveStatus(BaseModel):
    """``held``: an operator gave it its state; ``out``: given up by an operator, and nothing is on it any more;
    ``strikes``: failures that its users met lately."""

    id: str
    tier: str
    node: str
    address: str
    zone: str
    rack: str
    state: str
    held: bool
    out: bool
    reason: str
    capacity_bytes: int
    free_bytes: int
    silent_seconds: float
    strikes: float


class TierStatus(BaseModel):
    """``data_bytes``: payload of sealed volumes, ``garbage_bytes`` of it nobody's any more. ``drives``: by state,
    without those that are out."""

    profile: str
    drives: dict[str, int]
    capacity_bytes: int
    free_bytes: int
    used_bytes: int
    volumes: int
    data_bytes: int
    garbage_bytes: int


class Status(BaseModel):
    """``volumes_short_of_redundancy``: 0 when everything is whole."""

    volumes_short_of_redundancy: int
    ready: bool
    nodes: list[NodeStatus]
    drives: list[DriveStatus]
    tiers: dict[str, TierStatus]


@router.get("/status")
async def get_status(state: State) -> Status:
    """Nodes, drives, tiers, and whether every volume is whole."""
    database = state.database
    table = Drives(database)
    drives, standing = await table.list(), {one.id: one for one in await table.standing()}
    out = await table.out()
    return Status(
        volumes_short_of_redundancy=await short_of_redundancy(database),
        ready=(await state.readiness.report())["ready"],
        nodes=[
            NodeStatus(
                name=node.name,
                address=node.address,
                zone=node.zone,
                rack=node.rack,
                version=node.version,
                state=node.state.name.lower(),
                silent_seconds=round(node.silent_seconds, 1),
            )
            for node in await Nodes(database).list()
        ],
        drives=[_drive(drive, standing[drive.id], drive.id in out) for drive in drives if drive.id in standing],
        tiers=await _tiers(state, [drive for drive in drives if drive.id not in out]),
    )


def _drive(drive: Drive, standing: Standing, out: bool) -> DriveStatus:
    return DriveStatus(
        id=drive.id,
        tier=drive.tier,
        node=drive.node,
        address=drive.address,
        zone=drive.zone,
        rack=drive.rack,
        state=standing.state.name.lower(),
        held=standing.held,
        out=out,
        reason=standing.reason,
        capacity_bytes=drive.capacity_bytes,
        free_bytes=drive.free_bytes,
        silent_seconds=round(standing.silent_seconds, 1),
        strikes=round(standing.strikes, 2),
    )


async def _tiers(state: AdminState, drives: Sequence[Drive]) -> dict[str, TierStatus]:
    totals = [total for total in await Volumes(state.database).totals() if total.state != VolumeState.RETIRED]
    found = {}
    for tier, profile in state.profiles.items():
        mine = [drive for drive in drives if drive.tier == tier]
        here = [drive for drive in mine if drive.state != DriveState.GONE]
        volumes = [total for total in totals if total.tier == tier]
        capacity, free = sum(d.capacity_bytes for d in here), sum(d.free_bytes for d in here)
        found[tier] = TierStatus(
            profile=str(profile),
            drives={one.name.lower(): sum(drive.state == one for drive in mine) for one in DriveState},
            capacity_bytes=capacity,
            free_bytes=free,
            used_bytes=capacity - free,
            volumes=sum(total.volumes for total in volumes),
            data_bytes=sum(total.data_bytes for total in volumes),
            garbage_bytes=sum(total.garbage_bytes for total in volumes),
        )
    return found


class Losses(BaseModel):
    """Any so many of each may be lost, one kind at a time, and everything can still be read."""

    drives: int
    nodes: int
    racks: int
    zones: int


class TierDurability(BaseModel):
    """``now``: of the volumes as they are, drives that are suspect or gone counted as lost; ``whole``: of the same
    once they are healed; ``new``: of volumes written from now on. None where there are none, or too few drives.

    ``combinations``: sets of drives that volumes are on. ``repair_hours``: from a drive's failure until all is whole
    again, at ``repair_bytes_per_second``, ``measured`` or assumed. ``annual_loss``: the chance that a volume is lost
    within a year, ``nines`` the same (``…_by_windows``: computed another way). ``coincidence_loss``: the chance that
    something is lost when ``coincidence_drives`` fail at once, as after a power cut.
    """

    profile: str
    volumes: int
    combinations: int
    now: Losses | None
    whole: Losses | None
    new: Losses | None
    under_protected: bool
    afr: float
    repair_hours: float
    repair_bytes_per_second: float
    measured: bool
    annual_loss: float
    nines: float
    nines_by_windows: float
    coincidence_drives: int
    coincidence_loss: float


class Durability(BaseModel):
    """By tier."""

    tiers: dict[str, TierDurability]


@router.get("/durability")
async def get_durability(
    state: State,
    afr: Annotated[float, Query(gt=0, lt=1)] = 0.014,
    repair_bytes_per_second: Annotated[float | None, Query(gt=0)] = None,
) -> Durability:
    """What may be lost at once, and how likely a loss is. ``afr``: the part of drives that fails in a year."""
    drives = {drive.id: drive for drive in await Drives(state.database).list()}
    by_tier: dict[str, list[Placement]] = defaultdict(list)
    for placement in await placements(state.database):
        by_tier[placement.tier].append(placement)
    measured = await _measured(state)
    rate = repair_bytes_per_second or measured or RATE_ASSUMED
    tiers = {}
    for tier, profile in state.profiles.items():
        mine = [drive for drive in drives.values() if drive.tier == tier and drive.state == DriveState.UP]
        found, largest = by_tier[tier], max((drive.capacity_bytes for drive in mine), default=0)
        hours = repair_hours(largest, rate, state.drive_out_seconds)
        loss = annual_loss(profile.n, profile.m, afr, hours)
        sets = _copysets(mine, profile.n, profile.m)
        new = least(survival_of(drives_of, profile.m) for drives_of in sets)
        # 3 % of the drives of a hall do not come back after a power cut.
        failing = min(max(profile.m + 1, round(0.03 * len(mine))), len(mine))
        tiers[tier] = TierDurability(
            profile=str(profile),
            volumes=sum(one.volumes for one in found),
            combinations=len(found),
            now=_losses(least(_survival(one, drives, SUSPECT_STATES) for one in found)),
            whole=_losses(least(_survival(one, drives, ()) for one in found)),
            new=_losses(new),
            under_protected=new is None or (profile.m > 0 and new.nodes == 0),
            afr=afr,
            repair_hours=round(hours, 3),
            repair_bytes_per_second=rate,
            measured=repair_bytes_per_second is None and measured is not None,
            annual_loss=loss,
            nines=round(nines(loss), 1),
            nines_by_windows=round(nines(annual_loss_by_windows(profile.n, profile.m, afr, hours)), 1),
            coincidence_drives=failing,
            coincidence_loss=loss_of_a_group(len(mine), profile.n, profile.m, failing, len(sets)) if sets else 0.0,
        )
    return Durability(tiers=tiers)


RATE_ASSUMED = 100e6  # of one worker on one disk; what was measured takes its place


async def _measured(state: AdminState) -> float | None:
    """Bytes a second that healing has written so far, of one worker."""
    figures = [one for one in await RepairStats(state.database).figures() if one.milliseconds]
    milliseconds = sum(one.milliseconds for one in figures)
    return sum(one.bytes for one in figures) * 1000 / milliseconds if milliseconds else None


def _survival(placement: Placement, drives: Mapping[str, Drive], lost: Sequence[DriveState]) -> Survival:
    known = (drives.get(drive_id) for drive_id in placement.drive_ids)
    return survival_of([drive if drive is not None and drive.state not in lost else None for drive in known],
                       placement.m)  # fmt: skip


def _copysets(drives: Sequence[Drive], count: int, m: int) -> list[list[Drive]]:
    """The sets of drives that new volumes go to; none if there are too few drives."""
    if len(drives) < count:
        return []
    copysets, by_id = Copysets(drives, count, m), {drive.id: drive for drive in drives}
    sets = {frozenset(copysets.of(drive, number)) for drive in drives for number in range(sets_a_drive(count))}
    return [[by_id[id_] for id_ in ids] for ids in sets]


def _losses(found: Survival | None) -> Losses | None:
    if found is None:
        return None
    return Losses(drives=found.drives, nodes=found.nodes, racks=found.racks, zones=found.zones)

"""/tiers: what they are, how full, of which profiles; and their reencoding to the profile that is configured now."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel

from objstore.api.admin.state import AdminState, admin_state
from objstore.meta.drives import Drives
from objstore.meta.reencode import Job, ProfileTotals, jobs, profile_totals, start_job, volumes_left
from objstore.meta.volumes import Volumes, VolumeTotals
from objstore.model import tiers
from objstore.model.profile import Profile
from objstore.model.states import VolumeState
from objstore.model.storage_class import STORAGE_CLASS_CODES
from objstore.model.volumes import Drive

router = APIRouter(tags=["tiers"])
State = Annotated[AdminState, Depends(admin_state)]


class ProfileSum(BaseModel):
    """Volumes of one profile. ``overhead``: bytes on drives for each byte of payload."""

    profile: str
    unit_bytes: int
    overhead: float
    volumes: int
    data_bytes: int


class Reencoding(BaseModel):
    """``volumes``, ``bytes``: rewritten so far; ``left_…``: still of other profiles, ``left_open`` of them written to
    by processes that have not been restarted since the change."""

    profile: str
    started: datetime
    finished: datetime | None
    volumes: int
    bytes: int
    left_volumes: int
    left_open: int
    left_bytes: int
    last_error: str


class Tier(BaseModel):
    """``profile``: what new volumes get; ``profiles``: what is there. ``classes``: storage classes that lie on it."""

    name: str
    profile: str | None
    classes: list[str]
    drives: int
    capacity_bytes: int
    free_bytes: int
    data_bytes: int
    garbage_bytes: int
    profiles: list[ProfileSum]
    reencode: Reencoding | None


class TierList(BaseModel):
    """The hot one first."""

    tiers: list[Tier]


@router.get("/tiers")
async def list_tiers(state: State) -> TierList:
    """Tiers that have drives, or volumes."""
    drives = await Drives(state.database).list()
    totals = await Volumes(state.database).totals()
    profiles = await profile_totals(state.database)
    known = await jobs(state.database)
    names = dict.fromkeys([*state.profiles, *(drive.tier for drive in drives), *(total.tier for total in totals)])
    shown = [
        _tier(name, state.profiles.get(name), drives, totals, profiles, await _reencoding(state, name, known.get(name)))
        for name in names
    ]
    return TierList(tiers=shown)


@router.post("/tiers/{tier}/reencode", status_code=202)
async def reencode(tier: str, state: State) -> Reencoding:
    """Rewrite every volume of the tier that has another profile than the tier has now; goes on in the background."""
    job = await start_job(state.database, tier, _profile(state, tier))
    if job is None:
        raise HTTPException(404, f"there is no tier {tier!r}")
    return await _shown(state, tier, job)


@router.get("/tiers/{tier}/reencode")
async def reencoding(tier: str, state: State) -> Reencoding:
    """How far the tier's last reencoding is."""
    _profile(state, tier)
    found = await _reencoding(state, tier, (await jobs(state.database)).get(tier))
    if found is None:
        raise HTTPException(404, f"tier {tier!r} was never reencoded")
    return found


def _profile(state: AdminState, tier: str) -> Profile:
    profile = state.profiles.get(tier)
    if profile is None:
        raise HTTPException(404, f"there is no tier {tier!r} with drives")
    return profile


async def _reencoding(state: AdminState, tier: str, job: Job | None) -> Reencoding | None:
    return None if job is None else await _shown(state, tier, job)


async def _shown(state: AdminState, tier: str, job: Job) -> Reencoding:
    left = await volumes_left(state.database, tier, job.profile)
    return Reencoding(
        profile=str(job.profile),
        started=job.started,
        finished=job.finished,
        volumes=job.volumes,
        bytes=job.bytes,
        left_volumes=left.volumes,
        left_open=left.open,
        left_bytes=left.bytes,
        last_error=job.last_error,
    )


def _tier(
    name: str,
    profile: Profile | None,
    drives: Sequence[Drive],
    totals: Sequence[VolumeTotals],
    profiles: Sequence[ProfileTotals],
    reencode: Reencoding | None,
) -> Tier:
    mine = [drive for drive in drives if drive.tier == name]
    volumes = [total for total in totals if total.tier == name and total.state != VolumeState.RETIRED]
    return Tier(
        name=name,
        profile=None if profile is None else str(profile),
        classes=[one for one in STORAGE_CLASS_CODES if tiers.is_offered(one) and tiers.tier_of(one) == name],
        drives=len(mine),
        capacity_bytes=sum(drive.capacity_bytes for drive in mine),
        free_bytes=sum(drive.free_bytes for drive in mine),
        data_bytes=sum(total.data_bytes for total in volumes),
        garbage_bytes=sum(total.garbage_bytes for total in volumes),
        profiles=[
            ProfileSum(
                profile=f"{one.k}+{one.m}",
                unit_bytes=one.unit_bytes,
                overhead=round((one.k + one.m) / one.k, 4),
                volumes=one.volumes,
                data_bytes=one.data_bytes,
            )
            for one in profiles
            if one.tier == name
        ],
        reencode=reencode,
    )

"""/warm and /pins: bring a prefix to the hot tier, and keep it there for a while."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from objstore.api.admin.lifecycle_rules import bucket_named
from objstore.api.admin.state import AdminState, admin_state
from objstore.lifecycle.pins import cancel_pin, list_pins, pin_job, put_pin
from objstore.lifecycle.warm import (
    DAYS_DEFAULT,
    WarmStatus,
    cancel_warming,
    list_warming,
    start_warming,
    warming,
    warming_all,
)
from objstore.meta.facts import buckets_of

router = APIRouter(tags=["warm"])
State = Annotated[AdminState, Depends(admin_state)]
Prefix = Annotated[str, Field(max_length=1024)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class WarmRequest(_Asked):
    """``days``: how long an archived object's copy stays. ``budget_bytes``: move no more than that."""

    bucket: str
    prefix: Prefix = ""
    days: int = DAYS_DEFAULT
    budget_bytes: int | None = None


class WarmJob(BaseModel):
    """``found_…``: what has to be moved as far as the prefix was looked through, all of it if ``complete``;
    ``objects``, ``bytes``: what was. ``remaining_seconds``: an estimate, None while there is none."""

    id: str
    bucket: str
    prefix: str
    state: str
    created: datetime
    finished: datetime | None
    days: int
    budget_bytes: int | None
    objects: int
    bytes: int
    found_objects: int
    found_bytes: int
    complete: bool
    remaining_seconds: float | None
    last_error: str | None


class WarmList(BaseModel):
    """Those that run first, then the newest; a job that ended is shown for some days."""

    jobs: list[WarmJob]


class PinRequest(_Asked):
    """``until``: with its offset, as in 2030-01-01T00:00:00Z. ``budget_bytes``: bring no more than that to the tier."""

    bucket: str
    prefix: Prefix = ""
    until: AwareDatetime
    budget_bytes: int


class Pin(BaseModel):
    """``warm``: the job that brings the prefix to the hot tier; None once it is forgotten."""

    bucket: str
    prefix: str
    until: datetime
    budget_bytes: int
    warm: WarmJob | None


class PinList(BaseModel):
    """By prefix."""

    pins: list[Pin]


@router.post("/warm", status_code=202)
async def start(asked: WarmRequest, state: State) -> WarmJob:
    """Start to bring a prefix to the hot tier."""
    found = await bucket_named(asked.bucket, state)
    try:
        job_id = await start_warming(state.database, found.id, asked.prefix.encode(), asked.days, asked.budget_bytes)
    except ValueError as error:
        raise HTTPException(422, str(error)) from None
    return await _job(state, asked.bucket, job_id)


@router.get("/warm")
async def list_jobs(bucket: str, state: State) -> WarmList:
    """Jobs of a bucket."""
    found = await bucket_named(bucket, state)
    return WarmList(jobs=[_shown(bucket, job) for job in await list_warming(state.database, found.id)])


@router.get("/warm/{job_id}")
async def get_job(job_id: str, bucket: str, state: State) -> WarmJob:
    """How far a job is."""
    found = await bucket_named(bucket, state)
    job = await warming(state.database, job_id)
    if job is None or job.bucket_id != found.id:
        raise HTTPException(404, "there is no such job")
    return _shown(bucket, job)


@router.delete("/warm/{job_id}", status_code=204)
async def cancel(job_id: str, state: State) -> None:
    """End a job; what it has brought to the hot tier stays there."""
    if not await cancel_warming(state.database, job_id):
        raise HTTPException(404, "there is no such job that runs")


@router.post("/pins")
async def pin(asked: PinRequest, state: State) -> Pin:
    """Keep a prefix on the hot tier until a time, and bring there what is not; changes a pin that is there."""
    found = await bucket_named(asked.bucket, state)
    try:
        job_id = await put_pin(
            state.database, found.id, asked.prefix.encode(), asked.until.astimezone(UTC), asked.budget_bytes
        )
    except ValueError as error:
        raise HTTPException(422, str(error)) from None
    job = await _job(state, asked.bucket, job_id)
    return Pin(bucket=asked.bucket, prefix=asked.prefix, until=asked.until, budget_bytes=asked.budget_bytes, warm=job)


@router.get("/pins")
async def pins(state: State, bucket: Annotated[str, Query(description="Empty: of all.")] = "") -> PinList:
    """Pins of a bucket, or of all buckets."""
    wanted = (await bucket_named(bucket, state)).id if bucket else None
    found = await list_pins(state.database, wanted)
    by_job = {pin_job(one.bucket_id, one.prefix).hex(): one for one in found}
    jobs = await warming_all(state.database, by_job)
    named = await buckets_of(state.database, {one.bucket_id for one in found})
    names = {bucket_id: one.name for bucket_id, one in named.items()}
    shown = [
        Pin(
            bucket=names[one.bucket_id],
            prefix=one.prefix.decode("utf-8", "replace"),
            until=one.until,
            budget_bytes=one.budget_bytes,
            warm=_shown(names[one.bucket_id], jobs[job_id]) if job_id in jobs else None,
        )
        for job_id, one in by_job.items()
        if one.bucket_id in names
    ]
    return PinList(pins=shown)


@router.delete("/pins", status_code=204)
async def unpin(bucket: str, state: State, prefix: Annotated[str, Query(max_length=1024)] = "") -> None:
    """End a pin: from now on rules move what is below it again."""
    found = await bucket_named(bucket, state)
    if not await cancel_pin(state.database, found.id, prefix.encode()):
        raise HTTPException(404, f"the prefix {prefix!r} is not pinned")


async def _job(state: AdminState, bucket: str, job_id: str) -> WarmJob:
    job = await warming(state.database, job_id)
    if job is None:
        raise HTTPException(404, "there is no such job")
    return _shown(bucket, job)


def _shown(bucket: str, job: WarmStatus) -> WarmJob:
    shown = {
        "bucket": bucket,
        "prefix": job.prefix.decode("utf-8", "replace"),
        "remaining_seconds": None if job.remaining is None else round(job.remaining.total_seconds(), 1),
    }
    return WarmJob.model_validate(asdict(job) | shown)

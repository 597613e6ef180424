"""Warm-up: bring what is below a prefix to the hot tier, and say how far that is.

Objects become STANDARD, but those of INTELLIGENT_TIERING, whose class stays; archived ones get a temporary copy on the
hot tier for some days.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from objstore.meta.database import Database
from objstore.meta.warm_jobs import WarmJob, WarmJobs, WarmState
from objstore.model import clock

DAYS_DEFAULT = 7
DAYS_MAX = 36_500
KEEP_SECONDS = 7 * 86_400.0  # a job that ended is shown for so long


@dataclass(frozen=True, slots=True)
class WarmStatus:
    """``state``: running, done or cancelled. ``found_…``: what had to be moved as far as the prefix was looked through,
    all of it if ``complete``; ``objects``, ``bytes``: what was. ``remaining``: an estimate, None while there is none.
    """

    id: str
    bucket_id: int
    prefix: bytes
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
    remaining: timedelta | None
    last_error: str | None


async def start_warming(
    database: Database,
    bucket_id: int,
    prefix: bytes,
    days: int = DAYS_DEFAULT,
    budget_bytes: int | None = None,
    job_id: bytes | None = None,
) -> str:
    """Start a job; its id. ``days``: for archived objects' copies. Raises ValueError."""
    if not 1 <= days <= DAYS_MAX:
        raise ValueError(f"days: 1 to {DAYS_MAX}")
    if budget_bytes is not None and budget_bytes < 0:
        raise ValueError("budget_bytes: 0 or more")
    job_id = job_id or clock.random_id()
    await WarmJobs(database).create(job_id, bucket_id, prefix, days, budget_bytes)
    return job_id.hex()


async def list_warming(database: Database, bucket_id: int) -> list[WarmStatus]:
    """Jobs of a bucket: those that run first, then the newest."""
    return [_status(job) for job in await WarmJobs(database).list([bucket_id])]


async def warming(database: Database, job_id: str) -> WarmStatus | None:
    """One job; None if there is none of that id."""
    return next(iter((await warming_all(database, [job_id])).values()), None)


async def warming_all(database: Database, job_ids: Collection[str]) -> dict[str, WarmStatus]:
    """Those of the jobs that there are, by id."""
    return {job.id.hex(): _status(job) for job in await WarmJobs(database).get([*map(_parse, job_ids)])}


async def cancel_warming(database: Database, job_id: str) -> bool:
    """End a job; what is hot stays so. False if there is none that runs."""
    return await WarmJobs(database).cancel(_parse(job_id))


def _parse(job_id: str) -> bytes:
    try:
        return bytes.fromhex(job_id)
    except ValueError:
        return b""


def _status(job: WarmJob) -> WarmStatus:
    return WarmStatus(
        job.id.hex(),
        job.bucket_id,
        job.prefix,
        WarmState(job.state).name.lower(),
        job.created,
        job.finished,
        job.days,
        job.budget_bytes,
        job.objects,
        job.bytes,
        job.found_objects,
        job.found_bytes,
        job.walked,
        remaining(job, clock.now()),
        job.last_error,
    )


def remaining(job: WarmJob, now: datetime) -> timedelta | None:
    """How long the rest will take at the pace so far; None before anything was moved, and while the job is looking."""
    if job.finished is not None:
        return timedelta()
    if not job.walked or not job.bytes:
        return None
    return max(timedelta(), (now - job.created) * max(0, job.found_bytes - job.bytes) / job.bytes)

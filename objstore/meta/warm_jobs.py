"""Warm-up jobs: what is cold below a prefix becomes tasks, a page of keys after the other; what is hot then is counted.

A step is one transaction: the job's row is locked (another worker skips it), a page of keys past its cursor is looked
at, those on other tiers become PROMOTE tasks with the job's id for a rule, the cursor moves.

| What happens                    | What is left                              | Who clears it                       |
|---------------------------------|-------------------------------------------|-------------------------------------|
| a worker dies                   | the job before its step                   | the next step of anyone             |
| cancelled while tasks are there | these, which find that their job is over  | whoever takes them                  |
| the bucket goes                 | the job                                   | its next step finds nothing to move |
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    Double,
    Integer,
    Interval,
    SmallInteger,
    any_,
    delete,
    exists,
    func,
    literal_column,
    null,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import BYTEA, insert

from objstore.meta.database import Database, Transaction
from objstore.meta.group_statements import COLD
from objstore.meta.lifecycle_tables import task, warm
from objstore.meta.listing import past
from objstore.meta.statement import Statement, array, constant, param
from objstore.meta.tasks import TaskKind, backlog
from objstore.meta.walks import BACKLOG_PAUSE, LONG_AGO

PAGE_ROWS = 1000
JOBS_MAX = 1000
ANY_BYTES = 2**62
ACTION = "warm"
VISIBLE_SECONDS = 10

w, t = warm.c, task.c


class WarmState(IntEnum):
    """Codes are stored."""

    RUNNING = 0
    DONE = 1
    CANCELLED = 2


@dataclass(frozen=True, slots=True)
class WarmJob:
    """See the table ``warm`` in lifecycle_tables.py."""

    id: bytes
    bucket_id: int
    prefix: bytes
    created: datetime
    state: int
    cursor: bytes
    objects: int
    bytes: int
    found_objects: int
    found_bytes: int
    walked: bool
    days: int
    budget_bytes: int | None
    finished: datetime | None
    last_error: str | None
    since: datetime | None


_COLUMNS = (
    w.id, w.bucket_id, w.prefix, w.created, w.state, w.cursor, w.objects, w.bytes, w.found_objects, w.found_bytes,
    w.walked, w.days, w.budget_bytes, w.finished, w.last_error, w.since,
)  # fmt: skip
_id = param("job", BYTEA)
_now = func.clock_timestamp()
_new = {
    "id": _id,
    "bucket_id": param("bucket_id", BigInteger),
    "prefix": param("prefix", BYTEA),
    "days": param("days", Integer),
    "budget_bytes": param("budget_bytes", BigInteger),
    "state": constant(WarmState.RUNNING),
}
_again = {
    "days": param("days", Integer),
    "budget_bytes": param("budget_bytes", BigInteger),
    "state": constant(WarmState.RUNNING),
    "created": _now,
    "cursor": literal_column("''::bytea"),
    **{name: constant(0) for name in ("objects", "bytes", "found_objects", "found_bytes")},
    "walked": literal_column("false"),
    "next_run": _now,
    "finished": null(),
    "last_error": null(),
    "since": null(),
}
# A pin that is put again begins its job anew.
_CREATE = Statement(
    insert(warm).values(_new).on_conflict_do_update(index_elements=["id"], set_=_again),
    *("job", "bucket_id", "prefix", "days", "budget_bytes"),
)
_second = literal_column("'1 second'::interval", Interval)
# What it has moved still counts against its budget. A commit may bring what is a little older than its row.
_LOOK_AGAIN = Statement(
    update(warm)
    .where(w.id == any_(array("jobs", BYTEA)), w.state == constant(WarmState.DONE))
    .where(w.finished < func.now() - param("rest_seconds", Double) * _second)
    .values(
        state=constant(WarmState.RUNNING),
        since=w.created - constant(VISIBLE_SECONDS) * _second,
        created=_now,
        cursor=literal_column("''::bytea"),
        walked=literal_column("false"),
        next_run=_now,
        finished=null(),
    ),
    *("jobs", "rest_seconds"),
)
_LIST = Statement(
    select(*_COLUMNS)
    .where(w.bucket_id == any_(array("buckets", BigInteger)))
    .order_by(w.finished.is_not(None), w.created.desc(), w.id)
    .limit(constant(JOBS_MAX)),
    "buckets",
)
_GET = Statement(select(*_COLUMNS).where(w.id == any_(array("jobs", BYTEA))), "jobs")
_END = Statement(
    update(warm).where(w.id == _id, w.finished.is_(None)).values(state=param("state", SmallInteger), finished=_now),
    *("job", "state"),
)
_CLAIM = Statement(
    select(*_COLUMNS)
    .where(w.next_run <= func.now(), w.finished.is_(None))
    .order_by(w.next_run)
    .limit(constant(1))
    .with_for_update(skip_locked=True)
)
_SAVE = Statement(
    update(warm)
    .where(w.id == _id)
    .values(
        cursor=param("cursor", BYTEA),
        found_objects=w.found_objects + param("more_objects", BigInteger),
        found_bytes=w.found_bytes + param("more_bytes", BigInteger),
        walked=param("walked", Boolean),
        next_run=_now + param("pause_seconds", Double) * _second,
    ),
    *("job", "cursor", "more_objects", "more_bytes", "walked", "pause_seconds"),
)
_PROGRESS = Statement(
    update(warm)
    .where(w.id == _id)
    .values(
        objects=w.objects + param("more_objects", BigInteger),
        bytes=w.bytes + param("more_bytes", BigInteger),
    ),
    *("job", "more_objects", "more_bytes"),
)
_FAILED = Statement(
    update(warm).where(w.id == _id).values(last_error=param("error", w.last_error.type)), "job", "error"
)
_OPEN_TASK = Statement(
    select(
        exists().where(
            t.bucket_id == param("bucket_id", BigInteger),
            t.key >= param("low", BYTEA),
            t.key < param("high", BYTEA),
            t.kind == constant(TaskKind.PROMOTE),
            t.rule == param("rule", t.rule.type),
        )
    ),
    *("bucket_id", "low", "high", "rule"),
)
_RUNNING = Statement(select(w.id, w.days).where(w.id == any_(array("jobs", BYTEA)), w.finished.is_(None)), "jobs")
_FORGET = Statement(
    # Jobs that ended are shown for a while.
    delete(warm).where(w.finished < func.now() - param("keep_seconds", Double) * _second),
    "keep_seconds",
)

Jobs = list[WarmJob]  # the class has a method of the name list


class WarmJobs:
    """The table of warm-up jobs."""

    def __init__(self, database: Database, backlog_max: int = 20_000) -> None:
        self._database, self._backlog_max = database, backlog_max

    async def create(self, job_id: bytes, bucket_id: int, prefix: bytes, days: int, budget_bytes: int | None) -> None:
        """Start a job, or start it anew."""
        await self._database.change(_CREATE, job_id, bucket_id, prefix, days, budget_bytes)

    async def look_again(self, job_ids: Collection[bytes], rest_seconds: float) -> int:
        """Have those of the jobs look for what is new that were done so long ago; how many."""
        return int(await self._database.change(_LOOK_AGAIN, sorted(job_ids), rest_seconds)) if job_ids else 0

    async def list(self, bucket_ids: Collection[int]) -> Jobs:
        """Jobs of buckets, those that run first, then the newest; at most ``JOBS_MAX``."""
        return [WarmJob(*record) for record in await self._database.fetch(_LIST, sorted(bucket_ids))]

    async def get(self, job_ids: Collection[bytes]) -> Jobs:
        """Those of the jobs that there are."""
        return [WarmJob(*record) for record in await self._database.fetch(_GET, sorted(job_ids))]

    async def cancel(self, job_id: bytes) -> bool:
        """End a job; False if there is none that runs."""
        return bool(await self._database.change(_END, job_id, WarmState.CANCELLED))

    async def running(self, job_ids: Collection[bytes]) -> dict[bytes, int]:
        """Those of the jobs that have not ended, each with its days."""
        if not job_ids:
            return {}
        return {record[0]: record[1] for record in await self._database.fetch(_RUNNING, sorted(job_ids))}

    async def note_error(self, job_id: bytes, error: str) -> None:
        """Remember why an object could not be moved; it is tried again."""
        await self._database.change(_FAILED, job_id, error)

    async def forget(self, keep_seconds: float) -> int:
        """Drop jobs that ended so long ago; how many."""
        return int(await self._database.change(_FORGET, keep_seconds))

    async def step(self, pause_seconds: float, limit: int = PAGE_ROWS) -> int | None:
        """A page of the job that has waited longest; how many tasks came of it, None if none is due.

        ``pause_seconds``: how long a job rests that waits for its tasks.
        """

        async def work(transaction: Transaction) -> int | None:
            await transaction.identify()
            row = await transaction.first(_CLAIM)
            return None if row is None else await self._step(transaction, WarmJob(*row), pause_seconds, limit)

        return await self._database.transact(work)

    async def _step(self, transaction: Transaction, job: WarmJob, pause_seconds: float, limit: int) -> int:
        low, high, rule = max(job.prefix, job.cursor), past(job.prefix), job.id.hex()
        if job.walked:
            left = await transaction.fetch(_OPEN_TASK, job.bucket_id, job.prefix, high, rule)
            if not left[0][0]:
                await transaction.execute(_END, job.id, WarmState.DONE)
            else:
                await transaction.execute(_SAVE, job.id, job.cursor, 0, 0, True, pause_seconds)
            return 0
        if await backlog(transaction, job.bucket_id, self._backlog_max) >= self._backlog_max:
            pause = BACKLOG_PAUSE.total_seconds()
            await transaction.execute(_SAVE, job.id, job.cursor, 0, 0, False, pause)
            return 0
        room = ANY_BYTES if job.budget_bytes is None else max(0, job.budget_bytes - job.found_bytes)
        since = job.since or LONG_AGO
        records = await transaction.fetch(COLD, job.bucket_id, low, high, limit, since, room, rule, ACTION)
        last, seen, objects, size, left_out, _ = records[0] if records else (b"", 0, 0, 0, False, 0)
        walked = seen < limit or left_out
        await transaction.execute(_SAVE, job.id, last + b"\0" if seen else low, objects, size, walked, 0.0)
        return int(objects)


async def add_progress(transaction: Transaction, done: dict[bytes, tuple[int, int]]) -> None:
    """Count what became hot, by job: objects, and bytes of payload."""
    for job_id, progress in sorted(done.items()):
        await transaction.execute(_PROGRESS, job_id, *progress)


def job_of(rule: str) -> bytes | None:
    """The id of the job that queued a task, by the task's rule; None if it was not a job."""
    try:
        return bytes.fromhex(rule) or None
    except ValueError:
        return None

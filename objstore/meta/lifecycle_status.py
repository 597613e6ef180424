"""How far the rules are: walks, queued tasks and what was done, by bucket, rule and action; and of one version."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, any_, func, select
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta.database import Database
from objstore.meta.lifecycle_tables import rule_stats, task, walk
from objstore.meta.statement import Statement, array, constant, param
from objstore.meta.tables import bucket
from objstore.model.storage_class import STORAGE_CLASS_CODES
from objstore.model.tiers import tier_of

w, t, s = walk.c, task.c, rule_stats.c
ROWS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class WalkRow:
    """A walk: up to where (``time``, or ``number`` of a day) it has looked, when it looks next, what it has queued."""

    rule: str
    action: str
    time: datetime | None
    number: int
    next_run: datetime
    found: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """Tasks that a rule's action waits for. ``failing``: how many have failed at least once."""

    rule: str
    action: str
    tasks: int
    oldest_due: datetime
    failing: int
    last_error: str | None


@dataclass(frozen=True, slots=True)
class BucketStatus:
    """Sums of a bucket: what waits and what was done."""

    bucket: str
    tasks: int
    oldest_due: datetime | None
    failing: int
    objects: int
    bytes: int
    errors: int


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A queued task of one version. ``taken``: somebody has it now."""

    rule: str
    action: str
    due: datetime
    ready: datetime
    attempts: int
    taken: bool
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Of all buckets, by action: for metrics."""

    action: str
    objects: int
    bytes: int
    errors: int

    @property
    def kind(self) -> tuple[str, str]:
        """What was done, and to which tier: ``transition`` and ``capacity``, ``delete`` and nothing."""
        verb, _, target = self.action.partition(":")
        if not target:
            return verb, ""
        return verb, tier_of(target) if target in STORAGE_CLASS_CODES else target


_bucket_id = param("bucket_id", BigInteger)
_failing = func.count().filter(t.attempts > constant(0))
_WALKS = Statement(
    select(w.rule, w.action, w.time, w.number, w.next_run, w.found)
    .where(w.bucket_id == _bucket_id)
    .order_by(w.rule, w.action)
    .limit(constant(ROWS_MAX)),
    "bucket_id",
)
_BACKLOG = Statement(
    select(t.rule, t.action, func.count(), func.min(t.due), _failing, func.max(t.last_error))
    .where(t.bucket_id == _bucket_id)
    .group_by(t.rule, t.action)
    .limit(constant(ROWS_MAX)),
    "bucket_id",
)
_TASKS_BY_BUCKET = Statement(
    select(t.bucket_id, func.count(), func.min(t.due), _failing).group_by(t.bucket_id).limit(constant(ROWS_MAX))
)
_DONE_BY_BUCKET = Statement(
    select(s.bucket_id, func.sum(s.objects), func.sum(s.bytes), func.sum(s.errors))
    .group_by(s.bucket_id)
    .limit(constant(ROWS_MAX))
)
_NAMES = Statement(select(bucket.c.id, bucket.c.name).where(bucket.c.id == any_(array("ids", BigInteger))), "ids")
_OF_VERSION = Statement(
    select(t.rule, t.action, t.due, t.ready, t.attempts, t.owner.is_not(None), t.last_error).where(
        t.bucket_id == _bucket_id, t.key == param("key", BYTEA), t.version_id == param("version_id", BYTEA)
    ),
    *("bucket_id", "key", "version_id"),
)
_FIGURES = Statement(
    select(s.action, func.sum(s.objects), func.sum(s.bytes), func.sum(s.errors))
    .group_by(s.action)
    .limit(constant(1000))
)
_QUEUE = Statement(select(func.count(), func.min(t.due)))


async def walks_of_bucket(database: Database, bucket_id: int) -> list[WalkRow]:
    """The walks of a bucket, by rule and action."""
    return [WalkRow(*record) for record in await database.fetch(_WALKS, bucket_id)]


async def backlog_of_bucket(database: Database, bucket_id: int) -> list[Backlog]:
    """The queued tasks of a bucket: walks stop at a bound, so there are never very many."""
    return [Backlog(*record) for record in await database.fetch(_BACKLOG, bucket_id)]


async def status_by_bucket(database: Database) -> list[BucketStatus]:
    """Every bucket for which something waits or was done, by name; at most ``ROWS_MAX``."""
    waiting = {record[0]: record[1:] for record in await database.fetch(_TASKS_BY_BUCKET)}
    done = {record[0]: tuple(map(int, record[1:])) for record in await database.fetch(_DONE_BY_BUCKET)}
    names = dict(map(tuple, await database.fetch(_NAMES, sorted(waiting.keys() | done.keys()))))
    found = [
        BucketStatus(name, *waiting.get(bucket_id, (0, None, 0)), *done.get(bucket_id, (0, 0, 0)))
        for bucket_id, name in names.items()
    ]
    return sorted(found, key=lambda status: status.bucket)


async def tasks_of_version(database: Database, bucket_id: int, key: bytes, version_id: bytes) -> Sequence[TaskRow]:
    """What is queued for a version."""
    return [TaskRow(*record) for record in await database.fetch(_OF_VERSION, bucket_id, key, version_id)]


async def figures_by_action(database: Database) -> list[Figures]:
    """What all rules have done, by action."""
    return [Figures(record[0], *map(int, record[1:])) for record in await database.fetch(_FIGURES)]


async def queue_length(database: Database) -> tuple[int, datetime | None]:
    """All queued tasks, and since when the oldest is due."""
    ((tasks, oldest),) = await database.fetch(_QUEUE)
    return tasks, oldest

"""How far the rules are: walks, queued tasks and what was done, by bucket, rule and action; and of one version."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from sqlalchemy import BigInteger, any_, func, select
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta.database import Database
from objstore.meta.lifecycle_tables import rule_stats, task, walk
from objstore.meta.statement import Statement, array, constant, param
from objstore.meta.tables import bucket
from objstore.model.storage_class import INTELLIGENT_TIERING, STORAGE_CLASS_CODES, class_in
from objstore.model.tiers import tier_of

w, t, s = walk.c, task.c, rule_stats.c
ROWS_MAX = 10_000
RULES_MAX = 1000  # in metrics: each is some series


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
        known = target if target in STORAGE_CLASS_CODES else class_in(target)
        return verb, target if known == INTELLIGENT_TIERING != target else tier_of(known)


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """Of one rule, its actions taken together: what waits, since when, what was done, when it last failed.

    ``series``: see ``series_of``.
    """

    series: str
    tasks: int = 0
    oldest_due: datetime | None = None
    objects: int = 0
    bytes: int = 0
    errors: int = 0
    last_failed: datetime | None = None


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
_DONE_BY_RULE = Statement(
    select(s.bucket_id, s.rule, func.sum(s.objects), func.sum(s.bytes), func.sum(s.errors), func.max(s.last_failed))
    .group_by(s.bucket_id, s.rule)
    .order_by(s.bucket_id, s.rule)
    .limit(constant(RULES_MAX))
)
_TASKS_BY_RULE = Statement(
    select(t.bucket_id, t.rule, func.count(), func.min(t.due)).group_by(t.bucket_id, t.rule).limit(constant(RULES_MAX))
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


def series_of(bucket_id: int, rule: str) -> str:
    """The name of a rule in metrics, which anybody may read: it tells neither the bucket nor the rule."""
    return blake2b(bucket_id.to_bytes(8, "little", signed=True) + rule.encode(), digest_size=8).hexdigest()


async def figures_by_rule(database: Database) -> list[RuleFigures]:
    """Rules for which something waits or was done; about ``RULES_MAX``."""
    done = {(bucket_id, rule): values for bucket_id, rule, *values in await database.fetch(_DONE_BY_RULE)}
    waiting = {(bucket_id, rule): values for bucket_id, rule, *values in await database.fetch(_TASKS_BY_RULE)}
    found = []
    for name in sorted(done.keys() | waiting.keys()):
        tasks, oldest = waiting.get(name, (0, None))
        objects, size, errors, failed = done.get(name, (0, 0, 0, None))
        found.append(RuleFigures(series_of(*name), tasks, oldest, int(objects), int(size), int(errors), failed))
    return found


async def queue_length(database: Database) -> tuple[int, datetime | None]:
    """All queued tasks, and since when the oldest is due."""
    ((tasks, oldest),) = await database.fetch(_QUEUE)
    return tasks, oldest

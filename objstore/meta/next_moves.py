"""What rules do next, over all buckets: what waits, who looks next; and rules that go by days without an access."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, any_, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB

from objstore.meta.database import Database
from objstore.meta.lifecycle_tables import HAS_RULES, rule_stats, task, walk
from objstore.meta.rows import json_value
from objstore.meta.statement import Statement, array, constant, param
from objstore.meta.tables import bucket

BUCKETS_MAX = 256

t, w, s, b = task.c, walk.c, rule_stats.c, bucket.c


@dataclass(slots=True)
class Next:
    """An action of a rule. ``rule``: empty for Intelligent-Tiering and for what was asked for by name."""

    bucket: str
    rule: str
    action: str
    waiting: int = 0
    failing: int = 0
    oldest_due: datetime | None = None
    next_look: datetime | None = None
    objects: int = 0
    bytes: int = 0
    last_error: str | None = None


_limit = param("limit", BigInteger)
_failing = func.count().filter(t.attempts > constant(0))
_WAITING = Statement(
    select(t.bucket_id, t.rule, t.action, func.count(), _failing, func.min(t.due), func.max(t.last_error))
    .group_by(t.bucket_id, t.rule, t.action)
    .order_by(func.min(t.due))
    .limit(_limit),
    "limit",
)
_WALKS = Statement(
    select(w.bucket_id, w.rule, w.action, w.next_run).order_by(w.next_run).limit(_limit),
    "limit",
)
_ids = array("ids", BigInteger)
_DONE = Statement(
    select(s.bucket_id, s.rule, s.action, s.objects, s.bytes, s.last_error).where(s.bucket_id == any_(_ids)), "ids"
)
_NAMES = Statement(select(b.id, b.name).where(b.id == any_(_ids)), "ids")
_extended: Any = b.settings.op("->", return_type=JSONB)(literal_column("'lifecycle'")).op("->", return_type=JSONB)(
    literal_column("'extended'")
)
_EXTENDED = Statement(
    select(b.name, cast(_extended, JSONB))
    .where(literal_column(HAS_RULES, Boolean), _extended.is_not(None))
    .order_by(b.id)
    .limit(constant(BUCKETS_MAX))
)


async def next_moves(database: Database, limit: int) -> list[Next]:
    """What waits, those that wait longest first, then who looks next; at most ``limit``."""
    found: dict[tuple[int, str, str], Next] = {}
    for bucket_id, rule, action, *rest in await database.fetch(_WAITING, limit):
        found[bucket_id, rule, action] = Next("", rule, action, *rest)
    for bucket_id, rule, action, next_run in await database.fetch(_WALKS, limit):
        if (bucket_id, rule, action) in found or len(found) < limit:
            one = found.setdefault((bucket_id, rule, action), Next("", rule, action))
            one.next_look = next_run
    ids = sorted({bucket_id for bucket_id, _, _ in found})
    names = dict(map(tuple, await database.fetch(_NAMES, ids)))
    for bucket_id, rule, action, objects, size, error in await database.fetch(_DONE, ids):
        done = found.get((bucket_id, rule, action))
        if done is not None:
            done.objects, done.bytes = objects, size
            done.last_error = done.last_error or error
    for (bucket_id, _, _), one in found.items():
        one.bucket = names.get(bucket_id, "")
    return [one for one in found.values() if one.bucket]


async def extended_rules(database: Database) -> Sequence[tuple[str, Any]]:
    """Name and extended rules, as they are kept, of buckets that have some; a bounded number of buckets."""
    return [(name, json_value(rules)) for name, rules in await database.fetch(_EXTENDED)]

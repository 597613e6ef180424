"""What each action of a rule has done: added to in the transactions of the effects."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Text, func, select
from sqlalchemy.dialects.postgresql import insert

from objstore.meta.database import Database, Transaction
from objstore.meta.lifecycle_tables import rule_stats
from objstore.meta.statement import Statement, batch, constant, param

s = rule_stats.c
ERROR_CHARS_MAX = 500


@dataclass(slots=True)
class Done:
    """What a batch did for one action of a rule. ``lag_milliseconds``: from due to done, of the slowest."""

    bucket_id: int
    rule: str
    action: str
    objects: int = 0
    bytes: int = 0
    lag_milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class RuleStats:
    """One action of a rule. ``found``: how many versions its walk has queued; ``cursor``: how far that is."""

    rule: str
    action: str
    objects: int
    bytes: int
    errors: int
    lag_milliseconds: int
    last_done: datetime | None
    last_failed: datetime | None
    last_error: str | None


_new = batch(
    "new",
    {"bucket_id": BigInteger, "rule": Text, "action": Text, "objects": BigInteger, "bytes": BigInteger,
     "lag_milliseconds": BigInteger},
)  # fmt: skip
_DONE = insert(rule_stats).from_select(
    ["bucket_id", "rule", "action", "objects", "bytes", "lag_milliseconds", "last_done"],
    select(
        *[_new.c[name] for name in ("bucket_id", "rule", "action", "objects", "bytes", "lag_milliseconds")],
        func.clock_timestamp(),
    ),
)
_ADD_DONE = Statement(
    _DONE.on_conflict_do_update(
        index_elements=["bucket_id", "rule", "action"],
        set_={
            "objects": s.objects + _DONE.excluded.objects,
            "bytes": s.bytes + _DONE.excluded.bytes,
            "lag_milliseconds": _DONE.excluded.lag_milliseconds,
            "last_done": _DONE.excluded.last_done,
        },
    ),
    *("bucket_id", "rule", "action", "objects", "bytes", "lag_milliseconds"),
)
_FAILED = insert(rule_stats).values(
    bucket_id=param("bucket_id", BigInteger),
    rule=param("rule", Text),
    action=param("action", Text),
    errors=param("errors", BigInteger),
    last_failed=func.clock_timestamp(),
    last_error=param("last_error", Text),
)
_ADD_FAILED = Statement(
    _FAILED.on_conflict_do_update(
        index_elements=["bucket_id", "rule", "action"],
        set_={
            "errors": s.errors + _FAILED.excluded.errors,
            "last_failed": _FAILED.excluded.last_failed,
            "last_error": _FAILED.excluded.last_error,
        },
    ),
    *("bucket_id", "rule", "action", "errors", "last_error"),
)
_OF_BUCKET = Statement(
    select(s.rule, s.action, s.objects, s.bytes, s.errors, s.lag_milliseconds, s.last_done, s.last_failed, s.last_error)
    .where(s.bucket_id == param("bucket_id", BigInteger))
    .order_by(s.rule, s.action)
    .limit(constant(10_000)),
    "bucket_id",
)


async def add_done(transaction: Transaction, figures: Sequence[Done]) -> None:
    """Add what was done, in the transaction that does it."""
    rows = sorted((d.bucket_id, d.rule, d.action, d.objects, d.bytes, d.lag_milliseconds) for d in figures)
    if rows:
        await transaction.execute(_ADD_DONE, *zip(*rows, strict=True))


async def add_failed(database: Database, bucket_id: int, rule: str, action: str, errors: int, error: str) -> None:
    """Count errors, and keep the last."""
    await database.change(_ADD_FAILED, bucket_id, rule, action, errors, error[:ERROR_CHARS_MAX])


async def rule_figures(database: Database, bucket_id: int) -> list[RuleStats]:
    """What the rules of a bucket have done, by rule and action."""
    return [RuleStats(*record) for record in await database.fetch(_OF_BUCKET, bucket_id)]

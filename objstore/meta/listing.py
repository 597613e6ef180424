"""Listings in key order: one query a page, range scans on the primary key only."""

from typing import Any

from sqlalchemy import CTE, BigInteger, Integer, Select, case, cast, func, literal_column, null, select, true
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta.database import Database
from objstore.meta.rows import LISTED_COLUMNS, listed_current
from objstore.meta.statement import Statement, constant, param
from objstore.meta.tables import object_
from objstore.model.limits import KEY_BYTES_MAX
from objstore.model.objects import ObjectVersion

PAST_EVERY_KEY = b"\xff" * (KEY_BYTES_MAX + 1)
RUN_FIRST = 16
RUN_MAX = 512

o = object_.c
_LISTED = [column.name for column in LISTED_COLUMNS]
_limit = param("limit", BigInteger)
_in_bucket = (o.bucket_id == param("bucket_id", BigInteger)) & (o.key < param("high", BYTEA))
_PAGE = Statement(
    select(*LISTED_COLUMNS).where(_in_bucket, o.key >= param("low", BYTEA)).order_by(o.key).limit(_limit),
    *("bucket_id", "low", "high", "limit"),
)


async def page(database: Database, bucket_id: int, prefix: bytes, after: bytes, limit: int) -> list[ObjectVersion]:
    """See ``Objects.list_page``."""
    low, high = first_key(prefix, after), past(prefix)
    if limit <= 0 or low >= high:
        return []
    return [listed_current(bucket_id, record) for record in await database.fetch(_PAGE, bucket_id, low, high, limit)]


async def delimited(
    database: Database, bucket_id: int, prefix: bytes, delimiter: bytes, after: bytes, limit: int
) -> list[ObjectVersion | bytes]:
    """See ``Objects.list_delimited``."""
    if not delimiter:
        return list(await page(database, bucket_id, prefix, after, limit))
    low, high = first_key(prefix, after), past(prefix)
    if is_common_prefix(after, prefix, delimiter):
        low = past(after)
    if limit <= 0 or low >= high:
        return []
    records = await database.fetch(
        _DELIMITED, bucket_id, low, high, len(prefix), delimiter, len(delimiter), past(delimiter), limit
    )
    return [common or listed_current(bucket_id, listed) for common, *listed in records]


def past(prefix: bytes) -> bytes:
    """A bound above every key that begins with ``prefix``, and below every other key that is greater."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else PAST_EVERY_KEY


def first_key(prefix: bytes, after: bytes) -> bytes:
    """The first key that begins with ``prefix`` and is greater than ``after``, if there is such a key."""
    return prefix if after < prefix else after + b"\0"


def is_common_prefix(key: bytes, prefix: bytes, delimiter: bytes) -> bool:
    """Whether it is what keys below it are listed as."""
    at = key.find(delimiter, len(prefix)) if key.startswith(prefix) else -1
    return at >= 0 and at + len(delimiter) == len(key)


# ---- The skip scan. Each step of the recursion reads a run of keys and says, on the run's last row, where the next run
# starts. A run ends with its first key that has the delimiter: that key stands for its common prefix, and the next run
# starts past everything below the prefix. Runs are one key long behind a common prefix and grow while there are none:
# cost follows what is returned, not what lies below.

_prefix_bytes = param("prefix_bytes", Integer)
_zero, _one = constant(0), constant(1)


def _seed() -> CTE:
    """The row that the recursion starts from; it is no entry."""
    return select(
        cast(null(), BYTEA).label("common"),
        *[cast(null(), column.type).label(column.name) for column in LISTED_COLUMNS],
        cast(_zero, BigInteger).label("count"),
        cast(constant(RUN_FIRST), BigInteger).label("run"),
        param("low", BYTEA).label("next"),
    ).cte("step", recursive=True)


def _ranked(step: CTE) -> Any:
    """The next run: ``at`` is where the delimiter is behind the prefix (from 1; 0: nowhere)."""
    at = func.pg_catalog.position(func.substr(o.key, _prefix_bytes + _one), param("delimiter", BYTEA), type_=Integer)
    run = (
        select(*LISTED_COLUMNS, at.label("at"))
        .where(_in_bucket, o.key >= step.c.next)
        .order_by(o.key)
        .limit(func.least(step.c.run, _limit - step.c.count))
        .correlate(step)
        .lateral("run")
    )
    return select(
        *run.c,
        func.row_number().over(order_by=run.c.key).label("rank"),
        func.count().over().label("total"),
        func.count().filter(run.c.at > _zero).over(order_by=run.c.key).label("prefixes"),  # up to this row
    ).lateral("ranked")


def _step(step: CTE) -> Select[Any]:
    ranked = _ranked(step)
    row, count = ranked.c, step.c.count + ranked.c.rank
    is_prefix, ends_full_run = row.at > _zero, (row.rank == row.total) & (row.total == step.c.run)
    head = func.substr(row.key, _one, _prefix_bytes + row.at - _one)
    common = func.substr(row.key, _one, _prefix_bytes + row.at - _one + param("delimiter_bytes", Integer))
    past_common = head.op("||")(param("delimiter_past", BYTEA))
    past_key = row.key.op("||")(literal_column(r"'\x00'::bytea", BYTEA))
    return (
        select(
            case((is_prefix, common)),
            *[row[name] for name in _LISTED],
            count,
            case((is_prefix, _one), else_=func.least(step.c.run * constant(4), constant(RUN_MAX))),
            case((count >= _limit, null()), (is_prefix, past_common), (ends_full_run, past_key)),
        )
        .select_from(step.join(ranked, true()))
        .where(step.c.next.is_not(None), row.prefixes == case((is_prefix, _one), else_=_zero))
    )


def _skip_scan() -> Select[Any]:
    step = _seed()
    walk = step.union_all(_step(step))
    return select(walk.c.common, *[walk.c[name] for name in _LISTED]).where(walk.c.count > _zero).order_by(walk.c.count)


_DELIMITED = Statement(
    _skip_scan(),
    *("bucket_id", "low", "high", "prefix_bytes", "delimiter", "delimiter_bytes", "delimiter_past", "limit"),
)

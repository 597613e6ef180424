"""Listings of versions: both tables in key order, newest first in a key. Cost follows what is returned.

A page of plain keys reads rows of ``version`` in the order of its index, oldest first in a key. That gives whole keys
but for the last one, of which the newest are read from the other end: a key with a million versions costs no more than
what is listed of it. With a delimiter each step of a recursion is one key, or one common prefix.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Table,
    case,
    cast,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta.database import Database
from objstore.meta.listing import is_common_prefix, past
from objstore.meta.rows import LISTED_COLUMNS, listed_version
from objstore.meta.statement import Statement, constant, param
from objstore.meta.tables import TIME, object_, version
from objstore.model.objects import ObjectVersion

PAST_EVERY_SEQ = 2**63 - 1

o, v = object_.c, version.c
_NAMES = [column.name for column in LISTED_COLUMNS]
_bucket_id, _limit = param("bucket_id", BigInteger), param("limit", BigInteger)
_low, _high = param("low", BYTEA), param("high", BYTEA)
_zero, _one = constant(0), constant(1)


def _listed(table: Table) -> list[ColumnElement[Any]]:
    """LISTED_COLUMNS of a table, and what ``listed_version`` takes besides."""
    columns: list[ColumnElement[Any]] = [table.c[name] for name in _NAMES]
    if table is object_:
        return [*columns, o.versioned, false().label("marker"), cast(null(), TIME).label("noncurrent_since")]
    return [*columns, v.versioned, v.marker, v.noncurrent_since]


def _in_key(key: Any, seq: Any, limit: Any, *correlated: Any) -> Any:
    """Versions of one key older than ``seq``, newest first, as a subquery."""
    current = select(*_listed(object_)).where(o.bucket_id == _bucket_id, o.key == key, o.seq < seq)
    others = select(*_listed(version)).where(v.bucket_id == _bucket_id, v.key == key, v.seq < seq)
    others = others.order_by(v.seq.desc()).limit(limit)
    if correlated:
        current, others = current.correlate(*correlated), others.correlate(*correlated)
    return union_all(current, select(others.subquery("others"))).subquery("of_key")


def _rest() -> Select[Any]:
    rows = _in_key(param("key", BYTEA), param("seq", BigInteger), _limit)
    return select(rows).order_by(rows.c.seq.desc()).limit(_limit)


_REST = Statement(_rest(), *("bucket_id", "key", "seq", "limit"))


def _range(table: Table, *order: Any) -> Select[Any]:
    c = table.c
    return (
        select(*_listed(table)).where(c.bucket_id == _bucket_id, c.key >= _low, c.key < _high).order_by(c.key, *order)
    )


def _page() -> Select[Any]:
    run = _range(version, v.seq).limit(_limit + _one).cte("run")
    is_full = select(func.count()).select_from(run).scalar_subquery() > _limit
    last = select(run.c.key).where(is_full).order_by(run.c.key.desc()).limit(_one).cte("last")
    cut = select(last.c.key).scalar_subquery()
    whole = select(run).where(or_(~is_full, run.c.key < cut))
    newest = select(*_listed(version)).where(v.bucket_id == _bucket_id, v.key == cut).order_by(v.seq.desc())
    parts = [
        select(_range(object_).limit(_limit).subquery("current")),
        whole,
        select(newest.limit(_limit).subquery("newest")),
    ]
    rows = union_all(*parts).subquery("every")
    return select(rows).order_by(rows.c.key, rows.c.seq.desc()).limit(_limit)


_PAGE = Statement(_page(), *("bucket_id", "low", "high", "limit"))

# ---- With a delimiter

_prefix_bytes = param("prefix_bytes", Integer)


def _first_key(table: Table, step: Any) -> Any:
    c = table.c
    found = select(c.key).where(c.bucket_id == _bucket_id, c.key >= step.c.next, c.key < _high)
    return select(found.order_by(c.key).limit(_one).correlate(step).subquery(f"first_{table.name}"))


def _delimited() -> Select[Any]:
    columns = _listed(version)
    step = select(
        cast(null(), BYTEA).label("common"),
        *[cast(null(), column.type).label(column.name) for column in columns],
        cast(_zero, BigInteger).label("count"),
        _low.label("next"),
    ).cte("step", recursive=True)
    either = union_all(_first_key(object_, step), _first_key(version, step)).subquery("either")
    at = func.pg_catalog.position(
        func.substr(either.c.key, _prefix_bytes + _one), param("delimiter", BYTEA), type_=Integer
    )
    found = select(either.c.key, at.label("at")).order_by(either.c.key).limit(_one).lateral("found")
    is_prefix = found.c.at > _zero
    wanted = case((is_prefix, _one), else_=_limit - step.c.count)
    of_key = _in_key(found.c.key, constant(PAST_EVERY_SEQ), wanted, step, found)
    rows = select(of_key).order_by(of_key.c.seq.desc()).limit(wanted).correlate(step, found).subquery("rows")
    ranked = select(
        *rows.c,
        func.row_number().over(order_by=rows.c.seq.desc()).label("rank"),
        func.count().over().label("total"),
    ).lateral("ranked")
    count = step.c.count + ranked.c.rank
    common = func.substr(found.c.key, _one, _prefix_bytes + found.c.at - _one + param("delimiter_bytes", Integer))
    past_common = func.substr(found.c.key, _one, _prefix_bytes + found.c.at - _one).op("||")(
        param("delimiter_past", BYTEA)
    )
    past_key = found.c.key.op("||")(literal_column(r"'\x00'::bytea", BYTEA))
    is_last = ranked.c.rank == ranked.c.total
    following = (
        select(
            case((is_prefix, common)),
            *[ranked.c[column.name] for column in columns],
            count,
            case((~is_last, null()), (count >= _limit, null()), (is_prefix, past_common), else_=past_key),
        )
        .select_from(step.join(found, true()).join(ranked, true()))
        .where(step.c.next.is_not(None))
    )
    walk = step.union_all(following)
    listed = [walk.c[column.name] for column in columns]
    return select(walk.c.common, *listed).where(walk.c.count > _zero).order_by(walk.c.count)


_DELIMITED = Statement(
    _delimited(),
    *("bucket_id", "low", "high", "prefix_bytes", "delimiter", "delimiter_bytes", "delimiter_past", "limit"),
)


async def page(
    database: Database, bucket_id: int, prefix: bytes, delimiter: bytes, after: tuple[bytes, int | None], limit: int
) -> list[ObjectVersion | bytes]:
    """See ``Objects.list_versions``."""
    key, seq = after
    found: list[ObjectVersion | bytes] = []
    if seq is not None and key.startswith(prefix) and not _is_below(key, prefix, delimiter):
        records = await database.fetch(_REST, bucket_id, key, seq, limit)
        found += [listed_version(bucket_id, record) for record in records]
    low, high, left = prefix if key < prefix else key + b"\0", past(prefix), limit - len(found)
    if delimiter and is_common_prefix(key, prefix, delimiter):
        low = past(key)
    if left <= 0 or low >= high:
        return found
    if not delimiter:
        records = await database.fetch(_PAGE, bucket_id, low, high, left)
        return found + [listed_version(bucket_id, record) for record in records]
    arguments = (len(prefix), delimiter, len(delimiter), past(delimiter), left)
    records = await database.fetch(_DELIMITED, bucket_id, low, high, *arguments)
    return found + [common or listed_version(bucket_id, listed) for common, *listed in records]


def _is_below(key: bytes, prefix: bytes, delimiter: bytes) -> bool:
    """Whether a key is listed under a common prefix."""
    return bool(delimiter) and key.find(delimiter, len(prefix)) >= 0

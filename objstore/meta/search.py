"""Search: current versions of a bucket by what they are, in the order of their keys, a bounded number of rows a page.

There is no index of tags, metadata or ETags: a page reads the next rows of the primary key, in a transaction that can
change nothing and is given up in time, and says how far it got.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import BigInteger, Integer, SmallInteger, Text, any_, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB

from objstore.meta.database import Database
from objstore.meta.forecast import TooSlow, bounded
from objstore.meta.listing import first_key, past
from objstore.meta.statement import Statement, constant, param
from objstore.meta.tables import TIME, object_
from objstore.meta.walks import ANY_SIZE
from objstore.model.storage_class import STORAGE_CLASS_NAMES

STATEMENT_SECONDS = 3.0
ROWS_MAX = 20_000
# After a page that was given up: fewer rows, once.
ROWS_AGAIN = 1_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """All that is said must hold. ``contains``: bytes within the key; sizes in bytes, both inclusive.

    ``since``, ``until``: of the last modification, ``since`` inclusive; ``idle_before``: last accessed, or written, on
    a day before this one (model/days.py); ``used_since``: on this day or later. ``tags``, ``meta``: names and values;
    ``tag_names``, ``meta_names``: there with any value. ``tier``, ``classes``: codes.
    """

    prefix: bytes = b""
    contains: bytes = b""
    size_min: int = 0
    size_max: int = ANY_SIZE
    since: datetime | None = None
    until: datetime | None = None
    idle_before: int | None = None
    used_since: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    tag_names: Sequence[str] = ()
    meta: Mapping[str, str] = field(default_factory=dict)
    meta_names: Sequence[str] = ()
    tier: int | None = None
    classes: Sequence[int] | None = None
    etag: bytes | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A version that matches. ``tags`` and ``meta`` are what it has of them."""

    key: bytes
    size: int
    etag: bytes
    modified: datetime
    storage_class: str
    tier: int
    accessed: int
    heat: float
    tags: Mapping[str, str]
    meta: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """``after``: go on behind this key; None when everything was looked at."""

    found: Sequence[Found]
    after: bytes | None


o = object_.c
_NOTHING = literal_column("'{}'::jsonb", JSONB)
_META = func.coalesce(o.attrs.op("->")(literal_column("'m'", Text)), _NOTHING)
_TAGS = func.coalesce(o.tags, _NOTHING)
_in_range = (o.bucket_id == param("bucket_id", BigInteger)) & (o.key >= param("low", BYTEA))


def _end() -> Statement:
    """How many rows there are, at most ``rows``, and the key of the last of them."""
    rows = (
        select(o.key)
        .where(_in_range, o.key < param("high", BYTEA))
        .order_by(o.key)
        .limit(param("rows", BigInteger))
        .subquery()
    )
    last = select(rows.c.key).order_by(rows.c.key.desc()).limit(constant(1)).scalar_subquery()
    return Statement(select(func.count(), last).select_from(rows), "bucket_id", "low", "high", "rows")


def _matching() -> Statement:
    def unless(name: str, type_: Any, condition: Any) -> Any:
        given = param(name, type_)
        return given.is_(None) | condition(given)

    filters = [
        o.size >= param("size_min", BigInteger),
        o.size <= param("size_max", BigInteger),
        unless("since", TIME, lambda given: o.modified >= given),
        unless("until", TIME, lambda given: o.modified < given),
        unless("idle_before", Integer, lambda given: o.accessed < given),
        unless("used_since", Integer, lambda given: o.accessed >= given),
        unless("tier", SmallInteger, lambda given: o.tier == given),
        unless("classes", ARRAY(SmallInteger), lambda given: o.storage_class == any_(given)),
        unless("etag", BYTEA, lambda given: o.etag == given),
        func.position(param("contains", BYTEA).op("IN")(o.key), type_=Integer) > constant(0),
        _TAGS.op("@>")(param("tags", JSONB)),
        _TAGS.op("?&")(param("tag_names", ARRAY(Text))),
        _META.op("@>")(param("meta", JSONB)),
        _META.op("?&")(param("meta_names", ARRAY(Text))),
    ]
    shown = (o.key, o.size, o.etag, o.modified, o.storage_class, o.tier, o.accessed, o.heat, o.tags, _META)
    return Statement(
        select(*shown)
        .where(_in_range, o.key <= param("end", BYTEA), *filters)
        .order_by(o.key)
        .limit(param("limit", BigInteger)),
        *("bucket_id", "low", "end", *_FILTERS, "limit"),
    )


_FILTERS = (
    "size_min", "size_max", "since", "until", "idle_before", "used_since", "tier", "classes", "etag", "contains",
    "tags", "tag_names", "meta", "meta_names",
)  # fmt: skip
_END, _MATCHING = _end(), _matching()


async def search(
    database: Database, bucket_id: int, wanted: Wanted, after: bytes, limit: int, rows: int = ROWS_MAX
) -> Page:
    """Matches behind ``after``, at most ``limit``, among the next ``rows`` rows.

    Raises TooSlow when Postgres cannot even look at ``ROWS_AGAIN`` of them in ``STATEMENT_SECONDS``.
    """
    try:
        return await _search(database, bucket_id, wanted, after, limit, rows)
    except TooSlow:
        if rows <= ROWS_AGAIN:
            raise
        return await _search(database, bucket_id, wanted, after, limit, ROWS_AGAIN)


async def _search(database: Database, bucket_id: int, wanted: Wanted, after: bytes, limit: int, rows: int) -> Page:
    low, high = first_key(wanted.prefix, after), past(wanted.prefix)
    if low >= high:
        return Page([], None)
    ((count, end),) = await bounded(database, _END, bucket_id, low, high, rows, seconds=STATEMENT_SECONDS)
    if not count:
        return Page([], None)
    records = await bounded(
        database, _MATCHING, bucket_id, low, end, *_arguments(wanted), limit, seconds=STATEMENT_SECONDS
    )
    found = [_found(record) for record in records]
    if len(found) >= limit:
        return Page(found, found[-1].key)
    return Page(found, end if count >= rows else None)


def _arguments(wanted: Wanted) -> list[Any]:
    """In the order of ``_FILTERS``."""
    special = {
        "tags": orjson.dumps(dict(wanted.tags)).decode(),
        "meta": orjson.dumps(dict(wanted.meta)).decode(),
        "tag_names": list(wanted.tag_names),
        "meta_names": list(wanted.meta_names),
        "classes": None if wanted.classes is None else list(wanted.classes),
    }
    return [special[name] if name in special else getattr(wanted, name) for name in _FILTERS]


def _found(record: Sequence[Any]) -> Found:
    key, size, etag, modified, code, tier, accessed, heat, tags, meta = record
    return Found(
        key,
        size,
        etag,
        modified,
        STORAGE_CLASS_NAMES[code],
        tier,
        accessed,
        heat,
        {} if tags is None else orjson.loads(tags),
        orjson.loads(meta),
    )

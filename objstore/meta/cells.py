"""Cells of the picture: which first segments of keys hold what lies on a tier and was last used so long ago.

Sums over the ledger of usage, in the order of its index. A page looks at a stretch of the ledger, which ends where a
prefix does, and says how far it got.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, SmallInteger, any_, cast, func, select, tuple_
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta.database import Database
from objstore.meta.listing import PAST_EVERY_KEY
from objstore.meta.place_sums import STRETCH_ROWS
from objstore.meta.statement import Statement, array, constant, param
from objstore.meta.tables import bucket, usage

Position = tuple[int, bytes]  # bucket id and prefix
_FIRST_BUCKET, _LAST_BUCKET = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Cell:
    """``tier``: its code; None: any. Last used on a day from ``first`` to ``last`` (model/days.py; None: no bound)."""

    tier: int | None = None
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class CellPlace:
    """What a prefix (the first segment of keys with its slash, or empty) holds of it; ``old``: versions that are not
    current, which are counted too."""

    bucket: str
    prefix: bytes
    objects: int
    bytes: int
    old_objects: int
    old_bytes: int


@dataclass(frozen=True, slots=True)
class CellPage:
    """``after``: go on behind this place; None when all were looked at."""

    places: Sequence[CellPlace]
    after: Position | None


u = usage.c


def _place(name: str) -> ColumnElement[Any]:
    return tuple_(param(f"{name}_bucket", BigInteger), param(f"{name}_prefix", BYTEA))


def _unless(name: str, type_: Any, condition: Any) -> Any:
    given = param(name, type_)
    return given.is_(None) | condition(given)


def _sum(what: Any) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(what), constant(0)), BigInteger)


_order = (u.bucket_id, u.prefix)
_at = tuple_(*_order)  # compared as a pair, the index is read from there on
_LAST = Statement(
    select(u.bucket_id, u.prefix)
    .where(_at >= _place("low"), u.bucket_id <= param("high_bucket", BigInteger))
    .order_by(*_order)
    .offset(constant(STRETCH_ROWS))
    .limit(constant(1)),
    *("low_bucket", "low_prefix", "high_bucket"),
)
_PLACES = Statement(
    select(
        u.bucket_id,
        u.prefix,
        _sum(u.objects),
        _sum(u.bytes),
        cast(func.coalesce(func.sum(u.objects).filter(u.noncurrent), constant(0)), BigInteger),
        cast(func.coalesce(func.sum(u.bytes).filter(u.noncurrent), constant(0)), BigInteger),
    )
    .where(
        _at >= _place("low"),
        _at <= _place("high"),
        _unless("tier", SmallInteger, lambda given: u.tier == given),
        _unless("first", Integer, lambda given: u.accessed >= given),
        _unless("last", Integer, lambda given: u.accessed <= given),
    )
    .group_by(*_order)
    .having(_sum(u.objects) > constant(0))
    .order_by(*_order)
    .limit(param("limit", BigInteger)),
    *("low_bucket", "low_prefix", "high_bucket", "high_prefix", "tier", "first", "last", "limit"),
)
_NAMES = Statement(select(bucket.c.id, bucket.c.name).where(bucket.c.id == any_(array("ids", BigInteger))), "ids")


async def places_of_cell(
    database: Database, cell: Cell, after: Position | None, limit: int, bucket_id: int | None = None
) -> CellPage:
    """Those behind ``after`` that hold something of it, at most ``limit``, among a stretch of the ledger.

    ``bucket_id``: only of this bucket.
    """
    low = (_FIRST_BUCKET if bucket_id is None else bucket_id, b"") if after is None else (after[0], after[1] + b"\0")
    high = _LAST_BUCKET if bucket_id is None else bucket_id
    rest = await database.fetch(_LAST, *low, high)
    end: Position = (rest[0][0], rest[0][1]) if rest else (high, PAST_EVERY_KEY)
    rows = await database.fetch(_PLACES, *low, *end, cell.tier, cell.first, cell.last, limit)
    names = dict(map(tuple, await database.fetch(_NAMES, sorted({row[0] for row in rows}))))
    places = [CellPlace(names[row[0]], *row[1:]) for row in rows if row[0] in names]
    if len(rows) >= limit:
        return CellPage(places, (rows[-1][0], rows[-1][1]))
    return CellPage(places, end if rest else None)

"""Reports of what is stored: sums over the ledger of usage, which is kept as objects come, go, move and are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, cast, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA

from objstore.meta.database import Database
from objstore.meta.statement import Statement, constant, param
from objstore.meta.tables import usage
from objstore.model.storage_class import STORAGE_CLASS_NAMES

u = usage.c
ROWS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Aged:
    """What was last accessed so long ago: ``step`` is how many of the bounds that were asked for it has passed."""

    prefix: bytes
    tier: int
    step: int
    objects: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of a class on a tier."""

    tier: int
    storage_class: str
    noncurrent: bool
    objects: int
    bytes: int


def _sum(what: Any) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(what), constant(0)), BigInteger)


_objects, _bytes = _sum(u.objects), _sum(u.bytes)
_step = func.width_bucket(param("today", Integer) - u.accessed, param("bounds", ARRAY(Integer)))
_prefix = param("prefix", BYTEA)
_wanted = or_(_prefix.is_(None), u.prefix == _prefix)
_in_bucket = u.bucket_id == param("bucket_id", BigInteger)
_BY_AGE = Statement(
    select(func.substring(u.prefix, constant(1), constant(0)), u.tier, _step, _objects, _bytes)
    .where(_in_bucket, _wanted)
    .group_by(func.substring(u.prefix, constant(1), constant(0)), u.tier, _step)
    .having(_objects > constant(0))
    .order_by(u.tier, _step),
    *("today", "bounds", "bucket_id", "prefix"),
)
_BY_PREFIX = Statement(
    select(u.prefix, u.tier, _step, _objects, _bytes)
    .where(_in_bucket, _wanted)
    .group_by(u.prefix, u.tier, _step)
    .having(_objects > constant(0))
    .order_by(u.prefix, u.tier, _step)
    .limit(constant(ROWS_MAX)),
    *("today", "bounds", "bucket_id", "prefix"),
)
_STORED = Statement(
    select(u.tier, u.storage_class, u.noncurrent, _objects, _bytes)
    .where(or_(param("bucket_id", BigInteger).is_(None), _in_bucket))
    .group_by(u.tier, u.storage_class, u.noncurrent)
    .having(_objects > constant(0))
    .order_by(u.tier, u.storage_class, u.noncurrent),
    "bucket_id",
)


async def by_last_access(
    database: Database, bucket_id: int, prefix: bytes | None, today: int, bounds: Sequence[int], by_prefix: bool
) -> list[Aged]:
    """Bytes of a bucket by age of last access, in steps that begin at ``bounds`` (days, ascending); by tier.

    ``prefix``: the first segment of keys with its slash, or empty for keys without one; None for all of them together,
    or with ``by_prefix`` for each (at most ``ROWS_MAX`` rows).
    """
    statement = _BY_PREFIX if by_prefix else _BY_AGE
    return [Aged(*record) for record in await database.fetch(statement, today, list(bounds), bucket_id, prefix)]


async def stored(database: Database, bucket_id: int | None) -> list[Stored]:
    """What is stored of a bucket, or of all of them, by tier and class."""
    return [
        Stored(tier, STORAGE_CLASS_NAMES[code], noncurrent, objects, size)
        for tier, code, noncurrent, objects, size in await database.fetch(_STORED, bucket_id)
    ]

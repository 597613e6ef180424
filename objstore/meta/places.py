"""Versions by their place (bucket, key, seq), in whichever of the two tables: locked, and given other extents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Integer, SmallInteger, Table, and_, func, select, update
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta.database import Transaction
from objstore.meta.statement import AnyType, Statement, batch
from objstore.meta.tables import object_, slot_of, version
from objstore.model.objects import ObjectVersion

_KEY_TYPES: dict[str, AnyType] = {
    "bucket_id": BigInteger(),
    "key": BYTEA(),
    "slot": SmallInteger(),
    "seq": BigInteger(),
}
_NEW_TYPES: dict[str, AnyType] = {
    **_KEY_TYPES,
    "extents": BYTEA(),
    "storage_class": SmallInteger(),
    "tier": SmallInteger(),
    "accessed": Integer(),
}


@dataclass(frozen=True, slots=True)
class Placed:
    """A locked row. ``noncurrent``: it is in ``version``; ``tier``, ``storage_class``: codes."""

    noncurrent: bool
    extents: bytes
    tier: int
    storage_class: int
    accessed: int
    noncurrent_since: datetime | None = None


def _lock(table: Table) -> Statement:
    c, asked = table.c, batch("asked", _KEY_TYPES, ordinal="i")
    same = and_(*[c[name] == asked.c[name] for name in _KEY_TYPES])
    since = [c.noncurrent_since] if table is version else []
    return Statement(
        select(asked.c.i, c.version_id, c.extents, c.tier, c.storage_class, c.accessed, *since)
        .join_from(asked, table, same)
        .order_by(asked.c.i)
        .with_for_update(of=table),
        *_KEY_TYPES,
    )


def _put(table: Table) -> Statement:
    c, new = table.c, batch("new", _NEW_TYPES)
    return Statement(
        update(table)
        .values(
            extents=new.c.extents,
            storage_class=new.c.storage_class,
            tier=new.c.tier,
            accessed=func.greatest(c.accessed, new.c.accessed),
        )
        .where(*[c[name] == new.c[name] for name in _KEY_TYPES]),
        *_NEW_TYPES,
    )


# Current versions are locked before noncurrent ones: an overwrite moves rows that way.
_TABLES = (object_, version)
_LOCK = [_lock(table) for table in _TABLES]
_PUT = [_put(table) for table in _TABLES]


async def lock(transaction: Transaction, versions: Sequence[ObjectVersion]) -> list[Placed | None]:
    """Lock versions, sorted by bucket and key; None for those that are not there any more."""
    found: list[Placed | None] = [None] * len(versions)
    for noncurrent, statement in enumerate(_LOCK):
        asked = [i for i, placed in enumerate(found) if placed is None]
        if not asked:
            break
        columns = zip(*(_place(versions[i]) for i in asked), strict=True)
        for i, version_id, *values in await transaction.fetch(statement, *columns):
            if version_id == versions[asked[i - 1]].version_id:
                found[asked[i - 1]] = Placed(bool(noncurrent), *values)
    return found


async def put(
    transaction: Transaction, noncurrent: bool, rows: Sequence[tuple[ObjectVersion, bytes, int, int, int]]
) -> None:
    """Give locked versions of one table new extents, class and tier (codes); the day of access becomes no earlier."""
    if rows:
        columns = [(*_place(version), *values) for version, *values in rows]
        await transaction.execute(_PUT[noncurrent], *zip(*columns, strict=True))


def _place(found: ObjectVersion) -> tuple[int, bytes, int, int]:
    return found.bucket_id, found.key, slot_of(found.bucket_id, found.key), found.seq

"""Heat: accesses that were counted in memory are folded into the rows, and the ledger of usage with them.

One statement for a batch, in the order of the primary key. It changes only rows that have still the version that was
read, and passes over those that somebody has locked: it waits for nobody, and clients wait for it a few milliseconds
at most. Folding twice does no harm to the ledger: the second time the day is the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    ColumnElement,
    Double,
    Integer,
    Table,
    and_,
    cast,
    func,
    insert,
    literal_column,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta.database import Database, Lost, is_conflict
from objstore.meta.rows import ROW_TYPES
from objstore.meta.statement import AnyType, Statement, batch, constant
from objstore.meta.tables import object_, slot_of, usage, version
from objstore.meta.usage_ledger import NAMES, prefix_of
from objstore.model.errors import DatabaseUnavailable
from objstore.model.heat import HALF_LIFE_DAYS
from objstore.model.storage_class import STORAGE_CLASS_NAMES

# What is left of a count after so many days is nothing, and a number that small is an error to Postgres.
DECAY_DAYS_MAX = 500

_KEY_TYPES: dict[str, AnyType] = {
    "bucket_id": BigInteger(),
    "key": BYTEA(),
    "slot": ROW_TYPES["slot"],
    "seq": BigInteger(),
}
_ASKED_TYPES: dict[str, AnyType] = {
    **_KEY_TYPES,
    "version_id": BYTEA(),
    "prefix": BYTEA(),
    "day": Integer(),
    "reads": Double(),
}


@dataclass(frozen=True, slots=True)
class Reads:
    """How often a version was read on a day (see model/days.py)."""

    bucket_id: int
    key: bytes
    seq: int
    version_id: bytes
    day: int
    count: int


@dataclass(frozen=True, slots=True)
class Folded:
    """Where a version lies whose row has been told. ``index``: in what was asked; ``tier``: code."""

    index: int
    tier: int
    storage_class: str
    size: int


def _decayed(count: ColumnElement[float], days: ColumnElement[int]) -> ColumnElement[float]:
    span = cast(func.least(func.greatest(days, constant(0)), constant(DECAY_DAYS_MAX)), Double)
    return count * func.power(literal_column("0.5::float8", Double), span / constant(HALF_LIFE_DAYS))


def _fold(table: Table) -> Statement:
    """Gives the place in the batch, tier, class and size of each row that it changed."""
    c, asked = table.c, batch("asked", _ASKED_TYPES, ordinal="i")
    same = and_(*[c[name] == asked.c[name] for name in (*_KEY_TYPES, "version_id")])
    held = (
        select(
            asked.c.i,
            *[asked.c[name] for name in ("prefix", "day", "reads")],
            *[c[name] for name in (*_KEY_TYPES, "accessed", "heat", "tier", "storage_class", "size")],
        )
        .join_from(asked, table, same)
        .order_by(asked.c.i)
        .with_for_update(of=table, key_share=True, skip_locked=True)
        .cte("held")
    )
    h = held.c
    heat = _decayed(cast(h.heat, Double), h.day - h.accessed) + _decayed(h.reads, h.accessed - h.day)
    latest = func.greatest(h.accessed, h.day)
    told = (
        update(table)
        .values(accessed=latest, heat=cast(heat, REAL))
        .where(*[c[name] == h[name] for name in _KEY_TYPES])
        .returning(h.i, h.bucket_id, h.prefix, h.tier, h.storage_class, h.size, h.accessed.label("was"), c.accessed)
        .cte("told")
    )
    t = told.c

    def side(accessed: Any, sign: int) -> Any:
        kind = (t.bucket_id, t.prefix, t.tier, t.storage_class)
        size = t.size * constant(sign)
        return select(*kind, accessed.label("accessed"), constant(sign).label("objects"), size.label("bytes")).where(
            t.was != t.accessed
        )

    moved = union_all(side(t.was, -1), side(t.accessed, 1)).subquery("moved")
    m = moved.c
    noncurrent = literal_column("true" if table is version else "false", Boolean)
    kind = (m.bucket_id, m.prefix, m.tier, m.storage_class)
    counted = (
        insert(usage)
        .from_select(
            list(NAMES),
            select(
                *kind, noncurrent, m.accessed, func.sum(m.objects), cast(func.sum(m.bytes), BigInteger)
            ).group_by(*kind, m.accessed),
        )
        .cte("counted")
    )  # fmt: skip
    return Statement(select(t.i, t.tier, t.storage_class, t.size).add_cte(counted), *_ASKED_TYPES)


_FOLD_CURRENT, _FOLD_OTHERS = _fold(object_), _fold(version)


async def fold(database: Database, reads: Sequence[Reads]) -> list[Folded]:
    """Tell the rows of versions of reads; those whose row is somebody's at the moment, or is no more, are left out.

    Raises DatabaseUnavailable: then some may have been told.
    """
    order = sorted(range(len(reads)), key=lambda i: (reads[i].bucket_id, reads[i].key, reads[i].seq))
    folded = await _run(database, _FOLD_CURRENT, reads, order)
    done = {one.index for one in folded}
    others = [i for i in order if i not in done]
    return folded + (await _run(database, _FOLD_OTHERS, reads, others) if others else [])


async def _run(database: Database, statement: Statement, reads: Sequence[Reads], order: list[int]) -> list[Folded]:
    rows = [_row(reads[i]) for i in order]
    try:
        records = await database.statement(statement, *zip(*rows, strict=True)) if rows else ()
    except Lost as lost:
        raise DatabaseUnavailable(str(lost)) from lost
    except Exception as error:
        if is_conflict(error):
            raise DatabaseUnavailable(repr(error)) from error
        raise
    return [Folded(order[i - 1], tier, STORAGE_CLASS_NAMES[code], size) for i, tier, code, size in records]


def _row(one: Reads) -> tuple[Any, ...]:
    slot = slot_of(one.bucket_id, one.key)
    return one.bucket_id, one.key, slot, one.seq, one.version_id, prefix_of(one.key), one.day, float(one.count)

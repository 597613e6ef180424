"""Versions: the rows of ``version``, which are noncurrent or delete markers; and versions of either table by their id.

Whoever changes the versions of a key holds its lock (current.py). Rows here are locked after those of ``object``, in
the order of bucket, key and seq: relocations change extents without that lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    case,
    cast,
    delete,
    false,
    func,
    insert,
    literal_column,
    null,
    select,
    true,
    union,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta.current import Name
from objstore.meta.database import Database, Record, Transaction
from objstore.meta.rows import OLD_COLUMNS, ROW_TYPES, VERSION_COLUMNS, Row, version_of
from objstore.meta.statement import AnyType, Statement, batch, constant, param
from objstore.meta.tables import TIME, object_, slot_of, version
from objstore.model.objects import ObjectVersion

o, v = object_.c, version.c
VersionName = tuple[int, bytes, bytes]  # bucket id, key and version id; NULL_VERSION for the ``null`` version
Seat = tuple[int, bytes, int]  # bucket id, key and seq

_NAME_TYPES: dict[str, AnyType] = {"bucket_id": BigInteger(), "key": BYTEA()}
_SEAT_TYPES: dict[str, AnyType] = {**_NAME_TYPES, "slot": ROW_TYPES["slot"], "seq": BigInteger()}
# One for all rows of a statement, and past every lock that the transaction has waited for.
_now = func.statement_timestamp(type_=TIME)


def _same(columns: Any, other: Any, names: Any = _NAME_TYPES) -> Any:
    condition = true()
    for name in names:
        condition &= columns[name] == other[name]
    return condition


# ---- Lookups

_asked = batch("asked", {**_NAME_TYPES, "version_id": BYTEA()}, ordinal="i")
_null_asked = func.octet_length(_asked.c.version_id) == constant(0)


def _lookup() -> Any:
    """Three ways, each by an index of its own: the row of the key, the id, the one ``null`` version."""
    is_it = case((_null_asked, ~o.versioned), else_=o.versioned & (o.version_id == _asked.c.version_id))
    current = select(_asked.c.i, *VERSION_COLUMNS, false(), cast(null(), TIME))
    by_id = v.versioned & (v.version_id == _asked.c.version_id)
    old = select(_asked.c.i, *OLD_COLUMNS)
    return union_all(
        current.join_from(_asked, object_, _same(o, _asked.c) & is_it),
        old.join_from(_asked, version, _same(v, _asked.c) & by_id),
        old.join_from(_asked, version, _same(v, _asked.c) & ~v.versioned & _null_asked),
    )


_LOOKUP = Statement(_lookup(), "bucket_id", "key", "version_id")
_MARKER = Statement(
    select(*OLD_COLUMNS)
    .where(v.bucket_id == param("bucket_id", BigInteger), v.key == param("key", BYTEA))
    .order_by(v.seq.desc())
    .limit(constant(1)),
    *("bucket_id", "key"),
)


async def lookup(database: Database, names: Sequence[VersionName]) -> list[ObjectVersion | None]:
    """Versions by id, in the order asked; one query."""
    found: list[ObjectVersion | None] = [None] * len(names)
    for record in await database.fetch(_LOOKUP, *zip(*names, strict=True)) if names else ():
        bucket_id, key, _ = names[record[0] - 1]
        found[record[0] - 1] = version_of(bucket_id, key, record[1:])
    return found


async def latest_marker(database: Database, bucket_id: int, key: bytes) -> ObjectVersion | None:
    """The delete marker that is the latest version of a key, if it is one."""
    records = await database.fetch(_MARKER, bucket_id, key)
    newest = version_of(bucket_id, key, records[0]) if records else None
    return newest if newest is not None and newest.marker and newest.noncurrent_since is None else None


# ---- What a transaction needs to know of keys whose locks it holds


@dataclass(slots=True)
class Question:
    """What to make known of a key: so many of its newest noncurrent versions and markers, ``null``, those by id."""

    newest: int = 0
    null: bool = False
    ids: list[bytes] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.newest or self.null or self.ids)


_of_key = batch("of_key", {**_NAME_TYPES, "newest": BigInteger(), "null_too": Boolean()})
_by_id = batch("by_id", {"id_bucket_id": BigInteger(), "id_key": BYTEA(), "id_version_id": BYTEA()})


def _known() -> Any:
    seats = [v[name] for name in _SEAT_TYPES]
    newest = (
        select(v.slot, v.seq)
        .where(_same(v, _of_key.c))
        .order_by(v.seq.desc())
        .limit(_of_key.c.newest)
        .correlate(_of_key)
        .lateral("newest")
    )
    wanted = union(
        select(_of_key.c.bucket_id, _of_key.c.key, newest.c.slot, newest.c.seq).join_from(_of_key, newest, true()),
        select(*seats).join_from(_of_key, version, _same(v, _of_key.c) & ~v.versioned & _of_key.c.null_too),
        select(*seats).join_from(
            _by_id,
            version,
            (v.bucket_id == _by_id.c.id_bucket_id)
            & (v.key == _by_id.c.id_key)
            & (v.version_id == _by_id.c.id_version_id)
            & v.versioned,
        ),
    ).cte("wanted")
    return (
        select(v.bucket_id, v.key, *OLD_COLUMNS)
        .join_from(wanted, version, _same(v, wanted.c, _SEAT_TYPES))
        .order_by(v.bucket_id, v.key, v.seq)
        .with_for_update(of=version)
    )


_KNOWN = Statement(_known(), *_NAME_TYPES, "newest", "null_too", "id_bucket_id", "id_key", "id_version_id")


async def known(transaction: Transaction, questions: dict[Name, Question]) -> dict[Name, list[Record]]:
    """Lock what is asked for and there; bucket, key and OLD_COLUMNS."""
    of_key = [(*name, question.newest, question.null) for name, question in questions.items()]
    by_id = [(*name, version_id) for name, question in questions.items() for version_id in question.ids]
    arguments = (*zip(*of_key, strict=True), *(zip(*by_id, strict=True) if by_id else ((), (), ())))
    found: dict[Name, list[Record]] = {}
    for record in await transaction.fetch(_KNOWN, *arguments):
        found.setdefault((record[0], record[1]), []).append(record)
    return found


# ---- Changes

_moved = batch("moved", _SEAT_TYPES)
_COPIED = [column.name for column in object_.c]
_REMOVE = Statement(delete(version).where(_same(v, _moved.c, _SEAT_TYPES)), *_SEAT_TYPES)
# The row of ``object`` stays: it is replaced or deleted next.
_DEMOTE = Statement(
    insert(version).from_select(
        [*_COPIED, "noncurrent_since"],
        select(*[o[name] for name in _COPIED], _now).join_from(_moved, object_, _same(o, _moved.c, _SEAT_TYPES)),
    ),
    *_SEAT_TYPES,
)
_taken = delete(version).where(_same(v, _moved.c, _SEAT_TYPES)).returning(*[v[name] for name in _COPIED]).cte("taken")
_PROMOTE = Statement(
    insert(object_).from_select(_COPIED, select(*[_taken.c[name] for name in _COPIED])),
    *_SEAT_TYPES,
)
_MAKE_NONCURRENT = Statement(
    update(version).values(noncurrent_since=_now).where(_same(v, _moved.c, _SEAT_TYPES)), *_SEAT_TYPES
)
_MAKE_LATEST = Statement(
    update(version).values(noncurrent_since=null()).where(_same(v, _moved.c, _SEAT_TYPES)), *_SEAT_TYPES
)
_new = batch("new", {**ROW_TYPES, "marker": Boolean(), "noncurrent": Boolean()})
_ADD = Statement(
    insert(version).from_select(
        [*ROW_TYPES, "marker", "noncurrent_since"],
        select(
            *[_new.c[name] for name in ROW_TYPES],
            _new.c.marker,
            case((_new.c.noncurrent, _now), else_=literal_column("NULL::timestamptz", TIME)),
        ),
    ),
    *ROW_TYPES,
    *("marker", "noncurrent"),
)


async def remove(transaction: Transaction, seats: list[Seat]) -> None:
    """Delete rows."""
    await _change(transaction, _REMOVE, seats)


async def demote(transaction: Transaction, seats: list[Seat]) -> None:
    """Copy rows of ``object`` here: noncurrent from now on."""
    await _change(transaction, _DEMOTE, seats)


async def promote(transaction: Transaction, seats: list[Seat]) -> None:
    """Move rows to ``object``, where their keys have none."""
    await _change(transaction, _PROMOTE, seats)


async def make_noncurrent(transaction: Transaction, seats: list[Seat]) -> None:
    """Markers that were the latest are so no more."""
    await _change(transaction, _MAKE_NONCURRENT, seats)


async def make_latest(transaction: Transaction, seats: list[Seat]) -> None:
    """Markers that were noncurrent are the latest again."""
    await _change(transaction, _MAKE_LATEST, seats)


async def add(transaction: Transaction, rows: list[tuple[Row, bool, bool]]) -> None:
    """New rows, each with whether it is a marker and whether it is noncurrent already."""
    if rows:
        await transaction.execute(_ADD, *zip(*[(*row, *flags) for row, *flags in rows], strict=True))


async def _change(transaction: Transaction, statement: Statement, seats: list[Seat]) -> None:
    if seats:
        rows = [(bucket_id, key, slot_of(bucket_id, key), seq) for bucket_id, key, seq in sorted(seats)]
        await transaction.execute(statement, *zip(*rows, strict=True))

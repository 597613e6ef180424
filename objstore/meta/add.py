"""Add: the commit of new keys in one statement, one round trip: what nearly all PUTs of a corpus are.

A row is inserted if its bucket is there and never had versions, the volumes appended to are still open (both locked, as
in commit.py), and the key has no row yet. Whatever is not inserted is left to the full commit, which finds out why.

| What happens                   | What is left   | Who clears it                                                      |
|--------------------------------|----------------|--------------------------------------------------------------------|
| crash or lost connection       | all or nothing | a look: rows of ours that are there are committed; about others    |
|                                |                | nothing is known, and the client gets a 503                        |
| deadlock, serialization        | nothing        | the full commit                                                    |
"""

from collections.abc import Sequence
from contextlib import suppress
from operator import itemgetter
from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement, Integer, any_, cast, false, func, literal_column, select
from sqlalchemy.dialects.postgresql import BYTEA, insert

from objstore.meta.commit import Write
from objstore.meta.current import LOOKUP, Name
from objstore.meta.database import Database, Lost, is_conflict
from objstore.meta.rows import ROW_TYPES, Row, row_of
from objstore.meta.statement import Statement, array, batch, constant, param
from objstore.meta.tables import bucket, object_, usage, volume
from objstore.model.errors import DatabaseUnavailable, InvalidArgument
from objstore.model.objects import ObjectVersion
from objstore.model.states import VolumeState

_buckets = (
    select(bucket.c.id)
    .where(bucket.c.id == any_(array("buckets", BigInteger)), literal_column("NOT settings ? 'versioning'", Boolean))
    .order_by(bucket.c.id)
    .with_for_update(read=True, key_share=True)
    .cte("claimed_bucket")
)
_volumes = (
    select(volume.c.id)
    .where(volume.c.id == any_(array("volumes", BYTEA)), volume.c.state == constant(VolumeState.OPEN))
    .order_by(volume.c.id)
    .with_for_update(read=True)
    .cte("claimed_volume")
)
_all_open = select(func.count()).select_from(_volumes).scalar_subquery() == param("volume_count", Integer)
# What the rows of a batch mostly have in common is sent once: half of a PUT's cost here is the encoding of arrays.
_COMMON = ("bucket_id", "storage_class", "parts", "attrs", "tags", "accessed", "tier")
_FIXED: dict[str, ColumnElement[Any]] = {"seq": constant(1), "versioned": false()}
_OWN = tuple(name for name in ROW_TYPES if name not in _COMMON and name not in _FIXED)
_PLACES = {name: place for place, name in enumerate(ROW_TYPES)}
_common_of = itemgetter(*[_PLACES[name] for name in _COMMON])
_own_of = itemgetter(*[_PLACES[name] for name in _OWN])


def _statement(arrays: Sequence[str], scalars: Sequence[str]) -> Statement:
    """Insert rows of ``arrays``, all with the same ``scalars``; gives the keys that were new."""
    new = batch("new", {name: ROW_TYPES[name] for name in arrays})
    values: dict[str, ColumnElement[Any]] = {name: new.c[name] for name in arrays}
    values |= {name: param(name, ROW_TYPES[name]) for name in scalars}
    values |= {name: value for name, value in _FIXED.items() if name not in values}
    added = (
        insert(object_)
        .from_select(
            list(values),
            select(*values.values()).where(values["bucket_id"].in_(select(_buckets.c.id)), _all_open),
        )
        .on_conflict_do_nothing()
        .returning(*[object_.c[name] for name in ("bucket_id", "key", "size", "tier", "storage_class", "accessed")])
        .cte("added")
    )
    a = added.c
    slash = func.pg_catalog.position(a.key, literal_column(r"'\x2f'::bytea", BYTEA), type_=Integer)
    kind = (a.bucket_id, func.substr(a.key, constant(1), slash), a.tier, a.storage_class, a.accessed)
    counted = (
        insert(usage)
        .from_select(
            ["bucket_id", "prefix", "tier", "storage_class", "accessed", "noncurrent", "objects", "bytes"],
            select(*kind, false(), func.count(), cast(func.sum(a.size), BigInteger)).group_by(*kind),
        )
        .cte("counted")
    )
    found = select(a.bucket_id, a.key).add_cte(counted)
    return Statement(found, "buckets", "volumes", "volume_count", *arrays, *scalars)


_ADD = _statement(tuple(ROW_TYPES), ())
_ADD_ALIKE = _statement(_OWN, _COMMON)


async def add(database: Database, writes: Sequence[Write]) -> list[ObjectVersion | None]:
    """See ``Objects.add``."""
    rows = _rows(writes)
    if not rows:
        return [None] * len(writes)
    ordered = [rows[name] for name in sorted(rows)]
    volumes = frozenset[bytes]().union(*[write.appended for write in writes])
    buckets = {name[0] for name in rows}
    try:
        statement, columns = _columns([row for _, row in ordered])
        found = await database.statement(statement, list(buckets), sorted(volumes), len(volumes), *columns)
        done = {(bucket_id, key) for bucket_id, key in found}
    except Lost as lost:
        done = await _look(database, {name: rows[name][0] for name in rows}, lost)
    except Exception as error:
        if not is_conflict(error):
            raise
        return [None] * len(writes)
    mine = {id(rows[name][0]) for name in done}
    return [write.version if write.version is not None and id(write) in mine else None for write in writes]


def _columns(rows: Sequence[Row]) -> tuple[Statement, Sequence[Any]]:
    """The statement that suits the rows, and its last arguments."""
    common = _common_of(rows[0])
    if all(_common_of(row) == common for row in rows):
        return _ADD_ALIKE, (*zip(*map(_own_of, rows), strict=True), *common)
    return _ADD, tuple(zip(*rows, strict=True))


def _rows(writes: Sequence[Write]) -> dict[Name, tuple[Write, Row]]:
    """The first write of each name, if it may be an insert."""
    rows: dict[Name, tuple[Write, Row]] = {}
    for write in writes:
        version, name = write.version, (write.bucket_id, write.key)
        if version is None or name in rows or write.shared or write.tell is not None:
            continue
        if write.condition.if_match is None and write.condition.if_none_match is None:
            version.seq, version.versioned = 1, False
            with suppress(InvalidArgument):
                rows[name] = (write, row_of(version))
    return rows


async def _look(database: Database, asked: dict[Name, Write], lost: Lost) -> set[Name]:
    """After a lost connection: which of our versions are there. Raises DatabaseUnavailable unless all are."""
    names = list(asked)
    ordinals = {}
    for record in await database.fetch(LOOKUP, [name[0] for name in names], [name[1] for name in names]):
        ordinals[record[0] - 1] = record["version_id"]
    for index, name in enumerate(names):
        version = asked[name].version
        if version is None or ordinals.get(index) != version.version_id:
            raise DatabaseUnavailable(f"the connection was lost during a commit: {lost}")
    return set(names)

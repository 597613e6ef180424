"""Current versions: the rows of ``object`` that a writing transaction locks, and how it changes them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from objstore.meta.database import LostRace, Record, Transaction
from objstore.meta.rows import KEY_COLUMNS, ROW_TYPES, VERSION_COLUMNS, Row, version_of
from objstore.meta.statement import Statement, batch
from objstore.meta.tables import object_, slot_of
from objstore.model.objects import ObjectVersion

Name = tuple[int, bytes]  # bucket id and key

o = object_.c
_KEY_NAMES = [column.name for column in KEY_COLUMNS]
_KEY_TYPES = {name: ROW_TYPES[name] for name in _KEY_NAMES}
_VERSION_NAMES = [column.name for column in VERSION_COLUMNS]

_asked = batch("asked", {"bucket_id": ROW_TYPES["bucket_id"], "key": ROW_TYPES["key"]}, ordinal="i")
_found = select(_asked.c.i, *VERSION_COLUMNS).join_from(
    _asked, object_, (o.bucket_id == _asked.c.bucket_id) & (o.key == _asked.c.key)
)
LOOKUP = Statement(_found, "bucket_id", "key")
# Sorted before they are locked: two transactions never wait for each other.
_LOCK = Statement(_found.order_by(_asked.c.i).with_for_update(of=object_), "bucket_id", "key")

_new = batch("new", ROW_TYPES)
_INSERT = Statement(
    insert(object_)
    .from_select(list(ROW_TYPES), select(*[_new.c[name] for name in ROW_TYPES]))
    .on_conflict_do_nothing(),
    *ROW_TYPES,
)
_UPDATE = Statement(
    update(object_)
    .values({name: _new.c[name] for name in _VERSION_NAMES})
    .where(*[o[name] == _new.c[name] for name in _KEY_NAMES]),
    *ROW_TYPES,
)
_gone = batch("gone", _KEY_TYPES)
_DELETE = Statement(delete(object_).where(*[o[name] == _gone.c[name] for name in _KEY_NAMES]), *_KEY_NAMES)


class Current:
    """The locked current version of a name. Only what conditions and replacements need is looked at eagerly."""

    __slots__ = ("_record", "etag", "extents", "seq", "version_id")

    def __init__(self, record: Record) -> None:
        self._record = record
        self.version_id: bytes = record["version_id"]
        self.etag: bytes = record["etag"]
        self.extents: bytes = record["extents"]
        self.seq: int = record["seq"]

    def version(self, name: Name) -> ObjectVersion:
        """The whole version."""
        return version_of(*name, self._record[1:])


async def lock(transaction: Transaction, names: Sequence[Name]) -> dict[Name, Current]:
    """Lock the current versions of ``names`` (sorted); those that have one."""
    buckets, keys = zip(*names, strict=True)
    return {names[record[0] - 1]: Current(record) for record in await transaction.fetch(_LOCK, buckets, keys)}


async def put_rows(transaction: Transaction, rows: list[Row], current: dict[Name, Any]) -> None:
    """Insert rows (sorted) whose name is not among the locked ones, update the others; LostRace if one came between."""
    new = [row for row in rows if (row[0], row[1]) not in current]
    if new and await transaction.execute(_INSERT, *zip(*new, strict=True)) != len(new):
        raise LostRace("another transaction inserted the same key")
    if len(new) == len(rows):
        return
    old = rows if not new else [row for row in rows if (row[0], row[1]) in current]
    await transaction.execute(_UPDATE, *zip(*old, strict=True))


async def delete_rows(transaction: Transaction, names: list[Name]) -> None:
    """Delete rows that are locked."""
    if names:
        buckets, keys = zip(*names, strict=True)
        await transaction.execute(_DELETE, buckets, keys, [slot_of(*name) for name in names])

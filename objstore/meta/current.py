"""Current versions: the rows of ``object`` that a writing transaction locks, and how it changes them.

The row of a key is also the lock on all of its versions. Where there is none, and the bucket may have versions, one is
put in its place (``reserve``) and taken away, or made the new version, at the end of the same transaction.
"""

from collections.abc import Sequence

from sqlalchemy import Insert, delete, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from objstore.meta.database import LostRace, Record, Transaction
from objstore.meta.rows import KEY_COLUMNS, ROW_TYPES, VERSION_COLUMNS, Row
from objstore.meta.statement import Statement, batch
from objstore.meta.tables import object_, slot_of
from objstore.meta.usage_ledger import ARRAYS, Usage, recording

Name = tuple[int, bytes]  # bucket id and key

o = object_.c
_KEY_NAMES = [column.name for column in KEY_COLUMNS]
_KEY_TYPES = {name: ROW_TYPES[name] for name in _KEY_NAMES}
_NEW_NAMES = [name for name in ROW_TYPES if name not in _KEY_NAMES]

_asked = batch("asked", {"bucket_id": ROW_TYPES["bucket_id"], "key": ROW_TYPES["key"]}, ordinal="i")
_found = select(_asked.c.i, *VERSION_COLUMNS).join_from(
    _asked, object_, (o.bucket_id == _asked.c.bucket_id) & (o.key == _asked.c.key)
)
LOOKUP = Statement(_found, "bucket_id", "key")
# Sorted before they are locked: two transactions never wait for each other.
_LOCK = Statement(_found.order_by(_asked.c.i).with_for_update(of=object_), "bucket_id", "key")

_new = batch("new", ROW_TYPES)


def _insert() -> Insert:
    return (
        insert(object_)
        .from_select(list(ROW_TYPES), select(*[_new.c[name] for name in ROW_TYPES]))
        .on_conflict_do_nothing()
    )


_RESERVE = Statement(_insert(), *ROW_TYPES)
_INSERT = Statement(_insert().add_cte(recording().cte("counting")), *ROW_TYPES, *ARRAYS)
_UPDATE = Statement(
    update(object_)
    .values({**{name: _new.c[name] for name in _NEW_NAMES}, "heat": literal_column("0")})
    .where(*[o[name] == _new.c[name] for name in _KEY_NAMES]),
    *ROW_TYPES,
)
_gone = batch("gone", _KEY_TYPES)
_DELETE = Statement(delete(object_).where(*[o[name] == _gone.c[name] for name in _KEY_NAMES]), *_KEY_NAMES)


async def lock(transaction: Transaction, names: Sequence[Name]) -> dict[Name, Record]:
    """Lock the current versions of ``names`` (sorted); an index and VERSION_COLUMNS of those that have one."""
    buckets, keys = zip(*names, strict=True)
    return {names[record[0] - 1]: record for record in await transaction.fetch(_LOCK, buckets, keys)}


async def reserve(transaction: Transaction, rows: list[Row]) -> None:
    """Insert rows (sorted) of names that had none; waits for others that do the same. LostRace if one came between."""
    if await transaction.execute(_RESERVE, *zip(*rows, strict=True)) != len(rows):
        raise LostRace("another transaction has written the same key")


async def insert_rows(transaction: Transaction, rows: list[Row], usage: Usage) -> None:
    """Insert rows (sorted), and record ``usage`` with them; LostRace if one came between."""
    if await transaction.execute(_INSERT, *zip(*rows, strict=True), *usage.columns()) != len(rows):
        raise LostRace("another transaction inserted the same key")


async def update_rows(transaction: Transaction, rows: list[Row]) -> None:
    """Replace rows that are locked."""
    await transaction.execute(_UPDATE, *zip(*rows, strict=True))


async def delete_rows(transaction: Transaction, names: list[Name]) -> None:
    """Delete rows that are locked."""
    buckets, keys = zip(*names, strict=True)
    await transaction.execute(_DELETE, buckets, keys, [slot_of(*name) for name in names])

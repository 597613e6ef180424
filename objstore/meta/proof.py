"""Proof that nothing refers to a volume: every row is looked at, a bounded number a query.

Only for volumes of which some stripe cannot be read, so that its records do not tell who would refer to it: after a
crash that tore a stripe, or when more than m columns are lost.
"""

from sqlalchemy import BigInteger, SmallInteger, func, select, tuple_
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta.database import Database
from objstore.meta.statement import Statement, constant, param
from objstore.meta.tables import object_, part

ROWS_A_QUERY = 20_000

_volume_id = param("volume_id", BYTEA)
_o = object_.c
_objects = (
    select(_o.bucket_id, _o.key, _o.extents)
    .where(tuple_(_o.bucket_id, _o.key) > tuple_(param("bucket_id", BigInteger), param("key", BYTEA)))
    .order_by(_o.bucket_id, _o.key)
    .limit(constant(ROWS_A_QUERY))
    .cte("seen")
)
_p = part.c
_parts = (
    select(_p.upload_id, _p.number, _p.extents)
    .where(tuple_(_p.upload_id, _p.number) > tuple_(param("upload_id", BYTEA), param("number", SmallInteger)))
    .order_by(_p.upload_id, _p.number)
    .limit(constant(ROWS_A_QUERY))
    .cte("seen")
)


def _last_and_hits(*columns: str) -> Statement:
    """The last row of a page, and how many rows of the page refer to the volume."""
    seen = _objects if "key" in columns else _parts
    position = func.pg_catalog.position(seen.c.extents, _volume_id)
    hits = select(func.count()).select_from(seen).where(position > constant(0)).scalar_subquery()
    first, second = (seen.c[name] for name in columns)
    statement = select(first, second, hits).order_by(first.desc(), second.desc()).limit(constant(1))
    return Statement(statement, *columns, "volume_id")


_OBJECTS = _last_and_hits("bucket_id", "key")
_PARTS = _last_and_hits("upload_id", "number")


async def refers(database: Database, volume_id: bytes) -> bool:
    """See ``Objects.refers``."""
    return await _any(database, _OBJECTS, (-1, b""), volume_id) or await _any(database, _PARTS, (b"", 0), volume_id)


async def _any(database: Database, statement: Statement, after: tuple[object, object], volume_id: bytes) -> bool:
    while rows := await database.fetch(statement, *after, volume_id):
        first, second, hits = rows[0]
        if hits:
            return True
        after = (first, second)
    return False

"""Proof that nothing refers to a volume: every row is looked at, a bounded number of keys a query.

Only for volumes of which some stripe cannot be read, so that its records do not tell who would refer to it: after a
crash that tore a stripe, or when more than m columns are lost.

References move while this goes on: parts become an object's, a version moves between ``object`` and ``version``. None
is missed: parts are looked at first, and of each key both tables in one statement, so in one snapshot.
"""

from typing import Any

from sqlalchemy import BigInteger, Select, SmallInteger, Table, func, literal_column, select, tuple_, union_all
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta.database import Database
from objstore.meta.lifecycle_tables import restored
from objstore.meta.listing import PAST_EVERY_KEY
from objstore.meta.statement import Statement, constant, param
from objstore.meta.tables import object_, part, version

ROWS_A_QUERY = 20_000

_volume_id = param("volume_id", BYTEA)
_TABLES = (object_, version)
_after = tuple_(param("bucket_id", BigInteger), param("key", BYTEA))


def _place(table: Table) -> Any:
    return tuple_(table.c.bucket_id, table.c.key)


def _hits(table: Table) -> Any:
    return func.pg_catalog.position(table.c.extents, _volume_id) > constant(0)


def _versions() -> Select[Any]:
    """Up to which key this page goes (NULL: to the end), and how many rows of it refer to the volume."""
    ends = [
        select(table.c.bucket_id, table.c.key)
        .where(_place(table) > _after)
        .order_by(table.c.bucket_id, table.c.key)
        .offset(constant(ROWS_A_QUERY - 1))
        .limit(constant(1))
        .subquery(f"{table.name}_end")
        for table in _TABLES
    ]
    either = union_all(*[select(end) for end in ends]).subquery("either")
    end = select(either).order_by(*either.c).limit(constant(1)).cte("page_end")
    bucket_id, key = (select(column).scalar_subquery() for column in end.c)
    past = literal_column(f"'\\x{PAST_EVERY_KEY.hex()}'::bytea", BYTEA)
    bound = tuple_(func.coalesce(bucket_id, literal_column(str(2**63 - 1), BigInteger)), func.coalesce(key, past))
    counts = [
        select(func.count())
        .select_from(table)
        .where(_place(table) > _after, _place(table) <= bound, _hits(table))
        .scalar_subquery()
        for table in _TABLES
    ]
    return select(bucket_id, key, counts[0] + counts[1])


_VERSIONS = Statement(_versions(), "bucket_id", "key", "volume_id")
_parts = (
    select(part.c.upload_id, part.c.number, _hits(part).label("hit"))
    .where(tuple_(part.c.upload_id, part.c.number) > tuple_(param("upload_id", BYTEA), param("number", SmallInteger)))
    .order_by(part.c.upload_id, part.c.number)
    .limit(constant(ROWS_A_QUERY))
    .cte("seen")
)
_PARTS = Statement(
    select(
        _parts.c.upload_id,
        _parts.c.number,
        select(func.count()).select_from(_parts).where(_parts.c.hit).scalar_subquery(),
    )
    .order_by(_parts.c.upload_id.desc(), _parts.c.number.desc())
    .limit(constant(1)),
    *("upload_id", "number", "volume_id"),
)


_r = restored.c
_copies = (
    select(_r.bucket_id, _r.key, _r.version_id, _hits(restored).label("hit"))
    .where(
        tuple_(_r.bucket_id, _r.key, _r.version_id)
        > tuple_(param("bucket_id", BigInteger), param("key", BYTEA), param("version_id", BYTEA))
    )
    .order_by(_r.bucket_id, _r.key, _r.version_id)
    .limit(constant(ROWS_A_QUERY))
    .cte("seen")
)
_COPIES = Statement(
    select(
        *(_copies.c.bucket_id, _copies.c.key, _copies.c.version_id),
        select(func.count()).select_from(_copies).where(_copies.c.hit).scalar_subquery(),
    )
    .order_by(_copies.c.bucket_id.desc(), _copies.c.key.desc(), _copies.c.version_id.desc())
    .limit(constant(1)),
    *("bucket_id", "key", "version_id", "volume_id"),
)


async def refers(database: Database, volume_id: bytes) -> bool:
    """See ``Objects.refers``."""
    starts: list[tuple[Statement, tuple[object, ...]]] = [
        (_PARTS, (b"", 0)),
        (_VERSIONS, (-1, b"")),
        (_COPIES, (-1, b"", b"")),
    ]
    for statement, start in starts:
        if await _any(database, statement, start, volume_id):
            return True
    return False


async def _any(database: Database, statement: Statement, after: tuple[object, ...], volume_id: bytes) -> bool:
    while rows := await database.fetch(statement, *after, volume_id):
        *last, hits = rows[0]
        if hits:
            return True
        if last[0] is None:
            break
        after = tuple(last)
    return False

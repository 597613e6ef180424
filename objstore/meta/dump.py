"""Dump: the tables of the database as one consistent snapshot (format/snapshot.py), whole or what has changed.

A whole one has every row of every table but those that only say what is going on just now. One of changes has the
versions that were made, or became noncurrent, since a time, and the small tables whole. Both are read in one
transaction (REPEATABLE READ), so they are the database as it was at a moment; writers are not held up.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Table, column, literal_column, or_, select, table, true
from sqlalchemy.dialects.postgresql import dialect

from objstore.format.snapshot import END, HEAD, ROWS, ROWS_BYTES_MAX, TABLE, pack_frame
from objstore.meta import (
    cluster_tables,
    event_tables,
    history_tables,
    identity_tables,  # noqa: F401  so that the MetaData has its tables
    kms_tables,  # noqa: F401
    lifecycle_tables,
    pace_tables,  # noqa: F401
    repair_tables,
)
from objstore.meta.database import Database
from objstore.meta.session import Session
from objstore.meta.statement import Statement
from objstore.meta.tables import bucket, damage, drive, metadata, object_, part, shard, usage, version, volume, writer

# What only says what is going on just now, or is looked up anew.
MOMENTARY = {
    writer.name,
    damage.name,
    event_tables.event.name,
    lifecycle_tables.task.name,
    cluster_tables.node.name,
    repair_tables.repair.name,
    repair_tables.inspection.name,
    repair_tables.stray.name,
    history_tables.history_keeper.name,
    history_tables.bucket_places.name,
}
# Where bytes lie is read from the drives themselves; these are dumped for those who look.
PLACES = {volume.name, shard.name, drive.name, "garbage"}
VERSIONS = (object_, version)
LARGE = {object_.name, version.name, part.name, usage.name, history_tables.history.name, "link", *PLACES}
COPY_SECONDS_MAX = 24 * 3600.0
PIECES_AHEAD = 4
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_dialect = dialect()  # type: ignore[no-untyped-call]
_REVISION = Statement(select(column("version_num")).select_from(table("alembic_version")))
_BUCKETS = Statement(select(bucket.c.id).order_by(bucket.c.id))
_NOW = Statement(select(literal_column("transaction_timestamp()")))
_CLUSTER = Statement(select(cluster_tables.cluster.c.id).where(cluster_tables.cluster.c.one == true()))


async def dump(database: Database, since: datetime | None = None) -> AsyncIterator[bytes]:
    """The snapshot in pieces; with ``since`` only what has changed after it. Raises DatabaseUnavailable."""
    session = await database.open_session()
    try:
        await session.execute(_BEGIN)
        # Whole tables are read here: the one place where that is no mistake.
        await session.execute("SET LOCAL enable_seqscan = on; SET LOCAL idle_in_transaction_session_timeout = 0")
        taken = await session.fetchval(_NOW.sql)
        clusters = await session.fetch(_CLUSTER.sql)
        head = {
            "kind": "full" if since is None else "changes",
            "revision": await session.fetchval(_REVISION.sql),
            "cluster": clusters[0][0] if clusters else "",
            "taken": taken.isoformat(),
            "since": None if since is None else since.isoformat(),
        }
        yield pack_frame(HEAD, orjson.dumps(head))
        tables = 0
        for one in metadata.sorted_tables:
            queries = await _queries(session, one, since)
            if not queries:
                continue
            names = [c.name for c in one.columns]
            about = {"name": one.name, "columns": names, "changed": since is not None and one in VERSIONS}
            yield pack_frame(TABLE, orjson.dumps(about))
            tables += 1
            for query in queries:
                async for frame in _rows(session, query):
                    yield frame
        yield pack_frame(END, orjson.dumps({"tables": tables}))
    finally:
        session.terminate()


async def _queries(session: Session, one: Table, since: datetime | None) -> list[str]:
    """What to copy of a table; nothing of one that is left out."""
    if one.name in MOMENTARY:
        return []
    everything = select(*one.columns)
    if since is None:
        return [_text(everything)]
    if one in VERSIONS:
        return [
            _text(everything.where(one.c.bucket_id == literal_column(str(row[0])), _changed(one, since)))
            for row in await session.fetch(_BUCKETS.sql)
        ]
    return [] if one.name in LARGE else [_text(everything)]


def _changed(one: Table, since: datetime) -> Any:
    moment: Any = literal_column(f"'{since.isoformat()}'::timestamptz")
    made = one.c.modified > moment
    return or_(made, one.c.noncurrent_since > moment) if one is version else made


def _text(query: Any) -> str:
    return str(query.compile(dialect=_dialect))


async def _rows(session: Session, query: str) -> AsyncIterator[bytes]:
    """Frames of what a query gives; the copy waits while nobody takes them."""
    pieces: asyncio.Queue[bytes | None] = asyncio.Queue(PIECES_AHEAD)

    async def copy() -> None:
        try:
            await session.copy_from_query(query, output=pieces.put, format="text", timeout=COPY_SECONDS_MAX)
        finally:
            await pieces.put(None)

    copying, gathered = asyncio.ensure_future(copy()), bytearray()
    try:
        while (piece := await pieces.get()) is not None:
            gathered += piece
            while len(gathered) >= ROWS_BYTES_MAX:
                frame = bytes(gathered[:ROWS_BYTES_MAX])
                del gathered[:ROWS_BYTES_MAX]
                yield await asyncio.get_running_loop().run_in_executor(None, pack_frame, ROWS, frame)
        await copying
        if gathered:
            yield pack_frame(ROWS, bytes(gathered))
    finally:
        copying.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await copying

"""Objects by the million, written straight into Postgres: copies of real rows under other keys.

A copied row shares the extents of a real object, as CopyObject's rows do, so that every one of them can be read.
The columns come from the catalogue; only the key, its slot and the version id are set here.
"""

import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import asyncpg

from objstore.meta.tables import slot_of

TABLE = "object"
CHUNK_ROWS = 50_000
LEVEL_AT = (
    24 + 12
)  # of the root above the leaves, in the first page of a B-tree: after the page's header and three words
LIST_COLUMNS = "key, size, etag, modified, storage_class, checksum"


@dataclass(frozen=True, slots=True)
class TableBytes:
    """Sizes of the table ``object``: heap with its TOAST, all indexes, the primary key; ``depth``: pages that a probe
    of the primary key reads."""

    rows: int
    heap: int
    indexes: int
    primary: int
    depth: int


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """One connection, closed at the end."""
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def bucket_id(connection: asyncpg.Connection, bucket: str) -> int:
    """Id of a bucket by name."""
    return int(await connection.fetchval("select id from bucket where name = $1", bucket))


async def copy_rows(
    connection: asyncpg.Connection,
    bucket: str,
    keys: Iterable[bytes],
    templates: int = 10_000,
    at: Callable[[int], tuple[datetime, int]] | None = None,
    settle: bool = True,
) -> int:
    """Write a row for each key, copied in turn from the first ``templates`` rows of the bucket; how many.

    ``at`` says for the n-th row when it was modified, and the day of its last access. ``settle``: leave the table as if
    it had been so for long.
    """
    bucket_number = await bucket_id(connection, bucket)
    found = await connection.fetch(
        f"select * from {TABLE} where bucket_id = $1 order by key limit $2", bucket_number, templates
    )
    names = list(found[0].keys())
    made = _made([tuple(row) for row in found], names, bucket_number, iter(keys), at)
    total = 0
    while chunk := list(islice(made, CHUNK_ROWS)):
        await connection.copy_records_to_table(TABLE, records=chunk, columns=names)
        total += len(chunk)
    if settle:
        await connection.execute(f"vacuum (analyze) {TABLE}")
        await connection.execute("checkpoint")
    return total


def _made(
    rows: list[tuple[object, ...]],
    names: list[str],
    bucket_number: int,
    keys: Iterator[bytes],
    at: Callable[[int], tuple[datetime, int]] | None,
) -> Iterator[tuple[object, ...]]:
    at_key, at_slot, at_version = names.index("key"), names.index("slot"), names.index("version_id")
    at_modified, at_accessed = names.index("modified"), names.index("accessed")
    for count, key in enumerate(keys):
        row = list(rows[count % len(rows)])
        row[at_key], row[at_slot] = key, slot_of(bucket_number, key)
        row[at_version] = os.urandom(16)
        if at is not None:
            row[at_modified], row[at_accessed] = at(count)
        yield tuple(row)


async def table_bytes(connection: asyncpg.Connection) -> TableBytes:
    """Rows and sizes now."""
    row = await connection.fetchrow(
        f"select (select count(*) from {TABLE}), pg_table_size('{TABLE}'), pg_indexes_size('{TABLE}'),"
        " pg_relation_size(indexrelid), pg_read_binary_file(pg_relation_filepath(indexrelid), $1, 4)"
        f" from pg_index where indrelid = '{TABLE}'::regclass and indisprimary",
        LEVEL_AT,
    )
    assert row is not None
    *sizes, level = row
    return TableBytes(*sizes, depth=int.from_bytes(level, sys.byteorder) + 1)


async def flushes(connection: asyncpg.Connection) -> int:
    """fsync and fdatasync calls of Postgres so far: WAL, and files where the version counts them."""
    version = connection.get_server_version().major
    if version >= 18:
        query = "select coalesce(sum(fsyncs), 0) from pg_stat_io"
    elif version >= 16:
        query = "select coalesce((select sum(fsyncs) from pg_stat_io), 0) + (select wal_sync from pg_stat_wal)"
    else:
        query = "select wal_sync from pg_stat_wal"
    return int(await connection.fetchval(query))

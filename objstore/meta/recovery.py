"""Recovery, the metadata half: what was found on the drives is gathered, asked, and put into an empty database.

The records that were found go to a temporary table of one session: there may be more of them than fit into memory.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from objstore.format.extent import EXTENT_BYTES, unpack
from objstore.meta.database import Database
from objstore.meta.session import Session
from objstore.model.states import VolumeState
from objstore.model.volumes import Volume

ROWS_A_FETCH = 2000
SECONDS_MAX = 24 * 3600.0
_COLUMNS = ("bucket_id", "key", "version_id", "part", "fragment", "size", "last", "tier", "extent", "attrs")
_STAGE = (
    "CREATE TEMPORARY TABLE found (bucket_id bigint, key bytea, version_id bytea, part integer, fragment bigint,"
    " size bigint, last boolean, tier text, extent bytea, attrs bytea)"
)
_ORDER = "ORDER BY bucket_id, key, version_id, part, fragment, size DESC"
_ALL = f"SELECT * FROM found {_ORDER}"
_OF_BUCKET = f"SELECT * FROM found WHERE bucket_id = $1 {_ORDER}"
_OF_VERSION = f"SELECT * FROM found WHERE bucket_id = $1 AND key = $2 AND version_id = $3 {_ORDER}"
_BUCKET_IDS = "SELECT DISTINCT bucket_id FROM found"
_EMPTY = "SELECT NOT EXISTS (SELECT FROM bucket) AND NOT EXISTS (SELECT FROM volume)"
_VOLUME = (
    "INSERT INTO volume (id, tier, state, k, m, unit_bytes, pack_bytes_max, stripe_bytes_max, shard_bytes_max,"
    " writer_id, audit, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, true, now())"
)
_SHARD = "INSERT INTO shard (volume_id, column_index, drive_id, generation, file_id) VALUES ($1, $2, $3, $4, $5)"
_DAMAGE = "INSERT INTO damage (volume_id, column_index, reason) VALUES ($1, $2, 'not found on any drive')"
# Rows with extents, their identity, and how they are dropped or given others.
_TABLES = {
    "object": ("bucket_id", "key", "slot"),
    "version": ("bucket_id", "key", "seq", "slot"),
    "restored": ("bucket_id", "key", "version_id"),
    "part": ("upload_id", "number"),
}
_RECOUNT = (
    "INSERT INTO usage (bucket_id, prefix, tier, storage_class, noncurrent, accessed, objects, bytes)"
    " SELECT bucket_id, substring(key FROM 1 FOR position('\\x2f'::bytea IN key)), tier, storage_class, old, accessed,"
    " count(*), sum(size)::bigint FROM (SELECT bucket_id, key, tier, storage_class, false AS old, accessed, size"
    " FROM object UNION ALL SELECT bucket_id, key, tier, storage_class, noncurrent_since IS NOT NULL, accessed, size"
    " FROM version WHERE NOT marker) AS every GROUP BY 1, 2, 3, 4, 5, 6"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A record that was found, with the packed extent of its payload. ``part``: 0 for what is no part."""

    bucket_id: int
    key: bytes
    version_id: bytes
    part: int
    fragment: int
    size: int
    last: bool
    tier: str
    extent: bytes
    attrs: bytes


@dataclass(frozen=True, slots=True)
class FoundShard:
    """Where a column of a volume was found."""

    column: int
    drive_id: str
    generation: int
    file_id: bytes | None


@dataclass(frozen=True, slots=True)
class Dangling:
    """A row of a snapshot with an extent in a volume that is not on the drives; ``identity``: of the row.

    ``stored``: bytes of its extents, which are more than its size if they are encrypted.
    """

    table: str
    identity: tuple[Any, ...]
    bucket_id: int
    key: bytes
    version_id: bytes
    part: int
    parts: bytes | None
    stored: int


class Recoveries:
    """One recovery, on a session of its own."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @classmethod
    async def open(cls, database: Database) -> "Recoveries":
        """Begin. Raises DatabaseUnavailable."""
        session = await database.open_session()
        await session.execute(
            "SET enable_seqscan = on; SET enable_bitmapscan = on; SET enable_hashjoin = on; SET enable_mergejoin = on;"
            "SET idle_in_transaction_session_timeout = 0; SET plan_cache_mode = auto"
        )
        await session.execute(_STAGE)
        return cls(session)

    @property
    def session(self) -> Session:
        """For loading snapshots."""
        return self._session

    def close(self) -> None:
        """End; what was gathered is gone."""
        self._session.terminate()

    async def is_empty(self) -> bool:
        """Whether the database has no bucket and no volume."""
        return bool(await self._session.fetchval(_EMPTY))

    async def gather(self, records: Sequence[Found]) -> None:
        """Note records."""
        rows = [tuple(getattr(one, name) for name in _COLUMNS) for one in records]
        await self._session.copy_records_to_table("found", records=rows, columns=_COLUMNS, timeout=SECONDS_MAX)

    async def gathered(self) -> set[int]:
        """All is noted: ids of the buckets that there are records of."""
        await self._session.execute("CREATE INDEX ON found (bucket_id, key, version_id)", timeout=SECONDS_MAX)
        await self._session.execute("ANALYZE found", timeout=SECONDS_MAX)
        return {row[0] for row in await self._session.fetch(_BUCKET_IDS, timeout=SECONDS_MAX)}

    async def records(self, bucket_id: int | None = None) -> AsyncIterator[Found]:
        """All records, or a bucket's, in the order of key, version, part and place."""
        async with self._session.transaction():
            query, arguments = (_ALL, ()) if bucket_id is None else (_OF_BUCKET, (bucket_id,))
            async for row in self._session.cursor(query, *arguments, prefetch=ROWS_A_FETCH):
                yield Found(*row)

    async def records_of(self, bucket_id: int, key: bytes, version_id: bytes) -> list[Found]:
        """Those of a version, in order."""
        return [Found(*row) for row in await self._session.fetch(_OF_VERSION, bucket_id, key, version_id)]

    async def bucket_ids(self) -> set[int]:
        """Buckets that the database has."""
        return {row[0] for row in await self._session.fetch("SELECT id FROM bucket")}

    async def add_volumes(self, volumes: Iterable[tuple[Volume, Sequence[FoundShard]]]) -> None:
        """Put volumes into the database as sealed ones, with the shards that were found; the others are damage."""
        for volume, shards in volumes:
            profile, here = volume.profile, {one.column: one for one in shards}
            async with self._session.transaction():
                await self._session.execute(
                    _VOLUME, volume.id, volume.tier, VolumeState.SEALED.value, profile.k, profile.m,
                    profile.unit_bytes, profile.pack_bytes_max, profile.stripe_bytes_max, profile.shard_bytes_max,
                    volume.writer_id,
                )  # fmt: skip
                for column in range(profile.n):
                    one = here.get(column)
                    row = (f"none:{column}", 0, None) if one is None else (one.drive_id, one.generation, one.file_id)
                    await self._session.execute(_SHARD, volume.id, column, *row)
                    if one is None:
                        await self._session.execute(_DAMAGE, volume.id, column)

    async def dangling(self, known: Collection[bytes]) -> AsyncIterator[list[Dangling]]:
        """Rows with an extent in a volume that is not ``known``, a page at a time."""
        for table, identity in _TABLES.items():
            names = ", ".join(identity)
            query = f"SELECT * FROM (SELECT {names}, {_ABOUT[table]}, extents FROM {table}) AS t ORDER BY {names}"
            page: list[Dangling] = []
            async with self._session.transaction():
                async for row in self._session.cursor(query, prefetch=ROWS_A_FETCH):
                    *values, extents = row
                    if all(extents[at : at + 16] in known for at in range(0, len(extents), EXTENT_BYTES)):
                        continue
                    stored = sum(extent.length for extent in unpack(extents))
                    bucket_id, key, version_id, part, parts = values[len(identity) :]
                    here = tuple(values[: len(identity)])
                    page.append(Dangling(table, here, bucket_id, key, version_id, part, parts, stored))
            for at in range(0, len(page), ROWS_A_FETCH):
                yield page[at : at + ROWS_A_FETCH]

    async def repoint(self, row: Dangling, extents: bytes) -> None:
        """Give a row other extents."""
        where = " AND ".join(f"{name} = ${i}" for i, name in enumerate(_TABLES[row.table], 2))
        await self._session.execute(f"UPDATE {row.table} SET extents = $1 WHERE {where}", extents, *row.identity)

    async def drop(self, row: Dangling) -> None:
        """Remove a row whose bytes are nowhere."""
        where = " AND ".join(f"{name} = ${i}" for i, name in enumerate(_TABLES[row.table], 1))
        await self._session.execute(f"DELETE FROM {row.table} WHERE {where}", *row.identity)

    async def finish(self) -> None:
        """Count what is stored, and drop names of bytes that are not there any more."""
        await self._session.execute("TRUNCATE usage")
        await self._session.execute(_RECOUNT, timeout=SECONDS_MAX)
        await self._session.execute(
            "DELETE FROM link WHERE NOT EXISTS (SELECT FROM volume WHERE volume.id = link.volume_id)",
            timeout=SECONDS_MAX,
        )
        await self._session.execute("ANALYZE", timeout=SECONDS_MAX)


# bucket, key, version, part and parts of a row.
_ABOUT = {
    "object": "bucket_id AS b, key AS k, version_id AS v, 0 AS p, parts",
    "version": "bucket_id AS b, key AS k, version_id AS v, 0 AS p, parts",
    "restored": "bucket_id AS b, key AS k, version_id AS v, 0 AS p, NULL::bytea AS parts",
    "part": (
        "(SELECT bucket_id FROM upload WHERE upload.id = upload_id) AS b,"
        " (SELECT key FROM upload WHERE upload.id = upload_id) AS k, upload_id AS v, number::integer AS p,"
        " NULL::bytea AS parts"
    ),
}

"""The schema, and its only owner: what migrations/ builds and what every statement of meta refers to.

Rules that hold for all tables, so that the database may also be a distributed Postgres: no foreign keys and no
triggers on ``object``, no sequences, no identity columns; ids are random. ``slot`` (see ``slot_of``) is the
distribution column of ``object``. Times that leases are measured by come from the database's clock, never from ours.

    bucket    one row a bucket
    object    the current version of a key, one row a key; embeds its extents
    version   noncurrent versions and all delete markers; a key whose latest version is a marker has no ``object`` row
    upload    a multipart upload; kept a while after Complete or Abort, to answer a repeat
    part      a part of an open upload, with its extents
    volume    one row a volume; ``shard`` says on which drive each of its columns is (``none:3``: column 3 on none yet)
    drive     one row a mounted directory
    writer    a process that appends; its heartbeat is the lease on its open volumes
    garbage   the ledger: bytes of a volume that nothing refers to any more; insert-only, rows are folded into sums
    link      names whose extents in a volume were copied without bytes: the volume's own records do not name them
    damage    columns found missing or corrupt, until they are healed
    usage     the ledger of what is stored: objects and bytes by bucket, prefix, tier, class and day of last access;
              insert-only deltas, rows are folded into sums
    tier      names of the tiers by their stored codes
"""

import zlib
from typing import Any

from sqlalchemy import (
    DDL,
    REAL,
    TIMESTAMP,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import BYTEA, JSONB
from sqlalchemy.types import TypeEngine

from objstore.model.states import UploadState, VolumeState

SLOTS = 4096

metadata = MetaData(
    naming_convention={"pk": "%(table_name)s_pkey", "ix": "%(table_name)s_%(column_0_N_name)s_idx"},
)
TIME = TIMESTAMP(timezone=True)
NAME = Text(collation="C")  # order = memcmp, as S3's listings have it


def slot_of(bucket_id: int, key: bytes) -> int:
    """Distribution column of a key: CRC-32 of the bucket id (8 bytes, little-endian) and the key, modulo ``SLOTS``."""
    return zlib.crc32(key, zlib.crc32(bucket_id.to_bytes(8, "little"))) % SLOTS


def _required(name: str, type_: TypeEngine[Any] | type[TypeEngine[Any]], default: str | None = None) -> Column[Any]:
    return Column(name, type_, nullable=False, server_default=None if default is None else text(default))


bucket = Table(
    "bucket",
    metadata,
    _required("id", BigInteger),
    _required("name", NAME),
    _required("owner", NAME),
    _required("region", Text),
    _required("created", TIME),
    _required("settings", JSONB, "'{}'"),
    PrimaryKeyConstraint("id"),
    Index("bucket_name_idx", "name", unique=True),
    Index("bucket_owner_name_idx", "owner", "name"),
)

# Fixed-width columns stand first: no padding between them. A tenth of each page is left free, so that an overwrite
# finds room for the new row beside the old one and touches no index.
object_ = Table(
    "object",
    metadata,
    _required("bucket_id", BigInteger),
    _required("size", BigInteger),
    _required("seq", BigInteger),
    _required("modified", TIME),
    _required("slot", SmallInteger),
    _required("storage_class", SmallInteger),
    _required("key", BYTEA),
    _required("version_id", BYTEA),
    _required("etag", BYTEA),
    _required("extents", BYTEA),
    Column("parts", BYTEA),
    Column("checksum", BYTEA),
    Column("attrs", JSONB),
    Column("tags", JSONB),
    # ``accessed``: day of the last access, see model/days.py; ``heat``: decayed count of accesses as of that day;
    # ``tier``: code of the tier that the bytes lie on; not ``versioned``: it is the ``null`` version.
    _required("accessed", Integer, "0"),
    _required("heat", REAL, "0"),
    _required("tier", SmallInteger, "0"),
    _required("versioned", Boolean, "false"),
    PrimaryKeyConstraint("bucket_id", "key", "slot"),
    # For rules by age and by access; only those on the hot tier may get too cold for it. Millions may have been used on
    # one day: within it a walk goes by ``modified``, which grows, so that a new row finds its place at the end of both.
    Index("object_bucket_id_modified_idx", "bucket_id", "modified"),
    Index("object_bucket_id_accessed_idx", "bucket_id", "accessed", "modified", postgresql_where=text("tier = 0")),
    postgresql_with={
        "fillfactor": 90,
        "autovacuum_vacuum_scale_factor": 0.05,
        "autovacuum_analyze_scale_factor": 0.05,
    },
)

# ``seq`` orders the versions of a key in both tables. ``noncurrent_since``: NULL only for a marker that is the latest.
version = Table(
    "version",
    metadata,
    _required("bucket_id", BigInteger),
    _required("size", BigInteger),
    _required("seq", BigInteger),
    _required("modified", TIME),
    Column("noncurrent_since", TIME),
    _required("accessed", Integer, "0"),
    _required("heat", REAL, "0"),
    _required("slot", SmallInteger),
    _required("storage_class", SmallInteger),
    _required("tier", SmallInteger, "0"),
    _required("versioned", Boolean, "false"),
    _required("marker", Boolean, "false"),
    _required("key", BYTEA),
    _required("version_id", BYTEA),
    _required("etag", BYTEA),
    _required("extents", BYTEA),
    Column("parts", BYTEA),
    Column("checksum", BYTEA),
    Column("attrs", JSONB),
    Column("tags", JSONB),
    PrimaryKeyConstraint("bucket_id", "key", "seq", "slot"),
    Index(
        "version_bucket_id_noncurrent_since_idx",
        "bucket_id",
        "noncurrent_since",
        postgresql_where=text("noncurrent_since IS NOT NULL"),
    ),
    Index(
        "version_bucket_id_modified_idx",
        "bucket_id",
        "modified",
        postgresql_where=text("marker AND noncurrent_since IS NULL"),
    ),
    # Of noncurrent versions too, those that came back to the hot tier may get too cold for it.
    Index(
        "version_bucket_id_accessed_idx",
        "bucket_id",
        "accessed",
        "modified",
        postgresql_where=text("noncurrent_since IS NOT NULL AND tier = 0 AND NOT marker"),
    ),
    # A key may have thousands of versions: one of them is found without looking at the others. A key has one ``null``.
    Index("version_version_id_idx", "version_id"),
    Index("version_null_idx", "bucket_id", "key", "slot", unique=True, postgresql_where=text("NOT versioned")),
    postgresql_with={"autovacuum_vacuum_scale_factor": 0.05, "autovacuum_analyze_scale_factor": 0.05},
)

upload = Table(
    "upload",
    metadata,
    _required("id", BYTEA),
    _required("bucket_id", BigInteger),
    _required("created", TIME),
    _required("state", SmallInteger),
    _required("storage_class", SmallInteger),
    _required("key", BYTEA),
    Column("attrs", JSONB),
    Column("tags", JSONB),
    Column("checksum_algorithm", Text),
    Column("checksum_type", Text),
    # The answer of Complete.
    Column("finished", TIME),
    Column("modified", TIME),
    Column("size", BigInteger),
    Column("seq", BigInteger),
    Column("etag", BYTEA),
    Column("checksum", BYTEA),
    Column("versioned", Boolean),
    PrimaryKeyConstraint("id"),
    # Also finds the uploads of a name for ``referents``; finished ones stay in, a marker may name one.
    Index("upload_bucket_id_key_created_id_idx", "bucket_id", "key", "created", "id"),
    Index("upload_finished_idx", "finished", postgresql_where=text(f"state <> {UploadState.OPEN.value}")),
)

part = Table(
    "part",
    metadata,
    _required("upload_id", BYTEA),
    _required("size", BigInteger),
    _required("modified", TIME),
    _required("number", SmallInteger),
    _required("etag", BYTEA),
    _required("extents", BYTEA),
    Column("checksum", BYTEA),
    PrimaryKeyConstraint("upload_id", "number"),
)

volume = Table(
    "volume",
    metadata,
    _required("id", BYTEA),
    _required("tier", Text),
    _required("state", SmallInteger),
    _required("k", SmallInteger),
    _required("m", SmallInteger),
    _required("unit_bytes", BigInteger),
    _required("pack_bytes_max", BigInteger),
    _required("stripe_bytes_max", BigInteger),
    _required("shard_bytes_max", BigInteger),
    _required("writer_id", BYTEA),
    _required("data_bytes", BigInteger, "0"),
    _required("audit", Boolean, "false"),
    _required("seal_requested", Boolean, "false"),
    _required("opened", TIME, "now()"),
    Column("sealed", TIME),
    Column("retired", TIME),
    # Of the compactor that has it; ``retry_after``: when it may be looked at again.
    Column("owner", BYTEA),
    Column("lease_until", TIME),
    Column("retry_after", TIME),
    PrimaryKeyConstraint("id"),
    Index("volume_state_idx", "state"),
    Index("volume_writer_id_idx", "writer_id", postgresql_where=text(f"state = {VolumeState.OPEN.value}")),
)

shard = Table(
    "shard",
    metadata,
    _required("volume_id", BYTEA),
    _required("column_index", SmallInteger),
    _required("drive_id", Text),
    # How often the shard was rebuilt, or moved to another drive.
    _required("generation", Integer, "0"),
    # The name of the file since then; NULL: the volume's id.
    Column("file_id", BYTEA),
    PrimaryKeyConstraint("volume_id", "column_index"),
    # Two shards of a volume on one drive would be lost together.
    Index("shard_volume_id_drive_id_idx", "volume_id", "drive_id", unique=True),
    Index("shard_drive_id_idx", "drive_id"),
)

drive = Table(
    "drive",
    metadata,
    _required("id", Text),
    _required("tier", Text),
    _required("node", Text),
    _required("address", Text),
    _required("zone", Text),
    _required("rack", Text),
    _required("state", SmallInteger),
    _required("capacity_bytes", BigInteger),
    _required("free_bytes", BigInteger),
    _required("registered", TIME, "now()"),
    # When whoever serves the drive last said that it is there.
    _required("seen", TIME, "now()"),
    # When the drive took its state, and why; ``held``: an operator said so, and detection leaves it alone.
    _required("since", TIME, "now()"),
    _required("reason", Text, "''"),
    _required("held", Boolean, "false"),
    # How often the drive was given up: whatever was on it then may have been rebuilt elsewhere.
    _required("generation", Integer, "0"),
    # Failures that its users met, as of ``struck``; they fade with time.
    _required("strikes", REAL, "0"),
    _required("struck", TIME, "now()"),
    PrimaryKeyConstraint("id"),
    postgresql_with={"fillfactor": 50},
)

writer = Table(
    "writer",
    metadata,
    _required("id", BYTEA),
    _required("host", Text),
    _required("pid", Integer),
    _required("started", TIME, "now()"),
    _required("heartbeat", TIME, "now()"),
    # Of clients: background work gives way to them.
    _required("operations_per_second", REAL, "0"),
    _required("p99_seconds", REAL, "0"),
    PrimaryKeyConstraint("id"),
    postgresql_with={"fillfactor": 50},
)

garbage = Table(
    "garbage",
    metadata,
    _required("volume_id", BYTEA),
    _required("bytes", BigInteger),
    Index("garbage_volume_id_idx", "volume_id"),
    postgresql_with={"autovacuum_vacuum_scale_factor": 0.0, "autovacuum_vacuum_threshold": 50000},
)

link = Table(
    "link",
    metadata,
    _required("volume_id", BYTEA),
    _required("bucket_id", BigInteger),
    _required("key", BYTEA),
    PrimaryKeyConstraint("volume_id", "bucket_id", "key"),
)

damage = Table(
    "damage",
    metadata,
    _required("volume_id", BYTEA),
    _required("column_index", SmallInteger),
    _required("reason", Text),
    _required("reports", BigInteger, "1"),
    _required("first_seen", TIME, "now()"),
    _required("last_seen", TIME, "now()"),
    PrimaryKeyConstraint("volume_id", "column_index"),
)

# ``prefix``: the first segment of the key with its slash, empty for keys without one. Delete markers are not counted.
usage = Table(
    "usage",
    metadata,
    _required("bucket_id", BigInteger),
    _required("objects", BigInteger),
    _required("bytes", BigInteger),
    _required("accessed", Integer),
    _required("tier", SmallInteger),
    _required("storage_class", SmallInteger),
    _required("noncurrent", Boolean),
    _required("prefix", BYTEA),
    Index("usage_bucket_id_prefix_idx", "bucket_id", "prefix"),
    postgresql_with={"autovacuum_vacuum_scale_factor": 0.0, "autovacuum_vacuum_threshold": 50000},
)

tier = Table(
    "tier",
    metadata,
    _required("code", SmallInteger),
    _required("name", Text),
    _required("settings", JSONB, "'{}'"),
    PrimaryKeyConstraint("code"),
    Index("tier_name_idx", "name", unique=True),
)

# Ids and checksums do not compress: do not let Postgres try.
for _table, _columns in ((object_, ("extents", "parts")), (version, ("extents", "parts")), (part, ("extents",))):
    for _column in _columns:
        _storage = DDL(f"ALTER TABLE {_table.name} ALTER COLUMN {_column} SET STORAGE EXTERNAL")  # type: ignore[no-untyped-call]
        event.listen(_table, "after_create", _storage)

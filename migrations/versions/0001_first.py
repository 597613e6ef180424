"""The first schema.

Runs before the code: an empty database gets every table.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "bucket",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("owner", sa.Text(collation="C"), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("created", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("settings", pg.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="bucket_pkey"),
    )
    op.create_index("bucket_name_idx", "bucket", ["name"], unique=True)
    op.create_index("bucket_owner_name_idx", "bucket", ["owner", "name"])
    op.create_table(
        "damage",
        sa.Column("volume_id", pg.BYTEA(), nullable=False),
        sa.Column("column_index", sa.SmallInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reports", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("first_seen", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("volume_id", "column_index", name="damage_pkey"),
    )
    op.create_table(
        "drive",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("rack", sa.Text(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("capacity_bytes", sa.BigInteger(), nullable=False),
        sa.Column("free_bytes", sa.BigInteger(), nullable=False),
        sa.Column("registered", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("seen", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="drive_pkey"),
    )
    op.create_table(
        "garbage",
        sa.Column("volume_id", pg.BYTEA(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        postgresql_with={"autovacuum_vacuum_scale_factor": 0.0, "autovacuum_vacuum_threshold": 50000},
    )
    op.create_index("garbage_volume_id_idx", "garbage", ["volume_id"])
    op.create_table(
        "link",
        sa.Column("volume_id", pg.BYTEA(), nullable=False),
        sa.Column("bucket_id", sa.BigInteger(), nullable=False),
        sa.Column("key", pg.BYTEA(), nullable=False),
        sa.PrimaryKeyConstraint("volume_id", "bucket_id", "key", name="link_pkey"),
    )
    op.create_table(
        "object",
        sa.Column("bucket_id", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("modified", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        sa.Column("storage_class", sa.SmallInteger(), nullable=False),
        sa.Column("key", pg.BYTEA(), nullable=False),
        sa.Column("version_id", pg.BYTEA(), nullable=False),
        sa.Column("etag", pg.BYTEA(), nullable=False),
        sa.Column("extents", pg.BYTEA(), nullable=False),
        sa.Column("parts", pg.BYTEA(), nullable=True),
        sa.Column("checksum", pg.BYTEA(), nullable=True),
        sa.Column("attrs", pg.JSONB(), nullable=True),
        sa.Column("tags", pg.JSONB(), nullable=True),
        sa.PrimaryKeyConstraint("bucket_id", "key", "slot", name="object_pkey"),
        postgresql_with={
            "fillfactor": 90,
            "autovacuum_vacuum_scale_factor": 0.05,
            "autovacuum_analyze_scale_factor": 0.05,
        },
    )
    op.create_table(
        "part",
        sa.Column("upload_id", pg.BYTEA(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("modified", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("etag", pg.BYTEA(), nullable=False),
        sa.Column("extents", pg.BYTEA(), nullable=False),
        sa.Column("checksum", pg.BYTEA(), nullable=True),
        sa.PrimaryKeyConstraint("upload_id", "number", name="part_pkey"),
    )
    op.create_table(
        "shard",
        sa.Column("volume_id", pg.BYTEA(), nullable=False),
        sa.Column("column_index", sa.SmallInteger(), nullable=False),
        sa.Column("drive_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("volume_id", "column_index", name="shard_pkey"),
    )
    op.create_index("shard_drive_id_idx", "shard", ["drive_id"])
    op.create_index("shard_volume_id_drive_id_idx", "shard", ["volume_id", "drive_id"], unique=True)
    op.create_table(
        "upload",
        sa.Column("id", pg.BYTEA(), nullable=False),
        sa.Column("bucket_id", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("storage_class", sa.SmallInteger(), nullable=False),
        sa.Column("key", pg.BYTEA(), nullable=False),
        sa.Column("attrs", pg.JSONB(), nullable=True),
        sa.Column("tags", pg.JSONB(), nullable=True),
        sa.Column("checksum_algorithm", sa.Text(), nullable=True),
        sa.Column("checksum_type", sa.Text(), nullable=True),
        sa.Column("finished", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("modified", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("etag", pg.BYTEA(), nullable=True),
        sa.Column("checksum", pg.BYTEA(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="upload_pkey"),
    )
    op.create_index("upload_bucket_id_key_created_id_idx", "upload", ["bucket_id", "key", "created", "id"])
    op.create_index("upload_finished_idx", "upload", ["finished"], postgresql_where=sa.text("state <> 0"))
    op.create_table(
        "volume",
        sa.Column("id", pg.BYTEA(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("k", sa.SmallInteger(), nullable=False),
        sa.Column("m", sa.SmallInteger(), nullable=False),
        sa.Column("unit_bytes", sa.BigInteger(), nullable=False),
        sa.Column("pack_bytes_max", sa.BigInteger(), nullable=False),
        sa.Column("stripe_bytes_max", sa.BigInteger(), nullable=False),
        sa.Column("shard_bytes_max", sa.BigInteger(), nullable=False),
        sa.Column("writer_id", pg.BYTEA(), nullable=False),
        sa.Column("data_bytes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("audit", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("seal_requested", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("opened", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sealed", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("retired", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("owner", pg.BYTEA(), nullable=True),
        sa.Column("lease_until", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("retry_after", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="volume_pkey"),
    )
    op.create_index("volume_state_idx", "volume", ["state"])
    op.create_index("volume_writer_id_idx", "volume", ["writer_id"], postgresql_where=sa.text("state = 0"))
    op.create_table(
        "writer",
        sa.Column("id", pg.BYTEA(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("heartbeat", sa.TIMESTAMP(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="writer_pkey"),
        postgresql_with={"fillfactor": 50},
    )
    for table, column in (("object", "extents"), ("object", "parts"), ("part", "extents")):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")

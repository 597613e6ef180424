"""Versions: the table ``version``, where and how hot the bytes of an object are, the ledger of usage, the tiers.

Runs before the code: a default stands for every new column, so the code before it goes on. What is there gets the tier
of its class and the day of its last change as that of its last access, and is counted.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# As model/storage_class.py and model/tiers.py have them: STANDARD, REDUCED_REDUNDANCY, INTELLIGENT_TIERING and
# EXPRESS_ONEZONE lie on tier 0, the others on 1.
HOT_CLASSES = "(0, 1, 4, 10)"
DAY_SECONDS = 86400

USAGE_OF_OBJECTS = """
    INSERT INTO usage (bucket_id, objects, bytes, accessed, tier, storage_class, noncurrent, prefix)
    SELECT bucket_id, count(*), sum(size), accessed, tier, storage_class, false,
           substring(key from 1 for position('\\x2f'::bytea in key))
    FROM object GROUP BY 1, 4, 5, 6, 8
"""


def upgrade() -> None:
    """Add the columns and tables, and fill them from what is there."""
    for column in (
        sa.Column("accessed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("heat", sa.REAL(), server_default=sa.text("0"), nullable=False),
        sa.Column("tier", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("versioned", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    ):
        op.add_column("object", column)
    op.execute(
        f"UPDATE object SET tier = CASE WHEN storage_class IN {HOT_CLASSES} THEN 0 ELSE 1 END, "
        f"accessed = floor(extract(epoch from modified) / {DAY_SECONDS})::integer"
    )
    op.create_index("object_bucket_id_modified_idx", "object", ["bucket_id", "modified"])
    op.create_index(
        "object_bucket_id_accessed_idx", "object", ["bucket_id", "accessed"], postgresql_where=sa.text("tier = 0")
    )
    _create_version()
    op.add_column("upload", sa.Column("versioned", sa.Boolean(), nullable=True))
    op.create_table(
        "usage",
        sa.Column("bucket_id", sa.BigInteger(), nullable=False),
        sa.Column("objects", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("accessed", sa.Integer(), nullable=False),
        sa.Column("tier", sa.SmallInteger(), nullable=False),
        sa.Column("storage_class", sa.SmallInteger(), nullable=False),
        sa.Column("noncurrent", sa.Boolean(), nullable=False),
        sa.Column("prefix", pg.BYTEA(), nullable=False),
        postgresql_with={"autovacuum_vacuum_scale_factor": 0.0, "autovacuum_vacuum_threshold": 50000},
    )
    op.create_index("usage_bucket_id_prefix_idx", "usage", ["bucket_id", "prefix"])
    op.execute(USAGE_OF_OBJECTS)
    tier = op.create_table(
        "tier",
        sa.Column("code", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("settings", pg.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("code", name="tier_pkey"),
    )
    op.create_index("tier_name_idx", "tier", ["name"], unique=True)
    op.bulk_insert(tier, [{"code": 0, "name": "hot", "settings": {}}, {"code": 1, "name": "capacity", "settings": {}}])


def _create_version() -> None:
    op.create_table(
        "version",
        sa.Column("bucket_id", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("modified", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("noncurrent_since", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("accessed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("heat", sa.REAL(), server_default=sa.text("0"), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        sa.Column("storage_class", sa.SmallInteger(), nullable=False),
        sa.Column("tier", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("versioned", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("marker", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("key", pg.BYTEA(), nullable=False),
        sa.Column("version_id", pg.BYTEA(), nullable=False),
        sa.Column("etag", pg.BYTEA(), nullable=False),
        sa.Column("extents", pg.BYTEA(), nullable=False),
        sa.Column("parts", pg.BYTEA(), nullable=True),
        sa.Column("checksum", pg.BYTEA(), nullable=True),
        sa.Column("attrs", pg.JSONB(), nullable=True),
        sa.Column("tags", pg.JSONB(), nullable=True),
        sa.PrimaryKeyConstraint("bucket_id", "key", "seq", "slot", name="version_pkey"),
        postgresql_with={"autovacuum_vacuum_scale_factor": 0.05, "autovacuum_analyze_scale_factor": 0.05},
    )
    op.create_index(
        "version_bucket_id_noncurrent_since_idx",
        "version",
        ["bucket_id", "noncurrent_since"],
        postgresql_where=sa.text("noncurrent_since IS NOT NULL"),
    )
    op.create_index(
        "version_bucket_id_modified_idx",
        "version",
        ["bucket_id", "modified"],
        postgresql_where=sa.text("marker AND noncurrent_since IS NULL"),
    )
    op.create_index("version_version_id_idx", "version", ["version_id"])
    op.create_index(
        "version_null_idx",
        "version",
        ["bucket_id", "key", "slot"],
        unique=True,
        postgresql_where=sa.text("NOT versioned"),
    )
    for column in ("extents", "parts"):
        op.execute(f"ALTER TABLE version ALTER COLUMN {column} SET STORAGE EXTERNAL")

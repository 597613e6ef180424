"""Tables of the lifecycle engine: walks, tasks, figures of rules, restored copies, pins, warm-ups, own storage classes.

Runs before the code: the code before it knows nothing of these tables.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NAME = sa.Text(collation="C")
TIME = sa.TIMESTAMP(timezone=True)


def _required(name: str, type_: object, default: str | None = None) -> "sa.Column[object]":
    return sa.Column(name, type_, nullable=False, server_default=None if default is None else sa.text(default))


def upgrade() -> None:
    """Create the tables, and the indexes that the engine needs on those that are there."""
    op.create_table(
        "walk",
        _required("bucket_id", sa.BigInteger()),
        _required("rule", NAME),
        _required("action", NAME),
        _required("digest", pg.BYTEA()),
        sa.Column("time", TIME),
        _required("number", sa.BigInteger(), "0"),
        _required("key", pg.BYTEA(), "''"),
        _required("seq", sa.BigInteger(), "0"),
        _required("next_run", TIME, "now()"),
        _required("found", sa.BigInteger(), "0"),
        sa.PrimaryKeyConstraint("bucket_id", "rule", "action", name="walk_pkey"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("walk_next_run_idx", "walk", ["next_run"])
    op.create_table(
        "task",
        _required("bucket_id", sa.BigInteger()),
        _required("due", TIME),
        _required("queued", TIME, "now()"),
        _required("ready", TIME, "now()"),
        _required("attempts", sa.Integer(), "0"),
        _required("kind", sa.SmallInteger()),
        _required("again", sa.Boolean(), "false"),
        _required("key", pg.BYTEA()),
        _required("version_id", pg.BYTEA()),
        sa.Column("owner", pg.BYTEA()),
        _required("rule", NAME),
        _required("action", NAME),
        sa.Column("last_error", sa.Text()),
        sa.PrimaryKeyConstraint("bucket_id", "key", "version_id", "kind", name="task_pkey"),
        postgresql_with={
            "fillfactor": 80,
            "autovacuum_vacuum_scale_factor": 0.0,
            "autovacuum_vacuum_threshold": 20000,
        },
    )
    op.create_index("task_ready_idx", "task", ["ready"])
    op.create_table(
        "rule_stats",
        _required("bucket_id", sa.BigInteger()),
        _required("objects", sa.BigInteger(), "0"),
        _required("bytes", sa.BigInteger(), "0"),
        _required("errors", sa.BigInteger(), "0"),
        _required("lag_milliseconds", sa.BigInteger(), "0"),
        sa.Column("last_done", TIME),
        sa.Column("last_failed", TIME),
        _required("rule", NAME),
        _required("action", NAME),
        sa.Column("last_error", sa.Text()),
        sa.PrimaryKeyConstraint("bucket_id", "rule", "action", name="rule_stats_pkey"),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "restored",
        _required("bucket_id", sa.BigInteger()),
        _required("until", TIME),
        _required("requested", TIME, "now()"),
        _required("state", sa.SmallInteger()),
        _required("days", sa.Integer()),
        _required("key", pg.BYTEA()),
        _required("version_id", pg.BYTEA()),
        _required("extents", pg.BYTEA(), "''"),
        sa.PrimaryKeyConstraint("bucket_id", "key", "version_id", name="restored_pkey"),
    )
    op.create_index("restored_until_idx", "restored", ["until"])
    op.execute("ALTER TABLE restored ALTER COLUMN extents SET STORAGE EXTERNAL")
    op.create_table(
        "pin",
        _required("bucket_id", sa.BigInteger()),
        _required("prefix", pg.BYTEA()),
        _required("until", TIME),
        _required("budget_bytes", sa.BigInteger()),
        _required("created", TIME, "now()"),
        sa.PrimaryKeyConstraint("bucket_id", "prefix", name="pin_pkey"),
    )
    op.create_index("pin_until_idx", "pin", ["until"])
    op.create_table(
        "warm",
        _required("id", pg.BYTEA()),
        _required("bucket_id", sa.BigInteger()),
        _required("prefix", pg.BYTEA()),
        _required("created", TIME, "now()"),
        _required("state", sa.SmallInteger()),
        _required("cursor", pg.BYTEA(), "''"),
        _required("objects", sa.BigInteger(), "0"),
        _required("bytes", sa.BigInteger(), "0"),
        _required("found_objects", sa.BigInteger(), "0"),
        _required("found_bytes", sa.BigInteger(), "0"),
        _required("walked", sa.Boolean(), "false"),
        _required("days", sa.Integer()),
        sa.Column("budget_bytes", sa.BigInteger()),
        _required("next_run", TIME, "now()"),
        sa.Column("finished", TIME),
        sa.Column("since", TIME),
        sa.Column("last_error", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="warm_pkey"),
    )
    op.create_index("warm_next_run_idx", "warm", ["next_run"], postgresql_where=sa.text("finished IS NULL"))
    op.create_table(
        "storage_class",
        _required("code", sa.SmallInteger()),
        _required("name", sa.Text()),
        sa.PrimaryKeyConstraint("code", name="storage_class_pkey"),
    )
    op.create_index("storage_class_name_idx", "storage_class", ["name"], unique=True)
    op.add_column("writer", _required("operations_per_second", sa.REAL(), "0"))
    op.drop_index("object_bucket_id_accessed_idx", "object")
    op.create_index(
        "object_bucket_id_accessed_idx",
        "object",
        ["bucket_id", "accessed", "modified"],
        postgresql_where=sa.text("tier = 0"),
    )
    has_rules = "(settings ? 'lifecycle' OR settings ? 'intelligent_tiering')"
    op.create_index("bucket_lifecycle_idx", "bucket", ["id"], postgresql_where=sa.text(has_rules))
    op.create_index(
        "object_bucket_id_by_access_idx",
        "object",
        ["bucket_id", "accessed", "modified"],
        postgresql_where=sa.text("storage_class IN (4, 13) AND tier <> 0"),
    )
    op.create_index(
        "upload_bucket_id_open_created_idx",
        "upload",
        ["bucket_id", "created", "id"],
        postgresql_where=sa.text("state = 0"),
    )

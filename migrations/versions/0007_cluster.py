"""Many machines: the cluster, its nodes, what is known of a drive, and what heals.

Runs before the code: the code before it knows nothing of these tables and columns.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TIME = sa.TIMESTAMP(timezone=True)


def _required(name: str, type_: object, default: str | None = None) -> "sa.Column[object]":
    return sa.Column(name, type_, nullable=False, server_default=None if default is None else sa.text(default))


def upgrade() -> None:
    """Create the tables, and the columns of those that are there."""
    op.create_table(
        "cluster",
        _required("one", sa.Boolean(), "true"),
        _required("id", sa.Text()),
        _required("created", TIME, "now()"),
        sa.PrimaryKeyConstraint("one", name="cluster_pkey"),
    )
    op.create_table(
        "node",
        _required("name", sa.Text()),
        _required("address", sa.Text()),
        _required("zone", sa.Text()),
        _required("rack", sa.Text()),
        _required("version", sa.Text()),
        _required("state", sa.SmallInteger(), "0"),
        _required("started", TIME, "now()"),
        _required("heartbeat", TIME, "now()"),
        sa.PrimaryKeyConstraint("name", name="node_pkey"),
        postgresql_with={"fillfactor": 50},
    )
    op.add_column("shard", _required("generation", sa.Integer(), "0"))
    op.add_column("shard", sa.Column("file_id", pg.BYTEA()))
    for name, type_, default in (
        ("since", TIME, "now()"),
        ("reason", sa.Text(), "''"),
        ("held", sa.Boolean(), "false"),
        ("generation", sa.Integer(), "0"),
        ("strikes", sa.REAL(), "0"),
        ("struck", TIME, "now()"),
    ):
        op.add_column("drive", _required(name, type_, default))
    op.execute("ALTER TABLE drive SET (fillfactor = 50)")
    _repair()


def _repair() -> None:
    """Tables of what heals, see meta/repair_tables.py."""
    op.create_table(
        "repair",
        _required("volume_id", pg.BYTEA()),
        _required("ready", TIME, "now()"),
        _required("queued", TIME, "now()"),
        _required("attempts", sa.Integer(), "0"),
        _required("spare", sa.SmallInteger()),
        _required("kind", sa.SmallInteger()),
        sa.Column("column_index", sa.SmallInteger()),
        sa.Column("target", sa.Text()),
        sa.Column("owner", pg.BYTEA()),
        sa.Column("last_error", sa.Text()),
        sa.PrimaryKeyConstraint("volume_id", name="repair_pkey"),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("repair_kind_spare_idx", "repair", ["kind", "spare"])
    op.create_table(
        "inspection",
        _required("drive_id", sa.Text()),
        _required("kind", sa.SmallInteger()),
        _required("cursor", pg.BYTEA(), "''"),
        _required("next_run", TIME, "now()"),
        _required("started", TIME, "now()"),
        _required("shards", sa.BigInteger(), "0"),
        _required("bytes", sa.BigInteger(), "0"),
        _required("problems", sa.BigInteger(), "0"),
        _required("seconds", sa.REAL(), "0"),
        sa.Column("last_finished", TIME),
        _required("last_shards", sa.BigInteger(), "0"),
        _required("last_bytes", sa.BigInteger(), "0"),
        _required("last_problems", sa.BigInteger(), "0"),
        sa.Column("owner", pg.BYTEA()),
        sa.Column("lease_until", TIME),
        sa.Column("last_error", sa.Text()),
        sa.PrimaryKeyConstraint("drive_id", "kind", name="inspection_pkey"),
        postgresql_with={"fillfactor": 50},
    )
    op.create_index("inspection_next_run_idx", "inspection", ["next_run"])
    op.create_table(
        "stray",
        _required("drive_id", sa.Text()),
        _required("file_id", pg.BYTEA()),
        _required("volume_id", pg.BYTEA()),
        _required("seen", TIME, "now()"),
        _required("bytes", sa.BigInteger(), "0"),
        _required("reason", sa.SmallInteger()),
        sa.PrimaryKeyConstraint("drive_id", "file_id", name="stray_pkey"),
    )
    op.create_index("stray_seen_idx", "stray", ["seen"])
    op.create_table(
        "rebalance",
        _required("tier", sa.Text()),
        _required("state", sa.SmallInteger(), "0"),
        _required("started", TIME, "now()"),
        sa.Column("finished", TIME),
        _required("planned", sa.BigInteger(), "0"),
        _required("planned_bytes", sa.BigInteger(), "0"),
        _required("moved", sa.BigInteger(), "0"),
        _required("moved_bytes", sa.BigInteger(), "0"),
        sa.Column("last_error", sa.Text()),
        sa.PrimaryKeyConstraint("tier", name="rebalance_pkey"),
    )
    op.create_table(
        "repair_stats",
        _required("kind", sa.SmallInteger()),
        _required("volumes", sa.BigInteger(), "0"),
        _required("shards", sa.BigInteger(), "0"),
        _required("bytes", sa.BigInteger(), "0"),
        _required("milliseconds", sa.BigInteger(), "0"),
        _required("failures", sa.BigInteger(), "0"),
        _required("lost_stripes", sa.BigInteger(), "0"),
        sa.Column("last_done", TIME),
        sa.Column("last_failed", TIME),
        sa.Column("last_error", sa.Text()),
        sa.PrimaryKeyConstraint("kind", name="repair_stats_pkey"),
        postgresql_with={"fillfactor": 50},
    )

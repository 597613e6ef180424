"""What is kept of the past: counters and levels in steps, and who sums them up.

Runs before the code: the code before it knows nothing of these tables.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TIME = sa.TIMESTAMP(timezone=True)
NAME = sa.Text(collation="C")


def _required(name: str, type_: object, default: str | None = None) -> "sa.Column[object]":
    return sa.Column(name, type_, nullable=False, server_default=None if default is None else sa.text(default))


def upgrade() -> None:
    """Create the tables, see meta/history_tables.py."""
    op.create_table(
        "history",
        _required("start", sa.BigInteger()),
        _required("value", sa.Double()),
        _required("step", sa.Integer()),
        _required("series", sa.SmallInteger()),
        _required("label", NAME),
        _required("node", NAME),
        sa.PrimaryKeyConstraint("series", "step", "start", "label", "node", name="history_pkey"),
        postgresql_with={"autovacuum_vacuum_scale_factor": 0.05, "autovacuum_analyze_scale_factor": 0.05},
    )
    op.create_table(
        "history_keeper",
        _required("one", sa.Boolean(), "true"),
        sa.Column("owner", pg.BYTEA()),
        _required("lease_until", TIME, "now()"),
        _required("minutes_until", sa.BigInteger(), "0"),
        _required("hours_until", sa.BigInteger(), "0"),
        _required("places", pg.JSONB(), "'{}'"),
        sa.Column("places_at", TIME),
        sa.PrimaryKeyConstraint("one", name="history_keeper_pkey"),
        postgresql_with={"fillfactor": 50},
    )

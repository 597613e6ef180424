"""Keys of the built-in key management, and the outbox of events.

Runs before the code: the code before it knows nothing of these tables.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NAME = sa.Text(collation="C")
TIME = sa.TIMESTAMP(timezone=True)


def _required(name: str, type_: object, default: str | None = None) -> "sa.Column[object]":
    return sa.Column(name, type_, nullable=False, server_default=None if default is None else sa.text(default))


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "kms_key",
        _required("id", NAME),
        _required("number", sa.Integer()),
        _required("created", TIME, "now()"),
        _required("enabled", sa.Boolean(), "true"),
        _required("sealed", pg.BYTEA()),
        sa.PrimaryKeyConstraint("id", "number", name="kms_key_pkey"),
    )
    op.create_table(
        "kms_alias",
        _required("alias", NAME),
        _required("key_id", NAME),
        sa.PrimaryKeyConstraint("alias", name="kms_alias_pkey"),
    )
    op.create_table(
        "event",
        _required("id", pg.BYTEA()),
        _required("bucket_id", sa.BigInteger()),
        _required("created", TIME, "clock_timestamp()"),
        _required("ready", TIME, "now()"),
        _required("place", sa.Integer()),
        _required("attempts", sa.Integer(), "0"),
        _required("target", NAME),
        _required("key", pg.BYTEA()),
        _required("payload", sa.Text()),
        sa.Column("owner", pg.BYTEA()),
        sa.Column("last_error", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="event_pkey"),
        postgresql_with={
            "fillfactor": 80,
            "autovacuum_vacuum_scale_factor": 0.0,
            "autovacuum_vacuum_threshold": 20000,
        },
    )
    op.create_index("event_ready_idx", "event", ["ready"])
    op.create_index(
        "event_target_bucket_id_key_created_place_idx", "event", ["target", "bucket_id", "key", "created", "place"]
    )

"""Tables of identities: accounts, users, groups, roles, policies, access keys.

Runs before the code: the code before it knows nothing of these tables. Buckets that are there keep their owner, which
is the canonical id of the server's own account.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None

NAME = sa.Text(collation="C")
TIME = sa.TIMESTAMP(timezone=True)


def _required(name: str, type_: object, default: str | None = None) -> "sa.Column[object]":
    return sa.Column(name, type_, nullable=False, server_default=None if default is None else sa.text(default))


def upgrade() -> None:
    """Create the tables, and the one row that counts changes."""
    op.create_table(
        "identity",
        _required("changed", sa.BigInteger()),
        _required("created", TIME),
        _required("kind", sa.SmallInteger()),
        _required("gone", sa.Boolean(), "false"),
        _required("id", NAME),
        _required("account", NAME),
        _required("name", NAME),
        _required("body", pg.JSONB(), "'{}'"),
        sa.Column("secret", pg.BYTEA()),
        sa.PrimaryKeyConstraint("id", name="identity_pkey"),
    )
    op.create_index("identity_changed_idx", "identity", ["changed"])
    epoch = op.create_table(
        "identity_epoch",
        _required("id", sa.SmallInteger()),
        _required("epoch", sa.BigInteger(), "0"),
        sa.PrimaryKeyConstraint("id", name="identity_epoch_pkey"),
    )
    op.bulk_insert(epoch, [{"id": 1, "epoch": 0}])

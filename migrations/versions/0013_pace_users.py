"""Which processes use a pace, so that they share it.

Runs before the code: the code before it knows nothing of this table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

NAME = sa.Text(collation="C")


def upgrade() -> None:
    """Create the table, see meta/pace_tables.py."""
    op.create_table(
        "pace_user",
        sa.Column("name", NAME, nullable=False),
        sa.Column("process", sa.LargeBinary(), nullable=False),
        sa.Column("seen", sa.TIMESTAMP(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.PrimaryKeyConstraint("name", "process", name="pace_user_pkey"),
        postgresql_with={"fillfactor": 50},
    )

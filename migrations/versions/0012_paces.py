"""How fast background work may go, as operators have set it while it runs.

Runs before the code: the code before it knows nothing of this table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NAME = sa.Text(collation="C")


def upgrade() -> None:
    """Create the table, see meta/pace_tables.py."""
    op.create_table(
        "pace",
        sa.Column("name", NAME, nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("changed", sa.TIMESTAMP(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.Column("by", NAME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pace_pkey"),
    )

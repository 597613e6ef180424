"""Quotas of buckets and owners.

Runs before the code: the code before it knows nothing of this table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NAME = sa.Text(collation="C")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "quota",
        sa.Column("bucket_id", sa.BigInteger(), nullable=False),
        sa.Column("owner", NAME, nullable=False),
        sa.Column("bytes_max", sa.BigInteger()),
        sa.Column("objects_max", sa.BigInteger()),
        sa.PrimaryKeyConstraint("bucket_id", "owner", name="quota_pkey"),
    )

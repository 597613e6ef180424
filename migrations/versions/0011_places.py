"""The largest prefixes of buckets, summed up ahead; history by days.

Runs before the code: the code before it knows neither this table nor the column.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and the column, see meta/history_tables.py."""
    op.create_table(
        "bucket_places",
        sa.Column("bucket_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("sums", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("bucket_id", name="bucket_places_pkey"),
    )
    op.add_column(
        "history_keeper", sa.Column("days_until", sa.BigInteger(), nullable=False, server_default=sa.text("0"))
    )

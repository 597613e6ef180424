"""What came back to the hot tier: noncurrent versions by the day of their last access. How long clients wait.

Runs before the code: the code before it knows neither these indexes nor the column.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the indexes and the column."""
    op.add_column("writer", sa.Column("p99_seconds", sa.REAL(), nullable=False, server_default=sa.text("0")))
    columns = ["bucket_id", "accessed", "modified"]
    op.create_index(
        "version_bucket_id_accessed_idx",
        "version",
        columns,
        postgresql_where=sa.text("noncurrent_since IS NOT NULL AND tier = 0 AND NOT marker"),
    )
    op.create_index(
        "version_bucket_id_by_access_idx",
        "version",
        columns,
        postgresql_where=sa.text("noncurrent_since IS NOT NULL AND storage_class IN (4, 13) AND tier <> 0"),
    )

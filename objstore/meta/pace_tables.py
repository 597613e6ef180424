"""Paces, on the same MetaData as tables.py and by the same rules.

pace  one row for each that an operator has set, in place of what the configuration says; ``by``: who it was
"""

from sqlalchemy import Double, PrimaryKeyConstraint, Table

from objstore.meta.tables import NAME, TIME, metadata
from objstore.meta.tables import _required as required

pace = Table(
    "pace",
    metadata,
    required("name", NAME),
    required("value", Double),
    required("changed", TIME, "now()"),
    required("by", NAME),
    PrimaryKeyConstraint("name"),
)

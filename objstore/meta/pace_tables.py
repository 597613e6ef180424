"""Paces, on the same MetaData as tables.py and by the same rules.

pace       one row for each that an operator has set, in place of what the configuration says; ``by``: who it was
pace_user  a process that has used one lately, where there is a bound: those that do share it
"""

from sqlalchemy import Double, PrimaryKeyConstraint, Table
from sqlalchemy.dialects.postgresql import BYTEA

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

pace_user = Table(
    "pace_user",
    metadata,
    required("name", NAME),
    required("process", BYTEA),
    required("seen", TIME, "now()"),
    PrimaryKeyConstraint("name", "process"),
    postgresql_with={"fillfactor": 50},
)

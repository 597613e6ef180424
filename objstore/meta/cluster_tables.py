"""The schema of many machines, on the same MetaData as tables.py and by the same rules. Drives are in tables.py.

cluster   one row: what all drives of the cluster have in their identity files
node      a process that serves drives to others, by its name; its heartbeat says that it is there
"""

from sqlalchemy import Boolean, PrimaryKeyConstraint, SmallInteger, Table, Text

from objstore.meta.tables import TIME, metadata
from objstore.meta.tables import _required as required

# ``one``: true, so that there is no second row.
cluster = Table(
    "cluster",
    metadata,
    required("one", Boolean, "true"),
    required("id", Text),
    required("created", TIME, "now()"),
    PrimaryKeyConstraint("one"),
)

# ``address``: URL that the others reach it at. ``state``: see model/states.py, NodeState.
node = Table(
    "node",
    metadata,
    required("name", Text),
    required("address", Text),
    required("zone", Text),
    required("rack", Text),
    required("version", Text),
    required("state", SmallInteger, "0"),
    required("started", TIME, "now()"),
    required("heartbeat", TIME, "now()"),
    PrimaryKeyConstraint("name"),
    postgresql_with={"fillfactor": 50},
)

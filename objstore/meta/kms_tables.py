"""Keys of the built-in key management, on the same MetaData as tables.py and by the same rules.

kms_key    one row a version of a named key; ``sealed``: its material, sealed with a master key. The greatest number
           seals, all of them open. ``enabled`` is the same in all rows of a key.
kms_alias  another name of a key
"""

from sqlalchemy import Boolean, Integer, PrimaryKeyConstraint, Table
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta.tables import NAME, TIME, metadata
from objstore.meta.tables import _required as required

kms_key = Table(
    "kms_key",
    metadata,
    required("id", NAME),
    required("number", Integer),
    required("created", TIME, "now()"),
    required("enabled", Boolean, "true"),
    required("sealed", BYTEA),
    PrimaryKeyConstraint("id", "number"),
)

kms_alias = Table(
    "kms_alias",
    metadata,
    required("alias", NAME),
    required("key_id", NAME),
    PrimaryKeyConstraint("alias"),
)

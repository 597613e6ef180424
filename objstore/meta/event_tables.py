"""The outbox of events, on the same MetaData as tables.py and by the same rules.

event  one row an event and target, written in the transaction of what it tells of, deleted when it is delivered.
       ``created``, ``place``: its order among those of a key. ``ready``: when it is to be tried (again); ``owner``:
       a token of the one that tries it.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, Table, Text
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta.tables import NAME, TIME, metadata
from objstore.meta.tables import _required as required

event = Table(
    "event",
    metadata,
    required("id", BYTEA),
    required("bucket_id", BigInteger),
    required("created", TIME, "clock_timestamp()"),
    required("ready", TIME, "now()"),
    required("place", Integer),
    required("attempts", Integer, "0"),
    required("target", NAME),
    required("key", BYTEA),
    required("payload", Text),
    Column("owner", BYTEA),
    Column("last_error", Text),
    PrimaryKeyConstraint("id"),
    Index("event_ready_idx", "ready"),
    Index("event_target_bucket_id_key_created_place_idx", "target", "bucket_id", "key", "created", "place"),
    postgresql_with={
        "fillfactor": 80,
        "autovacuum_vacuum_scale_factor": 0.0,
        "autovacuum_vacuum_threshold": 20000,
    },
)

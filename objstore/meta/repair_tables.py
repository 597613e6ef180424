"""The schema of what keeps redundancy whole, on the same MetaData as tables.py and by the same rules.

    repair      a volume of which columns have to be put on other drives (or anew), and who has taken it
    inspection  how far a walk over a drive's shards has come: one row a drive and kind (scrub, fsck)
    stray       files on drives that no shard row names: replaced by another, or found and not known
    rebalance   the last rebalancing of a tier

A repair is taken by setting ``ready`` to when the lease ends and ``owner`` to a token of that one taking. Whoever has
done it deletes it, if it still has that token, in the transaction that points the shard rows to the new files.
``spare``: how many more columns may be lost before bytes are; the fewest come first. ``column_index``, ``target``: of
a move that rebalancing wants; all else looks at the volume's shards anew when it is taken.

``inspection``: ``cursor`` is the file after which it goes on, empty at the start of a pass; ``shards``, ``bytes``,
``problems`` are those of the pass under way, ``last_…`` those of the last one that came to its end.

``stray``: ``reason`` see meta/strays.py; a file that was replaced by our own hand is deleted after a grace, one that
was only found is put into quarantine and never deleted here.
"""

from sqlalchemy import (
    REAL,
    BigInteger,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta.tables import TIME, metadata
from objstore.meta.tables import _required as required

repair = Table(
    "repair",
    metadata,
    required("volume_id", BYTEA),
    required("ready", TIME, "now()"),
    required("queued", TIME, "now()"),
    required("attempts", Integer, "0"),
    required("spare", SmallInteger),
    required("kind", SmallInteger),
    Column("column_index", SmallInteger),
    Column("target", Text),
    Column("owner", BYTEA),
    Column("last_error", Text),
    PrimaryKeyConstraint("volume_id"),
    Index("repair_kind_spare_idx", "kind", "spare"),
    postgresql_with={"fillfactor": 70},
)

inspection = Table(
    "inspection",
    metadata,
    required("drive_id", Text),
    required("kind", SmallInteger),
    required("cursor", BYTEA, "''"),
    required("next_run", TIME, "now()"),
    required("started", TIME, "now()"),
    required("shards", BigInteger, "0"),
    required("bytes", BigInteger, "0"),
    required("problems", BigInteger, "0"),
    required("seconds", REAL, "0"),
    Column("last_finished", TIME),
    required("last_shards", BigInteger, "0"),
    required("last_bytes", BigInteger, "0"),
    required("last_problems", BigInteger, "0"),
    Column("owner", BYTEA),
    Column("lease_until", TIME),
    Column("last_error", Text),
    PrimaryKeyConstraint("drive_id", "kind"),
    Index("inspection_next_run_idx", "next_run"),
    postgresql_with={"fillfactor": 50},
)

stray = Table(
    "stray",
    metadata,
    required("drive_id", Text),
    required("file_id", BYTEA),
    required("volume_id", BYTEA),
    required("seen", TIME, "now()"),
    required("bytes", BigInteger, "0"),
    required("reason", SmallInteger),
    PrimaryKeyConstraint("drive_id", "file_id"),
    # For catalogs that have to hear of it, and for what has had its grace.
    Index("stray_seen_idx", "seen"),
)

rebalance = Table(
    "rebalance",
    metadata,
    required("tier", Text),
    required("state", SmallInteger, "0"),
    required("started", TIME, "now()"),
    Column("finished", TIME),
    required("planned", BigInteger, "0"),
    required("planned_bytes", BigInteger, "0"),
    required("moved", BigInteger, "0"),
    required("moved_bytes", BigInteger, "0"),
    Column("last_error", Text),
    PrimaryKeyConstraint("tier"),
)

# What repairs have done since the cluster began, by kind.
repair_stats = Table(
    "repair_stats",
    metadata,
    required("kind", SmallInteger),
    required("volumes", BigInteger, "0"),
    required("shards", BigInteger, "0"),
    required("bytes", BigInteger, "0"),
    required("milliseconds", BigInteger, "0"),
    required("failures", BigInteger, "0"),
    required("lost_stripes", BigInteger, "0"),
    Column("last_done", TIME),
    Column("last_failed", TIME),
    Column("last_error", Text),
    PrimaryKeyConstraint("kind"),
    postgresql_with={"fillfactor": 50},
)

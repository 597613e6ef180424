"""The schema of what is kept of the past, on the same MetaData as tables.py and by the same rules.

    history         numbers by series, length of step, start of step, label, and process that counted them
    history_keeper  one row: who sums up, until when; up to where steps were rolled up; the sums of buckets
    bucket_places   the largest prefixes of each bucket whose ledger of usage is long, and all others together

``series``: see model/series.py. ``step``: its length in seconds; ``start``: seconds since 1970, a multiple of it.
``node``: the process, as long as steps are short; empty for levels and for what was rolled up.
"""

from sqlalchemy import BigInteger, Boolean, Column, Double, Integer, PrimaryKeyConstraint, SmallInteger, Table
from sqlalchemy.dialects.postgresql import BYTEA, JSONB

from objstore.meta.tables import NAME, TIME, metadata
from objstore.meta.tables import _required as required

history = Table(
    "history",
    metadata,
    required("start", BigInteger),
    required("value", Double),
    required("step", Integer),
    required("series", SmallInteger),
    required("label", NAME),
    required("node", NAME),
    PrimaryKeyConstraint("series", "step", "start", "label", "node"),
    # Rows come and go all the time, and what goes lies at one end.
    postgresql_with={"autovacuum_vacuum_scale_factor": 0.05, "autovacuum_analyze_scale_factor": 0.05},
)

# ``one``: true, so that there is no second row.
history_keeper = Table(
    "history_keeper",
    metadata,
    required("one", Boolean, "true"),
    Column("owner", BYTEA),
    required("lease_until", TIME, "now()"),
    required("minutes_until", BigInteger, "0"),
    required("hours_until", BigInteger, "0"),
    required("days_until", BigInteger, "0"),
    required("places", JSONB, "'{}'"),
    Column("places_at", TIME),
    PrimaryKeyConstraint("one"),
    postgresql_with={"fillfactor": 50},
)

# ``sums``: JSON. In jsonb there is no NUL, and in keys there may be.
bucket_places = Table(
    "bucket_places",
    metadata,
    required("bucket_id", BigInteger),
    required("at", TIME),
    required("sums", BYTEA),
    PrimaryKeyConstraint("bucket_id"),
)

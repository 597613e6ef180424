"""Quotas, on the same MetaData as tables.py and by the same rules.

quota  one row a quota: of a bucket (``owner`` empty), or of an owner (``bucket_id`` 0). NULL: no bound.
"""

from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, Table

from objstore.meta.tables import NAME, metadata
from objstore.meta.tables import _required as required

quota = Table(
    "quota",
    metadata,
    required("bucket_id", BigInteger),
    required("owner", NAME),
    Column("bytes_max", BigInteger),
    Column("objects_max", BigInteger),
    PrimaryKeyConstraint("bucket_id", "owner"),
)

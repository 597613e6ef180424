"""Sums of places: what lies where and how long ago it was used, by bucket, by prefix, and below a prefix.

The first two are sums over the ledger of usage; that by prefix over a stretch of it, which ends where a prefix does.
Below the first segment of keys nothing is kept: there a bounded number of rows is looked at, in the order of keys.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, Integer, case, cast, func, null, select
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA

from objstore.meta.database import Database
from objstore.meta.listing import PAST_EVERY_KEY, past
from objstore.meta.statement import Statement, constant, param
from objstore.meta.tables import bucket, object_, usage
from objstore.model.tiers import tier_of_code

ROWS_MAX = 100_000
LOOKED_AT_MAX = 2_500  # each may be a page of the table that is read
STRETCH_ROWS = 10_000  # of the ledger, and those that the last prefix has more

u, o, b = usage.c, object_.c, bucket.c


@dataclass(frozen=True, slots=True)
class Sum:
    """What lies on a tier (its code) of a bucket or prefix and was last used so many bands ago."""

    name: str | bytes | None
    tier: int
    band: int
    objects: int
    bytes: int

    @property
    def named(self) -> tuple[str | None, str, int, int, int]:
        """As ``places_of`` takes it; what of a name is not UTF-8 is replaced."""
        name = self.name.decode("utf-8", "replace") if isinstance(self.name, bytes) else self.name
        return name, tier_of_code(self.tier), self.band, self.objects, self.bytes


def _sum(what: ColumnElement[int]) -> ColumnElement[int]:
    return cast(func.sum(what), BigInteger)


def _band(accessed: ColumnElement[int]) -> ColumnElement[int]:
    """0 for what was used today (or is from a clock that is ahead)."""
    passed = func.width_bucket(param("today", Integer) - accessed, param("bounds", ARRAY(Integer)))
    return func.greatest(passed - constant(1), constant(0))


_by_bucket = (
    select(u.bucket_id, u.tier, _band(u.accessed).label("band"), _sum(u.objects).label("objects"),
           _sum(u.bytes).label("bytes"))
    .group_by(u.bucket_id, u.tier, _band(u.accessed))
    .subquery("by_bucket")
)  # fmt: skip
_BUCKETS = Statement(
    select(b.name, _by_bucket.c.tier, _by_bucket.c.band, _by_bucket.c.objects, _by_bucket.c.bytes)
    .join_from(_by_bucket, bucket, b.id == _by_bucket.c.bucket_id)
    .where(_by_bucket.c.objects > constant(0))
    .limit(constant(ROWS_MAX)),
    *("today", "bounds"),
)
_kinds = (
    select(u.prefix, u.tier, _band(u.accessed).label("band"), _sum(u.objects).label("objects"),
           _sum(u.bytes).label("bytes"))
    .where(u.bucket_id == param("bucket_id", BigInteger), u.prefix >= param("low", BYTEA),
           u.prefix <= param("high", BYTEA))
    .group_by(u.prefix, u.tier, _band(u.accessed))
    .having(_sum(u.objects) > constant(0))
    .cte("kinds")
)  # fmt: skip
# Windows and no join: a session is only allowed nested loops.
_weighed = select(_kinds, func.sum(_kinds.c.bytes).over(partition_by=_kinds.c.prefix).label("total")).subquery(
    "weighed"
)
_order = (_weighed.c.total.desc(), _weighed.c.prefix)
_ranked = select(_weighed, func.dense_rank().over(order_by=_order).label("rank")).subquery("ranked")
_r = _ranked.c
_shown = case((_r.rank <= param("limit", BigInteger), _r.prefix), else_=cast(null(), BYTEA)).label("shown")
_PREFIXES = Statement(
    select(_shown, _r.tier, _r.band, _sum(_r.objects), _sum(_r.bytes), func.max(func.max(_r.rank)).over())
    .group_by(_shown, _r.tier, _r.band)
    .limit(constant(ROWS_MAX)),
    *("today", "bounds", "bucket_id", "low", "high", "limit"),
)
_LAST = Statement(
    select(u.prefix)
    .where(u.bucket_id == param("bucket_id", BigInteger), u.prefix >= param("low", BYTEA))
    .order_by(u.prefix)
    .offset(constant(STRETCH_ROWS))
    .limit(constant(1)),
    *("bucket_id", "low"),
)
_BELOW = Statement(
    select(o.key, o.tier, _band(o.accessed), o.size)
    .where(o.bucket_id == param("bucket_id", BigInteger), o.key >= param("low", BYTEA), o.key < param("high", BYTEA))
    .order_by(o.key)
    .limit(param("limit", BigInteger)),
    *("today", "bounds", "bucket_id", "low", "high", "limit"),
)


async def sums_of_buckets(database: Database, today: int, bounds: Sequence[int]) -> list[Sum]:
    """Of every bucket that holds something. Looks at the whole ledger: for one process, now and then."""
    return [Sum(*row) for row in await database.patient.fetch(_BUCKETS, today, list(bounds))]


async def last_prefix(database: Database, bucket_id: int, low: bytes = b"") -> bytes | None:
    """The last prefix of a stretch of the ledger that begins at ``low``; None where it reaches to the bucket's end."""
    rows = await database.fetch(_LAST, bucket_id, low)
    return rows[0][0] if rows else None


async def sums_of_prefixes(
    database: Database,
    bucket_id: int,
    today: int,
    bounds: Sequence[int],
    limit: int,
    low: bytes = b"",
    last: bytes | None = None,
) -> tuple[list[Sum], int]:
    """Of the ``limit`` largest first segments of keys from ``low`` to ``last`` (None: all from there); their count.

    What the others come to has no name.
    """
    high = PAST_EVERY_KEY if last is None else last
    rows = await database.fetch(_PREFIXES, today, list(bounds), bucket_id, low, high, limit)
    return [Sum(*row[:-1]) for row in rows], rows[0][-1] if rows else 0


async def sums_below(
    database: Database, bucket_id: int, prefix: bytes, today: int, bounds: Sequence[int]
) -> tuple[list[Sum], bool]:
    """Of the next segments below a prefix, by what lies first: at most ``LOOKED_AT_MAX`` current versions.

    Also whether that was all.
    """
    high = past(prefix)
    rows = await database.fetch(_BELOW, today, list(bounds), bucket_id, prefix, high, LOOKED_AT_MAX + 1)
    found: dict[tuple[bytes, int, int], list[int]] = {}
    for key, tier, band, size in rows[:LOOKED_AT_MAX]:
        slash = key.find(b"/", len(prefix))
        name = key[len(prefix) :] if slash < 0 else key[len(prefix) : slash + 1]
        total = found.setdefault((name, tier, band), [0, 0])
        total[0] += 1
        total[1] += size
    return [Sum(*name, *total) for name, total in found.items()], len(rows) <= LOOKED_AT_MAX

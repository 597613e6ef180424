"""Usage: counts for people, by scans; nothing on a request's path asks for them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, Text, cast, func, literal_column, select

from objstore.meta.database import Database
from objstore.meta.statement import Statement, param
from objstore.meta.tables import bucket, object_, shard, volume
from objstore.model import clock
from objstore.model.errors import DatabaseUnavailable
from objstore.model.states import VolumeState

COUNTED_MAX = 100_000  # objects of one bucket
COUNTING_SECONDS_MAX = 2.0
_zero: ColumnElement[int] = literal_column("0")
_some = (
    select(object_.c.size)
    .where(object_.c.bucket_id == param("bucket_id", BigInteger))
    .limit(param("limit", BigInteger))
    .subquery()
)
_COUNT = Statement(
    select(func.count(), cast(func.coalesce(func.sum(_some.c.size), _zero), BigInteger)), *("bucket_id", "limit")
)
_BUCKETS = Statement(
    select(bucket.c.id, bucket.c.name, bucket.c.owner, bucket.c.created)
    .where(bucket.c.name > param("after", Text))
    .order_by(bucket.c.name)
    .limit(param("limit", BigInteger)),
    *("after", "limit"),
)
_SHARDS = Statement(select(shard.c.drive_id, func.count()).group_by(shard.c.drive_id))
_SEALS = Statement(
    select(func.count()).where(volume.c.state == literal_column(str(VolumeState.OPEN.value)), volume.c.seal_requested)
)


@dataclass(frozen=True, slots=True)
class BucketUsage:
    """``bytes``: payload of the current versions. Unless ``exact``, there are at least so many objects and bytes."""

    name: str
    owner: str
    created: datetime
    objects: int
    bytes: int
    exact: bool


async def usage_by_bucket(database: Database, after: str, limit: int) -> tuple[list[BucketUsage], str | None]:
    """At most ``limit`` buckets by name, greater than ``after``, with what is in them, and the name to go on after.

    Counts for at most ``COUNTING_SECONDS_MAX`` (and one bucket more), and at most ``COUNTED_MAX`` objects of a bucket.
    """
    deadline = clock.monotonic_seconds() + COUNTING_SECONDS_MAX
    page: list[BucketUsage] = []
    rows = await database.fetch(_BUCKETS, after, limit + 1)
    for id_, name, owner, created in rows[:limit]:
        if page and clock.monotonic_seconds() > deadline:
            break
        page.append(BucketUsage(name, owner, created, *await _count(database, id_)))
    return page, page[-1].name if len(page) < len(rows) else None


async def _count(database: Database, bucket_id: int) -> tuple[int, int, bool]:
    """Objects, bytes, and whether that is all."""
    try:
        [(objects, size)] = await database.fetch(_COUNT, bucket_id, COUNTED_MAX + 1)
    except DatabaseUnavailable:
        return 0, 0, False
    return objects, size, objects <= COUNTED_MAX


async def shards_by_drive(database: Database) -> dict[str, int]:
    """How many shards each drive has according to the volumes; drives without any are left out."""
    return {row[0]: row[1] for row in await database.patient.fetch(_SHARDS)}


async def seals_pending(database: Database) -> int:
    """Open volumes that somebody wants sealed and whose writers have not done so yet."""
    return int((await database.patient.fetch(_SEALS))[0][0])

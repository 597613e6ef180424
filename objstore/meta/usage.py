"""Usage: counts for people, by full scans; nothing on a request's path asks for them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, cast, func, literal_column, select

from objstore.meta.database import Database
from objstore.meta.statement import Statement
from objstore.meta.tables import bucket, object_, shard, volume
from objstore.model.states import VolumeState

_zero: ColumnElement[int] = literal_column("0")
_objects = (
    select(
        object_.c.bucket_id,
        func.count().label("objects"),
        cast(func.sum(object_.c.size), BigInteger).label("bytes"),
    )
    .group_by(object_.c.bucket_id)
    .subquery()
)
_BUCKETS = Statement(
    select(
        bucket.c.name,
        bucket.c.owner,
        bucket.c.created,
        func.coalesce(_objects.c.objects, _zero),
        func.coalesce(_objects.c.bytes, _zero),
    )
    .select_from(bucket.outerjoin(_objects, _objects.c.bucket_id == bucket.c.id))
    .order_by(bucket.c.name)
)
_SHARDS = Statement(select(shard.c.drive_id, func.count()).group_by(shard.c.drive_id))
_SEALS = Statement(
    select(func.count()).where(volume.c.state == literal_column(str(VolumeState.OPEN.value)), volume.c.seal_requested)
)


@dataclass(frozen=True, slots=True)
class BucketUsage:
    """``bytes``: payload of the current versions."""

    name: str
    owner: str
    created: datetime
    objects: int
    bytes: int


async def usage_by_bucket(database: Database) -> list[BucketUsage]:
    """Every bucket by name, with what is in it."""
    return [BucketUsage(*row) for row in await database.fetch(_BUCKETS)]


async def shards_by_drive(database: Database) -> dict[str, int]:
    """How many shards each drive has according to the volumes; drives without any are left out."""
    return {row[0]: row[1] for row in await database.fetch(_SHARDS)}


async def seals_pending(database: Database) -> int:
    """Open volumes that somebody wants sealed and whose writers have not done so yet."""
    return int((await database.fetch(_SEALS))[0][0])

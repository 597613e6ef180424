"""Usage: counts for people, as sums over the ledger of usage; nothing on a request's path asks for them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, cast, func, literal_column, select

from objstore.meta.database import Database
from objstore.meta.statement import Statement, param
from objstore.meta.tables import bucket, shard, usage, volume
from objstore.model.states import VolumeState
from objstore.model.storage_class import STORAGE_CLASS_NAMES

_zero: ColumnElement[int] = literal_column("0")
u = usage.c
_sums = (cast(func.sum(u.objects), BigInteger), cast(func.sum(u.bytes), BigInteger))
_objects = (
    select(u.bucket_id, _sums[0].label("objects"), _sums[1].label("bytes"))
    .where(~u.noncurrent)
    .group_by(u.bucket_id)
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
_kind = (u.prefix, u.tier, u.storage_class, u.noncurrent, u.accessed)
_PREFIXES = Statement(
    select(*_kind, *_sums)
    .where(u.bucket_id == param("id", BigInteger))
    .group_by(*_kind)
    .having(func.sum(u.objects) != _zero)
    .order_by(*_kind),
    "id",
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


@dataclass(frozen=True, slots=True)
class PrefixUsage:
    """``prefix``: the first segment of keys with its slash; ``tier``: code; ``accessed``: day of the last access."""

    prefix: bytes
    tier: int
    storage_class: str
    noncurrent: bool
    accessed: int
    objects: int
    bytes: int


async def usage_by_bucket(database: Database) -> list[BucketUsage]:
    """Every bucket by name, with what is in it."""
    return [BucketUsage(*row) for row in await database.fetch(_BUCKETS)]


async def usage_by_prefix(database: Database, bucket_id: int) -> list[PrefixUsage]:
    """What a bucket holds, by prefix, tier, class and day of last access."""
    return [
        PrefixUsage(prefix, tier, STORAGE_CLASS_NAMES[code], *rest)
        for prefix, tier, code, *rest in await database.fetch(_PREFIXES, bucket_id)
    ]


async def shards_by_drive(database: Database) -> dict[str, int]:
    """How many shards each drive has according to the volumes; drives without any are left out."""
    return {row[0]: row[1] for row in await database.fetch(_SHARDS)}


async def seals_pending(database: Database) -> int:
    """Open volumes that somebody wants sealed and whose writers have not done so yet."""
    return int((await database.fetch(_SEALS))[0][0])

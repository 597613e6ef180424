"""Usage: counts for people, as sums over the ledger of usage; nothing on a request's path asks for them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, Text, cast, func, literal_column, select

from objstore.meta.database import Database
from objstore.meta.statement import Statement, param
from objstore.meta.tables import bucket, shard, usage, volume
from objstore.model.states import VolumeState
from objstore.model.storage_class import STORAGE_CLASS_NAMES

u = usage.c
_sums = (cast(func.sum(u.objects), BigInteger), cast(func.sum(u.bytes), BigInteger))
_zero: ColumnElement[int] = literal_column("0")
_mine = (u.bucket_id == bucket.c.id) & ~u.noncurrent
_BUCKETS = Statement(
    select(
        bucket.c.name,
        bucket.c.owner,
        bucket.c.created,
        *[func.coalesce(select(total).where(_mine).correlate(bucket).scalar_subquery(), _zero) for total in _sums],
    )
    .where(bucket.c.name > param("after", Text))
    .order_by(bucket.c.name)
    .limit(param("limit", BigInteger)),
    *("after", "limit"),
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


async def usage_by_bucket(database: Database, after: str, limit: int) -> tuple[list[BucketUsage], str | None]:
    """At most ``limit`` buckets by name, greater than ``after``, with what is in them, and the name to go on after."""
    rows = await database.patient.fetch(_BUCKETS, after, limit + 1)
    page = [BucketUsage(*row) for row in rows[:limit]]
    return page, page[-1].name if len(rows) > limit else None


async def usage_by_prefix(database: Database, bucket_id: int) -> list[PrefixUsage]:
    """What a bucket holds, by prefix, tier, class and day of last access."""
    return [
        PrefixUsage(prefix, tier, STORAGE_CLASS_NAMES[code], *rest)
        for prefix, tier, code, *rest in await database.fetch(_PREFIXES, bucket_id)
    ]


async def shards_by_drive(database: Database) -> dict[str, int]:
    """How many shards each drive has according to the volumes; drives without any are left out."""
    return {row[0]: row[1] for row in await database.patient.fetch(_SHARDS)}


async def seals_pending(database: Database) -> int:
    """Open volumes that somebody wants sealed and whose writers have not done so yet."""
    return int((await database.patient.fetch(_SEALS))[0][0])

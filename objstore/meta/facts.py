"""What there is to know of a version before anything is done with it by rule: one statement, one snapshot, a batch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Select,
    any_,
    cast,
    exists,
    func,
    literal_column,
    null,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta.database import Database
from objstore.meta.rows import OLD_COLUMNS, VERSION_COLUMNS, version_of
from objstore.meta.statement import Statement, array, batch, constant
from objstore.meta.tables import TIME, bucket, object_, upload, version
from objstore.model.objects import Bucket, ObjectVersion
from objstore.model.states import UploadState

NEWER_MAX = 101  # AWS's NewerNoncurrentVersions is at most 100: more need not be counted

VersionId = tuple[int, bytes, bytes]  # bucket id, key, version id


@dataclass(frozen=True, slots=True)
class Seen:
    """A version as it is. ``newer_noncurrent``: counted up to ``NEWER_MAX``."""

    version: ObjectVersion
    is_latest: bool
    is_only_marker: bool
    newer_noncurrent: int


_asked = batch("asked", {"bucket_id": BigInteger, "key": BYTEA, "version_id": BYTEA}, ordinal="i")
_no, _yes = literal_column("false", Boolean), literal_column("true", Boolean)


def _same(c: Any) -> Any:
    return (c.bucket_id == _asked.c.bucket_id) & (c.key == _asked.c.key) & (c.version_id == _asked.c.version_id)


def _current() -> Select[Any]:
    never = cast(null(), TIME)
    return select(
        _asked.c.i, _yes, _no, cast(constant(0), BigInteger), *VERSION_COLUMNS, _no, never,
    ).join_from(_asked, object_, _same(object_.c))  # fmt: skip


def _other() -> Select[Any]:
    v, newer, sibling = version.c, version.alias("newer").c, version.alias("sibling").c
    above = (
        select(constant(1))
        .where(newer.bucket_id == v.bucket_id, newer.key == v.key, newer.seq > v.seq)
        .where(newer.noncurrent_since.is_not(None))
        .limit(constant(NEWER_MAX))
        .correlate(version)
        .subquery("above")
    )
    count = select(func.count()).select_from(above).scalar_subquery()
    others = exists().where(sibling.bucket_id == v.bucket_id, sibling.key == v.key, sibling.seq != v.seq)
    is_latest = v.noncurrent_since.is_(None)
    return select(
        _asked.c.i, is_latest, v.marker & is_latest & ~others, count, *OLD_COLUMNS
    ).join_from(_asked, version, _same(v))  # fmt: skip


_LOOK = Statement(union_all(_current(), _other()), *("bucket_id", "key", "version_id"))
_BUCKETS = Statement(
    select(bucket.c.id, bucket.c.name, bucket.c.owner, bucket.c.region, bucket.c.created, bucket.c.settings).where(
        bucket.c.id == any_(array("ids", BigInteger))
    ),
    "ids",
)
_UPLOADS = Statement(
    select(upload.c.id, upload.c.created).where(
        upload.c.id == any_(array("ids", BYTEA)), upload.c.state == constant(UploadState.OPEN.value)
    ),
    "ids",
)


async def look(database: Database, ids: Sequence[VersionId]) -> list[Seen | None]:
    """The versions as they are now, in the order of ``ids``; None for what is gone."""
    return _seen(ids, await database.fetch(_LOOK, *zip(*ids, strict=True)) if ids else ())


def _seen(ids: Sequence[VersionId], records: Iterable[Any]) -> list[Seen | None]:
    found: list[Seen | None] = [None] * len(ids)
    for i, is_latest, is_only_marker, newer, *values in records:
        bucket_id, key, _ = ids[i - 1]
        found[i - 1] = Seen(version_of(bucket_id, key, values), is_latest, is_only_marker, newer)
    return found


async def buckets_of(database: Database, bucket_ids: Iterable[int]) -> Mapping[int, Bucket]:
    """Those of the buckets that are there, by id."""
    records = await database.fetch(_BUCKETS, sorted(set(bucket_ids)))
    return {
        id_: Bucket(id_, name, owner, region, created, orjson.loads(settings))
        for id_, name, owner, region, created, settings in records
    }


async def uploads_begun(database: Database, ids: Sequence[bytes]) -> Mapping[bytes, datetime]:
    """When those of the uploads that are open were begun."""
    records = await database.fetch(_UPLOADS, list(ids)) if ids else ()
    return {record[0]: record[1] for record in records}

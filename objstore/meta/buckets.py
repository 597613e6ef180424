"""Buckets: by name and by owner."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import BigInteger, Text, any_, delete, func, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from objstore.meta import quotas, usage_ledger, versioning
from objstore.meta.database import Database, LostRace, Record, Transaction
from objstore.meta.discard import discard_uploads
from objstore.meta.ledger import Waste
from objstore.meta.rows import json_text, json_value
from objstore.meta.statement import Statement, array, constant, param
from objstore.meta.tables import TIME, bucket, object_, version
from objstore.model.errors import BucketAlreadyExists, BucketAlreadyOwnedByYou, BucketNotEmpty, NoSuchBucket
from objstore.model.objects import Bucket
from objstore.work.batcher import Batcher

b = bucket.c
_COLUMNS = (b.id, b.name, b.owner, b.region, b.created, b.settings)
_PAST_NAMES = "\x7f"  # above every character of a bucket name

_CREATE = Statement(
    insert(bucket)
    .values(
        id=param("id", BigInteger),
        name=param("name", Text),
        owner=param("owner", Text),
        region=param("region", Text),
        created=param("created", TIME),
        settings=func.coalesce(param("settings", JSONB), func.jsonb_build_object()),
    )
    .on_conflict_do_nothing(index_elements=[b.name]),
    *("id", "name", "owner", "region", "created", "settings"),
)
_BY_NAME = Statement(select(*_COLUMNS).where(b.name == any_(array("names", Text))), "names")
_PAGE = Statement(
    select(*_COLUMNS)
    .where(b.owner == param("owner", Text), b.name >= param("low", Text), b.name < param("high", Text))
    .where(b.name > param("after", Text))
    .order_by(b.name)
    .limit(param("limit", BigInteger)),
    *("owner", "low", "high", "after", "limit"),
)
_LOCK = Statement(select(b.id).where(b.name == param("name", Text)).with_for_update(), "name")
_ANY_VERSION = [
    Statement(select(table.c.slot).where(table.c.bucket_id == param("id", BigInteger)).limit(constant(1)), "id")
    for table in (object_, version)
]
# Writers of objects hold the row FOR KEY SHARE: a change of settings does not wait for them, nor they for it.
_LOCK_SETTINGS = Statement(
    select(*_COLUMNS).where(b.name == param("name", Text)).with_for_update(key_share=True), "name"
)
_SET_SETTINGS = Statement(
    update(bucket).where(b.id == param("bucket_id", BigInteger)).values(settings=param("settings_new", JSONB)),
    *("bucket_id", "settings_new"),
)
_DELETE = Statement(delete(bucket).where(b.id == param("id", BigInteger)), "id")

Page = list[Bucket]  # the class has a method of the name list


class Buckets:
    """The table of buckets."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_name: Batcher[str, Bucket | None] = Batcher(self._get_many)

    async def create(self, bucket: Bucket) -> Bucket:
        """Raises BucketAlreadyOwnedByYou or BucketAlreadyExists."""

        async def work(transaction: Transaction) -> Bucket:
            await transaction.identify()
            settings = json_text(dict(bucket.settings))
            row = (bucket.id, bucket.name, bucket.owner, bucket.region, bucket.created, settings)
            if await transaction.execute(_CREATE, *row):
                return bucket
            existing = await transaction.first(_BY_NAME, [bucket.name])
            if existing is None:
                raise LostRace("the bucket was deleted meanwhile")
            if existing["owner"] == bucket.owner:
                raise BucketAlreadyOwnedByYou(BucketName=bucket.name)
            raise BucketAlreadyExists(BucketName=bucket.name)

        return await self._database.transact(work)

    async def get(self, name: str) -> Bucket | None:
        """The bucket as it is now; calls that are in flight together share a query."""
        return await self._by_name.submit(name)

    async def list(self, owner: str, prefix: str, after: str, limit: int) -> Page:
        """At most ``limit`` buckets of an owner by name, greater than ``after``."""
        records = await self._database.fetch(_PAGE, owner, prefix, prefix + _PAST_NAMES, after, limit)
        return [_bucket_of(record) for record in records]

    async def delete(self, name: str) -> None:
        """Raises NoSuchBucket, or BucketNotEmpty if there is a version or marker; open uploads are aborted."""

        async def work(transaction: Transaction) -> None:
            await transaction.identify()
            locked = await transaction.first(_LOCK, name)
            if locked is None:
                raise NoSuchBucket(BucketName=name)
            # Writers hold the row FOR KEY SHARE: from here on there are none, and what they wrote is visible.
            for statement in _ANY_VERSION:
                if await transaction.first(statement, locked["id"]) is not None:
                    raise BucketNotEmpty(BucketName=name)
            waste = Waste()
            await discard_uploads(transaction, locked["id"], waste)
            await waste.record(transaction)
            await usage_ledger.forget(transaction, locked["id"])
            await quotas.forget(transaction, locked["id"])
            await transaction.execute(_DELETE, locked["id"])

        await self._database.patient.transact(work)

    async def set_versioning(self, name: str, state: str) -> Bucket:
        """Enable or suspend versioning; the bucket as it is then. Raises NoSuchBucket."""
        await versioning.set_versioning(self._database, name, state)
        found = await self.get(name)
        if found is None:
            raise NoSuchBucket(BucketName=name)
        return found

    async def set_setting(self, name: str, key: str, value: Any) -> Bucket:
        """Set one sub-resource of a bucket, or remove it (None); the bucket as it is then. Raises NoSuchBucket."""
        return await self.change_setting(name, key, lambda _: value)

    async def change_setting(self, name: str, key: str, change: Callable[[Any], Any]) -> Bucket:
        """Set one sub-resource to what ``change`` makes of its present value (None: absent), with nobody in between.

        ``change`` may run more than once, and what it raises leaves everything as it was. Raises NoSuchBucket.
        """

        async def work(transaction: Transaction) -> Bucket:
            await transaction.identify()
            record = await transaction.first(_LOCK_SETTINGS, name)
            if record is None:
                raise NoSuchBucket(BucketName=name)
            bucket = _bucket_of(record)
            settings = dict(bucket.settings)
            value = change(settings.pop(key, None))
            if value is not None:
                settings[key] = value
            await transaction.execute(_SET_SETTINGS, bucket.id, json_text(settings) or "{}")
            return replace(bucket, settings=settings)

        return await self._database.transact(work)

    async def _get_many(self, names: Sequence[str]) -> Sequence[Bucket | None]:
        records = await self._database.fetch(_BY_NAME, list(set(names)))
        found = {record["name"]: _bucket_of(record) for record in records}
        return [found.get(name) for name in names]


def _bucket_of(record: Record | Sequence[Any]) -> Bucket:
    id_, name, owner, region, created, settings = record
    return Bucket(id_, name, owner, region, created, json_value(settings))

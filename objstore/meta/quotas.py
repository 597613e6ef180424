"""Quotas and what they are about: sums over the ledger of usage, of those buckets alone that have one.

No request asks for them: gateways read them every few seconds (store/quotas.py).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, cast, delete, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from objstore.meta.database import Database, Transaction
from objstore.meta.quota_tables import quota
from objstore.meta.statement import Statement, constant, param
from objstore.meta.tables import bucket, part, upload, usage
from objstore.model.identity_errors import LimitExceeded
from objstore.model.quota import Quota, QuotaUse
from objstore.model.states import UploadState

QUOTAS_MAX = 1000

q, u = quota.c, usage.c
_nobody = literal_column("''", Text)


def _sums(is_mine: ColumnElement[bool]) -> list[ColumnElement[int]]:
    """Bytes, and objects, of buckets: all versions, and the parts of open uploads."""
    versions = [
        select(cast(func.coalesce(func.sum(column), constant(0)), BigInteger))
        .where(u.bucket_id == bucket.c.id, is_mine)
        .correlate(quota)
        .scalar_subquery()
        for column in (u.bytes, u.objects)
    ]
    parts = (
        select(cast(func.coalesce(func.sum(part.c.size), constant(0)), BigInteger))
        .where(part.c.upload_id == upload.c.id, upload.c.state == constant(UploadState.OPEN.value))
        .where(upload.c.bucket_id == bucket.c.id, is_mine)
        .correlate(quota)
        .scalar_subquery()
    )
    return [versions[0] + parts, versions[1]]


_after, _limit = param("after", Text), param("limit", BigInteger)
_only = param("only", BigInteger)
_OF_BUCKETS = Statement(
    select(q.bucket_id, q.owner, q.bytes_max, q.objects_max, bucket.c.name, *_sums(bucket.c.id == q.bucket_id))
    .where(q.owner == _nobody, bucket.c.id == q.bucket_id, bucket.c.name > _after)
    .where(_only.is_(None) | (q.bucket_id == _only))
    .order_by(bucket.c.name)
    .limit(_limit),
    *("after", "only", "limit"),
)
_OF_OWNERS = Statement(
    select(q.bucket_id, q.owner, q.bytes_max, q.objects_max, _nobody, *_sums(bucket.c.owner == q.owner))
    .where(q.bucket_id == constant(0), q.owner != _nobody, q.owner > _after)
    .order_by(q.owner)
    .limit(_limit),
    *("after", "limit"),
)
_COUNT = Statement(select(func.count()).select_from(quota))
_new = {"bucket_id": BigInteger, "owner": Text, "bytes_max": BigInteger, "objects_max": BigInteger}
_insert = insert(quota).values(**{name: param(name, type_) for name, type_ in _new.items()})
_SET = Statement(
    _insert.on_conflict_do_update(
        index_elements=[q.bucket_id, q.owner],
        set_={name: _insert.excluded[name] for name in ("bytes_max", "objects_max")},
    ),
    *_new,
)
_REMOVE = Statement(
    delete(quota).where(q.bucket_id == param("bucket_id", BigInteger), q.owner == param("owner", Text)),
    *("bucket_id", "owner"),
)


class Quotas:
    """The table of quotas."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def uses(self) -> list[QuotaUse]:
        """All quotas with what is there, buckets by name before owners by id; at most ``QUOTAS_MAX`` of each."""
        return await self.of_buckets("", QUOTAS_MAX) + await self.of_owners("", QUOTAS_MAX)

    async def of_buckets(self, after: str, limit: int, bucket_id: int | None = None) -> list[QuotaUse]:
        """Those of buckets whose names are greater, by name; with ``bucket_id`` only that one's."""
        return _uses(await self._database.patient.fetch(_OF_BUCKETS, after, bucket_id, limit))

    async def of_owners(self, after: str, limit: int) -> list[QuotaUse]:
        """Those of owners whose ids are greater, by id."""
        return _uses(await self._database.patient.fetch(_OF_OWNERS, after, limit))

    async def set(self, quota: Quota) -> None:
        """Make or replace a quota. Raises LimitExceeded if there are too many."""

        async def work(transaction: Transaction) -> None:
            await transaction.identify()
            await transaction.execute(_SET, quota.bucket_id, quota.owner, quota.bytes_max, quota.objects_max)
            if (await transaction.fetch(_COUNT))[0][0] > QUOTAS_MAX:
                raise LimitExceeded(f"There are {QUOTAS_MAX} quotas already")

        await self._database.transact(work)

    async def remove(self, bucket_id: int, owner: str) -> bool:
        """Remove a quota; False if there is none."""
        return bool(await self._database.change(_REMOVE, bucket_id, owner))


def _uses(records: Sequence[Any]) -> list[QuotaUse]:
    return [QuotaUse(Quota(*record[:4]), *record[4:]) for record in records]


async def forget(transaction: Transaction, bucket_id: int) -> None:
    """Drop the quota of a bucket that is being deleted."""
    await transaction.execute(_REMOVE, bucket_id, "")

"""The ledger of usage: what each transaction adds to or takes from what is stored, in insert-only rows.

A row says how many objects and bytes more (or fewer) there are of a bucket, a prefix (the first segment of the key with
its slash), a tier, a class and a day of last access. It is written in the transaction that makes it true, so sums over
the table are exact. ``fold`` replaces rows by their sum; it changes nothing that anybody can ask.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Insert,
    Integer,
    SmallInteger,
    any_,
    cast,
    delete,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import BYTEA, insert

from objstore.meta.database import Database, Transaction
from objstore.meta.statement import AnyType, Statement, batch, constant, param
from objstore.meta.tables import bucket, usage

FOLD_ROWS_MIN, FOLD_ROWS_MAX, FOLD_BUCKETS_MAX = 256, 20_000, 64

u = usage.c
KEY_NAMES = ("bucket_id", "prefix", "tier", "storage_class", "noncurrent", "accessed")
NAMES = (*KEY_NAMES, "objects", "bytes")
# Names of the arrays that a statement takes: others of its arrays have the same names as columns.
ARRAY_TYPES: Mapping[str, AnyType] = {
    "usage_bucket_id": BigInteger(),
    "usage_prefix": BYTEA(),
    "usage_tier": SmallInteger(),
    "usage_storage_class": SmallInteger(),
    "usage_noncurrent": Boolean(),
    "usage_accessed": Integer(),
    "usage_objects": BigInteger(),
    "usage_bytes": BigInteger(),
}
ARRAYS = tuple(ARRAY_TYPES)

UsageKey = tuple[int, bytes, int, int, bool, int]


def recording() -> Insert:
    """An insert of what ``Usage.columns`` gives, as a statement or as a part of one."""
    new = batch("counted", ARRAY_TYPES)
    return insert(usage).from_select(list(NAMES), select(*[new.c[name] for name in ARRAYS]))


_RECORD = Statement(recording(), *ARRAYS)


def prefix_of(key: bytes) -> bytes:
    """The first segment of a key with its slash; empty for a key without one."""
    return key[: key.find(b"/") + 1]


class Usage:
    """What a transaction changes of what is stored."""

    __slots__ = ("_totals",)

    def __init__(self) -> None:
        self._totals: dict[UsageKey, list[int]] = {}

    def __bool__(self) -> bool:
        return any(objects or size for objects, size in self._totals.values())

    def count(
        self,
        name: tuple[int, bytes],
        *,
        size: int,
        tier: int,
        storage_class: int,
        accessed: int,
        noncurrent: bool,
        sign: int = 1,
    ) -> None:
        """One version more (``sign`` 1) or fewer (-1). ``storage_class``: its code. Delete markers do not count."""
        key = (name[0], prefix_of(name[1]), tier, storage_class, noncurrent, accessed)
        total = self._totals.get(key)
        if total is None:
            self._totals[key] = [sign, sign * size]
        else:
            total[0] += sign
            total[1] += sign * size

    def columns(self) -> Sequence[Sequence[Any]]:
        """Arrays for ``recording``."""
        rows = [(*key, *total) for key, total in self._totals.items() if any(total)]
        return list(zip(*rows, strict=True)) if rows else [()] * len(ARRAYS)

    async def record(self, transaction: Transaction) -> None:
        """Write the ledger rows."""
        if self:
            await transaction.execute(_RECORD, *self.columns())


_kinds = func.count(func.distinct(func.row(*[u[name] for name in KEY_NAMES])))
_SCATTERED = Statement(
    select(u.bucket_id)
    .group_by(u.bucket_id)
    .having(func.count() >= func.greatest(constant(FOLD_ROWS_MIN), constant(2) * _kinds))
    .limit(constant(FOLD_BUCKETS_MAX))
)
# Held until the fold has ended: a bucket is not deleted with its ledger meanwhile.
_HOLD = Statement(
    select(bucket.c.id).where(bucket.c.id == param("id", BigInteger)).with_for_update(read=True, key_share=True), "id"
)
_ctid: ColumnElement[Any] = literal_column("usage.ctid")
_some = (
    select(_ctid)
    .select_from(usage)
    .where(u.bucket_id == param("id", BigInteger))
    .limit(param("limit", BigInteger))
    .with_for_update(skip_locked=True)
)
_taken = (
    delete(usage)
    .where(_ctid == any_(func.array(_some.scalar_subquery())))
    .returning(*[u[name] for name in NAMES])
    .cte("taken")
)
_objects, _bytes = func.sum(_taken.c.objects), func.sum(_taken.c.bytes)
_FOLD = Statement(
    insert(usage).from_select(
        list(NAMES),
        select(*[_taken.c[name] for name in KEY_NAMES], cast(_objects, BigInteger), cast(_bytes, BigInteger))
        .group_by(*[_taken.c[name] for name in KEY_NAMES])
        .having((_objects != constant(0)) | (_bytes != constant(0))),
    ),
    *("id", "limit"),
)
_FORGET = Statement(delete(usage).where(u.bucket_id == param("id", BigInteger)), "id")


async def forget(transaction: Transaction, bucket_id: int) -> None:
    """Drop the ledger of a bucket that is being deleted: its row is locked, and it is empty."""
    await transaction.execute(_FORGET, bucket_id)


async def fold(database: Database) -> int:
    """Replace the many ledger rows of a bucket by sums, for a bounded number of both; how many buckets."""
    database = database.patient
    scattered = await database.fetch(_SCATTERED)
    for (bucket_id,) in scattered:
        await _fold(database, bucket_id)
    return len(scattered)


async def _fold(database: Database, bucket_id: int) -> None:
    async def work(transaction: Transaction) -> None:
        await transaction.identify()
        if await transaction.first(_HOLD, bucket_id) is None:
            await forget(transaction, bucket_id)
        else:
            await transaction.execute(_FOLD, bucket_id, FOLD_ROWS_MAX)

    await database.transact(work)

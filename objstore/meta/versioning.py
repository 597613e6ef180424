"""The state of versioning of a bucket, and how it is switched on while others write.

Writers of a bucket that never had versions do not look at the table ``version``. So between the first of those who do
and the last of those who do not there has to be a moment with no writer at all:

    1 say so     settings get ``versioning`` and ``versioning_unsettled``; who begins to write from here on stops
    2 settle     the row of the bucket is locked FOR UPDATE: every writer that has not heard of it has ended

| What happens         | What is left       | Who clears it                       |
|----------------------|--------------------|-------------------------------------|
| crash between 1 and 2 | an unsettled bucket | whoever wants to write to it first |

A change between Enabled and Suspended needs no such moment: both look at both tables.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy import BigInteger, Text, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import JSONB

from objstore.meta.database import Database, Transaction
from objstore.meta.ledger import Unsettled
from objstore.meta.statement import Statement, param
from objstore.meta.tables import bucket
from objstore.model.errors import NoSuchBucket

ENABLED, SUSPENDED = "Enabled", "Suspended"
Result = TypeVar("Result")

b = bucket.c
_LOCK = Statement(
    select(b.id, literal_column("settings ? 'versioning'"), literal_column("settings ? 'versioning_unsettled'"))
    .where(b.name == param("name", Text))
    .with_for_update(key_share=True),
    "name",
)
_state = func.jsonb_build_object(literal_column("'versioning'", Text), param("state", Text))
_SET = Statement(
    update(bucket).where(b.id == param("bucket_id", BigInteger)).values(settings=b.settings.op("||")(_state)),
    *("bucket_id", "state"),
)
_unsettled = literal_column("""'{"versioning_unsettled": true}'::jsonb""", JSONB)
_SET_FIRST = Statement(
    update(bucket)
    .where(b.id == param("bucket_id", BigInteger))
    .values(settings=b.settings.op("||")(_state).op("||")(_unsettled)),
    *("bucket_id", "state"),
)
_WAIT = Statement(select(b.id).where(b.id == param("bucket_id", BigInteger)).with_for_update(), "bucket_id")
_SETTLE = Statement(
    update(bucket)
    .where(b.id == param("bucket_id", BigInteger))
    .values(settings=b.settings.op("-")(literal_column("'versioning_unsettled'", Text))),
    "bucket_id",
)


async def set_versioning(database: Database, name: str, state: str) -> None:
    """Enable or suspend; every write that begins after this has returned goes by it. Raises NoSuchBucket."""

    async def work(transaction: Transaction) -> int | None:
        await transaction.identify()
        found = await transaction.first(_LOCK, name)
        if found is None:
            raise NoSuchBucket(BucketName=name)
        bucket_id, was_set, unsettled = found
        await transaction.execute(_SET if was_set else _SET_FIRST, bucket_id, state)
        return bucket_id if unsettled or not was_set else None

    bucket_id = await database.transact(work)
    if bucket_id is not None:
        await settle(database, bucket_id)


async def settle(database: Database, bucket_id: int) -> None:
    """Wait for those writers of a bucket that have not heard of its versioning; then let the others in."""

    async def work(transaction: Transaction) -> None:
        await transaction.identify()
        await transaction.execute(_WAIT, bucket_id)
        await transaction.execute(_SETTLE, bucket_id)

    await database.transact(work)


async def transact(database: Database, work: Callable[[Transaction], Awaitable[Result]]) -> Result:
    """``database.transact`` for what claims buckets: settles those that are not."""
    while True:
        try:
            return await database.transact(work)
        except Unsettled as unsettled:
            await settle(database, unsettled.bucket_id)

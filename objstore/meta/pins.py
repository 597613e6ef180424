"""Pins: prefixes whose objects do not leave the hot tier before a time.

When a pin ends (its time has come, or it is taken away), the walks of its bucket begin anew in the same transaction:
they have gone past what it held back.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, any_, delete, func, literal_column, null, select, update
from sqlalchemy.dialects.postgresql import BYTEA, insert

from objstore.meta.database import Database, Record, Transaction
from objstore.meta.lifecycle_tables import pin, walk
from objstore.meta.listing import past
from objstore.meta.statement import Statement, array, constant, param
from objstore.meta.tables import TIME

PINS_MAX = 1000  # of a bucket
NAMES_MAX = 10_000
p = pin.c


@dataclass(frozen=True, slots=True)
class Pin:
    """``budget_bytes``: so much payload is brought to the hot tier for it, at most."""

    bucket_id: int
    prefix: bytes
    until: datetime
    budget_bytes: int
    created: datetime


_COLUMNS = (p.bucket_id, p.prefix, p.until, p.budget_bytes, p.created)
_until, _budget = param("until", TIME), param("budget_bytes", BigInteger)
_name = {"bucket_id": param("bucket_id", BigInteger), "prefix": param("prefix", BYTEA)}
_PUT = Statement(
    insert(pin)
    .values(**_name, until=_until, budget_bytes=_budget)
    .on_conflict_do_update(index_elements=["bucket_id", "prefix"], set_={"until": _until, "budget_bytes": _budget}),
    *("bucket_id", "prefix", "until", "budget_bytes"),
)
_LIST = Statement(
    select(*_COLUMNS)
    .where(p.bucket_id == any_(array("buckets", BigInteger)))
    .order_by(p.bucket_id, p.prefix)
    .limit(param("limit", BigInteger)),
    *("buckets", "limit"),
)
_ALL = Statement(
    select(*_COLUMNS).order_by(p.bucket_id, p.prefix).limit(constant(NAMES_MAX)),
)
_NAMES = Statement(select(p.bucket_id, p.prefix).order_by(p.bucket_id, p.prefix).limit(constant(NAMES_MAX)))
_COUNT = Statement(select(func.count()).where(p.bucket_id == param("bucket_id", BigInteger)), "bucket_id")
_REMOVE = Statement(
    delete(pin)
    .where(p.bucket_id == param("bucket_id", BigInteger), p.prefix == param("prefix", BYTEA))
    .returning(p.bucket_id, p.prefix),
    *("bucket_id", "prefix"),
)
_some = (
    select(p.bucket_id, p.prefix)
    .where(p.until <= param("now", TIME))
    .order_by(p.until)
    .limit(param("limit", BigInteger))
    .with_for_update(skip_locked=True)
    .cte("some")
)
_EXPIRE = Statement(
    delete(pin).where(p.bucket_id == _some.c.bucket_id, p.prefix == _some.c.prefix).returning(p.bucket_id, p.prefix),
    *("now", "limit"),
)
# In the order of the primary key: another that locks walks of several buckets waits instead of deadlocking.
_held_back = (
    select(walk.c.bucket_id, walk.c.rule, walk.c.action)
    .where(walk.c.bucket_id == any_(array("buckets", BigInteger)))
    .order_by(walk.c.bucket_id, walk.c.rule, walk.c.action)
    .with_for_update()
    .cte("held_back")
)
_REWIND = Statement(
    update(walk)
    .values(time=null(), number=constant(0), key=literal_column("''::bytea"), seq=constant(0), next_run=func.now())
    .where(
        walk.c.bucket_id == _held_back.c.bucket_id,
        walk.c.rule == _held_back.c.rule,
        walk.c.action == _held_back.c.action,
    ),
    "buckets",
)

Names = list[tuple[int, bytes]]
Found = list[Pin]  # the class has a method of the name list


class Pins:
    """The table of pins."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, bucket_id: int, prefix: bytes, until: datetime, budget_bytes: int) -> None:
        """Pin a prefix, or change its pin."""
        await self._database.change(_PUT, bucket_id, prefix, until, budget_bytes)

    async def all(self) -> Found:
        """Pins of all buckets, at most ``NAMES_MAX``."""
        return [Pin(*record) for record in await self._database.fetch(_ALL)]

    async def names(self) -> Names:
        """(bucket id, prefix) of all pins, at most ``NAMES_MAX``."""
        return [(record[0], record[1]) for record in await self._database.fetch(_NAMES)]

    async def count(self, bucket_id: int) -> int:
        """How many a bucket has."""
        return int((await self._database.fetch(_COUNT, bucket_id))[0][0])

    async def list(self, bucket_ids: Collection[int]) -> Found:
        """Pins of buckets, by prefix."""
        if not bucket_ids:
            return []
        ids = sorted(set(bucket_ids))
        return [Pin(*record) for record in await self._database.fetch(_LIST, ids, PINS_MAX * len(ids))]

    async def remove(self, bucket_id: int, prefix: bytes) -> bool:
        """End a pin; False if there is none."""
        return bool(await self._end(_REMOVE, bucket_id, prefix))

    async def expire(self, now: datetime, limit: int) -> Names:
        """End pins whose time has come; which (bucket id, prefix)."""
        return await self._end(_EXPIRE, now, limit)

    async def _end(self, statement: Statement, *arguments: object) -> Names:
        async def work(transaction: Transaction) -> Names:
            await transaction.identify()
            records: list[Record] = await transaction.fetch(statement, *arguments)
            if records:
                await transaction.execute(_REWIND, sorted({record[0] for record in records}))
            return [(record[0], record[1]) for record in records]

        return await self._database.transact(work)


def pinned_ranges(pins: Collection[Pin]) -> tuple[list[bytes], list[float | None]]:
    """Ranges of keys of one bucket: where each begins, in order, and until when (seconds since 1970) it is pinned.

    Before the first range nothing is pinned; None: nothing in this one either.
    """
    until: dict[bytes, float] = {pin.prefix: pin.until.timestamp() for pin in pins}
    bounds = sorted(until.keys() | {past(prefix) for prefix in until})
    lengths = sorted({len(prefix) for prefix in until})
    # Ranges of prefixes lie within each other or apart: what holds where one begins holds for all of it.
    return bounds, [
        max((until[bound[:length]] for length in lengths if bound[:length] in until), default=None) for bound in bounds
    ]


def pinned_until(pins: Collection[Pin], bucket_id: int, key: bytes) -> datetime | None:
    """Until when a key is pinned: of all pins that are about it the latest."""
    return max((one.until for one in pins if one.bucket_id == bucket_id and key.startswith(one.prefix)), default=None)

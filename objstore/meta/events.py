"""The outbox: events are written with what they tell of, taken by a lease, and deleted when they are delivered.

| What happens                     | What is left                        | Who clears it                     |
|----------------------------------|-------------------------------------|-----------------------------------|
| crash before COMMIT              | neither the change nor its events   | nobody has to                     |
| crash while delivering           | the event, with a lease that ends   | whoever takes it then: told twice |
| the target does not answer       | the event and all later ones of its | the same, later and later         |
|                                  | key                                 |                                   |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Double,
    Integer,
    Interval,
    Text,
    any_,
    cast,
    delete,
    exists,
    func,
    literal_column,
    null,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import BYTEA, insert

from objstore.meta.database import Database, Transaction
from objstore.meta.event_tables import event
from objstore.meta.statement import Statement, array, batch, constant, param
from objstore.model import clock
from objstore.model.notification import Event

ERROR_CHARS_MAX = 300
e = event.c
_new = batch(
    "new", {"id": BYTEA, "bucket_id": BigInteger, "place": Integer, "target": Text, "key": BYTEA, "payload": Text}
)
_NAMES = ("id", "bucket_id", "place", "target", "key", "payload")
_ADD = Statement(insert(event).from_select(list(_NAMES), select(*[_new.c[name] for name in _NAMES])), *_NAMES)
_seconds = param("seconds", Double) * literal_column("interval '1 second'", Interval)
_older = event.alias("older")
_o = _older.c
_first = ~exists().where(
    _o.target == e.target,
    _o.bucket_id == e.bucket_id,
    _o.key == e.key,
    tuple_(_o.created, _o.place) < tuple_(e.created, e.place),
)
_due = (
    select(e.id)
    .where(e.ready <= func.now(), _first)
    .order_by(e.ready)
    .limit(param("limit", BigInteger))
    .with_for_update(skip_locked=True)
    .cte("due")
)
_TAKE = Statement(
    update(event)
    .where(e.id.in_(select(_due.c.id)))
    .values(owner=param("token", BYTEA), ready=func.now() + _seconds)
    .returning(e.id, e.target, e.payload, e.attempts),
    *("limit", "token", "seconds"),
)
_mine = (e.id == any_(array("ids", BYTEA)), e.owner == param("token", BYTEA))
_DONE = Statement(delete(event).where(*_mine), "ids", "token")
_LATER = Statement(
    update(event)
    .where(*_mine)
    .values(
        owner=null(),
        ready=func.now() + _seconds,
        attempts=e.attempts + constant(1),
        last_error=param("problem", Text),
    ),
    *("ids", "token", "seconds", "problem"),
)
_EXPIRE = Statement(
    delete(event).where(e.created < func.now() - _seconds),
    "seconds",
)
_WAITING = Statement(select(e.target, func.count(), cast(func.max(e.attempts), Integer)).group_by(e.target))
_failed = e.attempts > constant(0)
_BACKLOG = Statement(
    select(
        e.target,
        func.count(),
        func.min(e.created),
        cast(func.max(e.attempts), Integer),
        func.max(e.last_error).filter(_failed),
    )
    .group_by(e.target)
    .order_by(e.target)
)


@dataclass(frozen=True, slots=True)
class Taken:
    """An event that is to be delivered now."""

    id: bytes
    target: str
    payload: str
    attempts: int


@dataclass(frozen=True, slots=True)
class TargetBacklog:
    """What waits for a target. ``attempts``: of the event that failed most often; ``problem``: of one of those."""

    target: str
    waiting: int
    oldest: datetime
    attempts: int
    problem: str | None


async def add_events(transaction: Transaction, events: Sequence[Event]) -> None:
    """Write events in the transaction of what they tell of."""
    if events:
        rows = [
            (clock.random_id(), one.bucket_id, place, one.target, one.key, one.payload)
            for place, one in enumerate(events)
        ]
        await transaction.execute(_ADD, *zip(*rows, strict=True))


class Events:
    """The outbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, events: Sequence[Event]) -> None:
        """Write events that tell of nothing in the database."""

        async def work(transaction: Transaction) -> None:
            await transaction.identify()
            await add_events(transaction, events)

        await self._database.transact(work)

    async def take(self, token: bytes, limit: int, lease_seconds: float) -> list[Taken]:
        """At most ``limit`` that are due, the first of each target and key."""

        async def work(transaction: Transaction) -> list[Taken]:
            await transaction.identify()
            return [Taken(*record) for record in await transaction.fetch(_TAKE, limit, token, lease_seconds)]

        return await self._database.patient.transact(work)

    async def done(self, ids: Sequence[bytes], token: bytes) -> None:
        """They are delivered."""
        await self._database.patient.change(_DONE, list(ids), token)

    async def later(self, ids: Sequence[bytes], token: bytes, seconds: float, problem: str) -> None:
        """They could not be delivered: try again after ``seconds``."""
        await self._database.patient.change(_LATER, list(ids), token, seconds, problem[:ERROR_CHARS_MAX])

    async def expire(self, seconds: float) -> int:
        """Give up those that are older than that; how many."""
        return await self._database.patient.change(_EXPIRE, seconds)

    async def waiting(self) -> dict[str, int]:
        """How many wait for each target."""
        return {target: count for target, count, _ in await self._database.fetch(_WAITING)}

    async def backlog(self) -> list[TargetBacklog]:
        """What waits, by target."""
        return [TargetBacklog(*record) for record in await self._database.fetch(_BACKLOG)]

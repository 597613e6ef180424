"""Restored copies: the hot copy that an archived version has for some days, beside its own bytes.

    ask       a row ONGOING and a task, in one transaction; a second time: longer, or refused while it is under way
    finish    the copy's extents, DONE, with the end of the task
    expire    the row goes, its bytes are garbage

| What happens                  | What is left                         | Who clears it                     |
|-------------------------------|--------------------------------------|-----------------------------------|
| crash before finish           | ONGOING; a copy nobody refers to     | the task again; compaction        |
| the version is deleted        | the row, and its copy                | expiry, or the task that finds it |
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from sqlalchemy import BigInteger, Integer, SmallInteger, and_, delete, select, update
from sqlalchemy.dialects.postgresql import BYTEA, insert

from objstore.format.extent import bytes_by_volume
from objstore.meta.database import Database, Transaction
from objstore.meta.events import add_events
from objstore.meta.ledger import Waste, claim
from objstore.meta.lifecycle_tables import restored
from objstore.meta.statement import AnyType, Statement, batch, constant, param
from objstore.meta.tables import TIME
from objstore.meta.tasks import Task, add
from objstore.model.notification import Event

r = restored.c


class RestoreState(IntEnum):
    """Codes are stored."""

    ONGOING = 0
    DONE = 1


@dataclass(frozen=True, slots=True)
class Restored:
    """``days``: as asked; 0: the version is to become an object of the hot tier for good. ``until``: of the copy."""

    bucket_id: int
    key: bytes
    version_id: bytes
    state: int
    days: int
    until: datetime
    extents: bytes

    @property
    def is_ongoing(self) -> bool:
        """The copy is not there yet."""
        return self.state == RestoreState.ONGOING


Telling = Callable[[Sequence[Restored]], Awaitable[Sequence[Event]]]

_KEY: dict[str, AnyType] = {"bucket_id": BigInteger(), "key": BYTEA(), "version_id": BYTEA()}
_COLUMNS = (r.bucket_id, r.key, r.version_id, r.state, r.days, r.until, r.extents)
_mine = and_(*[r[name] == param(name, type_) for name, type_ in _KEY.items()])
_asked = batch("asked", _KEY)
_MANY = Statement(
    select(*_COLUMNS).join_from(_asked, restored, and_(*[r[name] == _asked.c[name] for name in _KEY])), *_KEY
)
_LOCK = Statement(select(*_COLUMNS).where(_mine).with_for_update(), *_KEY)
_ASK = Statement(
    insert(restored)
    .values(
        **{name: param(name, type_) for name, type_ in _KEY.items()},
        state=constant(RestoreState.ONGOING),
        days=param("days", Integer),
        until=param("until", TIME),
    )
    .on_conflict_do_nothing(),
    *(*_KEY, "days", "until"),
)
_SET = Statement(
    update(restored)
    .where(_mine)
    .values(
        state=param("new_state", SmallInteger),
        days=param("new_days", Integer),
        until=param("new_until", TIME),
        extents=param("new_extents", BYTEA),
    ),
    *(*_KEY, "new_state", "new_days", "new_until", "new_extents"),
)
_FORGET = Statement(delete(restored).where(_mine), *_KEY)
_EXPIRED = Statement(
    select(*_COLUMNS)
    .where(r.until <= param("now", TIME), r.state == constant(RestoreState.DONE))
    .order_by(r.until)
    .limit(param("limit", BigInteger))
    .with_for_update(skip_locked=True),
    *("now", "limit"),
)


class RestoredCopies:
    """The table of restored copies."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, names: Sequence[tuple[int, bytes, bytes]]) -> dict[tuple[int, bytes, bytes], Restored]:
        """Those of the versions (bucket id, key, version id) that have one."""
        if not names:
            return {}
        found = [Restored(*record) for record in await self._database.fetch(_MANY, *zip(*names, strict=True))]
        return {(one.bucket_id, one.key, one.version_id): one for one in found}

    async def ask(self, task: Task, days: int, until: datetime, events: Sequence[Event] = ()) -> Restored | None:
        """Ask for a copy of the task's version, due now, or keep the one that is there ``until`` then; that one.

        ``events``: told if a copy is to be made.
        """
        name = (task.bucket_id, task.key, task.version_id)

        async def work(transaction: Transaction) -> Restored | None:
            await transaction.identify()
            if await transaction.execute(_ASK, *name, days, until):
                await add(transaction, [task])
                await add_events(transaction, events)
                return None
            record = await transaction.first(_LOCK, *name)
            found = None if record is None else Restored(*record)
            if found is None or found.is_ongoing:
                return found
            if days and found.until > task.due:
                await transaction.execute(_SET, *name, found.state, days, until, found.extents)
                return found
            # Its time is over, or it is not enough: from the start.
            waste = Waste()
            waste.add(found.extents)
            await waste.record(transaction)
            await transaction.execute(_SET, *name, RestoreState.ONGOING, days, until, b"")
            await add(transaction, [task])
            await add_events(transaction, events)
            return None

        return await self._database.transact(work)

    async def expire(self, now: datetime, limit: int, tell: Telling) -> int:
        """Drop copies whose time is over, and tell of it; how many."""

        async def work(transaction: Transaction) -> int:
            await transaction.identify()
            records = await transaction.fetch(_EXPIRED, now, limit)
            waste = Waste()
            for record in records:
                one = Restored(*record)
                waste.add(one.extents)
                await transaction.execute(_FORGET, one.bucket_id, one.key, one.version_id)
            await waste.record(transaction)
            await add_events(transaction, await tell([Restored(*record) for record in records]))
            return len(records)

        return await self._database.transact(work)


async def finish_copy(
    transaction: Transaction, name: tuple[int, bytes, bytes], extents: bytes, until: datetime, refused: Collection[int]
) -> bool:
    """The copy of a version is there; False if nobody wants it any more: then its bytes are garbage."""
    claimed = await claim(transaction, [name[0]], sorted(bytes_by_volume(extents)))
    record = await transaction.first(_LOCK, *name)
    held = record is not None and record["state"] == RestoreState.ONGOING and not refused
    if record is not None and held and not claimed.fenced(bytes_by_volume(extents), ()):
        await transaction.execute(_SET, *name, RestoreState.DONE, record["days"], until, extents)
        return True
    waste = Waste()
    waste.add_appended(extents, claimed.volumes, claimed.volumes)
    await waste.record(transaction)
    return False


async def forget(transaction: Transaction, name: tuple[int, bytes, bytes]) -> None:
    """The version is gone, or needs no copy any more."""
    record = await transaction.first(_LOCK, *name)
    if record is not None:
        waste = Waste()
        waste.add(record["extents"])
        await transaction.execute(_FORGET, *name)
        await waste.record(transaction)

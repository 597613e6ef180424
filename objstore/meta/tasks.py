"""Tasks: what somebody has to look at. Any number of workers on any hosts take them.

    take      FOR UPDATE SKIP LOCKED: ``ready`` becomes the end of the lease, ``owner`` a token of this taking
    finish    in the transaction of the effect: deleted, if the owner still has them
    renew     it takes longer than the lease: put off its end, for as long as the worker lives
    postpone  nothing to do yet; or it failed: looked at again later

| What happens                   | What is left                                      | Who clears it           |
|--------------------------------|---------------------------------------------------|-------------------------|
| a worker dies                  | its tasks, with a lease that runs out             | whoever takes them then |
| a worker wakes after its lease | nothing: ``finish`` finds another owner, and the  | nobody has to           |
|                                | whole transaction is rolled back                  |                         |
| asked for again while somebody | the task, free and ready, once it is finished     | whoever takes it then   |
| has it                         |                                                   |                         |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from sqlalchemy import (
    BigInteger,
    Double,
    Interval,
    SmallInteger,
    Text,
    any_,
    case,
    delete,
    func,
    literal_column,
    null,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import BYTEA, insert

from objstore.meta.database import Database, Record, Transaction
from objstore.meta.lifecycle_tables import task
from objstore.meta.statement import AnyType, Statement, array, batch, constant, param
from objstore.meta.tables import TIME
from objstore.model import clock

t = task.c
KEY_TYPES: dict[str, AnyType] = {
    "bucket_id": BigInteger(),
    "key": BYTEA(),
    "version_id": BYTEA(),
    "kind": SmallInteger(),
}
ERROR_CHARS_MAX = 500


class TaskKind(IntEnum):
    """What a task is about. Codes are stored: never change one, only add."""

    VERSION = 0
    UPLOAD = 1
    RESTORE = 2
    PROMOTE = 3


@dataclass(frozen=True, slots=True)
class Task:
    """``version_id``: or the upload's id. ``due``: since when there was something to do, as the walk saw it.

    ``rule``, ``action``: for whom it was queued; ``owner``: the token of the taking.
    """

    bucket_id: int
    key: bytes
    version_id: bytes
    kind: int
    due: datetime
    attempts: int
    rule: str
    action: str
    owner: bytes = b""

    @property
    def identity(self) -> tuple[int, bytes, bytes, int]:
        """Its primary key."""
        return self.bucket_id, self.key, self.version_id, self.kind


class LostTask(Exception):
    """Somebody else has the task now: nothing that was done for it may stay."""

    def __init__(self, lost: set[tuple[int, bytes, bytes, int]]) -> None:
        super().__init__(f"{len(lost)} tasks are somebody else's now")
        self.lost = lost


_seconds = literal_column("'1 second'::interval", Interval)
_now = func.clock_timestamp(type_=TIME)
_free = (
    select(t.bucket_id, t.key, t.version_id, t.kind)
    .where(t.ready <= func.now())
    .order_by(t.ready)
    .limit(param("limit", BigInteger))
    .with_for_update(skip_locked=True)
    .cte("free")
)
_TAKE = Statement(
    update(task)
    .values(
        owner=param("new_owner", BYTEA),
        ready=_now + param("lease_seconds", Double) * _seconds,
        again=literal_column("false"),
    )
    .where(t.bucket_id == _free.c.bucket_id, t.key == _free.c.key)
    .where(t.version_id == _free.c.version_id, t.kind == _free.c.kind)
    .returning(t.bucket_id, t.key, t.version_id, t.kind, t.due, t.attempts, t.rule, t.action, t.owner),
    *("limit", "new_owner", "lease_seconds"),
)
_WAITING = Statement(select(constant(1)).select_from(task).where(t.ready <= func.now()).limit(constant(1)))
_held = batch("held", {**KEY_TYPES, "token": BYTEA()})
_is_held = (
    (t.bucket_id == _held.c.bucket_id)
    & (t.key == _held.c.key)
    & (t.version_id == _held.c.version_id)
    & (t.kind == _held.c.kind)
    & (t.owner == _held.c.token)
)
_HELD_NAMES = ("bucket_id", "key", "version_id", "kind", "token")
# One statement a change, in the order of the primary key: who works on the same tasks waits instead of deadlocking.
_mine = (
    select(t.bucket_id, t.key, t.version_id, t.kind, t.again)
    .join_from(_held, task, _is_held)
    .order_by(t.bucket_id, t.key, t.version_id, t.kind)
    .with_for_update(of=task)
    .cte("mine")
)
_gone = (
    delete(task).where(*[t[name] == _mine.c[name] for name in KEY_TYPES], ~_mine.c.again).returning(t.kind).cte("gone")
)
_FINISH = Statement(select(*[_mine.c[name] for name in KEY_TYPES], _mine.c.again).add_cte(_gone), *_HELD_NAMES)
_POSTPONE = Statement(
    update(task)
    .values(
        owner=null(),
        ready=_now + param("delay_seconds", Double) * _seconds,
        attempts=t.attempts + param("failed", BigInteger),
        last_error=func.coalesce(param("error", Text), t.last_error),
        again=literal_column("false"),
    )
    .where(_is_held),
    *_HELD_NAMES,
    *("delay_seconds", "failed", "error"),
)
# A lease that has run out already may be renewed too, while nobody else has taken the task.
_RENEW = Statement(
    update(task).values(ready=_now + param("lease_seconds", Double) * _seconds).where(_is_held),
    *(*_HELD_NAMES, "lease_seconds"),
)
_asked = batch("asked", {**KEY_TYPES, "due": TIME, "rule": Text(), "action": Text()})
NEW_COLUMNS = ("bucket_id", "key", "version_id", "kind", "due", "rule", "action")
_ADD = Statement(
    insert(task)
    .from_select(list(NEW_COLUMNS), select(*[_asked.c[name] for name in NEW_COLUMNS]))
    .on_conflict_do_update(
        index_elements=["bucket_id", "key", "version_id", "kind"],
        set_={
            "again": t.owner.is_not(None),
            "ready": case((t.owner.is_(None), func.least(t.ready, _now)), else_=t.ready),
        },
    ),
    *NEW_COLUMNS,
)
_some = select(constant(1)).where(t.bucket_id == param("bucket_id", BigInteger)).limit(param("limit", BigInteger))
_BACKLOG = Statement(select(func.count()).select_from(_some.subquery("some")), "bucket_id", "limit")
_FORGET_BUCKET = Statement(delete(task).where(t.bucket_id == any_(array("buckets", BigInteger))), "buckets")


class Tasks:
    """The table of tasks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, limit: int, lease_seconds: float) -> list[Task]:
        """At most ``limit`` tasks that are free or whose lease has run out, under one new token."""
        owner = clock.random_id()
        records = await self._database.transact(lambda transaction: _take(transaction, limit, owner, lease_seconds))
        return [Task(*record) for record in records]

    async def are_waiting(self) -> bool:
        """Whether there are any to take."""
        return bool(await self._database.fetch(_WAITING))

    async def renew(self, tasks: Sequence[Task], lease_seconds: float) -> int:
        """Put the end of the lease off for those that are still their owner's; how many."""
        return await self._database.change(_RENEW, *_columns(tasks), lease_seconds)

    async def add(self, tasks: Sequence[Task]) -> None:
        """Queue tasks; those that are queued already are made ready, or looked at again once they are finished."""
        if tasks:
            await self._database.transact(lambda transaction: _add_identified(transaction, tasks))

    async def drop(self, tasks: Sequence[Task]) -> None:
        """There is nothing to do for these: delete those that are still their owner's."""
        if tasks:
            await self._database.transact(lambda transaction: _drop(transaction, tasks))

    async def postpone(self, tasks: Sequence[Task], seconds: float, error: str | None = None) -> None:
        """Free those that are still their owner's, to be looked at after ``seconds``; with an error, as failed."""
        if tasks:
            arguments = (*_columns(tasks), seconds, 0 if error is None else 1, error and error[:ERROR_CHARS_MAX])
            await self._database.change(_POSTPONE, *arguments)


async def backlog(transaction: Transaction, bucket_id: int, limit: int) -> int:
    """How many tasks a bucket has; counted up to ``limit``."""
    return int((await transaction.fetch(_BACKLOG, bucket_id, limit))[0][0])


async def finish(transaction: Transaction, tasks: Sequence[Task]) -> None:
    """Delete tasks in the transaction of their effect. Raises LostTask: then the transaction must not be committed."""
    if tasks and (lost := await _finish(transaction, tasks)):
        raise LostTask(lost)


async def _finish(transaction: Transaction, tasks: Sequence[Task]) -> set[tuple[int, bytes, bytes, int]]:
    """Delete those that are still their owner's, or free them if they were asked for again; which are not."""
    held = await transaction.fetch(_FINISH, *_columns(tasks))
    if any(again for *_, again in held):
        repeated = {(bucket_id, key, version_id, kind) for bucket_id, key, version_id, kind, again in held if again}
        again = [one for one in tasks if one.identity in repeated]
        await transaction.execute(_POSTPONE, *_columns(again), 0.0, 0, None)
    if len(held) == len(tasks):
        return set()
    names = {(bucket_id, key, version_id, kind) for bucket_id, key, version_id, kind, _ in held}
    return {one.identity for one in tasks} - names


async def add(transaction: Transaction, tasks: Sequence[Task]) -> None:
    """Queue tasks in the caller's transaction, whose number is known."""
    if not tasks:
        return
    unique = {one.identity: one for one in tasks}
    rows = [(*identity, one.due, one.rule, one.action) for identity, one in sorted(unique.items())]
    await transaction.execute(_ADD, *zip(*rows, strict=True))


async def examine(transaction: Transaction, versions: Sequence[tuple[int, bytes, bytes]]) -> None:
    """Have the rules look again at versions (bucket id, key, version id) that something changed about."""
    now = clock.now()
    await add(transaction, [Task(*version, TaskKind.VERSION, now, 0, "", "") for version in versions])


async def _take(transaction: Transaction, limit: int, owner: bytes, lease_seconds: float) -> list[Record]:
    await transaction.identify()
    return await transaction.fetch(_TAKE, limit, owner, lease_seconds)


async def _add_identified(transaction: Transaction, tasks: Sequence[Task]) -> None:
    await transaction.identify()
    await add(transaction, tasks)


async def _drop(transaction: Transaction, tasks: Sequence[Task]) -> None:
    await transaction.identify()
    await _finish(transaction, tasks)


def _columns(tasks: Sequence[Task]) -> list[tuple[object, ...]]:
    """Arrays for ``_held``."""
    rows = sorted((*one.identity, one.owner) for one in tasks)
    return list(zip(*rows, strict=True))

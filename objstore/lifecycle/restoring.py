"""Restoring: archived versions get their hot copies, and lose them when their days are over."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from objstore.meta.database import Database, Transaction
from objstore.meta.effects import Act, take_effect
from objstore.meta.facts import buckets_of, look
from objstore.meta.moves import Replacement, swap
from objstore.meta.restored import Restored, RestoredCopies, finish_copy, forget
from objstore.meta.tasks import Task, Tasks
from objstore.model import clock, days
from objstore.model.errors import ObjstoreError
from objstore.model.notification import RESTORE_ENDED, RESTORED, Event, restore_details, teller
from objstore.model.objects import Bucket, ObjectVersion
from objstore.model.storage_class import INTELLIGENT_TIERING, shown_class
from objstore.model.tiers import HOT, is_archived, tier_of
from objstore.store.move import Move
from objstore.store.store import Store
from objstore.work.pace import Pace

PERMANENT_CLASS = "STANDARD"
EXPIRED_AT_ONCE = 100


class Restoring:
    """The tasks of RestoreObject. They are not held back by windows: a client waits."""

    def __init__(self, store: Store, database: Database, tasks: Tasks, pace: Pace) -> None:
        self._store, self._database, self._tasks, self._pace = store, database, tasks, pace
        self._copies = RestoredCopies(database)

    async def expire(self) -> int:
        """Drop copies whose days are over; how many."""
        return await self._copies.expire(clock.now(), EXPIRED_AT_ONCE, self._ended)

    async def _ended(self, copies: Sequence[Restored]) -> list[Event]:
        """What is to be told of copies that go."""
        buckets = await buckets_of(self._database, [one.bucket_id for one in copies])
        tellers = {id_: teller(bucket, RESTORE_ENDED) for id_, bucket in buckets.items()}
        told = [one for one in copies if tellers.get(one.bucket_id) is not None]
        events: list[Event] = []
        seen = await look(self._database, [(one.bucket_id, one.key, one.version_id) for one in told])
        for found in seen:
            tell = None if found is None else tellers[found.version.bucket_id]
            events += [] if tell is None or found is None else tell(found.version)
        return events

    async def act(self, tasks: Sequence[Task], buckets: Mapping[int, Bucket]) -> list[tuple[Task, ObjstoreError]]:
        """Make the copies that are asked for; tasks that failed, and why. ``buckets``: of the tasks, by id."""
        names = [(task.bucket_id, task.key, task.version_id) for task in tasks]
        seen, asked = await look(self._database, names), await self._copies.get(names)
        wanted: list[tuple[Task, ObjectVersion, Restored]] = []
        for task, name, found in zip(tasks, names, seen, strict=True):
            one = asked.get(name)
            if found is None or one is None or not one.is_ongoing or not is_archived(found.version.storage_class):
                await self._drop(task, one is not None and (found is None or one.is_ongoing))
            else:
                wanted.append((task, found.version, one))
        return await self._copy(wanted, buckets)

    async def _drop(self, task: Task, forgotten: bool) -> None:
        """There is nothing to restore."""

        async def effect(transaction: Transaction, refused: Collection[int]) -> list[bool]:
            if forgotten and not refused:
                await forget(transaction, (task.bucket_id, task.key, task.version_id))
            return [not refused]

        await take_effect(self._database, [_act_of(task, 0)], effect)

    async def _copy(
        self, wanted: list[tuple[Task, ObjectVersion, Restored]], buckets: Mapping[int, Bucket]
    ) -> list[tuple[Task, ObjstoreError]]:
        by_version = {id(version): (task, one) for task, version, one in wanted}

        async def commit(replacements: list[Replacement]) -> list[bool]:
            found = [(replacement, *by_version[id(replacement.version)]) for replacement in replacements]
            acts = [
                _act_of(task, replacement.version.size, _told(buckets.get(one.bucket_id), replacement.version, one))
                for replacement, task, one in found
            ]

            async def effect(transaction: Transaction, refused: Collection[int]) -> list[bool]:
                return [
                    await _finish(transaction, replacement, one, i in refused)
                    for i, (replacement, _, one) in enumerate(found)
                ]

            return await take_effect(self._database, acts, effect)

        moves = [Move(version, *place_for_good(version)) for _, version, _ in wanted]
        outcomes = await self._store.moves.move(moves, commit, self._pace.bytes)
        stale = [task for (task, _, _), done in zip(wanted, outcomes, strict=True) if done is False]
        await self._tasks.postpone(stale, 0.0)
        pairs = zip(wanted, outcomes, strict=True)
        return [(task, error) for (task, _, _), error in pairs if isinstance(error, ObjstoreError)]


async def _finish(transaction: Transaction, replacement: Replacement, one: Restored, refused: bool) -> bool:
    name = (one.bucket_id, one.key, one.version_id)
    if one.days:
        until = days.due_after(clock.now(), one.days)
        return await finish_copy(transaction, name, replacement.extents, until, [0] if refused else [])
    used = replace(replacement, accessed=days.day_of(clock.now()))  # else the next walk would take it back
    (done,) = await swap(transaction, [used], [0] if refused else [])
    if done:
        await forget(transaction, name)
    return done


def place_for_good(version: ObjectVersion) -> tuple[str, str]:
    """Class and tier of a version that is to stay hot: one that moves by access goes on doing so."""
    by_access = shown_class(version.storage_class) == INTELLIGENT_TIERING
    return (INTELLIGENT_TIERING, tier_of(INTELLIGENT_TIERING)) if by_access else (PERMANENT_CLASS, HOT)


def _told(bucket: Bucket | None, version: ObjectVersion, one: Restored) -> list[Event]:
    """What is to be told of a version that is restored."""
    if bucket is None:
        return []
    expires = days.calendar_date(clock.now(), one.days) if one.days else None
    tell = teller(bucket, RESTORED, details=restore_details(expires, shown_class(version.storage_class)))
    return [] if tell is None else tell(version)


def _act_of(task: Task, size: int, events: Sequence[Event] = ()) -> Act:
    return Act(task, "", "restore", task.due, size, tuple(events))

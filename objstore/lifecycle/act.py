"""Act: what tasks ask for is decided on the versions as they are now, by all rules, and done."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from objstore.lifecycle.evaluate import decide, next_due, upload_due
from objstore.lifecycle.facts import Decision, Kind, VersionFacts
from objstore.lifecycle.groups import Groups, is_of_group
from objstore.lifecycle.plan import Plan, plan_of
from objstore.lifecycle.promote import Promoting
from objstore.lifecycle.restoring import Restoring
from objstore.meta.database import Database, Transaction
from objstore.meta.deletable import refusal_to_delete
from objstore.meta.effects import Act, Effect, abort_uploads, delete_versions, take_effect
from objstore.meta.facts import Seen, buckets_of, look, uploads_begun
from objstore.meta.moves import Replacement, swap
from objstore.meta.pins import Pins, pinned_until
from objstore.meta.rule_stats import add_failed
from objstore.meta.tasks import Task, TaskKind, Tasks
from objstore.model import clock, days
from objstore.model.errors import ObjstoreError
from objstore.model.lock import lock_of
from objstore.model.notification import TIERED, TRANSITIONED, Event, teller, tiering_details, transition_details
from objstore.model.objects import Bucket, ObjectVersion
from objstore.model.storage_class import INTELLIGENT_TIERING, access_tier_of, class_in, shown_class
from objstore.model.tiers import code_of_tier, tier_of_code
from objstore.store.flows import count
from objstore.store.move import Move
from objstore.store.store import Store
from objstore.work.pace import Pace

log = structlog.get_logger(__name__)

SOON = timedelta(seconds=60)  # what is due by then is waited for; walks find the rest when it is due
BACKOFF_SECONDS_MIN, BACKOFF_SECONDS_MAX = 1.0, 600.0


@dataclass(frozen=True, slots=True)
class _Due:
    """A task that has something to do."""

    task: Task
    seen: Seen
    decision: Decision
    bucket: Bucket

    @property
    def act(self) -> Act:
        decision = self.decision
        archive = decision.access_tier if class_in(decision.access_tier) != INTELLIGENT_TIERING else ""
        target = decision.storage_class or archive or decision.tier
        action = f"{decision.kind.value}:{target}" if target else decision.kind.value
        due = max(decision.due, self.task.due) if is_of_group(self.task) else decision.due
        return Act(self.task, decision.rule_id, action, due, self.seen.version.size, tuple(self._events(archive)))

    def _events(self, archive: str) -> list[Event]:
        """Of a move; what a deletion has to tell says its commit. ``archive``: the archive access tier it goes to."""
        if archive:
            tell = teller(self.bucket, TIERED, details=tiering_details(archive))
        elif self.decision.kind is Kind.TRANSITION:
            tell = teller(self.bucket, TRANSITIONED, details=transition_details(self.decision.storage_class))
        else:
            return []
        return [] if tell is None else tell(self.seen.version)


class Actor:
    """Acts on taken tasks."""

    def __init__(self, store: Store, database: Database, tasks: Tasks, pace: Pace) -> None:
        self._store, self._database, self._tasks, self._pace = store, database, tasks, pace
        self._restoring = Restoring(store, database, tasks, pace)
        self._promoting = Promoting(store, database, tasks, pace)
        self._groups, self._pins = Groups(database), Pins(database)

    async def act(self, tasks: Sequence[Task]) -> None:
        """See to tasks of one taking: each is finished, or freed for later. Raises DatabaseUnavailable."""
        await self._pace.operations(len(tasks))
        buckets = await buckets_of(self._database, [task.bucket_id for task in tasks])
        plans = {bucket_id: plan_of(bucket_id, found.settings) for bucket_id, found in buckets.items()}
        await self._tasks.drop([task for task in tasks if task.bucket_id not in plans])
        there = [task for task in tasks if task.bucket_id in plans]
        await self._versions([task for task in there if task.kind == TaskKind.VERSION], plans, buckets)
        await self._uploads([task for task in there if task.kind == TaskKind.UPLOAD], plans)
        failed = await self._restoring.act([task for task in there if task.kind == TaskKind.RESTORE], buckets)
        for task, error in failed:
            await self._postpone_failed(Act(task, "", "restore", task.due), error)
        failed = await self._promoting.act([task for task in there if task.kind == TaskKind.PROMOTE])
        for task, error in failed:
            await self._postpone_failed(Act(task, "", "promote", task.due), error)

    async def _versions(self, tasks: Sequence[Task], plans: dict[int, Plan], buckets: Mapping[int, Bucket]) -> None:
        seen = await look(self._database, [(task.bucket_id, task.key, task.version_id) for task in tasks])
        chosen = await self._groups.chosen(tasks, seen, plans)
        pins = await self._pins.list({task.bucket_id for task in tasks})
        due, now = list[_Due](), clock.now()
        idle: list[Task] = []
        for task, found, holds in zip(tasks, seen, chosen, strict=True):
            if found is None:
                idle.append(task)
                continue
            plan, facts = plans[task.bucket_id], facts_of(found, pinned_until(pins, task.bucket_id, task.key))
            decision = decide(plan, facts, now, holds)
            if decision is None:
                following = next_due(plan, facts, holds)
                await self._wait_or_drop(task, None if following is None else following[0], now, idle)
            else:
                due.append(_Due(task, found, decision, buckets[task.bucket_id]))
        await self._tasks.drop(idle)
        moves = (Kind.TRANSITION, Kind.PLACE)
        await self._delete([one for one in due if one.decision.kind not in moves])
        await self._move([one for one in due if one.decision.kind in moves])

    async def _wait_or_drop(self, task: Task, due: datetime | None, now: datetime, idle: list[Task]) -> None:
        """A clock that is a little off may have been asked too early."""
        if due is not None and due <= now + SOON:
            await self._tasks.postpone([task], max(0.0, (due - now).total_seconds()))
        else:
            idle.append(task)

    async def _delete(self, due: list[_Due]) -> None:
        locked = [one for one in due if _is_locked(one)]
        due = [one for one in due if not _is_locked(one)]

        async def effect(transaction: Transaction, refused: Collection[int]) -> list[bool]:
            buckets = {one.bucket.id: one.bucket for one in due}
            return await delete_versions(transaction, [one.seen for one in due], refused, buckets)

        done = await self._take_effect(due, effect)
        for one, took_place in zip(due, done, strict=True):
            if took_place and one.decision.kind is Kind.DELETE and not one.seen.version.marker:
                count(self._store.context.flows.expired, one.seen.version.tier, one.seen.version.size)
        # The commit would refuse them. They are asked about again when a day has passed: a lock may be lifted.
        await self._tasks.postpone([one.task for one in locked], days.days(1).total_seconds())

    async def _move(self, due: list[_Due]) -> None:
        """To another tier; where the tier stays, the class changes and no byte moves."""
        here = [one for one in due if one.seen.version.tier == code_of_tier(_target(one)[1])]
        away = [one for one in due if one.seen.version.tier != code_of_tier(_target(one)[1])]

        async def effect(transaction: Transaction, refused: Collection[int]) -> list[bool]:
            changed = [Replacement(one.seen.version, one.seen.version.extents, *_target(one)) for one in here]
            return await swap(transaction, changed, refused)

        await self._take_effect(here, effect)
        if away and self._pace.is_open(clock.now()):
            await self._move_bytes(away)
        else:
            await self._tasks.postpone([one.task for one in away], SOON.total_seconds())

    async def _move_bytes(self, due: list[_Due]) -> None:
        moves = [Move(one.seen.version, *_target(one)) for one in due]
        by_version = {id(one.seen.version): one for one in due}

        async def commit(replacements: list[Replacement]) -> list[bool]:
            acts = [by_version[id(replacement.version)].act for replacement in replacements]
            return await take_effect(self._database, acts, lambda t, refused: swap(t, replacements, refused))

        outcomes = await self._store.moves.move(moves, commit, self._pace.bytes)
        await self._tasks.postpone([one.task for one, done in zip(due, outcomes, strict=True) if done is False], 0.0)
        for one, outcome in zip(due, outcomes, strict=True):
            if isinstance(outcome, ObjstoreError):
                await self._fail(one, outcome)

    async def _fail(self, due: _Due, error: ObjstoreError) -> None:
        """Later again; one that was changed while its bytes were on their way is no failure."""
        version, act = due.seen.version, due.act
        (now,) = await look(self._database, [(version.bucket_id, version.key, version.version_id)])
        if now is None or now.version.extents != version.extents:
            await self._tasks.postpone([due.task], 0.0)
            return
        await self._postpone_failed(act, error)

    async def _postpone_failed(self, act: Act, error: ObjstoreError) -> None:
        task = act.task
        log.warning("task_failed", action=act.action, rule=act.rule, error=repr(error), attempts=task.attempts)
        await self._tasks.postpone([task], _backoff(task.attempts), repr(error))
        await add_failed(self._database, task.bucket_id, act.rule, act.action, 1, repr(error))

    async def _uploads(self, tasks: Sequence[Task], plans: dict[int, Plan]) -> None:
        begun, now = await uploads_begun(self._database, [task.version_id for task in tasks]), clock.now()
        acts, idle = list[Act](), list[Task]()
        for task in tasks:
            created = begun.get(task.version_id)
            due = None if created is None else upload_due(plans[task.bucket_id], task.key, created)
            if due is not None and due[0] <= now:
                acts.append(Act(task, due[1], "abort", due[0]))
            else:
                await self._wait_or_drop(task, None if due is None else due[0], now, idle)
        await self._tasks.drop(idle)

        async def effect(transaction: Transaction, refused: Collection[int]) -> list[bool]:
            return await abort_uploads(transaction, [act.task.version_id for act in acts], refused)

        await self._settle(acts, effect)

    async def _take_effect(self, due: list[_Due], effect: Effect) -> list[bool]:
        return await self._settle([one.act for one in due], effect)

    async def _settle(self, acts: list[Act], effect: Effect) -> list[bool]:
        """Those whose version is not what it was any more are looked at anew; which were not."""
        if not acts:
            return []
        done = await take_effect(self._database, acts, effect)
        stale = [act.task for act, took_place in zip(acts, done, strict=True) if not took_place]
        await self._tasks.postpone(stale, 0.0)
        return done


def facts_of(seen: Seen, pinned: datetime | None = None) -> VersionFacts:
    """What the evaluator is told of a version. ``pinned``: until when it is."""
    version = seen.version
    return VersionFacts(
        version.key,
        version.size,
        version.modified,
        version.tags,
        shown_class(version.storage_class),
        tier_of_code(version.tier),
        seen.is_latest,
        version.marker,
        seen.is_only_marker,
        version.noncurrent_since,
        seen.newer_noncurrent,
        version.accessed,
        version.heat,
        access_tier_of(version.storage_class),
        pinned,
        _locked_until(version),
    )


def _locked_until(version: ObjectVersion) -> datetime | None:
    lock = lock_of(version.attrs)
    return days.FAR if lock.hold else lock.until


def _target(due: _Due) -> tuple[str, str]:
    """Class and tier that a version goes to."""
    decision = due.decision
    if decision.kind is Kind.PLACE:
        return class_in(decision.access_tier), decision.target_tier
    return decision.storage_class, decision.target_tier


def _is_locked(due: _Due) -> bool:
    """Whether it would delete a version for good, and the version is under Object Lock."""
    return not due.seen.is_latest and refusal_to_delete(due.seen.version, {}, bypass=False) is not None


def _backoff(attempts: int) -> float:
    return min(BACKOFF_SECONDS_MIN * 2.0 ** min(attempts, 30), BACKOFF_SECONDS_MAX)

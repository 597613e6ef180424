"""Promoting: versions come to the hot tier, for a warm-up job or because they are read again."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from objstore.lifecycle.restoring import place_for_good
from objstore.lifecycle.warm import DAYS_DEFAULT
from objstore.meta.database import Database, Transaction
from objstore.meta.effects import Act, take_effect
from objstore.meta.facts import look
from objstore.meta.moves import Replacement, swap
from objstore.meta.restored import RestoredCopies
from objstore.meta.tasks import ERROR_CHARS_MAX, Task, TaskKind, Tasks
from objstore.meta.warm_jobs import WarmJobs, add_progress, job_of
from objstore.model import clock, days
from objstore.model.errors import ObjstoreError
from objstore.model.objects import ObjectVersion
from objstore.model.storage_class import access_tier_of
from objstore.model.tiers import HOT, code_of_tier, is_archived
from objstore.store.move import Move
from objstore.store.store import Store
from objstore.work.pace import Pace

Pairs = list[tuple[Task, ObjectVersion]]


class Promoting:
    """The tasks of kind PROMOTE. They are not held back by windows: somebody waits."""

    def __init__(self, store: Store, database: Database, tasks: Tasks, pace: Pace) -> None:
        self._store, self._database, self._tasks, self._pace = store, database, tasks, pace
        self._copies, self._jobs = RestoredCopies(database), WarmJobs(database)

    async def act(self, tasks: Sequence[Task]) -> list[tuple[Task, ObjstoreError]]:
        """Bring versions to the hot tier; tasks that failed, and why."""
        seen = await look(self._database, [(task.bucket_id, task.key, task.version_id) for task in tasks])
        jobs = {task: job_of(task.rule) for task in tasks}
        running = await self._jobs.running({job for job in jobs.values() if job is not None})
        archived, cold, idle = Pairs(), Pairs(), list[Task]()
        for task, found in zip(tasks, seen, strict=True):
            job = jobs[task]
            if found is None or found.version.marker or (job is not None and job not in running):
                idle.append(task)
            elif is_archived(found.version.storage_class) and access_tier_of(found.version.storage_class) is None:
                archived.append((task, found.version))
            elif found.version.tier == code_of_tier(HOT) and access_tier_of(found.version.storage_class) is None:
                idle.append(task)
            else:
                cold.append((task, found.version))
        await self._tasks.drop(idle)
        for task, version in archived:
            await self._restore(task, version, running.get(jobs[task] or b"", DAYS_DEFAULT))
        return await self._move(cold)

    async def _restore(self, task: Task, version: ObjectVersion, count: int) -> None:
        """A temporary copy: asked for here, made by the task of its own that this queues."""
        now, name = clock.now(), (task.bucket_id, task.key, task.version_id)
        there, until = (await self._copies.get([name])).get(name), days.due_after(now, count)
        if there is None or (not there.is_ongoing and there.until < until):
            asked = replace(task, kind=TaskKind.RESTORE, due=now, rule="", action="restore")
            await self._copies.ask(asked, count, until)

        async def effect(transaction: Transaction, refused: Collection[int]) -> list[bool]:
            if not refused:
                await add_progress(transaction, _progress([(task, version)]))
            return [not refused]

        await take_effect(self._database, [_act_of(task, version)], effect)

    async def _move(self, cold: Pairs) -> list[tuple[Task, ObjstoreError]]:
        by_version = {id(version): task for task, version in cold}

        async def commit(replacements: list[Replacement]) -> list[bool]:
            pairs = [(by_version[id(one.version)], one.version) for one in replacements]
            today = days.day_of(clock.now())  # else what was brought here would be the coldest that there is
            used = [replace(one, accessed=today) for one in replacements]

            async def effect(transaction: Transaction, refused: Collection[int]) -> list[bool]:
                done = await swap(transaction, used, refused)
                moved = [pair for pair, took_place in zip(pairs, done, strict=True) if took_place]
                await add_progress(transaction, _progress(moved))
                return done

            return await take_effect(self._database, [_act_of(*pair) for pair in pairs], effect)

        moves = [Move(version, *place_for_good(version)) for _, version in cold]
        outcomes = await self._store.moves.move(moves, commit, self._pace.bytes)
        pairs = list(zip(cold, outcomes, strict=True))
        await self._tasks.postpone([task for (task, _), done in pairs if done is False], 0.0)
        failed = [(task, error) for (task, _), error in pairs if isinstance(error, ObjstoreError)]
        for task, error in failed:
            job = job_of(task.rule)
            if job is not None:
                await self._jobs.note_error(job, repr(error)[:ERROR_CHARS_MAX])
        return failed


def _progress(pairs: Pairs) -> dict[bytes, tuple[int, int]]:
    found: dict[bytes, tuple[int, int]] = {}
    for task, version in pairs:
        job = job_of(task.rule)
        if job is not None:
            objects, size = found.get(job, (0, 0))
            found[job] = objects + 1, size + version.size
    return found


def _act_of(task: Task, version: ObjectVersion) -> Act:
    return Act(task, "", "promote", task.due, version.size)

"""Engine: finds what is due and does it, one bounded step at a time. Any number of processes may run one.

sync    each bucket's rules have their walks
walk    the walks that are due become tasks
warm    what is cold below the prefixes of warm-up jobs becomes tasks
work    tasks are taken and acted on
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from objstore.lifecycle.act import Actor
from objstore.lifecycle.pins import expire_pins, look_again
from objstore.lifecycle.plan import plan_of
from objstore.lifecycle.restoring import Restoring
from objstore.lifecycle.walk import query_of, tierings_of, walks_of
from objstore.lifecycle.warm import KEEP_SECONDS
from objstore.meta.database import Database
from objstore.meta.tasks import Task, Tasks
from objstore.meta.walks import Query, WalkName, Walks
from objstore.meta.warm_jobs import WarmJobs
from objstore.model import clock
from objstore.model.errors import ObjstoreError
from objstore.model.lifecycle import digest_of
from objstore.store.store import Store
from objstore.work.pace import Pace

log = structlog.get_logger(__name__)

BATCH_TASKS = 256
LEASE_SECONDS = 300.0
RENEWALS_A_LEASE, RENEWAL_SECONDS_MIN = 3, 0.1
PAGE_BUCKETS = 1000
STEPS_AT_ONCE = 64
EVERY_BUCKET_SECONDS = 60.0
WAITING_SECONDS = 1.0  # between looks whether a warm-up's tasks are done


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """``interval_seconds``: how often to look for what is due; ``workers``: batches of tasks that are under way."""

    interval_seconds: float = 5.0
    workers: int = 2
    backlog_max: int = 20_000
    lease_seconds: float = LEASE_SECONDS


class Engine:
    """The lifecycle engine of a process."""

    def __init__(
        self, store: Store, database: Database, pace: Pace | None = None, settings: EngineSettings | None = None
    ) -> None:
        self._settings = settings or EngineSettings()
        self._pace = pace or Pace()
        database = database.patient  # no client waits for it
        self._database = database
        self._jobs = WarmJobs(database, self._settings.backlog_max)
        self._tasks = Tasks(database)
        self._walks = Walks(database, self._settings.backlog_max)
        self._actor = Actor(store, database, self._tasks, self._pace)
        self._restoring = Restoring(store, database, self._tasks, self._pace)
        self._known: dict[int, str] = {}
        self.behind = False  # when it looked last, walks had more to look at, whether anything came of it or not
        self._every_bucket_at = 0.0

    async def sync(self) -> None:
        """See to it that every rule of every bucket has its walks."""
        if clock.monotonic_seconds() >= self._every_bucket_at:
            await self._every_bucket()
            await look_again(self._database)
            self._every_bucket_at = clock.monotonic_seconds() + EVERY_BUCKET_SECONDS
        seen: dict[int, str] = {}
        after = -1
        while page := await self._walks.with_rules(after, PAGE_BUCKETS):
            for bucket_id, mark in page:
                if self._known.get(bucket_id) != mark:
                    await self._ensure(bucket_id)
                seen[bucket_id] = mark
            after = page[-1][0]
        self._known = seen

    async def walk(self) -> int:
        """Some pages of the walks that are due; how many tasks came of it. ``behind`` says whether there is more."""
        found = 0
        for _ in range(STEPS_AT_ONCE):
            step = await self._walks.step(self._query)
            if step is None:
                self.behind = False
                return found
            found += step.found
        self.behind = True
        return found

    async def expire_copies(self) -> int:
        """Drop restored copies whose days are over; how many."""
        return await self._restoring.expire()

    async def warm(self) -> int:
        """As ``walk``, of the warm-up jobs that are due."""
        found = steps = 0
        while steps < STEPS_AT_ONCE:
            queued = await self._jobs.step(max(self._settings.interval_seconds, WAITING_SECONDS))
            if queued is None:
                break
            found, steps = found + queued, steps + 1
        self.behind |= steps == STEPS_AT_ONCE
        await self._jobs.forget(KEEP_SECONDS)
        return found

    async def expire_pins(self) -> int:
        """End pins whose time has come; how many."""
        return await expire_pins(self._database)

    async def work(self) -> int:
        """Take a batch of tasks and act on it, at the pace that clients leave; how many there were."""
        if not await self._tasks.are_waiting():
            await self._pace.idle()
            return 0
        async with self._pace.batch():
            tasks = await self._tasks.take(self._pace.items(BATCH_TASKS), self._settings.lease_seconds)
            if tasks:
                await self._act(tasks)
        return len(tasks)

    async def _act(self, tasks: Sequence[Task]) -> None:
        """A batch that fails as a whole is free again at once, not when its lease ends."""
        renewing = asyncio.create_task(self._renew(tasks))
        try:
            await self._actor.act(tasks)
        except Exception as error:
            await self._tasks.postpone(tasks, self._settings.interval_seconds, repr(error))
            raise
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])

    async def _renew(self, tasks: Sequence[Task]) -> None:
        """Large objects and a low bandwidth limit take longer than any lease."""
        seconds = self._settings.lease_seconds
        while True:
            await asyncio.sleep(max(seconds / RENEWALS_A_LEASE, RENEWAL_SECONDS_MIN))
            try:
                await self._tasks.renew(tasks, seconds)
            except ObjstoreError as error:
                log.warning("lease_not_renewed", error=repr(error))

    async def _every_bucket(self) -> None:
        """Intelligent-Tiering objects may be in any bucket."""
        after = -1
        while page := await self._walks.buckets(after, PAGE_BUCKETS):
            names = [WalkName(bucket_id, *name) for bucket_id, versioned in page for name in tierings_of(versioned)]
            await self._walks.ensure(dict.fromkeys(names, b""), wake=False)
            after = page[-1][0]

    async def _ensure(self, bucket_id: int) -> None:
        settings = await self._walks.settings(bucket_id)
        if settings is not None:
            walks = walks_of(plan_of(bucket_id, settings))
            await self._walks.ensure({WalkName(bucket_id, *name): digest_of(walk) for name, walk in walks.items()})

    def _query(self, name: WalkName, settings: Any) -> Query | timedelta | None:
        walk = walks_of(plan_of(name.bucket_id, settings)).get((name.rule, name.action))
        return None if walk is None else query_of(walk, clock.now(), timedelta(seconds=self._settings.interval_seconds))

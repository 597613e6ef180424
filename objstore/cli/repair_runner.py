"""Runs what keeps redundancy whole in the background worker: loops that find what is wrong, and loops that mend it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from objstore.cli.spec import RepairSpec
from objstore.meta.database import Database
from objstore.meta.inspections import InspectionKind
from objstore.model import clock
from objstore.model.errors import ObjstoreError
from objstore.repair.context import RepairContext, RepairSettings
from objstore.repair.fsck import Fsck
from objstore.repair.mend import Mender
from objstore.repair.planner import Planner
from objstore.repair.scrub import Scrubber
from objstore.repair.snapshots import Snapshots
from objstore.repair.sweep import Sweeper
from objstore.store.store import Store
from objstore.work.pace import Pace, TokenBucket

FAILED_SECONDS = 5.0
CLUSTER = "cluster"  # in place of a drive
SNAPSHOT_LEASE_SECONDS, SNAPSHOT_RETRY_SECONDS = 4 * 3600.0, 60.0
LOAD_SECONDS = 6.0  # of three heartbeats
ENSURE_SECONDS = 30.0
INSPECT_SECONDS = 5.0
# A pass should be done in this part of its period, at a rate that is not below the least one.
SCRUB_SHARE, SCRUB_BYTES_PER_SECOND_MIN = 0.5, 8 * 2**20

log = structlog.get_logger(__name__)


class RepairRunner:
    """The loops of one process."""

    def __init__(
        self, spec: RepairSpec, store: Store, database: Database, cluster_id: bytes, grace_seconds: float
    ) -> None:
        self._spec, self._store = spec, store
        settings = RepairSettings(spec.scrub_seconds, spec.fsck_seconds, spec.orphan_seconds, grace_seconds)
        self._pace, self._moves = self._paced(spec.bytes_per_second, spec.client_factor), TokenBucket(None)
        self._context = RepairContext(store, database, cluster_id, settings, self._pace, self._moves)
        self._scrub_wanted = spec.scrub_bytes_per_second
        self._scrub_pace = self._paced(self._scrub_wanted)
        self._scrub_context = RepairContext(store, database, cluster_id, settings, self._scrub_pace)
        self._planner, self._sweeper = Planner(self._context), Sweeper(self._context)
        self._fsck, self._scrubber = Fsck(self._context), Scrubber(self._scrub_context)
        self._snapshots = Snapshots(store, database)
        self._scrub_rate = 0.0

    def set_rates(self, repair: float | None, moves: float | None, scrub: float | None) -> None:
        """Bytes a second from now on, None: no bound; without ``scrub``, what its passes need to end in time."""
        self._pace.set_rates(repair)
        self._moves.set_rate(moves)
        self._scrub_wanted = scrub
        if scrub is not None:
            self._scrub_pace.set_rates(scrub)
            self._scrub_rate = scrub

    def used(self) -> tuple[bool, bool, bool]:
        """Whether there was need of each, in the order of ``set_rates``, since this was last asked."""
        return self._pace.were_used()[0], self._moves.was_used(), self._scrub_pace.were_used()[0]

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``: what is under way then goes on elsewhere, when its lease has run out."""
        interval = self._spec.interval_seconds
        loops = [
            self._loop(self._plan, interval, stop),
            self._loop(self._inspect, min(interval, INSPECT_SECONDS), stop),
            self._loop(self._ensure, ENSURE_SECONDS, stop),
            *(self._loop(Mender(self._context).step, interval / 2, stop) for _ in range(self._spec.workers)),
            self._loop(self._scrubber.step, INSPECT_SECONDS, stop, rest=True),
            *([self._loop(self._snapshot, ENSURE_SECONDS, stop)] if self._spec.snapshot_seconds else []),
        ]
        tasks = [asyncio.ensure_future(loop) for loop in loops]
        await stop.wait()
        # Whoever copies gigabytes is not waited for: leases and notes of files are made for that.
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _plan(self) -> int:
        await self._planner.step()
        return 0  # the next look in its time: what was found is queued

    async def _inspect(self) -> int:
        done = await self._fsck.step() + await self._fsck.set_aside()
        return done + await self._sweeper.step()

    async def _ensure(self) -> int:
        await self._fsck.ensure()
        await self._scrubber.ensure()
        rate = self._scrub_wanted or await self._rate_needed()
        if abs(rate - self._scrub_rate) > self._scrub_rate / 5 and self._scrub_wanted in (None, rate):
            self._scrub_rate = rate
            self._scrub_pace.set_rates(rate)
        return 0

    async def _snapshot(self) -> int:
        """A snapshot of the metadata, if one is due and nobody else makes it: of what changed, now and then whole."""
        walks, spec, kind = self._context.inspections, self._spec, InspectionKind.SNAPSHOT
        await walks.ensure(kind, [CLUSTER], spec.journal_seconds)
        held = await walks.take(kind, [CLUSTER], SNAPSHOT_LEASE_SECONDS)
        if held is None:
            return 0
        try:
            whole = [one.taken for one in await self._snapshots.list() if one.full]
            is_due = not whole or (clock.now() - whole[-1]).total_seconds() > spec.snapshot_seconds
            await self._snapshots.take(full=is_due)
            await walks.finish(held, spec.journal_seconds)
        except BaseException:
            await walks.release(held, SNAPSHOT_RETRY_SECONDS)
            raise
        return 0

    async def _rate_needed(self) -> float:
        """Bytes a second with which every pass of the drives that are reached comes to its end in time."""
        context = self._scrub_context
        counts = await context.shards.counts(context.local_ids())
        rates = (
            size / (SCRUB_SHARE * context.settings.scrub_period(context.drives[drive_id].tier))
            for drive_id, (_, size) in counts.items()
            if drive_id in context.drives
        )
        return max(SCRUB_BYTES_PER_SECOND_MIN, sum(rates))

    def _paced(self, bytes_per_second: float | None, factor: float | None = None) -> Pace:
        volumes, spec = self._store.context.volumes, self._spec
        return Pace(
            bytes_per_second,
            clients=lambda: volumes.load(LOAD_SECONDS),
            quiet=spec.quiet_operations,
            rest=spec.rest_ratio,
            factor=factor,
        )

    async def _loop(
        self, step: Callable[[], Awaitable[int]], idle_seconds: float, stop: asyncio.Event, rest: bool = False
    ) -> None:
        """Step after step while there is something to do; with ``rest`` clients go first."""
        while not stop.is_set():
            began = clock.monotonic_seconds()
            try:
                pause = 0.0 if await step() else idle_seconds
                if rest and not pause:
                    pause = await self._pace.rest_after(timedelta(seconds=clock.monotonic_seconds() - began))
            except ObjstoreError as error:
                log.warning("repair_failed", error=repr(error))
                pause = FAILED_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

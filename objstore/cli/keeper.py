"""Keeper: the process that has the lease writes levels of the whole cluster into the history, and keeps it small."""

import asyncio
from collections.abc import Collection
from dataclasses import asdict

import structlog

from objstore.cli.pause import pause
from objstore.cli.place_walk import PlaceWalk
from objstore.meta.database import Database
from objstore.meta.drives import Drives
from objstore.meta.history_keeper import Held, Keeping
from objstore.meta.history_samples import Samples
from objstore.meta.lifecycle_status import queue_length
from objstore.meta.place_sums import Sum, sums_of_buckets
from objstore.meta.redundancy import short_bytes, short_of_redundancy
from objstore.meta.repair_stats import RepairStats
from objstore.model import clock, days
from objstore.model.errors import ObjstoreError
from objstore.model.places import places_of
from objstore.model.series import BAND_DAYS, BANDS, STEP, code_of
from objstore.model.states import DriveState
from objstore.model.tiers import tier_of_code

AFTER_SECONDS = 1.0
SUMS_SECONDS = 10.0
SUMS_REST = 50.0  # summing up the ledger takes at most about a fiftieth of the time
WALK_SECONDS = 0.5  # of a step
BUCKETS_MAX = 256

Levels = list[tuple[int, str, float]]
log = structlog.get_logger(__name__)


class Keeper:
    """One in each background process; one of them at a time has something to do. ``remote``: tiers without an end."""

    def __init__(self, database: Database, remote: Collection[str] = ()) -> None:
        self._remote = set(remote)
        self._database = database.patient
        self._keeping, self._samples = Keeping(database, clock.random_id()), Samples(database.patient)
        self._healed: dict[str, float] | None = None
        self._walk = PlaceWalk(database)
        self._sums_after = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``."""
        while not stop.is_set():
            try:
                await self.step()
            except ObjstoreError as error:
                log.warning("history_not_kept", error=repr(error))
            await pause(stop, STEP - (clock.now_seconds() - AFTER_SECONDS) % STEP)
        try:
            await self._keeping.release()
        except ObjstoreError as error:
            log.warning("history_not_released", error=repr(error))

    async def step(self) -> bool:
        """Levels of this step, and some cleaning; False if another process has the lease."""
        held = await self._keeping.take()
        if held is None:
            self._healed = None
            self._walk.restart()
            return False
        await self._write(await self._levels() + await self._healed_since())
        await self._tidy(held)
        if clock.monotonic_seconds() >= self._sums_after:
            await self._sum_up()
        await self._walk.go(WALK_SECONDS)
        return True

    async def _tidy(self, held: Held) -> None:
        await self._keeping.roll_up(held)
        await self._keeping.purge(held)

    async def _write(self, samples: Levels) -> None:
        await self._samples.add("", samples)

    async def _levels(self) -> Levels:
        database, found = self._database, Levels()
        capacity, used = dict[str, int](), dict[str, int]()
        for drive in await Drives(database).list():
            if drive.state != DriveState.GONE and drive.tier not in self._remote:
                capacity[drive.tier] = capacity.get(drive.tier, 0) + drive.capacity_bytes
                used[drive.tier] = used.get(drive.tier, 0) + drive.capacity_bytes - drive.free_bytes
        for tier in capacity:
            found.append((code_of("tier_capacity_bytes"), tier, capacity[tier]))
            found.append((code_of("tier_used_bytes"), tier, used[tier]))
        tasks, oldest = await queue_length(database)
        lag = 0.0 if oldest is None else max(0.0, (clock.now() - oldest).total_seconds())
        found.append((code_of("backlog"), "", tasks))
        found.append((code_of("lag_seconds"), "", lag))
        found.append((code_of("volumes_short"), "", await short_of_redundancy(database)))
        found.append((code_of("short_bytes"), "", await short_bytes(database)))
        return found

    async def _healed_since(self) -> Levels:
        """What healers of all processes have done since the last step: they keep their sums in the database."""
        figures = await RepairStats(self._database).figures()
        now = {
            "healed_shards": float(sum(one.shards for one in figures)),
            "healed_bytes": float(sum(one.bytes for one in figures)),
        }
        before, self._healed = self._healed or now, now
        return [(code_of(name), "", now[name] - before[name]) for name in now if now[name] > before[name]]

    async def _sum_up(self) -> None:
        """What lies where, by age of last access."""
        begun = clock.monotonic_seconds()
        found = await sums_of_buckets(self._database, days.day_of(clock.now()), BAND_DAYS)
        await self._write(_of_tiers(found))
        await self._keeping.put_places(asdict(places_of([one.named for one in found], BUCKETS_MAX)))
        took = clock.monotonic_seconds() - begun
        self._sums_after = clock.monotonic_seconds() + max(SUMS_SECONDS - AFTER_SECONDS, took * SUMS_REST)


def _of_tiers(sums: list[Sum]) -> Levels:
    objects, size = dict[tuple[str, str], int](), dict[tuple[str, str], int]()
    for one in sums:
        for key in ((tier := tier_of_code(one.tier), ""), (tier, BANDS[one.band])):
            objects[key] = objects.get(key, 0) + one.objects
            size[key] = size.get(key, 0) + one.bytes
    found = Levels()
    for (tier, band), count in objects.items():
        what, label = ("band", f"{tier}:{band}") if band else ("tier", tier)
        found.append((code_of(f"{what}_objects"), label, count))
        found.append((code_of(f"{what}_bytes"), label, size[tier, band]))
    return found

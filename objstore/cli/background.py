"""The background worker: one bounded step after another, with pauses in between."""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from objstore.api.metrics import Metrics
from objstore.cli.counters import count_drives
from objstore.cli.drives import open_drives, row_of
from objstore.cli.event_runner import run_events
from objstore.cli.lifecycle_metrics import LifecycleMetrics
from objstore.cli.lifecycle_runner import run_engine
from objstore.cli.remote import open_remotes, remote_row
from objstore.cli.spec import LifecycleSpec, WorkerSpec
from objstore.cli.worker import report_ready, stop_event
from objstore.drive.local import LocalDrive
from objstore.lifecycle.compact import Compactor
from objstore.lifecycle.engine import Engine, EngineSettings
from objstore.lifecycle.pace import Pace, Window
from objstore.lifecycle.reencode import Reencoder
from objstore.meta import usage_ledger
from objstore.meta.database import Database
from objstore.meta.drives import Drives
from objstore.meta.volumes import Volumes
from objstore.model import clock
from objstore.model.errors import ObjstoreError, ShardMissing
from objstore.store.build import open_store
from objstore.store.store import Store

if TYPE_CHECKING:
    from objstore.drive.remote import RemoteDrive

SPACE_SECONDS = 10.0
REENCODE_SECONDS = 5.0
FOLD_SECONDS = 10.0
LOAD_SECONDS = 6.0  # of three heartbeats
# Pause at least as long as the last step took: half of the time is left to clients.
PACE = 1.0

log = structlog.get_logger(__name__)


async def run_background(spec: WorkerSpec) -> None:
    """Run until SIGTERM; the step under way is finished, leases and rows keep the place."""
    stop = stop_event()
    # Clients first, for the processors and, where the kernel's scheduler of the disk knows priorities, for the disks:
    # those of threads follow from this one's, which starts them. Not less: leases have to be renewed.
    os.nice(spec.background_nice)
    pool_size = 3 + spec.lifecycle.workers
    database = await Database.connect(spec.database_url, pool_size=pool_size, application_name="objstore-background")
    drives = await open_drives(spec.drives, spec.cluster_id, spec.flush_seconds)
    remotes = open_remotes(spec.remotes, spec.cluster_id, Path(spec.run_directory))
    metrics = Metrics()
    store = await open_store(
        database,
        [*drives, *remotes],
        spec.profiles,
        cluster_id=bytes.fromhex(spec.cluster_id),
        host=spec.node,
        pid=os.getpid(),
        rows=[*map(row_of, spec.drives), *map(remote_row, spec.remotes)],
        observe=metrics.observe_batch,
        serves_clients=False,
    )
    count_drives(metrics, [*drives, *remotes])
    compactor = Compactor(store, spec.compact_garbage_ratio, spec.retire_grace_seconds)
    engine = _engine(spec.lifecycle, store, database)
    counting = asyncio.create_task(metrics.run())
    report_ready()
    try:
        await asyncio.gather(
            *map(_look_at, remotes),
            _compact(compactor, spec.compact_interval_seconds, stop),
            _reencode(Reencoder(compactor, store, database), stop),
            LifecycleMetrics(metrics, database).run(stop),
            _measure_space(Drives(database), drives, stop),
            _fold_ledgers(database, stop),
            run_engine(engine, spec.lifecycle, stop),
            run_events(spec, database, stop),
        )
    finally:
        await store.close()
        counting.cancel()
        await asyncio.wait([counting])
        await database.close()
        for drive in drives:
            drive.close()
        for remote in remotes:
            remote.close()


def _engine(spec: LifecycleSpec, store: Store, database: Database) -> Engine:
    pace = Pace(
        spec.bytes_per_second,
        spec.operations_per_second,
        [Window.parse(window) for window in spec.windows],
        lambda: store.context.volumes.load(LOAD_SECONDS),
        spec.quiet_operations,
        spec.rest_ratio,
    )
    return Engine(store, database, pace, EngineSettings(spec.interval_seconds, spec.workers))


async def _look_at(remote: "RemoteDrive") -> None:
    """Say at the start what is wrong with a remote tier, not when bytes are to go there."""
    try:
        await remote.length(bytes(16))
    except ShardMissing:
        log.info("remote_tier", tier=remote.tier, address=remote.address)
    except ObjstoreError as error:
        log.error("remote_tier_not_usable", tier=remote.tier, address=remote.address, error=str(error))


async def _compact(compactor: Compactor, interval_seconds: float, stop: asyncio.Event) -> None:
    while not stop.is_set():
        begun = clock.monotonic_seconds()
        busy = False
        try:
            done = await compactor.step()
            busy = done.compacted > 0
            if any(asdict(done).values()):
                log.info("compacted", **asdict(done))
        except ObjstoreError as error:
            log.warning("compaction_failed", error=repr(error))
        took = clock.monotonic_seconds() - begun
        await _pause(stop, took * PACE if busy else max(interval_seconds, took * PACE))


async def _reencode(reencoder: Reencoder, stop: asyncio.Event) -> None:
    while not stop.is_set():
        begun, done = clock.monotonic_seconds(), 0
        try:
            done = await reencoder.step()
        except ObjstoreError as error:
            log.warning("reencoding_failed", error=repr(error))
        took = clock.monotonic_seconds() - begun
        await _pause(stop, took * PACE if done else max(REENCODE_SECONDS, took * PACE))


async def _measure_space(rows: Drives, drives: Sequence[LocalDrive], stop: asyncio.Event) -> None:
    while not stop.is_set():
        for drive in drives:
            try:
                await rows.update_space(drive.id, *await drive.space())
            except ObjstoreError as error:
                log.warning("drive_not_measured", drive=drive.id, error=str(error))
        await _pause(stop, SPACE_SECONDS)


async def _fold_ledgers(database: Database, stop: asyncio.Event) -> None:
    volumes = Volumes(database)
    while not stop.is_set():
        try:
            folded = await volumes.fold_ledger() + await usage_ledger.fold(database)
        except ObjstoreError as error:
            log.warning("ledger_not_folded", error=repr(error))
            folded = 0
        await _pause(stop, FOLD_SECONDS if not folded else PACE)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)

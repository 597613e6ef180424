"""The background worker: one bounded step after another, with pauses in between."""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from dataclasses import asdict

import structlog

from objstore.api.metrics import Metrics
from objstore.cli.counters import count_drives
from objstore.cli.drives import open_drives, row_of
from objstore.cli.spec import WorkerSpec
from objstore.cli.worker import report_ready, stop_event
from objstore.drive.local import LocalDrive
from objstore.lifecycle.compact import Compactor
from objstore.meta.database import Database
from objstore.meta.drives import Drives
from objstore.meta.volumes import Volumes
from objstore.model import clock
from objstore.model.errors import ObjstoreError
from objstore.store.build import open_store

SPACE_SECONDS = 10.0
FOLD_SECONDS = 10.0
# Pause at least as long as the last step took: half of the time is left to clients.
PACE = 1.0

log = structlog.get_logger(__name__)


async def run_background(spec: WorkerSpec) -> None:
    """Run until SIGTERM; the step under way is finished, leases and rows keep the place."""
    stop = stop_event()
    database = await Database.connect(spec.database_url, pool_size=2, application_name="objstore-background")
    drives = await open_drives(spec.drives, spec.cluster_id, spec.flush_seconds)
    metrics = Metrics()
    store = await open_store(
        database,
        drives,
        spec.profiles,
        cluster_id=bytes.fromhex(spec.cluster_id),
        host=spec.node,
        pid=os.getpid(),
        rows=[row_of(drive) for drive in spec.drives],
        observe=metrics.observe_batch,
    )
    count_drives(metrics, drives)
    compactor = Compactor(store, spec.compact_garbage_ratio, spec.retire_grace_seconds)
    counting = asyncio.create_task(metrics.run())
    report_ready()
    try:
        await asyncio.gather(
            _compact(compactor, spec.compact_interval_seconds, stop),
            _measure_space(Drives(database), drives, stop),
            _fold_ledger(Volumes(database), stop),
        )
    finally:
        await store.close()
        counting.cancel()
        await asyncio.wait([counting])
        await database.close()
        for drive in drives:
            drive.close()


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


async def _measure_space(rows: Drives, drives: Sequence[LocalDrive], stop: asyncio.Event) -> None:
    while not stop.is_set():
        for drive in drives:
            try:
                await rows.update_space(drive.id, *await drive.space())
            except ObjstoreError as error:
                log.warning("drive_not_measured", drive=drive.id, error=str(error))
        await _pause(stop, SPACE_SECONDS)


async def _fold_ledger(volumes: Volumes, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            folded = await volumes.fold_ledger()
        except ObjstoreError as error:
            log.warning("ledger_not_folded", error=repr(error))
            folded = 0
        await _pause(stop, FOLD_SECONDS if not folded else PACE)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)

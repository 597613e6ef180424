"""The background worker: one bounded step after another, with pauses in between."""

import asyncio
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import structlog

from objstore.api.metrics import Metrics
from objstore.api.ops import Ops
from objstore.api.readiness import Readiness
from objstore.cli.cluster_metrics import ClusterMetrics
from objstore.cli.counters import count_connections, count_drives, count_moves
from objstore.cli.drives import open_drives, row_of
from objstore.cli.event_runner import run_events
from objstore.cli.heap import Heap, keep_small
from objstore.cli.keeper import Keeper
from objstore.cli.keys import open_keys
from objstore.cli.lifecycle_metrics import LifecycleMetrics
from objstore.cli.lifecycle_runner import run_engine
from objstore.cli.ops_server import run_ops
from objstore.cli.pace_runner import Rates, configured_paces, run_paces
from objstore.cli.pause import pause
from objstore.cli.process_metrics import count_process
from objstore.cli.recorder import Recorder, of_drives, of_moves
from objstore.cli.remote import open_remotes, remote_row
from objstore.cli.repair_metrics import RepairMetrics
from objstore.cli.repair_runner import RepairRunner
from objstore.cli.spec import LifecycleSpec, WorkerSpec
from objstore.cli.tracing import Tracing
from objstore.cli.watch import run_beats, run_detection
from objstore.cli.worker import report_ready, stop_event
from objstore.drive.node_connector import NodeConnector
from objstore.erasure.codec import codec_name
from objstore.lifecycle.compact import Compactor
from objstore.lifecycle.engine import Engine, EngineSettings
from objstore.lifecycle.inventory import Inventory
from objstore.lifecycle.reencode import Reencoder
from objstore.meta import usage_ledger
from objstore.meta.database import Database
from objstore.meta.drives import Drives
from objstore.meta.inventories import Inventories
from objstore.meta.nodes import Nodes
from objstore.meta.paces import Paces
from objstore.meta.volumes import Volumes
from objstore.model import clock
from objstore.model.errors import ObjstoreError, ShardMissing
from objstore.model.paces import LIFECYCLE_BYTES, LIFECYCLE_OPERATIONS, REBALANCE, REPAIR, SCRUB
from objstore.repair.detection import Detector
from objstore.store.build import open_store
from objstore.store.store import Store
from objstore.work.pace import Pace, Window

if TYPE_CHECKING:
    from objstore.drive.remote import RemoteDrive

REENCODE_SECONDS = 5.0
FOLD_SECONDS = 10.0
INVENTORY_INTERVALS = 12  # of the lifecycle engine, between looks for inventories that are due
LOAD_SECONDS = 6.0  # of three heartbeats
GRACE_SECONDS_MIN = 10.0  # a file that was replaced stays until every gateway has heard of it with its heartbeat
# Pause at least as long as the last step took: half of the time is left to clients.
PACE = 1.0

log = structlog.get_logger(__name__)


class _Keeps(Protocol):
    """Metrics and history."""

    async def run(self, stop: asyncio.Event) -> None: ...


async def run_background(spec: WorkerSpec) -> None:
    """Run until SIGTERM; the step under way is finished, leases and rows keep the place."""
    stop = stop_event()
    # Clients first, for the processors and, where the kernel's scheduler of the disk knows priorities, for the disks:
    # those of threads follow from this one's, which starts them. Not less: leases have to be renewed.
    os.nice(spec.background_nice)
    pool_size = 5 + spec.lifecycle.workers + spec.repair.workers
    name = "objstore-background"
    database = await Database.connect(
        spec.database_url, pool_size=pool_size, application_name=name, is_pooled=spec.database_pooler
    )
    drives = await open_drives(spec.drives, spec.cluster_id, spec.flush_seconds)
    remotes = open_remotes(spec.remotes, spec.cluster_id, Path(spec.run_directory))
    connector = NodeConnector(bytes.fromhex(spec.node_key)) if spec.node_key else None
    metrics = Metrics()
    store = await open_store(
        database,
        [*drives, *remotes],
        spec.profiles,
        cluster_id=bytes.fromhex(spec.cluster_id),
        host=spec.node,
        pid=os.getpid(),
        rows=[*map(row_of, spec.drives), *map(remote_row, spec.remotes)],
        observe=metrics.observe_batch if spec.counting else None,
        connector=connector,
        serves_clients=False,
    )
    count_drives(metrics, store.roster.opened)
    store.context.keys = await open_keys(spec, database)
    compactor = Compactor(store, spec.compact_garbage_ratio, spec.retire_grace_seconds)
    pace = _pace(spec.lifecycle, store, stop)
    metrics.gauge_from("objstore_lifecycle_share_ratio", lambda: pace.share)
    engine = Engine(store, database, pace, EngineSettings(spec.lifecycle.interval_seconds, spec.lifecycle.workers))
    repair = RepairRunner(
        spec.repair, store, database, bytes.fromhex(spec.cluster_id), max(spec.retire_grace_seconds, GRACE_SECONDS_MIN)
    )

    def take_rates(rates: Rates) -> None:
        log.info("paces", **rates)
        pace.set_rates(rates[LIFECYCLE_BYTES], rates[LIFECYCLE_OPERATIONS])
        repair.set_rates(rates[REPAIR], rates[REBALANCE], rates[SCRUB])

    def used_rates() -> list[str]:
        names = (LIFECYCLE_BYTES, LIFECYCLE_OPERATIONS, REPAIR, REBALANCE, SCRUB)
        return [name for name, is_used in zip(names, (*pace.were_used(), *repair.used()), strict=True) if is_used]

    nodes, detection = Nodes(database), spec.detection
    detector = Detector(Drives(database), nodes, spec.profiles, detection.suspect_seconds, detection.out_seconds)
    readiness = Readiness(database, store.roster.opened, spec.profiles)
    count_moves(metrics, store.context.flows)
    count_connections(metrics, database.pool)
    heap = Heap()
    count_process(metrics, "background", codec_name(), heap)
    remote_tiers = {remote.tier for remote in remotes}
    local_profiles = {name: one for name, one in spec.profiles.items() if name not in remote_tiers}
    recorded = [of_moves(store.context.flows), of_drives(store.roster.opened)]
    kept: list[_Keeps] = [
        LifecycleMetrics(metrics, database),
        RepairMetrics(metrics, database),
        Recorder(database, f"{spec.node}#background", recorded),
        Keeper(database, remote_tiers),
        ClusterMetrics(metrics, database, local_profiles),
    ]
    counting = asyncio.create_task(metrics.run() if spec.counting else asyncio.sleep(0))
    tracing = Tracing(spec.trace_endpoint, spec.trace_ratio, name) if spec.trace_endpoint else None
    if tracing is not None:
        tracing.install()
    report_ready()
    try:
        await asyncio.gather(
            *map(_look_at, remotes),
            keep_small(heap, stop),
            _compact(compactor, spec.compact_interval_seconds, stop),
            _reencode(Reencoder(compactor, store, database), stop),
            run_beats(nodes, None, [*drives, *remotes], stop),
            run_detection(detector, stop),
            _fold_ledgers(database, stop),
            run_engine(engine, spec.lifecycle, stop),
            run_paces(Paces(database), configured_paces(spec), take_rates, used_rates, stop),
            run_events(spec, database, stop),
            _list(Inventory(store, Inventories(database)), spec.lifecycle.interval_seconds, stop),
            repair.run(stop),
            *(one.run(stop) for one in kept if spec.counting),
            run_ops(spec.ops_listen, Ops(readiness, metrics, None), stop),
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
        if connector is not None:
            await connector.close()
        if tracing is not None:
            await asyncio.to_thread(tracing.close)


def _pace(spec: LifecycleSpec, store: Store, stop: asyncio.Event) -> Pace:
    return Pace(
        spec.bytes_per_second,
        spec.operations_per_second,
        [Window.parse(window) for window in spec.windows],
        lambda: store.context.volumes.load(LOAD_SECONDS),
        spec.quiet_operations,
        spec.rest_ratio,
        spec.client_factor,
        stop,
    )


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
        await pause(stop, took * PACE if busy else max(interval_seconds, took * PACE))


async def _reencode(reencoder: Reencoder, stop: asyncio.Event) -> None:
    while not stop.is_set():
        begun, done = clock.monotonic_seconds(), 0
        try:
            done = await reencoder.step()
        except ObjstoreError as error:
            log.warning("reencoding_failed", error=repr(error))
        took = clock.monotonic_seconds() - begun
        await pause(stop, took * PACE if done else max(REENCODE_SECONDS, took * PACE))


async def _list(inventory: Inventory, interval_seconds: float, stop: asyncio.Event) -> None:
    while not stop.is_set():
        begun = clock.monotonic_seconds()
        try:
            delivered = await inventory.step()
            if delivered:
                log.info("inventories_delivered", count=delivered)
        except ObjstoreError as error:
            log.warning("inventories_failed", error=repr(error))
        took = clock.monotonic_seconds() - begun
        await pause(stop, max(INVENTORY_INTERVALS * interval_seconds, took * PACE))


async def _fold_ledgers(database: Database, stop: asyncio.Event) -> None:
    volumes = Volumes(database)
    while not stop.is_set():
        try:
            folded = await volumes.fold_ledger() + await usage_ledger.fold(database)
        except ObjstoreError as error:
            log.warning("ledger_not_folded", error=repr(error))
            folded = 0
        await pause(stop, FOLD_SECONDS if not folded else PACE)

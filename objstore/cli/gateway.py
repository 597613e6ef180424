"""A gateway worker: every room built once, behind one HTTP server."""

import asyncio
import os
from pathlib import Path

import uvicorn

from objstore.api.access_log import AccessLog
from objstore.api.admin.app import admin_application
from objstore.api.admin.compaction import Compaction
from objstore.api.admin.state import AdminState
from objstore.api.asgi import Gateway
from objstore.api.audience import Audience
from objstore.api.auth.authenticator import Authenticator
from objstore.api.auth.console_session import ConsoleSessions
from objstore.api.console.app import Console
from objstore.api.control.serve import Control
from objstore.api.metrics import Metrics
from objstore.api.ops import Ops
from objstore.api.readiness import Readiness
from objstore.api.slow_log import SlowLog
from objstore.api.website import Websites
from objstore.cli.audit import AuditLog
from objstore.cli.console_files import console_files
from objstore.cli.counters import (
    count_accesses,
    count_clients,
    count_connections,
    count_degraded,
    count_drives,
    count_hedges,
    count_queues,
)
from objstore.cli.drives import open_drives, row_of
from objstore.cli.endpoint import listen
from objstore.cli.folding import run_folding
from objstore.cli.heap import Heap, keep_small
from objstore.cli.http_server import HttpServer, configure
from objstore.cli.identities import account_of_owner, open_identities, site_of
from objstore.cli.keys import open_keys, sealer_of
from objstore.cli.pace_runner import configured_paces
from objstore.cli.process_metrics import count_process
from objstore.cli.quota_runner import QuotaRunner
from objstore.cli.recorder import Recorder, of_audience, of_clients, of_drives, of_requests
from objstore.cli.remote import open_remotes, remote_row
from objstore.cli.spec import WorkerSpec
from objstore.cli.tls import Certificates, count_certificate
from objstore.cli.tracing import Application, Tracing
from objstore.cli.worker import report_ready, stop_event
from objstore.drive.node_connector import NodeConnector
from objstore.erasure.codec import codec_name
from objstore.lifecycle.compact import Compactor
from objstore.lifecycle.heat import Folding
from objstore.meta.database import Database
from objstore.meta.quotas import Quotas
from objstore.meta.residents import ResidentRows
from objstore.model import clock
from objstore.repair.snapshots import Snapshots
from objstore.store.build import open_store
from objstore.store.kms import LocalKms
from objstore.store.residents import Residents

BACKLOG = 4096


def _count_nothing(operation: str, status: int, seconds: float, received: int, sent: int) -> None:
    """For benchmarks: what metrics and history cost is the difference."""


async def run_gateway(spec: WorkerSpec) -> None:
    """Serve until SIGTERM, then finish what is in flight, at most ``drain_seconds``."""
    stop = stop_event()
    name = f"objstore-gateway-{spec.index}"
    database = await Database.connect(
        spec.database_url, pool_size=spec.database_pool, application_name=name, is_pooled=spec.database_pooler
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
    )
    store.context.p99_seconds = metrics.p99_seconds
    store.context.keys = await open_keys(spec, database)
    quotas = QuotaRunner(Quotas(database), store.context.limits)
    identities = await open_identities(spec, database, store.context, quotas)
    sessions = ConsoleSessions(sealer_of(spec), identities.keyring)
    authenticator = Authenticator(identities.keyring, lenient=spec.lenient, console=sessions)
    own = {drive.id for drive in drives}
    readiness = Readiness(database, store.roster.opened, spec.profiles, spec.drive_problems, own)
    compactor = Compactor(store, spec.compact_garbage_ratio, spec.retire_grace_seconds)
    audit = AuditLog(spec.audit_file, spec.audit_webhook) if spec.audit_file or spec.audit_webhook else None
    note = audit.note if audit else None
    state = AdminState(
        database=database,
        compaction=Compaction(compactor, database),
        readiness=readiness,
        region=spec.region,
        codec=codec_name(),
        profiles=spec.profiles,
        workers=spec.workers,
        started=spec.started,
        desk=identities.desk,
        kms=store.context.keys.kms if isinstance(store.context.keys.kms, LocalKms) else None,
        tier_prices=spec.tier_prices,
        configured_paces=configured_paces(spec),
        snapshots=Snapshots(store, database),
        residents=Residents(ResidentRows(database), store.context.catalog),
        drive_out_seconds=spec.detection.out_seconds,
        store=store,
        site=site_of(spec, identities),
        secret_of=lambda access_key: authenticator.secret_of(access_key)[0],
        audit_tail=audit.tail if audit and spec.audit_file else None,
    )
    host_id = clock.random_bytes(32).hex()
    access_log = AccessLog(store, spec.access_log_seconds, account_of_owner(identities.desk.directory), host_id)
    console = Console(console_files(), sessions, spec.region, note)
    audience, observe = Audience(), metrics.observe if spec.counting else _count_nothing
    ops = Ops(readiness, metrics, admin_application(state, authenticator, note), console)
    site, website = site_of(spec, identities), None
    if spec.website_domain:
        website = Gateway(
            store,
            authenticator,
            site,
            domain=spec.website_domain,
            observe=observe,
            audit=note,
            access_log=access_log.of("WEBSITE"),
            audience=audience if spec.counting else None,
            dispatcher=Websites(),
            host_id=host_id,
        )
    control = Gateway(store, authenticator, site, observe=observe, audit=note, dispatcher=Control(authenticator))
    gateway = Gateway(
        store,
        authenticator,
        site,
        domain=spec.domain,
        website=website,
        website_domain=spec.website_domain,
        control=control,
        ops=ops,
        observe=observe,
        audit=note,
        access_log=access_log,
        first_byte=metrics.observe_first_byte if spec.counting else None,
        slow=SlowLog(spec.slow_seconds),
        audience=audience if spec.counting else None,
        host_id=host_id,
    )
    tracing = Tracing(spec.trace_endpoint, spec.trace_ratio, name) if spec.trace_endpoint else None
    if tracing is not None:
        tracing.install()
    application = tracing.application(gateway) if tracing else gateway
    configuration, certificates = _configuration(spec, application), None
    if spec.tls:
        certificates = Certificates(*map(Path, spec.tls))
        configuration.load()
        configuration.ssl = certificates.context
        count_certificate(metrics, certificates)
    server = HttpServer(configuration, report_ready)
    metrics.gauge_from("objstore_connections", lambda: len(server.server_state.connections))
    metrics.gauge_from("objstore_s3_requests_inflight", lambda: len(server.server_state.tasks))
    count_drives(metrics, store.roster.opened)
    count_degraded(metrics, lambda: store.context.catalog.degraded_reads)
    count_hedges(metrics)
    count_clients(metrics, store.context.flows)
    count_queues(metrics, store.queues.items)
    count_connections(metrics, database.pool)
    heap = Heap()
    count_process(metrics, "gateway", codec_name(), heap)
    accesses = store.context.accesses
    folding = Folding(accesses, database)
    count_accesses(metrics, accesses, folding)
    counting = asyncio.create_task(metrics.run() if spec.counting else asyncio.sleep(0))
    limiting = asyncio.create_task(quotas.run())
    served = asyncio.Event()
    logged = asyncio.create_task(access_log.run(served))
    counted = [of_requests(metrics), of_clients(store.context.flows), of_drives(store.roster.opened)]
    recorder = Recorder(database, f"{spec.node}#{spec.index}", counted, [of_audience(audience)])
    recorded = asyncio.create_task(recorder.run(served) if spec.counting else asyncio.sleep(0))
    kept_small = asyncio.create_task(keep_small(heap, served))
    auditing = asyncio.create_task(audit.run()) if audit else None
    folded = asyncio.create_task(run_folding(folding, accesses, spec.heat_seconds, served))
    stopping = [asyncio.create_task(_exit_on(stop, server))]
    if certificates is not None:
        stopping.append(asyncio.create_task(certificates.run()))
    try:
        await server.serve(sockets=[listen(spec.host, spec.port)])
    finally:
        for task in stopping:
            task.cancel()
        served.set()
        await asyncio.wait([folded, logged, recorded, kept_small])
        if audit is not None and auditing is not None:
            auditing.cancel()
            await audit.flush()
        await identities.close()
        await store.close()
        for task in (counting, limiting):
            task.cancel()
        await asyncio.wait([counting, limiting])
        await database.close()
        for drive in drives:
            drive.close()
        for remote in remotes:
            remote.close()
        if connector is not None:
            await connector.close()
        if tracing is not None:
            await asyncio.to_thread(tracing.close)


def _configuration(spec: WorkerSpec, application: Application) -> uvicorn.Config:
    return configure(
        application,
        spec.header_seconds,
        spec.stall_seconds,
        backlog=BACKLOG,
        timeout_keep_alive=int(spec.keep_alive_seconds) or 1,
        timeout_graceful_shutdown=int(spec.drain_seconds),
    )


async def _exit_on(stop: asyncio.Event, server: uvicorn.Server) -> None:
    await stop.wait()
    server.should_exit = True

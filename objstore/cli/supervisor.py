"""The supervisor: makes everything ready, starts the workers, watches them, and stops all in order.

    start   lock, Postgres, migrations, drives, credentials, gateway workers and background worker, banner
    stop    gateways finish what is in flight, then the background worker, then Postgres

Only this process touches Postgres and the data directory's own files. If it is killed, its children go with it.
"""

import asyncio
import hashlib
import json
import os
import shutil
import signal
import socket
from pathlib import Path
from typing import Any

import structlog

from objstore.api.metrics import forget_process
from objstore.cli.banner import banner
from objstore.cli.check_postgres import POLL_SECONDS, check_postgres
from objstore.cli.credentials import Credentials, cluster_credentials, load_credentials
from objstore.cli.drives import Found, find_drives, row_of
from objstore.cli.endpoint import endpoint_of, reserve
from objstore.cli.forks import Forks
from objstore.cli.lock import lock_directory
from objstore.cli.logs import configure_logs
from objstore.cli.master_key import load_master_keys
from objstore.cli.migrating import migrate
from objstore.cli.postgres import EmbeddedPostgres
from objstore.cli.problem import StartError
from objstore.cli.process import Child, worker_environment
from objstore.cli.remote import remote_row, remote_specs
from objstore.cli.secret import check_cluster_secret
from objstore.cli.settings import Settings
from objstore.cli.spec import EventTargetSpec, RemoteSpec, WorkerSpec
from objstore.cli.tls import Certificates
from objstore.drive.node_auth import derive_key
from objstore.erasure.codec import codec_name
from objstore.meta.database import Database
from objstore.meta.drives import Drives
from objstore.meta.nodes import Nodes
from objstore.meta.tier_names import class_codes, tier_names
from objstore.model import clock
from objstore.model.errors import DatabaseUnavailable
from objstore.model.tiers import TIERS_DEFAULT

ALL, GATEWAY, WORKER = "serve", "gateway", "worker"  # what a supervisor runs

log = structlog.get_logger(__name__)


def serve(settings: Settings, ready_file: Path | None, part: str = ALL) -> None:
    """Run a server, or a part of a cluster, until SIGTERM or SIGINT; raises StartError if it cannot start."""
    os.umask(0o077)
    if settings.tls_cert and settings.tls_key:
        Certificates(settings.tls_cert, settings.tls_key)  # say at once what is wrong with them
    reserved = reserve(settings.host, settings.port if part != WORKER else 0)
    data = settings.data.absolute()
    if part != ALL:  # several of one host, each with a directory of its own
        check_cluster_secret(settings.cluster_secret)
        data /= part if part == WORKER else f"{part}-{reserved.getsockname()[1]}"
    lock_directory(data)
    configure_logs(settings.log_format, settings.log_level, worker="supervisor")
    credentials = load_credentials(settings) if part == ALL else cluster_credentials(settings, data)
    run = _clean_directory(data / "run")
    (run / "metrics").mkdir()
    forks = Forks(worker_environment(str(run / "metrics")))  # it imports while the database starts
    postgres = None
    try:
        if settings.database_url is None and part == ALL:
            postgres = EmbeddedPostgres(data / "postgres", data / "postgres.log")
            postgres.start()
        url = postgres.url if postgres else str(settings.database_url)
        asyncio.run(_Supervisor(settings, credentials, url, postgres, reserved, run, ready_file, part, forks).run())
    finally:
        if postgres is not None:
            postgres.stop()
        reserved.close()


class _Supervisor:
    def __init__(
        self,
        settings: Settings,
        credentials: Credentials,
        url: str,
        postgres: EmbeddedPostgres | None,
        reserved: socket.socket,
        run: Path,
        ready_file: Path | None,
        part: str,
        forks: Forks,
    ) -> None:
        self._part = part
        self._settings, self._credentials, self._url = settings, credentials, url
        self._postgres, self._reserved, self._ready_file = postgres, reserved, ready_file
        self._run_directory, self._metrics_directory = run, run / "metrics"
        self._forks = forks
        self._state_file = run / "server.json"
        self._children: list[Child] = []
        self._started = clock.now_seconds()
        self._ready = False
        self._master_keys = load_master_keys(settings, in_cluster=part != ALL)
        self._renewing: asyncio.Task[None] | None = None
        self._remotes: list[RemoteSpec] = []
        self._tiers: list[str] = []
        self._class_codes: dict[str, int] = {}

    async def run(self) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal, stop)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._on_hang_up)
        found = await self._prepare()
        self._start_children(found)
        tasks: set[asyncio.Task[Any]] = {
            asyncio.create_task(stop.wait()),
            asyncio.create_task(self._watch_postgres()),
        }
        try:
            await self._until_ready(found, tasks)
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            if self._renewing is not None:
                self._renewing.cancel()
            await self._stop()
        for task in tasks:
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error

    def _on_signal(self, stop: asyncio.Event) -> None:
        if stop.is_set():  # a second time: do not wait for requests in flight
            for child in self._children:
                child.kill()
        stop.set()

    def _on_hang_up(self) -> None:
        """Exchange the gateways one after the other, for instance after an upgrade; once at a time."""
        if self._ready and (self._renewing is None or self._renewing.done()):
            self._renewing = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        """Each new one is ready before the old one drains: there is always somebody who listens."""
        self._forks.renew()
        for old in self._role("gateway"):
            new = Child(old.spec, old.forks, self._on_change)
            await new.ready.wait()
            self._children[self._children.index(old)] = new
            await old.stop(self._settings.drain_seconds)
        log.info("gateways_renewed")
        self._on_change(None)

    async def _prepare(self) -> Found:
        """Migrations and drives; raises StartError."""
        if self._postgres is None:
            await check_postgres(self._url, wait=self._part != ALL)
        try:
            await migrate(self._url)
            database = await Database.connect(
                self._url, pool_size=1, application_name="objstore-supervisor", is_pooled=self._settings.database_pooler
            )
            try:
                rows = Drives(database)
                if self._part == ALL:
                    found = await find_drives(self._settings, await rows.list())
                    await Nodes(database).cluster_id(found.cluster_id)
                else:
                    proposed = clock.random_id().hex()
                    found = Found(await Nodes(database).cluster_id(proposed), self._settings.profiles())
                for drive in found.drives:
                    await rows.register(row_of(drive))
                self._remotes = remote_specs(self._settings.tier, found.cluster_id)
                for remote in self._remotes:
                    await rows.register(remote_row(remote))
                configured = [*TIERS_DEFAULT, *found.profiles, *(remote.tier for remote in self._remotes)]
                self._tiers = await tier_names(database, configured)
                self._class_codes = await class_codes(database, list(self._settings.like_by_class()))
            finally:
                await database.close()
        except DatabaseUnavailable as error:
            raise StartError(f"the database cannot be used: {error}") from None
        for problem in found.problems:
            log.error("drive_left_out", drive=problem)
        return found

    def _start_children(self, found: Found) -> None:
        gateways = 0 if self._part == WORKER else self._settings.workers
        roles = [("gateway", index) for index in range(gateways)]
        if self._part != GATEWAY:
            roles.append(("background", 0))
        for role, index in roles:
            self._children.append(Child(self._spec(role, index, found), self._forks, self._on_change))

    async def _until_ready(self, found: Found, tasks: set["asyncio.Task[Any]"]) -> None:
        """Wait for every worker, say that the server is ready; a stop or a failure in between ends the wait."""
        ready: asyncio.Future[Any] = asyncio.gather(*[child.ready.wait() for child in self._children])
        await asyncio.wait({ready, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            return
        self._ready = True
        self._on_change(None)
        if self._part == WORKER:
            print("objstore worker is ready", flush=True)
            return
        endpoint = self._endpoint()
        print(banner(endpoint, self._settings.region, self._credentials, codec_name(), found.problems), flush=True)

    async def _watch_postgres(self) -> None:
        """Start Postgres again if it ends by itself; workers connect anew."""
        while self._postgres is not None:
            await asyncio.sleep(POLL_SECONDS)
            if (code := self._postgres.poll()) is not None:
                log.error("postgres_ended", code=code)
                self._postgres.start()  # here, not in a thread: Postgres is told when its parent thread ends
        await asyncio.Event().wait()

    async def _stop(self) -> None:
        log.info("draining", seconds=self._settings.drain_seconds)
        await asyncio.gather(*[child.stop(self._settings.drain_seconds) for child in self._role("gateway")])
        await asyncio.gather(*[child.stop(self._settings.drain_seconds) for child in self._role("background")])

    def _endpoint(self) -> str:
        return endpoint_of(self._reserved, "https" if self._settings.tls_cert else "http")

    def _role(self, role: str) -> list[Child]:
        return [child for child in self._children if child.role == role]

    def _on_change(self, ended_pid: int | None) -> None:
        """A worker has ended, or all are ready: forget its gauges, write down what runs."""
        if ended_pid is not None:
            forget_process(ended_pid, str(self._metrics_directory))
        if not self._ready:
            return
        state = {
            "endpoint": None if self._part == WORKER else self._endpoint(),
            "pid": os.getpid(),
            "workers": [child.pid for child in self._role("gateway")],
            "background": next((child.pid for child in self._role("background")), None),
            "postgres": self._postgres.pid if self._postgres else None,
            "database_url": self._url if self._postgres else None,
            "credentials": str(self._credentials.path) if self._credentials.path else None,
        }
        for path in filter(None, (self._state_file, self._ready_file)):
            temporary = path.with_name(path.name + ".new")
            temporary.write_text(json.dumps(state, indent=1) + "\n")
            temporary.rename(path)

    def _spec(self, role: str, index: int, found: Found) -> WorkerSpec:
        settings = self._settings
        return WorkerSpec(
            role=role,
            index=index,
            node=socket.gethostname(),
            cluster_id=found.cluster_id,
            owner_id=hashlib.sha256(f"root of {found.cluster_id}".encode()).hexdigest(),
            access_key=self._credentials.access_key,
            secret_key=self._credentials.secret_key,
            database_url=self._url,
            database_pool=settings.database_pool,
            database_pooler=settings.database_pooler,
            region=settings.region,
            domain=settings.domain or "",
            website_domain=settings.website_domain or "",
            host=settings.host,
            port=self._reserved.getsockname()[1],
            workers=settings.workers,
            tls=[str(path.absolute()) for path in (settings.tls_cert, settings.tls_key) if path is not None],
            node_key="" if self._part == ALL else derive_key(str(settings.cluster_secret)).hex(),
            ops_listen=(settings.ops_listen or "") if self._part == WORKER else "",
            detection=settings.detection(),
            drives=found.drives,
            drive_problems=found.problems,
            profiles=found.profiles | settings.remote_profiles(),
            remotes=self._remotes,
            tiers=self._tiers,
            run_directory=str(self._run_directory),
            log_format=settings.log_format,
            log_level=settings.log_level,
            drain_seconds=settings.drain_seconds,
            header_seconds=settings.header_seconds,
            keep_alive_seconds=settings.keep_alive_seconds,
            stall_seconds=settings.stall_seconds,
            compact_garbage_ratio=settings.compact_garbage_ratio,
            compact_interval_seconds=settings.compact_interval_seconds,
            background_nice=settings.background_nice,
            retire_grace_seconds=settings.retire_grace_seconds,
            lifecycle_day_seconds=settings.lifecycle_day_seconds,
            transition_min_bytes=settings.transition_min_bytes,
            intelligent_tiering_min_bytes=settings.intelligent_tiering_min_bytes,
            intelligent_tiering_days=settings.intelligent_tiering_days,
            heat_seconds=settings.fold_seconds(),
            warm_on_head=settings.warm_on_head,
            warm_on_head_days=settings.warm_on_head_days,
            lifecycle=settings.lifecycle(),
            repair=settings.repair(),
            storage_classes=settings.tier_by_class(),
            like=settings.like_by_class(),
            class_codes=self._class_codes,
            tier_prices=settings.tier_prices,
            account_id=_account_id(settings, found.cluster_id),
            owners_manage=settings.owners_manage,
            object_ownership=settings.object_ownership,
            public_access_block=settings.public_access_block,
            lenient=settings.lenient,
            oidc_private=settings.oidc_private,
            audit_file=str(settings.audit_file.absolute()) if settings.audit_file else "",
            audit_webhook=settings.audit_webhook,
            events=[EventTargetSpec(name, **target.model_dump()) for name, target in settings.events.items()],
            master_keys=self._master_keys,
            access_log_seconds=settings.access_log_seconds,
            slow_seconds=settings.slow_seconds,
            trace_endpoint=settings.trace_endpoint,
            trace_ratio=settings.trace_ratio,
            sse_c_over_http=settings.sse_c_over_http,
            kms_keys=settings.kms_keys,
            kms_default_key=settings.kms_default_key,
            vault_address=settings.vault_address,
            vault_mount=settings.vault_mount,
            vault_token=settings.vault_token,
            flush_seconds=settings.bench_flush_seconds,
            counting=settings.bench_counting,
            started=self._started,
        )


def _account_id(settings: Settings, cluster_id: str) -> str:
    """Id of the server's own account: as set, or twelve digits made of the cluster's."""
    if settings.account_id is not None:
        return settings.account_id
    number = int.from_bytes(hashlib.sha256(f"account of {cluster_id}".encode()).digest()[:8], "big")
    return f"{number % 10**12:012}"


def _clean_directory(path: Path) -> Path:
    """What a run leaves here is of no use to the next."""
    if path.exists():
        shutil.rmtree(path)
    path.mkdir(mode=0o700)
    return path

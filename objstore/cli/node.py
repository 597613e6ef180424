"""A node: one process that serves the drives of this host to gateways, and says every second that they are there.

start   secret, Postgres (waited for), migrations, drives, row of the node, port open
beat    each drive is looked at: one that is gone, or is another one now, is not said to be there
stop    requests in flight are finished, the drives closed
"""

import asyncio
import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
import uvicorn
import uvloop

from objstore import __version__
from objstore.cli.check_postgres import check_postgres
from objstore.cli.drives import find_drive
from objstore.cli.endpoint import listen, reserve
from objstore.cli.http_server import HttpServer, configure
from objstore.cli.logs import configure_logs
from objstore.cli.migrating import migrate
from objstore.cli.problem import StartError
from objstore.cli.secret import check_cluster_secret
from objstore.cli.settings import TIERS, Settings
from objstore.cli.watch import BEAT_SECONDS, beat
from objstore.cli.worker import allow_files, stop_event
from objstore.drive.identify import read_identity
from objstore.drive.local import LocalDrive
from objstore.drive.node_auth import derive_key
from objstore.drive.node_server import NodeServer
from objstore.meta.database import Database
from objstore.meta.drives import Drives
from objstore.meta.nodes import Node, Nodes
from objstore.model import clock
from objstore.model.errors import CorruptData, DatabaseUnavailable, DriveError, ObjstoreError
from objstore.model.states import DriveState
from objstore.model.volumes import Drive

RESCAN_SECONDS = 5.0
BACKLOG = 1024
_ANY = {"0.0.0.0", "::"}

log = structlog.get_logger(__name__)


def serve_node(settings: Settings, listen_at: str, ready_file: Path | None) -> None:
    """Run a node until SIGTERM or SIGINT; raises StartError if it cannot start."""
    os.umask(0o077)
    secret = check_cluster_secret(settings.cluster_secret)
    if not settings.database_url:
        raise StartError("set OBJSTORE_DATABASE_URL: the Postgres of the cluster")
    host, port = parse_address(listen_at)
    drives = [(tier, path) for tier, paths in settings.drive_paths().items() for path in paths]
    if not drives:
        raise StartError("name the drives that the node serves: --drive hot=PATH, --drive capacity=PATH")
    for tier, path in drives:
        if tier not in TIERS or not path.is_dir():
            raise StartError(f"drive {tier}={path}: there is no such directory")
    configure_logs(settings.log_format, settings.log_level, worker="node")
    reserved = reserve(host, port)
    address = settings.advertise or _address(host, reserved.getsockname()[1])
    name = settings.node_name or address.removeprefix("http://")
    allow_files()
    node = Node(name, address, settings.zone, settings.rack, __version__)
    try:
        uvloop.run(_Node(settings, node, derive_key(secret), drives, reserved, host, ready_file).run())
    except DatabaseUnavailable as error:
        raise StartError(f"the database cannot be used: {error}") from None
    finally:
        reserved.close()


def parse_address(text: str) -> tuple[str, int]:
    """HOST:PORT; raises StartError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise StartError(f"--listen {text}: write HOST:PORT")
    return host.strip("[]"), int(port)


def _address(host: str, port: int) -> str:
    host = socket.gethostname() if host in _ANY else host
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@dataclass(slots=True)
class _Slot:
    """A directory that is to be a drive. ``lock``: descriptor of its lock, -1 without one."""

    tier: str
    path: Path
    drive: LocalDrive | None = None
    problem: str = ""
    lock: int = field(default=-1)


class _Node:
    def __init__(
        self,
        settings: Settings,
        node: Node,
        key: bytes,
        drives: Sequence[tuple[str, Path]],
        reserved: socket.socket,
        host: str,
        ready_file: Path | None,
    ) -> None:
        self._settings, self._node, self._host, self._reserved = settings, node, host, reserved
        self._slots = [_Slot(tier, path) for tier, path in drives]
        self._served: dict[str, LocalDrive] = {}
        self._server = NodeServer(self._served, key)
        self._ready_file = ready_file
        self._cluster_id = ""

    async def run(self) -> None:
        stop = stop_event()
        if not await _unless(stop, check_postgres(str(self._settings.database_url), wait=True)):
            return
        await migrate(str(self._settings.database_url))
        url = str(self._settings.database_url)
        self._database = await Database.connect(
            url, pool_size=2, application_name="objstore-node", is_pooled=self._settings.database_pooler
        )
        self._nodes, self._drives = Nodes(self._database), Drives(self._database)
        self._cluster_id = await self._nodes.cluster_id(await self._proposed())
        await self._open_all()
        await self._nodes.register(self._node)
        server = HttpServer(self._configuration(), self._tell)
        tasks = [asyncio.create_task(self._beat()), asyncio.create_task(self._rescan())]
        stopping = asyncio.create_task(self._stop(stop, server))
        try:
            await server.serve(sockets=[listen(self._host, self._reserved.getsockname()[1])])
        finally:
            for task in [*tasks, stopping]:
                task.cancel()
            await asyncio.wait([*tasks, stopping])
            for drive in self._served.values():
                drive.close()
            await self._database.close()

    async def _stop(self, stop: asyncio.Event, server: HttpServer) -> None:
        await stop.wait()
        server.should_exit = True

    def _tell(self) -> None:
        problems = [f"{slot.tier}={slot.path}: {slot.problem}" for slot in self._slots if slot.problem]
        print(f"objstore node {self._node.name} is ready at {self._node.address}: {len(self._served)} drives")
        for problem in problems:
            print(f"  warning      drive left out: {problem}")
        if self._ready_file is not None:
            state = {"node": self._node.name, "address": self._node.address, "pid": os.getpid(), "problems": problems}
            temporary = self._ready_file.with_name(self._ready_file.name + ".new")
            temporary.write_text(json.dumps(state, indent=1) + "\n")
            temporary.rename(self._ready_file)

    def _configuration(self) -> uvicorn.Config:
        settings = self._settings
        return configure(
            self._server,
            settings.header_seconds,
            settings.stall_seconds,
            date_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=int(settings.keep_alive_seconds) or 1,
            timeout_graceful_shutdown=int(settings.drain_seconds),
        )

    async def _proposed(self) -> str:
        """The id of a cluster whose drives are here, else a new one: it counts if the database has none."""
        for slot in self._slots:
            with contextlib.suppress(CorruptData, OSError):
                if (identity := await read_identity(slot.path)) is not None:
                    return identity.cluster_id
        return clock.random_id().hex()

    async def _open_all(self) -> None:
        """Open every slot that has no drive; note why where that does not work."""
        closed = [slot for slot in self._slots if slot.drive is None]
        if not closed:
            return
        known = await self._drives.list()
        for slot in closed:
            try:
                await self._open(slot, known)
                slot.problem = ""
            except (DriveError, CorruptData, OSError) as error:
                if slot.problem != str(error):
                    log.error("drive_left_out", drive=str(slot.path), reason=str(error))
                slot.problem = str(error) or repr(error)

    async def _open(self, slot: _Slot, known: Sequence[Drive]) -> None:
        node = self._node
        found = await find_drive(slot.path, slot.tier, self._cluster_id, known, node.name)
        if found.id in self._served:
            raise DriveError(f"drive {found.id} is here twice: one is a copy of the other")
        slot.lock = _lock(slot.path)
        identity = await read_identity(slot.path)
        assert identity is not None
        drive = LocalDrive(slot.path, identity, self._settings.bench_flush_seconds)
        capacity, free = await drive.space()
        row = Drive(
            found.id, slot.tier, node.name, f"{node.address}#{slot.path}", node.zone, node.rack,
            DriveState.UP, capacity, free,
        )  # fmt: skip
        await self._drives.register(row)
        slot.drive = self._served[found.id] = drive
        log.info("drive_served", drive=found.id, path=str(slot.path))

    async def _beat(self) -> None:
        while True:
            await beat(self._nodes, self._node.name, list(self._served.values()))
            await asyncio.sleep(BEAT_SECONDS)

    async def _rescan(self) -> None:
        """A directory may be mounted later, or have another drive by now."""
        while True:
            await asyncio.sleep(RESCAN_SECONDS)
            for slot in self._slots:
                if slot.drive is not None and not slot.drive.reachable and await self._is_another(slot):
                    self._close(slot)
            try:
                await self._open_all()
            except ObjstoreError as error:
                log.warning("no_rescan", error=repr(error))

    async def _is_another(self, slot: _Slot) -> bool:
        try:
            identity = await read_identity(slot.path)
        except (CorruptData, OSError):
            return False
        return slot.drive is not None and (identity is None or identity.drive_id != slot.drive.id)

    def _close(self, slot: _Slot) -> None:
        if slot.drive is not None:
            del self._served[slot.drive.id]
            slot.drive.close()
            slot.drive = None
        if slot.lock >= 0:
            os.close(slot.lock)
            slot.lock = -1


def _lock(path: Path) -> int:
    """Of a drive: two processes would write to the same shards. The kernel gives it up with the process."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise DriveError(f"{path} is served by another process") from None
    return fd


async def _unless(stop: asyncio.Event, work: Any) -> bool:
    """Do ``work``; False if there was a stop before it was done."""
    task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if task.done():
        task.result()
        return True
    task.cancel()
    return False

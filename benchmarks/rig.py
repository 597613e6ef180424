"""Rig: what the cases share: options, the server, the floors. Servers start when a case first asks for one."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from benchmarks.client import Spec
from benchmarks.cluster import ClusterServer
from benchmarks.floor import floor
from benchmarks.server import ObjectServer

Server = TypeVar("Server", bound=ObjectServer)
OBJECTS, FULL_OBJECTS = 1_000_000, 10_000_000


@dataclass(frozen=True, slots=True)
class Options:
    """``seconds`` and ``runs`` of each rate; ``objects`` of the metadata case; ``folder`` holds all that is written."""

    folder: Path
    client: str
    workers: int
    seconds: float = 3.0
    runs: int = 3
    objects: int = OBJECTS


class Rig:
    """Opened with ``with``; on leaving, everything is stopped and removed."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._stack = ExitStack()
        self._count = 0

    def __enter__(self) -> "Rig":
        self.options.folder.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="objstore-bench-", dir=self.options.folder))
        self.folder.chmod(0o755)  # Postgres runs as another user when we are root
        self._stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @cached_property
    def server(self) -> ObjectServer:
        """The server with its defaults, shared by the cases that need no other."""
        return self._stack.enter_context(self.other_server())

    @cached_property
    def floor_port(self) -> int:
        """Port of the floors, with as many workers as the server has."""
        return self._stack.enter_context(floor(self.options.workers))

    @contextmanager
    def other_server(
        self, environment: Mapping[str, str] | None = None, workers: int | None = None
    ) -> Iterator[ObjectServer]:
        """A server of the case's own, removed with its data afterwards."""
        with self._running(ObjectServer(self._new_folder(), workers or self.options.workers, environment)) as server:
            yield server

    @contextmanager
    def cluster(self, nodes: int) -> Iterator[ClusterServer]:
        """A cluster on loopback, with one gateway, removed with its data afterwards."""
        with self._running(ClusterServer(self._new_folder(), nodes)) as server:
            yield server

    def _new_folder(self) -> Path:
        self._count += 1
        return self.folder / f"server-{self._count}"

    @contextmanager
    def _running(self, server: Server) -> Iterator[Server]:
        try:
            server.start()
            yield server
        finally:
            server.stop()
            shutil.rmtree(server.folder, ignore_errors=True)
            shutil.rmtree(server.scratch, ignore_errors=True)

    def at_floor(self, spec: Spec) -> Spec:
        """The same requests sent to the floor, which looks at no signature."""
        return self.at(spec, self.floor_port)

    def at(self, spec: Spec, port: int) -> Spec:
        """The same requests sent elsewhere."""
        return replace(spec, port=port)

    @property
    def free_bytes(self) -> int:
        """Space left where the data lies."""
        return shutil.disk_usage(self.folder).free

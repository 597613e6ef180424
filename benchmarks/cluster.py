"""The cluster under test: ``objstore cluster run``, a drive a node, one gateway, and what is done to its nodes."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.figures import BenchmarkError
from benchmarks.server import HOST, ObjectServer
from benchmarks.stream import Transfer, run_lanes

ADMIN = "/-/admin/v1"
STOPPED_SECONDS, MOVING_SECONDS = 0.245, 0.005  # of a node that is fifty times slower
POLL_SECONDS = 0.1
LANES = 2


class ClusterServer(ObjectServer):
    """``nodes`` processes with a hot drive each, a gateway, a worker, Postgres, on loopback."""

    def __init__(self, folder: Path, nodes: int) -> None:
        super().__init__(folder, workers=1)
        self.nodes = nodes

    @property
    def command(self) -> list[str]:
        """What is started."""
        return [
            *(sys.executable, "-m", "objstore", "cluster", "run", "--data", str(self.folder), "--host", HOST),
            *("--port", str(self.port), "--nodes", str(self.nodes), "--hot", str(self.nodes), "--capacity", "0"),
        ]

    def fill_large(self, bucket: str, size: int, count: int) -> list[str]:
        """Make the bucket and ``count`` objects of ``size`` bytes in it, a few at a time; their paths."""
        self.make_bucket(bucket)
        paths = [f"/{bucket}/{number}" for number in range(count)]
        puts = [Transfer("PUT", self.presigner.target("PUT", path), size) for path in paths]
        run_lanes(HOST, self.port, [puts[lane::LANES] for lane in range(LANES)])
        return paths

    def admin(self, method: str, path: str) -> Any:
        """The answer of the admin API."""
        return json.loads(self.request(method, ADMIN + path, body=b"" if method == "POST" else None)[1])

    def until(self, what: str, seconds: float, path: str, true: Any) -> float:
        """Seconds until an answer of the admin API is as it should be; raises BenchmarkError."""
        began = time.monotonic()
        while not true(self.admin("GET", path)):
            if time.monotonic() - began > seconds:
                raise BenchmarkError(f"{what}: not within {seconds:.0f} s")
            time.sleep(POLL_SECONDS)
        return time.monotonic() - began

    def until_whole(self, seconds: float) -> float:
        """Seconds until every drive is up and no volume lacks a shard."""
        return self.until("all drives up and all volumes whole", seconds, "/status", self._is_whole)

    def _is_whole(self, status: dict[str, Any]) -> bool:
        up = sum(drive["state"] == "up" for drive in status["drives"])
        return up == self.nodes and not status["volumes_short_of_redundancy"]

    @contextmanager
    def slow_node(self, number: int) -> Iterator[None]:
        """A node fifty times slower: it stands still most of the time."""
        pid = int(json.loads((self.folder / "run" / f"node-{number}.json").read_text())["pid"])
        over = threading.Event()

        def drag() -> None:
            while not over.is_set():
                os.kill(pid, signal.SIGSTOP)
                over.wait(STOPPED_SECONDS)
                os.kill(pid, signal.SIGCONT)
                over.wait(MOVING_SECONDS)

        thread = threading.Thread(target=drag)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

"""The server under test: ``objstore serve`` in a directory of its own, and what can be read from outside it."""

import hashlib
import http.client
import os
import re
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

from benchmarks import processes
from benchmarks.client import Spec
from benchmarks.figures import BenchmarkError
from benchmarks.floor import free_port
from benchmarks.load import CONNECTIONS, run_load
from benchmarks.presign import Presigner

START_SECONDS = 90
STOP_SECONDS = 60
METRICS_SECONDS = 1.3  # workers hand theirs to each other once a second
HOST = "127.0.0.1"


class ObjectServer:
    """One ``objstore serve``. ``folder`` is its data directory; ``environment`` is added to ours."""

    def __init__(self, folder: Path, workers: int, environment: Mapping[str, str] | None = None) -> None:
        self.folder, self.workers, self.port = folder, workers, free_port()
        self.scratch = folder.with_name(folder.name + "-requests")
        self.scratch.mkdir(parents=True)
        self.access_key, self.secret_key = "bench", secrets.token_hex(16)
        self.environment = {
            **os.environ,
            "OBJSTORE_ACCESS_KEY": self.access_key,
            "OBJSTORE_SECRET_KEY": self.secret_key,
            **(environment or {}),
        }
        self.presigner = Presigner(self.access_key, self.secret_key, f"{HOST}:{self.port}")
        self.log = folder.with_name(folder.name + ".log")
        self.filled: dict[str, list[str]] = {}

    @property
    def command(self) -> list[str]:
        """What is started."""
        return [
            *(sys.executable, "-m", "objstore", "serve", "--data", str(self.folder)),
            *("--host", HOST, "--port", str(self.port), "--workers", str(self.workers)),
        ]

    def start(self) -> None:
        """Start it and wait until it is ready; raises BenchmarkError with the end of its log."""
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self.command, env=self.environment, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if self._ready() and len(self.worker_pids()) >= self.workers:
                return
            time.sleep(0.1)
        raise BenchmarkError(
            "the server did not start: " + " / ".join(self.log.read_text().split("\n")[-4:]).strip(" /")
        )

    def stop(self) -> None:
        """SIGTERM, and SIGKILL when it does not end."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self.port}/-/health/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    # --- requests ---------------------------------------------------------------------------------------------

    def request(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """One presigned request; raises BenchmarkError unless it is answered with 2xx."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=120)
        connection.request(method, self.presigner.target(method, path, query), body=body)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        if not 200 <= answer.status < 300:
            raise BenchmarkError(f"{method} {path}: {answer.status} {data[:300]!r}")
        return answer, data

    def make_bucket(self, bucket: str) -> None:
        """Create a bucket."""
        self.request("PUT", f"/{bucket}", body=b"")

    def targets_file(self, name: str, method: str, paths: Iterable[str]) -> str:
        """File with a presigned target a line; its path."""
        path = self.scratch / name
        sign = self.presigner.target
        path.write_text("\n".join([sign(method, one) for one in paths]))
        return str(path)

    def body_file(self, size: int) -> str:
        """File with ``size`` random bytes; its path."""
        path = self.scratch / f"body-{size}"
        if not path.exists():
            path.write_bytes(os.urandom(size))
        return str(path)

    def fill(self, bucket: str, size: int, count: int) -> list[str]:
        """Make the bucket and ``count`` objects of ``size`` bytes in it, once; their paths."""
        if bucket not in self.filled:
            self.make_bucket(bucket)
            paths = [f"/{bucket}/get/{i % 100:02d}/{i:08d}" for i in range(count)]
            run_load(
                Spec(
                    HOST,
                    self.port,
                    self.targets_file(f"fill-{bucket}", "PUT", paths),
                    "PUT",
                    self.body_file(size),
                    requests=count,
                ),
                "bundled",
            )
            self.filled[bucket] = paths
        return self.filled[bucket]

    def put_spec(self, bucket: str, size: int, count: int, seconds: float, connections: int = CONNECTIONS) -> Spec:
        """Load of PUTs to ``count`` distinct keys."""
        paths = (f"/{bucket}/put/{i % 100:02d}/{i:08d}" for i in range(count))
        name = f"put-{bucket}-{time.monotonic_ns()}"
        targets = self.targets_file(name, "PUT", paths)
        return Spec(HOST, self.port, targets, "PUT", self.body_file(size), connections=connections, seconds=seconds)

    def get_spec(self, name: str, paths: Iterable[str], seconds: float, connections: int = CONNECTIONS) -> Spec:
        """Load of GETs of random ones of ``paths``."""
        targets = self.targets_file(f"get-{name}", "GET", paths)
        return Spec(HOST, self.port, targets, "GET", order="random", connections=connections, seconds=seconds)

    def check_objects(self, paths: Iterable[str], size: int) -> None:
        """Read objects back and compare them with the body file; raises BenchmarkError."""
        wanted = hashlib.md5(Path(self.body_file(size)).read_bytes()).digest()
        for path in paths:
            if hashlib.md5(self.request("GET", path)[1]).digest() != wanted:
                raise BenchmarkError(f"{path} reads back wrong")

    # --- figures from outside ---------------------------------------------------------------------------------

    def metrics(self, name: str) -> dict[str, float]:
        """Values of a metric on ``/-/metrics`` by their label text, over all workers; waits until they are told."""
        time.sleep(METRICS_SECONDS)
        with urllib.request.urlopen(f"http://{HOST}:{self.port}/-/metrics", timeout=10) as answer:
            text = answer.read().decode()
        found = re.findall(rf"^{re.escape(name)}(\{{[^}}]*\}})? +(\S+)", text, re.M)
        if not found:
            raise BenchmarkError(f"/-/metrics has no {name}")
        return {labels: float(value) for labels, value in found}

    def metric(self, name: str) -> float:
        """Sum of a metric over all its labels."""
        return sum(self.metrics(name).values())

    def pids(self) -> list[int]:
        """All processes of the server, its Postgres included."""
        return sorted({*processes.tree(self.process.pid), *self.postgres_pids()})

    def worker_pids(self) -> list[int]:
        """Gateway workers: who listens on the port."""
        return processes.listeners(processes.tree(self.process.pid), self.port)

    def background_pid(self) -> int:
        """The process that runs the lifecycle engine."""
        (found,) = processes.named(processes.tree(self.process.pid), "background-0")
        return found

    def postgres_pids(self) -> list[int]:
        """The embedded Postgres and its backends."""
        return processes.tree(int(self._postmaster()[0])) if self._postmaster() else []

    def dsn(self) -> str:
        """The database, for asyncpg: the one given, else the embedded one by its postmaster.pid."""
        given = self.environment.get("OBJSTORE_DATABASE_URL")
        if given:
            return given
        lines = self._postmaster()
        if not lines:
            raise BenchmarkError(f"no Postgres runs in {self.folder}")
        return f"postgresql://postgres@/objstore?host={quote(lines[4], safe='')}&port={lines[3]}"

    def _postmaster(self) -> list[str]:
        """Lines of postmaster.pid: pid, data directory, start, port, socket directory, …"""
        found = next(self.folder.rglob("postmaster.pid"), None) if self.folder.exists() else None
        return found.read_text().splitlines() if found else []

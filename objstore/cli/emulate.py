"""A whole cluster on this machine: embedded Postgres, nodes, gateways and a worker, each a process of its own.

For development and for seeing what happens when a part of it is killed: a part that ends is started again after a
second. Everything is below DIR; the secret and the root's keys are made at the first start.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from objstore.cli.credentials import write_credentials
from objstore.cli.credentials_file import FILE_NAME
from objstore.cli.lock import lock_directory
from objstore.cli.postgres import EmbeddedPostgres
from objstore.cli.problem import StartError
from objstore.cli.secret import root_keys
from objstore.drive.directory import sync_directory
from objstore.model import clock

SECRET_FILE = "cluster-secret"
RESTART_SECONDS = 1.0
POLL_SECONDS = 0.1
START_SECONDS_MAX = 180.0
STOP_SECONDS_MAX = 45.0


class Part:
    """A process of the cluster."""

    def __init__(self, name: str, arguments: Sequence[str], directory: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.ready_file = directory / "run" / f"{name}.json"
        self._log = directory / "run" / f"{name}.log"
        self._command = [sys.executable, "-P", "-m", "objstore", *arguments, f"--ready-file={self.ready_file}"]
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = 0.0

    def start(self) -> None:
        """Start it; what it says goes to its log."""
        self.ready_file.unlink(missing_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(self._environment),
                start_new_session=True,
            )  # fmt: skip

    def watch(self) -> None:
        """Start it again if it has ended a while ago."""
        if self._process is None or self._process.poll() is None:
            return
        if not self._ended:
            print(f"{self.name} ended with {self._process.returncode}; see {self._log}", file=sys.stderr, flush=True)
            self._ended = time.monotonic()
        elif time.monotonic() - self._ended > RESTART_SECONDS:
            self._ended = 0.0
            self.start()

    def ask_to_stop(self) -> None:
        """SIGTERM."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self) -> None:
        """Until it has ended; SIGKILL if that takes too long."""
        if self._process is None:
            return
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def run_cluster(data: Path, host: str, ports: Sequence[int], nodes: int, hot: int, capacity: int) -> None:
    """Run ``nodes`` nodes with so many drives in all, and a gateway a port, until SIGTERM. Raises StartError."""
    os.umask(0o077)
    data = data.absolute()
    lock_directory(data)
    (data / "run").mkdir(exist_ok=True)
    postgres = EmbeddedPostgres(data / "postgres", data / "postgres.log")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    postgres.start()
    groups: list[list[Part]] = []
    try:
        groups = _parts(data, host, ports, nodes, hot, capacity, postgres.url)
        every = [part for group in groups for part in group]
        for part in every:
            part.start()
        if _until_ready(every, stop):
            _tell(data, groups[0])
        while not stop.wait(POLL_SECONDS):
            for part in every:
                part.watch()
            if postgres.poll() is not None:
                postgres.start()
    finally:
        for group in groups:
            for part in group:
                part.ask_to_stop()
            for part in group:
                part.wait()
        postgres.stop()


def _parts(
    data: Path, host: str, ports: Sequence[int], nodes: int, hot: int, capacity: int, url: str
) -> list[list[Part]]:
    """Gateways, worker, nodes: the order in which they stop."""
    secret = _secret(data)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OBJSTORE_DR"))}
    environment |= {"OBJSTORE_DATABASE_URL": url, "OBJSTORE_CLUSTER_SECRET": secret}
    gateways = [
        Part(f"gateway-{i}", ["gateway", f"--host={host}", f"--port={port}", "--workers=1", f"--data={data}"],
             data, environment)
        for i, port in enumerate(ports)
    ]  # fmt: skip
    worker = [Part("worker", ["worker", f"--data={data}"], data, environment)]
    drives: list[list[str]] = [[] for _ in range(nodes)]
    for tier, count in (("hot", hot), ("capacity", capacity)):
        for number in range(count):
            path = data / "drives" / f"{tier}-{number}"
            path.mkdir(parents=True, exist_ok=True)
            drives[number % nodes].append(f"--drive={tier}={path}")
    served = [
        Part(
            f"node-{i}",
            ["node", "--listen=127.0.0.1:0", f"--name=node-{i}", f"--zone=z{i % 3}", f"--rack=r{i}", *own],
            data,
            environment,
        )
        for i, own in enumerate(drives)
        if own
    ]
    return [gateways, worker, served]


def _secret(data: Path) -> str:
    file = data / SECRET_FILE
    if not file.exists():
        temporary = file.with_suffix(".new")
        temporary.write_text(clock.random_bytes(32).hex() + "\n")
        temporary.rename(file)
        sync_directory(data)
    secret = file.read_text().strip()
    write_credentials(data / FILE_NAME, *root_keys(secret))
    return secret


def _until_ready(parts: Sequence[Part], stop: threading.Event) -> bool:
    """False if it was told to stop before all were ready. Raises StartError."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while not all(part.ready_file.exists() for part in parts):
        if stop.wait(POLL_SECONDS):
            return False
        for part in parts:
            part.watch()
        if time.monotonic() > deadline:
            late = ", ".join(part.name for part in parts if not part.ready_file.exists())
            raise StartError(f"not ready after {START_SECONDS_MAX:.0f} s: {late}; see the logs there")
    return True


def _tell(data: Path, gateways: Sequence[Part]) -> None:
    endpoints = [json.loads(part.ready_file.read_text())["endpoint"] for part in gateways]
    (data / "run" / "cluster.json").write_text(json.dumps({"endpoints": endpoints, "pid": os.getpid()}) + "\n")
    print("the cluster is ready")
    for endpoint in endpoints:
        print(f"  endpoint     {endpoint}")
    print(f"  credentials  set -a; . {data / FILE_NAME}; set +a")
    print(f"  logs         {data / 'run'}/*.log")
    print(f"  status       objstore status --endpoint {endpoints[0]} --credentials {data / FILE_NAME}", flush=True)

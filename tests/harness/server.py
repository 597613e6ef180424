"""Server: a real ``objstore serve`` in a directory of its own, to be started, killed and started again."""

import atexit
import contextlib
import fcntl
import functools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from objstore.cli.postgres import EmbeddedPostgres
from objstore.meta.migrate import upgrade
from tests.harness import forked

START_SECONDS_MAX = 180.0
RUN_DIRECTORY = "TEST_RUN_DIRECTORY"
# Small volumes, so that tests meet sealing and compaction; every file of 20 emulated drives starts small. Nobody heals
# behind the back of tests that damage shards.
SETTINGS = """\
repair_workers = 0
snapshot_hours = 0
retire_grace_seconds = 0
header_seconds = 3
compact_interval_seconds = 3600
sse_c_over_http = true
kms_keys = ["testkey-1", "testkey-2"]
website_domain = "web.example.com"
[tier.hot]
shard_bytes_max = 67108864
[tier.capacity]
shard_bytes_max = 67108864
"""


class ServerFailed(Exception):
    """It did not start; the message is what it printed."""


class Server:
    """``directory`` holds its data, configuration and log. Not running until ``start``.

    ``fresh``: it makes its own Postgres from nothing, instead of finding a new one with the schema. ``anew``: by a
    Python of its own, as a user's; what is fresh too.
    """

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        workers: int = 2,
        settings: str = SETTINGS,
        environment: dict[str, str] | None = None,
        fresh: bool = False,
        anew: bool = False,
    ) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.log = directory / "server.log"
        self._config = directory / "objstore.toml"
        self._ready_file = directory / "ready.json"
        self._arguments = [f"--workers={workers}", *arguments]
        self._environment = environment or {}
        self._process: forked.Process | None = None
        self._anew = anew or fresh
        self._port = 0
        given = (*arguments, *self._environment, settings)
        self._is_fresh = fresh or any("database" in one.lower() for one in given)
        directory.mkdir(parents=True, exist_ok=True)
        self._config.write_text(settings)

    def start(self) -> "Server":
        """Start and wait until it is ready; raises ServerFailed. A second start listens on the same port."""
        self.spawn()
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self._ready_file.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(self.log.read_text())
            time.sleep(0.02)
        self._port = int(self.endpoint.rpartition(":")[2])
        return self

    def spawn(self) -> forked.Process:
        """Start without waiting."""
        self._ready_file.unlink(missing_ok=True)
        if not self._is_fresh and not self.data.exists():
            self.data.mkdir(mode=0o700)
            subprocess.run(["cp", "-a", "--reflink=auto", _new_postgres(), self.data / "postgres"], check=True)
        arguments = [
            *("serve", f"--data={self.data}", f"--port={self._port}"),
            *(f"--config={self._config}", f"--ready-file={self._ready_file}", *self._arguments),
        ]
        environment = clean_environment() | self._environment
        with self.log.open("ab") as log:
            self._process = forked.start(arguments, environment, log, anew=self._anew)
        return self._process

    def stop(self, timeout: float = 60) -> int:
        """SIGTERM, and wait; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        finally:
            self._process = None

    def kill(self) -> None:
        """SIGKILL to the supervisor, every worker and Postgres at once: what a power cut does to processes."""
        pids = [self.process.pid, *descendants(self.process.pid)]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self._process = None

    def restart(self) -> "Server":
        """Stop in order and start again."""
        assert self.stop() == 0
        return self.start()

    def close(self) -> None:
        """Stop if it runs; for fixtures."""
        if self._process is not None and self._process.poll() is None:
            self.stop()

    @property
    def process(self) -> forked.Process:
        """The supervisor."""
        assert self._process is not None
        return self._process

    @property
    def state(self) -> dict[str, Any]:
        """Endpoint and process ids, as the server wrote them when it was ready."""
        return dict(json.loads(self._ready_file.read_text()))

    @property
    def endpoint(self) -> str:
        """URL of the S3 port."""
        return str(self.state["endpoint"])

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, for raw sockets."""
        host, _, port = self.endpoint.removeprefix("http://").rpartition(":")
        return host, int(port)

    @property
    def credentials(self) -> tuple[str, str]:
        """Root access key and secret key."""
        lines = (self.data / "credentials").read_text().splitlines()
        found = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
        return found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"]

    @property
    def client_environment(self) -> dict[str, str]:
        """What command line clients need."""
        access_key, secret_key = self.credentials
        return clean_environment() | {
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.endpoint,
            "S3_ENDPOINT_URL": self.endpoint,
        }

    def s3(self, **settings: Any) -> Any:
        """A boto3 client with root credentials."""
        return self.s3_as(*self.credentials, **settings)

    def s3_as(self, access_key: str, secret_key: str, **settings: Any) -> Any:
        """The same with other credentials."""
        style = {"addressing_style": "path", **settings.pop("s3", {})}
        config = Config(s3=style, **{"retries": {"max_attempts": 0}, "max_pool_connections": 64, **settings})
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=config,
        )

    def get(self, path: str) -> httpx.Response:
        """GET without credentials."""
        return httpx.get(self.endpoint + path, timeout=30)

    def admin(
        self,
        method: str,
        path: str,
        *,
        secret_key: str | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """A signed request to the admin API; ``path`` is what stands behind ``/-/admin/v1``."""
        access_key, right = self.credentials
        request = AWSRequest(method, f"{self.endpoint}/-/admin/v1{path}", data=body)
        S3SigV4Auth(Credentials(access_key, secret_key or right), "s3", "us-east-1").add_auth(request)
        sent = dict(request.headers) | ({"content-type": "application/json"} if body else {}) | dict(headers or {})
        return httpx.request(method, request.url, headers=sent, content=body, timeout=120)


def clean_environment() -> dict[str, str]:
    """Ours, without settings of servers and clients."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OBJSTORE_", "AWS_"))}
    if kept.pop("PYTHONDONTWRITEBYTECODE", ""):
        kept["PYTHONPYCACHEPREFIX"] = _bytecode_directory()
    return kept


@functools.cache
def _new_postgres() -> Path:
    """Data of a Postgres with the schema and no rows, made once: a third of the CPU time of a first start."""
    directory = run_directory()
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / "is-made").exists():
            postgres = EmbeddedPostgres(directory / "postgres", directory / "postgres.log")
            postgres.start()
            try:
                upgrade(postgres.url)
            finally:
                postgres.stop()
            (directory / "is-made").touch()
    return directory / "postgres"


@functools.cache
def _bytecode_directory() -> str:
    """Where bytecode must not lie beside the sources: a server starts in 3 s with bytecode, in 8 without."""
    return str(run_directory() / "bytecode")


@functools.cache
def run_directory() -> Path:
    """What the processes of one run share; it goes with the process that asked first, which is the one above them."""
    if given := os.environ.get(RUN_DIRECTORY):
        return Path(given)
    path = tempfile.mkdtemp(prefix="objstore-test-run-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    os.environ[RUN_DIRECTORY] = path
    return Path(path)


def descendants(pid: int) -> list[int]:
    """Children of children too, Postgres' among them."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    return found

"""Cluster: node, gateway and worker processes on loopback, over a Postgres that is there."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from objstore.cli.certificates import CA_CERT, CERT, KEY, make_certificates
from tests.harness import forked
from tests.harness.server import clean_environment, descendants

START_SECONDS_MAX = 90.0
SECRET = "3b1f0c5e9a7d42688cd1e0f7a95b6e24"
KEYS = ("cluster-root", "a secret key of the root")
DOMAIN = "s3.test"
SETTINGS = """\
retire_grace_seconds = 0
compact_interval_seconds = 3600
[tier.hot]
k = 2
m = 1
shard_bytes_max = 67108864
"""


@dataclass
class Role:
    """One process of the cluster; ``ready`` is what it wrote when it was. ``network``: a namespace to run in."""

    arguments: Sequence[str]
    directory: Path
    environment: Mapping[str, str]
    process: forked.Process | None = None
    ready: dict[str, Any] = field(default_factory=dict)
    network: Path | None = None

    def spawn(self) -> None:
        """Start without waiting."""
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "ready.json").unlink(missing_ok=True)
        ready = f"--ready-file={self.directory / 'ready.json'}"
        with (self.directory / "log").open("ab") as log:
            self.process = forked.start([*self.arguments, ready], self.environment, log, network=self.network)

    def wait(self, seconds: float = START_SECONDS_MAX) -> "Role":
        """Until it is ready."""
        assert self.process is not None
        deadline = time.monotonic() + seconds
        while not (self.directory / "ready.json").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                code = self.process.poll()
                raise AssertionError(f"exit code {code}: {(self.directory / 'log').read_text()}")
            time.sleep(0.02)
        self.ready = json.loads((self.directory / "ready.json").read_text())
        return self

    def signal(self, number: int) -> None:
        """To the process and all of its children."""
        assert self.process is not None
        for pid in (self.process.pid, *descendants(self.process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """SIGKILL, at once."""
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def stop(self) -> int:
        """SIGTERM, and wait; gives the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code, self.process = self.process.wait(60), None
        return code


class Cluster:
    """The first gateway speaks plain HTTP, the others TLS. ``nodes[i]`` serves ``drives`` directories of the hot tier.

    Not running until ``start``.
    """

    def __init__(self, directory: Path, database_url: str, nodes: int, drives: int, gateways: int) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "objstore.toml").write_text(SETTINGS)
        self.environment = {
            **clean_environment(),
            "OBJSTORE_DATABASE_URL": database_url,
            "OBJSTORE_CLUSTER_SECRET": SECRET,
            "OBJSTORE_ACCESS_KEY": KEYS[0],
            "OBJSTORE_SECRET_KEY": KEYS[1],
            "OBJSTORE_CONFIG": str(directory / "objstore.toml"),
            "OBJSTORE_LOG_FORMAT": "text",
        }
        self.nodes = [self._node(number, drives) for number in range(nodes)]
        self.certificates = directory / "certs"
        make_certificates(self.certificates, DOMAIN, [], 30)
        tls = (f"--tls-cert={self.certificates / CERT}", f"--tls-key={self.certificates / KEY}", f"--domain={DOMAIN}")
        self.gateways = [
            self.role(
                f"gateway-{number}", "gateway", "--port=0", "--workers=1", f"--data={directory / 'data'}",
                *(tls if number else ()),
            )
            for number in range(gateways)
        ]  # fmt: skip
        self.worker = self.role("worker", "worker", f"--data={directory / 'data'}")

    def role(self, name: str, *arguments: str) -> Role:
        """A process of the cluster."""
        return Role(arguments, self.directory / name, self.environment)

    def _node(self, number: int, drives: int) -> Role:
        paths = [self.directory / "drives" / f"{number}-{index}" for index in range(drives)]
        for path in paths:
            path.mkdir(parents=True)
        return self.role(
            f"node-{number}", "node", "--listen=127.0.0.1:0", f"--name=node-{number}", f"--rack=r{number}",
            *(f"--drive=hot={path}" for path in paths),
        )  # fmt: skip

    def start(self) -> "Cluster":
        """All at once: the order does not matter."""
        for role in (*self.gateways, self.worker, *self.nodes):
            role.spawn()
        for role in (*self.nodes, *self.gateways, self.worker):
            role.wait()
        return self

    def stop(self) -> None:
        """Kill what runs."""
        for role in (*self.gateways, self.worker, *self.nodes):
            role.kill()

    def admin(self, *arguments: str, gateway: int = 0) -> Any:
        """What ``objstore ARGUMENTS --json`` prints."""
        endpoint = self.gateways[gateway].ready["endpoint"]
        found = forked.run([*arguments, "--json", f"--endpoint={endpoint}"], self.environment)
        is_well = found.returncode == 0 or (found.returncode == 1 and arguments[0] == "status")  # 1: something is not
        assert is_well, found.stderr
        return json.loads(found.stdout)

    def client(self, gateway: int) -> Any:
        """boto3 at one of the gateways."""
        return boto3.client(
            "s3",
            endpoint_url=self.gateways[gateway].ready["endpoint"],
            verify=str(self.certificates / CA_CERT),
            region_name="us-east-1",
            aws_access_key_id=KEYS[0],
            aws_secret_access_key=KEYS[1],
            config=Config(retries={"total_max_attempts": 5, "mode": "standard"}, s3={"addressing_style": "path"}),
        )

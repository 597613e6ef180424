"""WideCluster: a cluster whose nodes, gateways, worker and Postgres are each on a host of their own.

DIRECTORY/drives/N-TIER-I   the drives of node N        DIRECTORY/ROLE/log   what a process said
"""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from tests.harness.cluster import KEYS, SECRET, Role
from tests.harness.disk import Disk
from tests.harness.netns import Host, Network
from tests.harness.server import clean_environment, descendants
from tests.harness.standby import Single

SETTINGS = """\
retire_grace_seconds = 5
compact_interval_seconds = 2
compact_garbage_ratio = 0.2
repair_interval_seconds = 0.5
snapshot_hours = 0
drive_suspect_seconds = {suspect}
drive_out_seconds = {out}
"""
SUSPECT_SECONDS, OUT_SECONDS = 4.0, 12.0
START_SECONDS_MAX = 300.0  # a dozen Pythons on two cores
NODE_PORT, GATEWAY_PORT = 7000, 9000


@dataclass
class Station:
    """A process and the host that it runs on."""

    role: Role
    host: Host


class Gateway(Station):
    """Has what clients have to know."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host.address, GATEWAY_PORT

    @property
    def credentials(self) -> tuple[str, str]:
        """The root's."""
        return KEYS

    def admin(self, method: str, path: str, timeout: float = 20) -> Any:
        """The answer to a signed request to the admin API; raises httpx.HTTPError."""
        url = "http://{}:{}/-/admin/v1{}".format(*self.address, path)
        request = AWSRequest(method, url, data=b"")
        S3SigV4Auth(Credentials(*KEYS), "s3", "us-east-1").add_auth(request)
        return httpx.request(method, url, headers=dict(request.headers), timeout=timeout).raise_for_status().json()


class WideCluster:
    """``tiers``: profile and drives a node, by name: ``{"hot": ("4+2", 2)}``. ``suspect_seconds``, ``out_seconds``: of
    silence, until a drive is suspect and given up. ``disks``: drives that are on a disk of their own, by their paths.
    Postgres runs from the start; close it.
    """

    def __init__(
        self,
        directory: Path,
        network: Network,
        nodes: int,
        gateways: int,
        tiers: dict[str, tuple[str, int]],
        suspect_seconds: float = SUSPECT_SECONDS,
        out_seconds: float = OUT_SECONDS,
    ) -> None:
        self.directory, self.network = directory, network
        self.disks: dict[Path, Disk] = {}
        shards = "".join(f"[tier.{name}]\nshard_bytes_max = 8388608\n" for name in tiers)
        settings = SETTINGS.format(suspect=suspect_seconds, out=out_seconds)
        (directory / "objstore.toml").write_text(settings + shards)
        self.postgres_host = network.host()
        self.postgres = Single(directory / "pg" / "data", directory / "pg" / "s", self.postgres_host)
        profiles = [f"--profile={name}={profile}" for name, (profile, _) in tiers.items()]
        try:
            self.postgres.make()
            self.postgres.start()
            self.postgres.sql("CREATE DATABASE objstore")
            self.nodes = [self._node(number, tiers) for number in range(nodes)]
            self.gateways = [self._gateway(number, profiles) for number in range(gateways)]
            data = f"--data={directory / 'data-worker'}"
            self.worker = Station(*self._role("worker", "worker", data, *profiles))
        except BaseException:
            self.postgres.kill()
            raise

    @property
    def stations(self) -> list[Station]:
        """All but Postgres."""
        return [*self.nodes, *self.gateways, self.worker]

    def start(self) -> "WideCluster":
        """All at once."""
        for station in self.stations:
            station.role.spawn()
        for station in self.stations:
            station.role.wait(START_SECONDS_MAX)
        return self

    def close(self) -> None:
        """Kill what runs."""
        for station in self.stations:
            station.role.kill()
        self.postgres.kill()
        while self.disks:
            self.disks.popitem()[1].close()

    def give_disk(self, drive: Path) -> None:
        """A disk of its own for a drive; before the start."""
        self.disks[drive] = Disk(self.directory / f"{drive.name}.image", drive)

    def drives(self, node: int) -> list[Path]:
        """Directories of a node's drives."""
        return sorted((self.directory / "drives").glob(f"{node}-*"))

    def _role(self, name: str, *arguments: str) -> tuple[Role, Host]:
        host = self.network.host()
        environment = clean_environment() | {
            "OBJSTORE_DATABASE_URL": f"postgresql://postgres@{self.postgres_host.address}/objstore",
            "OBJSTORE_CLUSTER_SECRET": SECRET,
            "OBJSTORE_ACCESS_KEY": KEYS[0],
            "OBJSTORE_SECRET_KEY": KEYS[1],
            "OBJSTORE_CONFIG": str(self.directory / "objstore.toml"),
            "OBJSTORE_LOG_FORMAT": "text",
        }
        arguments = tuple(argument.replace("HERE", host.address) for argument in arguments)
        return Role(arguments, self.directory / name, environment, network=host.namespace), host

    def _node(self, number: int, tiers: dict[str, tuple[str, int]]) -> Station:
        drives = [
            (tier, self.directory / "drives" / f"{number}-{tier}-{index}")
            for tier, (_, count) in tiers.items()
            for index in range(count)
        ]
        for _, path in drives:
            path.mkdir(parents=True)
        flags = [f"--drive={tier}={path}" for tier, path in drives]
        name = f"node-{number}"
        listen = f"--listen=HERE:{NODE_PORT}"
        return Station(*self._role(name, "node", listen, f"--name={name}", f"--rack=r{number}", *flags))

    def _gateway(self, number: int, profiles: list[str]) -> Gateway:
        listen = ("--host=HERE", f"--port={GATEWAY_PORT}", "--workers=1")
        data = f"--data={self.directory / f'data-{number}'}"
        return Gateway(*self._role(f"gateway-{number}", "gateway", *listen, data, *profiles))

    def status(self) -> dict[str, Any]:
        """What any gateway that answers says of the cluster; raises httpx.HTTPError if none does."""
        for gateway in self.gateways[1:]:
            with suppress(httpx.HTTPError):
                return dict(gateway.admin("GET", "/status", 5))
        return dict(self.gateways[0].admin("GET", "/status", 5))

    def client(self, gateway: int) -> Any:
        """boto3 at one of the gateways."""
        host, port = self.gateways[gateway].address
        return boto3.client(
            "s3",
            endpoint_url=f"http://{host}:{port}",
            region_name="us-east-1",
            aws_access_key_id=KEYS[0],
            aws_secret_access_key=KEYS[1],
            config=Config(retries={"total_max_attempts": 5, "mode": "standard"}, s3={"addressing_style": "path"}),
        )

    def open_files(self) -> Counter[str]:
        """What each role's processes have open, by role and kind: "shard", "deleted shard", "socket", "other"."""
        found: Counter[str] = Counter()
        for station in self.stations:
            process = station.role.process
            assert process is not None
            for pid in (process.pid, *descendants(process.pid)):
                for entry in Path(f"/proc/{pid}/fd").iterdir():
                    with suppress(OSError):
                        found[f"{station.role.directory.name} {_kind(str(entry.readlink()))}"] += 1
        return found


def _kind(target: str) -> str:
    if target.startswith("socket:"):
        return "socket"
    if target.endswith(".shard (deleted)"):
        return "deleted shard"
    return "shard" if target.endswith(".shard") else "other"

"""Faults of a cluster on hosts of its own: how each begins and ends, and what has to be seen of it."""

import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from objstore.format.identity import IDENTITY_NAME
from tests.harness.disk import Disk
from tests.harness.server import descendants
from tests.harness.wide_cluster import Station, WideCluster

STOPPED_SECONDS, MOVING_SECONDS = 0.245, 0.005  # of a node that is fifty times slower
RESTARTS = 3
TAKEN_SECONDS_MAX = 60.0
NEARLY_FULL_BYTES = 16 * 1024 * 1024

Fault = Callable[[WideCluster], AbstractContextManager[None]]


def _restart(station: Station) -> None:
    station.role.kill()
    station.role.spawn()
    station.role.wait()


def killed(node: int) -> Fault:
    """SIGKILL; it comes back with its drives."""

    @contextmanager
    def fault(cluster: WideCluster) -> Iterator[None]:
        cluster.nodes[node].role.kill()
        try:
            yield
        finally:
            cluster.nodes[node].role.spawn()
            cluster.nodes[node].role.wait()

    return fault


def frozen(node: int) -> Fault:
    """Every process stands still, with its connections open; it goes on as if nothing had been."""

    @contextmanager
    def fault(cluster: WideCluster) -> Iterator[None]:
        cluster.nodes[node].role.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            cluster.nodes[node].role.signal(signal.SIGCONT)

    return fault


def isolated(node: int) -> Fault:
    """The cable is out: no gateway, no worker, no Postgres."""

    @contextmanager
    def fault(cluster: WideCluster) -> Iterator[None]:
        cluster.nodes[node].host.isolate()
        try:
            yield
        finally:
            cluster.nodes[node].host.mend()

    return fault


def both(*faults: Fault) -> Fault:
    """At once."""

    @contextmanager
    def fault(cluster: WideCluster) -> Iterator[None]:
        with ExitStack() as stack:
            for one in faults:
                stack.enter_context(one(cluster))
            yield

    return fault


def unheard_by_a_gateway(node: int) -> Fault:
    """One way: the first gateway's requests arrive, the answers do not. The other gateway hears it well."""

    @contextmanager
    def fault(cluster: WideCluster) -> Iterator[None]:
        cluster.nodes[node].host.lose(cluster.gateways[0].host)
        try:
            yield
        finally:
            cluster.nodes[node].host.mend()

    return fault


def not_reached_by_a_gateway(node: int) -> Fault:
    """The other way: what the first gateway sends is lost."""

    @contextmanager
    def fault(cluster: WideCluster) -> Iterator[None]:
        cluster.gateways[0].host.lose(cluster.nodes[node].host)
        try:
            yield
        finally:
            cluster.gateways[0].host.mend()

    return fault


def heard_by_postgres_alone(node: int) -> Fault:
    """It says each second that it is there, and answers nobody."""

    @contextmanager
    def fault(cluster: WideCluster) -> Iterator[None]:
        others = [*cluster.gateways, cluster.worker]
        cluster.nodes[node].host.lose(*(other.host for other in others))
        try:
            yield
        finally:
            cluster.nodes[node].host.mend()

    return fault


def slow(node: int) -> Fault:
    """Fifty times slower, drives and all: it stands still most of the time."""

    @contextmanager
    def fault(cluster: WideCluster) -> Iterator[None]:
        role, over = cluster.nodes[node].role, threading.Event()

        def drag() -> None:
            while not over.wait(MOVING_SECONDS):
                role.signal(signal.SIGSTOP)
                over.wait(STOPPED_SECONDS)
                role.signal(signal.SIGCONT)

        thread = threading.Thread(target=drag)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    return fault


def behind_a_slow_link(node: int, bits_per_second: int = 2_000_000) -> Fault:
    """What it answers comes in drops, and some of it is lost."""

    @contextmanager
    def fault(cluster: WideCluster) -> Iterator[None]:
        cluster.nodes[node].host.slow(bits_per_second)
        try:
            yield
        finally:
            cluster.nodes[node].host.mend()

    return fault


def restarting(node: int) -> Fault:
    """Again and again, as soon as it is up."""

    @contextmanager
    def fault(cluster: WideCluster) -> Iterator[None]:
        for _ in range(RESTARTS):
            _restart(cluster.nodes[node])
        yield

    return fault


def drive_missing(node: int) -> Fault:
    """An empty directory stands where a drive was mounted; nothing may be written to it. What was there comes back
    later, and is old by then.
    """

    @contextmanager
    def fault(cluster: WideCluster) -> Iterator[None]:
        mount = cluster.drives(node)[0]
        aside = mount.with_name(f"aside-{mount.name}")
        cluster.nodes[node].role.kill()
        mount.rename(aside)
        mount.mkdir()
        cluster.nodes[node].role.spawn()
        cluster.nodes[node].role.wait()
        try:
            yield
            assert list(mount.iterdir()) == [], "an empty mount point was written to"
        finally:
            _put_back(aside, mount)

    return fault


def _put_back(aside: Path, mount: Path) -> None:
    shutil.rmtree(mount)
    aside.rename(mount)


def drive_replaced(node: int) -> Fault:
    """A drive is dead, and an empty one stands in its place: refused until an operator says that it is a new one."""

    @contextmanager
    def fault(cluster: WideCluster) -> Iterator[None]:
        mount = cluster.drives(node)[-1]
        [dead] = [one["id"] for one in cluster.status()["drives"] if one["address"].endswith(f"#{mount}")]
        cluster.nodes[node].role.kill()
        shutil.rmtree(mount)
        mount.mkdir()
        cluster.nodes[node].role.spawn()
        cluster.nodes[node].role.wait()
        yield
        assert list(mount.iterdir()) == [], "an empty mount point was written to"
        cluster.gateways[0].admin("POST", f"/drives/{dead}/replace")
        deadline = time.monotonic() + TAKEN_SECONDS_MAX
        while not (mount / IDENTITY_NAME).exists():
            assert time.monotonic() < deadline, "the new drive is not taken"
            time.sleep(0.1)

    return fault


def drive_full(node: int) -> Fault:
    """Not a block is left on one drive; later there is room again."""

    @contextmanager
    def fault(cluster: WideCluster) -> Iterator[None]:
        mount, disk = disk_of(cluster, node)
        disk.fill()
        try:
            yield
            [row] = [one for one in cluster.status()["drives"] if one["address"].endswith(f"#{mount}")]
            assert row["free_bytes"] < NEARLY_FULL_BYTES, "the drive was not full"
        finally:
            disk.empty()

    return fault


def drive_slow(node: int) -> Fault:
    """One drive of a node is fifty times slower, the others of that node are not."""

    @contextmanager
    def fault(cluster: WideCluster) -> Iterator[None]:
        process = cluster.nodes[node].role.process
        assert process is not None
        _, disk = disk_of(cluster, node)
        disk.slow([process.pid, *descendants(process.pid)])
        try:
            yield
            assert disk.slowed_operations, "nobody used the drive"
        finally:
            disk.mend()

    return fault


def disk_of(cluster: WideCluster, node: int) -> tuple[Path, Disk]:
    """The drive of the node that has a disk of its own."""
    [found] = [(path, disk) for path, disk in cluster.disks.items() if path in cluster.drives(node)]
    return found


def gateway_killed(number: int) -> Fault:
    """SIGKILL to a gateway; its clients meet a closed port meanwhile."""

    @contextmanager
    def fault(cluster: WideCluster) -> Iterator[None]:
        cluster.gateways[number].role.kill()
        try:
            yield
        finally:
            cluster.gateways[number].role.spawn()
            cluster.gateways[number].role.wait()

    return fault


def gateway_without_postgres() -> Fault:
    """The first gateway's words to Postgres are lost, and only these."""

    @contextmanager
    def fault(cluster: WideCluster) -> Iterator[None]:
        cluster.gateways[0].host.lose(cluster.postgres_host)
        try:
            yield
        finally:
            cluster.gateways[0].host.mend()

    return fault


def postgres_killed() -> Fault:
    """SIGKILL to all of it, and a start."""

    @contextmanager
    def fault(cluster: WideCluster) -> Iterator[None]:
        cluster.postgres.kill()
        cluster.postgres.start()
        yield

    return fault


def worker_killed() -> Fault:
    """The only one, in the middle of what it does."""

    @contextmanager
    def fault(cluster: WideCluster) -> Iterator[None]:
        _restart(cluster.worker)
        yield

    return fault

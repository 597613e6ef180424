"""Faults under load in a cluster whose parts are each on a host of their own (network namespaces).

Seven nodes, two gateways, a worker, Postgres. After each fault: every answered write is there, whole, and listed, at
both gateways; what was deleted is gone; every volume has its full redundancy. What is printed: how long until the fault
was detected, until all was whole without what was lost, and until all was whole after it had come back.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cluster import faults
from tests.cluster.faults import Fault
from tests.crash.check import Checker
from tests.crash.journal import Journal
from tests.crash.load import BUCKET, Load
from tests.harness.netns import Network, why_not
from tests.harness.wide_cluster import WideCluster

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]
NODES, GATEWAYS, CLIENTS, SEED = 7, 2, 6, 4
TIERS = {"hot": ("4+2", 2), "capacity": ("4+2", 1)}
# Shares of the standard load; a write with a condition on a shared key is a PUT or DELETE.
MIX = {"get": 60, "put": 20, "hot": 5, "range": 5, "list": 5, "delete": 3, "multipart": 2}
SECONDS_MAX = 240.0
LOAD_SECONDS = 3.0
PAUSE_SECONDS = 0.03  # what is measured is not speed: leave the machine time to notice what fails
OPEN_MORE_MAX = 16  # connections are kept for a while

# Name → the fault, the nodes that have to be noticed, and whether all becomes whole before the fault is over.
FAULTS: dict[str, tuple[Fault, tuple[int, ...], bool]] = {
    **{f"node {n} killed": (faults.killed(n), (n,), True) for n in range(NODES)},
    **{f"node {n} frozen": (faults.frozen(n), (n,), True) for n in range(NODES)},
    **{f"node {n} isolated": (faults.isolated(n), (n,), True) for n in range(NODES)},
    "one killed, one isolated": (faults.both(faults.killed(0), faults.isolated(4)), (0, 4), False),
    "two frozen": (faults.both(faults.frozen(1), faults.frozen(6)), (1, 6), False),
    "two killed": (faults.both(faults.killed(2), faults.killed(3)), (2, 3), False),
    "a gateway does not hear a node": (faults.unheard_by_a_gateway(5), (), False),
    "a gateway does not reach a node": (faults.not_reached_by_a_gateway(4), (), False),
    "a node is heard by Postgres alone": (faults.heard_by_postgres_alone(3), (), False),
    "a node fifty times slower": (faults.slow(2), (), False),
    "a node behind 2 Mbit/s": (faults.behind_a_slow_link(1), (), False),
    "a node restarts in a loop": (faults.restarting(0), (), False),
    "a drive is not mounted, and comes back stale": (faults.drive_missing(6), (6,), True),
    "a gateway killed": (faults.gateway_killed(1), (), False),
    "a gateway without Postgres": (faults.gateway_without_postgres(), (), False),
    "Postgres killed": (faults.postgres_killed(), (), False),
    "the worker killed while it heals": (faults.both(faults.killed(5), faults.worker_killed()), (5,), True),
}


class World:
    """The cluster, the journal of all that was promised, and what was measured."""

    def __init__(self, cluster: WideCluster, journal: Journal) -> None:
        self.cluster, self.journal = cluster, journal
        self.open_files: Counter[str] = Counter()
        self.loads: list[Load] = []

    def until(self, what: str, true: Callable[[dict[str, Any]], bool]) -> float:
        """Seconds until the status says so."""
        begun = time.monotonic()
        status: dict[str, Any] = {}
        while time.monotonic() < begun + SECONDS_MAX:
            try:
                status = self.cluster.status()
            except httpx.HTTPError:
                continue
            if true(status):
                return time.monotonic() - begun
            time.sleep(0.1)
        raise AssertionError(f"{what}: not within {SECONDS_MAX:.0f} s; {status}")

    def load(self, seed: int) -> Load:
        """Under way."""
        load = Load(self.cluster.gateways, self.journal, CLIENTS, seed, MIX, PAUSE_SECONDS)
        load.start()
        self.loads.append(load)
        return load

    def end_loads(self) -> None:
        """Of a test that has failed."""
        while self.loads:
            self.loads.pop().stop()

    def kept_open(self) -> dict[str, int]:
        """More than at the beginning. Shards are open as long as there are not too many; deleted ones never stay so."""
        more = self.cluster.open_files()
        more.subtract(self.open_files)
        kinds = {"socket": OPEN_MORE_MAX, "other": OPEN_MORE_MAX, "deleted shard": 0}
        return {name: count for name, count in more.items() if count > kinds.get(name.partition(" ")[2], 10**6)}

    def check(self, seed: int) -> None:
        """At both gateways."""
        for number, gateway in enumerate(self.cluster.gateways):
            violations = Checker(gateway, self.journal, seed + number).check()
            assert not violations, violations


def noticed(nodes: tuple[int, ...]) -> Callable[[dict[str, Any]], bool]:
    """Every one of the nodes has a drive that is not up."""
    names = {f"node-{number}" for number in nodes}
    return lambda status: {one["node"] for one in status["drives"] if one["state"] != "up"} >= names


def whole(status: dict[str, Any]) -> bool:
    return bool(status["volumes_short_of_redundancy"] == 0)


def given_up_and_whole(nodes: tuple[int, ...]) -> Callable[[dict[str, Any]], bool]:
    """What was lost is given up, and nothing lacks it."""
    names = {f"node-{number}" for number in nodes}
    return lambda status: whole(status) and {one["node"] for one in status["drives"] if one["state"] == "gone"} >= names


def all_well(status: dict[str, Any]) -> bool:
    return whole(status) and all(one["state"] == "up" for one in status["drives"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if reason := why_not():
        pytest.skip(reason)
    directory: Path = tmp_path_factory.mktemp("faults")
    with Network() as network:
        cluster = WideCluster(directory, network, NODES, GATEWAYS, TIERS)
        journal = Journal(directory / "journal")
        try:
            cluster.start()
            world = World(cluster, journal)
            world.until("all drives up", all_well)
            cluster.client(0).create_bucket(Bucket=BUCKET)
            load = world.load(SEED)
            time.sleep(LOAD_SECONDS)
            load.stop()
            world.open_files = cluster.open_files()
            yield world
        finally:
            cluster.close()
            journal.close()


@pytest.fixture(autouse=True)
def no_load_goes_on(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "world" in request.fixturenames:
        request.getfixturevalue("world").end_loads()


@pytest.mark.parametrize("name", FAULTS)
def test_fault(world: World, capsys: pytest.CaptureFixture[str], name: str) -> None:
    fault, nodes, heals = FAULTS[name]
    seed = SEED + 10 * list(FAULTS).index(name)
    before = Counter(world.journal.counts)
    figures = []
    load = world.load(seed)
    time.sleep(LOAD_SECONDS)
    with fault(world.cluster):
        begun = time.monotonic()
        if nodes:
            figures.append(f"detected in {world.until('detected', noticed(nodes)):.1f} s")
        if heals:
            world.until("whole without it", given_up_and_whole(nodes))
            figures.append(f"whole without it after {time.monotonic() - begun:.1f} s")
        else:
            time.sleep(2 * LOAD_SECONDS)
        during = world.journal.counts - before
    load.stop()
    figures.append(f"whole with it {world.until('all well', all_well):.1f} s after its return")
    world.check(seed)
    done = sum(count for what, count in during.items() if what.startswith("acknowledged"))
    reads = sum(during[what] for what in ("read", "read by range", "listed"))
    failed = sum(count for what, count in during.items() if what.startswith("answered 5"))
    figures.append(
        f"{done} writes and {reads} reads answered, {failed} with 5xx, {during['unanswered']} writes unknown"
    )
    with capsys.disabled():
        print(f"\n{name}: " + "; ".join(figures))
    assert done
    assert reads


def test_at_the_end_nothing_is_left_over(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Every byte on every drive is sound, every file is somebody's, and nobody keeps files or connections open."""
    world.until("all well", all_well)
    gateway = world.cluster.gateways[0]
    for path in ("/repair/scrub", "/fsck"):
        before = {one["drive"]: one["last_finished"] for one in gateway.admin("GET", path)["drives"]}
        gateway.admin("POST", path)
        world.until(path, lambda _, path=path, before=before: all(  # type: ignore[misc]
            one["last_finished"] not in (None, before.get(one["drive"])) for one in gateway.admin("GET", path)["drives"]
        ))  # fmt: skip
    world.until("whole after the scrub", whole)
    found = gateway.admin("GET", "/fsck")
    assert found["missing"] == 0
    world.check(SEED)
    world.until("as few open files as at the beginning", lambda _: not world.kept_open())
    with capsys.disabled():
        print(f"\norphans: {len(found['orphans'])}; open: {dict(sorted(world.cluster.open_files().items()))}")
        print(", ".join(f"{what}: {count}" for what, count in sorted(world.journal.counts.items())))
    assert found["orphans"] == []

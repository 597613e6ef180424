"""Faults under load in a cluster whose parts are each on a host of their own (network namespaces).

Seven nodes, two gateways, a worker, Postgres. After each fault: every answered write is there, whole, and listed, at
both gateways; what was deleted is gone; every volume has its full redundancy. What is printed: how long until the fault
was detected, until all was whole without what was lost, and until all was whole after it had come back.
"""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import faults
from tests.cluster.faults import Fault
from tests.cluster.world import World, all_well, given_up_and_whole, noticed, whole
from tests.crash.journal import Journal
from tests.crash.load import BUCKET
from tests.harness.disk import why_no_disk, why_not_slow
from tests.harness.netns import Network, why_not
from tests.harness.wide_cluster import WideCluster

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]
NODES, GATEWAYS, SEED = 7, 2, 4
TIERS = {"hot": ("4+2", 2), "capacity": ("4+2", 1)}
LOAD_SECONDS = 3.0
DISK_NODE = 2  # one of its drives has a disk of its own, where that can be

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
    "a drive dead, an empty one in its place": (faults.drive_replaced(3), (3,), True),
    "a drive full": (faults.drive_full(DISK_NODE), (), False),
    "a drive fifty times slower": (faults.drive_slow(DISK_NODE), (), False),
    "a gateway killed": (faults.gateway_killed(1), (), False),
    "a gateway without Postgres": (faults.gateway_without_postgres(), (), False),
    "Postgres killed": (faults.postgres_killed(), (), False),
    "the worker killed while it heals": (faults.both(faults.killed(5), faults.worker_killed()), (5,), True),
}
NEEDS = {"a drive full": why_no_disk, "a drive fifty times slower": why_not_slow}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if reason := why_not():
        pytest.skip(reason)
    directory: Path = tmp_path_factory.mktemp("faults")
    with Network() as network:
        cluster = WideCluster(directory, network, NODES, GATEWAYS, TIERS)
        journal = Journal(directory / "journal")
        try:
            if not why_no_disk():
                cluster.give_disk(cluster.drives(DISK_NODE)[-1])
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
    if name in NEEDS and (reason := NEEDS[name]()):
        pytest.skip(reason)
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

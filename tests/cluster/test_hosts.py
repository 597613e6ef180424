"""The shortest of the tests with hosts of their own: a node is killed, then another is cut off, under load.

``test_faults.py`` has all faults, and a cluster that can lose two nodes.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import faults
from tests.cluster.world import World, all_well, given_up_and_whole, noticed
from tests.crash.journal import Journal
from tests.crash.load import BUCKET
from tests.harness.netns import Network, why_not
from tests.harness.wide_cluster import WideCluster

NODES, GATEWAYS, SEED = 4, 1, 11
TIERS = {"hot": ("2+1", 1), "capacity": ("2+1", 1)}
SUSPECT_SECONDS, OUT_SECONDS = 2.0, 4.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    if reason := why_not():
        pytest.skip(reason)
    with Network() as network:
        cluster = WideCluster(tmp_path, network, NODES, GATEWAYS, TIERS, SUSPECT_SECONDS, OUT_SECONDS)
        journal = Journal(tmp_path / "journal")
        world = World(cluster, journal)
        try:
            cluster.start()
            world.until("all drives up", all_well)
            cluster.client(0).create_bucket(Bucket=BUCKET)
            yield world
        finally:
            world.end_loads()
            cluster.close()
            journal.close()


def test_a_node_killed_and_a_node_cut_off(world: World) -> None:
    """What the dead one had is rebuilt elsewhere; the other comes back before that, and has missed writes."""
    load = world.load(SEED)
    _promised(world, 50)
    with faults.killed(0)(world.cluster):
        world.until("the dead node is given up, and all is whole", given_up_and_whole((0,)))
        _promised(world, 10)
    world.until("all well after its return", all_well)
    with faults.isolated(1)(world.cluster):
        world.until("the lost node is noticed", noticed((1,)))
        _promised(world, 10)
    load.stop()
    world.until("all well after it is heard again", all_well)
    world.check(SEED)


def _promised(world: World, more: int) -> None:
    """Wait until that many more writes are answered."""
    wanted = _answered(world) + more
    world.until(f"{more} writes answered", lambda _: _answered(world) >= wanted)


def _answered(world: World) -> int:
    counts = dict(world.journal.counts)
    return sum(count for what, count in counts.items() if what.startswith("acknowledged"))

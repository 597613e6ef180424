"""Nodes, heartbeats, and what counts as redundant."""

from dataclasses import replace

from objstore.meta.database import Database
from objstore.meta.drives import Drives
from objstore.meta.nodes import Node, Nodes
from objstore.meta.redundancy import short_of_redundancy
from objstore.meta.volumes import Volumes
from objstore.model import clock
from objstore.model.profile import Profile
from objstore.model.states import DriveState, NodeState
from objstore.model.volumes import Drive, Volume


async def test_the_cluster_has_one_id(database: Database) -> None:
    nodes = Nodes(database)
    first = await nodes.cluster_id("a" * 32)
    assert await nodes.cluster_id("b" * 32) == first


async def test_nodes_and_heartbeats(database: Database) -> None:
    nodes, drives = Nodes(database), Drives(database)
    node = Node("n1", "http://h:1", "z", "r", "1.0")
    await nodes.register(node)
    await nodes.register(replace(node, address="http://h:2"))
    [found] = await nodes.list()
    assert replace(found, silent_seconds=0) == replace(node, address="http://h:2")
    assert await nodes.suspect_late(60) == 0
    assert await nodes.suspect_late(-1) == 1
    assert (await nodes.list())[0].state == NodeState.SUSPECT

    ids = ["0" * 32, "1" * 32]
    for id_ in ids:
        await drives.register(Drive(id_, "hot", "n1", "http://h:2"))
    await nodes.beat("n1", [(ids[1], 1000, 10), (ids[0], 2000, 20)])
    assert (await nodes.list())[0].state == NodeState.UP
    assert {d.id: (d.capacity_bytes, d.free_bytes) for d in await drives.list()} == {
        ids[0]: (2000, 20),
        ids[1]: (1000, 10),
    }
    assert not await nodes.forget("n1", 60)
    assert await nodes.forget("n1", -1)


async def test_volumes_short_of_redundancy(database: Database) -> None:
    drives, volumes = Drives(database), Volumes(database)
    ids = [clock.random_id().hex() for _ in range(3)]
    for id_ in ids:
        await drives.register(Drive(id_, "hot", "n", "a"))
    writer, profile = clock.random_id(), Profile(2, 1)
    whole, lacking = (
        Volume(clock.random_id(), "hot", profile, (*ids[:2], last), writer) for last in (ids[2], "none:2")
    )
    await volumes.create(whole)
    assert await short_of_redundancy(database) == 0
    await volumes.create(lacking)
    assert await short_of_redundancy(database) == 1
    await drives.set_state(ids[2], DriveState.SUSPECT)
    assert await short_of_redundancy(database) == 2
    await drives.set_state(ids[2], DriveState.DRAINING)
    assert await short_of_redundancy(database) == 1
    await volumes.report_damage(whole.id, 0, "rot")
    assert await short_of_redundancy(database) == 2

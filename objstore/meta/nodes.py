"""Nodes: which there are, where, and whether they are heard of; and which cluster all of it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Double, Text, cast, func, select, true, update
from sqlalchemy.dialects.postgresql import insert

from objstore.meta.cluster_tables import cluster, node
from objstore.meta.database import Database, Transaction
from objstore.meta.statement import Statement, batch, constant, param
from objstore.meta.tables import drive
from objstore.model.states import NodeState

n = node.c
_now = func.clock_timestamp()
_name = param("node_name", Text)
_place = {name: param(f"node_{name}", Text) for name in ("address", "zone", "rack", "version")}
_age = cast(func.extract("epoch", _now - n.heartbeat), Double)

_CLUSTER_MAKE = Statement(
    insert(cluster).values(id=param("cluster", Text)).on_conflict_do_nothing(index_elements=[cluster.c.one]), "cluster"
)
_CLUSTER = Statement(select(cluster.c.id).where(cluster.c.one == true()))
_REGISTER = Statement(
    insert(node)
    .values(name=_name, **_place)
    .on_conflict_do_update(
        index_elements=[n.name],
        set_={**_place, "started": _now, "heartbeat": _now, "state": constant(NodeState.UP.value)},
    ),
    *("node_name", "node_address", "node_zone", "node_rack", "node_version"),
)
_BEAT = Statement(
    update(node).where(n.name == _name).values(heartbeat=_now, state=constant(NodeState.UP.value)), "node_name"
)
_LIST = Statement(select(n.name, n.address, n.zone, n.rack, n.version, n.state, _age).order_by(n.name))
_LATE = Statement(
    update(node)
    .where(n.state == constant(NodeState.UP.value), _age > param("age", Double))
    .values(state=constant(NodeState.SUSPECT.value)),
    "age",
)
_FORGET = Statement(
    node.delete().where(n.name == _name, _age > param("age", Double)),
    *("node_name", "age"),
)
_told = batch("told", {"id": Text, "capacity_bytes": BigInteger, "free_bytes": BigInteger})
_SEEN = Statement(
    update(drive)
    .where(drive.c.id == _told.c.id)
    .values(seen=_now, capacity_bytes=_told.c.capacity_bytes, free_bytes=_told.c.free_bytes),
    *("id", "capacity_bytes", "free_bytes"),
)


@dataclass(frozen=True, slots=True)
class Node:
    """A process that serves drives. ``silent_seconds``: since it was last heard of."""

    name: str
    address: str
    zone: str
    rack: str
    version: str = ""
    state: NodeState = NodeState.UP
    silent_seconds: float = 0.0


class Nodes:
    """The tables of the cluster and its nodes, and the heartbeats of drives."""

    def __init__(self, database: Database) -> None:
        self._database = database.patient

    async def cluster_id(self, proposed: str) -> str:
        """The id of the cluster; ``proposed``, if it has none yet."""
        await self._database.change(_CLUSTER_MAKE, proposed)
        return str((await self._database.fetch(_CLUSTER))[0][0])

    async def register(self, node: Node) -> None:
        """Announce a node, or say where it is now."""
        await self._database.change(_REGISTER, node.name, node.address, node.zone, node.rack, node.version)

    async def beat(self, name: str | None, drives: Sequence[tuple[str, int, int]]) -> None:
        """A node is there, and so are these drives: id, capacity and free bytes. ``name``: None for drives alone."""

        async def work(transaction: Transaction) -> None:
            await transaction.identify()
            if name is not None:
                await transaction.execute(_BEAT, name)
            if drives:
                ids, capacities, free = zip(*sorted(drives), strict=True)
                await transaction.execute(_SEEN, list(ids), list(capacities), list(free))

        await self._database.transact(work)

    async def list(self) -> list[Node]:
        """All nodes by name."""
        return [
            Node(name, address, zone, rack, version, NodeState(state), silent)
            for name, address, zone, rack, version, state, silent in await self._database.fetch(_LIST)
        ]

    async def suspect_late(self, age_seconds: float) -> int:
        """UP → SUSPECT of nodes that have not been heard of for so long; how many."""
        return await self._database.change(_LATE, age_seconds)

    async def forget(self, name: str, age_seconds: float) -> bool:
        """Remove a node that has not been heard of for so long."""
        return bool(await self._database.change(_FORGET, name, age_seconds))

"""What an operator does with drives: empty one, take that back, give one up, put another one in its place."""

from collections.abc import Sequence
from dataclasses import dataclass

from objstore.meta.database import Database
from objstore.meta.drives import Drives
from objstore.meta.inspections import Inspections
from objstore.meta.repairs import RepairKind, Repairs
from objstore.meta.shards import Shards
from objstore.meta.strays import Strays
from objstore.model.errors import ObjstoreError
from objstore.model.states import DriveState
from objstore.model.volumes import Drive


class DriveRefusal(ObjstoreError):
    """What was asked for cannot be done with the drive as it is."""


@dataclass(frozen=True, slots=True)
class DriveLoad:
    """A drive, and what is on it: ``bytes`` about."""

    drive: Drive
    shards: int
    bytes: int


class DriveStates:
    """Changes of state by hand. Each is idempotent; detection leaves drives alone that an operator has spoken for."""

    def __init__(self, database: Database) -> None:
        self._rows, self._shards = Drives(database), Shards(database)
        self._repairs, self._strays, self._inspections = Repairs(database), Strays(database), Inspections(database)

    async def find(self, name: str) -> list[DriveLoad]:
        """The drive whose id begins so (8 digits at least), or whose address it is, or all drives of a node.

        Raises DriveRefusal where there is none, or where the digits are those of several.
        """
        rows = await self._rows.list()
        by_id = [row for row in rows if len(name) >= 8 and row.id.startswith(name)]
        if len(by_id) > 1:
            raise DriveRefusal(f"{name}: that is the beginning of {len(by_id)} ids")
        found = by_id or [row for row in rows if name in (row.node, row.address, row.address.rpartition("#")[2])]
        if not found:
            raise DriveRefusal(f"there is no drive or node {name}")
        counts = await self._shards.counts([row.id for row in found])
        return [DriveLoad(row, *counts.get(row.id, (0, 0))) for row in found]

    async def drain(self, drives: Sequence[Drive]) -> None:
        """Nothing new is put on them, and what is there is moved away."""
        for drive in drives:
            if drive.state is DriveState.GONE:
                raise DriveRefusal(f"drive {drive.id} is gone: there is nothing to be moved away")
        for drive in drives:
            await self._rows.set_state(drive.id, DriveState.DRAINING, "drained by an operator", held=True)
        await self._repairs.queue(RepairKind.DRAIN, 1000)

    async def undrain(self, drives: Sequence[Drive]) -> None:
        """They are as any other again; what has been moved stays where it is. Also brings back what was given up."""
        for drive in drives:
            await self._rows.set_state(drive.id, DriveState.UP, "put back by an operator", held=False)
        await self._repairs.forget(RepairKind.DRAIN)  # what other drives still want is queued again
        await self._repairs.queue(RepairKind.DRAIN, 1000)

    async def retire(self, loads: Sequence[DriveLoad]) -> None:
        """They are out for good, and empty. Raises DriveRefusal while a shard is on one of them."""
        for load in loads:
            if load.shards:
                raise DriveRefusal(
                    f"drive {load.drive.id} holds {load.shards} shards: drain it first, or replace it if it is dead"
                )
        await self._give_up([load.drive for load in loads], "retired by an operator")
        for load in loads:
            await self._strays.forget_drive(load.drive.id)

    async def replace(self, drives: Sequence[Drive]) -> None:
        """They are dead, or are about to be taken out: their shards are rebuilt elsewhere from now on.

        An empty directory at the same place becomes a new drive.
        """
        await self._give_up(drives, "replaced by an operator")
        await self._repairs.queue(RepairKind.HEAL, 1000)

    async def _give_up(self, drives: Sequence[Drive], reason: str) -> None:
        for drive in drives:
            await self._rows.set_state(drive.id, DriveState.GONE, reason, held=True)
            await self._inspections.forget(drive.id)

"""Drives: which there are, where, how full."""

from sqlalchemy import BigInteger, SmallInteger, Text, func, select, update
from sqlalchemy.dialects.postgresql import insert

from objstore.meta.database import Database
from objstore.meta.statement import Statement, param
from objstore.meta.tables import drive
from objstore.model.states import DriveState
from objstore.model.volumes import Drive

d = drive.c
# Order of ``Drive``'s fields.
_COLUMNS = (d.id, d.tier, d.node, d.address, d.zone, d.rack, d.state, d.capacity_bytes, d.free_bytes)
_row = {column.name: param(column.name, column.type) for column in _COLUMNS}
_known_again = {name: value for name, value in _row.items() if name not in ("id", "state")}
_id = param("drive", Text)
_now = func.clock_timestamp()

_REGISTER = Statement(
    insert(drive).values(_row).on_conflict_do_update(index_elements=[d.id], set_={**_known_again, "seen": _now}),
    *_row,
)
_LIST = Statement(select(*_COLUMNS).order_by(d.tier, d.node, d.address, d.id))
_UPDATE_SPACE = Statement(
    update(drive)
    .where(d.id == _id)
    .values(capacity_bytes=param("capacity", BigInteger), free_bytes=param("free", BigInteger), seen=_now),
    *("drive", "capacity", "free"),
)
_SET_STATE = Statement(update(drive).where(d.id == _id).values(state=param("new", SmallInteger)), "drive", "new")

Listing = list[Drive]  # the class has a method of the name list


class Drives:
    """The table of drives."""

    def __init__(self, database: Database) -> None:
        self._database = database.patient

    async def register(self, drive: Drive) -> None:
        """Insert a drive; a known one keeps its state and takes everything else."""
        row = (
            drive.id,
            drive.tier,
            drive.node,
            drive.address,
            drive.zone,
            drive.rack,
            drive.state,
            drive.capacity_bytes,
            drive.free_bytes,
        )
        await self._database.change(_REGISTER, *row)

    async def list(self) -> Listing:
        """All drives, by tier, node and address."""
        return [
            Drive(id_, tier, node, address, zone, rack, DriveState(state), capacity, free)
            for id_, tier, node, address, zone, rack, state, capacity, free in await self._database.fetch(_LIST)
        ]

    async def update_space(self, drive_id: str, capacity_bytes: int, free_bytes: int) -> None:
        """Note how full a drive is."""
        await self._database.change(_UPDATE_SPACE, drive_id, capacity_bytes, free_bytes)

    async def set_state(self, drive_id: str, state: DriveState) -> bool:
        """Change a drive's state; False if there is no such drive."""
        return bool(await self._database.change(_SET_STATE, drive_id, state))

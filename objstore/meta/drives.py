"""Drives: which there are, where, how full, and in which state."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import REAL, Boolean, Double, SmallInteger, Text, case, cast, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from objstore.meta.database import Database
from objstore.meta.statement import Statement, batch, constant, param
from objstore.meta.tables import drive, shard
from objstore.model.states import DriveState
from objstore.model.volumes import Drive

STRIKES_HALVE_SECONDS = 300
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
_LIST = Statement(select(*_COLUMNS, d.held).order_by(d.tier, d.node, d.address, d.id))
_new = param("new", SmallInteger)
_gone = constant(DriveState.GONE.value)
_change = {
    "state": _new,
    "reason": param("why", Text),
    "since": _now,
    "strikes": constant(0),
    # It counts how often the drive was given up.
    "generation": d.generation + case((_new == _gone, constant(1)), else_=constant(0)),
}
_SET_STATE = Statement(
    update(drive)
    .where(d.id == _id, or_(d.state != _new, d.held != param("is_held", Boolean)))
    .values(_change | {"held": param("is_held", Boolean)}),
    *("drive", "new", "why", "is_held"),
)
_EXISTS = Statement(select(d.id).where(d.id == _id), "drive")
_JUDGE = Statement(
    update(drive).where(d.id == _id, d.state == param("expected", SmallInteger), ~d.held).values(_change),
    *("drive", "expected", "new", "why"),
)
# Strikes halve every STRIKES_HALVE_SECONDS.
_struck_ago = cast(func.extract("epoch", _now - d.struck), Double)
_strikes = d.strikes * func.power(cast(constant(2), Double), -_struck_ago / constant(STRIKES_HALVE_SECONDS))
_STANDING = Statement(
    select(
        d.id,
        d.tier,
        d.state,
        d.held,
        d.reason,
        cast(func.extract("epoch", _now - d.seen), Double),
        cast(func.extract("epoch", _now - d.since), Double),
        cast(_strikes, Double),
    ).order_by(d.tier, d.id)
)
_blamed = batch("blamed", {"id": Text, "more": REAL})
_STRIKE = Statement(
    update(drive).where(d.id == _blamed.c.id).values(strikes=cast(_strikes + _blamed.c.more, REAL), struck=_now),
    *("id", "more"),
)

_OUT = Statement(select(d.id).where(d.state == _gone, d.held, ~exists().where(shard.c.drive_id == d.id)))

Listing = list[Drive]  # the class has a method of the name list


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a drive. ``silent_seconds``: since who serves it said that it is there; ``state_seconds``: for
    how long it has its state; ``strikes``: failures that its users have met, fading.
    """

    id: str
    tier: str
    state: DriveState
    held: bool
    reason: str
    silent_seconds: float
    state_seconds: float
    strikes: float


Standings = list[Standing]


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
            Drive(id_, tier, node, address, zone, rack, DriveState(state), capacity, free, held)
            for id_, tier, node, address, zone, rack, state, capacity, free, held in await self._database.fetch(_LIST)
        ]

    async def out(self) -> set[str]:
        """Ids of those that an operator has given up and that nothing is on any more: no longer anybody's concern."""
        return {id_ for (id_,) in await self._database.fetch(_OUT)}

    async def set_state(self, drive_id: str, state: DriveState, reason: str = "", held: bool = False) -> bool:
        """Change a drive's state; False if there is no such drive. ``held``: detection leaves it alone from now on."""
        if await self._database.change(_SET_STATE, drive_id, state, reason, held):
            return True
        return bool(await self._database.fetch(_EXISTS, drive_id))

    async def judge(self, drive_id: str, expected: DriveState, state: DriveState, reason: str) -> bool:
        """Change the state of a drive that is in the expected one and not held by an operator."""
        return bool(await self._database.change(_JUDGE, drive_id, expected, state, reason))

    async def standing(self) -> Standings:
        """What there is to judge all drives by."""
        return [
            Standing(id_, tier, DriveState(state), held, reason, silent, since, strikes)
            for id_, tier, state, held, reason, silent, since, strikes in await self._database.fetch(_STANDING)
        ]

    async def strike(self, counts: Mapping[str, float]) -> None:
        """Users of drives have met failures: how many, by drive."""
        if counts:
            ids = sorted(counts)
            await self._database.change(_STRIKE, ids, [counts[id_] for id_ in ids])

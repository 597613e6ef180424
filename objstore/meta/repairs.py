"""Repairs: volumes of which columns have to be put elsewhere or anew. Any number of workers on any hosts take them.

    queue     what is short of redundancy, what lies on drives that are drained: found by index, never by a whole scan
    take      FOR UPDATE SKIP LOCKED, the fewest spare columns first; ``owner`` is a token of this taking
    finish    in the transaction that replaces the shards, if the owner still has the volume
    postpone  it failed, or nothing can be done now: looked at again later

A row only says that somebody should look: whoever takes it looks at the volume's shards as they are then.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Double,
    Interval,
    Select,
    SmallInteger,
    Text,
    and_,
    any_,
    case,
    cast,
    delete,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    union,
    update,
)
from sqlalchemy.dialects.postgresql import BYTEA, insert

from objstore.meta.database import Database, Transaction
from objstore.meta.repair_tables import repair
from objstore.meta.statement import Statement, array, batch, constant, param
from objstore.meta.tables import TIME, damage, drive, shard, volume
from objstore.model import clock
from objstore.model.states import DriveState, VolumeState

ERROR_CHARS_MAX = 500


class RepairKind(IntEnum):
    """Why a volume is queued, most urgent first. Codes are stored: never change one, only add."""

    HEAL = 0
    DRAIN = 1
    REBALANCE = 2


@dataclass(frozen=True, slots=True)
class Repair:
    """A volume that was taken. ``column``, ``target``: the move that rebalancing wants."""

    volume_id: bytes
    kind: RepairKind
    spare: int
    attempts: int
    owner: bytes
    column: int | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A move that rebalancing wants."""

    volume_id: bytes
    column: int
    target: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits: volumes of a kind with so many spare columns; ``failing``: of these, those that failed before."""

    kind: RepairKind
    spare: int
    volumes: int
    bytes: int
    taken: int
    failing: int
    oldest: datetime


r, v = repair.c, volume.c
_now = func.clock_timestamp(type_=TIME)
_seconds = literal_column("'1 second'::interval", Interval)
_limit = param("limit", BigInteger)
_at_rest = v.state.in_([constant(VolumeState.SEALED.value), constant(VolumeState.COMPACTING.value)])
_is_open = v.state == constant(VolumeState.OPEN.value)


def _on_drives(*states: DriveState) -> Select[Any]:
    """Shards on drives in these states."""
    return (
        select(shard.c.volume_id, shard.c.column_index)
        .join_from(drive, shard, shard.c.drive_id == drive.c.id)
        .where(drive.c.state.in_([constant(state.value) for state in states]))
    )


def _queue(wrong: Any, kind: RepairKind) -> Statement:
    """Volumes at rest of which shards are in ``wrong``, that are not queued so already."""
    by_volume = (
        select(wrong.c.volume_id, func.count().label("columns")).group_by(wrong.c.volume_id).subquery("by_volume")
    )
    spare = cast(v.m - (by_volume.c.columns if kind is RepairKind.HEAL else constant(0)), SmallInteger)
    code = cast(constant(kind.value), SmallInteger)
    known = and_(r.volume_id == by_volume.c.volume_id)
    urgent = or_(r.volume_id.is_(None), r.kind > code, and_(r.kind == code, r.spare > spare))
    rows = (
        select(by_volume.c.volume_id, spare.label("spare"), code)
        .join_from(by_volume, volume, v.id == by_volume.c.volume_id)
        .outerjoin(repair, known)
        .where(_at_rest, or_(v.m > constant(0), constant(kind.value) > constant(0)), urgent)
        .order_by(spare, by_volume.c.volume_id)
        .limit(_limit)
    )
    made = insert(repair).from_select(["volume_id", "spare", "kind"], rows)
    new = {"spare": made.excluded.spare, "kind": made.excluded.kind}
    # Whoever has it now goes on, for it is looked at again when the shards are replaced; a wait is over.
    ready = case((r.owner.is_(None), _now), else_=r.ready)
    return Statement(made.on_conflict_do_update(index_elements=[r.volume_id], set_=new | {"ready": ready}), "limit")


_lost = union(_on_drives(DriveState.GONE), select(damage.c.volume_id, damage.c.column_index)).subquery("lost")
_draining = _on_drives(DriveState.DRAINING).subquery("draining")
_QUEUE = {
    RepairKind.HEAL: _queue(_lost, RepairKind.HEAL),
    RepairKind.DRAIN: _queue(_draining, RepairKind.DRAIN),
}
_wrong_drive = _on_drives(DriveState.GONE, DriveState.DRAINING).with_only_columns(shard.c.volume_id)
_SEAL = Statement(
    update(volume)
    .where(
        _is_open,
        ~v.seal_requested,
        or_(
            v.id.in_(_wrong_drive.where(shard.c.volume_id == v.id)),
            v.id.in_(select(damage.c.volume_id).where(damage.c.volume_id == v.id)),
        ),
    )
    .values(seal_requested=true())
)
_free = (
    select(r.volume_id)
    .where(r.ready <= func.now(), r.kind == any_(array("kinds", SmallInteger)))
    .order_by(r.kind, r.spare, r.ready)
    .limit(_limit)
    .with_for_update(skip_locked=True)
    .cte("free")
)
_TAKE = Statement(
    update(repair)
    .values(owner=param("new_owner", BYTEA), ready=_now + param("lease", Double) * _seconds)
    .where(r.volume_id == _free.c.volume_id)
    .returning(r.volume_id, r.kind, r.spare, r.attempts, r.owner, r.column_index, r.target),
    *("kinds", "limit", "new_owner", "lease"),
)
_volume, _token = param("volume", BYTEA), param("token", BYTEA)
_is_held = and_(r.volume_id == _volume, r.owner == _token)
_RENEW = Statement(
    update(repair).where(_is_held).values(ready=_now + param("lease", Double) * _seconds), "volume", "token", "lease"
)
_FINISH = Statement(delete(repair).where(_is_held), "volume", "token")
# Another look, for the columns that are left.
_AGAIN = Statement(
    update(repair).where(_is_held).values(ready=_now, owner=null(), attempts=constant(0)), "volume", "token"
)
_POSTPONE = Statement(
    update(repair)
    .where(_is_held)
    .values(
        owner=null(),
        ready=_now + param("delay", Double) * _seconds,
        attempts=r.attempts + constant(1),
        last_error=param("error", Text),
    ),
    *("volume", "token", "delay", "error"),
)
_HURRY = Statement(
    update(repair)
    .where(r.volume_id > literal_column("''::bytea", BYTEA), r.owner.is_(None))
    .values(ready=_now, attempts=constant(0))
)
_wanted = batch("wanted", {"volume_id": BYTEA, "column_index": SmallInteger, "target": Text})
_WANT = Statement(
    insert(repair)
    .from_select(
        ["volume_id", "column_index", "target", "spare", "kind"],
        select(
            *(_wanted.c.volume_id, _wanted.c.column_index, _wanted.c.target, cast(v.m, SmallInteger)),
            cast(constant(RepairKind.REBALANCE.value), SmallInteger),
        ).join_from(_wanted, volume, v.id == _wanted.c.volume_id),
    )
    .on_conflict_do_nothing(),
    *("volume_id", "column_index", "target"),
)
_FORGET = Statement(
    delete(repair).where(r.kind == param("its_kind", SmallInteger), or_(r.owner.is_(None), r.ready < _now)), "its_kind"
)
_LEFT = Statement(
    select(func.count())
    .join_from(repair, volume, v.id == r.volume_id)
    .where(r.kind == param("its_kind", SmallInteger), v.tier == param("its_tier", Text)),
    *("its_kind", "its_tier"),
)
_WAITING = Statement(
    select(
        *(r.kind, r.spare, func.count()),
        cast(func.coalesce(func.sum(v.data_bytes / v.k), constant(0)), BigInteger),
        func.count().filter(and_(r.owner.isnot(None), r.ready > _now)),
        func.count().filter(r.attempts > constant(0)),
        func.min(r.queued),
    )
    .join_from(repair, volume, v.id == r.volume_id)
    .group_by(r.kind, r.spare)
    .order_by(r.kind, r.spare)
)


async def finish(transaction: Transaction, held: Repair, done: bool) -> bool:
    """End a repair, or (not ``done``) have it looked at again; False if somebody else has it now."""
    return bool(await transaction.execute(_FINISH if done else _AGAIN, held.volume_id, held.owner))


class Repairs:
    """The queue."""

    def __init__(self, database: Database) -> None:
        self._database = database.patient

    async def queue(self, kind: RepairKind, limit: int) -> int:
        """Queue volumes that are short of redundancy (HEAL), or have shards on drives that are drained; how many."""
        return await self._database.change(_QUEUE[kind], limit)

    async def seal(self) -> int:
        """Ask for volumes to be sealed that are still written and have a shard that is lost or has to move."""
        return await self._database.change(_SEAL)

    async def want(self, moves: list[Wanted]) -> int:
        """Queue moves of rebalancing, of volumes that wait for nothing else; how many."""
        if not moves:
            return 0
        columns = zip(*((one.volume_id, one.column, one.target) for one in moves), strict=True)
        return await self._database.change(_WANT, *map(list, columns))

    async def take(self, kinds: list[RepairKind], limit: int, lease_seconds: float) -> list[Repair]:
        """Take volumes, the most urgent first."""
        token = clock.random_id()

        async def work(transaction: Transaction) -> list[Repair]:
            await transaction.identify()
            found = await transaction.fetch(_TAKE, kinds, limit, token, lease_seconds)
            taken = [
                Repair(volume_id, RepairKind(kind), spare, attempts, owner, column, target)
                for volume_id, kind, spare, attempts, owner, column, target in found
            ]
            return sorted(taken, key=lambda one: (one.kind, one.spare))

        return await self._database.transact(work)

    async def renew(self, held: Repair, lease_seconds: float) -> bool:
        """A longer lease; False if somebody else has it."""
        return bool(await self._database.change(_RENEW, held.volume_id, held.owner, lease_seconds))

    async def drop(self, held: Repair) -> None:
        """There is nothing to do for it."""
        await self._database.change(_FINISH, held.volume_id, held.owner)

    async def postpone(self, held: Repair, delay_seconds: float, error: str) -> None:
        """Look at it again later."""
        await self._database.change(_POSTPONE, held.volume_id, held.owner, delay_seconds, error[:ERROR_CHARS_MAX])

    async def hurry(self) -> int:
        """Have what failed before tried again at once; how many volumes."""
        return await self._database.change(_HURRY)

    async def forget(self, kind: RepairKind) -> int:
        """Drop what of a kind waits: those that are under way go on to their end; how many."""
        return await self._database.change(_FORGET, kind)

    async def left(self, kind: RepairKind, tier: str) -> int:
        """Volumes of a tier that are queued or under way."""
        return int((await self._database.fetch(_LEFT, kind, tier))[0][0])

    async def waiting(self) -> list[Waiting]:
        """What waits, by kind and by spare columns."""
        return [Waiting(RepairKind(kind), *rest) for kind, *rest in await self._database.fetch(_WAITING)]

"""Inspections: walks over the shards of each drive, with a cursor that a restart does not lose.

take      the drive whose turn came first, FOR UPDATE SKIP LOCKED, under a lease
advance   the cursor and the figures of the pass, if the lease still holds
finish    the pass has come to its end: the next one begins when its time has come
release   the drive does not answer: its turn comes again later, at the same place
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from sqlalchemy import (
    REAL,
    BigInteger,
    Double,
    Interval,
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
    update,
)
from sqlalchemy.dialects.postgresql import BYTEA, insert

from objstore.meta.database import Database, Transaction
from objstore.meta.repair_tables import inspection
from objstore.meta.statement import Statement, array, constant, param
from objstore.meta.tables import TIME
from objstore.model import clock

ERROR_CHARS_MAX = 500


class InspectionKind(IntEnum):
    """What a walk looks at. Codes are stored: never change one, only add."""

    SCRUB = 0
    FSCK = 1
    SNAPSHOT = 2  # of the metadata, not of a drive


@dataclass(frozen=True, slots=True)
class Inspection:
    """A walk that was taken. ``shards``, ``bytes``: so far in this pass, which began at ``started``."""

    drive_id: str
    kind: InspectionKind
    cursor: bytes
    owner: bytes
    started: datetime
    shards: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a walk is, for people. ``seconds``: what the steps of this pass took."""

    drive_id: str
    kind: InspectionKind
    running: bool
    started: datetime
    next_run: datetime
    shards: int
    bytes: int
    problems: int
    seconds: float
    last_finished: datetime | None
    last_shards: int
    last_bytes: int
    last_problems: int
    last_error: str | None


i = inspection.c
_now = func.clock_timestamp(type_=TIME)
_second = literal_column("'1 second'::interval", Interval)
_kind = param("its_kind", SmallInteger)
_drives = any_(array("drives", Text))
_found = func.unnest(array("drives", Text)).table_valued("drive_id").render_derived(name="found")
# Spread over the period, so that a new server does not begin with all its drives at once.
_first = _now + param("spread", Double) * func.random() * _second
_ENSURE = Statement(
    insert(inspection)
    .from_select(["drive_id", "kind", "next_run"], select(_found.c.drive_id, _kind, _first))
    .on_conflict_do_nothing(),
    *("drives", "its_kind", "spread"),
)
_free = (
    select(i.drive_id)
    .where(
        i.kind == _kind,
        i.drive_id == _drives,
        i.next_run <= func.now(),
        or_(i.lease_until.is_(None), i.lease_until < func.now()),
    )
    .order_by(i.next_run)
    .limit(constant(1))
    .with_for_update(skip_locked=True)
    .cte("free")
)
_at_start = i.cursor == literal_column("''::bytea", BYTEA)
_TAKE = Statement(
    update(inspection)
    .values(
        owner=param("new_owner", BYTEA),
        lease_until=_now + param("lease", Double) * _second,
        started=case((_at_start, _now), else_=i.started),
    )
    .where(i.drive_id == _free.c.drive_id, i.kind == _kind)
    .returning(i.drive_id, i.kind, i.cursor, i.owner, i.started, i.shards, i.bytes),
    *("its_kind", "drives", "new_owner", "lease"),
)
_is_held = and_(i.drive_id == param("its_drive", Text), i.kind == _kind, i.owner == param("token", BYTEA))
_HELD = ("its_drive", "its_kind", "token")
_more = {name: i[name] + param(f"more_{name}", BigInteger) for name in ("shards", "bytes", "problems")}
_seconds = cast(i.seconds + param("took", Double), REAL)
_ADVANCE = Statement(
    update(inspection)
    .where(_is_held)
    .values(
        cursor=param("reached", BYTEA),
        lease_until=_now + param("lease", Double) * _second,
        seconds=_seconds,
        last_error=null(),
        **_more,
    ),
    *(*_HELD, "reached", "lease", "took", "more_shards", "more_bytes", "more_problems"),
)
_FINISH = Statement(
    update(inspection)
    .where(_is_held)
    .values(
        cursor=literal_column("''::bytea", BYTEA),
        owner=null(),
        lease_until=null(),
        next_run=i.started + param("period", Double) * _second,
        last_finished=_now,
        last_shards=i.shards,
        last_bytes=i.bytes,
        last_problems=i.problems,
        shards=constant(0),
        bytes=constant(0),
        problems=constant(0),
        seconds=constant(0),
    ),
    *(*_HELD, "period"),
)
_RELEASE = Statement(
    update(inspection)
    .where(_is_held)
    .values(
        owner=null(),
        lease_until=null(),
        next_run=_now + param("delay", Double) * _second,
        last_error=func.coalesce(param("error", Text), i.last_error),
    ),
    *(*_HELD, "delay", "error"),
)
_START = Statement(update(inspection).where(i.kind == _kind, i.drive_id == _drives).values(next_run=_now),
                   *("its_kind", "drives"))  # fmt: skip
_STOP = Statement(
    update(inspection)
    .where(i.kind == _kind, i.drive_id == _drives)
    .values(
        cursor=literal_column("''::bytea", BYTEA),
        owner=null(),
        lease_until=null(),
        next_run=_now + param("period", Double) * _second,
        shards=constant(0),
        bytes=constant(0),
        problems=constant(0),
        seconds=constant(0),
    ),
    *("its_kind", "drives", "period"),
)
_PROGRESS = Statement(
    select(
        *(i.drive_id, i.kind, and_(i.owner.isnot(None), i.lease_until > _now), i.started, i.next_run, i.shards),
        *(i.bytes, i.problems, i.seconds, i.last_finished, i.last_shards, i.last_bytes, i.last_problems, i.last_error),
    )
    .where(i.kind == _kind)
    .order_by(i.drive_id),
    "its_kind",
)
_FORGET = Statement(delete(inspection).where(i.drive_id == param("its_drive", Text)), "its_drive")


class Inspections:
    """The table of inspections."""

    def __init__(self, database: Database) -> None:
        self._database = database.patient

    async def ensure(self, kind: InspectionKind, drive_ids: list[str], spread_seconds: float) -> None:
        """See to it that each drive has its walk; a new one begins at some time within ``spread_seconds``."""
        await self._database.change(_ENSURE, drive_ids, kind, spread_seconds)

    async def take(self, kind: InspectionKind, drive_ids: list[str], lease_seconds: float) -> Inspection | None:
        """A walk over one of these drives that is due, if there is one."""
        token = clock.random_id()

        async def work(transaction: Transaction) -> Inspection | None:
            await transaction.identify()
            found = await transaction.fetch(_TAKE, kind, drive_ids, token, lease_seconds)
            if not found:
                return None
            drive_id, code, *rest = found[0]
            return Inspection(drive_id, InspectionKind(code), *rest)

        return await self._database.transact(work)

    async def advance(
        self, held: Inspection, cursor: bytes, lease_seconds: float, seconds: float, figures: tuple[int, int, int]
    ) -> bool:
        """A step was done: so many more (shards, bytes, problems). False if somebody else has the walk."""
        return bool(await self._database.change(_ADVANCE, *_token(held), cursor, lease_seconds, seconds, *figures))

    async def finish(self, held: Inspection, period_seconds: float) -> None:
        """The pass is over; the next one begins so long after this one began."""
        await self._database.change(_FINISH, *_token(held), period_seconds)

    async def release(self, held: Inspection, delay_seconds: float, error: str | None = None) -> None:
        """Somebody may go on after a while."""
        told = None if error is None else error[:ERROR_CHARS_MAX]
        await self._database.change(_RELEASE, *_token(held), delay_seconds, told)

    async def start(self, kind: InspectionKind, drive_ids: list[str]) -> int:
        """Have the walks over these drives go on, or begin, now; how many."""
        return await self._database.change(_START, kind, drive_ids)

    async def stop(self, kind: InspectionKind, drive_ids: list[str], period_seconds: float) -> int:
        """End the passes that are under way; the next ones begin after a period. How many walks there are."""
        return await self._database.change(_STOP, kind, drive_ids, period_seconds)

    async def progress(self, kind: InspectionKind) -> list[Progress]:
        """How far the walks are, by drive."""
        found = await self._database.fetch(_PROGRESS, kind)
        return [Progress(drive_id, InspectionKind(code), *rest) for drive_id, code, *rest in found]

    async def forget(self, drive_id: str) -> None:
        """A drive will not come back."""
        await self._database.change(_FORGET, drive_id)


def _token(held: Inspection) -> tuple[str, int, bytes]:
    return held.drive_id, held.kind, held.owner

"""What repairs have done, and jobs of rebalancing."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from sqlalchemy import BigInteger, SmallInteger, Text, func, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from objstore.meta.database import Database
from objstore.meta.repair_tables import rebalance, repair_stats
from objstore.meta.repairs import RepairKind
from objstore.meta.statement import Statement, constant, param
from objstore.meta.tables import TIME


@dataclass(frozen=True, slots=True)
class RepairFigures:
    """Sums of a kind since the cluster began. ``bytes``: of the new files; ``milliseconds``: work, not waiting."""

    kind: RepairKind
    volumes: int
    shards: int
    bytes: int
    milliseconds: int
    failures: int
    lost_stripes: int
    last_done: datetime | None
    last_failed: datetime | None
    last_error: str | None


class RebalanceState(IntEnum):
    """Of a tier's rebalancing. Codes are stored: never change one, only add."""

    RUNNING = 0
    DONE = 1
    CANCELLED = 2


@dataclass(frozen=True, slots=True)
class Rebalance:
    """``planned``, ``moved``: shards, and their bytes as estimated."""

    tier: str
    state: RebalanceState
    started: datetime
    finished: datetime | None
    planned: int
    planned_bytes: int
    moved: int
    moved_bytes: int
    last_error: str | None


s, b = repair_stats.c, rebalance.c
_now = func.clock_timestamp(type_=TIME)
_SUMS = ("volumes", "shards", "bytes", "milliseconds", "lost_stripes")
_sums = {name: param(f"more_{name}", BigInteger) for name in _SUMS}
_DONE = Statement(
    insert(repair_stats)
    .values(kind=param("its_kind", SmallInteger), last_done=_now, **_sums)
    .on_conflict_do_update(
        index_elements=[s.kind], set_={name: s[name] + more for name, more in _sums.items()} | {"last_done": _now}
    ),
    *("its_kind", *(f"more_{name}" for name in _SUMS)),
)
_error = param("error", Text)
_FAILED = Statement(
    insert(repair_stats)
    .values(kind=param("its_kind", SmallInteger), failures=constant(1), last_failed=_now, last_error=_error)
    .on_conflict_do_update(
        index_elements=[s.kind],
        set_={"failures": s.failures + constant(1), "last_failed": _now, "last_error": _error},
    ),
    *("its_kind", "error"),
)
_FIGURES = Statement(
    select(
        *(s.kind, s.volumes, s.shards, s.bytes, s.milliseconds, s.failures, s.lost_stripes, s.last_done),
        *(s.last_failed, s.last_error),
    ).order_by(s.kind)
)
_tier = param("its_tier", Text)
_RUNNING, _ENDED = constant(RebalanceState.RUNNING.value), param("new_state", SmallInteger)
_START = Statement(
    insert(rebalance)
    .values(tier=_tier)
    .on_conflict_do_update(
        index_elements=[b.tier],
        set_={
            "state": _RUNNING,
            "started": _now,
            "finished": null(),
            "last_error": null(),
            **{name: constant(0) for name in ("planned", "planned_bytes", "moved", "moved_bytes")},
        },
        where=or_(b.state != _RUNNING),
    ),
    "its_tier",
)
_PLANNED = Statement(
    update(rebalance)
    .where(b.tier == _tier, b.state == _RUNNING)
    .values(
        planned=b.planned + param("more", BigInteger), planned_bytes=b.planned_bytes + param("more_bytes", BigInteger)
    ),
    *("its_tier", "more", "more_bytes"),
)
_MOVED = Statement(
    update(rebalance)
    .where(b.tier == _tier)
    .values(moved=b.moved + param("more", BigInteger), moved_bytes=b.moved_bytes + param("more_bytes", BigInteger)),
    *("its_tier", "more", "more_bytes"),
)
_END = Statement(
    update(rebalance).where(b.tier == _tier, b.state == _RUNNING).values(state=_ENDED, finished=_now),
    *("its_tier", "new_state"),
)
_JOBS = Statement(
    select(
        *(b.tier, b.state, b.started, b.finished, b.planned, b.planned_bytes, b.moved, b.moved_bytes, b.last_error)
    ).order_by(b.tier)
)


class RepairStats:
    """The figures of repairs."""

    def __init__(self, database: Database) -> None:
        self._database = database.patient

    async def done(
        self, kind: RepairKind, shards: int, size: int, milliseconds: int, lost_stripes: int = 0, volumes: int = 1
    ) -> None:
        """A volume was repaired."""
        await self._database.change(_DONE, kind, volumes, shards, size, milliseconds, lost_stripes)

    async def failed(self, kind: RepairKind, error: str) -> None:
        """A repair has failed."""
        await self._database.change(_FAILED, kind, error[:500])

    async def figures(self) -> list[RepairFigures]:
        """By kind."""
        return [RepairFigures(RepairKind(kind), *rest) for kind, *rest in await self._database.fetch(_FIGURES)]


class Rebalances:
    """Jobs of rebalancing, one a tier."""

    def __init__(self, database: Database) -> None:
        self._database = database.patient

    async def start(self, tier: str) -> bool:
        """Begin; False if one is under way."""
        return bool(await self._database.change(_START, tier))

    async def planned(self, tier: str, shards: int, size: int) -> None:
        """So many more moves were queued."""
        await self._database.change(_PLANNED, tier, shards, size)

    async def moved(self, tier: str, shards: int, size: int) -> None:
        """So many more moves were done."""
        await self._database.change(_MOVED, tier, shards, size)

    async def end(self, tier: str, state: RebalanceState) -> bool:
        """The job is over; False if none is under way."""
        return bool(await self._database.change(_END, tier, state))

    async def jobs(self) -> list[Rebalance]:
        """The last job of each tier that had one."""
        return [
            Rebalance(tier, RebalanceState(state), *rest) for tier, state, *rest in await self._database.fetch(_JOBS)
        ]

"""Samples: numbers of each step, added by every process, and read as sums over all of them.

A process writes all that it has counted since the last time in one statement, every ``STEP`` seconds. Steps are told
by the database's clock. The statement is not repeated: where it fails, the step has a gap.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Double, Integer, SmallInteger, Text, any_, case, cast, func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert

from objstore.meta.database import Database, Lost
from objstore.meta.history_tables import history
from objstore.meta.statement import Statement, array, batch, constant, param
from objstore.model.series import LEVELS, STEP

ROWS_MAX = 50_000
# A step is written within so long after its end.
LATE_SECONDS = STEP // 2

h = history.c
_epoch = cast(func.floor(func.extract("epoch", func.clock_timestamp())), BigInteger)
_ended = (_epoch - constant(LATE_SECONDS)) // constant(STEP) * constant(STEP)
_new = batch("counted", {"series": SmallInteger, "label": Text, "value": Double})
_INSERT = insert(history).from_select(
    ["start", "value", "step", "series", "label", "node"],
    select(_ended, _new.c.value, constant(STEP), _new.c.series, _new.c.label, param("process", Text)),
)
_is_level = h.series.in_([constant(code) for code in LEVELS])
_ADD = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=[h.series, h.step, h.start, h.label, h.node],
        # A process writes twice within a step when its timer is off; two that hold the lease find the same level.
        set_={"value": case((_is_level, _INSERT.excluded.value), else_=h.value + _INSERT.excluded.value)},
    ),
    *("series", "label", "value", "process"),
)
_wanted = h.series == any_(array("codes", SmallInteger))
_step = h.step == param("its_step", Integer)
_from, _to = param("since", BigInteger), param("until", BigInteger)
_within = (h.start >= _from, h.start < _to)
_SUMS = Statement(
    select(h.series, h.label, func.sum(h.value))
    .where(_wanted, _step, *_within)
    .group_by(h.series, h.label)
    .limit(constant(ROWS_MAX)),
    *("codes", "its_step", "since", "until"),
)
_BY_NODE = Statement(
    select(h.node, h.series, func.sum(h.value))
    .where(_wanted, _step, *_within)
    .group_by(h.node, h.series)
    .limit(constant(ROWS_MAX)),
    *("codes", "its_step", "since", "until"),
)
_LAST = Statement(
    select(h.series, h.label, h.value, h.start)
    .ext(distinct_on(h.series, h.label))
    .where(_wanted, _step, *_within)
    .order_by(h.series, h.label, h.start.desc())
    .limit(constant(ROWS_MAX)),
    *("codes", "its_step", "since", "until"),
)
_every = param("every", BigInteger)
_at = h.start // _every * _every
_value = case((_is_level, func.avg(h.value)), else_=func.sum(h.value))
_POINTS = Statement(
    select(h.series, h.label, _at.label("at"), _value)
    .where(_wanted, _step, *_within)
    .group_by(h.series, h.label, _at)
    .order_by(h.series, h.label, _at)
    .limit(constant(ROWS_MAX)),
    *("every", "codes", "its_step", "since", "until"),
)
_NEWEST = Statement(select(func.max(h.start)).where(_wanted, _step, h.start >= _from), *("codes", "its_step", "since"))


@dataclass(frozen=True, slots=True)
class Span:
    """Steps of ``step`` seconds that begin at ``start`` or later and before ``end``, in seconds since 1970."""

    step: int
    start: int
    end: int

    @property
    def seconds(self) -> int:
        """How long it is."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Point:
    """A sum (of a level: the mean) of a stretch that begins at ``start``."""

    series: int
    label: str
    start: int
    value: float


Sums = dict[tuple[int, str], float]


class Samples:
    """The table of samples."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, process: str, samples: Sequence[tuple[int, str, float]]) -> bool:
        """Add (series, label, value) to the step that has just ended; False if the outcome is not known.

        Raises DatabaseUnavailable, and nothing was added.
        """
        rows = sorted(samples)
        if not rows:
            return True
        try:
            await self._database.statement(_ADD, *map(list, zip(*rows, strict=True)), process)
        except Lost:
            return False
        return True

    async def sums(self, codes: Sequence[int], span: Span) -> Sums:
        """What all processes have counted, by series and label."""
        rows = await self._database.fetch(_SUMS, list(codes), span.step, span.start, span.end)
        return {(code, label): value for code, label, value in rows}

    async def by_node(self, codes: Sequence[int], span: Span) -> dict[tuple[str, int], float]:
        """The same by process and series, as long as these are told apart."""
        rows = await self._database.fetch(_BY_NODE, list(codes), span.step, span.start, span.end)
        return {(node, code): value for node, code, value in rows}

    async def last(self, codes: Sequence[int], span: Span) -> Sums:
        """The newest value of each level within the span, by series and label."""
        rows = await self._database.fetch(_LAST, list(codes), span.step, span.start, span.end)
        return {(code, label): value for code, label, value, _ in rows}

    async def points(self, codes: Sequence[int], span: Span, every: int) -> list[Point]:
        """Values by series, label and stretches of ``every`` seconds, a multiple of the step; a bounded number."""
        rows = await self._database.fetch(_POINTS, every, list(codes), span.step, span.start, span.end)
        return [Point(*row) for row in rows]

    async def newest(self, codes: Sequence[int], since: int) -> int | None:
        """The start of the newest step that has a sample, not looking farther back than ``since``."""
        newest: int | None = (await self._database.fetch(_NEWEST, list(codes), STEP, since))[0][0]
        return newest

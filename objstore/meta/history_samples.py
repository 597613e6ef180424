"""Samples: numbers of each step, added by every process, and read as sums over all of them.

A process writes all that it has counted since the last time in one statement, every ``STEP`` seconds. Steps are told
by the database's clock. The statement is not repeated: where it fails, the step has a gap.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Double,
    Integer,
    SmallInteger,
    Text,
    and_,
    any_,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import distinct_on, insert

from objstore.meta.database import Database, Lost
from objstore.meta.history_tables import history
from objstore.meta.statement import Statement, array, batch, constant, param
from objstore.model.series import LEVELS, STEP

ROWS_MAX = 50_000
LINES_MAX = 256
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
_label = param("label", Text)
_has_label = or_(_label.is_(None), h.label == _label, func.starts_with(h.label, _label + literal_column("':'")))
_points = (
    select(h.series, h.label, _at.label("at"), _value.label("value"))
    .where(_wanted, _step, *_within, _has_label)
    .group_by(h.series, h.label, _at)
    .cte("points")
    .prefix_with("MATERIALIZED")
)
_p = _points.c
# A row a line: one a point would be most of what an answer costs. Nothing is sorted: both sums are hashed.
_LINES = Statement(
    select(
        _p.series,
        _p.label,
        func.array_agg(_p.at),
        func.array_agg(_p.value),
    )
    .group_by(_p.series, _p.label)
    .order_by(_p.series, _p.label)
    .limit(constant(LINES_MAX)),
    *("every", "codes", "its_step", "since", "until", "label"),
)
_asked = batch(
    "asked", {"ask": Integer, "code": SmallInteger, "steps": Integer, "begin": BigInteger, "end": BigInteger}
)
_a = _asked.c
_MANY_SUMS = Statement(
    select(_a.ask, h.series, h.label, func.sum(h.value))
    .join_from(
        _asked,
        history,
        and_(h.series == _a.code, h.step == _a.steps, h.start >= _a.begin, h.start < _a.end),
    )
    .group_by(_a.ask, h.series, h.label)
    .limit(constant(ROWS_MAX)),
    *("ask", "code", "steps", "begin", "end"),
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
class Line:
    """Starts and values of a series and label, by time."""

    series: int
    label: str
    points: list[tuple[int, float]]


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

    async def sums(self, codes: Sequence[int], *spans: Span) -> Sums:
        """What all processes have counted within some spans together, by series and label."""
        return (await self.many_sums([(codes, spans)]))[0]

    async def many_sums(self, asks: Sequence[tuple[Sequence[int], Sequence[Span]]]) -> list[Sums]:
        """The same for several series, each with spans of its own."""
        columns = [
            (i, code, span.step, span.start, span.end)
            for i, (codes, spans) in enumerate(asks)
            for span in spans
            for code in codes
        ]
        found: list[Sums] = [{} for _ in asks]
        for ask, code, label, value in await self._database.fetch(_MANY_SUMS, *zip(*columns, strict=True)):
            found[ask][code, label] = value
        return found

    async def by_node(self, codes: Sequence[int], span: Span) -> dict[tuple[str, int], float]:
        """The same by process and series, as long as these are told apart."""
        rows = await self._database.fetch(_BY_NODE, list(codes), span.step, span.start, span.end)
        return {(node, code): value for node, code, value in rows}

    async def last(self, codes: Sequence[int], span: Span) -> Sums:
        """The newest value of each level within the span, by series and label."""
        rows = await self._database.fetch(_LAST, list(codes), span.step, span.start, span.end)
        return {(code, label): value for code, label, value, _ in rows}

    async def lines(self, codes: Sequence[int], span: Span, every: int, label: str | None = None) -> list[Line]:
        """Values by series, label and stretches of ``every`` seconds, a multiple of the step; at most ``LINES_MAX``.

        ``label``: only lines of that label, or whose label begins with it and a colon.
        """
        rows = await self._database.fetch(_LINES, every, list(codes), span.step, span.start, span.end, label)
        return [Line(series, name, sorted(zip(starts, values, strict=True))) for series, name, starts, values in rows]

    async def newest(self, codes: Sequence[int], since: int) -> int | None:
        """The start of the newest step that has a sample, not looking farther back than ``since``."""
        newest: int | None = (await self._database.fetch(_NEWEST, list(codes), STEP, since))[0][0]
        return newest

"""What rules would do: counted by the indexes that their walks go by, in transactions that can change nothing.

A sweep is one action of a rule. It is counted exactly while no more than ``rows_max`` rows lie in its part of the
index; beyond that, or when it takes too long, a sample of the table's pages stands for all of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Double,
    Integer,
    SmallInteger,
    Text,
    all_,
    and_,
    any_,
    case,
    cast,
    column,
    extract,
    func,
    literal_column,
    or_,
    select,
    table,
    tablesample,
)
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB
from sqlalchemy.dialects.postgresql import array as pg_array

from objstore.meta.database import Database, Transaction
from objstore.meta.statement import Statement, array, constant, param
from objstore.meta.tables import TIME, object_, part, upload, version
from objstore.meta.walks import ANY_SIZE, Source
from objstore.model import days
from objstore.model.heat import HALF_LIFE_DAYS
from objstore.model.states import UploadState

ROWS_MAX = 5_000_000
STATEMENT_SECONDS = 15.0  # less than a session waits for any answer
SAMPLE_ROWS = 200_000
SAMPLES_MAX = 8


class TooSlow(Exception):
    """Postgres gave up on a statement after the time that it was given."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one action of a rule is about; it is due when the last of its conditions is.

    ``days``, ``hours``, ``date``: as in the rule. ``idle_days``: days without an access; ``heat_below``: see
    model/heat.py. ``newer``: how many newer noncurrent versions there must be. ``steps``: if given, only keys that
    are one of these, or below one that ends with a slash. ``skip_classes``: codes of classes that are left out.
    ``markers``: noncurrent delete markers too.
    """

    source: Source
    prefix: bytes = b""
    size_min: int = 0
    size_max: int = ANY_SIZE
    tags: Mapping[str, str] = field(default_factory=dict)
    skip_classes: Sequence[int] = ()
    days: int | None = None
    hours: int | None = None
    date: datetime | None = None
    idle_days: int | None = None
    heat_below: float | None = None
    newer: int = 0
    markers: bool = False
    steps: Sequence[bytes] | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """Versions and their bytes."""

    objects: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Forecast:
    """``by_day[0]``: what is due now; ``by_day[i]``: what becomes due within the i-th day from now.

    ``exact``: counted, not estimated from a sample. ``samples``: some keys with their version ids, the first due first.
    """

    exact: bool
    by_day: Sequence[Count]
    samples: Sequence[tuple[bytes, bytes]]


# ---- When a row is due, in seconds since 1970, and in which day from now that is.

_now = param("now_seconds", Double)
_day = param("day_seconds", Double)


def _number(value: float) -> ColumnElement[float]:
    """A number that divides without becoming a decimal."""
    return literal_column(f"{float(value)}::float8", Double)


def _seconds(moment: ColumnElement[Any]) -> ColumnElement[float]:
    return cast(extract("epoch", moment), Double)


def _due(base: ColumnElement[Any], accessed: ColumnElement[Any] | None, heat: ColumnElement[Any] | None) -> Any:
    """The latest of the conditions; those that are not set are NULL, and ``greatest`` passes over these."""
    begun = _seconds(base)
    aged, midnight = begun + param("age_days", Double) * _day, _number(days.CALENDAR_DAY_SECONDS)
    rounded = case((param("calendar", Boolean), func.ceil(aged / midnight) * midnight), else_=aged)
    conditions = [begun, rounded, begun + param("age_hours", Double) * _day / _number(24), param("date", Double)]
    if accessed is not None:
        last_use = func.greatest(cast(accessed, Double), func.floor(begun / _day))
        conditions.append((last_use + param("idle_days", Double) + _number(1)) * _day)
        limit, count = param("heat_below", Double), cast(heat, Double)
        wait = func.floor(_number(HALF_LIFE_DAYS) * func.ln(count / limit) / func.ln(_number(2))) + _number(1)
        conditions.append(case((count >= limit, (cast(accessed, Double) + wait) * _day)))
    return func.greatest(*conditions)


_DUE_NAMES = ("now_seconds", "day_seconds", "age_days", "calendar", "age_hours", "date")
_ACCESS_NAMES = ("idle_days", "heat_below")
_FILTER_NAMES = ("prefix", "size_min", "size_max", "tags", "skip_classes", "steps")


def _matches(c: Any) -> ColumnElement[bool]:
    """The filter of a rule, and that the version is not where the rule would have it."""
    nothing = literal_column("'{}'::jsonb", JSONB)
    return and_(
        _has_prefix(c.key),
        c.size >= param("size_min", BigInteger),
        c.size <= param("size_max", BigInteger),
        func.coalesce(c.tags, nothing).op("@>")(param("tags", JSONB)),
        c.storage_class != all_(array("skip_classes", SmallInteger)),
    )


def _has_prefix(key: ColumnElement[Any]) -> ColumnElement[bool]:
    prefix = param("prefix", BYTEA)
    return func.substring(key, constant(1), func.octet_length(prefix)) == prefix


def _in_steps(key: ColumnElement[Any]) -> ColumnElement[bool]:
    """It is below one of ``steps`` (up to the slash after the prefix), or is one; always, where there are none."""
    steps, slash = param("steps", ARRAY(BYTEA)), literal_column("'/'::bytea", BYTEA)
    prefix = func.octet_length(param("prefix", BYTEA))
    at = func.position(slash.op("IN")(func.substring(key, prefix + constant(1))), type_=Integer)
    step = case((at > constant(0), func.substring(key, constant(1), prefix + at)), else_=key)
    return or_(steps.is_(None), step == any_(steps))


# ---- Sources: rows that lie in a part of an index.


@dataclass(frozen=True, slots=True)
class _Place:
    """``at``: the column that is walked on, ``base``: what ages begin with; ``within``: the index's own condition."""

    table: Any
    at: str
    type: Any
    base: str
    within: Any = None
    access: bool = False

    def statement(self, name: str) -> Statement:
        """``probe``, ``exact`` or ``sampled``."""
        range_names = ("bucket_id", "horizon")
        c = self.table.c
        if name == "probe":
            rows = self._range(self.table, select(constant(1))).limit(param("rows", BigInteger)).subquery("rows")
            return Statement(select(func.count()).select_from(rows), *range_names, "rows")
        source = self.table
        if name == "sampled":
            source = tablesample(self.table, func.system(param("percent", Double)), name="sampled")
            c = source.c
        due = _due(c[self.base], c.accessed if self.access else None, c.heat if self.access else None)
        page = self._range(source, select(c.key, c.version_id, c.size, due.label("due")), c)
        page = page.where(_matches(c), _in_steps(c.key), *self._further(source)).subquery("page")
        names = (*range_names, *_DUE_NAMES, *(_ACCESS_NAMES if self.access else ()), *_FILTER_NAMES, "days")
        names += ("newer", "markers") if self.at == "noncurrent_since" else ()
        return Statement(_by_day(page), *names, *(("percent",) if name == "sampled" else ()))

    def _range(self, source: Any, query: Any, c: Any = None) -> Any:
        c = source.c if c is None else c
        query = query.where(c.bucket_id == param("bucket_id", BigInteger), c[self.at] <= param("horizon", self.type))
        return query if self.within is None else query.where(self.within(c))

    def _further(self, source: Any) -> list[ColumnElement[bool]]:
        """What the index does not know: how many newer noncurrent versions, or any others at all, a key has."""
        c, other = source.c, version.alias("other")
        same = and_(other.c.bucket_id == c.bucket_id, other.c.key == c.key)
        if self.at == "noncurrent_since":
            newer = param("newer", BigInteger)
            above = (
                select(constant(1))
                .where(same, other.c.seq > c.seq, other.c.noncurrent_since.is_not(None))
                .order_by(other.c.seq)  # by the primary key, not through all that is noncurrent
                .limit(newer)
                .correlate(source)
                .subquery("above")
            )
            count = select(func.count()).select_from(above).scalar_subquery()
            return [count >= newer, or_(param("markers", Boolean), ~c.marker)]
        if self.table is not version:
            return []
        any_other = select(other.c.seq).where(same, other.c.seq != c.seq).order_by(other.c.seq).limit(constant(1))
        return [any_other.correlate(source).scalar_subquery().is_(None)]


def _by_day(page: Any) -> Any:
    """Counts by day and a slice of the keys; the least key of each is a sample."""
    wait = func.ceil((page.c.due - _now) / _day)
    day = cast(func.greatest(wait, constant(0)), Integer)
    piece = func.get_byte(page.c.key, func.octet_length(page.c.key) - constant(1)) % constant(SAMPLES_MAX)
    sample = func.min(pg_array([page.c.key, page.c.version_id]))
    count = (func.count(), cast(func.coalesce(func.sum(page.c.size), constant(0)), BigInteger))
    return (
        select(day.label("day"), *count, sample).where(wait <= param("days", Double)).group_by(day, piece).order_by(day)
    )


def _of_uploads() -> Statement:
    c, parts = upload.c, part.alias("parts").c
    size = select(func.coalesce(func.sum(parts.size), constant(0))).where(parts.upload_id == c.id).scalar_subquery()
    page = (
        select(c.key, c.id.label("version_id"), size.label("size"), _due(c.created, None, None).label("due"))
        .where(c.bucket_id == param("bucket_id", BigInteger), c.created <= param("horizon", TIME))
        .where(c.state == constant(UploadState.OPEN.value), _has_prefix(c.key))
        .limit(constant(ROWS_MAX))
        .subquery("page")
    )
    return Statement(_by_day(page), *("bucket_id", "horizon", *_DUE_NAMES, "prefix", "days"))


_PLACES: Mapping[Source, _Place] = {
    Source.CURRENT: _Place(object_, "modified", TIME, "modified", access=True),
    Source.ACCESSED: _Place(object_, "accessed", BigInteger, "modified", lambda c: c.tier == constant(0), access=True),
    Source.NONCURRENT: _Place(
        version, "noncurrent_since", TIME, "noncurrent_since", lambda c: c.noncurrent_since.is_not(None)
    ),
    Source.MARKER: _Place(
        version, "modified", TIME, "modified", lambda c: and_(c.marker, c.noncurrent_since.is_(None))
    ),
}
_STATEMENTS = {
    source: {name: place.statement(name) for name in ("probe", "exact", "sampled")} for source, place in _PLACES.items()
}
_UPLOADS = _of_uploads()
_set_config = [func.set_config(literal_column(f"'{name}'"), param(name, Text), literal_column("true"))
               for name in ("statement_timeout", "transaction_read_only")]  # fmt: skip
_BOUND = Statement(select(*_set_config), "statement_timeout", "transaction_read_only")
_pages = table("pg_class", column("oid"), column("reltuples"))
_ROWS = {
    kind: Statement(
        select(cast(_pages.c.reltuples, Double)).where(_pages.c.oid == literal_column(f"'{kind.name}'::regclass"))
    )
    for kind in (object_, version)
}


async def forecast(
    database: Database, bucket_id: int, sweep: Sweep, now: datetime, count: int, rows_max: int = ROWS_MAX
) -> Forecast:
    """What a sweep would find now and in each of the next ``count`` days. Raises TooSlow, DatabaseUnavailable."""
    horizon = _horizon(sweep, now, count)
    if horizon is None:
        return Forecast(True, [Count()] * (count + 1), [])
    if sweep.source is Source.UPLOAD:
        return _told(await bounded(database, _UPLOADS, *_arguments(bucket_id, sweep, horizon, now, count)), count)
    statements, arguments = _STATEMENTS[sweep.source], _arguments(bucket_id, sweep, horizon, now, count)
    try:
        ((rows,),) = await bounded(database, statements["probe"], bucket_id, horizon, rows_max + 1)
        if rows <= rows_max:
            return _told(await bounded(database, statements["exact"], *arguments), count)
    except TooSlow:
        pass
    total = await rows_of(database, _PLACES[sweep.source].table)
    percent = min(100.0, 100.0 * SAMPLE_ROWS / max(total, 1.0))
    records = await bounded(database, statements["sampled"], *arguments, percent)
    return _told(records, count, 100.0 / percent)


async def bounded(
    database: Database, statement: Statement, *arguments: Any, seconds: float = STATEMENT_SECONDS
) -> Sequence[Any]:
    """Rows of a statement that can change nothing and is given up after ``seconds``; raises TooSlow."""

    async def work(transaction: Transaction) -> Sequence[Any]:
        await transaction.fetch(_BOUND, str(round(seconds * 1000)), "on")
        try:
            return await transaction.fetch(statement, *arguments)
        except asyncpg.QueryCanceledError as error:  # the connection is sound
            raise TooSlow(f"given up after {seconds:g} s") from error

    return await database.patient.transact(work)


async def rows_of(database: Database, table_: Any) -> float:
    """About how many rows ``object`` or ``version`` has."""
    ((total,),) = await database.fetch(_ROWS[table_])
    return float(total)


def _horizon(sweep: Sweep, now: datetime, count: int) -> datetime | int | None:
    """Rows past this cannot be due within ``count`` days; None if no row can."""
    last = days.later(now, days.days(count))
    if sweep.date is not None and sweep.date > last:
        return None
    if sweep.source is Source.ACCESSED:
        return days.day_of(last) - (0 if sweep.idle_days is None else sweep.idle_days + 1)
    age = max(days.days(sweep.days or 0), days.hours(sweep.hours or 0))
    return last - age if age < last - days.EPOCH else None


def _arguments(bucket_id: int, sweep: Sweep, horizon: Any, now: datetime, count: int) -> list[Any]:
    """In the order of the statements' parameters."""
    is_calendar = days.days(1) == timedelta(seconds=days.CALENDAR_DAY_SECONDS)
    date = None if sweep.date is None else sweep.date.timestamp()
    found: list[Any] = [bucket_id, horizon, now.timestamp(), days.days(1).total_seconds()]
    found += [sweep.days, is_calendar, sweep.hours, date]
    if sweep.source is Source.UPLOAD:
        return [*found, sweep.prefix, count]
    if _PLACES[sweep.source].access:
        found += [sweep.idle_days, sweep.heat_below]
    tags, steps = orjson.dumps(dict(sweep.tags)).decode(), None if sweep.steps is None else list(sweep.steps)
    found += [sweep.prefix, sweep.size_min, sweep.size_max, tags, list(sweep.skip_classes), steps, count]
    return [*found, sweep.newer, sweep.markers] if sweep.source is Source.NONCURRENT else found


def _told(records: Sequence[Any], count: int, scale: float | None = None) -> Forecast:
    objects, sizes = [0] * (count + 1), [0] * (count + 1)
    samples: list[tuple[bytes, bytes]] = []
    for day, number, size, (key, version_id) in records:
        objects[day] += number
        sizes[day] += size
        if len(samples) < SAMPLES_MAX:
            samples.append((key, version_id))
    by_day = [Count(round(n * (scale or 1)), round(b * (scale or 1))) for n, b in zip(objects, sizes, strict=True)]
    return Forecast(scale is None, by_day, samples)

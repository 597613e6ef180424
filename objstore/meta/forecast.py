"""What rules would do: counted by the indexes that their walks go by, in transactions that can change nothing.

A sweep is one action of a rule. It is counted exactly while no more than ``rows_max`` rows lie in its part of the
index, or below its prefix; beyond that where the ledger of usage knows, which is by the day of the last access. Else a
sample of the table's pages stands for all of it, in proportion to what the ledger says there is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil, sqrt
from typing import Any

import asyncpg
import orjson
from sqlalchemy import Double, Text, cast, column, func, literal_column, select, table

from objstore.meta import forecast_statements as sql
from objstore.meta.database import Database, Transaction
from objstore.meta.forecast_statements import ROWS_MAX, SAMPLES_MAX
from objstore.meta.listing import past
from objstore.meta.statement import Statement, param
from objstore.meta.tables import object_, version
from objstore.meta.usage_report import stored
from objstore.meta.walks import ANY_SIZE, BY_DAY, Source
from objstore.model import days

STATEMENT_SECONDS = 15.0  # less than a session waits for any answer
SAMPLE_ROWS = 60_000  # of the bucket
SCANNED_MAX = 2_000_000  # rows, of all buckets, whose pages a sample may touch
MARGIN = 2.0  # standard errors: the truth is within in 19 of 20 cases
NOT_SEEN = 3.0  # so many may there be, times what one of the sample stands for, and none of them is in it
_HOT = 0


class TooSlow(Exception):
    """Postgres gave up on a statement after the time that it was given."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one action of a rule is about; it is due when the last of its conditions is.

    ``days``, ``hours``, ``date``: as in the rule. ``idle_days``: days without an access; ``heat_below``: see
    model/heat.py. ``newer``: how many newer noncurrent versions there must be. ``steps``: if given, only keys that
    are one of these, or below one that ends with a slash. ``skip_classes``: codes of classes that are left out.
    ``markers``: noncurrent delete markers too. ``locks``: what Object Lock holds back is not due before it ends.
    ``pins``: see ``meta.pins.pinned_ranges``; nothing is due before.
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
    locks: bool = False
    steps: Sequence[bytes] | None = None
    pins: tuple[Sequence[bytes], Sequence[float | None]] = ((), ())


@dataclass(frozen=True, slots=True)
class Count:
    """Versions and their bytes."""

    objects: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Forecast:
    """``by_day[0]``: what is due now; ``by_day[i]``: what becomes due within the i-th day from now.

    ``exact``: counted, not estimated from a sample. ``samples``: some keys with their version ids, the first due first.
    ``margin``, ``margin_now``: how far off all of ``by_day`` together, and its first, may be, in 19 of 20 cases.
    """

    exact: bool
    by_day: Sequence[Count]
    samples: Sequence[tuple[bytes, bytes]]
    margin: Count = Count()
    margin_now: Count = Count()


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
    arguments = _arguments(sweep, now, count)
    if sweep.source is Source.UPLOAD:
        return _told(await bounded(database, sql.UPLOADS, bucket_id, horizon, *arguments), count)
    statements = sql.STATEMENTS[sweep.source]
    parts: dict[str, tuple[Any, ...]] = {"": (bucket_id, horizon)}
    if sweep.prefix:
        parts[" in prefix"] = (bucket_id, sweep.prefix, past(sweep.prefix))
    for name, part in parts.items():
        try:
            ((rows,),) = await bounded(database, statements[f"probe{name}"], *part, rows_max + 1)
            if rows <= rows_max:
                return _told(await bounded(database, statements[f"exact{name}"], *part, *arguments), count)
        except TooSlow:
            continue
    known = await _by_ledger(database, bucket_id, sweep, horizon, now, count) if _is_in_ledger(sweep) else None
    return known or await _sampled(database, bucket_id, sweep, (bucket_id, horizon, *arguments), count)


def _is_in_ledger(sweep: Sweep) -> bool:
    """The ledger knows days of last access, tiers, classes, and the first segments of keys."""
    only_by_access = sweep.source is Source.ACCESSED and sweep.idle_days is not None
    other_times = (sweep.days, sweep.hours, sweep.date, sweep.heat_below)
    is_segment = not sweep.prefix or sweep.prefix.find(b"/") == len(sweep.prefix) - 1
    others = sweep.tags or sweep.size_min > 0 or sweep.size_max < ANY_SIZE or sweep.steps is not None or sweep.pins[0]
    return only_by_access and other_times == (None,) * len(other_times) and is_segment and not others


async def _by_ledger(
    database: Database, bucket_id: int, sweep: Sweep, horizon: Any, now: datetime, count: int
) -> Forecast | None:
    """None where there are versions of which no day is known."""
    skip, prefix = list(sweep.skip_classes), sweep.prefix
    records = await bounded(database, sql.BY_LAST_ACCESS, bucket_id, horizon, prefix or None, skip)
    if any(not accessed for accessed, *_ in records):
        return None
    by_day = [Count()] * (count + 1)
    for accessed, objects, size in records:
        day = max(0, ceil((days.idle_since(accessed, sweep.idle_days or 0) - now) / days.days(1)))
        if day <= count:
            by_day[day] = Count(by_day[day].objects + objects, by_day[day].bytes + size)
    samples = await bounded(database, sql.LONGEST_IDLE, bucket_id, horizon, prefix, skip)
    return Forecast(True, by_day, [(key, version_id) for key, version_id in samples])


async def _sampled(database: Database, bucket_id: int, sweep: Sweep, arguments: Sequence[Any], count: int) -> Forecast:
    place = sql.PLACES[sweep.source]
    whole = await _whole(database, bucket_id, sweep.source)
    total = await rows_of(database, place.table)
    fraction = min(1.0, SAMPLE_ROWS / max(whole.objects, 1), SCANNED_MAX / max(total, 1.0))
    statement = sql.STATEMENTS[sweep.source]["sampled"]
    records = await bounded(database, statement, *arguments, 100.0 * fraction)
    # The ledger has no markers, and does not tell versions by what they are.
    return _estimated(records, count, fraction, whole if place.table is object_ else None)


async def _whole(database: Database, bucket_id: int, source: Source) -> Count:
    """What the ledger says there is of what a source is about, and perhaps more."""
    noncurrent = sql.PLACES[source].table is version
    found = [
        one
        for one in await stored(database, bucket_id)
        if one.noncurrent is noncurrent and (source not in BY_DAY or one.tier == _HOT)
    ]
    return Count(sum(one.objects for one in found), sum(one.bytes for one in found))


async def bounded(
    database: Database, statement: Statement, *arguments: Any, seconds: float | None = None
) -> Sequence[Any]:
    """Rows of a statement that can change nothing and is given up after ``seconds``; raises TooSlow."""
    seconds = STATEMENT_SECONDS if seconds is None else seconds

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
    if sweep.source in BY_DAY:
        return days.day_of(last) - (0 if sweep.idle_days is None else sweep.idle_days + 1)
    age = max(days.days(sweep.days or 0), days.hours(sweep.hours or 0))
    return last - age if age < last - days.EPOCH else None


def _arguments(sweep: Sweep, now: datetime, count: int) -> list[Any]:
    """In the order of the statements' parameters, behind those that say which part of the table it is."""
    is_calendar = days.days(1) == timedelta(seconds=days.CALENDAR_DAY_SECONDS)
    date = None if sweep.date is None else sweep.date.timestamp()
    found: list[Any] = [now.timestamp(), days.days(1).total_seconds()]
    found += [sweep.days, is_calendar, sweep.hours, date]
    if sweep.source is Source.UPLOAD:
        return [*found, sweep.prefix, count]
    found += map(list, sweep.pins)
    if sql.PLACES[sweep.source].access:
        found += [sweep.idle_days, sweep.heat_below]
    tags, steps = orjson.dumps(dict(sweep.tags)).decode(), None if sweep.steps is None else list(sweep.steps)
    found += [sweep.prefix, sweep.size_min, sweep.size_max, tags, list(sweep.skip_classes), steps, count]
    return [*found, sweep.newer, sweep.markers, sweep.locks] if sql.PLACES[sweep.source].is_old else found


def _told(records: Sequence[Any], count: int, scales: tuple[float, float] | None = None) -> Forecast:
    objects, sizes = [0] * (count + 1), [0] * (count + 1)
    samples: list[tuple[bytes, bytes]] = []
    for day, number, size, (key, version_id), *_ in sorted(records, key=lambda record: record[0]):
        objects[day] += number
        sizes[day] += size
        if len(samples) < SAMPLES_MAX:
            samples.append((key, version_id))
    each, each_byte = scales or (1, 1)
    by_day = [Count(round(n * each), round(b * each_byte)) for n, b in zip(objects, sizes, strict=True)]
    return Forecast(scales is None, by_day, samples)


def _estimated(records: Sequence[Any], count: int, fraction: float, whole: Count | None) -> Forecast:
    """``fraction``: of the table's pages that are in the sample; ``whole``: what there is, if that is known.

    Pages are what was drawn, and rows of a page are alike: so the spread is that of pages (a ratio estimate, or else
    Horvitz and Thompson's).
    """
    (moments,) = [record[-1] for record in records if record[0] is None]
    rows, rows2, size, size2 = moments[:4]
    scales, bases = (1 / fraction, 1 / fraction), ((0.0, 0.0), (0.0, 0.0))
    if whole is not None:
        if not rows:
            return Forecast(False, [Count()] * (count + 1), [], whole, whole)
        scales = (whole.objects / rows, whole.bytes / size if size else 1.0)
        bases = ((rows, rows2), (size, size2))
    found = _told([record for record in records if record[0] is not None], count, scales)
    margins = []
    for at in range(4, len(moments), 3):
        is_bytes = (at - 4) // 3 % 2
        value, square, product = moments[at : at + 3]
        base, base2 = bases[is_bytes]
        part = value / base if base else 0.0
        spread = sqrt(max(0.0, (1 - fraction) * (square - 2 * part * product + part * part * base2)))
        one = size / rows if is_bytes and rows else 1.0
        margins.append(scales[is_bytes] * (MARGIN * spread if value or fraction >= 1 else NOT_SEEN * one))
    objects, size, objects_now, size_now = map(round, margins)
    return Forecast(False, found.by_day, found.samples, Count(objects, size), Count(objects_now, size_now))

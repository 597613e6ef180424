"""Statements of the dry run: what one action of a rule would find, counted by the indexes that its walk goes by.

probe            how many rows lie in a part of the index that the walk goes by, up to a bound
exact            all of these, by day
probe in prefix  the same of the primary key, where a rule has a prefix
exact in prefix
sampled          rows of some of the table's pages, by day; and how these pages differ (``moments``)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
    extract,
    func,
    literal_column,
    null,
    or_,
    select,
    tablesample,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB
from sqlalchemy.dialects.postgresql import array as pg_array
from sqlalchemy.sql.elements import Grouping

from objstore.meta.statement import Statement, array, constant, param
from objstore.meta.tables import TIME, object_, part, upload, usage, version
from objstore.meta.walks import Source
from objstore.model import days
from objstore.model.heat import HALF_LIFE_DAYS
from objstore.model.lock import ATTR as LOCK
from objstore.model.states import UploadState

ROWS_MAX = 500_000  # more are not counted one by one
SAMPLES_MAX = 8
LOOKED_AT_MAX = 10_000  # rows for some samples

# ---- When a row is due, in seconds since 1970, and in which day from now that is.

_now = param("now_seconds", Double)
_day = param("day_seconds", Double)


def _number(value: float) -> ColumnElement[float]:
    """A number that divides without becoming a decimal."""
    return literal_column(f"{float(value)}::float8", Double)


def _seconds(moment: ColumnElement[Any]) -> ColumnElement[float]:
    return cast(extract("epoch", moment), Double)


def _due(
    base: ColumnElement[Any],
    accessed: ColumnElement[Any] | None,
    heat: ColumnElement[Any] | None,
    key: ColumnElement[Any] | None = None,
    attrs: ColumnElement[Any] | None = None,
    written: ColumnElement[Any] | None = None,
) -> Any:
    """The latest of the conditions; those that are not set are NULL, and ``greatest`` passes over these.

    ``key``: of what pins hold back. Until when is looked up in the ranges of keys that pins make. ``attrs``: of what
    Object Lock may hold back. ``written``: when it was, if that is not ``base``; it counts as an access.
    """
    begun = _seconds(base)
    aged, midnight = begun + param("age_days", Double) * _day, _number(days.CALENDAR_DAY_SECONDS)
    rounded = case((param("calendar", Boolean), func.ceil(aged / midnight) * midnight), else_=aged)
    conditions = [begun, rounded, begun + param("age_hours", Double) * _day / _number(24), param("date", Double)]
    if accessed is not None:
        last_use = func.greatest(
            cast(accessed, Double), func.floor((begun if written is None else _seconds(written)) / _day)
        )
        conditions.append((last_use + param("idle_days", Double) + _number(1)) * _day)
        limit, count = param("heat_below", Double), cast(heat, Double)
        wait = func.floor(_number(HALF_LIFE_DAYS) * func.ln(count / limit) / func.ln(_number(2))) + _number(1)
        conditions.append(case((count >= limit, (cast(accessed, Double) + wait) * _day)))
    if key is not None:
        until = Grouping(param("pin_untils", ARRAY(Double)))
        conditions.append(until[func.width_bucket(key, param("pin_bounds", ARRAY(BYTEA)))])
    if attrs is not None:
        conditions.append(case((param("locks", Boolean), _locked_until(attrs))))
    return func.greatest(*conditions)


def _locked_until(attrs: ColumnElement[Any]) -> Any:
    """As ``model.lock.lock_of`` reads it: under a legal hold, or where a lock cannot be read, for ever."""
    lock: Any = attrs.op("->", return_type=JSONB)(literal_column(f"'{LOCK}'"))
    mode, until, hold = (lock.op("->>", return_type=Text)(literal_column(f"'{name}'")) for name in ("m", "u", "h"))
    is_free = func.coalesce(hold, literal_column("'false'")) == literal_column("'false'")
    is_moment = until.op("~")(literal_column(f"'{_MOMENT}'"))
    known = and_(mode.in_([literal_column("'GOVERNANCE'"), literal_column("'COMPLIANCE'")]), is_moment)
    nothing = and_(mode.is_(None), until.is_(None), func.jsonb_typeof(lock) == literal_column("'object'"))
    return case(
        (lock.is_(None), null()),
        (and_(is_free, nothing), null()),
        (and_(is_free, known), _seconds(cast(until, TIME))),
        else_=literal_column("'infinity'::float8", Double),
    )


# A moment that there is: the cast of any other, of 30 February or half past 25, would fail the whole statement.
_LEAP_YEAR = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)"
_DAY_OF_YEAR = "((0[13578]|1[02])-31|(0[13-9]|1[0-2])-(29|30)|(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8]))"
_DATE = f"(?!0000)([0-9]{{4}}-{_DAY_OF_YEAR}|{_LEAP_YEAR}-02-29)"
_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"
_MOMENT = f"^{_DATE}T{_CLOCK}:[0-5][0-9]([.][0-9]{{1,6}})?[+-](0[0-9]|1[0-5]):[0-5][0-9]$"
_DUE_NAMES = ("now_seconds", "day_seconds", "age_days", "calendar", "age_hours", "date")
_PIN_NAMES = ("pin_bounds", "pin_untils")
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


def _is_below(c: Any) -> ColumnElement[bool]:
    """The key is between two."""
    return and_(c.key >= param("low", BYTEA), c.key < param("high", BYTEA))


def _in_steps(key: ColumnElement[Any]) -> ColumnElement[bool]:
    """It is below one of ``steps`` (up to the slash after the prefix), or is one; always, where there are none."""
    steps, slash = param("steps", ARRAY(BYTEA)), literal_column("'/'::bytea", BYTEA)
    prefix = func.octet_length(param("prefix", BYTEA))
    at = func.position(slash.op("IN")(func.substring(key, prefix + constant(1))), type_=Integer)
    step = case((at > constant(0), func.substring(key, constant(1), prefix + at)), else_=key)
    return or_(steps.is_(None), step == any_(steps))


# ---- Sources: rows that lie in a part of an index.


@dataclass(frozen=True, slots=True)
class Place:
    """``at``: the column that is walked on, ``base``: what ages begin with; ``within``: the index's own condition."""

    table: Any
    at: str
    type: Any
    base: str
    within: Any = None
    access: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters of what says which rows it is about, and when they are due."""
        names = (*_DUE_NAMES, *_PIN_NAMES, *(_ACCESS_NAMES if self.access else ()), *_FILTER_NAMES, "days")
        return (*names, "newer", "markers", "locks") if self.is_old else names

    @property
    def is_old(self) -> bool:
        """Noncurrent versions: those that a rule deletes for good."""
        return self.base == "noncurrent_since"

    def statements(self) -> dict[str, Statement]:
        """By name."""
        c, of = self.table.c, ("bucket_id", "horizon")
        in_prefix = ("bucket_id", "low", "high")
        due_by, below = c[self.at] <= param("horizon", self.type), _is_below(c)
        return {
            "probe": Statement(self._counted(due_by), *of, "rows"),
            "exact": Statement(by_day(self._wanted(due_by)), *of, *self.names),
            "probe in prefix": Statement(self._counted(below), *in_prefix, "rows"),
            "exact in prefix": Statement(by_day(self._wanted(below)), *in_prefix, *self.names),
            "sampled": Statement(self._sampled(), *of, *self.names, "percent"),
        }

    def _counted(self, condition: ColumnElement[bool]) -> Any:
        rows = select(constant(1)).where(self._is_of(self.table.c), condition).limit(param("rows", BigInteger))
        return select(func.count()).select_from(rows.subquery("rows"))

    def _wanted(self, condition: ColumnElement[bool]) -> Any:
        c = self.table.c
        rows = select(c.key, c.version_id, c.size, self._due(c).label("due"))
        return rows.where(self._is_of(c), condition, *self._conditions(self.table)).subquery("page")

    def _sampled(self) -> Any:
        source = tablesample(self.table, func.system(param("percent", Double)), name="sampled")
        c, block = source.c, literal_column("(sampled.ctid::text::point)[0]", Double)
        wanted = and_(c[self.at] <= param("horizon", self.type), *self._conditions(source))
        rows = (
            select(block.label("block"), c.key, c.version_id, c.size, self._due(c).label("due"), wanted.label("wanted"))
            .where(self._is_of(c))
            .cte("rows")
        )
        page = select(rows).where(rows.c.wanted).subquery("page")
        return union_all(by_day(page, moments=True), _moments(rows))

    def _due(self, c: Any) -> Any:
        accessed, heat = (c.accessed, c.heat) if self.access else (None, None)
        return _due(c[self.base], accessed, heat, c.key, c.attrs if self.is_old else None, c.modified)

    def _is_of(self, c: Any) -> ColumnElement[bool]:
        in_bucket: ColumnElement[bool] = c.bucket_id == param("bucket_id", BigInteger)
        return in_bucket if self.within is None else and_(in_bucket, self.within(c))

    def _conditions(self, source: Any) -> list[ColumnElement[bool]]:
        return [_matches(source.c), _in_steps(source.c.key), *self._further(source)]

    def _further(self, source: Any) -> list[ColumnElement[bool]]:
        """What the index does not know: how many newer noncurrent versions, or any others at all, a key has."""
        c, other = source.c, version.alias("other")
        same = and_(other.c.bucket_id == c.bucket_id, other.c.key == c.key)
        if self.is_old:
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


def _wait(due: Any) -> Any:
    """Days until then; less than 1: now."""
    return func.ceil((due - _now) / _day)


def by_day(page: Any, *, moments: bool = False) -> Any:
    """Counts by day and a slice of the keys; the least key of each is a sample. ``moments``: with a column for them."""
    wait = _wait(page.c.due)
    day = cast(func.greatest(wait, constant(0)), Integer)
    piece = func.get_byte(page.c.key, func.octet_length(page.c.key) - constant(1)) % constant(SAMPLES_MAX)
    sample = func.min(pg_array([page.c.key, page.c.version_id]))
    columns = [func.count(), cast(func.coalesce(func.sum(page.c.size), constant(0)), BigInteger), sample]
    columns += [cast(null(), ARRAY(Double))] if moments else []
    return select(day.label("day"), *columns).where(wait <= param("days", Double)).group_by(day, piece)


def _moments(rows: Any) -> Any:
    """A row that says how the pages of a sample differ, in an array: sums over pages of

    rows of the bucket and their square, bytes and their square; and of each of objects in all, bytes in all, objects
    now, bytes now: themselves, their square, and their product with the rows, or the bytes.
    """
    c, zero = rows.c, constant(0)
    wait = _wait(c.due)
    sums: list[ColumnElement[Any]] = [func.count(), func.sum(c.size)]
    for hit in (and_(c.wanted, wait <= param("days", Double)), and_(c.wanted, wait <= zero)):
        sums += [func.count().filter(hit), func.coalesce(func.sum(c.size).filter(hit), zero)]
    names = ("objects", "bytes", "all_objects", "all_bytes", "now_objects", "now_bytes")
    columns = [cast(one, Double).label(name) for name, one in zip(names, sums, strict=True)]
    pages = select(*columns).group_by(c.block).subquery("pages")
    objects, size, *found = [pages.c[name] for name in names]
    products = [objects, objects * objects, size, size * size]
    for one, base in zip(found, (objects, size) * 2, strict=True):
        products += [one, one * one, one * base]
    array_ = pg_array([func.coalesce(func.sum(product), _number(0)) for product in products])
    nothing = (cast(null(), Integer), cast(null(), BigInteger), cast(null(), BigInteger), cast(null(), ARRAY(BYTEA)))
    return select(*nothing, array_)


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
    return Statement(by_day(page), *("bucket_id", "horizon", *_DUE_NAMES, "prefix", "days"))


PLACES: Mapping[Source, Place] = {
    Source.CURRENT: Place(object_, "modified", TIME, "modified", access=True),
    Source.ACCESSED: Place(object_, "accessed", BigInteger, "modified", lambda c: c.tier == constant(0), access=True),
    Source.NONCURRENT: Place(
        version, "noncurrent_since", TIME, "noncurrent_since", lambda c: c.noncurrent_since.is_not(None), access=True
    ),
    Source.NONCURRENT_ACCESSED: Place(
        version,
        "accessed",
        BigInteger,
        "noncurrent_since",
        lambda c: and_(c.noncurrent_since.is_not(None), c.tier == constant(0), ~c.marker),
        access=True,
    ),
    Source.MARKER: Place(version, "modified", TIME, "modified", lambda c: and_(c.marker, c.noncurrent_since.is_(None))),
}
STATEMENTS = {source: place.statements() for source, place in PLACES.items()}
UPLOADS = _of_uploads()

# ---- By the ledger of usage, and a few keys for it.

_prefix = param("usage_prefix", BYTEA)
_objects, _bytes = func.sum(usage.c.objects), func.sum(usage.c.bytes)
BY_LAST_ACCESS = Statement(
    select(usage.c.accessed, cast(_objects, BigInteger), cast(_bytes, BigInteger))
    .where(usage.c.bucket_id == param("bucket_id", BigInteger), usage.c.tier == constant(0), ~usage.c.noncurrent)
    .where(usage.c.accessed <= param("horizon", BigInteger), or_(_prefix.is_(None), usage.c.prefix == _prefix))
    .where(usage.c.storage_class != all_(array("skip_classes", SmallInteger)))
    .group_by(usage.c.accessed)
    .having(_objects > constant(0))
    .order_by(usage.c.accessed),
    *("bucket_id", "horizon", "usage_prefix", "skip_classes"),
)


def _of_longest_idle() -> Statement:
    c = object_.c
    page = (
        select(c.key, c.version_id, c.storage_class)
        .where(c.bucket_id == param("bucket_id", BigInteger), c.tier == constant(0))
        .where(c.accessed <= param("horizon", BigInteger))
        .order_by(c.accessed, c.modified)
        .limit(constant(LOOKED_AT_MAX))
        .subquery("page")
    )
    found = select(page.c.key, page.c.version_id).where(_has_prefix(page.c.key))
    found = found.where(page.c.storage_class != all_(array("skip_classes", SmallInteger))).limit(constant(SAMPLES_MAX))
    return Statement(found, *("bucket_id", "horizon", "prefix", "skip_classes"))


LONGEST_IDLE = _of_longest_idle()

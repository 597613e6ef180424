"""Statements of the walks by fill level and by steps: what is asked of a tier or of a prefix as a whole."""

from typing import Any

from sqlalchemy import CTE, BigInteger, ColumnElement, Text, cast, exists, func, literal_column, select
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta.lifecycle_tables import pin, task, walk
from objstore.meta.statement import Statement, constant, param
from objstore.meta.tables import TIME, drive, garbage, object_, usage, version, volume
from objstore.meta.tasks import TaskKind
from objstore.meta.walk_statements import DAY_NAMES, answer, matches, page_by_day, queue, tasks_of
from objstore.model.states import DriveState, VolumeState

o, g, v, d, u, t, w = object_.c, garbage.c, volume.c, drive.c, usage.c, task.c, walk.c
old = version.c
FULL_SUFFIX = "/full"  # ends the action of every walk by fill level
NONCURRENT_FULL_SUFFIX = f"/noncurrent{FULL_SUFFIX}"  # of noncurrent versions
_zero = constant(0)


def _sum(value: Any) -> Any:
    return cast(func.coalesce(func.sum(value), _zero), BigInteger)


def _ends_with(action: Any, suffix: str) -> ColumnElement[bool]:
    return func.right(action, constant(len(suffix))) == literal_column(f"'{suffix}'", Text)


# ---- How full a tier is.

_tier = param("tier", Text)
_drives = (d.tier == _tier) & (d.state != constant(DriveState.GONE.value))
_ledger = select(_sum(g.bytes).label("bytes")).where(g.volume_id == v.id).lateral("ledger")
# All that a retired volume still has on the drives is garbage; how much an open one has is not known yet.
_waste = literal_column(
    f"CASE WHEN volume.state = {VolumeState.RETIRED.value} THEN volume.data_bytes"
    f" WHEN volume.state = {VolumeState.OPEN.value} THEN ledger.bytes"
    " ELSE least(ledger.bytes, volume.data_bytes) END",
    BigInteger,
)
_of_tier = select(v.k, v.m).where(v.tier == _tier).order_by(v.opened.desc()).limit(constant(1)).subquery("newest")
SPACE = Statement(
    select(
        select(_sum(d.capacity_bytes)).where(_drives).scalar_subquery(),
        select(_sum(d.capacity_bytes - d.free_bytes)).where(_drives).scalar_subquery(),
        select(_sum(_waste)).select_from(volume).join(_ledger, literal_column("true")).where(v.tier == _tier)
        .scalar_subquery(),
        select(_of_tier.c.k).scalar_subquery(),
        select(_of_tier.c.m).scalar_subquery(),
    ),
    "tier",
)  # fmt: skip


def _queued(table: Any, suffix: str, *conditions: ColumnElement[bool]) -> Any:
    c = table.c
    same = (c.bucket_id == t.bucket_id) & (c.key == t.key) & (c.version_id == t.version_id)
    wanted = select(_sum(c.size)).join_from(task, table, same)
    wanted = wanted.where(t.kind == constant(TaskKind.VERSION), _ends_with(t.action, suffix), c.tier == _zero)
    return wanted.where(*conditions).scalar_subquery()


QUEUED = Statement(
    select(
        _queued(object_, FULL_SUFFIX)
        + _queued(version, NONCURRENT_FULL_SUFFIX, old.noncurrent_since.is_not(None))
    )
)  # fmt: skip
# Of all buckets with such a rule: what is coldest in one may be warm beside another.
HISTOGRAM = Statement(
    select(u.accessed, _sum(u.bytes))
    .where(u.tier == _zero, u.accessed >= param("from_day", BigInteger))
    .where(
        exists().where(
            w.bucket_id == u.bucket_id,
            _ends_with(w.action, FULL_SUFFIX),
            u.noncurrent == _ends_with(w.action, NONCURRENT_FULL_SUFFIX),
        )
    )
    .group_by(u.accessed)
    .having(func.sum(u.bytes) > _zero)
    .order_by(u.accessed),
    "from_day",
)

# ---- Pages. Each queues what it finds, and gives the page's last row, how many rows it has, how many became tasks.

FILTER_NAMES = ("prefix", "size_min", "size_max", "tags", "skip_classes")
_bucket_id, _limit = param("bucket_id", BigInteger), param("limit", BigInteger)
_TIME: ColumnElement[Any] = func.clock_timestamp()


def _count(rows: CTE) -> Any:
    return select(func.count()).select_from(rows).scalar_subquery()


def _pinned(page: CTE) -> ColumnElement[bool]:
    begins = func.substring(page.c.key, constant(1), func.octet_length(pin.c.prefix)) == pin.c.prefix
    return exists().where(pin.c.bucket_id == _bucket_id, begins, pin.c.until > func.now())


def _full(of: Any, *conditions: ColumnElement[bool]) -> Statement:
    """What is hot, from the coldest on, until ``bytes`` of it are found; what is pinned stays."""
    page = page_by_day(of.c.tier == _zero, *conditions, of=of)
    order = [page.c[name] for name in ("at", "since", "key", "seq") if name in page.c]
    running = (func.sum(page.c.size).over(order_by=order) - page.c.size).label("before")
    matched = select(page, running).where(matches(page), ~_pinned(page)).cte("matched")
    wanted = select(matched).where(matched.c.before < param("bytes", BigInteger)).cte("wanted")
    added = queue(tasks_of(wanted, _TIME, TaskKind.VERSION))
    return Statement(answer(page, added), *DAY_NAMES[of.name], "bytes")


def _between() -> Any:
    return (o.bucket_id == _bucket_id) & (o.key >= param("low", BYTEA)) & (o.key < param("high", BYTEA))


def _keys() -> Statement:
    """Current versions by key."""
    page = (
        select(o.key, o.version_id, o.size, o.tags, o.storage_class)
        .where(_between())
        .order_by(o.key)
        .limit(_limit)
        .cte("page")
    )
    matched = select(page).where(matches(page)).cte("matched")
    added = queue(tasks_of(matched, _TIME, TaskKind.VERSION))
    return Statement(
        select(page.c.key, _count(page), _count(added)).order_by(page.c.key.desc()).limit(constant(1)),
        *("bucket_id", "low", "high", "limit", *FILTER_NAMES, "rule", "action"),
    )


def _cold() -> Statement:
    """Current versions by key, of which those on other tiers, modified ``since`` then, are to become hot, up to
    ``bytes`` of them.

    Gives also how many bytes these have, and whether any did not fit.
    """
    columns = (o.key, o.version_id, o.size, o.tier, o.modified)
    page = select(*columns).where(_between()).order_by(o.key).limit(_limit).cte("page")
    running = func.sum(page.c.size).over(order_by=page.c.key).label("upto")
    is_wanted = (page.c.tier != _zero) & (page.c.modified >= param("since", TIME))
    cold = select(page, running).where(is_wanted).cte("cold")
    fits = cold.c.upto <= param("bytes", BigInteger)
    wanted = select(cold).where(fits).cte("wanted")
    added = queue(tasks_of(wanted, _TIME, TaskKind.PROMOTE))
    size = select(_sum(wanted.c.size)).scalar_subquery()
    left = exists(select(cold.c.key).where(~fits))
    return Statement(
        select(page.c.key, _count(page), _count(wanted), size, left, _count(added))
        .order_by(page.c.key.desc())
        .limit(constant(1)),
        *("bucket_id", "low", "high", "limit", "since", "bytes", "rule", "action"),
    )


FULL = _full(object_)
NONCURRENT_FULL = _full(version, old.noncurrent_since.is_not(None), ~old.marker)
KEYS = _keys()
COLD = _cold()

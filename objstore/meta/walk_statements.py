"""Statements of the walks: one page of what is due, by index, into tasks.

Each statement looks at one page of rows past the cursor, in the order of the index that it walks on, queues those that
match as tasks, and gives the last row of the page: all or nothing, with the cursor's move in the same transaction.
"""

from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    Boolean,
    ColumnElement,
    Interval,
    Select,
    SmallInteger,
    Text,
    all_,
    and_,
    cast,
    delete,
    desc,
    func,
    literal_column,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, insert

from objstore.meta.lifecycle_tables import BY_ACCESS_INDEX, HAS_RULES, NONCURRENT_BY_ACCESS_INDEX, task, walk
from objstore.meta.statement import Statement, array, batch, constant, param
from objstore.meta.tables import TIME, bucket, object_, upload, version
from objstore.meta.tasks import NEW_COLUMNS, TaskKind
from objstore.model.states import UploadState

w, o, v, u, t = walk.c, object_.c, version.c, upload.c, task.c
_HOT = 0

# ---- The row of a walk.

WALK_COLUMNS = (w.bucket_id, w.rule, w.action, w.digest, w.time, w.number, w.key, w.seq, w.found)
CLAIM = Statement(
    select(*WALK_COLUMNS)
    .where(w.next_run <= func.now())
    .order_by(w.next_run)
    .limit(constant(1))
    .with_for_update(skip_locked=True)
)
_same = and_(
    w.bucket_id == param("walk_bucket", BigInteger),
    w.rule == param("walk_rule", Text),
    w.action == param("walk_action", Text),
)
_SAME_NAMES = ("walk_bucket", "walk_rule", "walk_action")
SAVE = Statement(
    update(walk)
    .where(_same)
    .values(
        digest=param("new_digest", BYTEA),
        time=param("new_time", TIME),
        number=param("new_number", BigInteger),
        key=param("new_key", BYTEA),
        seq=param("new_seq", BigInteger),
        found=w.found + param("more", BigInteger),
        next_run=func.clock_timestamp() + param("pause", Interval),
    ),
    *_SAME_NAMES,
    *("new_digest", "new_time", "new_number", "new_key", "new_seq", "more", "pause"),
)
FORGET = Statement(delete(walk).where(_same), *_SAME_NAMES)
_new_walk = batch("new", {"bucket_id": BigInteger, "rule": Text, "action": Text, "digest": BYTEA})
ENSURE = Statement(
    insert(walk).from_select(["bucket_id", "rule", "action", "digest"], select(*_new_walk.c)).on_conflict_do_nothing(),
    *("bucket_id", "rule", "action", "digest"),
)
# A walk that rests until tomorrow must not keep a new rule waiting.
WAKE = Statement(
    update(walk)
    .values(next_run=func.now())
    .where(w.bucket_id == _new_walk.c.bucket_id, w.rule == _new_walk.c.rule, w.action == _new_walk.c.action)
    .where(w.digest != _new_walk.c.digest),
    *("bucket_id", "rule", "action", "digest"),
)
SETTINGS_OF = Statement(select(bucket.c.settings).where(bucket.c.id == param("id", BigInteger)), "id")
# A row's xmin changes whenever the row does.
WITH_RULES = Statement(
    select(bucket.c.id, literal_column("xmin::text"))
    .where(literal_column(HAS_RULES, Boolean), bucket.c.id > param("after", BigInteger))
    .order_by(bucket.c.id)
    .limit(param("limit", BigInteger)),
    *("after", "limit"),
)
BUCKETS = Statement(
    select(bucket.c.id, literal_column("settings ? 'versioning'", Boolean))
    .where(bucket.c.id > param("after", BigInteger))
    .order_by(bucket.c.id)
    .limit(param("limit", BigInteger)),
    *("after", "limit"),
)

# ---- Pages.

_bucket_id = param("bucket_id", BigInteger)
_key, _seq, _limit = param("key", BYTEA), param("seq", BigInteger), param("limit", BigInteger)
_FILTER_NAMES = ("prefix", "size_min", "size_max", "tags", "skip_classes")
_TASK_NAMES = ("rule", "action", "age")
_DAY_REST = ("horizon", "limit", *_FILTER_NAMES, "rule", "action")
DAY_NAMES = {
    object_.name: ("bucket_id", "at", "since", "key", *_DAY_REST),
    version.name: ("bucket_id", "at", "since", "key", "seq", *_DAY_REST),
}
PAGE_NAMES = ("bucket_id", "at", "key", "seq", "horizon", "limit", *_FILTER_NAMES, *_TASK_NAMES)


def matches(page: CTE) -> ColumnElement[bool]:
    """The filter of a rule, and that the version is not where the rule would have it."""
    prefix, nothing = param("prefix", BYTEA), literal_column("'{}'::jsonb", JSONB)
    return and_(
        func.substring(page.c.key, constant(1), func.octet_length(prefix)) == prefix,
        page.c.size >= param("size_min", BigInteger),
        page.c.size <= param("size_max", BigInteger),
        func.coalesce(page.c.tags, nothing).op("@>")(param("tags", JSONB)),
        page.c.storage_class != all_(array("skip_classes", SmallInteger)),
    )


def queue(source: Select[Any]) -> CTE:
    """What ``source`` gives (bucket, key, version, kind, due, rule, action) becomes tasks, each key in order."""
    names = list(NEW_COLUMNS)
    return (
        insert(task)
        .from_select(names, source)
        .on_conflict_do_update(
            index_elements=["bucket_id", "key", "version_id", "kind"],
            set_={"again": t.owner.is_not(None)},
        )
        .returning(t.kind)
        .cte("added")
    )


def tasks_of(rows: CTE, due: ColumnElement[Any], kind: TaskKind) -> Select[Any]:
    """What ``queue`` takes, of rows with a key and a version id."""
    return select(
        _bucket_id,
        rows.c.key,
        rows.c.version_id,
        cast(constant(kind), SmallInteger),
        due,
        param("rule", Text),
        param("action", Text),
    ).order_by(rows.c.key, rows.c.version_id)


def answer(page: CTE, added: CTE) -> Select[Any]:
    """The last row of the page (its cursor), how many it has, and how many tasks it made."""
    seen = select(func.count()).select_from(page).scalar_subquery()
    found = select(func.count()).select_from(added).scalar_subquery()
    cursor = [page.c[name] for name in ("at", "since", "key", "seq") if name in page.c]
    return select(*cursor, seen, found).order_by(*map(desc, cursor)).limit(constant(1))


def page_of(table: Any, at: Any, type_: Any, *conditions: ColumnElement[bool]) -> CTE:
    """At most ``limit`` rows past the cursor (at, key, seq) and not past the horizon, in that order."""
    c = table.c
    cursor = param("at", type_)
    return (
        select(at.label("at"), c.key, c.seq, c.version_id, c.size, c.tags, c.storage_class)
        .where(c.bucket_id == _bucket_id, at <= param("horizon", type_), at >= cursor, *conditions)
        .where(tuple_(at, c.key, c.seq) > tuple_(cursor, _key, _seq))
        .order_by(at, c.key, c.seq)
        .limit(_limit)
        .cte("page")
    )


def page_by_day(*conditions: ColumnElement[bool], of: Any = object_) -> CTE:
    """The same by the day of the last access and, within it, by when they were modified: past (at, since, key), and of
    noncurrent versions (at, since, key, seq).

    Nothing else is said of where to begin: of two bounds Postgres would take the day, and go through all of it again.
    """
    c, cursor, since = of.c, param("at", BigInteger), param("since", TIME)
    versions = ([c.seq], [_seq]) if of is version else ([], [])
    order = (c.accessed, c.modified, c.key, *versions[0])
    return (
        select(
            *(c.accessed.label("at"), c.modified.label("since"), *versions[0]),
            *(c.key, c.version_id, c.size, c.tags, c.storage_class),
        )
        .where(c.bucket_id == _bucket_id, c.accessed <= param("horizon", BigInteger), *conditions)
        .where(tuple_(*order) > tuple_(cursor, since, _key, *versions[1]))
        .order_by(*order)
        .limit(_limit)
        .cte("page")
    )


def _walk_on(table: Any, at: Any, type_: Any, *conditions: ColumnElement[bool]) -> Statement:
    page = page_of(table, at, type_, *conditions)
    matched = select(page).where(matches(page)).cte("matched")
    due = matched.c.at + param("age", Interval)
    return Statement(answer(page, queue(tasks_of(matched, due, TaskKind.VERSION))), *PAGE_NAMES)


def _walk_by_day(*conditions: ColumnElement[bool], of: Any = object_) -> Statement:
    page = page_by_day(*conditions, of=of)
    matched = select(page).where(matches(page)).cte("matched")
    due = func.clock_timestamp()  # a day's number tells no time
    return Statement(answer(page, queue(tasks_of(matched, due, TaskKind.VERSION))), *DAY_NAMES[of.name])


CURRENT = _walk_on(object_, o.modified, TIME)
NONCURRENT = _walk_on(version, v.noncurrent_since, TIME, v.noncurrent_since.is_not(None))
MARKER = _walk_on(version, v.modified, TIME, v.marker, v.noncurrent_since.is_(None))
ACCESSED = _walk_by_day(o.tier == constant(_HOT))
BY_ACCESS = _walk_by_day(literal_column(BY_ACCESS_INDEX, Boolean))
NONCURRENT_ACCESSED = _walk_by_day(v.noncurrent_since.is_not(None), v.tier == constant(_HOT), ~v.marker, of=version)
NONCURRENT_BY_ACCESS = _walk_by_day(literal_column(NONCURRENT_BY_ACCESS_INDEX, Boolean), of=version)


def _below() -> Statement:
    """Each row that became noncurrent gives the version that has ``newer`` newer ones now: that far below."""
    page = page_of(version, v.noncurrent_since, TIME, v.noncurrent_since.is_not(None))
    matched = select(page).where(matches(page)).cte("matched")
    below = (
        select(v.version_id)
        .where(
            v.bucket_id == _bucket_id, v.key == matched.c.key, v.seq < matched.c.seq, v.noncurrent_since.is_not(None)
        )
        .order_by(v.seq.desc())
        .offset(param("newer", BigInteger) - constant(1))
        .limit(constant(1))
        .lateral("below")
    )
    found = (
        select(matched.c.key, below.c.version_id, func.min(matched.c.at).label("at"))
        .join_from(matched, below, true())
        .group_by(matched.c.key, below.c.version_id)
        .cte("found")
    )
    due = found.c.at + param("age", Interval)
    return Statement(answer(page, queue(tasks_of(found, due, TaskKind.VERSION))), *PAGE_NAMES, "newer")


BELOW = _below()


def _uploads() -> Statement:
    """Open uploads by when they began; the id stands in the cursor for the key."""
    c = u
    cursor = param("at", TIME)
    page = (
        select(
            c.created.label("at"), c.id.label("key"), cast(constant(0), BigInteger).label("seq"), c.key.label("name")
        )
        .where(c.bucket_id == _bucket_id, c.state == constant(UploadState.OPEN.value))
        .where(c.created <= param("horizon", TIME), c.created >= cursor)
        .where(tuple_(c.created, c.id) > tuple_(cursor, _key))
        .order_by(c.created, c.id)
        .limit(_limit)
        .cte("page")
    )
    prefix = param("prefix", BYTEA)
    matched = (
        select(page.c.name.label("key"), page.c.key.label("version_id"), page.c.at)
        .where(func.substring(page.c.name, constant(1), func.octet_length(prefix)) == prefix)
        .cte("matched")
    )
    due = matched.c.at + param("age", Interval)
    return Statement(
        answer(page, queue(tasks_of(matched, due, TaskKind.UPLOAD))),
        *("bucket_id", "at", "key", "horizon", "limit", "prefix", *_TASK_NAMES),
    )


UPLOADS = _uploads()

"""Statements on volumes, their shards, writers, damage and the ledger."""

from typing import Any

from sqlalchemy import (
    REAL,
    BigInteger,
    ColumnElement,
    Double,
    Integer,
    Interval,
    SmallInteger,
    Text,
    and_,
    any_,
    cast,
    delete,
    exists,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import BYTEA, insert

from objstore.meta.repair_tables import repair, stray
from objstore.meta.statement import Statement, array, batch, constant, param
from objstore.meta.tables import TIME, damage, garbage, link, shard, volume, writer
from objstore.model.states import VolumeState

v = volume.c
_OPEN, _SEALED, _COMPACTING, _RETIRED = (constant(state.value) for state in VolumeState)
_id = param("volume", BYTEA)
_limit = param("limit", BigInteger)
# Leases are measured by the database's clock, at the time of the statement.
_now = func.clock_timestamp()


def _seconds(name: str) -> ColumnElement[Any]:
    return param(name, Double) * literal_column("'1 second'::interval", Interval)


_drive_ids = func.array(
    select(shard.c.drive_id).where(shard.c.volume_id == v.id).order_by(shard.c.column_index).scalar_subquery()
)
_PROFILE = (v.k, v.m, v.unit_bytes, v.pack_bytes_max, v.stripe_bytes_max, v.shard_bytes_max)
_files = func.array(
    select(shard.c.file_id).where(shard.c.volume_id == v.id).order_by(shard.c.column_index).scalar_subquery()
)
# ``volume_of`` relies on the order.
VOLUME_COLUMNS = (v.id, v.tier, *_PROFILE, _drive_ids, _files, v.writer_id, v.state, v.data_bytes, v.audit)
_STORED = (v.id, v.tier, *_PROFILE, v.writer_id, v.state, v.data_bytes, v.audit)

# ---- Life of a volume: each change names the state that it expects.

CREATE = Statement(
    insert(volume).values({column.name: param(column.name, column.type) for column in _STORED}),
    *[column.name for column in _STORED],
)
_placed = batch("placed", {"column_index": SmallInteger, "drive_id": Text})
CREATE_SHARDS = Statement(
    insert(shard).from_select(
        ["volume_id", "column_index", "drive_id"], select(_id, _placed.c.column_index, _placed.c.drive_id)
    ),
    *("volume", "column_index", "drive_id"),
)
GET = Statement(select(*VOLUME_COLUMNS).where(v.id == any_(array("ids", BYTEA))), "ids")
SEAL = Statement(
    update(volume)
    .where(v.id == _id, v.writer_id == param("writer", BYTEA), v.state == _OPEN)
    .values(state=_SEALED, data_bytes=param("counted_bytes", BigInteger), sealed=_now),
    *("volume", "writer", "counted_bytes"),
)
_compactor = param("compactor", BYTEA)
_free = or_(
    v.state == _SEALED, and_(v.state == _COMPACTING, or_(v.owner == _compactor, v.lease_until < _now))
)  # its own, again: a longer lease
BEGIN_COMPACT = Statement(
    update(volume)
    .where(v.id == _id, _free)
    .values(state=_COMPACTING, owner=_compactor, lease_until=_now + _seconds("lease")),
    *("volume", "compactor", "lease"),
)
_owned = and_(v.id == _id, v.state == _COMPACTING, v.owner == _compactor)
GIVE_UP = Statement(
    update(volume)
    .where(_owned)
    .values(
        state=_SEALED,
        data_bytes=param("counted_bytes", BigInteger),
        audit=false(),
        owner=null(),
        lease_until=null(),
        retry_after=_now + _seconds("pause"),
    ),
    *("volume", "compactor", "counted_bytes", "pause"),
)
RETIRE = Statement(
    update(volume).where(_owned).values(state=_RETIRED, retired=_now, retry_after=null()), "volume", "compactor"
)
DISCARD = Statement(
    update(volume)
    .where(v.id == _id, v.writer_id == param("writer", BYTEA), v.state == _OPEN)
    .values(state=_RETIRED, retired=_now, retry_after=_now + _seconds("pause")),
    *("volume", "writer", "pause"),
)
_waited = (_now - v.retired) * literal_column("0.5", Double)
POSTPONE_UNLINK = Statement(
    update(volume)
    .where(v.id == _id, v.state == _RETIRED)
    .values(retry_after=_now + func.least(func.greatest(_waited, _seconds("shortest")), _seconds("longest"))),
    *("volume", "shortest", "longest"),
)
RETIRED = Statement(
    select(*VOLUME_COLUMNS)
    .where(
        v.state == _RETIRED,
        v.retired < _now - _seconds("age"),
        or_(v.retry_after.is_(None), v.retry_after <= _now),
    )
    .order_by(v.retired)
    .limit(_limit),
    *("age", "limit"),
)
FORGET = Statement(delete(volume).where(v.id == _id, v.state == _RETIRED), "volume")
FORGET_REST = [
    Statement(delete(table).where(table.c.volume_id == _id), "volume")
    for table in (shard, garbage, link, damage, repair)
]

# ---- Writers: a heartbeat is the lease on a writer's open volumes.

_writer = param("writer", BYTEA)
_process = {"host": param("host_name", Text), "pid": param("process_id", Integer)}
REGISTER = Statement(
    insert(writer)
    .values(id=_writer, **_process)
    .on_conflict_do_update(index_elements=[writer.c.id], set_={**_process, "heartbeat": _now}),
    *("writer", "host_name", "process_id"),
)
# A writer that slept so long that it was forgotten is simply known again.
_load, _p99 = param("operations_per_second", REAL), param("p99_seconds", REAL)
HEARTBEAT = Statement(
    insert(writer)
    .values(id=_writer, host=literal_column("''", Text), pid=constant(0), operations_per_second=_load, p99_seconds=_p99)
    .on_conflict_do_update(
        index_elements=[writer.c.id],
        set_={"heartbeat": _now, "operations_per_second": _load, "p99_seconds": _p99},
    ),
    *("writer", "operations_per_second", "p99_seconds"),
)
# By index, as every statement: the ids of all writers are greater than nothing. A latency counts by its requests.
_operations, _measured = writer.c.operations_per_second, writer.c.p99_seconds > constant(0)
_weight = func.sum(_operations).filter(_measured)
LOAD = Statement(
    select(
        func.coalesce(func.sum(_operations), constant(0)),
        func.coalesce(func.sum(_operations * writer.c.p99_seconds) / func.nullif(_weight, constant(0)), constant(0)),
    ).where(writer.c.id > literal_column("''::bytea", BYTEA), writer.c.heartbeat >= _now - _seconds("age")),
    "age",
)
WANTED = Statement(select(v.id).where(v.writer_id == _writer, v.state == _OPEN, v.seal_requested), "writer")
_alive = exists().where(writer.c.id == v.writer_id, writer.c.heartbeat >= _now - _seconds("lease"))
# A volume that a commit holds at this moment is left for the next time: nobody queues behind it.
_orphans = select(v.id).where(v.state == _OPEN, ~_alive).with_for_update(skip_locked=True, of=volume)
SEAL_ORPHANS = Statement(
    update(volume)
    .where(v.id == any_(func.array(_orphans.scalar_subquery())))
    .values(state=_SEALED, audit=true(), sealed=_now),
    "lease",
)
_writes = exists().where(v.writer_id == writer.c.id, v.state == _OPEN)
FORGET_WRITERS = Statement(delete(writer).where(writer.c.heartbeat < _now - _seconds("age"), ~_writes), "age")
REQUEST_SEAL = Statement(update(volume).where(v.state == _OPEN).values(seal_requested=true()))
_in_ledger = exists().where(garbage.c.volume_id == v.id)
REQUEST_SEAL_OF_GARBAGE = Statement(
    update(volume).where(v.state == _OPEN, v.opened < _now - _seconds("age"), _in_ledger).values(seal_requested=true()),
    "age",
)

# ---- The ledger

_garbage = (
    select(cast(func.coalesce(func.sum(garbage.c.bytes), constant(0)), BigInteger).label("bytes"))
    .where(garbage.c.volume_id == v.id)
    .lateral("wasted")
)
GARBAGE = _garbage  # of the row of ``volume`` that stands before it
_worth_it = or_(
    v.audit, v.state == _COMPACTING, _garbage.c.bytes >= param("ratio", Double) * cast(v.data_bytes, Double)
)
_idle = and_(v.state.in_([_SEALED, _COMPACTING]), or_(v.state == _SEALED, v.lease_until < _now))
COMPACTABLE = Statement(
    select(*VOLUME_COLUMNS, _garbage.c.bytes)
    .join_from(volume, _garbage, true())
    .where(_idle, or_(v.retry_after.is_(None), v.retry_after <= _now + _seconds("ahead")), _worth_it)
    .order_by(_garbage.c.bytes.desc(), v.id)
    .limit(_limit),
    *("ratio", "limit", "ahead"),
)
TOTALS = Statement(
    select(
        v.tier,
        v.state,
        func.count(),
        cast(func.sum(v.data_bytes), BigInteger),
        cast(func.sum(_garbage.c.bytes), BigInteger),
    )
    .join_from(volume, _garbage, true())
    .group_by(v.tier, v.state)
    .order_by(v.tier, v.state)
)
FORGET_GARBAGE = FORGET_REST[1]
ADD_GARBAGE = Statement(
    insert(garbage).values(volume_id=_id, bytes=param("counted_bytes", BigInteger)), "volume", "counted_bytes"
)
SCATTERED = Statement(
    select(garbage.c.volume_id)
    .group_by(garbage.c.volume_id)
    .having(func.count() >= param("rows_min", BigInteger))
    .limit(_limit),
    *("rows_min", "limit"),
)
# Not while a compactor has the volume: it replaces the rows by what it has counted.
HOLD_FOR_FOLD = Statement(
    select(v.id).where(v.id == _id, v.state != _COMPACTING).with_for_update(read=True, skip_locked=True), "volume"
)
_ctid: ColumnElement[Any] = literal_column("garbage.ctid")
_some = (
    select(_ctid).select_from(garbage).where(garbage.c.volume_id == _id).limit(_limit).with_for_update(skip_locked=True)
)
_taken = (
    delete(garbage).where(_ctid == any_(func.array(_some.scalar_subquery()))).returning(garbage.c.bytes).cte("taken")
)
FOLD = Statement(
    insert(garbage).from_select(
        ["volume_id", "bytes"],
        select(_id, cast(func.sum(_taken.c.bytes), BigInteger)).having(func.count() > constant(0)),
    ),
    *("volume", "limit"),
)

# ---- Moves: files that were replaced are noted until they are deleted, see meta/strays.py

REPLACED = 1  # meta/strays.py
_moved = select(stray.c.volume_id).where(stray.c.reason == constant(REPLACED), stray.c.seen > param("since", TIME))
MOVED = Statement(select(_now, func.array(_moved.scalar_subquery())), "since")

# ---- Damage

_reason = param("why", Text)
_number = param("column_number", SmallInteger)
_seen_drive = param("seen_drive", Text)
# Where the reporter found it (NULL: it does not say): what it says of an old place is no news of the new one.
_is_there = or_(
    _seen_drive.is_(None),
    exists().where(
        shard.c.volume_id == v.id,
        shard.c.column_index == _number,
        shard.c.drive_id == _seen_drive,
        shard.c.file_id.is_not_distinct_from(param("seen_file", BYTEA)),
    ),
)
REPORT_DAMAGE = Statement(
    insert(damage)
    .from_select(
        ["volume_id", "column_index", "reason"],
        select(v.id, _number, _reason).where(v.id == _id, _is_there),
    )
    .on_conflict_do_update(
        index_elements=[damage.c.volume_id, damage.c.column_index],
        set_={"reason": _reason, "reports": damage.c.reports + constant(1), "last_seen": _now},
    ),
    *("volume", "column_number", "why", "seen_drive", "seen_file"),
)

"""Statements on uploads and parts."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Select,
    SmallInteger,
    any_,
    delete,
    func,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import BYTEA, insert

from objstore.meta.statement import Statement, constant, param
from objstore.meta.tables import TIME, bucket, part, upload
from objstore.model.states import UploadState

u, p = upload.c, part.c
# Order of the fields of ``Upload`` and of ``Part``.
UPLOAD_COLUMNS = (
    u.id,
    u.bucket_id,
    u.key,
    u.created,
    u.storage_class,
    u.attrs,
    u.tags,
    u.checksum_algorithm,
    u.checksum_type,
    u.state,
    u.etag,
)
ANSWER_COLUMNS = (u.size, u.modified, u.checksum, u.seq, u.versioned)
PART_COLUMNS = (p.upload_id, p.number, p.size, p.etag, p.modified, p.extents, p.checksum)

_OPEN = constant(UploadState.OPEN.value)
_COMPLETED = constant(UploadState.COMPLETED.value)
_ABORTED = constant(UploadState.ABORTED.value)
_id = param("id", BYTEA)
_new = {column.name: param(column.name, column.type) for column in UPLOAD_COLUMNS if column not in (u.state, u.etag)}

# From the bucket's row, held until the end: an upload never outlives its bucket.
CREATE = Statement(
    insert(upload).from_select(
        [*_new, "state"],
        select(*_new.values(), _OPEN)
        .select_from(bucket)
        .where(bucket.c.id == _new["bucket_id"])
        .with_for_update(read=True, key_share=True, of=bucket),
    ),
    *_new,
)
GET = Statement(select(*UPLOAD_COLUMNS).where(u.id == _id), "id")
HOLD = Statement(select(u.bucket_id, u.key, u.state).where(u.id == _id).with_for_update(read=True), "id")
LOCK = Statement(select(*UPLOAD_COLUMNS, *ANSWER_COLUMNS).where(u.id == _id).with_for_update(), "id")
COMPLETE = Statement(
    update(upload)
    .where(u.id == _id, u.state == _OPEN)
    .values(
        state=_COMPLETED,
        finished=func.now(),
        etag=param("new_etag", BYTEA),
        size=param("new_size", BigInteger),
        modified=param("new_modified", TIME),
        checksum=param("new_checksum", BYTEA),
        seq=param("new_seq", BigInteger),
        versioned=param("new_versioned", Boolean),
    ),
    *("id", "new_etag", "new_size", "new_modified", "new_checksum", "new_seq", "new_versioned"),
)
ABORT = Statement(update(upload).where(u.id == _id, u.state == _OPEN).values(state=_ABORTED, finished=func.now()), "id")

_part = {column.name: param(column.name, column.type) for column in PART_COLUMNS}
_same_part = (p.upload_id == _part["upload_id"]) & (p.number == _part["number"])
LOCK_PART = Statement(select(p.extents).where(_same_part).with_for_update(), "upload_id", "number")
INSERT_PART = Statement(insert(part).values(_part).on_conflict_do_nothing(), *_part)
UPDATE_PART = Statement(
    update(part)
    .where(_same_part)
    .values({name: value for name, value in _part.items() if name not in ("upload_id", "number")}),
    *_part,
)
PARTS = Statement(
    select(*PART_COLUMNS)
    .where(p.upload_id == _part["upload_id"], p.number > param("after", SmallInteger))
    .order_by(p.number)
    .limit(param("limit", BigInteger)),
    *("upload_id", "after", "limit"),
)
LOCK_PARTS = Statement(
    select(*PART_COLUMNS).where(p.upload_id == _part["upload_id"]).order_by(p.number).with_for_update(), "upload_id"
)
FORGET_PARTS = Statement(delete(part).where(p.upload_id == _part["upload_id"]), "upload_id")


def _page() -> Select[Any]:
    return (
        select(*UPLOAD_COLUMNS)
        .where(u.bucket_id == param("bucket_id", BigInteger), u.state == _OPEN)
        .where(u.key >= param("low", BYTEA), u.key < param("high", BYTEA))
        .order_by(u.key, u.created, u.id)
        .limit(param("limit", BigInteger))
    )


PAGE = Statement(_page(), *("bucket_id", "low", "high", "limit"))
# Finished uploads stay in the table for a while, so the one that a marker names is found even if it was aborted since;
# if it was purged too, the page starts with the marker's key.
_marker = param("marker", BYTEA)
_marker_created = func.coalesce(
    select(u.created).where(u.id == _marker).scalar_subquery(), literal_column("'-infinity'::timestamptz", TIME)
)
PAGE_AFTER_UPLOAD = Statement(
    _page().where(tuple_(u.key, u.created, u.id) > tuple_(param("low", BYTEA), _marker_created, _marker)),
    *("bucket_id", "low", "high", "limit", "marker"),
)

_old = (
    select(u.id)
    .where(u.state != _OPEN, u.finished < param("older_than", TIME))
    .order_by(u.finished)
    .limit(param("limit", BigInteger))
    .with_for_update(skip_locked=True)
)
PURGE = Statement(delete(upload).where(u.id == any_(func.array(_old.scalar_subquery()))), *("older_than", "limit"))

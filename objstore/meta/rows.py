"""Rows of ``object`` and ``version`` to nouns and back, by position: no dictionary and no decoder per column."""

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import Column

from objstore.meta.tables import object_, slot_of, version
from objstore.model.errors import InvalidArgument
from objstore.model.objects import ObjectVersion
from objstore.model.storage_class import STORAGE_CLASS_CODES, STORAGE_CLASS_NAMES

o, v = object_.c, version.c
# Order of ``ObjectVersion``'s fields after bucket_id and key; ``version_of`` and ``row_of`` rely on it.
VERSION_COLUMNS: tuple[Column[Any], ...] = (
    o.version_id,
    o.size,
    o.etag,
    o.modified,
    o.storage_class,
    o.extents,
    o.parts,
    o.attrs,
    o.tags,
    o.checksum,
    o.seq,
    o.accessed,
    o.tier,
    o.versioned,
    o.heat,
)
KEY_COLUMNS: tuple[Column[Any], ...] = (o.bucket_id, o.key, o.slot)
# What a new row is made of; heat is what its default says.
ROW_TYPES = {column.name: column.type for column in (*KEY_COLUMNS, *VERSION_COLUMNS[:-1])}
# The same columns of ``version``, and those that only it has.
OLD_COLUMNS: tuple[Column[Any], ...] = (*[v[column.name] for column in VERSION_COLUMNS], v.marker, v.noncurrent_since)

# A row as the statements take it: key columns, then version columns.
Row = tuple[Any, ...]


def version_of(bucket_id: int, key: bytes, values: Iterable[Any]) -> ObjectVersion:
    """From the values of ``VERSION_COLUMNS`` or ``OLD_COLUMNS``."""
    (version_id, size, etag, modified, storage_class, extents, parts, attrs, tags, checksum, seq, accessed, tier,
     versioned, heat, *rest) = values  # fmt: skip
    return ObjectVersion(
        bucket_id,
        key,
        version_id,
        size,
        etag,
        modified,
        STORAGE_CLASS_NAMES[storage_class],
        extents,
        parts,
        None if attrs is None else orjson.loads(attrs),
        None if tags is None else orjson.loads(tags),
        checksum,
        seq,
        accessed,
        tier,
        versioned,
        heat,
        *rest,
    )


def row_of(version: ObjectVersion) -> Row:
    """The row of a version; raises InvalidArgument for attrs or tags that jsonb cannot hold."""
    return (
        version.bucket_id,
        version.key,
        slot_of(version.bucket_id, version.key),
        version.version_id,
        version.size,
        version.etag,
        version.modified,
        STORAGE_CLASS_CODES[version.storage_class],
        version.extents,
        version.parts,
        json_text(version.attrs),
        json_text(version.tags),
        version.checksum,
        version.seq,
        version.accessed,
        version.tier,
        version.versioned,
    )


def json_text(value: dict[str, Any] | None) -> str | None:
    """JSON for a jsonb column; raises InvalidArgument for what cannot be in one (NUL, half a surrogate pair)."""
    if not value:
        return None
    try:
        text = orjson.dumps(value).decode()
    except TypeError:
        raise InvalidArgument("A value is not valid Unicode.") from None
    if "\\u0000" in text and _has_nul(value):
        raise InvalidArgument("A value contains a NUL character.")
    return text


def json_value(text: str | None) -> Any:
    """Inverse of ``json_text``."""
    return None if text is None else orjson.loads(text)


def listed_current(bucket_id: int, values: Iterable[Any]) -> ObjectVersion:
    """A current version in a listing, from ``LISTED_COLUMNS``: without extents, parts, attrs and tags."""
    key, version_id, size, etag, modified, storage_class, checksum, seq = values
    name = STORAGE_CLASS_NAMES[storage_class]
    return ObjectVersion(bucket_id, key, version_id, size, etag, modified, name, b"", None, None, None, checksum, seq)


def listed_version(bucket_id: int, values: Iterable[Any]) -> ObjectVersion:
    """A version in a listing of versions: behind ``LISTED_COLUMNS`` come ``versioned``, ``marker`` and
    ``noncurrent_since``."""
    key, version_id, size, etag, modified, storage_class, checksum, seq, versioned, marker, noncurrent_since = values
    return ObjectVersion(
        bucket_id,
        key,
        version_id,
        size,
        etag,
        modified,
        STORAGE_CLASS_NAMES[storage_class],
        b"",
        None,
        None,
        None,
        checksum,
        seq,
        versioned=versioned,
        marker=marker,
        noncurrent_since=noncurrent_since,
    )


LISTED_COLUMNS: tuple[Column[Any], ...] = (
    o.key,
    o.version_id,
    o.size,
    o.etag,
    o.modified,
    o.storage_class,
    o.checksum,
    o.seq,
)


def _has_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_nul(name) or _has_nul(inner) for name, inner in value.items())
    if isinstance(value, list):
        return any(_has_nul(inner) for inner in value)
    return isinstance(value, str) and "\0" in value

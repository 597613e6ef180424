"""Owners of objects that are not the bucket's owner's: asked for where a listing has to say them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, Table, Text, literal_column, select, union_all
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta.database import Database
from objstore.meta.statement import Statement, batch, param
from objstore.meta.tables import object_, version

_asked = batch("asked", {"key": BYTEA, "version_id": BYTEA})
_bucket_id = param("bucket_id", BigInteger)


def _of(table: Table) -> "ColumnElement[str]":
    return literal_column(f"{table.name}.attrs ->> 'o'", Text)


def _select(table: Table) -> Select[Any]:
    c = table.c
    mine = (c.bucket_id == _bucket_id) & (c.key == _asked.c.key) & (c.version_id == _asked.c.version_id)
    return select(c.key, c.version_id, _of(table)).join_from(_asked, table, mine).where(_of(table).is_not(None))


_OWNERS = Statement(union_all(_select(object_), _select(version)), *("key", "version_id", "bucket_id"))


async def owners_of(
    database: Database, bucket_id: int, names: Sequence[tuple[bytes, bytes]]
) -> dict[tuple[bytes, bytes], str]:
    """Canonical ids of the owners of versions (key, version id) that say who owns them; one query."""
    records = await database.fetch(_OWNERS, *zip(*names, strict=True), bucket_id) if names else ()
    return {(key, version_id): owner for key, version_id, owner in records}

"""Attributes of a version (what is given back as headers, its lock, its envelope), changed where it is."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, update
from sqlalchemy.dialects.postgresql import JSONB

from objstore.meta.database import Transaction
from objstore.meta.events import add_events
from objstore.meta.rows import json_text
from objstore.meta.statement import Statement, param
from objstore.meta.tables import object_, slot_of, version
from objstore.model.notification import Event
from objstore.model.objects import ObjectVersion

_SEAT = ("bucket_id", "key", "slot", "seq", "version_id")


def _set(table: Table) -> Statement:
    names: dict[str, Any] = {name: param(name, table.c[name].type) for name in _SEAT}
    was = param("old_attrs", JSONB)
    changed = update(table).values(attrs=param("new_attrs", JSONB))
    same = [table.c[name] == value for name, value in names.items()]
    return Statement(changed.where(*same, table.c.attrs.is_not_distinct_from(was)), *names, "old_attrs", "new_attrs")


_TABLES = [_set(object_), _set(version)]


async def set_attrs(
    transaction: Transaction, found: ObjectVersion, attrs: dict[str, Any] | None, events: Sequence[Event] = ()
) -> bool:
    """See ``Objects.set_attrs``."""
    await transaction.identify()
    seat = (found.bucket_id, found.key, slot_of(found.bucket_id, found.key), found.seq, found.version_id)
    for statement in _TABLES:
        if await transaction.execute(statement, *seat, json_text(found.attrs), json_text(attrs)):
            await add_events(transaction, events)
            return True
    return False

"""Tags of a version, changed where it is: in ``object``, or in ``version``."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, literal_column, select, update
from sqlalchemy.dialects.postgresql import JSONB

from objstore.meta.database import Transaction
from objstore.meta.events import add_events
from objstore.meta.lifecycle_tables import HAS_RULES
from objstore.meta.rows import json_text
from objstore.meta.statement import Statement, param
from objstore.meta.tables import bucket, object_, slot_of, version
from objstore.meta.tasks import examine
from objstore.model.notification import Event
from objstore.model.objects import ObjectVersion

_SEAT = ("bucket_id", "key", "slot", "seq")


def _set(table: Table) -> Statement:
    names: dict[str, Any] = {name: param(name, table.c[name].type) for name in (*_SEAT, "version_id")}
    changed = update(table).values(tags=param("new_tags", JSONB))
    return Statement(changed.where(*[table.c[name] == value for name, value in names.items()]), *names, "new_tags")


_TABLES = [_set(object_), _set(version)]
_HAS_RULES = Statement(select(literal_column(HAS_RULES)).where(bucket.c.id == param("id", bucket.c.id.type)), "id")


async def set_tags(
    transaction: Transaction, found: ObjectVersion, tags: Mapping[str, str] | None, events: Sequence[Event] = ()
) -> bool:
    """See ``Objects.set_tags``."""
    await transaction.identify()
    seat = (found.bucket_id, found.key, slot_of(found.bucket_id, found.key), found.seq, found.version_id)
    for statement in _TABLES:
        if await transaction.execute(statement, *seat, json_text(dict(tags or {}))):
            await tags_changed(transaction, found)
            await add_events(transaction, events)
            return True
    return False


async def tags_changed(transaction: Transaction, found: ObjectVersion) -> None:
    """The hook for lifecycle rules, which may ask for tags: they look at the version again."""
    rules = await transaction.first(_HAS_RULES, found.bucket_id)
    if rules is not None and rules[0]:
        await examine(transaction, [(found.bucket_id, found.key, found.version_id)])

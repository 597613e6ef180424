"""Inventory: which buckets want to have one, and whose turn it is; one at a time does each.

When a configuration was begun and done last stands with the bucket's settings, where a change has its row to itself.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Boolean, Text, func, literal_column, select

from objstore.meta.buckets import Buckets
from objstore.meta.database import Database
from objstore.meta.statement import Statement, param
from objstore.meta.tables import bucket
from objstore.model.errors import NoSuchBucket

SETTING, RUNS = "inventory", "inventory_runs"
_BEGUN, _DONE = "begun", "done"
_has = literal_column("settings ? 'inventory'", Boolean)
_WITH = Statement(
    select(bucket.c.name)
    .where(_has, bucket.c.name > param("after", Text))
    .order_by(bucket.c.name)
    .limit(param("limit", BigInteger)),
    *("after", "limit"),
)
_NOW = Statement(select(func.now()))


class Inventories:
    """Turns of inventories."""

    def __init__(self, database: Database) -> None:
        self._database, self._buckets = database.patient, Buckets(database.patient)

    async def buckets(self, after: str, limit: int) -> Sequence[str]:
        """At most ``limit`` names of buckets that have a configuration, greater than ``after``."""
        return [name for (name,) in await self._database.fetch(_WITH, after, limit)]

    async def begin(self, bucket: str, id_: str, period: timedelta, lease: timedelta) -> datetime | None:
        """Take the turn of a configuration: done a ``period`` ago or never, not begun for a ``lease``; when."""
        ((now,),) = await self._database.fetch(_NOW)
        taken = False

        def change(runs: Mapping[str, Any] | None) -> dict[str, Any]:
            nonlocal taken
            run = (runs or {}).get(id_, {})
            taken = _is_over(run.get(_DONE), period, now) and _is_over(run.get(_BEGUN), lease, now)
            return {**(runs or {}), **({id_: {**run, _BEGUN: now.isoformat()}} if taken else {})}

        try:
            await self._buckets.change_setting(bucket, RUNS, change)
        except NoSuchBucket:
            return None
        return now if taken else None

    async def keep(self, bucket: str, id_: str) -> None:
        """Still at it. Raises NoSuchBucket."""
        await self._note(bucket, id_, lambda now: {_BEGUN: now})

    async def done(self, bucket: str, id_: str, began: datetime, known: Sequence[str]) -> None:
        """It is delivered, or cannot be until its next turn. ``known``: ids of all configurations that there are."""
        await self._note(bucket, id_, lambda _: {_DONE: began.isoformat()}, known)

    async def _note(self, bucket: str, id_: str, fields: Any, known: Sequence[str] | None = None) -> None:
        ((now,),) = await self._database.fetch(_NOW)

        def change(runs: Mapping[str, Any] | None) -> dict[str, Any]:
            kept = {name: run for name, run in (runs or {}).items() if known is None or name in known}
            run = {name: value for name, value in kept.get(id_, {}).items() if name not in (_BEGUN,)}
            return {**kept, id_: {**run, **fields(now.isoformat())}}

        await self._buckets.change_setting(bucket, RUNS, change)


def _is_over(since: str | None, span: timedelta, now: datetime) -> bool:
    return since is None or datetime.fromisoformat(since) + span <= now

"""Keeping: whoever has the lease rolls steps up to minutes, hours, days, and deletes what is old, a bounded part each.

    take      the one row of history_keeper, if nobody has it
    roll up   a stretch of short steps into longer ones: the sums take the place of what may be there, so doing it
              again changes nothing; the cursor moves in the same transaction. Ten minutes are summed up with the
              minutes that they are made of, also while some of these are still to come
    purge     short steps that were rolled up, and all that is too old

A crash between the steps leaves work for whoever has the lease next, and nothing else.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Integer,
    SmallInteger,
    Text,
    any_,
    case,
    cast,
    delete,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, insert

from objstore.meta.database import Database, Transaction
from objstore.meta.history_tables import history, history_keeper
from objstore.meta.rows import json_text, json_value
from objstore.meta.statement import Statement, array, constant, param
from objstore.model.series import BY_CODE, DAY, HOUR, HOURLY, KEPT_SECONDS, LEVELS, MINUTE, STEP, TEN_MINUTES

LEASE_SECONDS = 30.0
# Steps that are not written yet are not rolled up: clocks of hosts may differ by so much, and a process may be late.
SETTLED_SECONDS = 30
STRETCH_MAX = {MINUTE: 60 * MINUTE, HOUR: 48 * HOUR, DAY: 30 * DAY}
PURGED_AT_ONCE = 5000
_FROM = {MINUTE: STEP, HOUR: MINUTE, DAY: HOUR}
_CODES = {MINUTE: sorted(BY_CODE), HOUR: list(HOURLY), DAY: list(HOURLY)}

h, k = history.c, history_keeper.c
_now = func.clock_timestamp()
_epoch = cast(func.floor(func.extract("epoch", _now)), BigInteger)
_token = param("token", BYTEA)
_lease = _now + param("lease", Double) * literal_column("'1 second'::interval")
_MAKE = Statement(insert(history_keeper).values(one=literal_column("true")).on_conflict_do_nothing())
_TAKE = Statement(
    update(history_keeper)
    .where(k.one, or_(k.owner == _token, k.owner.is_(None), k.lease_until < _now))
    .values(owner=_token, lease_until=_lease)
    .returning(k.minutes_until, k.hours_until, k.days_until, _epoch),
    *("token", "lease"),
)
_RELEASE = Statement(update(history_keeper).where(k.one, k.owner == _token).values(owner=null()), "token")
_OLDEST = Statement(
    select(func.min(h.start)).where(
        h.series == any_(array("codes", SmallInteger)),
        h.step == param("its_step", Integer),
        h.start >= param("since", BigInteger),
    ),
    *("codes", "its_step", "since"),
)
_longer = param("longer", BigInteger)
_start = h.start // _longer * _longer
_is_level = h.series.in_([constant(code) for code in LEVELS])
_value = case((_is_level, func.avg(h.value)), else_=func.sum(h.value))
_ROLLED = insert(history).from_select(
    ["start", "value", "step", "series", "label", "node"],
    select(_start, _value, cast(_longer, Integer), h.series, h.label, literal_column("''", Text))
    .where(
        h.series == any_(array("codes", SmallInteger)),
        h.step == param("its_step", Integer),
        h.start >= param("since", BigInteger),
        h.start < param("until", BigInteger),
    )
    .group_by(h.series, h.label, _start),
)
_ROLL_UP = Statement(
    _ROLLED.on_conflict_do_update(
        index_elements=[h.series, h.step, h.start, h.label, h.node], set_={"value": _ROLLED.excluded.value}
    ),
    *("longer", "codes", "its_step", "since", "until"),
)


def _advance(column: ColumnElement[Any]) -> Statement:
    moved: Any = {column.name: param("until", BigInteger)}
    return Statement(update(history_keeper).where(k.one, k.owner == _token).values(moved), *("token", "until"))


_ADVANCE = {MINUTE: _advance(k.minutes_until), HOUR: _advance(k.hours_until), DAY: _advance(k.days_until)}
_ctid: ColumnElement[Any] = literal_column("history.ctid")
_old = (
    select(_ctid)
    .select_from(history)
    .where(
        h.series == any_(array("codes", SmallInteger)),
        h.step == param("its_step", Integer),
        h.start < param("before", BigInteger),
    )
    .limit(constant(PURGED_AT_ONCE))
)
_PURGE = Statement(
    delete(history).where(_ctid == any_(func.array(_old.scalar_subquery()))), *("codes", "its_step", "before")
)
_PUT_PLACES = Statement(
    update(history_keeper).where(k.one, k.owner == _token).values(places=param("sums", JSONB), places_at=_now),
    *("token", "sums"),
)
_PLACES = Statement(select(k.places, k.places_at).where(k.one))


@dataclass(frozen=True, slots=True)
class Held:
    """The lease: up to where steps were rolled up, and what time it is, in seconds since 1970."""

    minutes_until: int
    hours_until: int
    days_until: int
    now: int


class Keeping:
    """The one row, for one process. ``token``: says who it is."""

    def __init__(self, database: Database, token: bytes) -> None:
        self._database, self._token = database.patient, token

    async def take(self) -> Held | None:
        """Take or renew the lease; None if somebody else has it. Raises DatabaseUnavailable."""
        for _ in range(2):
            found = await self._returning(_TAKE, self._token, LEASE_SECONDS)
            if found is not None:
                return Held(*found)
            await self._database.change(_MAKE)
        return None

    async def release(self) -> None:
        """Let somebody else have it at once."""
        await self._database.change(_RELEASE, self._token)

    async def roll_up(self, held: Held) -> int:
        """Steps to minutes, minutes to hours, hours to days, at most a stretch of each; how many rows."""
        rows = await self._roll_up(MINUTE, held.minutes_until, held.now - SETTLED_SECONDS)
        rows += await self._roll_up(HOUR, held.hours_until, min(held.minutes_until, held.now))
        return rows + await self._roll_up(DAY, held.days_until, min(held.hours_until, held.now))

    async def purge(self, held: Held) -> int:
        """Delete what is too old, at most ``PURGED_AT_ONCE`` rows of each step; how many."""
        now = held.now
        rolled = {STEP: held.minutes_until, MINUTE: held.hours_until, TEN_MINUTES: now, HOUR: held.days_until, DAY: now}
        deleted = 0
        for step, seconds in KEPT_SECONDS.items():
            before = min(held.now - seconds, rolled[step])
            deleted += await self._database.change(_PURGE, sorted(BY_CODE), step, before)
        return deleted

    async def put_places(self, sums: dict[str, Any]) -> None:
        """Keep the sums of buckets, as JSON."""
        await self._database.change(_PUT_PLACES, self._token, json_text(sums))

    async def _roll_up(self, step: int, since: int, settled: int) -> int:
        codes, shorter = _CODES[step], _FROM[step]
        oldest = (await self._database.fetch(_OLDEST, codes, shorter, since))[0][0]
        if oldest is None:
            return 0
        since = max(since, oldest // step * step)
        until = min(settled // step * step, since + STRETCH_MAX[step])
        if until <= since:
            return 0

        async def work(transaction: Transaction) -> int:
            await transaction.identify()
            if not await transaction.execute(_ADVANCE[step], self._token, until):
                return 0  # somebody else has the lease by now
            rows = await transaction.execute(_ROLL_UP, step, codes, shorter, since, until)
            if step == MINUTE:
                first = since // TEN_MINUTES * TEN_MINUTES
                rows += await transaction.execute(_ROLL_UP, TEN_MINUTES, list(HOURLY), MINUTE, first, until)
            return rows

        return await self._database.transact(work)

    async def _returning(self, statement: Statement, *arguments: Any) -> Any:
        async def work(transaction: Transaction) -> Any:
            await transaction.identify()
            return await transaction.first(statement, *arguments)

        return await self._database.transact(work)


async def places(database: Database) -> tuple[dict[str, Any], datetime | None]:
    """The sums of buckets as they were kept, and since when; empty before the first time."""
    rows = await database.fetch(_PLACES)
    return (json_value(rows[0][0]), rows[0][1]) if rows else ({}, None)

"""Walks: each action of a rule walks once through what is due, by index, and never back.

A step is one transaction: the walk's row is locked (another worker skips it), a page of rows past the cursor is looked
at, those that match become tasks, the cursor moves. So every row becomes a task once, whatever dies when. A rule that
was changed has another digest: its walk begins anew.

| What happens          | What is left                                    | Who clears it           |
|-----------------------|-------------------------------------------------|-------------------------|
| a worker dies         | the walk before its step                        | the next step of anyone |
| the rule is gone      | a walk that finds no rule, which forgets itself | the next step of anyone |
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

import orjson

from objstore.meta import walk_statements as sql
from objstore.meta.database import Database, Transaction
from objstore.meta.groups import advance_full, advance_steps
from objstore.meta.statement import Statement
from objstore.meta.tasks import backlog
from objstore.model.extended_rules import KeepLast, TierFull

PAGE_ROWS = 5000
BACKLOG_PAUSE = timedelta(seconds=1)
NO_PAUSE = timedelta()
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
ANY_SIZE = 2**63 - 1
SEQ_BYTES = 8
_MICROSECOND = timedelta(microseconds=1)


class Source(Enum):
    """What a walk goes through, and by what."""

    CURRENT = "current"  # current versions by modified
    NONCURRENT = "noncurrent"  # noncurrent ones by when they became so
    BELOW = "below"  # the same, and gives the version that is ``newer`` below each
    MARKER = "marker"  # delete markers that are the latest, by modified
    ACCESSED = "accessed"  # current versions on the hot tier by day of last access
    BY_ACCESS = "by access"  # Intelligent-Tiering objects off the hot tier by day of last access
    NONCURRENT_ACCESSED = "noncurrent accessed"  # as ACCESSED, of noncurrent versions
    NONCURRENT_BY_ACCESS = "noncurrent by access"  # as BY_ACCESS, of noncurrent versions
    UPLOAD = "upload"  # open uploads by when they began
    FULL = "full"  # as ACCESSED, as much as has to leave a tier that is too full
    NONCURRENT_FULL = "noncurrent full"  # as FULL, of noncurrent versions
    STEPS = "steps"  # current versions by key, below the steps of a prefix that need not be kept


NONCURRENT_BY_DAY = (Source.NONCURRENT_ACCESSED, Source.NONCURRENT_BY_ACCESS)
BY_DAY = (Source.ACCESSED, Source.BY_ACCESS, *NONCURRENT_BY_DAY)  # not by a time

_PAGES: Mapping[Source, Statement] = {
    Source.CURRENT: sql.CURRENT,
    Source.NONCURRENT: sql.NONCURRENT,
    Source.BELOW: sql.BELOW,
    Source.MARKER: sql.MARKER,
    Source.ACCESSED: sql.ACCESSED,
    Source.BY_ACCESS: sql.BY_ACCESS,
    Source.NONCURRENT_ACCESSED: sql.NONCURRENT_ACCESSED,
    Source.NONCURRENT_BY_ACCESS: sql.NONCURRENT_BY_ACCESS,
    Source.UPLOAD: sql.UPLOADS,
}


@dataclass(frozen=True, slots=True)
class WalkName:
    """Which walk: a rule's action in a bucket."""

    bucket_id: int
    rule: str
    action: str


@dataclass(frozen=True, slots=True)
class Query:
    """What a step looks for. ``horizon``: rows up to this are due: a time, or a day number for ``BY_DAY``.

    ``age`` is added to a row's time to say since when it is due; ``skip_classes``: codes of classes that are left out.
    ``pause``: how long the walk rests when there is nothing more up to the horizon. ``restart``: the walk begins anew
    then, for what changes without telling.
    """

    source: Source
    digest: bytes
    horizon: datetime | int
    age: timedelta
    pause: timedelta
    prefix: bytes = b""
    size_min: int = 0
    size_max: int = ANY_SIZE
    tags: Mapping[str, str] | None = None
    skip_classes: Sequence[int] = ()
    newer: int = 1
    restart: bool = False
    full: TierFull | None = None
    keep: KeepLast | None = None


Plan = Callable[[WalkName, Any], Query | timedelta | None]


@dataclass(frozen=True, slots=True)
class Step:
    """What a step did. ``more``: there is more of it at once."""

    walk: WalkName
    seen: int = 0
    found: int = 0
    more: bool = False


class Walks:
    """The table of walks."""

    def __init__(self, database: Database, backlog_max: int = 20_000) -> None:
        self._database, self._backlog_max = database, backlog_max

    async def with_rules(self, after: int, limit: int) -> list[tuple[int, str]]:
        """Buckets that have a lifecycle configuration, by id, each with a mark that changes when its settings do."""
        return [(bucket_id, mark) for bucket_id, mark in await self._database.fetch(sql.WITH_RULES, after, limit)]

    async def buckets(self, after: int, limit: int) -> list[tuple[int, bool]]:
        """All buckets by id, each with whether it has, or had, versioning."""
        return [tuple(record) for record in await self._database.fetch(sql.BUCKETS, after, limit)]

    async def settings(self, bucket_id: int) -> Any:
        """Settings of a bucket; None if it is gone."""
        records = await self._database.fetch(sql.SETTINGS_OF, bucket_id)
        return orjson.loads(records[0][0]) if records else None

    async def ensure(self, walks: Mapping[WalkName, bytes], wake: bool = True) -> None:
        """Make those walks (with their digests) that are not there, and ``wake`` those whose rule has changed."""
        rows = [(name.bucket_id, name.rule, name.action, digest) for name, digest in walks.items()]

        async def work(transaction: Transaction) -> None:
            await transaction.identify()
            columns = list(zip(*sorted(rows), strict=True))
            await transaction.execute(sql.ENSURE, *columns)
            if wake:
                await transaction.execute(sql.WAKE, *columns)

        if rows:
            await self._database.transact(work)

    async def step(self, plan: Plan, limit: int = PAGE_ROWS) -> Step | None:
        """One page of the walk that has waited longest; None if none is due.

        ``plan`` gets the walk's name and the settings of its bucket, and says what to look for; or for how long there
        is nothing to look for; or (None) that the rule is gone. It is pure and may run more than once.
        """

        async def work(transaction: Transaction) -> Step | None:
            await transaction.identify()
            row = await transaction.first(sql.CLAIM)
            return None if row is None else await self._step(transaction, _Row(*row), plan, limit)

        return await self._database.transact(work)

    async def _step(self, transaction: Transaction, row: "_Row", plan: Plan, limit: int) -> Step:
        settings = await transaction.first(sql.SETTINGS_OF, row.bucket_id)
        query = None if settings is None else plan(row.name, orjson.loads(settings[0]))
        if query is None:
            await transaction.execute(sql.FORGET, row.bucket_id, row.rule, row.action)
            return Step(row.name)
        if isinstance(query, timedelta):
            await row.save(transaction, row.digest, 0, query)
            return Step(row.name)
        if query.digest != row.digest:
            row.rewind()
        if await backlog(transaction, row.bucket_id, self._backlog_max) >= self._backlog_max:
            await row.save(transaction, query.digest, 0, BACKLOG_PAUSE)
            return Step(row.name)
        return await self._page(transaction, row, query, limit)

    async def _page(self, transaction: Transaction, row: "_Row", query: Query, limit: int) -> Step:
        if query.full is not None or query.keep is not None:
            advance = advance_steps if query.source is Source.STEPS else advance_full
            found, pause = await advance(transaction, row, query, limit)
            await row.save(transaction, query.digest, found, pause)
            return Step(row.name, limit if not pause else 0, found, not pause)
        records = await transaction.fetch(_PAGES[query.source], *_arguments(row, query, limit))
        seen = found = 0
        if records:
            *cursor, seen, found = records[0]
            if query.source in NONCURRENT_BY_DAY:
                row.by_day_and_seq = tuple(cursor)
            elif query.source in BY_DAY:
                row.by_day = tuple(cursor)
            else:
                row.time, row.key, row.seq = cursor
        more = seen >= limit
        if query.restart and not more:
            row.rewind()
        await row.save(transaction, query.digest, found, NO_PAUSE if more else query.pause)
        return Step(row.name, seen, found, more)


@dataclass(slots=True)
class _Row:
    """A walk's row; see ``sql.WALK_COLUMNS``."""

    bucket_id: int
    rule: str
    action: str
    digest: bytes
    time: datetime | None
    number: int
    key: bytes
    seq: int
    found: int

    @property
    def name(self) -> WalkName:
        return WalkName(self.bucket_id, self.rule, self.action)

    @property
    def by_day(self) -> tuple[int, datetime, bytes]:
        """The cursor of a walk by the day of the last access: the day, when the row was modified, its key."""
        return self.number, LONG_AGO + self.seq * _MICROSECOND, self.key

    @by_day.setter
    def by_day(self, cursor: tuple[int, datetime, bytes]) -> None:
        self.number, self.seq, self.key = cursor[0], (cursor[1] - LONG_AGO) // _MICROSECOND, cursor[2]

    @property
    def by_day_and_seq(self) -> tuple[int, datetime, bytes, int]:
        """The same of noncurrent versions, whose ``seq`` stands behind the key."""
        day, since, name = self.by_day
        return day, since, name[:-SEQ_BYTES], int.from_bytes(name[-SEQ_BYTES:], "big")

    @by_day_and_seq.setter
    def by_day_and_seq(self, cursor: tuple[int, datetime, bytes, int]) -> None:
        day, since, key, seq = cursor
        self.by_day = day, since, key + seq.to_bytes(SEQ_BYTES, "big")

    def rewind(self) -> None:
        self.time, self.number, self.key, self.seq = None, 0, b"", 0

    async def save(self, transaction: Transaction, digest: bytes, more: int, pause: timedelta) -> None:
        cursor = (self.time, self.number, self.key, self.seq)
        await transaction.execute(sql.SAVE, self.bucket_id, self.rule, self.action, digest, *cursor, more, pause)


def _arguments(row: _Row, query: Query, limit: int) -> list[Any]:
    """In the order of the statement's parameters."""
    at = row.time or LONG_AGO
    tail = (row.rule, row.action, query.age)
    if query.source is Source.UPLOAD:
        return [row.bucket_id, at, row.key, query.horizon, limit, query.prefix, *tail]
    tags = orjson.dumps(dict(query.tags or {})).decode()
    filters = (query.prefix, query.size_min, query.size_max, tags, list(query.skip_classes))
    if query.source in BY_DAY:
        cursor = row.by_day_and_seq if query.source in NONCURRENT_BY_DAY else row.by_day
        return [row.bucket_id, *cursor, query.horizon, limit, *filters, row.rule, row.action]
    arguments = [row.bucket_id, at, row.key, row.seq, query.horizon, limit, *filters, *tail]
    return [*arguments, query.newer] if query.source is Source.BELOW else arguments

"""Walks that depend on more than one version: on how full a tier is, and on the steps of a prefix.

By fill level: the tier counts as above ``high`` when it has been so for ``CONFIRM``, for drives are measured every few
seconds; then the coldest go until it is at ``low``. What is garbage, and what is queued already, counts as gone: so no
more goes than has to, however long compaction takes.

By steps: a pass over the steps that need not be kept, again when these are others, or after ``PASS_AGAIN``.

    walk.time    by fill level: since when the tier is too full; by steps: when the last pass ended
    walk.number  by fill level: the day of the last access; by steps: which steps the pass is about
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

import orjson
import structlog

from objstore.meta import group_statements as sql
from objstore.meta.group_statements import FULL_SUFFIX, NONCURRENT_FULL_SUFFIX
from objstore.meta.listing import delimited, past
from objstore.model import clock
from objstore.model.extended_rules import KeepLast, TierFull, bytes_to_demote, steps_to_demote

if TYPE_CHECKING:
    from objstore.meta.walks import Query

__all__ = ["FULL_SUFFIX", "STEPS_SUFFIX", "Space", "advance_full", "advance_steps", "space_of", "steps_that_go"]

STEPS_SUFFIX = "/steps"
CONFIRM = timedelta(seconds=15)
PASS_AGAIN = timedelta(hours=1)
STEPS_MAX, STEPS_PAGE = 100_000, 1000
RANGES_AT_ONCE = 100
NOW = timedelta()
STEP_COST = timedelta(milliseconds=2)  # to list one: prefixes with many steps are looked at less often

log = structlog.get_logger(__name__)


class Fetches(Protocol):
    """A database, or a transaction."""

    async def fetch(self, statement: Any, *arguments: Any) -> Sequence[Any]:
        """Rows of a statement."""
        ...


class Cursor(Protocol):
    """A walk's row."""

    bucket_id: int
    rule: str
    action: str
    time: datetime | None
    number: int
    key: bytes
    seq: int
    by_day: tuple[int, datetime, bytes]
    by_day_and_seq: tuple[int, datetime, bytes, int]

    def rewind(self) -> None:
        """Begin anew."""
        ...


@dataclass(frozen=True, slots=True)
class Space:
    """Of a tier, in bytes on drives: ``used_bytes`` will remain when all garbage is gone. ``overhead``: with parity,
    for a byte of payload.
    """

    capacity_bytes: int
    used_bytes: int
    overhead: float

    def excess(self, full: TierFull, queued_bytes: int = 0) -> int:
        """Bytes of payload that have to go; 0 unless it is above ``high`` percent. ``queued_bytes`` will have gone."""
        used = self.used_bytes - round(queued_bytes * self.overhead)
        return round(bytes_to_demote(used, self.capacity_bytes, full) / self.overhead)


async def space_of(database: Fetches, tier: str) -> Space:
    """How full a tier is, as its drives were last measured."""
    capacity, used, garbage, k, m = (await database.fetch(sql.SPACE, tier))[0]
    overhead = (k + m) / k if k else 1.0
    return Space(capacity, max(0, used - round(garbage * overhead)), overhead)


async def advance_full(transaction: Any, row: Cursor, query: "Query", limit: int) -> tuple[int, timedelta]:
    """A page of what has to leave a full tier: how many tasks came of it, and for how long the walk may rest."""
    assert query.full is not None
    full, now = query.full, clock.now()
    space = await space_of(transaction, full.tier)
    queued = (await transaction.fetch(sql.QUEUED))[0][0]
    began = row.time is not None and now - row.time >= CONFIRM
    excess = space.excess(TierFull(full.low, full.low) if began else full, queued)
    if not excess:
        row.rewind()
        return 0, query.pause
    if not began:
        row.time = row.time or now
        return 0, max(CONFIRM - (now - row.time), NOW)
    cutoff = await _cutoff(transaction, row.number, excess)
    if cutoff is None:  # all has been looked at, and there is nothing more that may go
        row.rewind()
        return 0, query.pause
    is_old = row.action.endswith(NONCURRENT_FULL_SUFFIX)
    place = row.by_day_and_seq if is_old else row.by_day
    arguments = (row.bucket_id, *place, cutoff, limit, *_filter(query), row.rule, row.action, excess)
    records = await transaction.fetch(sql.NONCURRENT_FULL if is_old else sql.FULL, *arguments)
    if not records:
        row.number, row.key, row.seq = cutoff + 1, b"", 0
        return 0, NOW
    *cursor, _, found = records[0]
    if is_old:
        row.by_day_and_seq = tuple(cursor)
    else:
        row.by_day = tuple(cursor)
    return found, NOW


async def _cutoff(transaction: Fetches, from_day: int, excess: int) -> int | None:
    """The day of last access up to which ``excess`` bytes lie on the tier, or the last there is; None: nothing does."""
    last = None
    for day, size in await transaction.fetch(sql.HISTOGRAM, from_day):
        last, excess = day, excess - size
        if excess <= 0:
            break
    return last


async def steps_that_go(database: Any, bucket_id: int, prefix: bytes, keep: KeepLast) -> list[bytes]:
    """The steps of a prefix that need not be kept, by name: common prefixes, or keys without one."""
    found: list[bytes] = []
    after = b""
    while page := await delimited(database, bucket_id, prefix, b"/", after, STEPS_PAGE):
        names = [one if isinstance(one, bytes) else one.key for one in page]
        found += names
        after = names[-1]
        if len(found) > STEPS_MAX:
            log.warning("too_many_steps", prefix=prefix, steps=len(found))
            return []
    # A step may be there both as a directory's mark and as a prefix; bytes that are no text keep their order.
    by_name = {name[len(prefix) :].decode("utf-8", "surrogateescape"): name for name in found if name != prefix}
    return sorted(by_name[name] for name in steps_to_demote(list(by_name), keep))


async def advance_steps(transaction: Any, row: Cursor, query: "Query", limit: int) -> tuple[int, timedelta]:
    """A page of what lies below steps that may go: how many tasks came of it, and for how long the walk may rest."""
    assert query.keep is not None
    now = clock.now()
    steps = await steps_that_go(transaction, row.bucket_id, query.prefix, query.keep)
    pause = query.pause + len(steps) * STEP_COST
    if not row.key:
        mark = _mark(steps)
        if not steps or (mark == row.number and row.time is not None and now - row.time < PASS_AGAIN):
            return 0, pause
        row.number = mark
    seen = found = 0
    for low, high in _ranges(steps, row.key)[:RANGES_AT_ONCE]:
        if seen >= limit:
            return found, NOW
        arguments = (row.bucket_id, low, high, limit - seen, *_filter(query), row.rule, row.action)
        records = await transaction.fetch(sql.KEYS, *arguments)
        last, looked_at, queued = records[0] if records else (b"", 0, 0)
        full = looked_at >= limit - seen
        row.key = last + b"\0" if full else high
        seen, found = seen + looked_at, found + queued
        if full:
            return found, NOW
    if _ranges(steps, row.key):
        return found, NOW
    row.time, row.key = now, b""
    return found, pause


def _ranges(steps: Sequence[bytes], cursor: bytes) -> list[tuple[bytes, bytes]]:
    """Keys of each step from ``cursor`` on: from, up to."""
    bounds = [(step, past(step) if step.endswith(b"/") else step + b"\0") for step in steps]
    return [(max(low, cursor), high) for low, high in bounds if high > cursor]


def _mark(steps: Sequence[bytes]) -> int:
    digest = blake2b(b"\0".join(steps), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def _filter(query: "Query") -> tuple[Any, ...]:
    tags = orjson.dumps(dict(query.tags or {})).decode()
    return query.prefix, query.size_min, query.size_max, tags, list(query.skip_classes)

"""Forecast: what rules would do now and in the next days, before anybody enables them. Nothing is changed.

Each action of a rule is counted by itself: what several rules are about is counted under each. What they do together is
what ``totals`` tells, and which of them would act on a certain key ``explain``.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from objstore.lifecycle.plan import Plan
from objstore.lifecycle.walk import RETURNED_SUFFIX, Walk, walks_of
from objstore.meta.database import Database
from objstore.meta.forecast import Count, Forecast, Sweep, TooSlow, forecast
from objstore.meta.forecast_statements import ROWS_MAX
from objstore.meta.groups import space_of, steps_that_go
from objstore.meta.pins import Pins, pinned_ranges
from objstore.meta.walks import Source
from objstore.model import clock
from objstore.model.extended_rules import ExtendedRule
from objstore.model.tiers import HOT, tier_of

SECONDS_MAX = 100.0
AT_ONCE = 2
_GROUPS = (Source.FULL, Source.NONCURRENT_FULL, Source.STEPS)
_ELSEWHERE = (Source.BELOW, *_GROUPS)
_NONCURRENT = (Source.NONCURRENT, Source.NONCURRENT_ACCESSED, Source.NONCURRENT_FULL)
_OLD = (Source.NONCURRENT, Source.MARKER)  # what a bucket that never had versioning does not have


@dataclass(frozen=True, slots=True)
class Action:
    """What a rule does: ``delete``, ``mark`` (a delete marker), ``transition``, ``abort`` (an upload).

    ``of``: ``current``, ``noncurrent``, ``marker``, ``upload``. ``storage_class``, ``tier``: where a transition leads.
    """

    rule: str
    action: str
    of: str
    storage_class: str = ""
    tier: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """What came of an action's count; ``error`` says why there is none."""

    action: Action
    forecast: Forecast
    error: str = ""


async def expect(
    database: Database, bucket_id: int, plan: Plan, now: datetime, days: int, rows_max: int = ROWS_MAX
) -> list[Expected]:
    """What every action of a plan would find, in the order of the rules. At most ``SECONDS_MAX``, then errors."""
    counts = _Counts(database, bucket_id, now, days, rows_max)
    pins = pinned_ranges(await Pins(database).list([bucket_id]))

    def held(action: Action, sweep: Sweep) -> Sweep:
        if action.action == "delete" and action.of == "noncurrent":
            return replace(sweep, locks=True)
        return replace(sweep, pins=pins) if action.tier not in ("", HOT) else sweep

    waiting = [counts.of(action, held(action, sweep)) for action, sweep in sweeps_of(plan)]
    groups = [
        counts.of_group(rule, [(action, held(action, sweep)) for action, sweep in sweeps])
        for rule, sweeps in _groups_of(plan)
    ]
    single, several = await asyncio.gather(asyncio.gather(*waiting), asyncio.gather(*groups))
    return [*single, *(one for found in several for one in found)]


def sweeps_of(plan: Plan) -> Iterator[tuple[Action, Sweep]]:
    """One sweep an action; rules on a tier or a prefix as a whole have none here."""
    walks = walks_of(replace(plan, tierings=()))
    extended = {rule.id: rule for rule in plan.extended}
    seen: set[tuple[str, bool]] = set()
    for (rule_id, name), walk in walks.items():
        if not rule_id or walk.source in _ELSEWHERE or (walk.source in _OLD and plan.versioning is None):
            continue
        if name.endswith(RETURNED_SUFFIX):  # the same action once more
            continue
        if not name.startswith("extended-"):
            below = walks.get((rule_id, f"{name}+newer"))
            yield _action(plan, walk), replace(_sweep(walk), newer=below.newer if below else 0)
        elif (rule_id, walk.source in _NONCURRENT) not in seen:  # by age and by access it may have two walks
            seen.add((rule_id, walk.source in _NONCURRENT))
            yield _action(plan, walk), _of_extended(extended[rule_id], walk)


def _groups_of(plan: Plan) -> Iterator[tuple[ExtendedRule, list[tuple[Action, Sweep]]]]:
    """Rules on a tier or a prefix as a whole; each with sweeps over what its other conditions hold for."""
    walks = [walk for walk in walks_of(plan).values() if walk.source in _GROUPS]
    sources = {Source.FULL: Source.ACCESSED, Source.NONCURRENT_FULL: Source.NONCURRENT_ACCESSED}
    for rule in plan.extended:
        sweeps = [
            (_action(plan, walk), replace(_sweep(walk), source=sources.get(walk.source, Source.CURRENT)))
            for walk in walks
            if walk.rule == rule.id
        ]
        if sweeps:
            yield rule, [(action, replace(sweep, **_conditions(rule))) for action, sweep in sweeps]


class _Counts:
    def __init__(self, database: Database, bucket_id: int, now: datetime, days: int, rows_max: int) -> None:
        self._database, self._bucket_id, self._now, self._days = database, bucket_id, now, days
        self._rows_max, self._until = rows_max, clock.monotonic_seconds() + SECONDS_MAX
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def of(self, action: Action, sweep: Sweep) -> Expected:
        """Count one action, ``AT_ONCE`` at a time."""
        async with self._turns:
            return await self._count(action, sweep)

    async def _count(self, action: Action, sweep: Sweep) -> Expected:
        nothing = Forecast(False, [Count()] * (self._days + 1), [])
        if clock.monotonic_seconds() > self._until:
            return Expected(action, nothing, f"not counted: the rules before it took {SECONDS_MAX:g} s")
        try:
            found = await forecast(self._database, self._bucket_id, sweep, self._now, self._days, self._rows_max)
        except TooSlow as error:
            return Expected(action, nothing, f"not counted: {error}")
        return Expected(action, found)

    async def of_group(self, rule: ExtendedRule, sweeps: Sequence[tuple[Action, Sweep]]) -> list[Expected]:
        """Count a rule on a prefix or a tier as a whole, as that is now."""
        if rule.keep_last is not None:
            prefix = rule.filter.prefix.encode()
            steps = await steps_that_go(self._database, self._bucket_id, prefix, rule.keep_last)
            sweeps = [(action, replace(sweep, steps=steps)) for action, sweep in sweeps]
        found = [await self.of(action, sweep) for action, sweep in sweeps]
        if rule.tier_full is None:
            return found
        space = await space_of(self._database, rule.tier_full.tier)
        wanted, there = space.excess(rule.tier_full), sum(one.forecast.by_day[0].bytes for one in found)
        part = min(1.0, wanted / there) if there else 0.0
        return [one if one.error else replace(one, forecast=_coldest(one.forecast, part)) for one in found]


def _coldest(found: Forecast, part: float) -> Forecast:
    """As much of what is there as has to leave; how many objects, and which kind of versions, can only be guessed."""
    now, rest = found.by_day[0], [Count()] * (len(found.by_day) - 1)
    if part >= 1 or not now.bytes:
        return replace(found, by_day=[now, *rest])
    some = Count(round(now.objects * part), round(now.bytes * part))
    return Forecast(False, [some, *rest], found.samples if part else [])


def _sweep(walk: Walk) -> Sweep:
    filter_ = walk.filter
    return Sweep(
        walk.source,
        filter_.prefix.encode(),
        *walk.sizes,
        dict(filter_.tags),
        walk.skip_classes,
        walk.count,
        walk.hours,
        walk.date,
        markers=walk.action == "noncurrent-expire" and not filter_.has_size and not filter_.tags,
    )


def _of_extended(rule: ExtendedRule, walk: Walk) -> Sweep:
    """All conditions at once. Only by access, the engine looks at the hot tier alone."""
    by_age = rule.days is not None or rule.hours is not None or rule.last_access_days is None
    places = (Source.CURRENT, Source.ACCESSED)
    if walk.source in _NONCURRENT:
        places = (Source.NONCURRENT, Source.NONCURRENT_ACCESSED)
    source = places[not by_age]
    return replace(_sweep(walk), source=source, **_conditions(rule))


def _conditions(rule: ExtendedRule) -> dict[str, Any]:
    return {
        "days": rule.days,
        "hours": rule.hours,
        "idle_days": rule.last_access_days,
        "heat_below": rule.access_count_less_than,
    }


def _action(plan: Plan, walk: Walk) -> Action:
    name = walk.action.partition("/")[0].removeprefix("extended-").removeprefix("noncurrent-")
    verb, _, target = name.partition(":")
    if walk.source is Source.UPLOAD:
        return Action(walk.rule, "abort", "upload")
    if target:
        of = "noncurrent" if walk.source in _NONCURRENT else "current"
        return Action(walk.rule, "transition", of, target, tier_of(target))
    if verb == "marker":
        return Action(walk.rule, "delete", "marker")
    if walk.source is Source.NONCURRENT:
        return Action(walk.rule, "delete", "noncurrent")
    return Action(walk.rule, "mark" if plan.versioning else "delete", "current")

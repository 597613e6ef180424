"""Forecast: what rules would do now and in the next days, before anybody enables them. Nothing is changed.

Each action of a rule is counted by itself: what several rules are about is counted under each. Which of them would act
on a certain key is what ``explain`` tells.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from objstore.lifecycle.plan import Plan
from objstore.lifecycle.walk import Walk, walks_of
from objstore.meta.database import Database
from objstore.meta.drives import Drives
from objstore.meta.forecast import ROWS_MAX, Count, Forecast, Sweep, TooSlow, forecast, steps_of
from objstore.meta.walks import ANY_SIZE, Source
from objstore.model import clock
from objstore.model.extended_rules import ExtendedRule, bytes_to_demote, steps_to_demote
from objstore.model.tiers import HOT, tier_of

SECONDS_MAX = 100.0
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
    found = [await counts.of(action, sweep) for action, sweep in sweeps_of(plan)]
    return found + [await counts.of_group(plan, rule) for rule in plan.extended if rule.needs_engine]


def sweeps_of(plan: Plan) -> Iterator[tuple[Action, Sweep]]:
    """One sweep an action; rules on a bucket as a whole have none here."""
    walks = walks_of(replace(plan, tierings=()))
    extended = {rule.id: rule for rule in plan.extended}
    seen: set[tuple[str, str]] = set()
    for (rule_id, name), walk in walks.items():
        if not rule_id or walk.source is Source.BELOW or (walk.source in _OLD and plan.versioning is None):
            continue
        action = _action(plan, walk)
        if name.startswith("extended-"):
            if (rule_id, "extended") not in seen:
                seen.add((rule_id, "extended"))
                yield action, _of_extended(extended[rule_id], walk)
            continue
        below = walks.get((rule_id, f"{name}+newer"))
        yield action, replace(_sweep(walk), newer=below.newer if below else 0)


class _Counts:
    def __init__(self, database: Database, bucket_id: int, now: datetime, days: int, rows_max: int) -> None:
        self._database, self._bucket_id, self._now, self._days = database, bucket_id, now, days
        self._rows_max, self._until = rows_max, clock.monotonic_seconds() + SECONDS_MAX

    async def of(self, action: Action, sweep: Sweep) -> Expected:
        """Count one action."""
        nothing = Forecast(False, [Count()] * (self._days + 1), [])
        if clock.monotonic_seconds() > self._until:
            return Expected(action, nothing, f"not counted: the rules before it took {SECONDS_MAX:g} s")
        try:
            found = await forecast(self._database, self._bucket_id, sweep, self._now, self._days, self._rows_max)
        except TooSlow as error:
            return Expected(action, nothing, f"not counted: {error}")
        return Expected(action, found)

    async def of_group(self, plan: Plan, rule: ExtendedRule) -> Expected:
        """Count a rule whose condition is about a prefix or a tier as a whole, as that is now."""
        action = _action_of(plan, rule)
        sweep = _of_group(rule)
        if rule.keep_last is not None:
            try:
                steps = await steps_of(self._database, self._bucket_id, rule.filter.prefix.encode())
            except TooSlow as error:
                return Expected(action, Forecast(False, [Count()] * (self._days + 1), []), f"not counted: {error}")
            names = [step.decode("utf-8", "surrogateescape") for step in steps]
            demoted = steps_to_demote(names, rule.keep_last)
            sweep = replace(sweep, steps=[step.encode("utf-8", "surrogateescape") for step in demoted])
        found = await self.of(action, sweep)
        if rule.tier_full is None or found.error:
            return found
        drives = [drive for drive in await Drives(self._database).list() if drive.tier == rule.tier_full.tier]
        capacity = sum(drive.capacity_bytes for drive in drives)
        used = capacity - sum(drive.free_bytes for drive in drives)
        wanted = bytes_to_demote(used, capacity, rule.tier_full)
        return replace(found, forecast=_coldest(found.forecast, wanted))


def _coldest(found: Forecast, wanted: int) -> Forecast:
    """As much of what is there as has to leave; how many objects that is can only be guessed."""
    now, rest = found.by_day[0], [Count()] * (len(found.by_day) - 1)
    if now.bytes <= wanted:
        return replace(found, by_day=[now, *rest])
    return Forecast(
        False, [Count(round(now.objects * wanted / now.bytes), wanted), *rest], found.samples if wanted else []
    )


def _sweep(walk: Walk) -> Sweep:
    filter_ = walk.filter
    return Sweep(
        walk.source,
        filter_.prefix.encode(),
        max(walk.size_min, 0 if filter_.larger_than is None else filter_.larger_than + 1),
        ANY_SIZE if filter_.smaller_than is None else filter_.smaller_than - 1,
        dict(filter_.tags),
        walk.skip_classes,
        walk.count,
        walk.hours,
        walk.date,
        markers=walk.action == "noncurrent-expire" and not filter_.has_size and not filter_.tags,
    )


def _of_extended(rule: ExtendedRule, walk: Walk) -> Sweep:
    """All conditions at once. Only by access, the engine looks at the hot tier alone."""
    by_age = rule.days is not None or rule.hours is not None
    source = Source.CURRENT if by_age or rule.last_access_days is None else Source.ACCESSED
    return replace(_sweep(walk), source=source, **_conditions(rule))


def _of_group(rule: ExtendedRule) -> Sweep:
    (walk,) = _walks_without_group(rule)
    only_hot = rule.tier_full is not None and rule.tier_full.tier == HOT
    return replace(_sweep(walk), source=Source.ACCESSED if only_hot else Source.CURRENT, **_conditions(rule))


def _walks_without_group(rule: ExtendedRule) -> Sequence[Walk]:
    """The walk that the rule would have if it asked for nothing but to be an hour old."""
    alone = replace(rule, tier_full=None, keep_last=None, days=None, last_access_days=None, hours=1)
    return [walk for walk in walks_of(Plan(extended=(alone,))).values() if walk.rule]


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
        of = "noncurrent" if walk.source is Source.NONCURRENT else "current"
        return Action(walk.rule, "transition", of, target, tier_of(target))
    if verb == "marker":
        return Action(walk.rule, "delete", "marker")
    if walk.source is Source.NONCURRENT:
        return Action(walk.rule, "delete", "noncurrent")
    return Action(walk.rule, "mark" if plan.versioning else "delete", "current")


def _action_of(plan: Plan, rule: ExtendedRule) -> Action:
    (walk,) = _walks_without_group(rule)
    return _action(plan, walk)

"""The evaluator: what is to be done with one version, by all rules of its bucket. Pure; every worker asks it again
before it acts, so that what a walk found may have become stale.

Where rules conflict, it is as AWS documents: a permanent deletion goes before a transition, a transition before a
delete marker; of several transitions the cheapest class wins (model/waterfall.py); of several expirations the earliest.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html

One answer is one step: whoever has acted asks again, until the answer is None.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime

from objstore.lifecycle import actions
from objstore.lifecycle.facts import Decision, Kind, VersionFacts
from objstore.lifecycle.plan import Plan
from objstore.model import days
from objstore.model.lifecycle import Rule
from objstore.model.tiering import STORAGE_CLASS
from objstore.model.waterfall import may_follow, preference

NOBODY: Collection[str] = ()


def decide(plan: Plan, facts: VersionFacts, now: datetime, chosen: Collection[str] = NOBODY) -> Decision | None:
    """What is due now. ``chosen``: ids of extended rules whose condition on the whole bucket holds for the version."""
    return _choose(facts, [found for found in _actions(plan, facts, chosen) if found.due <= now])


def next_due(
    plan: Plan, facts: VersionFacts, chosen: Collection[str] = NOBODY, since: datetime = days.EPOCH
) -> tuple[datetime, Decision] | None:
    """The first moment at which something is due, perhaps in the past, and what; None if nothing ever will be.

    ``since``: what was due before is due then.
    """
    found = list(_actions(plan, facts, chosen))
    for moment in sorted({max(action.due, since) for action in found} - {days.FAR}):
        decision = _choose(facts, [action for action in found if action.due <= moment])
        if decision is not None:
            return moment, decision
    return None


def expiring(plan: Plan, facts: VersionFacts) -> datetime | None:
    """When rules delete the version, or put a delete marker over it; None if none ever does, as far as is known now."""
    found = [
        max(one.due, facts.locked_until or one.due) if one.kind is Kind.DELETE else one.due
        for one in _by_rules(plan, facts, NOBODY)
        if one.kind in (Kind.DELETE, Kind.MARK)
    ]
    return min((due for due in found if due != days.FAR), default=None)


def upload_due(plan: Plan, key: bytes, created: datetime) -> tuple[datetime, str] | None:
    """When an upload that was begun at ``created`` is to be aborted if it is still open, and by which rule."""
    due = [(days.due_after(created, age), rule.id) for age, rule in aborting(plan, key)]
    return min(due, default=None)


def aborting(plan: Plan, key: bytes) -> Iterator[tuple[int, Rule]]:
    """Rules that abort uploads of a key, each with its number of days."""
    for rule in plan.rules:
        if rule.abort_days is not None and rule.filter.matches_name(key):
            yield rule.abort_days, rule


def _actions(plan: Plan, facts: VersionFacts, chosen: Collection[str]) -> Iterator[Decision]:
    """Every action that any rule will ever take on the version, with its time: what is pinned is not demoted before."""
    pinned = facts.pinned_until
    for action in _by_rules(plan, facts, chosen):
        if pinned is None or pinned <= action.due or not action.leaves_hot:
            yield action
        else:
            yield replace(action, due=pinned)


def _by_rules(plan: Plan, facts: VersionFacts, chosen: Collection[str]) -> Iterator[Decision]:
    if facts.is_marker:
        yield from actions.of_marker(plan, facts)
    elif facts.is_latest:
        yield from actions.of_current(plan, facts)
        yield from actions.of_extended(plan, facts, chosen)
        yield from actions.of_access(plan, facts)
    else:
        yield from actions.of_noncurrent(plan, facts)
        yield from actions.of_extended(plan, facts, chosen)
        yield from actions.of_access(plan, facts)


def _choose(facts: VersionFacts, due: list[Decision]) -> Decision | None:
    """What goes first of all that is due."""
    if not due:
        return None
    return (
        _earliest([action for action in due if action.kind is Kind.DELETE])
        or _cheapest(facts.storage_class, [action for action in due if action.kind is Kind.TRANSITION])
        or _earliest([action for action in due if action.kind is Kind.MARK])
        or _placement(facts, [action for action in due if action.kind is Kind.PLACE])
    )


def _earliest(found: list[Decision]) -> Decision | None:
    return min(found, key=lambda action: action.due, default=None)


def _cheapest(storage_class: str, found: list[Decision]) -> Decision | None:
    """Of each rule its furthest hop; of these the cheapest class, unless the object is of that class already.

    The furthest of a rule comes first, so that a rule with several hops leads to where it would have led in time.
    """
    if not found:
        return None
    furthest: dict[str, Decision] = {}
    for action in found:
        known = furthest.get(action.rule_id)
        if known is None or may_follow(known.storage_class, action.storage_class):
            furthest[action.rule_id] = action
    open_ = [
        action
        for action in furthest.values()
        if action.storage_class == storage_class or may_follow(storage_class, action.storage_class)
    ]
    best = max(open_, key=lambda action: (preference(action.storage_class), -action.due.timestamp()), default=None)
    return None if best is None or best.storage_class == storage_class else best


def _placement(facts: VersionFacts, found: list[Decision]) -> Decision | None:
    """Where an Intelligent-Tiering object belongs by its last access, unless it is there."""
    if facts.storage_class != STORAGE_CLASS or not found:
        return None
    wanted = max(found, key=lambda action: action.due)
    return None if actions.is_placed(facts, wanted) else wanted

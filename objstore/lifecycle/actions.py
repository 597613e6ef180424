"""Which actions rules take on a version, and when: of each kind of version and each kind of rule."""

from collections.abc import Collection, Iterator
from datetime import datetime

from objstore.lifecycle.facts import Decision, Kind, VersionFacts
from objstore.lifecycle.plan import Plan
from objstore.model import days
from objstore.model.extended_rules import ExtendedRule
from objstore.model.heat import days_until_below
from objstore.model.lifecycle import MINIMUM_VARIES, Expiration, Rule, Transition, transition_bytes_min
from objstore.model.storage_class import DEEP_ARCHIVE_ACCESS, class_in
from objstore.model.tiering import FREQUENT, INFREQUENT, STORAGE_CLASS, infrequent_days, is_monitored
from objstore.model.tiers import is_archived, tier_of

_INFREQUENT_CLASS = "STANDARD_IA"  # on whose tier Intelligent-Tiering objects lie that are not accessed


def of_current(plan: Plan, facts: VersionFacts) -> Iterator[Decision]:
    """AWS's rules on the current version of a key."""
    for rule in plan.rules:
        if not rule.filter.matches(facts.key, facts.size, facts.tags):
            continue
        due = None if rule.expiration is None else _when(rule.expiration, facts.modified)
        if due is not None:
            yield Decision(_expire(plan), rule.id, due)
        for transition in rule.transitions:
            due = _when(transition, facts.modified)
            if due is not None and _is_large_enough(plan, rule, facts.size, transition.storage_class):
                yield Decision(Kind.TRANSITION, rule.id, due, transition.storage_class)


def of_noncurrent(plan: Plan, facts: VersionFacts) -> Iterator[Decision]:
    """AWS's rules on a version that is not the latest."""
    since = facts.noncurrent_since
    if since is None:
        return
    for rule in plan.rules:
        if not rule.filter.matches(facts.key, facts.size, facts.tags):
            continue
        expiration = rule.noncurrent_expiration
        if expiration is not None and facts.newer_noncurrent >= expiration.newer:
            yield Decision(Kind.DELETE, rule.id, days.due_after(since, expiration.days))
        for transition in rule.noncurrent_transitions:
            target = transition.storage_class
            if facts.newer_noncurrent >= transition.newer and _is_large_enough(plan, rule, facts.size, target):
                yield Decision(Kind.TRANSITION, rule.id, days.due_after(since, transition.days), target)


def of_marker(plan: Plan, facts: VersionFacts) -> Iterator[Decision]:
    """AWS's rules on a delete marker: it goes when it is the only version, or as any noncurrent version.

    A marker has neither size nor tags: rules that ask for them are not about markers.
    """
    for rule in plan.rules:
        if not rule.filter.matches_name(facts.key):
            continue
        noncurrent, expiration = rule.noncurrent_expiration, rule.expiration
        if not facts.is_latest:
            if noncurrent and facts.noncurrent_since and facts.newer_noncurrent >= noncurrent.newer:
                yield Decision(Kind.DELETE, rule.id, days.due_after(facts.noncurrent_since, noncurrent.days))
        elif facts.is_only_marker and expiration is not None:
            due = facts.modified if expiration.marker else _when(expiration, facts.modified)
            if due is not None:
                yield Decision(Kind.DELETE, rule.id, due)


def of_extended(plan: Plan, facts: VersionFacts, chosen: Collection[str]) -> Iterator[Decision]:
    """Our own rules, on a version that is no marker: due when the last of their conditions is."""
    since = facts.modified if facts.is_latest else facts.noncurrent_since or facts.modified
    for rule in plan.extended:
        if (rule.needs_engine and rule.id not in chosen) or not rule.is_about(noncurrent=not facts.is_latest):
            continue
        if rule.filter.matches(facts.key, facts.size, facts.tags):
            due = max((since, *_conditions(rule, facts, since)))
            kind = _expire(plan) if rule.expire else Kind.TRANSITION
            yield Decision(kind, rule.id, due, rule.storage_class or "")


def of_access(plan: Plan, facts: VersionFacts) -> Iterator[Decision]:
    """Where Intelligent-Tiering wants an object, by days without an access: hot from the day of the last one on."""
    if not is_monitored(facts.storage_class, facts.size):
        return
    last = last_use(facts)
    yield _place("", max(facts.modified, days.start_of(last)), tier_of(STORAGE_CLASS), FREQUENT)
    yield _place("", days.idle_since(last, infrequent_days()), tier_of(_INFREQUENT_CLASS), INFREQUENT)
    for tiering in plan.tierings:
        if tiering.filter.matches(facts.key, facts.size, facts.tags):
            for access_tier, count in tiering.archive_days.items():
                yield _place(tiering.id, days.idle_since(last, count), tier_of(class_in(access_tier)), access_tier)


def is_placed(facts: VersionFacts, wanted: Decision) -> bool:
    """Whether a version is where a PLACE would have it, or in an archive from which only a use brings it back."""
    if wanted.access_tier == FREQUENT:
        return facts.tier == wanted.tier and facts.access_tier is None
    if wanted.access_tier == INFREQUENT:
        return facts.tier == wanted.tier or facts.access_tier is not None
    return facts.access_tier in (wanted.access_tier, DEEP_ARCHIVE_ACCESS)


def last_use(facts: VersionFacts) -> int:
    """The day of the last access; writing counts as one."""
    return max(facts.accessed, days.day_of(facts.modified))


def _place(rule_id: str, due: datetime, tier: str, access_tier: str) -> Decision:
    return Decision(Kind.PLACE, rule_id, due, tier=tier, access_tier=access_tier)


def _conditions(rule: ExtendedRule, facts: VersionFacts, since: datetime) -> Iterator[datetime]:
    """When each of a rule's conditions begins to hold, if nothing happens meanwhile; ages begin ``since``."""
    if rule.days is not None:
        yield days.due_after(since, rule.days)
    if rule.hours is not None:
        yield days.later(since, days.hours(rule.hours))
    if rule.last_access_days is not None:
        yield days.idle_since(last_use(facts), rule.last_access_days)
    if rule.access_count_less_than is not None and facts.heat >= rule.access_count_less_than:
        yield days.start_of(facts.accessed + days_until_below(facts.heat, rule.access_count_less_than))


def _when(action: Expiration | Transition, modified: datetime) -> datetime | None:
    """When an action by age or by date is due. A date that has passed is due for what was written later at once."""
    if action.days is not None:
        return days.due_after(modified, action.days)
    return None if action.date is None else max(action.date, modified)


def _expire(plan: Plan) -> Kind:
    return Kind.MARK if plan.versioning else Kind.DELETE


def _is_large_enough(plan: Plan, rule: Rule, size: int, target: str) -> bool:
    """AWS's minimum for transitions; a rule that asks for a size of its own has none."""
    if rule.filter.has_size or size >= transition_bytes_min():
        return True
    return plan.minimum == MINIMUM_VARIES and is_archived(target)

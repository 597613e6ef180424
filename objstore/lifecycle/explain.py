"""Explain: for one version and every rule of its bucket, what it will do, when, and why not yet or why not at all.

state       the action
due         is due now, and goes before everything else
waiting     will be due later
overruled   is due, or will be, but another action goes before it then
done        would lead to where the version is already, or back up
pinned      is not done while the version's prefix is pinned to the hot tier
locked      is not done while Object Lock keeps the version
group       depends on the prefix or the tier as a whole; the rest of its conditions holds from ``due`` on
disabled    its rule is not enabled; otherwise it would be as ``why`` says
unmatched   is not about this version
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from objstore.lifecycle import actions
from objstore.lifecycle.evaluate import decide
from objstore.lifecycle.facts import Decision, Kind, VersionFacts
from objstore.lifecycle.plan import Plan
from objstore.model import days
from objstore.model.extended_rules import ExtendedRule
from objstore.model.lifecycle import Filter, Rule, transition_bytes_min
from objstore.model.waterfall import may_follow

_NAMES = {Kind.DELETE: "delete", Kind.MARK: "mark", Kind.TRANSITION: "transition", Kind.PLACE: "place"}


@dataclass(frozen=True, slots=True)
class Explained:
    """One action of a rule on the version; ``action`` is empty where the rule has none for it.

    ``by``: ``lifecycle``, ``extended``, or ``intelligent-tiering``. ``due``: None if never. ``overruled_by``: whose
    action goes before it.
    """

    rule: str
    by: str
    state: str
    why: str
    action: str = ""
    storage_class: str = ""
    tier: str = ""
    access_tier: str = ""
    due: datetime | None = None
    overruled_by: str = ""


def explain(
    plan: Plan, rules: Sequence[Rule], extended: Sequence[ExtendedRule], facts: VersionFacts, now: datetime
) -> list[Explained]:
    """Every rule, enabled (as in ``plan``) or not, in the order of the configuration."""
    found = [one for rule in rules for one in _of_rule(plan, rule, facts, now)]
    found += [one for rule in extended for one in _of_extended(plan, rule, facts, now)]
    tiering = [_judge(plan, action, facts, now, "intelligent-tiering", False) for action in _placements(plan, facts)]
    return found + tiering


def _of_rule(plan: Plan, rule: Rule, facts: VersionFacts, now: datetime) -> Iterator[Explained]:
    alone = replace(plan, rules=(rule,), extended=(), tierings=())
    if facts.is_marker:
        own = list(actions.of_marker(alone, facts))
    elif facts.is_latest:
        own = list(actions.of_current(alone, facts))
    else:
        own = list(actions.of_noncurrent(alone, facts))
    if not own:
        why = _mismatch(rule.filter, facts) or _no_action(rule, facts)
        yield Explained(rule.id, "lifecycle", "unmatched", why)
    for action in own:
        yield _disabled(rule.enabled, _judge(plan, action, facts, now, "lifecycle", not rule.enabled))


def _of_extended(plan: Plan, rule: ExtendedRule, facts: VersionFacts, now: datetime) -> Iterator[Explained]:
    alone = replace(plan, rules=(), extended=(rule,), tierings=())
    if facts.is_marker or not rule.is_about(noncurrent=not facts.is_latest):
        whose = "noncurrent" if not rule.is_about(noncurrent=False) else "current"
        about = "versions that are no delete markers" if facts.is_marker else f"{whose} versions"
        yield Explained(rule.id, "extended", "unmatched", f"the rule is about {about}")
        return
    own = list(actions.of_extended(alone, facts, (rule.id,)))
    if not own:
        yield Explained(rule.id, "extended", "unmatched", _mismatch(rule.filter, facts))
    for action in own:
        judged = _judge(plan, action, facts, now, "extended", not rule.enabled, rule.needs_engine)
        yield _disabled(rule.enabled, judged)


def _placements(plan: Plan, facts: VersionFacts) -> list[Decision]:
    """The next move of an Intelligent-Tiering object by its last access."""
    if facts.is_marker:
        return []
    wanted = [one for one in actions.of_access(plan, facts) if not actions.is_placed(facts, one)]
    return wanted[-1:]


def _judge(
    plan: Plan, action: Decision, facts: VersionFacts, now: datetime, by: str, alone: bool, group: bool = False
) -> Explained:
    """What becomes of one action at the moment it is due. ``alone``: its rule is not in the plan."""
    told = Explained(
        action.rule_id,
        by,
        "waiting",
        "",
        _NAMES[action.kind],
        action.storage_class,
        action.tier,
        action.access_tier,
        _date(action.due),
    )
    if action.due >= days.FAR:
        return replace(told, why="its time is beyond the calendar")
    if action.kind is Kind.TRANSITION and not may_follow(facts.storage_class, action.storage_class):
        return replace(told, state="done", why=f"it is of class {facts.storage_class}: no way leads from there to this")
    if group:
        return replace(told, state="group", why="also depends on the prefix or the tier as a whole")
    pinned = facts.pinned_until
    if pinned is not None and pinned > max(now, action.due) and action.leaves_hot:
        return replace(told, state="pinned", why=f"its prefix is pinned to the hot tier until {_text(pinned)}")
    locked = facts.locked_until
    if locked is not None and locked > max(now, action.due) and action.kind is Kind.DELETE:
        how = "a legal hold" if locked >= days.FAR else f"Object Lock, until {_text(locked)},"
        return replace(told, state="locked", why=f"{how} keeps the version")
    if not alone:
        first = decide(plan, facts, max(now, action.due))
        if first is not None and not _is_same(first, action):
            return replace(told, state="overruled", why=_reason(action, first), overruled_by=first.rule_id or by)
    if action.due <= now:
        return replace(told, state="due", why=f"since {_text(action.due)}; waits for the engine")
    return replace(told, why=f"not before {_text(action.due)}; {_age(facts, now)}")


def _is_same(one: Decision, other: Decision) -> bool:
    return (one.kind, one.rule_id, one.storage_class, one.tier) == (
        other.kind,
        other.rule_id,
        other.storage_class,
        other.tier,
    )


def _reason(action: Decision, first: Decision) -> str:
    """Why one action goes before another."""
    whose = f"rule {first.rule_id!r}" if first.rule_id else "Intelligent-Tiering"
    if first.kind is Kind.DELETE:
        return f"{whose} deletes the version for good by then: that goes before everything"
    if first.kind is Kind.TRANSITION and action.kind is Kind.MARK:
        return f"{whose} moves it to {first.storage_class}: a transition goes before a delete marker"
    if first.kind is Kind.TRANSITION:
        return f"{whose} moves it to {first.storage_class}, which goes before {action.storage_class or action.tier}"
    return f"{whose} does it before"


def _disabled(enabled: bool, told: Explained) -> Explained:
    if enabled or told.state == "done":
        return told
    return replace(told, state="disabled", why=f"the rule is disabled; if it were enabled: {told.why}")


def _mismatch(filter_: Filter, facts: VersionFacts) -> str:
    """Which parts of a filter do not hold; empty if all do."""
    wrong = []
    if not facts.key.startswith(filter_.prefix.encode()):
        wrong.append(f"the key does not begin with {filter_.prefix!r}")
    if facts.is_marker and (filter_.has_size or filter_.tags):
        wrong.append("a delete marker has neither size nor tags, and the filter asks for them")
        return "; ".join(wrong)
    if filter_.larger_than is not None and facts.size <= filter_.larger_than:
        wrong.append(f"its {facts.size} bytes are not more than {filter_.larger_than}")
    if filter_.smaller_than is not None and facts.size >= filter_.smaller_than:
        wrong.append(f"its {facts.size} bytes are not less than {filter_.smaller_than}")
    for name, value in filter_.tags:
        has = (facts.tags or {}).get(name)
        if has != value:
            wrong.append(f"the tag {name!r} is {'missing' if has is None else repr(has)}, not {value!r}")
    return "; ".join(wrong)


def _no_action(rule: Rule, facts: VersionFacts) -> str:
    """Why a rule whose filter holds has no action for this kind of version."""
    if facts.is_marker and facts.is_latest:
        if rule.expiration is None:
            return "it is a delete marker, and the rule expires none"
        return "it is a delete marker, and not the only version of its key"
    small = f"its {facts.size} bytes are less than {transition_bytes_min()}, and transitions leave small ones alone"
    if facts.is_latest:
        if not rule.transitions:
            return "it is the current version, and the rule is about others, or about uploads"
        return small
    newer = [transition.newer for transition in rule.noncurrent_transitions if not facts.is_marker]
    if rule.noncurrent_expiration is not None:
        newer.append(rule.noncurrent_expiration.newer)
    if not newer:
        return "it is not the current version, and the rule is about that, or about uploads"
    if facts.newer_noncurrent < min(newer):
        return f"{facts.newer_noncurrent} noncurrent versions are newer, and the rule keeps {min(newer)}"
    return small


def _age(facts: VersionFacts, now: datetime) -> str:
    since = facts.noncurrent_since or facts.modified
    what = "noncurrent for" if facts.noncurrent_since else "it is"
    suffix = "" if facts.noncurrent_since else " old"
    return f"{what} {(now - since) / days.days(1):.2f} days{suffix}, last used on {_text(_last_use(facts))}"


def _last_use(facts: VersionFacts) -> datetime:
    return max(days.start_of(actions.last_use(facts)), facts.modified)


def _date(moment: datetime) -> datetime | None:
    return None if moment >= days.FAR else moment


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")

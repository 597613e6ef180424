"""A second evaluator, slow and plain: it looks at one midnight after the other and knows no due times.

It shares no code with the real one: what may follow what, and who wins, stand here once more as tables.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from objstore.lifecycle.facts import VersionFacts
from objstore.lifecycle.plan import Plan
from objstore.model.lifecycle import Filter, Rule

DAY = timedelta(days=1)
CHEAPEST_FIRST = ["DEEP_ARCHIVE", "GLACIER", "INTELLIGENT_TIERING", "GLACIER_IR", "ONEZONE_IA", "STANDARD_IA"]
#           to:  IA   INT  ONE  GIR  GLA  DEEP
ALLOWED = {
    "STANDARD": "yes  yes  yes  yes  yes  yes",
    "STANDARD_IA": "no   yes  yes  yes  yes  yes",
    "INTELLIGENT_TIERING": "no   no   yes  yes  yes  yes",
    "ONEZONE_IA": "no   no   no   no   yes  yes",
    "GLACIER_IR": "no   no   no   no   yes  yes",
    "GLACIER": "no   no   no   no   no   yes",
    "DEEP_ARCHIVE": "no   no   no   no   no   no",
}
COLUMNS = ["STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"]
Verdict = tuple[str, str]  # what, and to which class or tier


def may_go(old: str, new: str) -> bool:
    return ALLOWED[old].split()[COLUMNS.index(new)] == "yes"


def midnights(first: datetime, last: datetime) -> Iterator[datetime]:
    """Every midnight from the first moment to the last."""
    moment = datetime(first.year, first.month, first.day, tzinfo=UTC)
    while moment <= last:
        if moment >= first:
            yield moment
        moment += DAY


def has_age(since: datetime, now: datetime, count: int) -> bool:
    """Whether some midnight has come at which it was so old."""
    return any(midnight - since >= count * DAY for midnight in midnights(since, now))


def is_idle(facts: VersionFacts, now: datetime, count: int) -> bool:
    """Whether so many whole days have passed without a use of any kind."""
    used = {facts.accessed, (facts.modified - datetime(1970, 1, 1, tzinfo=UTC)).days}
    whole_days_since = (now - datetime(1970, 1, 1, tzinfo=UTC)).days - max(used) - 1
    return whole_days_since >= count


def is_meant(filter_: Filter, facts: VersionFacts) -> bool:
    for name, value in filter_.tags:
        if facts.is_marker or (facts.tags or {}).get(name) != value:
            return False
    if filter_.larger_than is not None and (facts.is_marker or facts.size <= filter_.larger_than):
        return False
    if filter_.smaller_than is not None and (facts.is_marker or facts.size >= filter_.smaller_than):
        return False
    return facts.key[: len(filter_.prefix)] == filter_.prefix.encode()


def judge(plan: Plan, facts: VersionFacts, now: datetime) -> Verdict | None:
    """What has to be done with the version at a moment."""
    if now < facts.modified:
        return None
    gone = deletes(plan, facts, now)
    expires = facts.is_latest and not facts.is_marker and wants_expiry(plan, facts, now)
    if gone or (expires and plan.versioning is None):
        return "delete", ""
    if not facts.is_marker:
        target = next((target for target in CHEAPEST_FIRST if target in targets(plan, facts, now)), None)
        if target is not None and target != facts.storage_class:
            return "transition", target
    if expires:
        return "mark", ""
    return None if facts.is_marker else placed(facts, now)


def deletes(plan: Plan, facts: VersionFacts, now: datetime) -> bool:
    """Whether a rule for versions that are not current, or for markers, removes it for good."""
    for rule in plan.rules:
        if not is_meant(rule.filter, facts):
            continue
        old = rule.noncurrent_expiration
        if not facts.is_latest:
            assert facts.noncurrent_since is not None
            if old and facts.newer_noncurrent >= old.newer and has_age(facts.noncurrent_since, now, old.days):
                return True
        elif facts.is_only_marker and rule.expiration:
            if rule.expiration.marker or (rule.expiration.date is not None and now >= rule.expiration.date):
                return True
            if rule.expiration.days is not None and has_age(facts.modified, now, rule.expiration.days):
                return True
    return False


def wants_expiry(plan: Plan, facts: VersionFacts, now: datetime) -> bool:
    for rule in plan.rules:
        expiration = rule.expiration
        if expiration is None or not is_meant(rule.filter, facts):
            continue
        if expiration.date is not None and now >= expiration.date:
            return True
        if expiration.days is not None and has_age(facts.modified, now, expiration.days):
            return True
    return any(
        rule.expire and is_meant(rule.filter, facts) and is_idle(facts, now, rule.last_access_days or 0)
        for rule in plan.extended
    )


def targets(plan: Plan, facts: VersionFacts, now: datetime) -> set[str]:
    """Of each rule the last class that it has come to by now, if the version may go there or is there."""
    found = set()
    for rule in plan.rules:
        if not is_meant(rule.filter, facts):
            continue
        passed = hops_passed(rule, facts, now)
        if rule.filter.larger_than is None and rule.filter.smaller_than is None and facts.size < 131072:
            archives = ("GLACIER", "DEEP_ARCHIVE") if plan.minimum.startswith("varies") else ()
            passed = [name for name in passed if name in archives]
        if passed:  # a rule's hops go down in time: the last one is the coldest
            found.add(max(passed, key=COLUMNS.index))
    for extended in plan.extended:
        about = ("All", "Current", None) if facts.is_latest else ("All", "Noncurrent")
        due = extended.versions in about and is_idle(facts, now, extended.last_access_days or 0)
        if due and extended.storage_class and is_meant(extended.filter, facts):
            found.add(extended.storage_class)
    return {name for name in found if name == facts.storage_class or may_go(facts.storage_class, name)}


def hops_passed(rule: Rule, facts: VersionFacts, now: datetime) -> list[str]:
    if facts.is_latest:
        return [
            hop.storage_class
            for hop in rule.transitions
            if (now >= hop.date if hop.date is not None else has_age(facts.modified, now, hop.days or 0))
        ]
    assert facts.noncurrent_since is not None
    return [
        hop.storage_class
        for hop in rule.noncurrent_transitions
        if facts.newer_noncurrent >= hop.newer and has_age(facts.noncurrent_since, now, hop.days)
    ]


def placed(facts: VersionFacts, now: datetime) -> Verdict | None:
    if facts.storage_class != "INTELLIGENT_TIERING" or facts.size < 131072:
        return None
    wanted = "capacity" if is_idle(facts, now, 30) else "hot"
    return None if facts.tier == wanted else ("place", wanted)

"""Explain: each reason why a rule acts, waits, loses, or has nothing to do with a version."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from objstore.lifecycle.explain import Explained, explain
from objstore.lifecycle.facts import VersionFacts
from objstore.lifecycle.plan import Plan
from objstore.model import days
from objstore.model.extended_rules import ExtendedRule, TierFull
from objstore.model.lifecycle import Expiration, Filter, NoncurrentExpiration, NoncurrentTransition, Rule, Transition

NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
SINCE = NOW - timedelta(days=10)
FACTS = VersionFacts(b"a/b", 200_000, SINCE, {"x": "y"})
SMALL = replace(FACTS, size=1000)
OLD = replace(FACTS, is_latest=False, noncurrent_since=SINCE, newer_noncurrent=1)
MARKER = replace(FACTS, is_marker=True, tags=None, size=0)
GLACIER = Transition("GLACIER", 5)


def ask(rule: Rule | ExtendedRule, facts: VersionFacts, *others: Rule, versioning: str | None = None) -> Explained:
    """What is said of the last action of ``rule``, in a bucket with others too."""
    rules = [*([rule] if isinstance(rule, Rule) else []), *others]
    extended = [rule] if isinstance(rule, ExtendedRule) else []
    enabled = tuple(one for one in rules if one.enabled), tuple(one for one in extended if one.enabled)
    plan = Plan(*enabled, versioning=versioning)
    return [one for one in explain(plan, rules, extended, facts, NOW) if one.rule == rule.id][-1]


def rule(**parts: object) -> Rule:
    return Rule("r", bool(parts.pop("enabled", True)), parts.pop("filter", Filter()), **parts)  # type: ignore[arg-type]


EXPIRE = Expiration(days=5)


@pytest.mark.parametrize(
    ("made", "facts", "state", "says"),
    [
        (rule(expiration=EXPIRE), FACTS, "due", "since 2026-05-16 00:00:00 UTC"),
        (rule(expiration=Expiration(days=20)), FACTS, "waiting", "not before 2026-05-31 00:00:00 UTC; it is 10.00"),
        (rule(expiration=EXPIRE, enabled=False), FACTS, "disabled", "if it were enabled: since"),
        (rule(expiration=EXPIRE, filter=Filter("b/")), FACTS, "unmatched", "does not begin with 'b/'"),
        (rule(expiration=EXPIRE, filter=Filter("", (), 300_000)), FACTS, "unmatched", "not more than 300000"),
        (rule(expiration=EXPIRE, filter=Filter("", (), None, 3)), FACTS, "unmatched", "not less than 3"),
        (rule(expiration=EXPIRE, filter=Filter("", (("x", "z"),))), FACTS, "unmatched", "the tag 'x' is 'y', not 'z'"),
        (rule(expiration=EXPIRE, filter=Filter("", (("q", "z"),))), FACTS, "unmatched", "the tag 'q' is missing"),
        (rule(transitions=(GLACIER,)), SMALL, "unmatched", "transitions leave small ones alone"),
        (rule(transitions=(GLACIER,)), replace(FACTS, storage_class="DEEP_ARCHIVE"), "done", "class DEEP_ARCHIVE"),
        (rule(transitions=(GLACIER,)), replace(FACTS, pinned_until=NOW + timedelta(days=1)), "pinned",
         "pinned to the hot tier until 2026-05-21 12:00:00"),
        (rule(expiration=EXPIRE), replace(FACTS, pinned_until=NOW + timedelta(days=1)), "due", "since"),
        (rule(transitions=(GLACIER,)), replace(FACTS, pinned_until=NOW - timedelta(days=1)), "due", "since"),
        (rule(abort_days=3), FACTS, "unmatched", "is about others, or about uploads"),
        (rule(expiration=EXPIRE), OLD, "unmatched", "it is not the current version"),
        (rule(noncurrent_expiration=NoncurrentExpiration(3)), OLD, "due", "since"),
        (rule(noncurrent_expiration=NoncurrentExpiration(3)), replace(OLD, locked_until=NOW + timedelta(days=1)),
         "locked", "Object Lock, until 2026-05-21 12:00:00 UTC, keeps the version"),
        (rule(noncurrent_expiration=NoncurrentExpiration(3)), replace(OLD, locked_until=days.FAR), "locked",
         "a legal hold keeps the version"),
        (rule(noncurrent_expiration=NoncurrentExpiration(3)), replace(OLD, locked_until=NOW), "due", "since"),
        (rule(noncurrent_transitions=(NoncurrentTransition("GLACIER", 3),)), replace(OLD, locked_until=days.FAR), "due",
         "since"),
        (rule(noncurrent_expiration=NoncurrentExpiration(3, 2)), OLD, "unmatched", "the rule keeps 2"),
        (rule(noncurrent_transitions=(NoncurrentTransition("GLACIER", 3),)), replace(OLD, size=5), "unmatched",
         "leave small ones alone"),
        (rule(expiration=Expiration(marker=True)), MARKER, "unmatched", "not the only version of its key"),
        (rule(expiration=Expiration(marker=True)), replace(MARKER, is_only_marker=True), "due", "since"),
        (rule(expiration=EXPIRE, filter=Filter("", (("x", "y"),))), MARKER, "unmatched", "neither size nor tags"),
        (rule(transitions=(GLACIER,)), MARKER, "unmatched", "expires none"),
        (rule(expiration=Expiration(date=datetime(2027, 1, 1, tzinfo=UTC))), FACTS, "waiting", "not before 2027-01-01"),
        (ExtendedRule("r", True, last_access_days=30, storage_class="GLACIER_IR"), FACTS, "waiting", "not before"),
        (ExtendedRule("r", True, hours=3, expire=True), OLD, "unmatched", "about current versions"),
        (ExtendedRule("r", True, hours=3, storage_class="GLACIER", versions="Noncurrent"), FACTS, "unmatched",
         "about noncurrent versions"),
        (ExtendedRule("r", True, hours=3, storage_class="GLACIER", versions="All"), OLD, "due", "since"),
        (ExtendedRule("r", True, hours=3, storage_class="GLACIER", versions="All"), MARKER, "unmatched", "no delete"),
        (ExtendedRule("r", True, tier_full=TierFull(80, 70), storage_class="GLACIER_IR"), OLD, "group", "the tier"),
        (ExtendedRule("r", True, Filter("z"), hours=3, expire=True), FACTS, "unmatched", "does not begin with 'z'"),
        (ExtendedRule("r", True, tier_full=TierFull(80, 70), storage_class="GLACIER_IR"), FACTS, "group", "the tier"),
    ],
)  # fmt: skip
def test_why(made: Rule | ExtendedRule, facts: VersionFacts, state: str, says: str) -> None:
    told = ask(made, facts)
    assert told.state == state
    assert says in told.why


def test_which_rule_goes_before() -> None:
    delete = Rule("deletes", True, expiration=Expiration(days=4))
    told = ask(rule(transitions=(GLACIER,)), FACTS, delete)
    assert (told.state, told.overruled_by) == ("overruled", "deletes")
    assert "deletes the version for good" in told.why
    cheaper = Rule("cheaper", True, transitions=(Transition("DEEP_ARCHIVE", 1),))
    told = ask(rule(transitions=(GLACIER,)), FACTS, cheaper)
    assert (told.state, told.overruled_by) == ("overruled", "cheaper")
    told = ask(rule(expiration=Expiration(days=1)), FACTS, cheaper, versioning="Enabled")
    assert (told.action, told.state) == ("mark", "overruled")
    assert "a transition goes before a delete marker" in told.why
    # What is due later loses too, to what will be done by then.
    told = ask(rule(transitions=(Transition("GLACIER", 30),)), FACTS, Rule("deletes", True, expiration=Expiration(20)))
    assert (told.state, told.overruled_by) == ("overruled", "deletes")
    # A rule that is disabled overrules nobody.
    assert ask(rule(transitions=(GLACIER,)), FACTS, replace(delete, enabled=False)).state == "due"

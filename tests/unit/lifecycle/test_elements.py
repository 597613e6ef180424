"""Each element of a rule by itself: what it is about, and the moment from which on it acts."""

from datetime import datetime, timedelta

import pytest

from objstore.lifecycle.evaluate import decide, next_due, upload_due
from objstore.lifecycle.facts import Kind, VersionFacts
from objstore.lifecycle.plan import Plan
from objstore.model import days
from objstore.model.lifecycle import (
    MINIMUM_VARIES,
    Expiration,
    Filter,
    NoncurrentExpiration,
    NoncurrentTransition,
    Rule,
    Transition,
)
from tests.unit.lifecycle.make import MADE, MIB, at, does, expire, facts, move, noncurrent, prefix, rule

SECOND = timedelta(seconds=1)


def acts_from(plan: Plan, what: VersionFacts, moment: datetime) -> str:
    """What is done from this moment on, and not before."""
    assert decide(plan, what, moment - SECOND) is None
    found = decide(plan, what, moment)
    assert found is not None
    assert found.due == moment
    assert next_due(plan, what) == (moment, found)
    return f"{found.kind.value} {found.rule_id}"


@pytest.mark.parametrize(("versioning", "kind"), [(None, "delete"), ("Enabled", "mark"), ("Suspended", "mark")])
def test_expiration_by_days(versioning: str | None, kind: str) -> None:
    plan = Plan((expire(5),), versioning=versioning)
    assert acts_from(plan, facts(), at(5)) == f"{kind} expire"
    assert decide(plan, noncurrent(), at(1000)) is None


def test_age_is_rounded_up_to_midnight() -> None:
    assert acts_from(Plan((expire(1),)), facts(modified=MADE + SECOND), at(2)) == "delete expire"


def test_short_days_are_not_rounded() -> None:
    days.configure(10)
    made = MADE + timedelta(seconds=3)
    assert acts_from(Plan((expire(5),)), facts(modified=made), made + timedelta(seconds=50)) == "delete expire"


def test_expiration_by_date_goes_on_after_it() -> None:
    plan = Plan((rule(expiration=Expiration(date=at(5))),))
    assert acts_from(plan, facts(), at(5)) == "delete r"
    assert acts_from(plan, facts(modified=at(8.5)), at(8.5)) == "delete r"


def test_transition_by_days_and_by_date() -> None:
    assert acts_from(Plan((move(3, "GLACIER_IR"),)), facts(), at(3)) == "transition GLACIER_IR"
    by_date = Plan((rule(transitions=(Transition("GLACIER", date=at(4)),)),))
    assert acts_from(by_date, facts(), at(4)) == "transition r"
    assert acts_from(Plan((move(0, "GLACIER"),)), facts(modified=at(0.5)), at(1)) == "transition GLACIER"


def test_several_hops_of_one_rule() -> None:
    hops = (Transition("STANDARD_IA", days=30), Transition("GLACIER_IR", days=60), Transition("GLACIER", days=90))
    plan = Plan((rule(transitions=hops),))
    assert does(plan, facts(), 30) == "transition r STANDARD_IA"
    assert does(plan, facts(storage_class="STANDARD_IA"), 59) is None
    assert does(plan, facts(storage_class="STANDARD_IA"), 60) == "transition r GLACIER_IR"
    assert does(plan, facts(), 95) == "transition r GLACIER"  # late: straight to where it would be
    assert does(plan, facts(storage_class="GLACIER"), 1000) is None


@pytest.mark.parametrize(
    "storage_class", ["GLACIER_IR", "ONEZONE_IA", "GLACIER", "DEEP_ARCHIVE", "INTELLIGENT_TIERING"]
)
def test_nothing_goes_back(storage_class: str) -> None:
    assert does(Plan((move(1, "STANDARD_IA"),)), facts(storage_class=storage_class, size=1), 10) is None


def test_reduced_redundancy_counts_as_standard() -> None:
    assert does(Plan((move(1, "STANDARD_IA"),)), facts(storage_class="REDUCED_REDUNDANCY"), 1) is not None


def test_onezone_never_becomes_glacier_ir() -> None:
    plan = Plan((move(1, "GLACIER_IR"), move(2, "GLACIER")))
    assert does(plan, facts(storage_class="ONEZONE_IA"), 1) is None
    assert does(plan, facts(storage_class="ONEZONE_IA"), 2) == "transition GLACIER GLACIER"


def test_noncurrent_expiration() -> None:
    plan = Plan((rule(noncurrent_expiration=NoncurrentExpiration(5)),), versioning="Enabled")
    assert acts_from(plan, noncurrent(modified=at(-50)), at(5)) == "delete r"
    assert acts_from(plan, noncurrent(is_marker=True, size=0), at(5)) == "delete r"
    assert decide(plan, facts(), at(1000)) is None


def test_newer_noncurrent_versions_are_kept() -> None:
    expiring = Plan((rule(noncurrent_expiration=NoncurrentExpiration(5, newer=2)),))
    moving = Plan((rule(noncurrent_transitions=(NoncurrentTransition("GLACIER", 5, newer=2),)),))
    for plan in (expiring, moving):
        assert [does(plan, noncurrent(newer_noncurrent=newer), 9) is None for newer in range(4)] == [
            True, True, False, False,
        ]  # fmt: skip
        assert does(plan, noncurrent(newer_noncurrent=3), 4) is None
    assert does(moving, noncurrent(newer_noncurrent=9, is_marker=True), 9) is None


def test_noncurrent_transition() -> None:
    plan = Plan(
        (rule(noncurrent_transitions=(NoncurrentTransition("GLACIER_IR", 0), NoncurrentTransition("GLACIER", 7))),)
    )
    assert does(plan, noncurrent(), 0) == "transition r GLACIER_IR"
    assert does(plan, noncurrent(), 7) == "transition r GLACIER"
    assert does(plan, facts(), 100) is None


def only_marker(**changed: object) -> VersionFacts:
    return facts(is_marker=True, is_only_marker=True, size=0, **changed)


def test_expired_delete_marker() -> None:
    plan = Plan((rule(expiration=Expiration(marker=True)),), versioning="Enabled")
    assert acts_from(plan, only_marker(), MADE) == "delete r"
    assert does(plan, facts(is_marker=True, size=0), 1000) is None  # there are older versions
    assert does(plan, facts(), 1000) is None
    off = Plan((rule(expiration=Expiration(marker=False)),), versioning="Enabled")
    assert does(off, only_marker(), 1000) is None


def test_expiration_by_age_removes_the_marker_too() -> None:
    assert acts_from(Plan((expire(5),), versioning="Enabled"), only_marker(), at(5)) == "delete expire"
    by_date = Plan((rule(expiration=Expiration(date=at(3))),), versioning="Enabled")
    assert acts_from(by_date, only_marker(), at(3)) == "delete r"
    assert does(Plan((expire(5),), versioning="Enabled"), facts(is_marker=True), 1000) is None


@pytest.mark.parametrize("filter_", [Filter(tags=(("a", "b"),)), Filter(larger_than=0), Filter(smaller_than=9)])
def test_rules_on_size_or_tags_are_not_about_markers_and_uploads(filter_: Filter) -> None:
    parts = {"expiration": Expiration(days=1), "noncurrent_expiration": NoncurrentExpiration(1), "abort_days": 1}
    plan = Plan((rule(filter=filter_, **parts),), versioning="Enabled")
    assert does(plan, only_marker(), 9) is None
    assert does(plan, noncurrent(is_marker=True, size=0), 9) is None
    assert upload_due(plan, b"logs/a", MADE) is None


def test_abort_of_uploads() -> None:
    plan = Plan((rule("slow", abort_days=7), rule("logs", abort_days=2, filter=prefix("logs/"))))
    assert upload_due(plan, b"logs/a", MADE) == (at(2), "logs")
    assert upload_due(plan, b"other", at(0.1)) == (at(8), "slow")
    assert decide(plan, facts(), at(1000)) is None


@pytest.mark.parametrize(
    ("filter_", "hit", "miss"),
    [
        (Filter("logs/"), {"key": b"logs/x"}, {"key": b"log"}),
        (Filter("ä/"), {"key": "ä/x".encode()}, {"key": b"\xc3/x"}),
        (Filter(larger_than=9), {"size": 10}, {"size": 9}),
        (Filter(smaller_than=9), {"size": 8}, {"size": 9}),
        (Filter(tags=(("a", "1"),)), {"tags": {"a": "1", "b": ""}}, {"tags": {"a": "2"}}),
        (Filter(tags=(("a", "1"), ("b", ""))), {"tags": {"a": "1", "b": ""}}, {"tags": {"a": "1"}}),
        (Filter(tags=(("a", ""),)), {"tags": {"a": ""}}, {"tags": None}),
        (
            Filter("logs/", (("a", "1"),), 4, 9),
            {"size": 5, "tags": {"a": "1"}},
            {"size": 5, "tags": {"a": "1"}, "key": b"x"},
        ),
    ],
)
def test_filters(filter_: Filter, hit: dict[str, object], miss: dict[str, object]) -> None:
    plan = Plan((expire(1, filter=filter_),))
    assert does(plan, facts(**hit), 1) is not None
    assert does(plan, facts(**miss), 1) is None


@pytest.mark.parametrize("target", ["STANDARD_IA", "GLACIER_IR", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE"])
def test_small_objects_do_not_move(target: str) -> None:
    rules = (move(1, target),)
    small, large = facts(size=128 * 1024 - 1), facts(size=128 * 1024)
    assert does(Plan(rules), small, 5) is None
    assert does(Plan(rules), large, 5) is not None
    varies = does(Plan(rules, minimum=MINIMUM_VARIES), small, 5)
    assert (varies is not None) == (target in ("GLACIER", "DEEP_ARCHIVE"))
    for filter_ in (Filter(larger_than=1), Filter(smaller_than=MIB)):
        assert does(Plan((move(1, target, filter=filter_),)), small, 5) is not None


def test_the_minimum_holds_for_noncurrent_versions_and_not_for_expirations() -> None:
    plan = Plan((expire(9), rule(noncurrent_transitions=(NoncurrentTransition("GLACIER", 1),))))
    assert does(plan, noncurrent(size=5), 5) is None
    assert does(plan, facts(size=5), 9) == "delete expire"


def test_an_age_beyond_all_calendars_never_ends() -> None:
    assert next_due(Plan((expire(2**31 - 1),)), facts()) is None
    assert next_due(Plan(), facts()) is None


def test_forecast_says_what_comes_first() -> None:
    plan = Plan((expire(10), move(3, "GLACIER"), Rule("x", True, Filter("no/"), Expiration(days=1))))
    moment, first = next_due(plan, facts()) or (None, None)
    assert (moment, first and first.kind) == (at(3), Kind.TRANSITION)
    moment, then = next_due(plan, facts(storage_class="GLACIER")) or (None, None)
    assert (moment, then and then.kind) == (at(10), Kind.DELETE)

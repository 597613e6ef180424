"""Extended rules: each condition, what is refused, and the planners of those that are about more than one version."""

from typing import Any

import pytest

from objstore.lifecycle.evaluate import next_due
from objstore.lifecycle.plan import Plan
from objstore.model import days
from objstore.model.extended_rules import (
    ExtendedRule,
    KeepLast,
    TierFull,
    bytes_to_demote,
    check_rules,
    steps_to_demote,
)
from objstore.model.heat import HALF_LIFE_DAYS, days_until_below, decayed
from objstore.model.lifecycle import Filter, from_json, to_json
from tests.unit.lifecycle.make import MADE, at, does, facts, noncurrent

TODAY = days.day_of(MADE)


def plan(**parts: Any) -> Plan:
    parts.setdefault("storage_class", "GLACIER_IR")
    return Plan((), (ExtendedRule("x", True, **parts),))


def test_last_access() -> None:
    cold = plan(last_access_days=2)
    assert does(cold, facts(), 2.99) is None
    assert does(cold, facts(), 3) == "transition x GLACIER_IR"
    assert does(cold, facts(accessed=TODAY + 5), 7.99) is None
    assert does(cold, facts(accessed=TODAY + 5), 8) is not None
    assert does(cold, facts(accessed=0), 2.99) is None  # never read: writing counts


def test_hours_and_days_of_age() -> None:
    assert does(plan(hours=6), facts(), 0.249) is None
    assert does(plan(hours=6), facts(), 0.25) is not None
    assert does(plan(days=2), facts(modified=at(0.5)), 2.99) is None
    assert does(plan(days=2), facts(modified=at(0.5)), 3) is not None
    assert does(plan(days=2, hours=1), facts(), 1.99) is None


def test_access_count_decays_below_the_limit() -> None:
    rarely = plan(hours=1, access_count_less_than=4)
    assert does(rarely, facts(heat=3.9), 1) is not None
    hot = facts(heat=8.0, accessed=TODAY)
    assert does(rarely, hot, HALF_LIFE_DAYS + 0.99) is None
    assert does(rarely, hot, HALF_LIFE_DAYS + 1) is not None


@pytest.mark.parametrize(("heat", "limit"), [(8, 4), (8, 4.1), (0, 1), (1, 1), (1e9, 0.5), (3.99, 4)])
def test_days_until_below_is_the_first_such_day(heat: float, limit: float) -> None:
    count = days_until_below(heat, limit)
    assert decayed(heat, count) < limit
    assert count == 0 or decayed(heat, count - 1) >= limit


def test_all_conditions_must_hold() -> None:
    both = plan(last_access_days=2, access_count_less_than=1, hours=1)
    assert does(both, facts(heat=8.0), 20) is None
    assert does(both, facts(heat=8.0), HALF_LIFE_DAYS * 3 + 1) is not None
    assert does(both, facts(heat=8.0, accessed=TODAY + 100), HALF_LIFE_DAYS * 3 + 1) is None


@pytest.mark.parametrize("condition", [{"hours": 12}, {"days": 1}, {"last_access_days": 1}, {"hours": 1, "days": 1}])
def test_which_versions(condition: dict[str, int]) -> None:
    """An age counts from when a version stopped being current, an access from when it was used last."""
    old = noncurrent(modified=at(-9), accessed=TODAY - 8)
    by_access = "last_access_days" in condition
    for versions, current, others in (
        (None, True, False), ("Current", True, False), ("Noncurrent", False, True), ("All", True, True),
    ):  # fmt: skip
        tried = plan(versions=versions, **condition)
        assert (does(tried, facts(), 2) is not None) is current
        assert (does(tried, old, 2) is not None) is others
        assert (does(tried, old, 0.1) is not None) is (others and by_access)
        assert does(tried, noncurrent(is_marker=True, size=0), 50) is None


def test_by_fill_level_all_versions_go() -> None:
    full = plan(tier_full=TierFull(80, 70))
    assert does(full, noncurrent(), 0) is None
    assert does(full, noncurrent(), 0, "x") == does(full, facts(), 0, "x") == "transition x GLACIER_IR"
    assert does(plan(tier_full=TierFull(80, 70), versions="Current"), noncurrent(), 0, "x") is None
    steps = plan(tier_full=TierFull(80, 70), keep_last=KeepLast(1), filter=Filter("logs/"))
    assert does(steps, noncurrent(), 0, "x") is None


def test_what_is_pinned_does_not_leave_the_hot_tier() -> None:
    pinned = facts(pinned_until=at(9))
    found = next_due(plan(hours=1), pinned)
    assert found is not None
    assert (found[0], found[1].storage_class) == (at(9), "GLACIER_IR")
    assert does(plan(hours=1), pinned, 8.99) is None
    assert does(plan(hours=1), pinned, 9) == "transition x GLACIER_IR"
    assert does(Plan((), (ExtendedRule("x", True, hours=1, expire=True),)), pinned, 1) == "delete x"
    assert does(plan(hours=1, storage_class="INTELLIGENT_TIERING"), pinned, 1) is not None


def test_expire_is_as_versioning_has_it() -> None:
    rules = (ExtendedRule("x", True, hours=1, expire=True),)
    assert does(Plan((), rules), facts(), 1) == "delete x"
    assert does(Plan((), rules, versioning="Enabled"), facts(), 1) == "mark x"


def test_no_minimum_size_and_no_way_back() -> None:
    assert does(plan(hours=1), facts(size=1), 1) is not None
    assert does(plan(hours=1), facts(storage_class="GLACIER"), 1) is None
    assert does(plan(hours=1, filter=Filter("no/")), facts(), 1) is None


def test_conditions_on_the_whole_are_the_engines() -> None:
    full = plan(tier_full=TierFull(80, 70), hours=12)
    assert does(full, facts(), 5) is None
    assert does(full, facts(), 5, "x") == "transition x GLACIER_IR"
    assert does(full, facts(), 0.4, "x") is None
    kept = plan(keep_last=KeepLast(2), filter=Filter("logs/"))
    assert does(kept, facts(), 0) is None
    assert does(kept, facts(), 0, "x") is not None


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({}, "at least one of"),
        ({"days": 0}, "Days: a positive integer"),
        ({"hours": -1}, "Hours: a positive integer"),
        ({"last_access_days": 0}, "LastAccessDays: a positive integer"),
        ({"access_count_less_than": 3}, "holds for every new object"),
        ({"hours": 1, "access_count_less_than": 0}, "more than 0"),
        ({"hours": 1, "storage_class": None}, "exactly one of StorageClass and Expire"),
        ({"hours": 1, "expire": True}, "exactly one of StorageClass and Expire"),
        ({"hours": 1, "storage_class": "STANDARD"}, "StorageClass: one of"),
        ({"tier_full": TierFull(70, 80)}, "Low < High"),
        ({"tier_full": TierFull(101, 80)}, "High ≤ 100"),
        ({"tier_full": TierFull(80, 70), "storage_class": None, "expire": True}, "no reason to delete"),
        ({"tier_full": TierFull(80, 70, "capacity"), "storage_class": "GLACIER"}, "Tier is hot"),
        ({"tier_full": TierFull(80, 70, "nas")}, "Tier is hot"),
        ({"tier_full": TierFull(80, 70), "storage_class": "INTELLIGENT_TIERING"}, "its objects lie on the tier"),
        (
            {"keep_last": KeepLast(2, 3), "filter": Filter("a/"), "storage_class": None, "expire": True},
            "would count anew",
        ),
        ({"keep_last": KeepLast(2)}, "ends with a slash"),
        ({"keep_last": KeepLast(-1), "filter": Filter("a/")}, "Last is 0 or more"),
        ({"keep_last": KeepLast(1, 0), "filter": Filter("a/")}, "Every a positive integer"),
        ({"hours": 1, "versions": "All", "storage_class": None, "expire": True}, "with Expire it is Current"),
        ({"keep_last": KeepLast(1), "filter": Filter("a/"), "versions": "Noncurrent"}, "with KeepLast it is Current"),
        ({"id": "", "hours": 1}, "1 to 255 characters"),
    ],
)
def test_what_cannot_be_obeyed_is_refused(parts: dict[str, Any], says: str) -> None:
    given = {"id": "bad", "enabled": True, "storage_class": "GLACIER_IR", **parts}
    with pytest.raises(ValueError, match=says) as caught:
        check_rules([ExtendedRule(**given)])
    assert str(caught.value).startswith(f"rule {given['id']!r}: ")


def test_ids_differ() -> None:
    twice = ExtendedRule("same", True, hours=1, expire=True)
    with pytest.raises(ValueError, match="stands twice"):
        check_rules([twice, twice])
    check_rules([twice])


STEPS = ["step-1", "step-2", "step-9", "step-10", "step-11", "step-100"]


@pytest.mark.parametrize(
    ("keep", "demoted"),
    [
        (KeepLast(2), ["step-1", "step-2", "step-9", "step-10"]),
        (KeepLast(2, every=3), ["step-2", "step-9"]),  # the first and the fourth stay
        (KeepLast(0, every=1), []),
        (KeepLast(0), STEPS),
        (KeepLast(6), []),
        (KeepLast(100), []),
    ],
)
def test_steps_to_demote(keep: KeepLast, demoted: list[str]) -> None:
    assert steps_to_demote(sorted(STEPS), keep) == demoted
    assert steps_to_demote([], keep) == []


def test_steps_are_ordered_by_their_numbers() -> None:
    assert steps_to_demote(["b", "7", "epoch=2-step=10", "epoch=2-step=9", "x"], KeepLast(1)) == [
        "7", "b", "epoch=2-step=9", "epoch=2-step=10",
    ]  # fmt: skip


@pytest.mark.parametrize(("used", "wanted"), [(800, 0), (801, 101), (1000, 300), (0, 0)])
def test_bytes_to_demote(used: int, wanted: int) -> None:
    assert bytes_to_demote(used, 1000, TierFull(80, 70)) == wanted


def test_json_form() -> None:
    rules = [
        ExtendedRule("a", True, Filter("p/", (("k", "v"),), 1, 2), 1, 2, 3, 4.5, None, None, "GLACIER"),
        ExtendedRule("b", False, tier_full=TierFull(80, 70), storage_class="GLACIER_IR"),
        ExtendedRule("c", True, Filter("ckpt/"), keep_last=KeepLast(3, 10), expire=True),
        ExtendedRule("d", True, hours=3, storage_class="GLACIER", versions="All"),
    ]
    assert from_json(to_json(rules), ExtendedRule) == tuple(rules)

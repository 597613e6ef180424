"""Pairs of rules that conflict, as AWS documents who wins."""

import pytest

from objstore.lifecycle.plan import Plan
from objstore.model.extended_rules import ExtendedRule
from objstore.model.lifecycle import Expiration, Filter, NoncurrentExpiration, NoncurrentTransition, Transition
from tests.unit.lifecycle.make import at, does, expire, facts, move, noncurrent, prefix, rule

CHEAPEST_LAST = ["STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE"]


def test_permanent_deletion_before_transition() -> None:
    plan = Plan((move(5, "GLACIER"), expire(5)))
    assert does(plan, facts(), 5) == "delete expire"
    later = Plan(
        (
            rule("t", noncurrent_transitions=(NoncurrentTransition("GLACIER", 5),)),
            rule("d", noncurrent_expiration=NoncurrentExpiration(5)),
        )
    )
    assert does(later, noncurrent(), 5) == "delete d"


@pytest.mark.parametrize("versioning", ["Enabled", "Suspended"])
def test_transition_before_delete_marker(versioning: str) -> None:
    plan = Plan((expire(5), move(5, "GLACIER")), versioning=versioning)
    assert does(plan, facts(), 5) == "transition GLACIER GLACIER"
    assert does(plan, facts(storage_class="GLACIER"), 5) == "mark expire"


def test_shorter_expiration_of_overlapping_prefixes() -> None:
    plan = Plan((expire(365, "all"), expire(10, "logs", filter=prefix("logs/"))))
    assert does(plan, facts(), 9) is None
    assert does(plan, facts(), 10) == "delete logs"
    assert does(plan, facts(key=b"other"), 364) is None
    assert does(plan, facts(key=b"other"), 365) == "delete all"


def test_overlapping_prefixes_with_different_actions() -> None:
    plan = Plan((expire(365, "all"), move(30, "STANDARD_IA", filter=prefix("logs/"))))
    assert does(plan, facts(), 30) == "transition STANDARD_IA STANDARD_IA"
    assert does(plan, facts(key=b"other"), 30) is None
    assert does(plan, facts(storage_class="STANDARD_IA"), 365) == "delete all"


def test_filters_by_tag_that_overlap() -> None:
    one, other = Filter(tags=(("tag1", "v"),)), Filter(tags=(("tag2", "v"),))
    plan = Plan((move(365, "GLACIER", filter=one), expire(14, filter=other)))
    both = facts(tags={"tag1": "v", "tag2": "v"})
    assert does(plan, both, 14) == "delete expire"
    assert does(plan, facts(tags={"tag1": "v"}), 365) == "transition GLACIER GLACIER"


@pytest.mark.parametrize("cheaper", range(1, len(CHEAPEST_LAST)))
def test_the_cheaper_class_wins(cheaper: int) -> None:
    winner = CHEAPEST_LAST[cheaper]
    for loser in CHEAPEST_LAST[:cheaper]:
        for rules in ((move(5, winner), move(5, loser)), (move(5, loser), move(5, winner))):
            assert does(Plan(rules), facts(), 5) == f"transition {winner} {winner}"


def test_intelligent_tiering_is_not_left_for_a_class_that_lost() -> None:
    plan = Plan((move(5, "INTELLIGENT_TIERING"), move(5, "GLACIER_IR")))
    assert does(plan, facts(), 5) == "transition INTELLIGENT_TIERING INTELLIGENT_TIERING"
    assert does(plan, facts(storage_class="INTELLIGENT_TIERING"), 6) is None
    hops = (Transition("INTELLIGENT_TIERING", days=5), Transition("GLACIER_IR", days=9))
    one_rule = Plan((rule(transitions=hops),))
    assert does(one_rule, facts(storage_class="INTELLIGENT_TIERING"), 9) == "transition r GLACIER_IR"


def test_an_earlier_transition_does_not_wait_for_a_cheaper_one() -> None:
    plan = Plan((move(30, "STANDARD_IA"), move(365, "GLACIER")))
    assert does(plan, facts(), 30) == "transition STANDARD_IA STANDARD_IA"
    assert does(plan, facts(storage_class="STANDARD_IA"), 364) is None
    assert does(plan, facts(storage_class="STANDARD_IA"), 365) == "transition GLACIER GLACIER"


def test_days_against_date() -> None:
    plan = Plan((expire(30), rule("dated", expiration=Expiration(date=at(7)))))
    assert does(plan, facts(), 7) == "delete dated"
    assert does(plan, facts(modified=at(-40)), 0) == "delete expire"


def test_a_small_object_follows_the_rule_that_takes_it() -> None:
    sized = move(5, "STANDARD_IA", filter=Filter(larger_than=1))
    plan = Plan((move(5, "GLACIER"), sized))
    assert does(plan, facts(size=10), 5) == "transition STANDARD_IA STANDARD_IA"
    assert does(plan, facts(), 5) == "transition GLACIER GLACIER"


def test_newer_versions_against_age() -> None:
    kept = rule("keep3", noncurrent_expiration=NoncurrentExpiration(1, newer=3))
    aged = rule("aged", noncurrent_expiration=NoncurrentExpiration(30))
    plan = Plan((kept, aged))
    assert does(plan, noncurrent(newer_noncurrent=3), 1) == "delete keep3"
    assert does(plan, noncurrent(newer_noncurrent=2), 29) is None
    assert does(plan, noncurrent(newer_noncurrent=2), 30) == "delete aged"


def test_marker_cleanup_against_age() -> None:
    plan = Plan((expire(30), rule("now", expiration=Expiration(marker=True))), versioning="Enabled")
    marker = facts(is_marker=True, is_only_marker=True, size=0)
    assert does(plan, marker, 0) == "delete now"


def test_expiration_before_a_move_by_access() -> None:
    plan = Plan((expire(40),))
    tiered = facts(storage_class="INTELLIGENT_TIERING")
    assert does(plan, tiered, 39) == "place  capacity/INFREQUENT_ACCESS"
    assert does(plan, tiered, 40) == "delete expire"
    kept = Plan((expire(40),), versioning="Enabled")
    assert does(kept, tiered, 40) == "mark expire"


def test_transition_before_a_move_by_access() -> None:
    plan = Plan((move(35, "GLACIER"),))
    assert does(plan, facts(storage_class="INTELLIGENT_TIERING"), 35) == "transition GLACIER GLACIER"


def test_extended_rules_stand_beside_the_others() -> None:
    cold = ExtendedRule("cold", True, last_access_days=2, storage_class="GLACIER_IR")
    plan = Plan((move(3, "STANDARD_IA"), expire(3)), (cold,))
    assert does(plan, facts(), 3) == "delete expire"
    assert does(Plan((move(3, "STANDARD_IA"),), (cold,)), facts(), 3) == "transition cold GLACIER_IR"
    assert does(Plan((move(3, "GLACIER"),), (cold,)), facts(), 3) == "transition GLACIER GLACIER"

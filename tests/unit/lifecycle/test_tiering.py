"""Intelligent-Tiering: where an object belongs by days without an access."""

from collections.abc import Iterator
from typing import Any

import pytest

from objstore.lifecycle.facts import VersionFacts
from objstore.lifecycle.plan import Plan
from objstore.model import days, tiering
from objstore.model.lifecycle import Filter, Rule, Transition
from objstore.model.tiering import TieringConfiguration
from tests.unit.lifecycle.make import MADE, does, facts, noncurrent

TODAY = days.day_of(MADE)
ARCHIVES = TieringConfiguration("arch", True, Filter("logs/"), {"ARCHIVE_ACCESS": 90, "DEEP_ARCHIVE_ACCESS": 180})


@pytest.fixture(autouse=True)
def _minimum() -> Iterator[None]:
    yield
    tiering.configure()


def tiered(**changed: Any) -> VersionFacts:
    return facts(storage_class="INTELLIGENT_TIERING", **changed)


def test_thirty_days_without_access() -> None:
    assert does(Plan(), tiered(), 30.99) is None
    assert does(Plan(), tiered(), 31) == "place  capacity/INFREQUENT_ACCESS"
    assert does(Plan(), tiered(tier="capacity"), 31) is None
    assert does(Plan(), tiered(accessed=TODAY + 10), 40.99) is None
    assert does(Plan(), facts(storage_class="GLACIER_IR"), 1000) is None


def test_access_brings_it_back() -> None:
    assert does(Plan(), tiered(tier="capacity", accessed=TODAY + 50), 50.1) == "place  hot/FREQUENT_ACCESS"
    assert does(Plan(), tiered(tier="capacity", accessed=TODAY + 50), 81) is None


def test_noncurrent_versions_move_too_and_markers_do_not() -> None:
    assert does(Plan(), noncurrent(storage_class="INTELLIGENT_TIERING"), 31) == "place  capacity/INFREQUENT_ACCESS"
    assert does(Plan(), tiered(is_marker=True), 31) is None


def test_small_objects_are_not_monitored() -> None:
    assert does(Plan(), tiered(size=128 * 1024 - 1), 100) is None
    assert does(Plan(), tiered(size=128 * 1024), 100) is not None
    tiering.configure(0)
    assert does(Plan(), tiered(size=1), 100) is not None


def test_archive_tiers() -> None:
    plan = Plan(tierings=(ARCHIVES,))
    assert does(plan, tiered(tier="capacity", key=b"logs/a"), 90.99) is None
    assert does(plan, tiered(tier="capacity", key=b"logs/a"), 91) == "place arch capacity/ARCHIVE_ACCESS"
    assert does(plan, tiered(tier="capacity", key=b"other"), 1000) is None
    archived = {"tier": "capacity", "access_tier": "ARCHIVE_ACCESS", "key": b"logs/a"}
    assert does(plan, tiered(**archived), 180.99) is None
    assert does(plan, tiered(**archived), 181) == "place arch capacity/DEEP_ARCHIVE_ACCESS"
    assert does(plan, tiered(**{**archived, "access_tier": "DEEP_ARCHIVE_ACCESS"}), 1000) is None


def test_only_a_use_leads_out_of_an_archive() -> None:
    archived = {"tier": "capacity", "access_tier": "ARCHIVE_ACCESS"}
    assert does(Plan(), tiered(**archived), 1000) is None
    assert does(Plan(), tiered(**archived, accessed=TODAY + 100), 100.5) == "place  hot/FREQUENT_ACCESS"


def test_rules_take_what_is_archived_further_down() -> None:
    rule = Rule("down", True, Filter("logs/"), transitions=(Transition("DEEP_ARCHIVE", 200),))
    archived = tiered(tier="capacity", access_tier="ARCHIVE_ACCESS", key=b"logs/a")
    assert does(Plan((rule,)), archived, 201) == "transition down DEEP_ARCHIVE"

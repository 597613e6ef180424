"""A site's own storage classes: each stands below the one of S3's that it is like, and is read as that one."""

from collections.abc import Iterator

import pytest

from objstore.lifecycle.plan import Plan
from objstore.lifecycle.walk import walks_of
from objstore.model import storage_class, tiers
from objstore.model.lifecycle import Rule, Transition
from objstore.model.waterfall import leads_on_from, may_follow, preference, targets
from tests.unit.lifecycle.make import does, facts, move

CLASSES = {"NEARLINE": "capacity", "COLDLINE": "far", "VAULT": "far"}
LIKE = {"NEARLINE": "STANDARD_IA", "COLDLINE": "STANDARD_IA", "VAULT": "GLACIER"}
CODES = {"NEARLINE": 1000, "COLDLINE": 1001, "VAULT": 1002}


@pytest.fixture(autouse=True)
def own_classes() -> Iterator[None]:
    tiers.configure(CLASSES, ["hot", "capacity", "far"], None, LIKE)
    storage_class.add_custom(CODES)
    yield
    tiers.configure()
    for name, code in CODES.items():
        del storage_class.STORAGE_CLASS_CODES[name], storage_class.STORAGE_CLASS_NAMES[code]


@pytest.mark.parametrize(
    ("way", "is_open"),
    [
        ("STANDARD NEARLINE", True),
        ("STANDARD_IA NEARLINE", True),
        ("NEARLINE STANDARD_IA", False),
        ("NEARLINE COLDLINE", True),
        ("COLDLINE NEARLINE", False),
        ("NEARLINE NEARLINE", False),
        ("COLDLINE GLACIER_IR", True),
        ("GLACIER_IR COLDLINE", False),
        ("GLACIER VAULT", True),
        ("VAULT DEEP_ARCHIVE", True),
        ("INTELLIGENT_TIERING NEARLINE", False),
        ("INTELLIGENT_TIERING/ARCHIVE_ACCESS VAULT", True),
        ("REDUCED_REDUNDANCY COLDLINE", True),
    ],
)
def test_waterfall(way: str, is_open: bool) -> None:
    above, below = way.split()
    assert may_follow(above, below) is is_open
    assert (above in leads_on_from(below)) is not is_open or above == "REDUCED_REDUNDANCY"


def test_order() -> None:
    assert sorted(targets(), key=preference) == [
        "STANDARD_IA", "NEARLINE", "COLDLINE", "ONEZONE_IA", "GLACIER_IR", "INTELLIGENT_TIERING",
        "GLACIER", "VAULT", "DEEP_ARCHIVE",
    ]  # fmt: skip


def test_how_it_is_read() -> None:
    assert [tiers.tier_of(name) for name in CLASSES] == ["capacity", "far", "far"]
    assert [tiers.is_archived(name) for name in CLASSES] == [False, False, True]
    assert all(tiers.is_offered(name) for name in CLASSES)
    tiers.configure(CLASSES, ["hot", "capacity", "far"], {"hot", "capacity"}, LIKE)
    assert [tiers.is_offered(name) for name in CLASSES] == [True, False, False]


def test_rules_lead_there() -> None:
    plan = Plan((move(10, "NEARLINE", "a"), move(20, "VAULT", "b")))
    assert does(plan, facts(), 9.9) is None
    assert does(plan, facts(), 11) == "transition a NEARLINE"
    assert does(plan, facts(storage_class="NEARLINE", tier="capacity"), 11) is None
    assert does(plan, facts(), 21) == "transition b VAULT"
    hops = Plan((Rule("r", True, transitions=(Transition("NEARLINE", 1), Transition("COLDLINE", 2))),))
    assert does(hops, facts(), 3) == "transition r COLDLINE"
    assert 1001 in walks_of(hops)["r", "transition:NEARLINE"].skip_classes


def test_codes_of_s3_are_not_given_away() -> None:
    with pytest.raises(ValueError, match="begin with 1000"):
        storage_class.add_custom({"MINE": 5})

"""Rules in a few words, as tables show them."""

from typing import Any

import pytest

from objstore.cli.rule_text import act, deeds, outcome, scope

AND = {"And": {"Prefix": "a/", "Tags": [{"Key": "k", "Value": "v"}], "ObjectSizeGreaterThan": 2**20}}


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"Filter": {}}, "everything"),
        ({"Prefix": ""}, "everything"),
        ({"Prefix": "logs/"}, "logs/*"),
        ({"Filter": {"Tag": {"Key": "k", "Value": ""}}}, "k="),
        ({"Filter": AND}, "a/* k=v >1.0 MiB"),
        ({"Filter": {"Tags": {"k": "v"}, "ObjectSizeLessThan": 10}}, "k=v <10 B"),
    ],
)
def test_scope(rule: dict[str, Any], says: str) -> None:
    assert scope(rule) == says


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"Expiration": {"Days": 1}}, "delete after 1 day"),
        ({"Expiration": {"Date": "2030-01-01T00:00:00Z"}}, "delete from 2030-01-01 on"),
        ({"Expiration": {"ExpiredObjectDeleteMarker": True}}, "delete lone delete markers"),
        ({"Transitions": [{"Days": 3, "StorageClass": "GLACIER"}]}, "→ GLACIER after 3 days"),
        (
            {"NoncurrentVersionExpiration": {"NoncurrentDays": 9, "NewerNoncurrentVersions": 2}},
            "delete noncurrent after 9 days but 2 newer ones",
        ),
        ({"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}, "abort uploads after 7 days"),
        ({"LastAccessDays": 14, "StorageClass": "GLACIER_IR"}, "→ GLACIER_IR after 14 days without access"),
        (
            {"LastAccessDays": 7, "Versions": "Noncurrent", "StorageClass": "COLD"},
            "noncurrent → COLD after 7 days without access",
        ),
        ({"Hours": 6, "Expire": True}, "delete after 6 hours"),
        (
            {"KeepLast": {"Last": 2, "Every": 5}, "StorageClass": "COLD"},
            "→ COLD all but the last 2 steps and every 5th",
        ),
        (
            {"TierFullPercent": {"High": 80, "Low": 70}, "StorageClass": "COLD"},
            "→ COLD while the hot tier is above 80 %, down to 70 %",
        ),
    ],
)
def test_deeds(rule: dict[str, Any], says: str) -> None:
    assert deeds(rule) == says


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("expire", "delete"),
        ("noncurrent-expire+newer", "delete"),
        ("mark", "delete marker"),
        ("extended-transition:COLD/steps", "→ COLD"),
        ("place:capacity", "→ capacity"),
        ("archive:ARCHIVE_ACCESS", "→ ARCHIVE_ACCESS"),
        ("tiering/access", "by access"),
        ("tiering/access/noncurrent", "by access"),
        ("extended-transition:COLD/noncurrent/full", "→ COLD"),
        ("abort", "abort"),
    ],
)
def test_acts_of_walks_and_figures(action: str, says: str) -> None:
    assert act(action) == says


def test_outcomes() -> None:
    assert outcome("transition", "noncurrent", "GLACIER") == "noncurrent → GLACIER"
    assert outcome("place", "current", "", "ARCHIVE_ACCESS", "capacity") == "→ ARCHIVE_ACCESS"
    assert [outcome("delete", of) for of in ("current", "noncurrent", "marker")] == [
        "delete", "delete noncurrent", "delete markers",
    ]  # fmt: skip
    assert (outcome("mark"), outcome("abort", "upload")) == ("delete marker", "abort uploads")

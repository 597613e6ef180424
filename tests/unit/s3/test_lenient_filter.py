"""Filters of lifecycle rules as other servers take them: what stands side by side must hold together."""

from typing import Any

import pytest

from objstore.api.s3.lifecycle_filter import with_and

TOM, HUCK = {"Key": "tom", "Value": "sawyer"}, {"Key": "huck", "Value": "finn"}


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"Prefix": "a"}, {"Prefix": "a"}),
        ({"And": {"Prefix": "a", "Tags": [TOM]}}, {"And": {"Prefix": "a", "Tags": [TOM]}}),
        ({"Prefix": "a", "Tag": TOM}, {"And": {"Prefix": "a", "Tags": [TOM]}}),
        (
            {"Prefix": "a/", "Tag": TOM, "And": {"Prefix": "a", "Tags": [HUCK]}},
            {"And": {"Prefix": "a/", "Tags": [TOM, HUCK]}},
        ),
        (
            {"Prefix": "a", "And": {"Prefix": "b", "Tags": [HUCK]}},
            {"Prefix": "a", "And": {"Prefix": "b", "Tags": [HUCK]}},
        ),
        (
            {"ObjectSizeLessThan": 9, "And": {"ObjectSizeLessThan": 8, "Tags": [HUCK]}},
            {"ObjectSizeLessThan": 9, "And": {"ObjectSizeLessThan": 8, "Tags": [HUCK]}},
        ),
    ],
)
def test_predicates_side_by_side(given: dict[str, Any], meant: dict[str, Any]) -> None:
    assert with_and([{"Filter": given}]) == [{"Filter": meant}]


def test_rules_without_a_filter() -> None:
    assert with_and([{"Prefix": "a"}]) == [{"Prefix": "a"}]

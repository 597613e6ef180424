"""Every element that S3's own model has in lifecycle and Intelligent-Tiering configurations is obeyed, or refused.

For each place in the model where a value stands there is a pair of rules that differ in this value alone. Both come
back as they were sent, and what the engine goes by differs. A model with a new place fails here until somebody decides.
"""

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import Shape

from objstore.api.s3.service import enum_of, service_model
from objstore.lifecycle.plan import Plan, plan_of
from objstore.model.waterfall import targets
from tests.unit.s3.fake_store import FakeStore
from tests.unit.s3.refused import refused

Fields = dict[str, Any]
TAG = {"Key": "a", "Value": "1"}
DATES = datetime(2030, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
EXPIRES, ALL = {"Expiration": {"Days": 900}}, {"Filter": {}}
GLACIER = {"StorageClass": "GLACIER"}
NONCURRENT = {"NoncurrentDays": 3, **GLACIER}

# Where a value stands, what is around it in its rule, and two values. ``*`` is a list of one.
RULE_VALUES: dict[str, tuple[Fields, Any, Any]] = {
    "ID": ({**EXPIRES, **ALL}, "one", "two"),
    "Prefix": (EXPIRES, "a/", "b/"),
    "Status": ({**EXPIRES, **ALL}, "Enabled", "Disabled"),
    "Filter.Prefix": (EXPIRES, "a/", "b/"),
    "Filter.Tag.Key": ({**EXPIRES, "Filter": {"Tag": TAG}}, "a", "b"),
    "Filter.Tag.Value": ({**EXPIRES, "Filter": {"Tag": TAG}}, "", "2"),
    "Filter.ObjectSizeGreaterThan": (EXPIRES, 0, 5),
    "Filter.ObjectSizeLessThan": (EXPIRES, 1, 5),
    "Filter.And.Prefix": ({**EXPIRES, "Filter": {"And": {"Tags": [TAG]}}}, "a/", "b/"),
    "Filter.And.Tags.*.Key": ({**EXPIRES, "Filter": {"And": {"Prefix": "p", "Tags": [TAG]}}}, "a", "b"),
    "Filter.And.Tags.*.Value": ({**EXPIRES, "Filter": {"And": {"Prefix": "p", "Tags": [TAG]}}}, "1", "2"),
    "Filter.And.ObjectSizeGreaterThan": ({**EXPIRES, "Filter": {"And": {"Prefix": "p"}}}, 0, 5),
    "Filter.And.ObjectSizeLessThan": ({**EXPIRES, "Filter": {"And": {"Prefix": "p"}}}, 1, 5),
    "Expiration.Date": (ALL, *DATES),
    "Expiration.Days": (ALL, 1, 2),
    "Expiration.ExpiredObjectDeleteMarker": (ALL, True, False),
    "Transitions.*.Date": ({**ALL, "Transitions": [GLACIER]}, *DATES),
    "Transitions.*.Days": ({**ALL, "Transitions": [GLACIER]}, 0, 2),
    "Transitions.*.StorageClass": ({**ALL, "Transitions": [{"Days": 3}]}, "GLACIER", "GLACIER_IR"),
    "NoncurrentVersionTransitions.*.NoncurrentDays": ({**ALL, "NoncurrentVersionTransitions": [GLACIER]}, 0, 2),
    "NoncurrentVersionTransitions.*.StorageClass": (
        {**ALL, "NoncurrentVersionTransitions": [{"NoncurrentDays": 3}]}, "GLACIER", "GLACIER_IR",
    ),
    "NoncurrentVersionTransitions.*.NewerNoncurrentVersions": (
        {**ALL, "NoncurrentVersionTransitions": [NONCURRENT]}, 1, 100,
    ),
    "NoncurrentVersionExpiration.NoncurrentDays": (ALL, 1, 2),
    "NoncurrentVersionExpiration.NewerNoncurrentVersions": (
        {**ALL, "NoncurrentVersionExpiration": {"NoncurrentDays": 3}}, 1, 100,
    ),
    "AbortIncompleteMultipartUpload.DaysAfterInitiation": (ALL, 1, 2),
}  # fmt: skip
ARCHIVE = [{"Days": 200, "AccessTier": "ARCHIVE_ACCESS"}]
TIERING_VALUES: dict[str, tuple[Fields, Any, Any]] = {
    "Id": ({}, "i", "j"),
    "Status": ({}, "Enabled", "Disabled"),
    "Filter.Prefix": ({}, "a/", "b/"),
    "Filter.Tag.Key": ({"Filter": {"Tag": TAG}}, "a", "b"),
    "Filter.Tag.Value": ({"Filter": {"Tag": TAG}}, "", "2"),
    "Filter.And.Prefix": ({"Filter": {"And": {"Tags": [TAG]}}}, "a/", "b/"),
    "Filter.And.Tags.*.Key": ({"Filter": {"And": {"Prefix": "p", "Tags": [TAG]}}}, "a", "b"),
    "Filter.And.Tags.*.Value": ({"Filter": {"And": {"Prefix": "p", "Tags": [TAG]}}}, "1", "2"),
    "Tierings.*.Days": ({}, 200, 300),
    "Tierings.*.AccessTier": ({}, "ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"),
}


def places(shape: Shape, path: str = "") -> Iterator[tuple[str, Shape]]:
    """Where values stand in a structure, each with its shape."""
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from places(member, f"{path}.{name}".lstrip("."))
    elif shape.type_name == "list":
        yield from places(shape.member, f"{path}.*")
    else:
        yield path, shape


def shape_of(name: str) -> Shape:
    return service_model().shape_for(name)


def with_value(around: Fields, path: str, value: Any) -> Fields:
    """``around`` with a value at a place, which is made if it is not there."""
    made = deepcopy(around)
    at: Any = made
    *way, last = names = path.split(".")
    for name, following in zip(way, names[1:], strict=True):
        at = at[0] if name == "*" else at.setdefault(name, [{}] if following == "*" else {})
    at[last] = value
    return made


def put_rule(s3: Any, store: FakeStore, rule: Fields) -> Plan:
    """Put a rule; it has to come back as it was sent. What the engine makes of it."""
    full = {"ID": "r", "Status": "Enabled", **rule}
    s3.put_bucket_lifecycle_configuration(Bucket="bucket", LifecycleConfiguration={"Rules": [full]})
    assert s3.get_bucket_lifecycle_configuration(Bucket="bucket")["Rules"] == [full]
    return plan(store)


def put_tiering(s3: Any, store: FakeStore, given: Fields) -> Plan:
    full = {"Id": "i", "Status": "Enabled", "Tierings": ARCHIVE, **given}
    named = {"Bucket": "bucket", "Id": full["Id"]}
    s3.put_bucket_intelligent_tiering_configuration(**named, IntelligentTieringConfiguration=full)
    answer = s3.get_bucket_intelligent_tiering_configuration(**named)
    assert answer["IntelligentTieringConfiguration"] == full
    found = plan(store)
    s3.delete_bucket_intelligent_tiering_configuration(**named)
    return found


def plan(store: FakeStore) -> Plan:
    bucket = store.buckets["bucket"].bucket
    return plan_of(bucket.id, bucket.settings)


def test_the_tables_have_every_place_of_the_model() -> None:
    rules = {path for path, _ in places(shape_of("LifecycleRule"))}
    assert rules == RULE_VALUES.keys()
    assert {path for path, _ in places(shape_of("IntelligentTieringConfiguration"))} == TIERING_VALUES.keys()
    assert list(shape_of("BucketLifecycleConfiguration").members) == ["Rules"]


@pytest.mark.parametrize("path", RULE_VALUES)
def test_an_element_of_a_rule_is_obeyed(s3: Any, store: FakeStore, path: str) -> None:
    around, one, other = RULE_VALUES[path]
    assert put_rule(s3, store, with_value(around, path, one)) != put_rule(s3, store, with_value(around, path, other))


@pytest.mark.parametrize("path", TIERING_VALUES)
def test_an_element_of_a_tiering_is_obeyed(s3: Any, store: FakeStore, path: str) -> None:
    around, one, other = TIERING_VALUES[path]
    around = {"Tierings": ARCHIVE, **around}
    first, second = (put_tiering(s3, store, with_value(around, path, value)) for value in (one, other))
    assert first != second


def test_each_value_of_each_enum_is_obeyed_or_refused(s3: Any, store: FakeStore) -> None:
    """Classes that nothing can go to are refused as AWS does; every other value is one of those above."""
    enums = {(path, shape.name) for path, shape in places(shape_of("LifecycleRule")) if getattr(shape, "enum", None)}
    assert {path for path, _ in enums} == {
        "Status", "Transitions.*.StorageClass", "NoncurrentVersionTransitions.*.StorageClass",
    }  # fmt: skip
    assert enum_of("ExpirationStatus") == {"Enabled", "Disabled"}
    assert enum_of("IntelligentTieringStatus") == {"Enabled", "Disabled"}
    assert enum_of("IntelligentTieringAccessTier") == {"ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"}
    assert enum_of("TransitionStorageClass") == set(targets())
    for name in sorted(enum_of("StorageClass")):
        for path in ("Transitions.*.StorageClass", "NoncurrentVersionTransitions.*.StorageClass"):
            rule = with_value(RULE_VALUES[path][0], path, name)
            if name in targets():
                assert name in repr(put_rule(s3, store, rule).rules)
            else:
                code = "InvalidArgument" if name in ("STANDARD", "REDUCED_REDUNDANCY") else "MalformedXML"
                assert refused(put_rule, s3, store, rule) == (400, code)

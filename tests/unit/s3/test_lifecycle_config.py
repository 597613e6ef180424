"""Lifecycle configurations: what was sent comes back, and each thing that cannot be obeyed has AWS's own error."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from objstore.model import tiers
from tests.unit.s3.conftest import Running

MIDNIGHT = datetime(2030, 1, 1, tzinfo=UTC)
EXPIRE: dict[str, Any] = {"Expiration": {"Days": 1}}
CLASSES = ("STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")


@pytest.fixture
def put(s3: Any) -> Any:
    """Puts rules on the bucket ``rules``; one without an ID, Status or Filter gets them."""
    s3.create_bucket(Bucket="rules")

    def put(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
        full = []
        for number, rule in enumerate(rules):
            scope = {} if "Prefix" in rule or "NoScope" in rule else {"Filter": {}}
            kept = {name: value for name, value in rule.items() if name != "NoScope"}
            full.append({"ID": f"r{number}", "Status": "Enabled", **scope, **kept})
        more = {"LifecycleConfiguration": {"Rules": full}, "Bucket": "rules", **more}
        answer: dict[str, Any] = s3.put_bucket_lifecycle_configuration(**more)
        return answer

    return put


def transitions(*hops: tuple[str, int | datetime]) -> dict[str, Any]:
    unit = {int: "Days", datetime: "Date"}
    return {"Transitions": [{"StorageClass": name, unit[type(when)]: when} for name, when in hops]}


def test_comes_back_as_sent(s3: Any, put: Any) -> None:
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    rules = [
        {"ID": "z & <ü>", "Filter": {"Prefix": "logs/"}, "Status": "Enabled", "Expiration": {"Days": 9}},
        {"ID": "a", "Filter": {}, "Status": "Disabled", "Expiration": {"Date": MIDNIGHT}},
        {"ID": "m", "Filter": {"Prefix": ""}, "Status": "Enabled", "Expiration": {"ExpiredObjectDeleteMarker": True}},
        {"ID": "f", "Filter": {}, "Status": "Enabled", "Expiration": {"ExpiredObjectDeleteMarker": False}},
        {"ID": "t", "Filter": {"Tag": tags[0]}, "Status": "Enabled", **transitions((CLASSES[0], 0), (CLASSES[1], 1))},
        {"ID": "d", "Filter": {"ObjectSizeGreaterThan": 0}, "Status": "Enabled", **transitions(("GLACIER", MIDNIGHT))},
        {
            "ID": "n",
            "Filter": {
                "And": {"Prefix": "p", "Tags": tags, "ObjectSizeGreaterThan": 5, "ObjectSizeLessThan": 1099511627776000}
            },
            "Status": "Enabled",
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30, "NewerNoncurrentVersions": 100},
            "NoncurrentVersionTransitions": [
                {"NoncurrentDays": 20, "StorageClass": "GLACIER", "NewerNoncurrentVersions": 1},
                {"NoncurrentDays": 0, "StorageClass": "STANDARD_IA"},
            ],
        },
        {
            "ID": "u",
            "Filter": {"And": {"Prefix": "", "Tags": tags[:1]}},
            "Status": "Enabled",
            **transitions(("DEEP_ARCHIVE", 365), ("GLACIER", 90)),
            "Expiration": {"Days": 2147483647},
        },
        {"ID": "x", "Filter": {}, "Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
    ]  # fmt: skip
    answer = put(*rules)
    assert answer["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    found = s3.get_bucket_lifecycle_configuration(Bucket="rules")
    assert found["Rules"] == rules
    assert found["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"


def test_the_older_form_with_prefixes(s3: Any) -> None:
    s3.create_bucket(Bucket="rules")
    rules = [
        {
            "ID": "one",
            "Prefix": "a/",
            "Status": "Enabled",
            "Expiration": {"Days": 30},
            "Transition": {"Days": 3, "StorageClass": "GLACIER"},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 9},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        },
        {"ID": "two", "Prefix": "b/", "Status": "Disabled", "Expiration": {"Date": MIDNIGHT}},
    ]
    s3.put_bucket_lifecycle(Bucket="rules", LifecycleConfiguration={"Rules": rules})
    assert s3.get_bucket_lifecycle(Bucket="rules")["Rules"] == rules
    [one, two] = s3.get_bucket_lifecycle_configuration(Bucket="rules")["Rules"]
    assert one["Transitions"] == [rules[0]["Transition"]]
    assert "Filter" not in two


def test_replace_and_delete(s3: Any, put: Any, running: Running) -> None:
    put(EXPIRE, TransitionDefaultMinimumObjectSize="varies_by_storage_class")
    found = s3.get_bucket_lifecycle_configuration(Bucket="rules")
    assert found["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
    put({"ID": "other", **EXPIRE})
    found = s3.get_bucket_lifecycle_configuration(Bucket="rules")
    assert [rule["ID"] for rule in found["Rules"]] == ["other"]
    assert found["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    for _ in range(2):
        answer = s3.delete_bucket_lifecycle(Bucket="rules")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert running.store.buckets["rules"].bucket.settings == {}
    with pytest.raises(ClientError) as caught:
        s3.get_bucket_lifecycle_configuration(Bucket="rules")
    error = caught.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert error["Error"]["Code"] == "NoSuchLifecycleConfiguration"
    assert error["Error"]["Message"] == "The lifecycle configuration does not exist"


def test_rules_of_our_own_api_stay(s3: Any, put: Any, running: Running) -> None:
    own = {"extended": [{"id": "x"}]}
    s3_bucket = running.store.buckets["rules"]
    owner = s3_bucket.bucket.owner
    s3_bucket.bucket = type(s3_bucket.bucket)(1, "rules", owner, "us-east-1", MIDNIGHT, {"lifecycle": own})
    put(EXPIRE)
    assert s3_bucket.bucket.settings["lifecycle"]["extended"] == own["extended"]
    s3.delete_bucket_lifecycle(Bucket="rules")
    assert s3_bucket.bucket.settings == {"lifecycle": own}
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket="rules")


def test_ids_are_made_and_differ(s3: Any, put: Any) -> None:
    put({"ID": "", **EXPIRE}, {"ID": "", **EXPIRE}, {"ID": "x" * 255, **EXPIRE})
    first, second, third = (rule["ID"] for rule in s3.get_bucket_lifecycle_configuration(Bucket="rules")["Rules"])
    assert len(first) == len(second) == 48
    assert first != second
    assert third == "x" * 255


def test_a_thousand_rules(s3: Any, put: Any, refusal: Any) -> None:
    put(*[{"Filter": {"Prefix": f"{number}/"}, **EXPIRE} for number in range(1000)])
    assert len(s3.get_bucket_lifecycle_configuration(Bucket="rules")["Rules"]) == 1000
    assert refusal([EXPIRE] * 1001)[0] == "MalformedXML"


@pytest.fixture
def refusal(put: Any) -> Any:
    """Code and message that rules are refused with."""

    def refuse(rules: list[dict[str, Any]], **more: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as caught:
            put(*rules, **more)
        response = caught.value.response
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
        return response["Error"]["Code"], response["Error"]["Message"]

    return refuse


TAG, OTHER = {"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}
ABORT = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}
MARKER = {"Expiration": {"ExpiredObjectDeleteMarker": True}}
MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"


def noncurrent(**parts: Any) -> dict[str, Any]:
    return {"NoncurrentVersionExpiration": parts}


def noncurrent_to(*hops: tuple[str, int]) -> dict[str, Any]:
    found = [{"StorageClass": name, "NoncurrentDays": count} for name, count in hops]
    return {"NoncurrentVersionTransitions": found}


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [{"Status": "enabled", **EXPIRE}],
        [{"NoScope": True, **EXPIRE}],
        [EXPIRE, {"NoScope": True, **EXPIRE}],
        [{"Filter": {"Prefix": "a", "Tag": TAG}, **EXPIRE}],
        [{"Filter": {"Prefix": "a", "ObjectSizeGreaterThan": 1}, **EXPIRE}],
        [{"Filter": {"ObjectSizeLessThan": 9, "ObjectSizeGreaterThan": 1}, **EXPIRE}],
        [{"Filter": {"Prefix": "a", "And": {"Prefix": "a", "Tags": [TAG]}}, **EXPIRE}],
        [{"Filter": {"And": {"Prefix": "a"}}, **EXPIRE}],
        [{"Filter": {"And": {"Tags": [TAG]}}, **EXPIRE}],
        [{"Filter": {"And": {}}, **EXPIRE}],
        [{"Expiration": {}}],
        [{"Expiration": {"Days": 1, "Date": MIDNIGHT}}],
        [{"Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}}],
        [{"Expiration": {"Date": MIDNIGHT, "ExpiredObjectDeleteMarker": False}}],
        [{"Expiration": {"Days": 2**31}}],
        [{"Transitions": [{"StorageClass": "GLACIER"}]}],
        [{"Transitions": [{"Days": 1}]}],
        [{"Transitions": [{"Days": 1, "Date": MIDNIGHT, "StorageClass": "GLACIER"}]}],
        [transitions(("NO_SUCH_CLASS", 1))],
        [transitions(("OUTPOSTS", 1))],
        [noncurrent()],
        [noncurrent(NewerNoncurrentVersions=3)],
        [{"NoncurrentVersionTransitions": [{"StorageClass": "GLACIER"}]}],
        [{"AbortIncompleteMultipartUpload": {}}],
    ],
)
def test_not_of_the_published_form(refusal: Any, rules: list[dict[str, Any]]) -> None:
    assert refusal(rules) == ("MalformedXML", MALFORMED)


def positive(name: str, action: str) -> str:
    return f"'{name}' for {action} action must be a positive integer"


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ([{"ID": "x" * 256, **EXPIRE}], "ID length should not exceed allowed limit of 255"),
        ([{"ID": "a", **EXPIRE}] * 2, "Rule ID must be unique. Found same ID for more than one rule"),
        ([{"Expiration": {"Days": 0}}], positive("Days", "Expiration")),
        ([{"Expiration": {"Days": -1}}], positive("Days", "Expiration")),
        ([{"Expiration": {"Date": datetime(2030, 1, 1, 5, tzinfo=UTC)}}], "'Date' must be at midnight GMT"),
        ([transitions(("GLACIER", datetime(2030, 1, 1, 0, 0, 1, tzinfo=UTC)))], "'Date' must be at midnight GMT"),
        ([transitions(("GLACIER", -1))], "'Days' in Transition action must be nonnegative"),
        ([transitions(("STANDARD", 1))], "Invalid target Storage class for Transition action"),
        ([transitions(("REDUCED_REDUNDANCY", 1))], "Invalid target Storage class for Transition action"),
        ([noncurrent(NoncurrentDays=0)], positive("NoncurrentDays", "NoncurrentVersionExpiration")),
        (
            [noncurrent(NoncurrentDays=1, NewerNoncurrentVersions=0)],
            positive("NewerNoncurrentVersions", "NoncurrentVersionExpiration"),
        ),
        (
            [noncurrent(NoncurrentDays=1, NewerNoncurrentVersions=101)],
            "'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be between 1 and 100",
        ),
        (
            [noncurrent_to(("GLACIER", -1))],
            "'NoncurrentDays' in NoncurrentVersionTransition action must be nonnegative",
        ),
        (
            [{"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 0}}],
            positive("DaysAfterInitiation", "AbortIncompleteMultipartUpload"),
        ),
        (
            [{"Filter": {"Prefix": ""}, "Expiration": {"Days": 5}, **transitions(("GLACIER", 5))}],
            "'Days' in the Expiration action for filter '(prefix=)' must be greater than 'Days' in the Transition "
            "action",
        ),
        (
            [{"Prefix": "a", "Expiration": {"Date": MIDNIGHT}, **transitions(("GLACIER", MIDNIGHT))}],
            "'Date' in the Expiration action for prefix 'a' must be greater than 'Date' in the Transition action",
        ),
        (
            [noncurrent(NoncurrentDays=4) | noncurrent_to(("GLACIER", 4))],
            "'NoncurrentDays' in the NoncurrentVersionExpiration action for filter '()' must be greater than "
            "'NoncurrentDays' in the NoncurrentVersionTransition action",
        ),
        (
            [transitions(("GLACIER", 5), ("STANDARD_IA", 5))],
            "'Days' in the 'Transition' action for StorageClass 'GLACIER' for filter '()' must be greater than 'Days' "
            "in the 'Transition' action for StorageClass 'STANDARD_IA' for filter '()'",
        ),
        (
            [{"Filter": {"And": {"Prefix": "p", "Tags": [TAG, OTHER], "ObjectSizeLessThan": 9}},
              **noncurrent_to(("STANDARD_IA", 9), ("GLACIER_IR", 8))}],
            "'NoncurrentDays' in the 'NoncurrentVersionTransition' action for StorageClass 'GLACIER_IR' for filter "
            "'(prefix=p and tag={key=a, value=1} and tag={key=b, value=2} and objectsizelessthan=9)' must be greater "
            "than 'NoncurrentDays' in the 'NoncurrentVersionTransition' action for StorageClass 'STANDARD_IA' for "
            "filter '(prefix=p and tag={key=a, value=1} and tag={key=b, value=2} and objectsizelessthan=9)'",
        ),
    ],
)  # fmt: skip
def test_arguments(refusal: Any, rules: list[dict[str, Any]], says: str) -> None:
    assert refusal(rules) == ("InvalidArgument", says)


@pytest.mark.parametrize("first", CLASSES)
def test_the_waterfall_has_no_way_back(put: Any, refusal: Any, first: str) -> None:
    back = {(second, first) for second in CLASSES[: CLASSES.index(first)]} | {("ONEZONE_IA", "GLACIER_IR")}
    for second in CLASSES:
        if second == first:
            continue
        if (second, first) in back or (first, second) == ("ONEZONE_IA", "GLACIER_IR"):
            assert refusal([transitions((first, 1), (second, 9))])[0] == "InvalidArgument"
        else:
            put(transitions((first, 1), (second, 9)))


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ([{}], "At least one action needs to be specified in a rule"),
        (
            [EXPIRE, {"Prefix": "a", **EXPIRE}],
            "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter.",
        ),
        ([{"Prefix": "a", **EXPIRE}, EXPIRE], "Filter element can only be used in Lifecycle V2."),
        (
            [{"Prefix": "a", **noncurrent(NoncurrentDays=1, NewerNoncurrentVersions=1)}],
            "NewerNoncurrentVersions element can only be used in Lifecycle V2.",
        ),
        (
            [{"Prefix": "ab", **EXPIRE}, {"Prefix": "b", **EXPIRE}, {"Prefix": "a", **EXPIRE}],
            "Found overlapping prefixes 'a' and 'ab' for same action type 'Expiration'",
        ),
        (
            [{"Prefix": "", **transitions(("GLACIER", 1))}, {"Prefix": "", **transitions(("GLACIER", 2))}],
            "Found two rules with same prefix '' for same action type 'Transition'",
        ),
        ([{"Filter": {"Prefix": "x" * 1025}, **EXPIRE}], "The maximum size of a prefix is 1024."),
        ([{"Prefix": "ü" * 513, **EXPIRE}], "The maximum size of a prefix is 1024."),
        ([{"Filter": {"And": {"Tags": [TAG, TAG]}}, **EXPIRE}], "Duplicate Tag Keys are not allowed."),
        (
            [{"Filter": {"Tag": {"Key": "x" * 129, "Value": ""}}, **EXPIRE}],
            "A Tag's Key must be a length between 1 and 128.",
        ),
        (
            [{"Filter": {"Tag": {"Key": "x", "Value": "x" * 257}}, **EXPIRE}],
            "A Tag's Value must be a length between 0 and 256.",
        ),
        (
            [{"Filter": {"ObjectSizeLessThan": 0}, **EXPIRE}],
            "'ObjectSizeLessThan' should be between 1 and 1099511627776000.",
        ),
        (
            [{"Filter": {"ObjectSizeGreaterThan": -1}, **EXPIRE}],
            "'ObjectSizeGreaterThan' should be between 0 and 1099511627776000.",
        ),
        (
            [{"Filter": {"And": {"ObjectSizeGreaterThan": 5, "ObjectSizeLessThan": 5}}, **EXPIRE}],
            "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.",
        ),
        ([{"Filter": {"Tag": TAG}, **MARKER}], "ExpiredObjectDeleteMarker cannot be specified with Tags."),
        (
            [{"Filter": {"ObjectSizeLessThan": 9}, **MARKER}],
            "ExpiredObjectDeleteMarker cannot be specified with Object Size.",
        ),
        ([{"Filter": {"Tag": TAG}, **ABORT}], "AbortIncompleteMultipartUpload cannot be specified with Tags."),
        (
            [{"Filter": {"And": {"Prefix": "a", "ObjectSizeLessThan": 9}}, **ABORT}],
            "AbortIncompleteMultipartUpload cannot be specified with Object Size.",
        ),
        (
            [transitions(("GLACIER", 1), ("DEEP_ARCHIVE", MIDNIGHT))],
            "Found mixed 'Date' and 'Days' based Transition actions in lifecycle rule for filter '()'",
        ),
        (
            [{"Filter": {"Prefix": "a"}, "Expiration": {"Date": MIDNIGHT}, **transitions(("GLACIER", 1))}],
            "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for filter "
            "'(prefix=a)'",
        ),
        (
            [transitions(("GLACIER", 1), ("GLACIER", 2))],
            "'StorageClass' must be different for 'Transition' actions in same 'Rule' with filter '()'",
        ),
        (
            [{"Prefix": "a", **noncurrent_to(("GLACIER", 1), ("GLACIER", 2))}],
            "'StorageClass' must be different for 'NoncurrentVersionTransition' actions in same 'Rule' with prefix 'a'",
        ),
    ],
)
def test_requests(refusal: Any, rules: list[dict[str, Any]], says: str) -> None:
    assert refusal(rules) == ("InvalidRequest", says)


def test_older_rules_with_other_actions_may_overlap(put: Any) -> None:
    put({"Prefix": "", **EXPIRE}, {"Prefix": "a", **ABORT}, {"Prefix": "a/b", **noncurrent(NoncurrentDays=1)})


def test_the_minimum_size_is_one_of_two(refusal: Any) -> None:
    said = refusal([EXPIRE], TransitionDefaultMinimumObjectSize="none")
    assert said == ("InvalidRequest", "Invalid TransitionDefaultMinimumObjectSize found")


def test_a_class_without_drives(refusal: Any) -> None:
    tiers.configure(available=["hot"])
    try:
        assert refusal([transitions(("GLACIER", 1))])[0] == "InvalidStorageClass"
    finally:
        tiers.configure()


def test_what_was_refused_changes_nothing(s3: Any, put: Any, refusal: Any) -> None:
    put({"ID": "kept", **EXPIRE})
    refusal([{}])
    assert s3.get_bucket_lifecycle_configuration(Bucket="rules")["Rules"][0]["ID"] == "kept"


def test_no_such_bucket(s3: Any) -> None:
    rules = {"Rules": [{"ID": "a", "Status": "Enabled", "Filter": {}, **EXPIRE}]}
    for call in (
        lambda: s3.put_bucket_lifecycle_configuration(Bucket="nobody", LifecycleConfiguration=rules),
        lambda: s3.get_bucket_lifecycle_configuration(Bucket="nobody"),
        lambda: s3.delete_bucket_lifecycle(Bucket="nobody"),
    ):
        with pytest.raises(ClientError, match="NoSuchBucket"):
            call()

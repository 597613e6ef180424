"""Extended rules over the admin API of a real server: kept beside AWS's rules, and refused with what is wrong."""

import json
from typing import Any

import pytest

from tests.harness.server import Server

RULES: list[dict[str, Any]] = [
    {
        "ID": "cold",
        "Status": "Enabled",
        "Filter": {"Prefix": "data/", "Tags": {"a": "b"}, "ObjectSizeGreaterThan": 5},
        "LastAccessDays": 14,
        "AccessCountLessThan": 2.0,
        "StorageClass": "GLACIER_IR",
    },
    {"ID": "scratch", "Status": "Disabled", "Filter": {"Prefix": "tmp/"}, "Hours": 6, "Expire": True},
    {"ID": "full", "Status": "Enabled", "TierFullPercent": {"High": 80, "Low": 70}, "StorageClass": "STANDARD_IA"},
    {
        "ID": "steps",
        "Status": "Enabled",
        "Filter": {"Prefix": "ckpt/"},
        "Days": 1,
        "KeepLast": {"Last": 3, "Every": 10},
        "StorageClass": "GLACIER",
    },
    {"ID": "old", "Status": "Enabled", "LastAccessDays": 7, "Versions": "Noncurrent", "StorageClass": "GLACIER"},
]


def call(server: Server, method: str, bucket: str, rules: Any = None) -> Any:
    body = b"" if rules is None else json.dumps({"Rules": rules}).encode()
    return server.admin(method, f"/buckets/{bucket}/extended-rules", body=body)


def said(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rules as the API shows them: with what they leave out."""
    shown = []
    for rule in rules:
        filter_ = {"Prefix": "", "Tags": {}, **rule.get("Filter", {})}
        full = {"Tier": "hot", **rule["TierFullPercent"]} if "TierFullPercent" in rule else None
        shown.append({"Expire": False, **rule, "Filter": filter_, **({"TierFullPercent": full} if full else {})})
    return shown


def test_put_get_delete(server: Server, s3: Any, bucket: str) -> None:
    assert call(server, "GET", bucket).json() == {"Rules": []}
    expire = {"ID": "aws", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 9}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [expire]})
    assert call(server, "PUT", bucket, RULES).status_code == 200
    assert call(server, "GET", bucket).json() == {"Rules": said(RULES)}
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == [expire]
    s3.delete_bucket_lifecycle(Bucket=bucket)
    assert len(call(server, "GET", bucket).json()["Rules"]) == len(RULES)
    assert call(server, "DELETE", bucket).status_code == 204
    assert call(server, "GET", bucket).json() == {"Rules": []}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"Hours": 0}, "rule 'scratch': Hours: a positive integer"),
        ({"Hours": None}, "rule 'scratch': a rule has at least one of"),
        ({"StorageClass": "GLACIER"}, "rule 'scratch': a rule has exactly one of StorageClass and Expire"),
        ({"Status": "on"}, "Enabled"),
        ({"LastAccess": 3}, "Extra inputs are not permitted"),
        ({"Filter": {"Suffix": "x"}}, "Extra inputs are not permitted"),
    ],
)
def test_refused(server: Server, bucket: str, change: dict[str, Any], says: str) -> None:
    answer = call(server, "PUT", bucket, [{**RULES[1], **change}])
    assert answer.status_code == 422
    assert says in answer.text
    assert call(server, "GET", bucket).json() == {"Rules": []}


def test_no_such_bucket(server: Server) -> None:
    for method, rules in (("GET", None), ("PUT", RULES), ("DELETE", None)):
        assert call(server, method, "nobody", rules).status_code == 404

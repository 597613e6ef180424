"""Lifecycle over the admin API of a real server: rules as JSON, dry run, explain, status."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.harness.server import Server

AWS: list[dict[str, Any]] = [
    {
        "ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 30},
        "Transitions": [{"Days": 5, "StorageClass": "STANDARD_IA"}, {"Days": 10, "StorageClass": "GLACIER"}],
    },
    {
        "ID": "and", "Status": "Disabled",
        "Filter": {"And": {"Prefix": "x", "Tags": [{"Key": "a", "Value": "b"}], "ObjectSizeGreaterThan": 5}},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2},
        "NoncurrentVersionTransitions": [{"NoncurrentDays": 1, "StorageClass": "GLACIER_IR"}],
    },
    {
        "ID": "uploads", "Status": "Enabled", "Filter": {},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}, "Expiration": {"Date": "2031-01-01"},
    },
]  # fmt: skip
EXTENDED: list[dict[str, Any]] = [
    {
        "ID": "cold", "Status": "Enabled", "Filter": {"Prefix": "data/"}, "LastAccessDays": 2,
        "StorageClass": "GLACIER_IR",
    },
    {"ID": "soon", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Hours": 6, "Expire": True},
]  # fmt: skip


def call(server: Server, method: str, bucket: str, rest: str = "", body: Any = None) -> Any:
    raw = b"" if body is None else json.dumps(body).encode()
    return server.admin(method, f"/buckets/{bucket}/lifecycle{rest}", body=raw)


def explained(server: Server, bucket: str, key: str, version: str = "") -> dict[str, Any]:
    query = f"/explain?key={quote(key, safe='')}" + (f"&versionId={version}" if version else "")
    answer = call(server, "GET", bucket, query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def outcome(explanation: dict[str, Any], rule: str) -> list[tuple[str, str]]:
    """(action, state) of a rule."""
    return [(one["action"], one["state"]) for one in explanation["rules"] if one["rule"] == rule]


def test_put_get_delete(server: Server, s3: Any, bucket: str) -> None:
    answer = call(server, "PUT", bucket, body={"Rules": AWS, "ExtendedRules": EXTENDED})
    assert answer.status_code == 200, answer.text
    shown = call(server, "GET", bucket).json()
    assert shown == answer.json()
    sent = json.loads(json.dumps(AWS).replace('"2031-01-01"', '"2031-01-01T00:00:00Z"'))
    assert shown["Rules"] == sent
    assert [rule["ID"] for rule in shown["ExtendedRules"]] == ["cold", "soon"]
    assert [rule["ID"] for rule in s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]] == [
        "logs", "and", "uploads",
    ]  # fmt: skip
    # What is not given stays.
    assert call(server, "PUT", bucket, body={"Rules": AWS[:1]}).status_code == 200
    shown = call(server, "GET", bucket).json()
    assert (len(shown["Rules"]), len(shown["ExtendedRules"])) == (1, 2)
    assert call(server, "PUT", bucket, body={"ExtendedRules": []}).status_code == 200
    shown = call(server, "GET", bucket).json()
    assert (len(shown["Rules"]), len(shown["ExtendedRules"])) == (1, 0)
    assert call(server, "DELETE", bucket).status_code == 204
    assert call(server, "GET", bucket).json()["Rules"] == []


def test_only_if_nobody_has_changed_them(server: Server, s3: Any, bucket: str) -> None:
    """With the ETag of what was read a change is refused once somebody else has changed the rules, whichever way."""
    path = f"/buckets/{bucket}/lifecycle"
    none = call(server, "GET", bucket).headers["etag"]
    body = json.dumps({"Rules": AWS[:1]}).encode()
    answer = server.admin("PUT", path, body=body, headers={"if-match": none})
    assert answer.status_code == 200
    first = answer.headers["etag"]
    assert first == call(server, "GET", bucket).headers["etag"] != none
    assert server.admin("PUT", path, body=body, headers={"if-match": none}).status_code == 412
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": AWS[1:2]})
    refused = server.admin("PUT", path, body=body, headers={"if-match": first})
    assert refused.status_code == 412
    assert "changed meanwhile" in refused.text
    assert server.admin("DELETE", path, headers={"if-match": first}).status_code == 412
    assert [rule["ID"] for rule in call(server, "GET", bucket).json()["Rules"]] == ["and"]
    now = call(server, "GET", bucket).headers["etag"]
    assert server.admin("DELETE", path, headers={"if-match": now}).status_code == 204
    assert call(server, "GET", bucket).headers["etag"] == none


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"Status": "On"}, "Enabled"),
        ({"Filter": None}, "a rule has a Filter"),
        ({"Filter": {"Prefix": "a", "ObjectSizeLessThan": 3}}, "put several into And"),
        ({"Filter": {"And": {"Prefix": "a"}}}, "at least two of"),
        ({"Expiration": {"Days": 3, "ExpiredObjectDeleteMarker": True}}, "exactly one of Date, Days"),
        ({"Expiration": {"Days": 0}}, "'Days' for Expiration action must be a positive integer"),
        ({"Expiration": {"Days": 7}}, "must be greater than"),
        ({"Transitions": [{"Days": 1, "StorageClass": "COLD"}]}, "one of DEEP_ARCHIVE"),
        ({"Transitions": [{"StorageClass": "GLACIER"}]}, "exactly one of Date and Days"),
        ({"Transitons": []}, "Extra inputs"),
        ({"ID": "x" * 256}, "ID length"),
    ],
)
def test_refused(server: Server, bucket: str, change: dict[str, Any], says: str) -> None:
    rule = {name: value for name, value in {**AWS[0], **change}.items() if value is not None}
    answer = call(server, "PUT", bucket, body={"Rules": [rule]})
    assert answer.status_code == 422
    assert says in answer.text
    assert call(server, "GET", bucket).json()["Rules"] == []


def test_what_is_not_there(server: Server, s3: Any, bucket: str) -> None:
    for method, rest, body in (
        ("GET", "", None), ("PUT", "", {"Rules": AWS}), ("DELETE", "", None), ("POST", "/dry-run", None),
        ("GET", "/explain?key=a", None), ("GET", "/status", None),
    ):  # fmt: skip
        assert call(server, method, "nobody-s", rest, body).status_code == 404
    assert call(server, "PUT", bucket, body={}).status_code == 422
    assert call(server, "GET", bucket, "/explain?key=missing").status_code == 404
    assert call(server, "GET", bucket, "/explain?key=missing&versionId=abc").status_code == 422
    assert call(server, "GET", bucket, "/explain").status_code == 422


def test_dry_run(server: Server, s3: Any, bucket: str) -> None:
    sizes = {"logs/a": 200_000, "logs/b": 300_000, "logs/small": 10, "data/x": 1000, "tmp/y": 7}
    for key, size in sizes.items():
        s3.put_object(Bucket=bucket, Key=key, Body=b"x" * size)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="big", UploadId=upload, PartNumber=1, Body=b"y" * 5000)
    body = {"Rules": AWS, "ExtendedRules": EXTENDED}
    found = call(server, "POST", bucket, "/dry-run?days=40", body).json()
    assert call(server, "GET", bucket).json()["Rules"] == []
    totals = {
        (one["rule"], one["action"], one["storage_class"]): (one["total"]["objects"], one["total"]["bytes"])
        for one in found["actions"]
    }
    assert totals == {
        ("logs", "delete", ""): (3, 500_010),
        ("logs", "transition", "STANDARD_IA"): (2, 500_000),
        ("logs", "transition", "GLACIER"): (2, 500_000),
        ("uploads", "abort", ""): (1, 5000),
        ("uploads", "delete", ""): (0, 0),
        ("cold", "transition", "GLACIER_IR"): (1, 1000),
        ("soon", "delete", ""): (1, 7),
    }
    assert all(one["exact"] and one["now"]["objects"] == 0 for one in found["actions"])
    assert all(one["margin"] == one["margin_now"] == {"objects": 0, "bytes": 0} for one in found["actions"])
    (moves,) = [one for one in found["actions"] if one["storage_class"] == "STANDARD_IA"]
    # Five days, rounded up to midnight.
    assert {day["day"] for day in moves["by_day"]} <= {5, 6}
    assert {sample["key"] for sample in moves["samples"]} == {"logs/a", "logs/b"}
    assert moves["tier"] == "capacity"
    # Without a body, the rules that are there; rules that are disabled too.
    assert call(server, "POST", bucket, "/dry-run").json()["actions"] == []
    call(server, "PUT", bucket, body={"Rules": [{**AWS[0], "Status": "Disabled"}]})
    assert len(call(server, "POST", bucket, "/dry-run").json()["actions"]) == 3
    assert call(server, "POST", bucket, "/dry-run", {"Rules": [{"ID": "x"}]}).status_code == 422
    s3.abort_multipart_upload(Bucket=bucket, Key="big", UploadId=upload)


def test_explain(server: Server, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="logs/a", Body=b"x" * 200_000)
    s3.put_object(Bucket=bucket, Key="logs/s", Body=b"x")
    s3.put_object(Bucket=bucket, Key="data/a b", Body=b"x", StorageClass="GLACIER_IR")
    call(server, "PUT", bucket, body={"Rules": AWS, "ExtendedRules": EXTENDED})
    found = explained(server, bucket, "logs/a")
    assert found["version"]["storage_class"] == "STANDARD"
    assert found["now"] is None
    assert (found["next"]["kind"], found["next"]["storage_class"]) == ("transition", "STANDARD_IA")
    assert outcome(found, "logs") == [("delete", "waiting"), ("transition", "waiting"), ("transition", "waiting")]
    assert outcome(found, "and") == [("", "unmatched")]
    assert outcome(found, "soon") == [("", "unmatched")]
    whys = {one["rule"]: one["why"] for one in found["rules"]}
    assert whys["soon"] == "the key does not begin with 'tmp/'"
    assert "the tag 'a' is missing" in whys["and"]
    small = explained(server, bucket, "logs/s")
    assert outcome(small, "logs") == [("delete", "waiting")]
    assert outcome(explained(server, bucket, "data/a b"), "cold") == [("transition", "done")]


def test_explain_versions(server: Server, s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="a", Body=b"1")["VersionId"]
    s3.put_object(Bucket=bucket, Key="a", Body=b"2")
    s3.delete_object(Bucket=bucket, Key="a")
    rule = {
        "ID": "old", "Status": "Enabled", "Filter": {}, "Expiration": {"ExpiredObjectDeleteMarker": True},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 1},
    }  # fmt: skip
    assert call(server, "PUT", bucket, body={"Rules": [rule]}).status_code == 200
    marker = explained(server, bucket, "a")
    assert marker["version"]["is_delete_marker"]
    assert marker["rules"][0]["why"] == "it is a delete marker, and not the only version of its key"
    oldest = explained(server, bucket, "a", first)
    assert outcome(oldest, "old") == [("delete", "waiting")]
    assert oldest["version"]["newer_noncurrent"] == 1


def test_status(server: Server, s3: Any, bucket: str) -> None:
    call(server, "PUT", bucket, body={"Rules": AWS[:1]})
    found = call(server, "GET", bucket, "/status").json()
    assert (found["bucket"], found["backlog"], found["lag_seconds"]) == (bucket, 0, 0.0)
    everything = server.admin("GET", "/lifecycle/status")
    assert everything.status_code == 200
    assert set(everything.json()) == {"at", "backlog", "lag_seconds", "buckets"}

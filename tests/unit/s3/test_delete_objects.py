"""DeleteObjects."""

import base64
import hashlib
from typing import Any

import pytest

from tests.unit.s3.fake_store import FakeStore
from tests.unit.s3.refused import refused
from tests.unit.s3.wire import Reply, Wire


def delete(wire: Wire, inner: str, headers: dict[str, str] | None = None, root: str = "Delete") -> Reply:
    return wire("POST", "/bucket?delete", f"<{root}>{inner}</{root}>".encode(), headers)


@pytest.fixture
def filled(s3: Any) -> Any:
    for key in ("a", "b", "ü &<>"):
        s3.put_object(Bucket="bucket", Key=key, Body=b"x")
    return s3


def test_missing_keys_are_reported_deleted(filled: Any, store: FakeStore) -> None:
    wanted = [{"Key": key} for key in ("a", "ü &<>", "never there")]
    answer = filled.delete_objects(Bucket="bucket", Delete={"Objects": wanted})
    assert answer["Deleted"] == wanted
    assert "Errors" not in answer
    assert list(store.buckets["bucket"].objects) == [b"b"]


def test_quiet(filled: Any, store: FakeStore) -> None:
    wanted = [{"Key": "a"}, {"Key": "b", "VersionId": "x" * 32}]
    answer = filled.delete_objects(Bucket="bucket", Delete={"Objects": wanted, "Quiet": True})
    assert "Deleted" not in answer
    assert [(error["Key"], error["Code"]) for error in answer["Errors"]] == [("b", "NoSuchVersion")]
    assert b"b" in store.buckets["bucket"].objects


def test_versions_and_conditions(filled: Any, store: FakeStore) -> None:
    etag = filled.head_object(Bucket="bucket", Key="a")["ETag"]
    wanted = [
        {"Key": "a", "ETag": etag},
        {"Key": "b", "ETag": '"other"'},
        {"Key": "ü &<>", "VersionId": "null"},
        {"Key": "gone", "ETag": etag},
        {"Key": "k" * 1025},
        {"Key": "b", "VersionId": "not an id!"},
        {"Key": "b", "Size": 10**6},
    ]
    answer = filled.delete_objects(Bucket="bucket", Delete={"Objects": wanted})
    assert answer["Deleted"] == [{"Key": "a"}, {"Key": "ü &<>", "VersionId": "null"}]
    assert [error["Code"] for error in answer["Errors"]] == [
        "PreconditionFailed",
        "NoSuchKey",
        "KeyTooLongError",
        "InvalidArgument",
        "PreconditionFailed",
    ]
    assert list(store.buckets["bucket"].objects) == [b"b"]


DOCUMENT = b"<Delete><Object><Key>a</Key></Object></Delete>"
MD5 = base64.b64encode(hashlib.md5(DOCUMENT).digest()).decode()
SHA256 = base64.b64encode(hashlib.sha256(DOCUMENT).digest()).decode()


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({}, (200, None)),
        ({"Content-MD5": MD5}, (200, None)),
        ({"x-amz-checksum-sha256": SHA256}, (200, None)),
        ({"Content-MD5": MD5, "x-amz-checksum-sha256": SHA256}, (200, None)),
        ({"Content-MD5": MD5[::-1]}, (400, "InvalidDigest")),
        ({"Content-MD5": base64.b64encode(bytes(16)).decode()}, (400, "BadDigest")),
        ({"x-amz-checksum-crc32": "AAAAAA=="}, (400, "BadDigest")),
    ],
)
def test_any_digest_or_none(filled: Any, wire: Wire, headers: dict[str, str], outcome: tuple[int, str | None]) -> None:
    assert wire("POST", "/bucket?delete=", DOCUMENT, headers).outcome == outcome


def test_a_thousand_and_no_more(filled: Any) -> None:
    wanted = [{"Key": f"{n}"} for n in range(1001)]
    assert len(filled.delete_objects(Bucket="bucket", Delete={"Objects": wanted[:1000]})["Deleted"]) == 1000
    assert refused(filled.delete_objects, Bucket="bucket", Delete={"Objects": wanted}) == (400, "MalformedXML")
    assert refused(filled.delete_objects, Bucket="nothing", Delete={"Objects": wanted[:1]}) == (404, "NoSuchBucket")


@pytest.mark.parametrize(
    "inner",
    [
        "",
        "<Quiet>true</Quiet>",
        "<Object/>",
        "<Object><Key>a</Key><Key>b</Key></Object>",
        "<Object><Key><b/></Key></Object>",
        "<Object><Key>a</Key><VersionID>x</VersionID></Object>",
        "<Object><Key>a</Key></Object><Quiet>maybe</Quiet>",
        "<object><Key>a</Key></object>",
        "<Object><Key>a</Key>",
        "<Object><Key>\x01</Key></Object>",
        "<Object><Key>&#0;</Key></Object>",
        "<Object><Key>&undefined;</Key></Object>",
    ],
)
def test_malformed_deletes_nothing(filled: Any, store: FakeStore, wire: Wire, inner: str) -> None:
    assert delete(wire, inner).outcome == (400, "MalformedXML")
    assert len(store.buckets["bucket"].objects) == 3


def test_empty_key_is_an_error_of_its_entry(filled: Any, wire: Wire) -> None:
    reply = delete(wire, "<Object><Key></Key></Object><Object><Key>a</Key></Object>")
    assert [found.text for found in reply.xml.iter("Code")] == ["UserKeyMustBeSpecified"]
    assert [found.findtext("Key") for found in reply.xml.iter("Deleted")] == ["a"]


def test_wrong_root(filled: Any, wire: Wire) -> None:
    assert delete(wire, "<Object><Key>a</Key></Object>", root="Deletes").outcome == (400, "MalformedXML")

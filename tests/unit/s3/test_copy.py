"""CopyObject."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from objstore.api.s3.copy_source import parse_copy_source
from objstore.model.errors import InvalidArgument, KeyTooLongError, NoSuchBucket
from objstore.model.limits import PUT_BYTES_MAX
from tests.unit.s3.fake_store import FakeStore
from tests.unit.s3.refused import refused
from tests.unit.s3.wire import Wire

SOURCE = "a b/c+d%é?.txt"


@pytest.fixture
def sourced(s3: Any) -> Any:
    s3.put_object(
        Bucket="bucket", Key=SOURCE, Body=b"hello", Metadata={"a": "1"}, Tagging="t=1", ContentType="text/plain",
        StorageClass="STANDARD_IA",
    )  # fmt: skip
    return s3


def copy(s3: Any, key: str = "copy", **fields: Any) -> Any:
    return s3.copy_object(Bucket="bucket", Key=key, CopySource={"Bucket": "bucket", "Key": SOURCE}, **fields)


def test_copy_keeps_what_the_source_has(sourced: Any) -> None:
    result = copy(sourced)["CopyObjectResult"]
    assert result["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    assert (result["ChecksumCRC32"], result["ChecksumType"]) == ("NhCmhg==", "FULL_OBJECT")
    got = sourced.get_object(Bucket="bucket", Key="copy")
    assert (got["Body"].read(), got["Metadata"], got["ContentType"]) == (b"hello", {"a": "1"}, "text/plain")
    assert got["TagCount"] == 1
    assert "StorageClass" not in got  # AWS: STANDARD unless named
    assert result["LastModified"] == got["LastModified"]


def test_copy_replaces_what_it_is_told_to(sourced: Any) -> None:
    copy(
        sourced, MetadataDirective="REPLACE", Metadata={"b": "2"}, TaggingDirective="REPLACE", Tagging="x=1&y=2",
        StorageClass="GLACIER_IR", ChecksumAlgorithm="SHA256",
    )  # fmt: skip
    head = sourced.head_object(Bucket="bucket", Key="copy", ChecksumMode="ENABLED")
    assert (head["Metadata"], head["ContentType"], head["TagCount"]) == ({"b": "2"}, "binary/octet-stream", 2)
    assert head["StorageClass"] == "GLACIER_IR"
    assert "ChecksumSHA256" in head


def test_copy_onto_itself(sourced: Any) -> None:
    assert refused(copy, sourced, SOURCE) == (400, "InvalidRequest")
    assert refused(copy, sourced, SOURCE, TaggingDirective="REPLACE", Tagging="a=1") == (400, "InvalidRequest")
    copy(sourced, SOURCE, MetadataDirective="REPLACE")
    copy(sourced, SOURCE, StorageClass="STANDARD")


YESTERDAY, TOMORROW = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 1))
ETAG = '"5d41402abc4b2a76b9719d911017c592"'


@pytest.mark.parametrize(
    ("conditions", "ok"),
    [
        ({"CopySourceIfMatch": ETAG}, True),
        ({"CopySourceIfMatch": '"x"'}, False),
        ({"CopySourceIfNoneMatch": '"x"'}, True),
        ({"CopySourceIfNoneMatch": ETAG}, False),
        ({"CopySourceIfModifiedSince": YESTERDAY}, True),
        ({"CopySourceIfModifiedSince": TOMORROW}, False),
        ({"CopySourceIfUnmodifiedSince": TOMORROW}, True),
        ({"CopySourceIfUnmodifiedSince": YESTERDAY}, False),
        ({"CopySourceIfMatch": ETAG, "CopySourceIfUnmodifiedSince": YESTERDAY}, True),
        ({"CopySourceIfNoneMatch": ETAG, "CopySourceIfModifiedSince": YESTERDAY}, False),
    ],
)
def test_conditions_on_the_source(sourced: Any, conditions: dict[str, Any], ok: bool) -> None:
    if ok:
        copy(sourced, **conditions)
    else:
        assert refused(copy, sourced, **conditions) == (412, "PreconditionFailed")


def test_conditions_on_the_target(sourced: Any) -> None:
    copy(sourced, IfNoneMatch="*")
    assert refused(copy, sourced, IfNoneMatch="*") == (412, "PreconditionFailed")
    assert refused(copy, sourced, "absent", IfMatch=ETAG) == (404, "NoSuchKey")


def test_refusals(sourced: Any, wire: Wire, store: FakeStore) -> None:
    assert refused(copy, sourced, MetadataDirective="x") == (400, "InvalidArgument")
    assert refused(copy, sourced, TaggingDirective="x") == (400, "InvalidArgument")
    assert refused(copy, sourced, ChecksumAlgorithm="MD4") == (400, "InvalidRequest")
    assert refused(copy, sourced, StorageClass="x") == (400, "InvalidStorageClass")
    missing = {"Bucket": "bucket", "Key": "copy"}
    assert refused(sourced.copy_object, **missing, CopySource="bucket/nothing") == (404, "NoSuchKey")
    assert refused(sourced.copy_object, **missing, CopySource="nothing/key") == (404, "NoSuchBucket")
    assert refused(sourced.copy_object, Bucket="nothing", Key="k", CopySource="bucket/x")[0] == 404
    store.buckets["bucket"].objects[SOURCE.encode()][0].size = PUT_BYTES_MAX + 1
    assert refused(copy, sourced) == (400, "InvalidRequest")
    assert "copy" not in {key.decode() for key in store.buckets["bucket"].objects}


@pytest.mark.parametrize(
    ("header", "source"),
    [
        (b"bucket/key", ("bucket", b"key", None)),
        (b"/bucket/key", ("bucket", b"key", None)),
        (b"%2Fbucket%2Fa%20b", ("bucket", b"a b", None)),
        (b"bucket//key", ("bucket", b"/key", None)),
        (b"bucket/a+b", ("bucket", b"a+b", None)),
        (b"bucket/key?versionId=null", ("bucket", b"key", b"")),
        (b"bucket/key?versionId=" + b"0a" * 16, ("bucket", b"key", b"\n" * 16)),
        (b"bucket/what?", ("bucket", b"what?", None)),
        (b"bucket/../key", ("bucket", b"../key", None)),
        (b"bucket/%252e", ("bucket", b"%2e", None)),
    ],
)
def test_copy_source(header: bytes, source: tuple[str, bytes, bytes | None]) -> None:
    assert parse_copy_source(header) == source


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (b"", InvalidArgument),
        (b"/", InvalidArgument),
        (b"bucket", InvalidArgument),
        (b"bucket/", InvalidArgument),
        (b"//key", InvalidArgument),
        (b"bucket/key?versionId=x", InvalidArgument),
        (b"bucket/key?versionId=", InvalidArgument),
        (b"bucket/" + b"k" * 1025, KeyTooLongError),
        (b"../key", NoSuchBucket),
        (b"UPPER/key", NoSuchBucket),
    ],
)
def test_bad_copy_source(header: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_copy_source(header)


def test_range_on_copy_object_is_no_matter(wire: Wire, sourced: Any) -> None:
    reply = wire("PUT", "/bucket/copy", headers={"x-amz-copy-source": "", "Range": "bytes=0-1"})
    assert reply.outcome == (400, "InvalidArgument")

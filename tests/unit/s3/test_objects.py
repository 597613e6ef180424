"""PutObject, GetObject, HeadObject, DeleteObject."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.s3.fake_store import FakeStore
from tests.unit.s3.refused import refused
from tests.unit.s3.wire import Wire

HELLO_ETAG = '"5d41402abc4b2a76b9719d911017c592"'


def put(s3: Any, key: str = "key", body: bytes = b"hello", **fields: Any) -> Any:
    return s3.put_object(Bucket="bucket", Key=key, Body=body, **fields)


def test_round_trip(s3: Any) -> None:
    answer = put(s3, "a/b c+d%.txt", ContentType="text/plain")
    assert answer["ETag"] == HELLO_ETAG
    assert answer["ChecksumCRC32"] == "NhCmhg=="
    got = s3.get_object(Bucket="bucket", Key="a/b c+d%.txt")
    assert got["Body"].read() == b"hello"
    assert (got["ContentType"], got["ETag"], got["AcceptRanges"]) == ("text/plain", HELLO_ETAG, "bytes")
    assert "StorageClass" not in got


def test_empty_object(s3: Any) -> None:
    put(s3, body=b"")
    got = s3.get_object(Bucket="bucket", Key="key")
    assert (got["Body"].read(), got["ContentLength"], got["ContentType"]) == (b"", 0, "binary/octet-stream")


def test_head_is_get_without_a_body(s3: Any) -> None:
    put(s3, Metadata={"a": "1"}, CacheControl="no-store")
    head = s3.head_object(Bucket="bucket", Key="key", ChecksumMode="ENABLED")
    got = s3.get_object(Bucket="bucket", Key="key", ChecksumMode="ENABLED")
    changing = {"x-amz-request-id", "date"}
    headers = [answer["ResponseMetadata"]["HTTPHeaders"] for answer in (head, got)]
    assert len({tuple(sorted((n, v) for n, v in found.items() if n not in changing)) for found in headers}) == 1


def test_large_object_in_pieces(s3: Any, store: FakeStore) -> None:
    content = bytes(range(256)) * 4000
    put(s3, body=content)
    assert s3.get_object(Bucket="bucket", Key="key")["Body"].read() == content
    assert store.readers[-1].closed


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums_are_given_back_when_asked_for(s3: Any, algorithm: str) -> None:
    answer = put(s3, ChecksumAlgorithm=algorithm)
    name = f"Checksum{algorithm}"
    assert answer["ChecksumType"] == "FULL_OBJECT"
    got = s3.get_object(Bucket="bucket", Key="key", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"hello"  # botocore verifies it here
    assert got[name] == answer[name]
    head = s3.head_object(Bucket="bucket", Key="key", ChecksumMode="ENABLED")
    assert (head[name], head["ChecksumType"]) == (answer[name], "FULL_OBJECT")


def test_checksum_is_not_given_unasked_or_with_a_part(wire: Wire, s3: Any) -> None:
    put(s3)
    enabled = {"x-amz-checksum-mode": "ENABLED"}
    for method in ("GET", "HEAD"):
        for headers in ({}, enabled | {"Range": "bytes=0-1"}, enabled | {"Range": "bytes=0-"}):
            reply = wire(method, "/bucket/key", headers=headers)
            assert not [name for name in reply.headers if name.startswith("x-amz-checksum")]
        assert "x-amz-checksum-crc32" in wire(method, "/bucket/key", headers=enabled).headers


def test_wrong_digests_are_refused(s3: Any, store: FakeStore) -> None:
    other = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    assert refused(put, s3, ContentMD5=other) == (400, "BadDigest")
    assert refused(put, s3, ContentMD5="nonsense") == (400, "InvalidDigest")
    assert refused(put, s3, ChecksumSHA256=base64.b64encode(bytes(32)).decode()) == (400, "BadDigest")
    assert not store.buckets["bucket"].objects


def test_system_and_user_metadata(s3: Any) -> None:
    fields = {
        "CacheControl": "max-age=1",
        "ContentDisposition": 'attachment; filename="a b"',
        "ContentLanguage": "de",
        "ContentType": "text/html; charset=utf-8",
        "WebsiteRedirectLocation": "/elsewhere",
    }
    put(s3, Metadata={"Owner": "me", "mtime": "1.5"}, Expires=datetime(2030, 1, 1, tzinfo=UTC), **fields)
    for answer in (s3.get_object(Bucket="bucket", Key="key"), s3.head_object(Bucket="bucket", Key="key")):
        assert {name: answer[name] for name in fields} == fields
        assert answer["Metadata"] == {"owner": "me", "mtime": "1.5"}
        assert answer["ResponseMetadata"]["HTTPHeaders"]["expires"] == "Tue, 01 Jan 2030 00:00:00 GMT"


@pytest.mark.parametrize(
    ("sent", "kept"), [("gzip", "gzip"), ("aws-chunked", None), ("gzip,aws-chunked", "gzip"), ("aws-chunked, br", "br")]
)
def test_content_encoding_loses_aws_chunked(wire: Wire, sent: str, kept: str | None) -> None:
    assert wire("PUT", "/bucket/key", b"x", {"Content-Encoding": sent}).status == 200
    assert wire("HEAD", "/bucket/key").headers.get("content-encoding") == kept


def test_metadata_bytes_come_back_as_sent(wire: Wire) -> None:
    assert wire("PUT", "/bucket/key", b"x", {"x-amz-meta-note": "grüße"}).status == 200
    assert wire("GET", "/bucket/key").headers["x-amz-meta-note"].encode("latin-1") == "grüße".encode()


def test_metadata_limit(s3: Any) -> None:
    put(s3, Metadata={"a": "x" * 2047})
    assert refused(put, s3, Metadata={"a": "x" * 2048}) == (400, "MetadataTooLarge")
    assert refused(put, s3, Metadata={"a": "x" * 1500, "b": "x" * 1500}) == (400, "MetadataTooLarge")


def test_storage_class(s3: Any) -> None:
    put(s3, StorageClass="GLACIER_IR")
    assert s3.head_object(Bucket="bucket", Key="key")["StorageClass"] == "GLACIER_IR"
    put(s3, StorageClass="STANDARD")
    assert "StorageClass" not in s3.head_object(Bucket="bucket", Key="key")
    assert refused(put, s3, StorageClass="COLD") == (400, "InvalidStorageClass")
    assert refused(put, s3, StorageClass="OUTPOSTS") == (400, "InvalidStorageClass")


def test_tags(s3: Any) -> None:
    put(s3, Tagging="a=1&b%20c=%C3%BC&d=")
    assert s3.head_object(Bucket="bucket", Key="key")["TagCount"] == 3
    assert s3.get_object_tagging(Bucket="bucket", Key="key")["TagSet"] == [
        {"Key": "a", "Value": "1"},
        {"Key": "b c", "Value": "ü"},
        {"Key": "d", "Value": ""},
    ]


@pytest.mark.parametrize(
    ("tagging", "code"),
    [
        ("&".join(f"k{n}=v" for n in range(11)), "BadRequest"),
        ("a=1&a=2", "InvalidArgument"),
        ("k" * 129 + "=v", "InvalidTag"),
        ("k=" + "v" * 257, "InvalidTag"),
        ("=v", "InvalidTag"),
        ("a=%00", "InvalidTag"),
        ("a=<", "InvalidTag"),
        ("aws:x=1", "InvalidTag"),
        ("a=%FF", "InvalidArgument"),
    ],
)
def test_bad_tags(s3: Any, tagging: str, code: str) -> None:
    assert refused(put, s3, Tagging=tagging) == (400, code)


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"SSEKMSKeyId": "k"}, (400, "InvalidArgument")),
        ({"ServerSideEncryption": "AES256", "SSEKMSKeyId": "k"}, (400, "InvalidArgument")),
        # A client's key over a connection that others can read.
        ({"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "0" * 32}, (400, "InvalidRequest")),
        ({"ACL": "public-read"}, (400, "AccessControlListNotSupported")),
        ({"GrantRead": "id=1"}, (400, "AccessControlListNotSupported")),
        ({"ObjectLockLegalHoldStatus": "ON"}, (400, "InvalidRequest")),
        ({"WebsiteRedirectLocation": "elsewhere"}, (400, "InvalidRedirectLocation")),
    ],
)
def test_what_is_not_done_is_refused(s3: Any, fields: dict[str, Any], outcome: tuple[int, str]) -> None:
    assert refused(put, s3, **fields) == outcome
    assert refused(s3.create_multipart_upload, Bucket="bucket", Key="k", **fields) == outcome


def test_harmless_acls_are_accepted(s3: Any) -> None:
    put(s3, ACL="private")
    put(s3, ACL="bucket-owner-full-control")


def test_expected_bucket_owner(s3: Any) -> None:
    owner = s3.list_buckets()["Owner"]["ID"]
    put(s3, ExpectedBucketOwner=owner)
    assert refused(put, s3, ExpectedBucketOwner="111122223333") == (403, "AccessDenied")
    assert refused(s3.head_bucket, Bucket="bucket", ExpectedBucketOwner="111122223333") == (403, "403")
    copy = {"CopySource": "bucket/key", "Bucket": "bucket", "Key": "copy"}
    s3.copy_object(**copy, ExpectedSourceBucketOwner=owner)
    assert refused(s3.copy_object, **copy, ExpectedSourceBucketOwner="1") == (403, "AccessDenied")


def test_missing(s3: Any) -> None:
    assert refused(s3.get_object, Bucket="bucket", Key="nothing") == (404, "NoSuchKey")
    assert refused(s3.get_object, Bucket="nothing", Key="nothing") == (404, "NoSuchBucket")
    assert refused(s3.head_object, Bucket="bucket", Key="nothing") == (404, "404")
    assert refused(put, s3, "k" * 1025) == (400, "KeyTooLongError")
    put(s3, "k" * 1024)


def test_missing_is_named(wire: Wire) -> None:
    reply = wire("GET", "/bucket/a%20b")
    assert reply.xml.findtext("Key") == "a b"
    assert reply.xml.findtext("Resource") == "/bucket/a%20b"
    assert reply.xml.findtext("RequestId") == reply.headers["x-amz-request-id"]
    assert reply.xml.findtext("HostId") == reply.headers["x-amz-id-2"]
    assert wire("GET", "/other/k").xml.findtext("BucketName") == "other"


def test_delete(s3: Any) -> None:
    put(s3)
    assert s3.delete_object(Bucket="bucket", Key="key")["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert s3.delete_object(Bucket="bucket", Key="key")["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refused(s3.delete_object, Bucket="nothing", Key="key") == (404, "NoSuchBucket")


def test_conditional_delete(s3: Any) -> None:
    put(s3)
    assert refused(s3.delete_object, Bucket="bucket", Key="key", IfMatch='"other"') == (412, "PreconditionFailed")
    s3.delete_object(Bucket="bucket", Key="key", IfMatch=HELLO_ETAG)
    assert refused(s3.delete_object, Bucket="bucket", Key="key", IfMatch=HELLO_ETAG) == (404, "NoSuchKey")
    s3.delete_object(Bucket="bucket", Key="key", IfMatchSize=5)  # of what is not there it does not matter
    put(s3)
    for fields in ({"IfMatchSize": 1}, {"IfMatchLastModifiedTime": datetime(2001, 1, 1, tzinfo=UTC)}):
        assert refused(s3.delete_object, Bucket="bucket", Key="key", **fields) == (412, "PreconditionFailed")
    s3.delete_object(
        Bucket="bucket", Key="key", IfMatchSize=s3.head_object(Bucket="bucket", Key="key")["ContentLength"]
    )


def test_conditional_put(s3: Any) -> None:
    put(s3, IfNoneMatch="*")
    assert refused(put, s3, IfNoneMatch="*") == (412, "PreconditionFailed")
    assert refused(put, s3, IfNoneMatch=HELLO_ETAG) == (412, "PreconditionFailed")
    assert refused(put, s3, IfNoneMatch='"a", "b"') == (501, "NotImplemented")
    put(s3, IfMatch=HELLO_ETAG, body=b"new")
    assert refused(put, s3, IfMatch=HELLO_ETAG) == (412, "PreconditionFailed")
    assert refused(put, s3, IfMatch="W/" + HELLO_ETAG) == (412, "PreconditionFailed")
    assert refused(put, s3, "absent", IfMatch=HELLO_ETAG) == (404, "NoSuchKey")
    assert refused(put, s3, "absent", IfMatch="*") == (404, "NoSuchKey")
    put(s3, IfMatch="*")
    put(s3, IfNoneMatch='"other"')


YESTERDAY, TOMORROW = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 1))


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ({"IfMatch": HELLO_ETAG}, 200),
        ({"IfMatch": HELLO_ETAG.strip('"')}, 200),
        ({"IfMatch": "*"}, 200),
        ({"IfMatch": f'"x", {HELLO_ETAG}'}, 200),
        ({"IfMatch": '"x"'}, 412),
        ({"IfMatch": "W/" + HELLO_ETAG}, 412),
        ({"IfMatch": "x" * 10000}, 412),
        ({"IfNoneMatch": '"x"'}, 200),
        ({"IfNoneMatch": HELLO_ETAG}, 304),
        ({"IfNoneMatch": "W/" + HELLO_ETAG}, 304),
        ({"IfNoneMatch": "*"}, 304),
        ({"IfModifiedSince": YESTERDAY}, 200),
        ({"IfModifiedSince": TOMORROW}, 304),
        ({"IfUnmodifiedSince": TOMORROW}, 200),
        ({"IfUnmodifiedSince": YESTERDAY}, 412),
        ({"IfMatch": HELLO_ETAG, "IfUnmodifiedSince": YESTERDAY}, 200),
        ({"IfMatch": '"x"', "IfUnmodifiedSince": TOMORROW}, 412),
        ({"IfNoneMatch": HELLO_ETAG, "IfModifiedSince": YESTERDAY}, 304),
        ({"IfNoneMatch": '"x"', "IfModifiedSince": TOMORROW}, 200),
        ({"IfMatch": '"x"', "IfNoneMatch": HELLO_ETAG}, 412),
        ({"IfMatch": HELLO_ETAG, "IfNoneMatch": HELLO_ETAG}, 304),
    ],
)
def test_conditional_read(s3: Any, conditions: dict[str, Any], status: int) -> None:
    put(s3)
    for call in (s3.get_object, s3.head_object):
        if status == 200:
            assert call(Bucket="bucket", Key="key", **conditions)["ETag"] == HELLO_ETAG
        else:
            assert refused(call, Bucket="bucket", Key="key", **conditions)[0] == status


def test_not_modified_since_the_very_second(wire: Wire, s3: Any) -> None:
    put(s3)
    modified = wire("HEAD", "/bucket/key").headers["last-modified"]
    reply = wire("GET", "/bucket/key", headers={"If-Modified-Since": modified})
    assert (reply.status, reply.body) == (304, b"")
    assert (reply.headers["etag"], reply.headers["last-modified"]) == (HELLO_ETAG, modified)
    assert "content-length" not in reply.headers
    assert wire("GET", "/bucket/key", headers={"If-Unmodified-Since": modified}).status == 200
    for nonsense in ("yesterday", "", "0"):
        assert wire("GET", "/bucket/key", headers={"If-Modified-Since": nonsense}).status == 200


def test_response_overrides(s3: Any) -> None:
    put(s3, ContentType="text/plain", CacheControl="no-store")
    got = s3.get_object(
        Bucket="bucket",
        Key="key",
        ResponseContentType="application/x-other",
        ResponseContentDisposition="attachment; filename=ü.txt",
        ResponseContentEncoding="br",
        ResponseContentLanguage="fr",
        ResponseCacheControl="private",
        ResponseExpires=datetime(2030, 1, 1, tzinfo=UTC),
    )
    assert got["ContentType"] == "application/x-other"
    assert got["CacheControl"] == "private"
    assert (got["ContentEncoding"], got["ContentLanguage"]) == ("br", "fr")
    assert got["ContentDisposition"].encode("latin-1").decode() == "attachment; filename=ü.txt"
    assert got["ResponseMetadata"]["HTTPHeaders"]["expires"].endswith("2030 00:00:00 GMT")


@pytest.mark.parametrize("value", ["a%0d%0aSet-Cookie:%20x", "a%0ab", "%00", "a%7f"])
def test_no_control_byte_reaches_a_header(wire: Wire, s3: Any, value: str) -> None:
    put(s3)
    for name in ("content-type", "content-disposition", "expires"):
        reply = wire("GET", f"/bucket/key?response-{name}={value}")
        assert reply.outcome == (400, "InvalidArgument")
        assert "set-cookie" not in reply.headers


def test_version_ids(s3: Any, wire: Wire) -> None:
    put(s3)
    assert s3.get_object(Bucket="bucket", Key="key", VersionId="null")["Body"].read() == b"hello"
    assert refused(s3.get_object, Bucket="bucket", Key="key", VersionId="a" * 32) == (404, "NoSuchVersion")
    # A version that is not there is as good as deleted.
    assert s3.delete_object(Bucket="bucket", Key="key", VersionId="a" * 32)["VersionId"] == "a" * 32
    for bad in ("'; DROP TABLE object", "x" * 10000, "../x"):
        assert refused(s3.get_object, Bucket="bucket", Key="key", VersionId=bad) == (400, "InvalidArgument")
    assert wire("GET", "/bucket/key?versionId=").outcome == (400, "InvalidArgument")
    assert wire("HEAD", "/bucket/key?versionId=" + "a" * 32).status == 404
    s3.delete_object(Bucket="bucket", Key="key", VersionId="null")
    assert refused(s3.head_object, Bucket="bucket", Key="key")[0] == 404


def test_length_is_bounded(wire: Wire) -> None:
    reply = wire("PUT", "/bucket/key", headers={"Content-Length": str(5 * 2**30 + 1)})
    assert reply.outcome == (400, "EntityTooLarge")
    assert reply.headers["connection"] == "close"


def test_object_attributes(s3: Any, wire: Wire) -> None:
    put(s3, StorageClass="STANDARD_IA")
    names = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
    got = s3.get_object_attributes(Bucket="bucket", Key="key", ObjectAttributes=names)
    assert got["ETag"] == HELLO_ETAG.strip('"')
    assert got["Checksum"] == {"ChecksumCRC32": "NhCmhg==", "ChecksumType": "FULL_OBJECT"}
    assert (got["StorageClass"], got["ObjectSize"]) == ("STANDARD_IA", 5)
    assert "ObjectParts" not in got
    only = s3.get_object_attributes(Bucket="bucket", Key="key", ObjectAttributes=["ObjectSize"])
    assert not {"ETag", "Checksum", "StorageClass"} & only.keys()
    assert wire("GET", "/bucket/key?attributes").outcome == (400, "InvalidArgument")
    bad = wire("GET", "/bucket/key?attributes", headers={"x-amz-object-attributes": "Nonsense"})
    assert bad.outcome == (400, "InvalidArgument")
    assert refused(s3.get_object_attributes, Bucket="bucket", Key="no", ObjectAttributes=names) == (404, "NoSuchKey")

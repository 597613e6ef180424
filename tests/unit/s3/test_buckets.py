"""Buckets and the probes for what is not set."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.s3.conftest import OWNER, Running
from tests.unit.s3.fake_store import FakeStore
from tests.unit.s3.refused import refused
from tests.unit.s3.wire import Wire


def test_create_head_list_delete(s3: Any) -> None:
    head = s3.head_bucket(Bucket="bucket")
    assert head["BucketRegion"] == "us-east-1"
    listed = s3.list_buckets()
    assert [bucket["Name"] for bucket in listed["Buckets"]] == ["bucket"]
    assert listed["Owner"]["ID"] == OWNER
    assert s3.get_bucket_location(Bucket="bucket")["LocationConstraint"] is None
    s3.delete_bucket(Bucket="bucket")
    assert refused(s3.head_bucket, Bucket="bucket") == (404, "404")
    assert refused(s3.delete_bucket, Bucket="bucket") == (404, "NoSuchBucket")


def test_delete_needs_an_empty_bucket(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="key", Body=b"")
    assert refused(s3.delete_bucket, Bucket="bucket") == (409, "BucketNotEmpty")


def test_create_again_in_us_east_1(s3: Any, store: FakeStore) -> None:
    s3.create_bucket(Bucket="bucket")
    store.buckets["bucket"].bucket = store.buckets["bucket"].bucket.__class__(
        1, "bucket", "somebody else", "us-east-1", store.buckets["bucket"].bucket.created
    )
    assert refused(s3.create_bucket, Bucket="bucket") == (409, "BucketAlreadyExists")


@pytest.fixture(scope="module")
def european() -> Iterator[Any]:
    with Running(region="eu-west-1") as server:
        yield server.client()


def test_create_in_another_region(european: Any) -> None:
    for constraint in ("eu-west-1", "EU"):
        european.create_bucket(
            Bucket=f"b-{constraint.lower()}", CreateBucketConfiguration={"LocationConstraint": constraint}
        )
    european.create_bucket(Bucket="unsaid")
    assert refused(european.create_bucket, Bucket="unsaid") == (409, "BucketAlreadyOwnedByYou")
    assert european.get_bucket_location(Bucket="unsaid")["LocationConstraint"] == "eu-west-1"
    assert european.head_bucket(Bucket="unsaid")["BucketRegion"] == "eu-west-1"


@pytest.mark.parametrize(
    ("constraint", "outcome"),
    [
        ("eu-west-1", (400, "IllegalLocationConstraintException")),
        ("nowhere", (400, "InvalidLocationConstraint")),
    ],
)
def test_location_constraint(s3: Any, constraint: str, outcome: tuple[int, str]) -> None:
    wanted = {"LocationConstraint": constraint}
    assert refused(s3.create_bucket, Bucket="other", CreateBucketConfiguration=wanted) == outcome
    s3.create_bucket(Bucket="other", CreateBucketConfiguration={"LocationConstraint": "us-east-1"})


@pytest.mark.parametrize(
    "name",
    [
        "ab",
        "a" * 64,
        "Upper",
        "under_score",
        "-dash",
        "dash-",
        ".dot",
        "a..b",
        "a.-b",
        "192.168.5.4",
        "xn--bucket",
        "sthree-bucket",
        "amzn-s3-demo-bucket",
        "bucket-s3alias",
        "bucket--ol-s3",
        "bucket.mrap",
        "bucket--x-s3",
        "bucket--table-s3",
        "b%20b",
        "b%00b",
        "bucket%0A",
        "%C3%BC%C3%BC%C3%BC",
        "$extremelyunlikelytoexist$",
    ],
)
def test_bad_names(wire: Wire, name: str) -> None:
    assert wire("PUT", f"/{name}").outcome == (400, "InvalidBucketName")
    assert wire("HEAD", f"/{name}").status == 404
    assert wire("GET", f"/{name}").outcome == (404, "NoSuchBucket")
    assert wire("PUT", f"/{name}/key", b"").outcome == (404, "NoSuchBucket")


@pytest.mark.parametrize("name", ["abc", "a" * 63, "1.2.3", "a-b.c-d", "0000", "bucket.s3.alias"])
def test_good_names(wire: Wire, name: str) -> None:
    assert wire("PUT", f"/{name}").status == 200
    assert wire("PUT", f"/{name}/").status == 200  # s3cmd adds a slash


def test_create_options(s3: Any) -> None:
    s3.create_bucket(Bucket="other", ACL="private", ObjectLockEnabledForBucket=False)
    assert refused(s3.create_bucket, Bucket="more", ACL="public-read") == (400, "AccessControlListNotSupported")
    assert refused(s3.create_bucket, Bucket="more", GrantRead="id=1") == (400, "AccessControlListNotSupported")
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    assert s3.get_bucket_versioning(Bucket="locked")["Status"] == "Enabled"
    s3.create_bucket(Bucket="owned", ObjectOwnership="BucketOwnerEnforced")
    s3.create_bucket(Bucket="shared", ObjectOwnership="ObjectWriter")
    found = s3.get_bucket_ownership_controls(Bucket="shared")["OwnershipControls"]["Rules"]
    assert found == [{"ObjectOwnership": "ObjectWriter"}]


def test_create_with_a_broken_document(wire: Wire) -> None:
    assert wire("PUT", "/other", b"<CreateBucketConfiguration>").outcome == (400, "MalformedXML")
    assert wire("PUT", "/other", b"<Other/>").outcome == (400, "MalformedXML")
    assert wire("HEAD", "/other").status == 404


def test_list_buckets_in_pages(s3: Any) -> None:
    for name in ("aaa", "aab", "abc", "zzz"):
        s3.create_bucket(Bucket=name)
    pages = list(s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 2}))
    assert [[bucket["Name"] for bucket in page["Buckets"]] for page in pages] == [
        ["aaa", "aab"],
        ["abc", "bucket"],
        ["zzz"],
    ]
    assert [bucket["Name"] for bucket in s3.list_buckets(Prefix="aa")["Buckets"]] == ["aaa", "aab"]
    assert s3.list_buckets(Prefix="aa")["Buckets"][0]["BucketRegion"] == "us-east-1"
    assert s3.list_buckets(BucketRegion="eu-west-1")["Buckets"] == []


@pytest.mark.parametrize("query", ["max-buckets=0", "max-buckets=10001", "max-buckets=x", "continuation-token=x"])
def test_bad_list_parameters(wire: Wire, query: str) -> None:
    assert wire("GET", f"/?{query}").outcome == (400, "InvalidArgument")


NOT_SET = {
    "policy": "NoSuchBucketPolicy",
    "cors": "NoSuchCORSConfiguration",
    "lifecycle": "NoSuchLifecycleConfiguration",
    "tagging": "NoSuchTagSet",
    "object-lock": "ObjectLockConfigurationNotFoundError",
    "encryption": "ServerSideEncryptionConfigurationNotFoundError",
    "replication": "ReplicationConfigurationNotFoundError",
    "website": "NoSuchWebsiteConfiguration",
}


@pytest.mark.parametrize("form", ["?{}", "?{}=", "/?{}"])
@pytest.mark.parametrize("subresource", NOT_SET)
def test_not_set(wire: Wire, subresource: str, form: str) -> None:
    target = form.format(subresource)
    assert wire("GET", "/bucket" + target).outcome == (404, NOT_SET[subresource])
    assert wire("GET", "/nothing" + target).outcome == (404, "NoSuchBucket")
    if subresource == "replication":
        assert wire("PUT", "/bucket" + target, b"<x/>").outcome == (501, "NotImplemented")
    assert wire("GET", "/bucket" + target, signed=False).outcome == (403, "AccessDenied")


GOLDEN = {
    "versioning": b'<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></VersioningConfiguration>',
    "requestPayment": (
        b'<RequestPaymentConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Payer>BucketOwner</Payer>'
        b"</RequestPaymentConfiguration>"
    ),
    "location": b'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></LocationConstraint>',
    "acl": (
        b'<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>%(owner)b</ID>'
        b"<DisplayName>root</DisplayName></Owner><AccessControlList><Grant>"
        b'<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>%(owner)b</ID>'
        b"<DisplayName>root</DisplayName></Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList>"
        b"</AccessControlPolicy>"
    ),
}


@pytest.mark.parametrize("subresource", GOLDEN)
def test_set_by_default(wire: Wire, subresource: str) -> None:
    reply = wire("GET", f"/bucket?{subresource}")
    golden = GOLDEN[subresource].replace(b"%(owner)b", OWNER.encode())
    assert (reply.status, reply.body) == (200, b'<?xml version="1.0" encoding="UTF-8"?>\n' + golden)
    assert reply.headers["content-type"] == "application/xml"
    assert wire("GET", f"/nothing?{subresource}").outcome == (404, "NoSuchBucket")


def test_acl_through_boto3(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="key", Body=b"")
    for acl in (s3.get_bucket_acl(Bucket="bucket"), s3.get_object_acl(Bucket="bucket", Key="key")):
        assert acl["Grants"][0]["Permission"] == "FULL_CONTROL"
        assert acl["Grants"][0]["Grantee"] == {"Type": "CanonicalUser", "ID": OWNER, "DisplayName": "root"}
    assert refused(s3.get_object_acl, Bucket="bucket", Key="nothing") == (404, "NoSuchKey")


def test_options(wire: Wire) -> None:
    assert wire("OPTIONS", "/bucket/key", signed=False).outcome == (400, "BadRequest")
    preflight = {"Origin": "http://evil.example", "Access-Control-Request-Method": "PUT"}
    for target in ("/bucket/key", "/nothing"):
        reply = wire("OPTIONS", target, headers=preflight, signed=False)
        assert reply.outcome == (403, "AccessForbidden")
        assert "access-control-allow-origin" not in reply.headers


def test_form_post(wire: Wire) -> None:
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    assert wire("POST", "/bucket", b"--x--", form, signed=False).outcome == (400, "IncorrectNumberOfFilesInPostRequest")
    assert wire("POST", "/bucket", b"").outcome == (412, "PreconditionFailed")

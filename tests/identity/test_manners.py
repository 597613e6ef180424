"""Manners of other servers that the compat profile has: what their suites ask for, and AWS does not have so."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from tests.harness.server import Server
from tests.harness.waiting import until
from tests.identity.conftest import ALT, DENIED, KEYS, MAIN, Client, new_name, policy, refused

FAILED, INVALID = (412, "PreconditionFailed"), (400, "InvalidArgument")
LONG_AGO = datetime(2015, 1, 1, tzinfo=UTC)
SERVICE = "logging.s3.amazonaws.com"


@pytest.fixture
def target(main: Any) -> str:
    """Another bucket of main's."""
    name = new_name("target")
    main.create_bucket(Bucket=name)
    return name


def test_what_is_absent_meets_every_condition_of_a_delete(main: Any, bucket: str) -> None:
    named = {"Bucket": bucket, "Key": "k"}
    conditions: list[dict[str, Any]] = [{"IfMatch": "*"}, {"IfMatch": "bad"}, {"IfMatchSize": 1}]
    conditions.append({"IfMatchLastModifiedTime": LONG_AGO})
    for condition in conditions:
        main.delete_object(**named, **condition)
    main.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for condition in conditions:
        main.delete_object(**named, **condition)
    assert "DeleteMarkers" not in main.list_object_versions(Bucket=bucket)
    made = main.put_object(**named, Body=b"x")
    assert refused(main.delete_object, **named, IfMatch="bad") == FAILED
    assert main.delete_object(**named, IfMatch=made["ETag"])["DeleteMarker"]
    for condition in ({"IfMatch": "bad"}, {"IfMatchSize": 9}, {"IfMatchLastModifiedTime": LONG_AGO}):
        assert refused(main.delete_object, **named, **condition) == FAILED, "a marker is not what was meant"
    many = main.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "ETag": "bad"}]})
    assert many["Errors"][0]["Code"] == "PreconditionFailed"
    main.delete_object(**named, IfMatch="*")
    main.delete_object(**named, VersionId=made["VersionId"], IfMatch=made["ETag"])
    main.delete_object(**named, VersionId=made["VersionId"], IfMatch="bad")


def test_parts_by_their_number(main: Any, bucket: str) -> None:
    key = hashlib.sha256(b"a customer's").digest()
    for name, extra in (("plain", {}), ("sealed", {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key})):
        named = {"Bucket": bucket, "Key": name}
        upload, parts = main.create_multipart_upload(**named, **extra)["UploadId"], []
        for number, size in ((1, 5 * 2**20), (2, 1000)):
            body = b"%d" % number * size
            made = main.upload_part(**named, UploadId=upload, PartNumber=number, Body=body, **extra)
            parts.append({"PartNumber": number, "ETag": made["ETag"]})
        complete = {**named, "UploadId": upload, "MultipartUpload": {"Parts": parts}}
        if extra:
            assert refused(main.complete_multipart_upload, **complete) == (400, "InvalidRequest")
        etag = main.complete_multipart_upload(**complete, **extra)["ETag"]
        for part in parts:
            for call in (main.head_object, main.get_object):
                answer = call(**named, PartNumber=part["PartNumber"], **extra)
                assert (answer["ETag"], answer["PartsCount"]) == (etag, 2)
        assert refused(main.get_object, **named, PartNumber=3, **extra) == (400, "InvalidPart")
    main.put_object(Bucket=bucket, Key="one", Body=b"x")
    assert refused(main.get_object, Bucket=bucket, Key="one", PartNumber=2) == (400, "InvalidPart")


def test_control_characters_make_no_key_that_could_be_read(main: Any, bucket: str) -> None:
    assert refused(main.get_object, Bucket=bucket, Key="\xae\x8a-") == (400, "InvalidURI")
    assert refused(main.get_object, Bucket=bucket, Key="\xae-") == (404, "NoSuchKey")


def test_policies_that_aws_refuses(main: Any, alt: Any, bucket: str) -> None:
    everybody = {"Principal": {"AWS": "*"}, "Action": "s3:PutObject"}
    main.put_bucket_policy(Bucket=bucket, Policy=policy({**everybody}))
    assert refused(alt.put_object, Bucket=bucket, Key="k", Body=b"x") == DENIED, "it applies to nothing"
    main.put_bucket_policy(Bucket=bucket, Policy=policy({**everybody, "Resource": f"arn:aws:s3:::{bucket}"}))
    assert refused(alt.create_multipart_upload, Bucket=bucket, Key="k") == DENIED
    one = {**everybody, "Sid": "same", "Resource": f"arn:aws:s3:::{bucket}/k"}
    main.put_bucket_policy(Bucket=bucket, Policy=policy(one, {**one, "Resource": f"arn:aws:s3:::{bucket}/l"}))
    for key in ("k", "l"):
        alt.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert refused(alt.put_object, Bucket=bucket, Key="m", Body=b"x") == DENIED


def lets_in(source: str, target: str, account: str = MAIN, **more: Any) -> dict[str, Any]:
    condition = {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{source}"}, "StringLike": {"aws:SourceAccount": account}}
    return {
        "Sid": "S3ServerAccessLogsPolicy", "Principal": {"Service": SERVICE}, "Action": ["s3:PutObject"],
        "Resource": f"arn:aws:s3:::{target}/log/", "Condition": condition, **more,
    }  # fmt: skip


def logged(client: Any, source: str, target: str, **more: Any) -> tuple[int, str] | None:
    wanted = {"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": "log/", **more}}
    return refused(client.put_bucket_logging, Bucket=source, BucketLoggingStatus=wanted)


def logged_since(client: Any, source: str) -> datetime:
    headers = client.get_bucket_logging(Bucket=source)["ResponseMetadata"]["HTTPHeaders"]
    return parsedate_to_datetime(headers["last-modified"])


def test_the_target_of_logs_lets_them_in_by_its_policy(main: Any, alt: Any, bucket: str, target: str) -> None:
    def allow(*statements: dict[str, Any]) -> None:
        main.put_bucket_policy(Bucket=target, Policy=policy(*statements))

    assert logged(main, bucket, target) == DENIED
    for wrong in (
        {"Principal": {"AWS": "*"}},
        {"Principal": {"Service": SERVICE + "x"}},
        {"Action": ["s3:GetObject"]},
        {"Resource": f"arn:aws:s3:::{target}/other"},
    ):
        allow(lets_in(bucket, target, **wrong))
        assert logged(main, bucket, target) == DENIED, wrong
    for statement in (lets_in("other", target), lets_in(bucket, target, "other")):
        allow(statement)
        assert logged(main, bucket, target) == DENIED
    allow(lets_in(bucket, target), {**lets_in(bucket, target), "Effect": "Deny"})
    assert logged(main, bucket, target) == DENIED
    other = new_name("other")
    alt.create_bucket(Bucket=other)
    allow(lets_in(bucket, target))
    assert logged(main, bucket, target) is None
    assert logged(alt, other, target) == DENIED
    allow(lets_in(bucket, target), lets_in(other, target, ALT))
    assert logged(alt, other, target) is None
    grants = [{"Grantee": {"ID": MAIN, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]
    assert logged(main, bucket, target, TargetGrants=grants) is None
    assert main.get_bucket_logging(Bucket=bucket)["LoggingEnabled"] == {
        "TargetBucket": target, "TargetPrefix": "log/", "TargetObjectKeyFormat": {"SimplePrefix": {}}
    }  # fmt: skip
    since = logged_since(main, bucket)
    until(lambda: datetime.now(UTC) > since + timedelta(seconds=1))
    assert logged(main, bucket, target) is None
    assert logged_since(main, bucket) == since, "nothing has changed"
    key_format = {"PartitionedPrefix": {"PartitionDateSource": "DeliveryTime"}}
    assert logged(main, bucket, target, TargetObjectKeyFormat=key_format) is None
    assert logged_since(main, bucket) > since
    main.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    assert "LoggingEnabled" not in main.get_bucket_logging(Bucket=bucket)


def test_what_cannot_be_a_target_of_logs(main: Any, bucket: str, target: str) -> None:
    assert logged(main, bucket, f"{target}-absent") == (404, "NoSuchKey")
    assert logged(main, bucket, bucket) == INVALID
    main.put_bucket_policy(Bucket=target, Policy=policy(lets_in(bucket, target)))
    main.put_bucket_request_payment(Bucket=target, RequestPaymentConfiguration={"Payer": "Requester"})
    assert logged(main, bucket, target) == INVALID
    main.put_bucket_request_payment(Bucket=target, RequestPaymentConfiguration={"Payer": "BucketOwner"})
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    main.put_bucket_encryption(Bucket=target, ServerSideEncryptionConfiguration=rules)
    assert logged(main, bucket, target) == INVALID
    main.delete_bucket_encryption(Bucket=target)
    assert logged(main, bucket, target) is None
    third = new_name("third")
    main.create_bucket(Bucket=third)
    assert logged(main, third, bucket) == INVALID, "it is logged itself"


def test_forms(compat: Server, main: Any, bucket: str) -> None:
    """A checksum need not be named by the policy, and a field that may begin with anything need not be there."""
    access, secret = KEYS["main"]
    expires = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = [{"bucket": bucket}, {"key": "k"}, ["starts-with", "$x-amz-server-side-encryption", ""]]
    document = base64.b64encode(json.dumps({"expiration": expires, "conditions": conditions}).encode())
    signature = base64.b64encode(hmac.digest(secret.encode(), document, "sha1")).decode()
    fields = {"key": "k", "AWSAccessKeyId": access, "policy": document.decode(), "signature": signature}

    def post(**more: str) -> int:
        url = f"{compat.endpoint}/{bucket}"
        given = {name.replace("_", "-"): value for name, value in more.items()}
        return httpx.post(url, data={**fields, **given}, files={"file": b"content"}).status_code

    digest = base64.b64encode(hashlib.sha256(b"content").digest()).decode()
    assert post(x_amz_checksum_sha256=digest) == 204
    assert main.get_object(Bucket=bucket, Key="k")["Body"].read() == b"content"
    assert post(x_amz_checksum_sha256=digest[::-1]) == 400
    assert post(x_amz_meta_a="b") == 403


def test_tags_come_in_the_order_of_their_names(main: Any, bucket: str) -> None:
    """Not of their lengths, as the database has them; the same in every profile."""
    main.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="foo=bar&Hello=World&a=1")
    found = main.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert [tag["Key"] for tag in found] == ["Hello", "a", "foo"]


def test_lists_that_need_no_order(client: Client, bucket: str) -> None:
    def unordered(params: dict[str, Any], **_: Any) -> None:
        params["url"] += "&allow-unordered=true"

    careless = client("s3", "main")
    for key in ("b", "a/1"):
        careless.put_object(Bucket=bucket, Key=key)
    for operation, listed in (("ListObjects", careless.list_objects), ("ListObjectsV2", careless.list_objects_v2)):
        careless.meta.events.register(f"before-call.s3.{operation}", unordered)
        assert [found["Key"] for found in listed(Bucket=bucket, MaxKeys=5)["Contents"]] == ["a/1", "b"]
        assert refused(listed, Bucket=bucket, Delimiter="/") == INVALID

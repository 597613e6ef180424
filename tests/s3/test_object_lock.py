"""Object Lock through boto3: bucket, retention, legal hold; what is locked is not deleted by anybody."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

FAR = datetime(2090, 1, 1, tzinfo=UTC)
FARTHER = datetime(2090, 1, 3, tzinfo=UTC)
GOVERNED = {"Mode": "GOVERNANCE", "RetainUntilDate": FAR}


def refused(call: Any, **arguments: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.fixture
def locked(s3: Any, bucket: str) -> str:
    """A bucket whose versions can be locked."""
    name = f"{bucket}-lock"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def configuration(**default: Any) -> dict[str, Any]:
    return {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": default}}


def test_bucket_configuration(s3: Any, bucket: str, locked: str) -> None:
    assert s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled"
    assert s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"] == {
        "ObjectLockEnabled": "Enabled"
    }
    given = configuration(Mode="COMPLIANCE", Years=1)
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=given)
    assert s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"] == given
    assert refused(s3.get_object_lock_configuration, Bucket=bucket) == (404, "ObjectLockConfigurationNotFoundError")
    suspended = {"Bucket": locked, "VersioningConfiguration": {"Status": "Suspended"}}
    assert refused(s3.put_bucket_versioning, **suspended) == (409, "InvalidBucketState")


def test_bucket_can_be_made_lockable_once_it_has_versions(s3: Any, bucket: str) -> None:
    arguments = {"Bucket": bucket, "ObjectLockConfiguration": configuration(Mode="GOVERNANCE", Days=1)}
    assert refused(s3.put_object_lock_configuration, **arguments) == (409, "InvalidBucketState")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert refused(s3.put_object_lock_configuration, **arguments) == (409, "InvalidBucketState")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object_lock_configuration(**arguments)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (configuration(Mode="GOVERNANCE", Days=1, Years=1), "MalformedXML"),
        (configuration(Mode="GOVERNANCE"), "MalformedXML"),
        (configuration(Mode="GOVERNANCE", Days=0), "InvalidRetentionPeriod"),
        (configuration(Mode="GOVERNANCE", Years=-1), "InvalidRetentionPeriod"),
        (configuration(Mode="GOVERNANCE", Days=36501), "InvalidRetentionPeriod"),
        (configuration(Mode="abc", Years=1), "MalformedXML"),
        (configuration(Mode="governance", Years=1), "MalformedXML"),
        ({"ObjectLockEnabled": "Disabled"}, "MalformedXML"),
    ],
)
def test_configuration_refused(s3: Any, locked: str, given: dict[str, Any], code: str) -> None:
    call = s3.put_object_lock_configuration
    assert refused(call, Bucket=locked, ObjectLockConfiguration=given) == (400, code)


def test_bucket_without_lock_takes_none(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    name = {"Bucket": bucket, "Key": "k"}
    for call, arguments in (
        (s3.put_object_retention, {"Retention": GOVERNED}),
        (s3.get_object_retention, {}),
        (s3.put_object_legal_hold, {"LegalHold": {"Status": "ON"}}),
        (s3.get_object_legal_hold, {}),
        (s3.put_object, {"ObjectLockLegalHoldStatus": "ON"}),
        (s3.put_object, {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": FAR}),
        (s3.create_multipart_upload, {"ObjectLockLegalHoldStatus": "ON"}),
        (s3.copy_object, {"CopySource": f"{bucket}/k", "ObjectLockLegalHoldStatus": "ON", "StorageClass": "STANDARD"}),
    ):
        assert refused(call, **name, **arguments) == (400, "InvalidRequest"), call


def test_retention_holds_until_it_is_bypassed(s3: Any, locked: str) -> None:
    name = {"Bucket": locked, "Key": "k"}
    version = s3.put_object(**name, Body=b"abc")["VersionId"]
    assert refused(s3.get_object_retention, **name) == (404, "NoSuchObjectLockConfiguration")
    s3.put_object_retention(**name, Retention=GOVERNED)
    assert s3.get_object_retention(**name, VersionId=version)["Retention"] == GOVERNED
    head = s3.head_object(**name)
    assert (head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]) == ("GOVERNANCE", FAR)
    assert refused(s3.delete_object, **name, VersionId=version) == (403, "AccessDenied")
    marker = s3.delete_object(**name)["VersionId"]
    assert refused(s3.delete_object, **name, VersionId=version) == (403, "AccessDenied")
    s3.delete_object(**name, VersionId=marker)
    many = {"Objects": [{"Key": "k", "VersionId": version}]}
    assert s3.delete_objects(Bucket=locked, Delete=many)["Errors"][0]["Code"] == "AccessDenied"
    assert s3.get_object(**name)["Body"].read() == b"abc"
    assert refused(s3.delete_bucket, Bucket=locked) == (409, "BucketNotEmpty")
    done = s3.delete_objects(Bucket=locked, Delete=many, BypassGovernanceRetention=True)
    assert "Errors" not in done
    assert len(done["Deleted"]) == 1


def test_retention_may_grow_and_not_shrink(s3: Any, locked: str) -> None:
    name = {"Bucket": locked, "Key": "k"}
    s3.put_object(**name, Body=b"abc", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=FAR)
    longer = {"Mode": "GOVERNANCE", "RetainUntilDate": FARTHER}
    s3.put_object_retention(**name, Retention=longer)
    assert refused(s3.put_object_retention, **name, Retention=GOVERNED) == (403, "AccessDenied")
    assert refused(s3.put_object_retention, **name, Retention={}) == (403, "AccessDenied")
    stricter = {"Mode": "COMPLIANCE", "RetainUntilDate": FARTHER}
    assert refused(s3.put_object_retention, **name, Retention=stricter) == (403, "AccessDenied")
    s3.put_object_retention(**name, Retention=GOVERNED, BypassGovernanceRetention=True)
    s3.put_object_retention(**name, Retention={}, BypassGovernanceRetention=True)
    assert refused(s3.get_object_retention, **name) == (404, "NoSuchObjectLockConfiguration")


def test_compliance_is_bypassed_by_nobody(s3: Any, locked: str) -> None:
    name = {"Bucket": locked, "Key": "k"}
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    arguments = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}
    version = s3.put_object(**name, Body=b"abc", **arguments)["VersionId"]
    bypass = {"BypassGovernanceRetention": True}
    assert refused(s3.delete_object, **name, VersionId=version, **bypass) == (403, "AccessDenied")
    for retention in ({"Mode": "GOVERNANCE", "RetainUntilDate": until}, {}):
        assert refused(s3.put_object_retention, **name, Retention=retention, **bypass) == (403, "AccessDenied")
    s3.put_object_retention(**name, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until + timedelta(hours=1)})


def test_legal_hold(s3: Any, locked: str) -> None:
    name = {"Bucket": locked, "Key": "k"}
    version = s3.put_object(**name, Body=b"abc")["VersionId"]
    assert refused(s3.get_object_legal_hold, **name) == (404, "NoSuchObjectLockConfiguration")
    for status in ("ON", "OFF", "ON"):
        s3.put_object_legal_hold(**name, LegalHold={"Status": status})
        assert s3.get_object_legal_hold(**name)["LegalHold"] == {"Status": status}
    assert s3.head_object(**name)["ObjectLockLegalHoldStatus"] == "ON"
    arguments = {"VersionId": version, "BypassGovernanceRetention": True}
    assert refused(s3.delete_object, **name, **arguments) == (403, "AccessDenied")
    assert refused(s3.put_object_legal_hold, **name, LegalHold={"Status": "abc"}) == (400, "MalformedXML")
    s3.put_object_legal_hold(**name, LegalHold={"Status": "OFF"})
    s3.delete_object(**name, VersionId=version)


@pytest.mark.parametrize("retention", [{"Mode": "abc", "RetainUntilDate": FAR}, {"Mode": "GOVERNANCE"}])
def test_retention_refused(s3: Any, locked: str, retention: dict[str, Any]) -> None:
    s3.put_object(Bucket=locked, Key="k", Body=b"x")
    call = s3.put_object_retention
    assert refused(call, Bucket=locked, Key="k", Retention=retention) == (400, "MalformedXML")


def test_retention_of_the_past_is_refused(s3: Any, locked: str) -> None:
    past = datetime(2001, 1, 1, tzinfo=UTC)
    name = {"Bucket": locked, "Key": "k"}
    arguments = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": past}
    assert refused(s3.put_object, **name, Body=b"x", **arguments) == (400, "InvalidArgument")
    s3.put_object(**name, Body=b"x")
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": past}
    assert refused(s3.put_object_retention, **name, Retention=retention) == (400, "InvalidArgument")
    assert refused(s3.put_object, **name, Body=b"x", ObjectLockMode="GOVERNANCE") == (400, "InvalidArgument")


def test_default_of_the_bucket_goes_to_all_that_is_written(s3: Any, locked: str) -> None:
    given = configuration(Mode="GOVERNANCE", Days=2)
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=given)
    s3.put_object(Bucket=locked, Key="put", Body=b"x")
    s3.copy_object(Bucket=locked, Key="copy", CopySource=f"{locked}/put")
    upload = s3.create_multipart_upload(Bucket=locked, Key="parts")["UploadId"]
    name = {"Bucket": locked, "Key": "parts", "UploadId": upload}
    part = {"PartNumber": 1, "ETag": s3.upload_part(**name, PartNumber=1, Body=b"x")["ETag"]}
    s3.complete_multipart_upload(**name, MultipartUpload={"Parts": [part]})
    s3.put_object(Bucket=locked, Key="own", Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=FAR)
    for key in ("put", "copy", "parts"):
        head = s3.head_object(Bucket=locked, Key=key)
        assert head["ObjectLockMode"] == "GOVERNANCE", key
        left = head["ObjectLockRetainUntilDate"] - datetime.now(UTC)
        assert timedelta(days=1, hours=23) < left <= timedelta(days=2)
        assert refused(s3.delete_object, Bucket=locked, Key=key, VersionId=head["VersionId"]) == (403, "AccessDenied")
    assert s3.head_object(Bucket=locked, Key="own")["ObjectLockRetainUntilDate"] == FAR


def test_copy_does_not_take_the_lock_along(s3: Any, locked: str) -> None:
    s3.put_object(Bucket=locked, Key="from", Body=b"x", ObjectLockLegalHoldStatus="ON")
    s3.copy_object(Bucket=locked, Key="to", CopySource=f"{locked}/from")
    assert "ObjectLockLegalHoldStatus" not in s3.head_object(Bucket=locked, Key="to")

"""What answers tell of lifecycle rules: x-amz-expiration, x-amz-abort-date."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from objstore.model import clock, days
from tests.unit.s3.fake_store import FakeStore

NOON = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
EXPECTED = 'expiry-date="Fri, 08 May 2026 00:00:00 GMT", rule-id="{}"'


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signatures are by the real time: only what objects are dated by stands still."""
    monkeypatch.setattr(clock, "now", lambda: NOON)


def expiring(s3: Any, *rules: dict[str, Any]) -> None:
    full = [{"ID": f"r{number}", "Status": "Enabled", "Filter": {}, **rule} for number, rule in enumerate(rules)]
    s3.put_bucket_lifecycle_configuration(Bucket="bucket", LifecycleConfiguration={"Rules": full})


THREE_DAYS = {"Expiration": {"Days": 3}}


def test_every_answer_about_the_current_version_says_it(s3: Any) -> None:
    expiring(s3, THREE_DAYS)
    said = EXPECTED.format("r0")
    assert s3.put_object(Bucket="bucket", Key="k", Body=b"0123456789")["Expiration"] == said
    assert s3.get_object(Bucket="bucket", Key="k")["Expiration"] == said
    assert s3.get_object(Bucket="bucket", Key="k", Range="bytes=2-3")["Expiration"] == said
    assert s3.head_object(Bucket="bucket", Key="k")["Expiration"] == said
    assert s3.head_object(Bucket="bucket", Key="k", PartNumber=1)["Expiration"] == said
    assert s3.copy_object(Bucket="bucket", Key="c", CopySource="bucket/k")["Expiration"] == said
    upload = s3.create_multipart_upload(Bucket="bucket", Key="m")["UploadId"]
    part = s3.upload_part(Bucket="bucket", Key="m", UploadId=upload, PartNumber=1, Body=b"x")
    done = s3.complete_multipart_upload(
        Bucket="bucket", Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    )
    assert done["Expiration"] == said


def test_nothing_is_said_without_a_rule_that_expires_it(s3: Any) -> None:
    assert "Expiration" not in s3.put_object(Bucket="bucket", Key="k")
    expiring(
        s3,
        {"Filter": {"Prefix": "other/"}, **THREE_DAYS},
        {"Status": "Disabled", **THREE_DAYS},
        {"Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]},
        {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}},
        {"Expiration": {"ExpiredObjectDeleteMarker": True}},
        {"Expiration": {"Days": 2**31 - 1}},
    )
    assert "Expiration" not in s3.put_object(Bucket="bucket", Key="k")
    assert "Expiration" not in s3.head_object(Bucket="bucket", Key="k")


def test_the_earliest_of_those_that_match(s3: Any) -> None:
    expiring(
        s3,
        {"Expiration": {"Days": 30}},
        {"ID": "tagged", "Filter": {"Tag": {"Key": "a", "Value": "b"}}, **THREE_DAYS},
        {"ID": "small", "Filter": {"ObjectSizeLessThan": 2}, "Expiration": {"Date": datetime(2026, 5, 8, tzinfo=UTC)}},
    )
    assert 'rule-id="r0"' in s3.put_object(Bucket="bucket", Key="k", Body=b"xx")["Expiration"]
    tagged = s3.put_object(Bucket="bucket", Key="k", Body=b"xx", Tagging="a=b&c=d")
    assert tagged["Expiration"] == EXPECTED.format("tagged")
    assert s3.head_object(Bucket="bucket", Key="k")["Expiration"] == EXPECTED.format("tagged")
    assert s3.put_object(Bucket="bucket", Key="k", Body=b"x")["Expiration"] == EXPECTED.format("small")


def test_names_are_encoded(s3: Any) -> None:
    expiring(s3, {"ID": 'Rule for "ü"/x', **THREE_DAYS})
    assert s3.put_object(Bucket="bucket", Key="k")["Expiration"] == EXPECTED.format("Rule%20for%20%22%C3%BC%22%2Fx")


def test_short_days_of_the_engine_are_not_told(s3: Any) -> None:
    expiring(s3, THREE_DAYS)
    days.configure(10)
    try:
        assert s3.put_object(Bucket="bucket", Key="k")["Expiration"] == EXPECTED.format("r0")
    finally:
        days.configure()


def test_a_midnight_is_not_rounded(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 5, 5, tzinfo=UTC))
    expiring(s3, THREE_DAYS)
    assert s3.put_object(Bucket="bucket", Key="k")["Expiration"] == EXPECTED.format("r0")


def test_rules_that_change_count_at_once(s3: Any, store: FakeStore) -> None:
    expiring(s3, THREE_DAYS)
    s3.put_object(Bucket="bucket", Key="k")
    expiring(s3, {"Expiration": {"Days": 1}})
    said = s3.head_object(Bucket="bucket", Key="k")["Expiration"]
    found = re.fullmatch(r'expiry-date="(.+)", rule-id="r0"', said)
    assert found is not None
    assert parsedate_to_datetime(found[1]) == datetime(2026, 5, 6, tzinfo=UTC)
    s3.delete_bucket_lifecycle(Bucket="bucket")
    assert "Expiration" not in s3.head_object(Bucket="bucket", Key="k")
    assert store.buckets["bucket"].bucket.settings == {}


def test_uploads_are_told_when_they_are_aborted(s3: Any) -> None:
    abort = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}
    sooner = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}}
    expiring(s3, abort, {"ID": "a b", "Filter": {"Prefix": "logs/"}, **sooner})
    begun = s3.create_multipart_upload(Bucket="bucket", Key="logs/x")
    midnight = datetime(2026, 5, 5, tzinfo=UTC)
    assert (begun["AbortDate"], begun["AbortRuleId"]) == (midnight + timedelta(days=2), "a%20b")
    listed = s3.list_parts(Bucket="bucket", Key="logs/x", UploadId=begun["UploadId"])
    assert (listed["AbortDate"], listed["AbortRuleId"]) == (midnight + timedelta(days=2), "a%20b")
    other = s3.create_multipart_upload(Bucket="bucket", Key="x")
    assert (other["AbortDate"], other["AbortRuleId"]) == (midnight + timedelta(days=7), "r0")
    s3.delete_bucket_lifecycle(Bucket="bucket")
    assert "AbortDate" not in s3.create_multipart_upload(Bucket="bucket", Key="logs/x")

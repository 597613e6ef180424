"""RestoreObject in all its forms: what is taken, and what AWS refuses too."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.harness.waiting import until
from tests.s3.trees import content

SELECT = {
    "InputSerialization": {"CSV": {}}, "ExpressionType": "SQL", "Expression": "select *",
    "OutputSerialization": {"CSV": {}},
}  # fmt: skip
ELSEWHERE = {"S3": {"BucketName": "another", "Prefix": "x"}}


@pytest.mark.parametrize(
    ("storage_class", "asked", "status", "code"),
    [
        ("STANDARD", {"Days": 1}, 403, "InvalidObjectState"),
        ("GLACIER_IR", {"Days": 1}, 403, "InvalidObjectState"),
        ("GLACIER", {"Days": 0}, 400, "InvalidArgument"),
        ("GLACIER", {"Days": 1, "GlacierJobParameters": {"Tier": "Fast"}}, 400, "MalformedXML"),
        ("GLACIER", {"Type": "SELECT", "SelectParameters": SELECT}, 501, "NotImplemented"),
        ("GLACIER", {"Days": 1, "OutputLocation": ELSEWHERE}, 501, "NotImplemented"),
        ("DEEP_ARCHIVE", {"Days": 1, "GlacierJobParameters": {"Tier": "Expedited"}}, 400, "InvalidArgument"),
    ],
)
def test_refused(s3: Any, bucket: str, storage_class: str, asked: dict[str, Any], status: int, code: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass=storage_class)
    with pytest.raises(ClientError) as caught:
        s3.restore_object(Bucket=bucket, Key="k", RestoreRequest=asked)
    found = caught.value.response
    assert (found["ResponseMetadata"]["HTTPStatusCode"], found["Error"]["Code"]) == (status, code)
    assert "Restore" not in s3.head_object(Bucket=bucket, Key="k")


def test_versions_tiers_and_longer(s3: Any, bucket: str) -> None:
    """Each version is restored by itself, at any speed that its archive has; asking again keeps a copy longer."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    speeds = {"GLACIER": ("Expedited", "Standard", "Bulk"), "DEEP_ARCHIVE": ("Standard", "Bulk")}
    made = [(of, tier) for of, tiers in speeds.items() for tier in tiers]
    put = [
        s3.put_object(Bucket=bucket, Key="k", Body=content(1000, n), StorageClass=of) for n, (of, _) in enumerate(made)
    ]
    ids = [one["VersionId"] for one in put]
    for version_id, (_, tier) in zip(ids[1:], made[1:], strict=True):
        asked = {"Days": 2, "GlacierJobParameters": {"Tier": tier}}
        done = s3.restore_object(Bucket=bucket, Key="k", VersionId=version_id, RestoreRequest=asked)
        assert done["ResponseMetadata"]["HTTPStatusCode"] == 202

    def restored(version_id: str) -> str:
        return str(s3.head_object(Bucket=bucket, Key="k", VersionId=version_id).get("Restore", ""))

    until(lambda: all('ongoing-request="false"' in restored(version_id) for version_id in ids[1:]))
    assert restored(ids[0]) == ""
    for n, version_id in enumerate(ids[1:], 1):
        assert s3.get_object(Bucket=bucket, Key="k", VersionId=version_id)["Body"].read() == content(1000, n)
    before = restored(ids[1])
    longer = s3.restore_object(Bucket=bucket, Key="k", VersionId=ids[1], RestoreRequest={"Days": 30})
    assert longer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert restored(ids[1]) not in ("", before)
    assert restored(ids[2]) == before

"""A tier that is a bucket of a second objstore: through S3, by rule, while the second is away, and after a crash.

Beside it a third tier of drives, and classes of the site's own on both.
"""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.harness.server import SETTINGS, Server
from tests.harness.waiting import until as until_true
from tests.s3.trees import content

until = partial(until_true, seconds=90)
DAY_SECONDS = 4
COLD, BUCKET = "cold", "data"
REMOTE = """
[tier.archive]
endpoint = "{endpoint}"
bucket = "cold"
prefix = "from-ours/"
access_key_env = "OTHER_KEY"
secret_key_env = "OTHER_SECRET"
volume_bytes = 8388608
[tier.nearline]
k = 2
m = 1
[storage_classes]
GLACIER_IR = "archive"
GLACIER = "archive"
NEARLINE = {{tier = "nearline", like = "STANDARD_IA"}}
VAULT = {{tier = "archive", like = "GLACIER"}}
"""


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server that has the bucket."""
    server = Server(tmp_path_factory.mktemp("second"), workers=1).start()
    server.s3().create_bucket(Bucket=COLD)
    yield server
    server.close()


@pytest.fixture(scope="module")
def first(second: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server that uses it."""
    access_key, secret_key = second.credentials
    environment = {
        "OTHER_KEY": access_key,
        "OTHER_SECRET": secret_key,
        "OBJSTORE_LIFECYCLE_DAY_SECONDS": str(DAY_SECONDS),
    }
    settings = SETTINGS + REMOTE.format(endpoint=second.endpoint)
    server = Server(tmp_path_factory.mktemp("first"), workers=1, settings=settings, environment=environment).start()
    server.s3().create_bucket(Bucket=BUCKET)
    yield server
    server.close()
    assert secret_key not in server.log.read_text()


def there(second: Server) -> dict[str, int]:
    """Keys and sizes of what lies in the other bucket."""
    page = second.s3().list_objects_v2(Bucket=COLD)
    return {entry["Key"]: entry["Size"] for entry in page.get("Contents", [])}


def class_of(s3: Any, key: str) -> str:
    return str(s3.head_object(Bucket=BUCKET, Key=key).get("StorageClass", "STANDARD"))


def body_of(s3: Any, key: str, **arguments: Any) -> bytes:
    return bytes(s3.get_object(Bucket=BUCKET, Key=key, **arguments)["Body"].read())


def compact(server: Server) -> None:
    assert server.admin("POST", "/compact?all=true&grace_seconds=0").status_code == 200


BODIES = {"cold/small": content(3000, 1), "cold/middle": content(300_000, 2), "cold/large": content(20_000_000, 3)}


def test_by_rule_and_with_ranges(first: Server, second: Server) -> None:
    s3 = first.s3()
    rule = {
        "ID": "archive", "Status": "Enabled", "Filter": {"And": {"Prefix": "cold/", "ObjectSizeGreaterThan": 1}},
        "Transitions": [{"Days": 1, "StorageClass": "GLACIER_IR"}],
    }  # fmt: skip
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]})
    for key, body in BODIES.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    until(lambda: all(class_of(s3, key) == "GLACIER_IR" for key in BODIES))
    stored = there(second)
    assert sum(map(len, BODIES.values())) < sum(stored.values()) < 1.01 * sum(map(len, BODIES.values()))
    assert all(key.startswith("from-ours/") for key in stored)
    for key, body in BODIES.items():
        assert body_of(s3, key) == body
        assert body_of(s3, key, Range="bytes=1000-1999") == body[1000:2000]
        assert body_of(s3, key, Range="bytes=-10") == body[-10:]


def test_a_put_and_a_copy_may_name_its_class(first: Server, second: Server) -> None:
    s3, before = first.s3(), there(second)
    s3.put_object(Bucket=BUCKET, Key="direct", Body=b"direct", StorageClass="GLACIER_IR")
    assert len(there(second)) == len(before) + 1
    assert body_of(s3, "direct") == b"direct"
    s3.put_object(Bucket=BUCKET, Key="hot", Body=b"copied")
    s3.copy_object(Bucket=BUCKET, Key="hot", CopySource=f"{BUCKET}/hot", StorageClass="GLACIER_IR")
    assert (class_of(s3, "hot"), body_of(s3, "hot")) == ("GLACIER_IR", b"copied")
    s3.copy_object(Bucket=BUCKET, Key="back", CopySource=f"{BUCKET}/direct", StorageClass="STANDARD")
    for key in ("direct", "hot"):
        s3.delete_object(Bucket=BUCKET, Key=key)
    compact(first)
    assert there(second).keys() <= before.keys()
    assert body_of(s3, "back") == b"direct"


def test_classes_of_ones_own(first: Server) -> None:
    """Everywhere that S3's may stand: on PUT and copies, uploads and rules, in listings, before and after a restore."""
    s3, body = first.s3(), content(200_000, 4)
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="own/parts", StorageClass="NEARLINE")["UploadId"]
    part = s3.upload_part(Bucket=BUCKET, Key="own/parts", UploadId=upload, PartNumber=1, Body=body)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=BUCKET, Key="own/parts", UploadId=upload, MultipartUpload=parts)
    s3.put_object(Bucket=BUCKET, Key="own/vault", Body=body, StorageClass="VAULT")
    s3.copy_object(Bucket=BUCKET, Key="own/copy", CopySource=f"{BUCKET}/own/parts", StorageClass="NEARLINE")
    s3.put_object(Bucket=BUCKET, Key="moved/by-rule", Body=body)
    hops = [{"Days": 0, "StorageClass": "NEARLINE"}, {"Days": 1000, "StorageClass": "VAULT"}]
    known = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    rule = {"ID": "own", "Status": "Enabled", "Filter": {"Prefix": "moved/"}, "Transitions": hops}
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [*known, rule]})
    s3.restore_object(Bucket=BUCKET, Key="own/vault", RestoreRequest={"Days": 1})
    page = s3.list_objects_v2(Bucket=BUCKET, Prefix="own/")["Contents"]
    assert {entry["Key"]: entry["StorageClass"] for entry in page} == {
        "own/copy": "NEARLINE", "own/parts": "NEARLINE", "own/vault": "VAULT",
    }  # fmt: skip
    assert body_of(s3, "own/parts") == body_of(s3, "own/copy") == body
    until(lambda: 'ongoing-request="false"' in s3.head_object(Bucket=BUCKET, Key="own/vault").get("Restore", ""))
    assert body_of(s3, "own/vault") == body
    until(lambda: class_of(s3, "moved/by-rule") == "NEARLINE")
    assert body_of(s3, "moved/by-rule") == body
    with pytest.raises(ClientError, match="InvalidStorageClass"):
        s3.put_object(Bucket=BUCKET, Key="own/no", Body=b"", StorageClass="NOWHERE")
    tiers = {one["name"]: one for one in first.admin("GET", "/tiers").json()["tiers"]}
    assert "NEARLINE" in tiers["nearline"]["classes"]
    assert "VAULT" in tiers["archive"]["classes"]
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": known})
    for key in ("own/copy", "own/parts", "own/vault", "moved/by-rule"):
        s3.delete_object(Bucket=BUCKET, Key=key)


def test_while_the_other_is_away(first: Server, second: Server) -> None:
    s3 = first.s3()
    assert second.stop() == 0
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket=BUCKET, Key="cold/large")
    answer = refused.value.response["ResponseMetadata"]
    assert answer["HTTPStatusCode"] == 503
    assert int(answer["HTTPHeaders"]["retry-after"]) > 0
    assert first.get("/-/health/ready").status_code == 200
    s3.put_object(Bucket=BUCKET, Key="cold/later", Body=b"goes when it can")
    s3.delete_object(Bucket=BUCKET, Key="cold/large")
    with pytest.raises(ClientError) as gone:
        s3.head_object(Bucket=BUCKET, Key="cold/large")
    assert gone.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    compact(first)
    time.sleep(DAY_SECONDS)
    assert body_of(s3, "cold/later") == b"goes when it can"
    second.start()
    assert body_of(s3, "cold/middle") == BODIES["cold/middle"]
    until(lambda: class_of(s3, "cold/later") == "GLACIER_IR")

    def is_gone() -> bool:
        compact(first)
        return sum(there(second).values()) < 2_000_000

    until(is_gone)


def test_after_a_crash_all_is_whole_and_nothing_is_left(first: Server, second: Server) -> None:
    s3 = first.s3()
    keys = [f"cold/crash-{i}" for i in range(20)]
    for i, key in enumerate(keys):
        s3.put_object(Bucket=BUCKET, Key=key, Body=content(400_000, i))
    until(lambda: any(class_of(s3, key) == "GLACIER_IR" for key in keys))
    first.kill()
    first.start()
    s3 = first.s3()
    for i, key in enumerate(keys):
        assert body_of(s3, key) == content(400_000, i)
    until(lambda: all(class_of(s3, key) == "GLACIER_IR" for key in keys))
    for entry in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        s3.delete_object(Bucket=BUCKET, Key=entry["Key"])

    def is_empty() -> bool:
        compact(first)
        return not there(second)

    until(is_empty)

"""Rules on a running server whose days are short: objects move and expire by themselves, seen with boto3."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.harness.server import SETTINGS, Server
from tests.harness.waiting import until as until_true
from tests.s3.trees import content

until = partial(until_true, seconds=90)
DAY_SECONDS = 5
BUCKET = "rules"


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with short days."""
    environment = {"OBJSTORE_LIFECYCLE_DAY_SECONDS": str(DAY_SECONDS)}
    server = Server(tmp_path_factory.mktemp("rules"), workers=1, settings=SETTINGS, environment=environment).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def s3(own_server: Server) -> Iterator[Any]:
    client = own_server.s3()
    client.create_bucket(Bucket=BUCKET)
    yield client
    client.close()


def keys_of(s3: Any, prefix: str) -> dict[str, str]:
    """Keys and their classes."""
    page = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    return {entry["Key"]: entry["StorageClass"] for entry in page.get("Contents", [])}


def refused(call: Callable[[], Any]) -> dict[str, Any]:
    """The error that a call must end with."""
    with pytest.raises(ClientError) as error:
        call()
    return dict(error.value.response)


def test_objects_move_and_expire(s3: Any) -> None:
    bodies = {"logs/a": content(3000, 1), "cold/a": content(300_000, 2), "cold/b": content(9_000_000, 3), "kept": b"x"}
    rules = [
        {"ID": "expire", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 2}},
        {
            "ID": "demote", "Status": "Enabled", "Filter": {"Prefix": "cold/"},
            "Transitions": [{"Days": 1, "StorageClass": "GLACIER_IR"}],
        },
    ]  # fmt: skip
    s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": rules})
    begun = time.monotonic()
    for key, body in bodies.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    until(lambda: not keys_of(s3, "logs/"))
    assert time.monotonic() - begun >= 2 * DAY_SECONDS
    until(lambda: set(keys_of(s3, "cold/").values()) == {"GLACIER_IR"})
    for key in ("cold/a", "cold/b", "kept"):
        assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == bodies[key]
    assert keys_of(s3, "kept") == {"kept": "STANDARD"}
    s3.delete_bucket_lifecycle(Bucket=BUCKET)


def test_restore(s3: Any) -> None:
    named, body = {"Bucket": BUCKET, "Key": "archive"}, content(300_000, 4)
    s3.put_object(**named, Body=body, StorageClass="GLACIER")
    error = refused(lambda: s3.get_object(**named))
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert (error["Error"]["Code"], error["Error"]["StorageClass"]) == ("InvalidObjectState", "GLACIER")
    assert "Restore" not in s3.head_object(**named)
    asked = {"Days": 3, "GlacierJobParameters": {"Tier": "Standard"}}
    assert s3.restore_object(**named, RestoreRequest=asked)["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert s3.head_object(**named)["Restore"].startswith('ongoing-request="')
    until(lambda: 'ongoing-request="false"' in s3.head_object(**named)["Restore"])
    assert s3.get_object(**named)["Body"].read() == body
    assert s3.get_object(**named, Range="bytes=100000-100009")["Body"].read() == body[100_000:100_010]
    assert s3.head_object(**named)["StorageClass"] == "GLACIER"
    assert s3.restore_object(**named, RestoreRequest={"Days": 1})["ResponseMetadata"]["HTTPStatusCode"] == 200
    until(lambda: "Restore" not in s3.head_object(**named))
    assert refused(lambda: s3.get_object(**named))["Error"]["Code"] == "InvalidObjectState"
    assert s3.restore_object(**named, RestoreRequest={})["ResponseMetadata"]["HTTPStatusCode"] == 202
    until(lambda: keys_of(s3, "archive") == {"archive": "STANDARD"})
    assert s3.get_object(**named)["Body"].read() == body
    error = refused(lambda: s3.restore_object(**named, RestoreRequest={"Days": 1}))
    assert (error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]) == (403, "InvalidObjectState")


def test_classes(s3: Any) -> None:
    named = {"Bucket": BUCKET, "Key": "class"}
    assert refused(lambda: s3.put_object(**named, StorageClass="SNOW"))["Error"]["Code"] == "InvalidStorageClass"
    s3.put_object(**named, Body=content(300_000, 5))
    for storage_class in ("STANDARD_IA", "STANDARD", "ONEZONE_IA"):
        s3.copy_object(**named, CopySource=named, StorageClass=storage_class)
        assert keys_of(s3, "class") == {"class": storage_class}
        assert s3.get_object(**named)["Body"].read() == content(300_000, 5)

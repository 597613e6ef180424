"""What goes out by itself: events, which a webhook hears all, each key in order, also after a failure; logs; lists."""

import gzip
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from objstore.events.pinned import RefusedAddress, is_public
from objstore.events.webhook import Webhook
from tests.harness.server import SETTINGS, Server
from tests.harness.waiting import until

ARN = "arn:aws:sqs:us-east-1:000000000000:hook"
FAST = "access_log_seconds = 0.3\nlifecycle_interval_seconds = 0.1\n"


class Hook:
    """A webhook that remembers what it hears; ``broken``: so many times it answers 500."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.broken = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.broken -= 1
                self.send_response(500 if outer.broken >= 0 else 200)
                self.send_header("content-length", "0")
                self.end_headers()
                if outer.broken < 0:
                    outer.heard.append(body)

            def log_message(self, *_: Any) -> None:
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/x"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def records(self, bucket: str) -> list[tuple[str, str]]:
        """(event, key) in the order of hearing."""
        found = [one["Records"][0] for one in self.heard if "Records" in one]
        return [
            (one["eventName"], one["s3"]["object"]["key"]) for one in found if one["s3"]["bucket"]["name"] == bucket
        ]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    hook = Hook()
    yield hook
    hook.close()


@pytest.fixture(scope="module")
def told(hook: Hook, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a server that has the webhook for a target."""
    target = f'[events.hook]\nkind = "webhook"\nurl = "{hook.url}"\nallow_private = true\n'
    directory: Path = tmp_path_factory.mktemp("events")
    server = Server(directory, workers=1, settings=FAST + SETTINGS + target).start()
    yield server.s3()
    server.close()


def listen(s3: Any, bucket: str, *events: str, **more: Any) -> None:
    s3.create_bucket(Bucket=bucket)
    entry = {"QueueArn": ARN, "Events": list(events), **more}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [entry]})


def test_every_change_is_told_in_order(told: Any, hook: Hook) -> None:
    listen(told, "all", "s3:ObjectCreated:*", "s3:ObjectRemoved:*")
    name = {"Bucket": "all", "Key": "a b"}
    hook.broken = 2
    told.put_object(**name, Body=b"1")
    told.put_object(**name, Body=b"22")
    told.put_object(**name, Body=b"2", WriteOffsetBytes=2)
    told.copy_object(Bucket="all", Key="copy", CopySource="all/a b")
    upload = told.create_multipart_upload(**name)["UploadId"]
    part = told.upload_part(**name, UploadId=upload, PartNumber=1, Body=b"3")
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    told.complete_multipart_upload(**name, UploadId=upload, MultipartUpload={"Parts": parts})
    told.delete_object(**name)
    told.delete_object(Bucket="all", Key="absent")
    told.put_bucket_versioning(Bucket="all", VersioningConfiguration={"Status": "Enabled"})
    told.put_object(**name, Body=b"4")
    told.delete_object(**name)
    expected = [
        "ObjectCreated:Put",
        "ObjectCreated:Put",
        "ObjectCreated:Put",
        "ObjectCreated:CompleteMultipartUpload",
        "ObjectRemoved:Delete",
        "ObjectCreated:Put",
        "ObjectRemoved:DeleteMarkerCreated",
    ]
    until(lambda: len([1 for _, key in hook.records("all") if key == "a+b"]) >= len(expected))
    assert [event for event, key in hook.records("all") if key == "a+b"] == expected
    until(lambda: ("ObjectCreated:Copy", "copy") in hook.records("all"))
    assert any(one.get("Event") == "s3:TestEvent" and one["Bucket"] == "all" for one in hook.heard)
    records = [one["Records"][0] for one in hook.heard if "Records" in one]
    record = next(one for one in records if one["s3"]["object"]["key"] == "a+b")
    assert record["requestParameters"]["sourceIPAddress"] == "127.0.0.1"
    assert record["s3"]["object"]["size"] == 1


def test_lists_and_markers(told: Any, hook: Hook) -> None:
    told.create_bucket(Bucket="lists", ObjectOwnership="ObjectWriter")
    entry = {"QueueArn": ARN, "Events": ["s3:ObjectAcl:Put", "s3:ObjectRemoved:*"]}
    told.put_bucket_notification_configuration(
        Bucket="lists", NotificationConfiguration={"QueueConfigurations": [entry]}
    )
    told.put_bucket_versioning(Bucket="lists", VersioningConfiguration={"Status": "Enabled"})
    name = {"Bucket": "lists", "Key": "k"}
    told.put_object(**name, Body=b"x")
    told.put_object_acl(**name, ACL="private")
    marker = told.delete_object(**name)["VersionId"]
    told.delete_object(**name, VersionId=marker)
    expected = [("ObjectAcl:Put", "k"), ("ObjectRemoved:DeleteMarkerCreated", "k"), ("ObjectRemoved:Delete", "k")]
    until(lambda: len(hook.records("lists")) >= len(expected))
    assert hook.records("lists") == expected


def test_filters(told: Any, hook: Hook) -> None:
    rules = [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".jpg"}]
    listen(told, "some", "s3:ObjectCreated:Put", Filter={"Key": {"FilterRules": rules}}, Id="mine")
    for key in ("in/a.jpg", "in/a.png", "out/a.jpg", "in/z.jpg"):
        told.put_object(Bucket="some", Key=key, Body=b"x")
    told.delete_object(Bucket="some", Key="in/a.jpg")
    until(lambda: len(hook.records("some")) >= 2)
    assert sorted(hook.records("some")) == [("ObjectCreated:Put", "in/a.jpg"), ("ObjectCreated:Put", "in/z.jpg")]
    found = told.get_bucket_notification_configuration(Bucket="some")["QueueConfigurations"]
    assert found == [
        {"Id": "mine", "QueueArn": ARN, "Events": ["s3:ObjectCreated:Put"], "Filter": {"Key": {"FilterRules": rules}}}
    ]
    told.put_bucket_notification_configuration(Bucket="some", NotificationConfiguration={})
    assert "QueueConfigurations" not in told.get_bucket_notification_configuration(Bucket="some")


@pytest.mark.parametrize(
    "entry",
    [
        {"QueueArn": "arn:aws:sqs:us-east-1:000000000000:nobody", "Events": ["s3:ObjectCreated:*"]},
        {"QueueArn": "hook", "Events": ["s3:ObjectCreated:*"]},
        {
            "QueueArn": ARN,
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "a"}, {"Name": "prefix", "Value": "b"}]}},
        },
    ],
)
def test_configuration_refused(told: Any, entry: dict[str, Any]) -> None:
    told.create_bucket(Bucket="wrong")
    with pytest.raises(ClientError, match="InvalidArgument"):
        told.put_bucket_notification_configuration(
            Bucket="wrong", NotificationConfiguration={"QueueConfigurations": [entry]}
        )


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "169.254.169.254", "10.1.2.3", "192.168.0.1", "[::ffff:127.0.0.1]", "2130706433", "0.0.0.0"],
)
def test_a84_no_request_to_a_private_address(host: str) -> None:
    with pytest.raises(RefusedAddress):
        Webhook(f"http://{host}:9/x", "", allow_private=False).post(b"{}")


def test_public_addresses() -> None:
    assert all(map(is_public, ("8.8.8.8", "2606:4700::1111")))
    assert not any(map(is_public, ("224.0.0.1", "fe80::1%eth0", "fc00::1", "100.64.0.1")))


def test_inventory(told: Any) -> None:
    for name in ("listed", "inventories"):
        told.create_bucket(Bucket=name)
    told.put_object(Bucket="listed", Key="k", Body=b"x")
    place = {"Bucket": "arn:aws:s3:::inventories", "Format": "CSV", "Encryption": {"SSES3": {}}}
    wanted = {
        "Id": "daily",
        "IsEnabled": True,
        "IncludedObjectVersions": "Current",
        "Schedule": {"Frequency": "Daily"},
        "Destination": {"S3BucketDestination": place},
    }
    put = {"Bucket": "listed", "Id": "daily"}
    told.put_bucket_inventory_configuration(**put, InventoryConfiguration=wanted)
    assert told.get_bucket_inventory_configuration(**put)["InventoryConfiguration"] == wanted
    until(lambda: told.list_objects_v2(Bucket="inventories")["KeyCount"] == 4)
    (data,) = told.list_objects_v2(Bucket="inventories", Prefix="listed/daily/data/")["Contents"]
    answer = told.get_object(Bucket="inventories", Key=data["Key"])
    assert answer["ServerSideEncryption"] == "AES256"
    assert gzip.decompress(answer["Body"].read()) == b'"listed","k"\n'
    with pytest.raises(ClientError, match="NotImplemented"):
        told.put_bucket_inventory_configuration(
            **put, InventoryConfiguration={**wanted, "OptionalFields": ["IntelligentTieringReferenceDate"]}
        )


def log_lines(s3: Any, prefix: str) -> list[str]:
    """What was delivered below a prefix of the bucket ``logs``."""
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="logs", Prefix=prefix).get("Contents", ())]
    return b"".join(s3.get_object(Bucket="logs", Key=key)["Body"].read() for key in keys).decode().splitlines()


def test_access_log(told: Any) -> None:
    for name in ("logged", "logs"):
        told.create_bucket(Bucket=name)
    wanted = {"TargetBucket": "logs", "TargetPrefix": "log/"}
    told.put_bucket_logging(Bucket="logged", BucketLoggingStatus={"LoggingEnabled": wanted})
    assert told.get_bucket_logging(Bucket="logged")["LoggingEnabled"] == wanted
    answer = told.put_object(Bucket="logged", Key='a "b\n', Body=b"x")
    with pytest.raises(ClientError):
        told.get_object(Bucket="logged", Key="absent")

    def lines() -> list[str]:
        return log_lines(told, "log/")

    until(lambda: any("REST.GET.OBJECT absent" in line for line in lines()))
    put = next(line for line in lines() if "REST.PUT.OBJECT" in line)
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-request-id"] in put
    assert " a%20%22b%0A " in put
    assert " 200 - " in put
    assert put.split()[1] == "logged"
    got = next(line for line in lines() if "REST.GET.OBJECT" in line)
    assert " 404 NoSuchKey " in got
    told.put_bucket_logging(Bucket="logged", BucketLoggingStatus={})
    assert "LoggingEnabled" not in told.get_bucket_logging(Bucket="logged")
    with pytest.raises(ClientError, match="InvalidTargetBucketForLogging"):
        told.put_bucket_logging(
            Bucket="logged", BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": "none", "TargetPrefix": ""}}
        )


# The expression that AWS gives for its logs: owner, bucket, time, …, each field a group.
FIELD = r'("[^"]*"|\[[^\]]*\]|\S+)'
LINE = re.compile(" ".join([FIELD] * 26) + r"\Z")
OPERATION, KEY, URI, STATUS, CODE, SIZE, VERSION, HOST_ID, SIGNATURE, ACL = 6, 7, 8, 9, 10, 12, 17, 18, 19, 25


def test_sizes_lists_and_acls_in_the_access_log(told: Any) -> None:
    name = {"Bucket": "measured"}
    told.create_bucket(**name, ObjectOwnership="ObjectWriter")
    told.delete_public_access_block(**name)
    if "logs" not in [one["Name"] for one in told.list_buckets()["Buckets"]]:
        told.create_bucket(Bucket="logs")
    key_format = {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}
    wanted = {"TargetBucket": "logs", "TargetPrefix": "measured/", "TargetObjectKeyFormat": key_format}
    told.put_bucket_logging(**name, BucketLoggingStatus={"LoggingEnabled": wanted})
    answer = told.put_object(**name, Key="k", Body=b"x" * 1000, ACL="public-read")
    host_id = answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-id-2"]
    told.get_object(**name, Key="k", Range="bytes=0-9")["Body"].read()
    told.head_object(**name, Key="k")
    told.copy_object(**name, Key="ü/c", CopySource="measured/k")
    upload = told.create_multipart_upload(**name, Key="m")["UploadId"]
    part = told.upload_part(**name, Key="m", UploadId=upload, PartNumber=1, Body=b"y" * 77)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    told.complete_multipart_upload(**name, Key="m", UploadId=upload, MultipartUpload=parts)
    form = told.generate_presigned_post("measured", "form", Fields={"acl": "private"}, Conditions=[{"acl": "private"}])
    httpx.post(form["url"], data=form["fields"], files={"file": b"f" * 12}).raise_for_status()
    nobody = boto3.client("s3", endpoint_url=told.meta.endpoint_url, config=Config(signature_version=UNSIGNED),
                          region_name="us-east-1")  # fmt: skip
    nobody.get_object(**name, Key="k")["Body"].read()
    with pytest.raises(ClientError):
        nobody.get_object(**name, Key="m")
    told.put_object_tagging(**name, Key="k", Tagging={"TagSet": []})
    told.delete_object(**name, Key="form")
    entries = [{"Key": "ü/c"}, {"Key": "absent"}, {"Key": "m", "ETag": "0" * 32}, {"Key": "k", "VersionId": "0" * 32}]
    told.delete_objects(**name, Delete={"Objects": entries, "Quiet": True})
    told.put_bucket_versioning(**name, VersioningConfiguration={"Status": "Enabled"})
    told.delete_objects(**name, Delete={"Objects": [{"Key": "k"}]})
    until(lambda: sum("BATCH.DELETE.OBJECT" in line for line in log_lines(told, "measured/")) == 5)
    found = [LINE.match(line) for line in log_lines(told, "measured/")]
    assert all(found), "each line has all fields"
    lines = [match.groups() for match in found if match]
    shown = [(line[OPERATION], line[KEY], line[STATUS], line[CODE], line[SIZE], line[ACL]) for line in lines]
    # Connections may go to whichever process: each line by itself.
    for expected in (
        ("REST.PUT.OBJECT", "k", "200", "-", "1000", "-"),
        ("REST.GET.OBJECT", "k", "206", "-", "1000", "-"),
        ("REST.HEAD.OBJECT", "k", "200", "-", "1000", "-"),
        ("REST.COPY.OBJECT", "%C3%BC/c", "200", "-", "1000", "-"),
        ("REST.PUT.PART", "m", "200", "-", "77", "-"),
        ("REST.POST.UPLOAD", "m", "200", "-", "77", "-"),
        ("REST.POST.OBJECT", "form", "204", "-", "12", "-"),
        ("REST.GET.OBJECT", "k", "200", "-", "1000", "Yes"),
        ("REST.GET.OBJECT", "m", "403", "AccessDenied", "-", "-"),
        ("REST.PUT.OBJECT_TAGGING", "k", "200", "-", "-", "-"),
        ("REST.DELETE.OBJECT", "form", "204", "-", "12", "-"),
        ("REST.POST.MULTI_OBJECT_DELETE", "-", "200", "-", "-", "-"),
        ("BATCH.DELETE.OBJECT", "%C3%BC/c", "204", "-", "1000", "-"),
        ("BATCH.DELETE.OBJECT", "absent", "204", "-", "-", "-"),
        ("BATCH.DELETE.OBJECT", "m", "412", "PreconditionFailed", "-", "-"),
        ("BATCH.DELETE.OBJECT", "k", "204", "-", "-", "-"),
    ):
        assert expected in shown, (expected, shown)
    batch = next(line for line in lines if line[KEY] == "k" and line[VERSION] != "-")
    assert (batch[URI], batch[VERSION], batch[SIGNATURE]) == ("-", "0" * 32, "SigV4")
    assert {line[HOST_ID] for line in lines} == {host_id}
    account = boto3.client("sts", endpoint_url=told.meta.endpoint_url, region_name="us-east-1",
                           aws_access_key_id=told._request_signer._credentials.access_key,
                           aws_secret_access_key=told._request_signer._credentials.secret_key)  # fmt: skip
    (first, *_) = told.list_objects_v2(Bucket="logs", Prefix="measured/")["Contents"]
    assert first["Key"].startswith(f"measured/{account.get_caller_identity()['Account']}/us-east-1/measured/")
    told.put_bucket_logging(**name, BucketLoggingStatus={})


def test_a_copy_is_in_the_log_of_what_it_reads_too(told: Any) -> None:
    for name in ("read-from", "written-to"):
        told.create_bucket(Bucket=name)
    if "logs" not in [one["Name"] for one in told.list_buckets()["Buckets"]]:
        told.create_bucket(Bucket="logs")
    told.put_bucket_versioning(Bucket="read-from", VersioningConfiguration={"Status": "Enabled"})
    version = told.put_object(Bucket="read-from", Key="a b", Body=b"x" * 1000)["VersionId"]
    wanted = {"TargetBucket": "logs", "TargetPrefix": "read/"}
    told.put_bucket_logging(Bucket="read-from", BucketLoggingStatus={"LoggingEnabled": wanted})
    to = {"Bucket": "written-to", "Key": "copy"}
    copied = told.copy_object(**to, CopySource={"Bucket": "read-from", "Key": "a b", "VersionId": version})
    upload = told.create_multipart_upload(**to)["UploadId"]
    told.upload_part_copy(**to, UploadId=upload, PartNumber=1, CopySource="read-from/a b", CopySourceRange="bytes=0-99")
    with pytest.raises(ClientError):
        told.copy_object(**to, CopySource="read-from/absent")
    with pytest.raises(ClientError):
        told.copy_object(Bucket="is-not-there", Key="k", CopySource="read-from/a b")
    until(lambda: sum("REST.COPY" in line for line in log_lines(told, "read/")) >= 4)
    found = [match.groups() for match in map(LINE.match, log_lines(told, "read/")) if match]
    lines = [line for line in found if "COPY" in line[OPERATION]]
    shown = [(line[OPERATION], line[KEY], line[STATUS], line[CODE], line[SIZE], line[VERSION]) for line in lines]
    assert sorted(shown) == [
        ("REST.COPY.OBJECT_GET", "a%20b", "200", "-", "1000", version),
        ("REST.COPY.OBJECT_GET", "a%20b", "404", "NoSuchBucket", "-", "-"),
        ("REST.COPY.OBJECT_GET", "absent", "404", "NoSuchKey", "-", "-"),
        ("REST.COPY.PART_GET", "a%20b", "200", "-", "1000", "-"),
    ]
    request_id = copied["ResponseMetadata"]["HTTPHeaders"]["x-amz-request-id"]
    assert [line[OPERATION] for line in lines if line[5] == request_id] == ["REST.COPY.OBJECT_GET"]
    assert all("/written-to/copy" in line[URI] or "is-not-there" in line[URI] for line in lines)
    told.put_bucket_logging(Bucket="read-from", BucketLoggingStatus={})

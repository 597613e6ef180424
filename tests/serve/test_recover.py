"""Postgres is gone for good: ``objstore recover`` makes it anew from the drives, and the server goes on."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness import forked
from tests.harness.server import Server

MIB = 2**20
SETTINGS = """\
retire_grace_seconds = 0
repair_workers = 0
snapshot_hours = 0
compact_interval_seconds = 3600
[tier.hot]
k = 2
m = 1
[tier.capacity]
k = 2
m = 1
"""


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Server]:
    """A server of its own."""
    server = Server(tmp_path, workers=1, settings=SETTINGS).start()
    yield server
    server.close()


def command(box: Server, *arguments: str, status: int = 0) -> Any:
    return _answer(forked.run([*arguments, "--json"], box.client_environment), status)


def offline(box: Server, environment: dict[str, str], *arguments: str, status: int = 0) -> Any:
    config = f"--config={box.directory / 'objstore.toml'}"
    run = ["recover", f"--data={box.data}", config, "--json", *arguments]
    return _answer(forked.run(run, environment), status)


def _answer(done: "subprocess.CompletedProcess[str]", status: int) -> Any:
    assert done.returncode == status, (done.stdout, done.stderr)
    return json.loads(done.stdout) if done.stdout else done.stderr


def test_recover(box: Server) -> None:
    s3 = box.s3()
    s3.create_bucket(Bucket="photos")
    s3.put_bucket_tagging(Bucket="photos", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    body = {"plain": b"x" * 1000, "large": bytes(range(256)) * 12_000, "cold": b"c" * 50_000}
    s3.put_object(Bucket="photos", Key="plain", Body=body["plain"], Metadata={"m": "1"}, ContentType="text/x")
    s3.put_object(Bucket="photos", Key="large", Body=body["large"])
    s3.put_object(Bucket="photos", Key="cold", Body=body["cold"], StorageClass="STANDARD_IA")
    s3.copy_object(Bucket="photos", Key="copy", CopySource="photos/plain")
    body["copy"] = body["plain"]
    upload = s3.create_multipart_upload(Bucket="photos", Key="multi")["UploadId"]
    pieces = [b"1" * 5 * MIB, b"2" * 100]
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(Bucket="photos", Key="multi", UploadId=upload,
                                                      PartNumber=number, Body=piece)["ETag"]}
        for number, piece in enumerate(pieces, 1)
    ]  # fmt: skip
    s3.complete_multipart_upload(Bucket="photos", Key="multi", UploadId=upload, MultipartUpload={"Parts": parts})
    body["multi"] = b"".join(pieces)
    kept = command(box, "backup")
    assert kept["full"]
    assert [one["name"] for one in command(box, "backup", "--list")["backups"]] == [kept["name"]]
    file = box.directory / "metadata.backup"
    assert command(box, "backup", "--to", str(file))["bytes"] == file.stat().st_size
    s3.put_object(Bucket="photos", Key="since", Body=b"since")
    body["since"] = b"since"
    s3.put_object(Bucket="photos", Key="plain", Body=b"new", Metadata={"m": "2"})
    body["plain"] = b"new"
    listed = s3.list_objects_v2(Bucket="photos")["Contents"]
    environment = box.client_environment
    assert "runs on" in offline(box, environment, status=1)
    box.kill()
    shutil.rmtree(box.data / "postgres")
    report = offline(box, environment)
    assert report["snapshot"]
    assert report["added"] >= 2
    assert (report["dropped"], report["buckets_made_up"]) == (0, [])
    assert "not empty" in offline(box, environment, status=1)
    box.start()
    s3 = box.s3()
    check(s3, body, listed)
    assert s3.get_bucket_tagging(Bucket="photos")["TagSet"]
    assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == ["photos"]
    # Once more, from the file.
    box.kill()
    shutil.rmtree(box.data / "postgres")
    assert "no file" in offline(box, environment, "--backup", str(file) + "x", status=1)
    assert offline(box, environment, "--backup", str(file))["snapshot"]
    box.start()
    check(box.s3(), body, listed)


def check(s3: Any, body: dict[str, bytes], listed: list[dict[str, Any]]) -> None:
    for key, content in body.items():
        assert s3.get_object(Bucket="photos", Key=key)["Body"].read() == content, key
    head = s3.head_object(Bucket="photos", Key="copy")
    assert (head["Metadata"], head["ContentType"]) == ({"m": "1"}, "text/x")
    assert s3.head_object(Bucket="photos", Key="plain")["Metadata"] == {"m": "2"}
    assert s3.head_object(Bucket="photos", Key="cold")["StorageClass"] == "STANDARD_IA"
    now = s3.list_objects_v2(Bucket="photos")["Contents"]
    assert [(one["Key"], one["ETag"], one["Size"]) for one in now] == [
        (one["Key"], one["ETag"], one["Size"]) for one in listed
    ]

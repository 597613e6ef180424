"""Space comes back: after everything is deleted and one pass of compaction the drives hold superblocks and no more."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.server import Server
from tests.harness.wire import Wire, path_of
from tests.s3.trees import MIB, content

SUPERBLOCK_BYTES = 4096
HELD_SECONDS_MAX = 3.0
BUCKET = "space"
CLASSES = ("STANDARD", "STANDARD_IA")


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that nobody else writes to."""
    server = Server(tmp_path_factory.mktemp("space"), workers=2).start()
    yield server
    server.close()


def _shard_bytes(server: Server) -> dict[str, int]:
    """Size of every shard file, by drive and volume."""
    files = (server.data / "drives").rglob("*.shard")
    return {f"{file.parents[2].name}/{file.stem}": file.stat().st_size for file in files}


def test_deleting_everything_empties_the_drives(own_server: Server) -> None:
    s3, wire = own_server.s3(), Wire(own_server.address, own_server.credentials)
    s3.create_bucket(Bucket=BUCKET)
    for storage_class in CLASSES:
        _make_a_mess(s3, wire, storage_class)
    assert sum(_shard_bytes(own_server).values()) > 40 * MIB

    kept = {"kept": b"small", "kept large": content(3 * MIB, 3)}
    for key, body in kept.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    _delete_all_but(s3, set(kept))
    _compact(own_server)
    for key, body in kept.items():
        assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == body
    live = sum(size for spot, size in _shard_bytes(own_server).items() if size > SUPERBLOCK_BYTES)
    assert live < 2.2 * sum(map(len, kept.values()))  # 4+2, headers, and nothing else

    _delete_all_but(s3, set())
    s3.delete_bucket(Bucket=BUCKET)
    _compact(own_server)
    too_large = {spot: size for spot, size in _shard_bytes(own_server).items() if size > SUPERBLOCK_BYTES}
    assert not too_large
    wire.close()
    s3.close()


def test_no_process_holds_on_to_what_was_unlinked(own_server: Server) -> None:
    """An unlinked file takes its space until the last process has closed it."""
    s3 = own_server.s3()
    s3.create_bucket(Bucket=BUCKET)
    for _ in range(2):
        wire = Wire(own_server.address, own_server.credentials)  # another connection, perhaps another worker
        for number in range(10):
            path = path_of(BUCKET, f"k{number}")
            assert wire.request("PUT", path, content(300_000, number)).status == 200
            assert wire.request("GET", path).status == 200
        wire.close()
    _delete_all_but(s3, set())
    s3.close()
    assert _compact(own_server)["unlinked"] > 0
    deadline = time.monotonic() + HELD_SECONDS_MAX
    while (held := _held(own_server)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not held


def _held(server: Server) -> list[str]:
    """Unlinked shards that some process of the server has open."""
    state = server.state
    links = []
    for pid in (*state["workers"], state["background"]):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed since it was listed
                links.append(str(entry.readlink()))
    return [link for link in links if link.endswith(".shard (deleted)")]


def _make_a_mess(s3: Any, wire: Wire, storage_class: str) -> None:
    """Every way in which bytes become garbage, and some that are shared."""

    def key(name: str) -> str:
        return f"{storage_class}/{name}"

    for number in range(40):
        s3.put_object(
            Bucket=BUCKET, Key=key(f"{number}"), Body=content(1000 * number, number), StorageClass=storage_class
        )
    for size in (300_000, 9 * MIB):
        for turn in range(2):
            s3.put_object(Bucket=BUCKET, Key=key(f"over-{size}"), Body=content(size, turn), StorageClass=storage_class)
        s3.copy_object(
            Bucket=BUCKET, Key=key(f"copy-{size}"), CopySource={"Bucket": BUCKET, "Key": key(f"over-{size}")},
            StorageClass=storage_class,
        )  # fmt: skip
    named = {"Bucket": BUCKET, "Key": key("parts")}
    for finish in (s3.complete_multipart_upload, None):
        upload = s3.create_multipart_upload(**named, StorageClass=storage_class)["UploadId"]
        for _ in range(2):  # the first one is replaced
            etag = s3.upload_part(**named, UploadId=upload, PartNumber=1, Body=content(5 * MIB, 1))["ETag"]
        s3.upload_part(**named, UploadId=upload, PartNumber=7, Body=b"not named in Complete")
        if finish is not None:
            parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
            finish(**named, UploadId=upload, MultipartUpload=parts)
    path = path_of(BUCKET, key("refused"))
    headers = {"x-amz-storage-class": storage_class}
    for body in (content(5000, 1), content(MIB, 1)):
        assert wire.request("PUT", path, body, headers | {"content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}).status == 400
        assert wire.request("PUT", path, body, headers | {"if-match": f'"{"0" * 32}"'}).status == 404
        with wire.bare() as bare:
            bare.send(wire.head("PUT", path, headers | {"content-length": str(len(body))}) + body[: len(body) // 2])


def _delete_all_but(s3: Any, kept: set[str]) -> None:
    for upload in s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []):
        s3.abort_multipart_upload(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    objects = [{"Key": key} for key in keys if key not in kept]
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": objects, "Quiet": True})
    assert "Errors" not in answer


def _compact(server: Server) -> dict[str, Any]:
    """One pass."""
    last: dict[str, Any] = server.admin("POST", "/compact?all=true&grace_seconds=0").json()["last"]
    return last

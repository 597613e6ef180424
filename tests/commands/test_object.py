"""The verbs of `object` against a real server, and what locate says of harm."""

import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from objstore.cli.object_commands import health
from tests.commands.conftest import Run
from tests.harness.server import Server

BUCKET = "locate-command"


@pytest.fixture(scope="module")
def versions(server: Server) -> list[str]:
    """Of the key `a b/ü`: small, large, a delete marker."""
    s3 = server.s3()
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    made = [s3.put_object(Bucket=BUCKET, Key="a b/ü", Body=bytes(count))["VersionId"] for count in (2000, 3_000_000)]
    return [*made, s3.delete_object(Bucket=BUCKET, Key="a b/ü")["VersionId"]]


def test_locate(run: Run, answer: Callable[..., Any], versions: list[str]) -> None:
    place, drives = f"s3://{BUCKET}/a b/ü", {one["id"]: one for one in answer("drive", "ls")["drives"]}
    small, large, marker = versions
    found = answer("object", "locate", place)
    assert [one["version_id"] for one in found["versions"]] == [marker, large, small]
    (only,) = answer("object", "locate", place, "--version-id", small)["versions"]
    assert (only["size"], only["tier"], only["storage_class"]) == (2000, "hot", "STANDARD")
    shown = run("object", "locate", place, "--version-id", small).stdout
    assert f"{place} ({small}), an older version" in shown
    assert "all columns are there, 2 drives may be lost" in shown
    assert "4+2, packed" in shown
    (extent,) = only["extents"]
    for shard in extent["shards"]:
        assert drives[shard["drive"]]["address"] == shard["address"]
        (line,) = [line for line in shown.splitlines() if shard["drive"][:12] in line]
        assert (shard["address"] in line, line.split()[0]) == (True, str(shard["column"]))
    assert shown.count("nothing of it") == 3  # a small object is in one column of four
    everything = run("object", "locate", place).stdout
    assert "a delete marker of" in everything
    assert all(version in everything for version in versions)
    assert "2.9 MiB (3,000,000 bytes)" in everything


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((f"s3://{BUCKET}/none",), "no such key"),
        ((f"s3://{BUCKET}/a b/ü", "--version-id=x"), "version"),
        ((f"s3://{BUCKET}",), "names no object"),
        (("s3://no-such-bucket-here/a",), "bucket"),
    ],
)
def test_what_is_not_there(run: Run, versions: list[str], arguments: tuple[str, ...], says: str) -> None:
    assert says in run("object", "locate", *arguments, code=1).stderr


def test_health_in_words() -> None:
    def version(*states: str, damaged: int = 0) -> dict[str, Any]:
        shards = [{"drive_state": state, "damaged": "torn" if i < damaged else None} for i, state in enumerate(states)]
        return {"size": 1, "extents": [{"profile": "4+2", "shards": [{"drive_state": "up", "damaged": None}] * 6},
                                       {"profile": "4+2", "shards": shards}]}  # fmt: skip

    up = ("up",) * 4
    assert health(version(*up, "up", "draining")) == "all columns are there, 2 drives may be lost"
    assert health(version(*up, "up", "gone")).startswith(
        "1 of 6 columns of a volume are away, 1 more drive may be lost"
    )
    assert "2 of 6" in health(version(*up, "up", "suspect", damaged=1))
    assert "no drive may be lost" in health(version(*up, "none", "gone"))
    assert health(version(*up, "none", "gone", damaged=1)).startswith("CANNOT BE READ NOW: 3 of 6")
    assert health({"size": 0, "extents": []}) == "it has no bytes"


def test_stat_and_tags(server: Server, run: Run, answer: Callable[..., Any], versions: list[str]) -> None:
    s3, place = server.s3(), f"s3://{BUCKET}/stated"
    s3.put_object(Bucket=BUCKET, Key="stated", Body=b"12345", ContentType="text/x", Metadata={"who": "me"},
                  StorageClass="STANDARD_IA", ChecksumAlgorithm="SHA256")  # fmt: skip
    assert answer("object", "tags", place, "colour=a b", "n=ü")["tags"] == {"colour": "a b", "n": "ü"}
    found = answer("object", "stat", place)
    assert (found["size"], found["content_type"], found["storage_class"]) == (5, "text/x", "STANDARD_IA")
    assert (found["metadata"], found["tags"]) == ({"who": "me"}, {"colour": "a b", "n": "ü"})
    assert (len(found["checksum_sha256"]), found["version_id"] not in versions) == (44, True)
    shown = run("object", "stat", place).stdout
    for line in ("  content type: text/x", "  metadata: who=me", "colour=a b", "n=ü"):
        assert line in shown
    old = answer("object", "stat", f"s3://{BUCKET}/a b/ü", "--version-id", versions[0])
    assert (old["size"], old["storage_class"]) == (2000, "STANDARD")
    assert "has no tags" in run("object", "tags", place, "--delete").stdout
    assert "write NAME=VALUE" in run("object", "tags", place, "colour", code=1).stderr
    assert "name none" in run("object", "tags", place, "a=b", "--delete", code=1).stderr
    assert "there is no such" in run("object", "stat", f"s3://{BUCKET}/none", code=1).stderr


def test_share(server: Server, run: Run, answer: Callable[..., Any], versions: list[str]) -> None:
    """Links work without keys, as long as they say."""
    place = f"s3://{BUCKET}/shared/a b+ü"
    up = answer("object", "share", place, "--put", "--for=5m")
    assert (up["method"], up["seconds"], "X-Amz-Expires=300" in up["url"]) == ("PUT", 300, True)
    with urllib.request.urlopen(urllib.request.Request(up["url"], b"by a link", method="PUT"), timeout=30) as done:
        assert done.status == 200
    (line,) = run("object", "share", place).stdout.splitlines()
    with urllib.request.urlopen(line, timeout=30) as got:
        assert got.read() == b"by a link"
    for age in ("8d", "0s"):
        assert "at most 7d" in run("object", "share", place, f"--for={age}", code=1).stderr
    assert "is no age" in run("object", "share", place, "--for=soon", code=1).stderr


def test_restore(server: Server, run: Run, answer: Callable[..., Any], versions: list[str]) -> None:
    place = f"s3://{BUCKET}/archived"
    server.s3().put_object(Bucket=BUCKET, Key="archived", Body=b"old", StorageClass="GLACIER")
    assert "objstore object restore" in run("cp", place, "-", code=1).stderr
    assert "ongoing-request" in answer("object", "restore", place, "--days=2")["restore"]
    assert "ongoing-request" in answer("object", "stat", place)["restore"]
    server.s3().put_object(Bucket=BUCKET, Key="hot", Body=b"new")
    assert "InvalidObjectState" in run("object", "restore", f"s3://{BUCKET}/hot", code=1).stderr

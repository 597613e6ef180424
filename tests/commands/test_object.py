"""object locate against a real server, and what it says of harm."""

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

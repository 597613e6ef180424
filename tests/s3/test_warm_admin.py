"""Warm-ups and pins by the command line, on a running server."""

import json
from typing import Any

import pytest

from tests.harness.server import Server
from tests.harness.waiting import until
from tests.s3.trees import content
from tests.serve.test_cli import answer, run


@pytest.fixture
def cold(s3: Any, bucket: str) -> str:
    """A bucket with objects on the capacity tier, below a/ and b/."""
    for number in range(3):
        for prefix in ("a/", "b/"):
            s3.put_object(
                Bucket=bucket, Key=f"{prefix}{number}", Body=content(200_000, number), StorageClass="STANDARD_IA"
            )
    return bucket


def classes(s3: Any, bucket: str) -> dict[str, str]:
    return {one["Key"]: one["StorageClass"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]}


def test_warm(server: Server, s3: Any, cold: str) -> None:
    job = answer(server, "warm", f"s3://{cold}/a/")
    assert (job["state"], job["objects"], job["bytes"]) == ("done", 3, 600_000)
    found = classes(s3, cold)
    assert {key: found[key] for key in sorted(found)} == {
        "a/0": "STANDARD", "a/1": "STANDARD", "a/2": "STANDARD",
        "b/0": "STANDARD_IA", "b/1": "STANDARD_IA", "b/2": "STANDARD_IA",
    }  # fmt: skip
    assert s3.get_object(Bucket=cold, Key="a/1")["Body"].read() == content(200_000, 1)
    jobs = server.admin("GET", f"/warm?bucket={cold}").json()["jobs"]
    assert [one["id"] for one in jobs] == [job["id"]]
    assert server.admin("GET", f"/warm/{job['id']}?bucket={cold}").json()["complete"]
    assert server.admin("DELETE", f"/warm/{job['id']}").status_code == 404  # it has ended
    assert server.admin("GET", f"/warm/{'0' * 32}?bucket={cold}").status_code == 404


def test_pin(server: Server, s3: Any, cold: str) -> None:
    rule = {"ID": "down", "Status": "Enabled", "Filter": {}, "Transitions": [{"Days": 0, "StorageClass": "GLACIER_IR"}]}
    added = answer(server, "pin", "add", f"s3://{cold}/b/", "--until=1d", "--budget=1G")
    assert (added["prefix"], added["budget_bytes"]) == ("b/", 2**30)
    (pin,) = answer(server, "pin", "ls", cold)["pins"]
    assert (pin["prefix"], pin["until"]) == ("b/", added["until"])
    until(lambda: classes(s3, cold)["b/0"] == "STANDARD")
    body = json.dumps({"Rules": [rule]}).encode()
    assert server.admin("PUT", f"/buckets/{cold}/lifecycle", body=body).status_code == 200
    explained = answer(server, "lifecycle", "explain", cold, "b/0")
    assert [one["state"] for one in explained["rules"]] == ["pinned"]
    assert f"s3://{cold}/b/" in run(server, "pin", "ls", cold).stdout
    assert (cold, "b/") in {(one["bucket"], one["prefix"]) for one in answer(server, "pin", "ls")["pins"]}
    assert "no longer pinned" in run(server, "pin", "rm", f"s3://{cold}/b/").stdout
    assert answer(server, "pin", "ls", cold)["pins"] == []
    assert [one["state"] for one in answer(server, "lifecycle", "explain", cold, "b/0")["rules"]] != ["pinned"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("warm", "bucket/a"), 2, "write s3://BUCKET/PREFIX"),
        (("warm", "s3://nobody-w/a"), 1, "there is no bucket 'nobody-w'"),
        (("warm", "s3://nobody-w/a", "--budget=many"), 2, "write bytes, or 500M"),
        (("pin", "add", "s3://nobody-w/a", "--until=soon", "--budget=1"), 2, "write 7d, 12h"),
        (("pin", "add", "s3://nobody-w/a", "--until=7d", "--budget=1K"), 1, "there is no bucket"),
        (("pin", "add", "s3://BUCKET/a", "--until=2001-01-01", "--budget=1"), 1, "until: a time to come"),
        (("pin", "rm", "s3://BUCKET/a"), 1, "the prefix 'a' is not pinned"),
        (("pin", "ls", "nobody-w"), 1, "there is no bucket"),
    ],
)
def test_errors(server: Server, bucket: str, arguments: tuple[str, ...], code: int, says: str) -> None:
    done = run(server, *[one.replace("BUCKET", bucket) for one in arguments])
    assert done.returncode == code
    assert says in " ".join(done.stderr.replace("│", " ").split())

"""A server heals, drains, rebalances, scrubs and checks its drives, asked by the command line."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.harness import forked
from tests.harness.collector import Collector, Span
from tests.harness.server import Server
from tests.harness.waiting import until

SETTINGS = """\
retire_grace_seconds = 0
repair_interval_seconds = 0.2
compact_interval_seconds = 3600
snapshot_hours = 0
[tier.hot]
k = 2
m = 1
shard_bytes_max = 1048576
"""
DRIVES = 5
SIZES = (0, 100, 4096, 200_000, 3_000_000)


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Server]:
    """A server of its own with 2+1 on five drives. It traces what its clients trace, and nothing else."""
    root = tmp_path_factory.mktemp("repair")
    for number in range(DRIVES):
        (root / f"d{number}").mkdir()
    tracing = {"OBJSTORE_TRACE_ENDPOINT": collector.endpoint, "OBJSTORE_TRACE_RATIO": "0"}
    drives = [f"--drive=hot={root}/d{number}" for number in range(DRIVES)]
    server = Server(root, *drives, workers=1, settings=SETTINGS, environment=tracing)
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def stored(box: Server) -> dict[str, bytes]:
    """Objects in sealed volumes."""
    s3, random, found = box.s3(), Random(1), {}
    s3.create_bucket(Bucket="bucket")
    for size in SIZES:
        for number in range(3):
            found[f"{size}-{number}"] = random.randbytes(size)
            s3.put_object(Bucket="bucket", Key=f"{size}-{number}", Body=found[f"{size}-{number}"])
    box.admin("POST", "/compact?all=true")
    return found


@pytest.fixture
def objstore(box: Server) -> Callable[..., Any]:
    """The command, as JSON."""

    def run(*arguments: str, status: int = 0) -> Any:
        done = forked.run([*arguments, "--json"], box.client_environment)
        assert done.returncode == status, (done.stdout, done.stderr)
        return json.loads(done.stdout) if done.stdout else done.stderr

    return run


def check(box: Server, stored: dict[str, bytes]) -> None:
    s3 = box.s3()
    for key, body in stored.items():
        assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == body


def files(box: Server, number: int) -> list[Path]:
    return sorted((box.directory / f"d{number}" / "shards").glob("*/*.shard"))


def used(box: Server) -> int:
    """The number of the drive that holds most."""
    return max(range(DRIVES), key=lambda number: len(files(box, number)))


def test_scrub_finds_flips_and_they_are_healed(box: Server, stored: dict[str, bytes], objstore: Any) -> None:
    random, flipped = Random(2), 0
    for path in files(box, used(box)):
        content = bytearray(path.read_bytes())
        content[random.randrange(len(content))] ^= 4
        path.write_bytes(content)
        flipped += 1
    assert flipped
    walks = objstore("repair", "scrub", "--start", "--wait")["drives"]
    assert sum(one["last_problems"] for one in walks) == flipped
    assert all(bool(one["last_bytes"]) == bool(one["last_shards"]) for one in walks)
    found = objstore("repair", "heal")
    assert found["volumes_short_of_redundancy"] == 0
    assert [one["shards"] for one in found["done"]] == [flipped]
    check(box, stored)
    again = objstore("repair", "scrub", "--start", "--wait")["drives"]
    assert sum(one["last_problems"] for one in again) == 0


def test_fsck_finds_what_is_missing_and_what_is_not_known(box: Server, stored: dict[str, bytes], objstore: Any) -> None:
    files(box, used(box))[0].unlink()
    (box.directory / "d2" / "shards" / "ab").mkdir(exist_ok=True)
    (box.directory / "d2" / "shards" / "ab" / f"{'ab' * 16}.shard").write_bytes(b"what is this?")
    found = objstore("fsck")
    assert [(one["file"], one["quarantined"]) for one in found["orphans"]] == [("ab" * 16, False)]
    until(lambda: objstore("repair", "status")["volumes_short_of_redundancy"] == 0)
    assert objstore("fsck")["missing"] == 0
    check(box, stored)


def test_drain_and_put_back(box: Server, stored: dict[str, bytes], objstore: Any) -> None:
    number = used(box)
    address = str(box.directory / f"d{number}")
    assert "drain it first" in objstore("drive", "retire", address, status=1)
    [drained] = objstore("drive", "drain", address)["drives"]
    assert (drained["state"], drained["shards"]) == ("draining", 0)
    check(box, stored)
    until(lambda: {path.stem for path in files(box, number)} <= {"ab" * 16})  # a file of nobody is not moved
    [back] = objstore("drive", "undrain", drained["id"][:10])["drives"]
    assert back["state"] == "up"
    moved = objstore("cluster", "rebalance", "hot")
    assert moved["state"] == "done"
    assert moved["moved"] == moved["planned"] > 0
    assert files(box, number)
    check(box, stored)


def test_a_dead_drive_is_replaced(box: Server, stored: dict[str, bytes], objstore: Any) -> None:
    """Its files are gone; an empty directory at its place becomes a new drive with the next start."""
    number = used(box)
    dead = box.directory / f"d{number}"
    dead.rename(box.directory / "dead")
    [gone] = objstore("drive", "replace", str(dead))["drives"]
    assert gone["state"] == "gone"
    until(lambda: objstore("repair", "status")["volumes_short_of_redundancy"] == 0)
    check(box, stored)
    status = box.admin("GET", "/status").json()
    assert [one["id"] for one in status["drives"] if one["out"]] == [gone["id"]]
    assert status["tiers"]["hot"]["drives"]["gone"] == 0
    dead.mkdir()
    box.restart()
    new = [one for one in objstore("drive", "ls")["drives"] if one["address"] == str(dead)]
    assert [one["state"] for one in new if one["open"]] == ["up"]
    assert len({one["id"] for one in new}) == 2
    box.admin("POST", "/compact?all=true")
    objstore("cluster", "rebalance", "hot")
    assert files(box, number)
    check(box, stored)


def test_tables_for_people(box: Server, stored: dict[str, bytes]) -> None:
    for arguments, expected in (
        (("repair", "status"), "full redundancy"),
        (("repair", "scrub"), "Verified"),
        (("fsck", "--no-wait"), "files are not known"),
        (("drive", "ls"), "State"),
    ):
        done = forked.run(arguments, box.client_environment)
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout, arguments


def test_what_is_not_there(box: Server, objstore: Any) -> None:
    assert "no drive or node" in objstore("drive", "drain", "nowhere", status=1)
    assert "no tier" in objstore("cluster", "rebalance", "lukewarm", status=1)
    assert "not being rebalanced" in objstore("cluster", "rebalance", "hot", "--cancel", status=1)


def test_paces(box: Server) -> None:
    """Set while it runs: background processes say what they have taken over; bounds, who, and back again."""

    def shown() -> dict[str, Any]:
        return {one["name"]: one for one in box.admin("GET", "/paces").json()["paces"]}

    before = shown()
    assert set(before) == {"repair_bytes", "rebalance_bytes", "scrub_bytes", "lifecycle_bytes", "lifecycle_operations"}
    assert not any(one["is_set"] for one in before.values())
    assert box.admin("PUT", "/paces/scrub_bytes", body=b'{"value": 123456789}').status_code == 204
    one = shown()["scrub_bytes"]
    assert (one["value"], one["is_set"], one["configured"]) == (123456789, True, before["scrub_bytes"]["configured"])
    assert one["by"].endswith(":root")
    until(lambda: re.search(r"event=paces .*scrub_bytes=123456789", box.log.read_text()) is not None)
    for body in (b'{"value": 1}', b'{"value": 1e300}', b'{"value": 0}', b'{"value": "x"}', b"{}"):
        assert box.admin("PUT", "/paces/scrub_bytes", body=body).status_code == 422
    assert box.admin("PUT", "/paces/nothing", body=b'{"value": 1e8}').status_code == 404
    assert box.admin("DELETE", "/paces/scrub_bytes").status_code == 204
    assert box.admin("DELETE", "/paces/scrub_bytes").status_code == 404
    assert shown() == before
    assert box.get("/-/admin/v1/paces").status_code == 403


def test_a_request_is_one_trace_from_the_gateway_to_the_drives(box: Server, collector: Collector) -> None:
    """A PUT and a GET with a client's traceparent: gateway, batch, Postgres and drives hang together below it."""
    client = "b7ad6b7169203331"
    s3, traces = box.s3(), {"PutObject": "0af7651916cd43dd8448eb211c80319c", "GetObject": "1" * 32}
    s3.create_bucket(Bucket="traced")

    def traced(request: Any, event_name: str, **_: Any) -> None:
        request.headers["traceparent"] = f"00-{traces[event_name.rpartition('.')[2]]}-{client}-01"

    for operation in traces:
        s3.meta.events.register(f"before-send.s3.{operation}", traced)
    s3.put_object(Bucket="traced", Key="k", Body=b"x" * 4096)
    s3.get_object(Bucket="traced", Key="k")["Body"].read()

    def below(operation: str) -> set[str]:
        """Names of the spans that hang below the request's."""
        spans = collector.of(traces[operation])
        request = [span for span in spans if span.name == operation and span.parent.hex() == client]
        found: list[Span] = request
        for span in found:  # which grows
            found += [other for other in spans if other.parent == span.id]
        return {span.name for span in found if span.process == "objstore-gateway-0"}

    until(lambda: {"PutObject", "put batch", "drive write", "postgres transaction"} <= below("PutObject"))
    until(lambda: {"GetObject", "lookup batch", "postgres statement"} <= below("GetObject"))
    assert {span.trace.hex() for span in collector.spans} == set(traces.values())

"""The picture of a real server: what clients do shows in it, within some seconds, in the right places."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.harness.server import Server

BUCKET = "pictured-by-api"
SECONDS_MAX = 60.0


def asked(server: Server, path: str, **query: Any) -> Any:
    answer = server.admin("GET", path + "?" + "&".join(f"{name}={value}" for name, value in query.items()))
    assert answer.status_code == 200, answer.text
    return answer.json()


def until(ask: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
    """Ask until it holds."""
    deadline = time.monotonic() + SECONDS_MAX
    while not holds(found := ask()):
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    return found


def flow(picture: Any, name: str) -> Any:
    (found,) = [one for one in picture["flows"] if one["id"] == name]
    return found


@pytest.fixture(scope="module")
def picture(server: Server) -> Any:
    """A picture in which there is something to see: writes to both tiers, reads."""
    s3 = server.s3()
    s3.create_bucket(Bucket=BUCKET)
    for i in range(20):
        s3.put_object(Bucket=BUCKET, Key=f"corpus/part-{i}", Body=b"x" * 1000)
    s3.put_object(Bucket=BUCKET, Key="models/large", Body=bytes(2_000_000))
    s3.put_object(Bucket=BUCKET, Key="cold", Body=b"y" * 3000, StorageClass="STANDARD_IA")
    for key in ("corpus/part-0", "models/large", "cold"):
        s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=BUCKET, Key="nothing")

    def shows(found: Any) -> bool:
        there = {place["name"] for place in found["places"]["children"]}
        return (
            flow(found, "ingest:capacity")["bytes_per_second"] > 0
            and flow(found, "ingest:hot")["objects_per_second"] > 0
            and BUCKET in there
            and found["tiers"][1]["objects"] > 0
        )

    return until(lambda: asked(server, "/picture", window=120), shows)


def test_flows(picture: Any) -> None:
    seconds = 120
    assert flow(picture, "ingest:capacity") == {
        "id": "ingest:capacity", "kind": "ingest", "from": "clients", "to": "tier:capacity",
        "bytes_per_second": flow(picture, "ingest:capacity")["bytes_per_second"],
        "objects_per_second": flow(picture, "ingest:capacity")["objects_per_second"],
    }  # fmt: skip
    assert flow(picture, "ingest:capacity")["bytes_per_second"] * seconds >= 2999
    assert flow(picture, "ingest:hot")["bytes_per_second"] * seconds >= 2_019_000
    reads = [flow(picture, name) for name in ("read:memory", "read:hot", "read:capacity")]
    assert sum(one["objects_per_second"] for one in reads) * seconds >= 2.9
    assert sum(one["bytes_per_second"] for one in reads) * seconds >= 2_003_000
    there = {(one["from"], one["to"]) for one in picture["flows"]}
    assert {("tier:hot", "tier:capacity"), ("tier:capacity", "tier:hot"), ("repair", "drives")} <= there


def test_verdict(picture: Any) -> None:
    verdict = picture["verdict"]
    assert verdict["requests_per_second"] > 0
    assert 0 < verdict["hit_ratio"]["requests"] <= 1
    assert 0 < verdict["hit_ratio"]["bytes"] <= 1
    assert 0 < verdict["ttfb_p99_seconds"]["all"] <= 10
    assert 0 < verdict["usable_bytes"]["free"] < verdict["usable_bytes"]["total"]
    assert verdict["health"] in ("ok", "warning", "critical")
    assert (verdict["health"] == "ok") == (not verdict["reasons"])
    assert verdict["lifecycle"]["backlog"] >= 0
    assert picture["age_seconds"] < 60


def test_gateways(server: Server, picture: Any) -> None:
    assert {one["name"].partition("#")[2] for one in picture["gateways"]} <= {"0", "1"}
    assert sum(one["in_bytes_per_second"] for one in picture["gateways"]) > 0
    assert sum(one["requests_per_second"] for one in picture["gateways"]) == pytest.approx(
        picture["verdict"]["requests_per_second"], abs=0.1
    )


def test_tiers_and_nodes(picture: Any) -> None:
    hot, capacity = picture["tiers"][:2]
    assert (hot["name"], hot["profile"], hot["overhead"]) == ("hot", "4+2", 1.5)
    assert hot["drives"] == {"up": 6, "suspect": 0, "draining": 0, "gone": 0}
    assert capacity["objects"] >= 1
    assert hot["bytes"] >= 2_020_000
    assert hot["raw_bytes"] == round(hot["bytes"] * 1.5)
    assert 0 < hot["fill"] < 1
    assert hot["used_bytes"] + hot["free_bytes"] == hot["capacity_bytes"]
    (node,) = picture["nodes"]
    assert len(node["drives"]) == 20
    assert any(drive["bytes_per_second"] > 0 for drive in node["drives"])
    assert not picture["truncated"]


def test_heat(picture: Any) -> None:
    heat = picture["heat"]
    assert [band["name"] for band in heat["bands"]][:2] == ["today", "yesterday"]
    assert heat["bands"][-1]["to_days"] is None
    for tier in ("hot", "capacity"):
        assert len(heat["tiers"][tier]) == len(heat["bands"])
        (shown,) = [one for one in picture["tiers"] if one["name"] == tier]
        assert sum(band["bytes"] for band in heat["tiers"][tier]) == shown["bytes"]


def test_places(server: Server, picture: Any) -> None:
    buckets = asked(server, "/prefixes", limit=256)
    (mine,) = [one for one in buckets["children"] if one["name"] == BUCKET]
    assert (mine["objects"], mine["bytes"], mine["heat"]) == (22, 2_023_000, 1.0)
    assert mine["tiers"] == {"hot": 2_020_000, "capacity": 3000}
    top = asked(server, "/prefixes", bucket=BUCKET)
    assert [(one["name"], one["prefix"], one["objects"]) for one in top["children"]] == [
        ("models/", "models/", 1),
        ("corpus/", "corpus/", 20),
        ("", None, 1),
    ]
    assert top["total"] == {"objects": 22, "bytes": 2_023_000}
    assert top["other"] is None
    largest = asked(server, "/prefixes", bucket=BUCKET, limit=1)
    assert largest["other"] == {"children": 2, "objects": 21, "bytes": 23_000, "heat": 1.0}
    below = asked(server, "/prefixes", bucket=BUCKET, prefix="corpus/", limit=5)
    assert below["complete"]
    assert len(below["children"]) == 5
    assert below["other"]["children"] == 15
    assert all(one["leaf"] and one["prefix"] is None for one in below["children"])
    assert server.admin("GET", "/prefixes?bucket=no-such-bucket").status_code == 404


def test_history(server: Server, picture: Any) -> None:
    names = "put_bytes,requests,tier_used_bytes,ttfb_p99,drive_operations"
    history = asked(server, "/history", series=names)
    lines = {(line["name"], line["label"]): line for line in history["series"]}
    put = lines["put_bytes", "capacity"]
    assert put["kind"] == "rate"
    assert put["unit"] == "bytes"
    assert sum(value for _, value in put["points"]) * history["step_seconds"] >= 2999
    assert all(at % history["step_seconds"] == 0 for at, _ in put["points"])
    assert lines["requests", "put"]["points"]
    assert lines["tier_used_bytes", "hot"]["points"]
    assert any(name == "ttfb_p99" for name, _ in lines)
    assert history["step_seconds"] == 10
    only = asked(server, "/history", series="put_bytes", label="capacity", step=60)
    assert [line["label"] for line in only["series"]] == ["capacity"]
    assert only["step_seconds"] == 60
    described = {one["name"]: one for one in asked(server, "/history/series")["series"]}
    assert set(names.split(",")) <= described.keys()
    assert "ttfb" not in described
    for wrong in ("series=nothing", "series=ttfb", "series=", "series=requests&from=2999-01-01T00:00:00Z"):
        assert server.admin("GET", f"/history?{wrong}").status_code == 422


def test_the_past(server: Server, picture: Any) -> None:
    """Long steps where short ones are no more; of what was not there yet nothing is known."""
    past = (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = asked(server, "/picture", at=past)
    assert found["step_seconds"] == 60
    assert found["verdict"]["hit_ratio"] == {"requests": None, "bytes": None}
    assert found["gateways"] == []
    assert found["tiers"][0]["capacity_bytes"] is None
    long_past = (datetime.now(UTC) - timedelta(days=20)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert asked(server, "/picture", at=long_past)["step_seconds"] == 3600
    assert server.admin("GET", "/picture?window=5").status_code == 422


def test_only_for_root(server: Server) -> None:
    for path in ("/picture", "/history?series=requests", "/prefixes", f"/locate?bucket={BUCKET}&key=cold"):
        assert server.get(f"/-/admin/v1{path}").status_code == 403


def test_locate_small(server: Server, picture: Any) -> None:
    found = asked(server, "/locate", bucket=BUCKET, key="corpus/part-0")
    (version,) = found["versions"]
    assert (version["version_id"], version["is_latest"], version["size"]) == ("null", True, 1000)
    assert (version["tier"], version["storage_class"]) == ("hot", "STANDARD")
    assert version["last_access"] == datetime.now(UTC).date().isoformat()
    (extent,) = version["extents"]
    assert extent["kind"] == "packed"
    assert extent["profile"] == "4+2"
    assert extent["length"] == 1000
    assert len(extent["shards"]) == version["fragments_total"] == 6
    assert [shard["role"] for shard in extent["shards"]] == ["data"] * 4 + ["parity"] * 2
    assert sum(shard["holds_bytes"] for shard in extent["shards"]) == 1
    assert {shard["drive_state"] for shard in extent["shards"]} == {"up"}
    assert len({shard["drive"] for shard in extent["shards"]}) == 6
    assert version["can_lose"] == 2
    assert version["next"] is None


def test_locate_versions(server: Server) -> None:
    s3 = server.s3()
    s3.create_bucket(Bucket="located")
    s3.put_bucket_versioning(Bucket="located", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="located", Key="a b/é", Body=bytes(1_000_000))["VersionId"]
    s3.put_object(Bucket="located", Key="a b/é", Body=b"2", StorageClass="STANDARD_IA")
    s3.put_object(Bucket="located", Key="a b/éé", Body=b"another key")
    s3.delete_object(Bucket="located", Key="a b/é")
    s3.put_bucket_lifecycle_configuration(
        Bucket="located",
        LifecycleConfiguration={
            "Rules": [
                {"ID": "old", "Status": "Enabled", "Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 9}}
            ]
        },
    )
    found = asked(server, "/locate", bucket="located", key="a%20b/%C3%A9")
    assert found["key"] == "a b/é"
    marker, cold, large = found["versions"]
    assert marker["delete_marker"]
    assert marker["is_latest"]
    assert marker["tier"] is None
    assert marker["can_lose"] is None
    assert cold["tier"] == "capacity"
    assert cold["fragments_total"] == 14
    assert cold["can_lose"] == 4
    assert large["version_id"] == first
    assert {extent["kind"] for extent in large["extents"]} == {"striped"}
    assert large["next"]["rule"] == "old"
    assert large["next"]["action"] == "delete"
    assert large["next"]["state"] == "waiting"
    (one,) = asked(server, "/locate", bucket="located", key="a%20b/%C3%A9", version_id=first)["versions"]
    assert one == large
    for wrong in ("key=none", "key=a%20b/%C3%A9&version_id=" + "0" * 32):
        assert server.admin("GET", f"/locate?bucket=located&{wrong}").status_code == 404
    assert server.admin("GET", "/locate?bucket=located&key=a&version_id=x").status_code == 422


def test_metrics_of_tiers_and_processes(server: Server, picture: Any) -> None:
    def text() -> str:
        return str(server.get("/-/metrics").text)

    def values_of(shown: str) -> dict[str, str]:
        return dict(re.findall(r"^(\w+(?:\{[^}]*\})?) ([-+.e\d]+)$", shown, re.MULTILINE))

    def told(shown: str) -> bool:
        """Every process has handed its counts on, and the keeper has summed up."""
        values = values_of(shown)
        hot = [
            float(values.get(f'objstore_tier_{what}{{tier="hot"}}', 0)) for what in ("written_objects_total", "objects")
        ]
        return min(hot) >= 21 and 'objstore_heat_bytes{band="today",tier="hot"}' in shown

    found = until(text, told)
    values = values_of(found)
    assert float(values['objstore_tier_written_bytes_total{tier="capacity"}']) >= 3000
    read = [float(v) for name, v in values.items() if name.startswith("objstore_tier_read_objects_total")]
    assert sum(read) >= 3
    assert float(values['objstore_drives{state="up",tier="hot"}']) == 6
    assert float(values["objstore_cluster_capacity_usable_free_bytes"]) > 0
    assert float(values['objstore_drive_latency_seconds_count{operation="write",tier="hot"}']) > 0
    assert float(values['objstore_s3_ttfb_seconds_count{api="PutObject"}']) >= 22
    assert float(values['objstore_processes{role="gateway"}']) == 2
    assert float(values['objstore_processes{role="background"}']) == 1
    assert float(values["objstore_database_transactions_total"]) > 0
    assert float(values['objstore_database_connections{state="max"}']) > 2
    assert float(values["process_cpu_seconds_total"]) > 0
    assert float(values["process_resident_memory_bytes"]) > 3 * 2**20
    assert 'objstore_build_info{codec="isal"' in found
    assert 'objstore_queue_items{boundary="put"} 0.0' in found
    assert BUCKET not in found


def test_cells(server: Server, picture: Any) -> None:
    """From a cell of the matrix to places, and from these to objects."""

    def places(**query: Any) -> Any:
        found = asked(server, "/cells", bucket=BUCKET, **query)
        return [(one["prefix"], one["objects"], one["bytes"]) for one in found["places"]]

    assert places(tier="hot", to_days=1) == [("corpus/", 20, 20_000), ("models/", 1, 2_000_000)]
    assert places(tier="capacity") == [("", 1, 3000)]
    assert len(places()) == 3
    assert places(from_days=1) == places(from_days=30, to_days=90) == []
    first = asked(server, "/cells", bucket=BUCKET, limit=1)
    second = asked(server, "/cells", bucket=BUCKET, limit=5, after=first["next"])
    assert [one["prefix"] for one in first["places"] + second["places"]] == ["", "corpus/", "models/"]
    assert second["next"] is None
    assert BUCKET in {one["bucket"] for one in asked(server, "/cells", tier="hot", limit=200)["places"]}
    found = asked(server, f"/buckets/{BUCKET}/search", prefix="corpus/", tier="hot", used_within_days=1)
    assert len(found["objects"]) == 20
    assert asked(server, f"/buckets/{BUCKET}/search", idle_days=1, used_within_days=30)["objects"] == []
    for wrong in ("tier=no-such-tier", "from_days=7&to_days=7", "after=x", "limit=1000"):
        assert server.admin("GET", f"/cells?{wrong}").status_code == 422
    assert server.admin("GET", "/cells?bucket=no-such-bucket").status_code == 404
    assert server.get("/-/admin/v1/cells").status_code == 403


def test_from_a_drive_to_its_objects(server: Server, picture: Any) -> None:
    """What locate says of an object is found again from each of its drives, and nowhere else."""
    (version,) = asked(server, "/locate", bucket=BUCKET, key="corpus/part-0")["versions"]
    (extent,) = version["extents"]
    shards = {one["drive"]: one for one in extent["shards"]}

    def on(drive: str, **query: Any) -> list[Any]:
        found: list[Any] = []
        after: str | None = ""
        while after is not None:
            page = asked(server, f"/drives/{drive}/objects", **query, **({"after": after} if after else {}))
            assert (page["drive"], page["unread"]) == (drive, 0)
            found, after = found + page["objects"], page["next"]
        return [one for one in found if (one["bucket"], one["key"]) == (BUCKET, "corpus/part-0")]

    for id_ in [one["id"] for one in asked(server, "/drives")["drives"] if one["tier"] == "hot"]:
        expected = [shards[id_]["holds_bytes"]] if id_ in shards else []
        assert [one["holds_bytes"] for one in on(id_, limit=200)] == expected
    (found,) = on(extent["shards"][0]["drive"], limit=200)
    assert found["volume"] == extent["volume"]
    assert (found["kind"], found["size"], found["bytes"], found["is_latest"]) == ("object", 1000, 1000, True)
    assert found["version_id"] == "null"
    name = extent["shards"][0]["drive"]
    for wrong in ("after=x", "after=AAAA", "limit=1000", "limit=0"):
        assert server.admin("GET", f"/drives/{name}/objects?{wrong}").status_code == 422
    assert server.admin("GET", "/drives/no-such-drive/objects").status_code == 404
    assert server.get(f"/-/admin/v1/drives/{name}/objects").status_code == 403


def test_whom_the_flow_is_for(server: Server, picture: Any) -> None:
    """By bucket and by program, at this moment and in the history; errors name nobody."""
    s3 = server.s3()
    s3.put_object(Bucket=BUCKET, Key="flow", Body=bytes(300_000))
    s3.get_object(Bucket=BUCKET, Key="flow")["Body"].read()
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.get_object(Bucket="nobody-has-made-this", Key="a")

    def both(found: Any) -> bool:
        here = [one for one in found["by_bucket"] if one["name"] == BUCKET]
        return bool(here) and here[0]["in_bytes_per_second"] > 0 and here[0]["out_bytes_per_second"] > 0

    found = until(lambda: asked(server, "/picture", window=300), both)
    programs = {one["name"]: one for one in found["by_client"]}
    assert programs["boto3"]["in_bytes_per_second"] > 0
    assert len(found["by_bucket"]) <= 7
    assert [one["name"] for one in found["by_bucket"][:-1]].count("") == 0  # others are the last
    (line,) = asked(server, "/history", series="bucket_in_bytes", label=BUCKET)["series"]
    assert sum(value for _, value in line["points"]) > 0
    assert asked(server, "/history", series="bucket_requests", label="nobody-has-made-this")["series"] == []

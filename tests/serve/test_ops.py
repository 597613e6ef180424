"""Health, metrics and the admin API of a real server."""

import re
import subprocess
import time
from typing import Any

from tests.harness.server import Server


def _wait_until_ready(server: Server) -> None:
    """Postgres on a busy machine may keep the check waiting for longer than it waits."""
    deadline = time.monotonic() + 60
    while (answer := server.get("/-/health/ready")).status_code != 200:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)


def test_health(server: Server) -> None:
    _wait_until_ready(server)
    for path in ("/-/health/live", "/-/livez"):
        assert server.get(path).json() == {"alive": True}
    for path in ("/-/health/ready", "/-/readyz"):
        answer = server.get(path)
        assert answer.status_code == 200
        report = answer.json()
        assert report["database"] == "ok"
        assert report["tiers"]["hot"]["usable"] == 6
        assert report["tiers"]["capacity"]["profile"] == "10+4"
    assert server.get("/-/nothing").status_code == 404
    assert server.get("/-/admin").status_code == 404


def test_probes_of_others(server: Server) -> None:
    _wait_until_ready(server)
    verbose = server.get("/-/readyz?verbose")
    assert verbose.text == "[+]database ok\n[+]tier hot ok\n[+]tier capacity ok\nreadyz check passed\n"
    for path in ("live", "ready", "cluster", "cluster/read"):
        assert server.get(f"/minio/health/{path}").status_code == 200
    assert server.get("/-/health/cluster").json() == {"writable": True}
    assert server.get("/-/health/cluster/read").json() == {"readable": True}
    # All drives are here: nothing could be written without this host.
    assert server.get("/-/health/cluster?maintenance=true").status_code == 412
    assert server.get("/minio/health/cluster?maintenance=true").status_code == 412


def test_a_bucket_of_that_name_is_one(server: Server) -> None:
    s3 = server.s3()
    s3.create_bucket(Bucket="minio")
    s3.put_object(Bucket="minio", Key="health/live", Body=b"an object")
    assert s3.get_object(Bucket="minio", Key="health/live")["Body"].read() == b"an object"
    assert server.get("/minio/health/live").json() == {"alive": True}
    assert server.get("/minio/health/other").status_code == 403


def _samples(server: Server) -> dict[str, float]:
    text = server.get("/-/metrics").text
    return {
        name: float(value) for name, value in re.findall(r"^(\w+(?:\{[^}]*\})?) ([-+.e\d]+|inf)$", text, re.MULTILINE)
    }


def _settled(server: Server, name: str) -> dict[str, float]:
    """Samples once a counter stands still: workers hand their counts on now and then."""
    before = _samples(server)
    while True:
        time.sleep(2.0)
        after = _samples(server)
        if after.get(name) == before.get(name):
            return after
        before = after


def test_metrics_count_the_requests_of_all_workers(server: Server) -> None:
    s3 = server.s3()
    s3.create_bucket(Bucket="metrics-secret-name")
    name = 'objstore_s3_requests_total{api="PutObject",code="200"}'
    before = _settled(server, name)
    for i in range(40):
        # A connection each, so that both workers serve some.
        server.s3(max_pool_connections=1).put_object(Bucket="metrics-secret-name", Key=f"k{i}", Body=b"x" * 1000)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        after = _samples(server)
        if after[name] - before.get(name, 0) >= 40:
            break
        time.sleep(0.2)
    assert after[name] - before.get(name, 0) == 40
    assert after['objstore_s3_request_duration_seconds_count{api="PutObject"}'] >= 40
    received = "objstore_s3_traffic_received_bytes_total"
    assert after[received] - before.get(received, 0) >= 40_000
    assert after['objstore_batch_items_count{boundary="put"}'] > 0
    assert any(sample.startswith("objstore_drive_syncs_total") for sample in after)
    assert after["objstore_connections"] >= 1
    assert after["objstore_event_loop_lag_seconds_count"] > 0
    text = server.get("/-/metrics").text
    assert "metrics-secret-name" not in text
    assert server.credentials[0] not in text


def test_admin_needs_root_credentials(server: Server) -> None:
    for path in ("/server", "/drives", "/buckets", "/compact", "/openapi.json", "/none", ""):
        assert server.get(f"/-/admin/v1{path}").status_code == 403
        assert server.admin("GET", path, secret_key="wrong" * 8).status_code == 403
    assert server.admin("GET", "/server", secret_key="w" * 40).json()["error"]["code"] == "SignatureDoesNotMatch"


def test_admin(server: Server) -> None:
    s3 = server.s3()
    s3.create_bucket(Bucket="counted")
    s3.put_object(Bucket="counted", Key="a", Body=b"x" * 1000)
    s3.put_object(Bucket="counted", Key="b", Body=b"x" * 500)
    about = server.admin("GET", "/server").json()
    assert about["version"] == "0.1.0"
    assert about["codec"] == "isal"
    assert about["profiles"] == {"hot": "4+2", "capacity": "10+4"}
    assert about["workers"] == 2
    assert about["health"]["ready"]
    drives = server.admin("GET", "/drives").json()["drives"]
    assert len(drives) == 20
    assert all(drive["open"] and drive["usable"] and drive["state"] == "up" for drive in drives)
    assert sum(drive["shards"] for drive in drives if drive["tier"] == "hot") >= 6
    buckets = {bucket["name"]: bucket for bucket in server.admin("GET", "/buckets").json()["buckets"]}
    assert buckets["counted"]["objects"] == 2
    assert buckets["counted"]["bytes"] == 1500
    page = server.admin("GET", "/buckets?limit=1").json()
    assert len(page["buckets"]) == 1
    if page["next"] is not None:
        following = server.admin("GET", f"/buckets?limit=1&after={page['next']}").json()["buckets"]
        assert following[0]["name"] > page["buckets"][0]["name"]
    assert server.admin("GET", "/buckets?limit=0").status_code == 422
    sums = server.admin("GET", "/volumes").json()["sums"]
    assert any(row["tier"] == "hot" and row["volumes"] >= 1 for row in sums)
    paths = server.admin("GET", "/openapi.json").json()["paths"]
    assert "/-/admin/v1/compact" in paths


def test_admin_with_curl(server: Server) -> None:
    access_key, secret_key = server.credentials
    done = subprocess.run(
        ["curl", "-sS", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", f"{access_key}:{secret_key}",
         "--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD", f"{server.endpoint}/-/admin/v1/server"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert '"version":"0.1.0"' in done.stdout


def test_compaction_gives_everything_back(server: Server) -> None:
    """Fill, delete, compact: the drives are empty but for what other tests have written meanwhile."""
    s3 = server.s3()
    s3.create_bucket(Bucket="dropped")
    for i in range(20):
        s3.put_object(Bucket="dropped", Key=f"k{i}", Body=bytes(300_000))
    for i in range(20):
        s3.delete_object(Bucket="dropped", Key=f"k{i}")
    outcome: dict[str, Any] = server.admin("POST", "/compact?all=true&grace_seconds=0").json()["last"]
    assert outcome["compacted"] >= 1
    assert outcome["retired"] >= 1
    assert outcome["reclaimed_bytes"] >= 20 * 300_000
    assert outcome["unlinked"] >= 1
    status = server.admin("GET", "/compact").json()
    assert not status["running"]

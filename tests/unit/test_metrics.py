"""Every metric: its name by Prometheus' conventions, its help, and its line in the reference."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (.*?) \| (.+) \|$", re.MULTILINE)
UNITS = ("bytes", "seconds", "info", "ratio", "total")
# Gauges and histograms of things that are counted; the thing is the unit.
THINGS = {
    "objstore_batch_items",
    "objstore_connections",
    "objstore_database_connections",
    "objstore_database_waiting",
    "objstore_drives",
    "objstore_drives_unreachable",
    "objstore_heat_objects",
    "objstore_lifecycle_backlog",
    "objstore_lifecycle_rule_backlog",
    "objstore_lifecycle_rule_errors",
    "objstore_lifecycle_rule_objects",
    "objstore_nodes_offline",
    "objstore_nodes_online",
    "objstore_processes",
    "objstore_queue_items",
    "objstore_repair_waiting_volumes",
    "objstore_s3_requests_inflight",
    "objstore_tier_objects",
    "objstore_volumes_short_of_redundancy",
    "process_max_fds",
    "process_open_fds",
}
# Bounded by configuration or by the code; names of buckets, keys, users and addresses are not among them.
LABELS = {
    *("action", "api", "band", "boundary", "code", "codec", "drive", "generation", "kind", "operation", "outcome"),
    *("python", "reason", "role", "rule", "source", "state", "target", "tier", "verb", "version"),
}


@pytest.fixture(scope="module")
def page() -> str:
    """The reference, made by a process of its own: metrics are registered once a process."""
    command = [sys.executable, "-m", "objstore.cli.metrics_reference"]
    environment = {name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"}
    environment["PYTHONPATH"] = str(ROOT)
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment).stdout


def test_the_reference_is_what_the_code_says(page: str) -> None:
    assert (ROOT / "docs" / "metrics.md").read_text() == page


def test_names_are_as_prometheus_wants_them(page: str) -> None:
    rows = ROW.findall(page)
    assert len(rows) > 60
    assert len({name for name, *_ in rows}) == len(rows)
    for name, kind, labels, text in rows:
        assert re.fullmatch(r"(objstore|process|python)_[a-z0-9_]+", name)
        assert (kind == "counter") == name.endswith("_total"), name
        assert name.rpartition("_")[2] in UNITS or name in THINGS, name
        assert set(re.findall(r"`(\w+)`", labels)) <= LABELS, name
        assert text[0].isupper(), name
        assert text.rstrip("*").endswith("."), name


def test_what_others_ask_for_is_there(page: str) -> None:
    """The names that dashboards of other stores have, with our prefix."""
    names = {name for name, *_ in ROW.findall(page)}
    wanted = """
        s3_requests_total s3_requests_inflight s3_requests_rejected_total s3_requests_canceled_total s3_ttfb_seconds
        s3_request_duration_seconds s3_traffic_received_bytes_total s3_traffic_sent_bytes_total
        tier_usage_bytes tier_objects heat_bytes drive_total_bytes drive_free_bytes drive_latency_seconds
        degraded_reads_total cluster_capacity_raw_total_bytes cluster_capacity_raw_free_bytes
        cluster_capacity_usable_total_bytes cluster_capacity_usable_free_bytes nodes_online nodes_offline build_info
    """
    assert {f"objstore_{name}" for name in wanted.split()} <= names
    assert {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"} <= names

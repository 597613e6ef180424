"""Repair over the network: a node is drained and put back, shards rot on one and are healed, one is given up."""

import os
import time
from pathlib import Path
from random import Random

import pytest

from tests.harness.cluster import Cluster
from tests.harness.waiting import until

BUCKET = "repair"
SIZES = (0, 4096, 200_000, 6_000_000)


@pytest.fixture(scope="module")
def payloads(cluster: Cluster) -> dict[str, bytes]:
    """Objects that stay."""
    s3 = cluster.client(0)
    s3.create_bucket(Bucket=BUCKET)
    found = {f"{size}-{number}": os.urandom(size) for size in SIZES for number in range(2)}
    deadline = time.monotonic() + 30
    for key, body in found.items():
        while True:  # other tests may have just started nodes again
            try:
                s3.put_object(Bucket=BUCKET, Key=key, Body=body)
                break
            except s3.exceptions.ClientError:
                assert time.monotonic() < deadline
    return found


def check(cluster: Cluster, payloads: dict[str, bytes]) -> None:
    for gateway in range(len(cluster.gateways)):
        s3 = cluster.client(gateway)
        for key, body in payloads.items():
            assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == body


def files(cluster: Cluster, node: int) -> list[Path]:
    return sorted((cluster.directory / "drives").glob(f"{node}-*/shards/*/*.shard"))


def test_a_node_is_drained_and_put_back(cluster: Cluster, payloads: dict[str, bytes]) -> None:
    loads = cluster.admin("drive", "drain", "node-1")["drives"]
    assert [(one["state"], one["shards"]) for one in loads] == [("draining", 0)] * 2
    assert cluster.admin("status")["volumes_short_of_redundancy"] == 0
    check(cluster, payloads)
    until(lambda: not files(cluster, 1))
    check(cluster, payloads)
    assert [one["state"] for one in cluster.admin("drive", "undrain", "node-1")["drives"]] == ["up"] * 2
    assert cluster.admin("cluster", "rebalance", "hot")["state"] == "done"
    check(cluster, payloads)


def test_rot_on_a_node_is_found_and_healed(cluster: Cluster, payloads: dict[str, bytes]) -> None:
    random, node = Random(4), max(range(3), key=lambda number: len(files(cluster, number)))
    before = {one["kind"]: one["shards"] for one in cluster.admin("repair", "status")["done"]}
    flipped = files(cluster, node)
    for path in flipped:
        content = bytearray(path.read_bytes())
        content[random.randrange(len(content))] ^= 8
        with path.open("r+b") as file:
            file.write(content)
    walks = cluster.admin("repair", "scrub", "--start", "--wait")["drives"]
    assert sum(one["last_problems"] for one in walks) > 0
    until(lambda: cluster.admin("status")["volumes_short_of_redundancy"] == 0)
    after = {one["kind"]: one["shards"] for one in cluster.admin("repair", "status")["done"]}
    assert after["heal"] > before.get("heal", 0)
    check(cluster, payloads)


def test_a_node_that_died_is_given_up(cluster: Cluster, payloads: dict[str, bytes]) -> None:
    cluster.nodes[2].kill()
    until(lambda: cluster.admin("status")["volumes_short_of_redundancy"] > 0)
    check(cluster, payloads)
    cluster.admin("drive", "replace", "node-2")
    until(lambda: cluster.admin("status")["volumes_short_of_redundancy"] == 0)
    check(cluster, payloads)
    # It comes back with what it had: nobody needs it, and an operator lets it take part again.
    cluster.nodes[2].spawn()
    cluster.nodes[2].wait()
    cluster.admin("drive", "undrain", "node-2")
    until(lambda: [one["state"] for one in cluster.admin("status")["drives"]] == ["up"] * 6)
    check(cluster, payloads)
    assert cluster.admin("status")["volumes_short_of_redundancy"] == 0

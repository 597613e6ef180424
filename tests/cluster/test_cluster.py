"""Gateways hold no state: what one has written another reads, and a node may go."""

import json
import os
import signal
import socket
import ssl
import threading
import time
from typing import Any

from objstore.cli.certificates import CA_CERT, make_certificates
from tests.harness.cluster import DOMAIN, Cluster

SIZES = [0, 1, 4096, 100_000, 3_000_000, 20_000_000]


def put_all(client: Any, prefix: str) -> dict[str, bytes]:
    payloads = {f"{prefix}/{size}": os.urandom(size) for size in SIZES}
    for key, payload in payloads.items():
        client.put_object(Bucket="shared", Key=key, Body=payload)
    return payloads


def check_all(client: Any, payloads: dict[str, bytes]) -> None:
    for key, payload in payloads.items():
        assert client.get_object(Bucket="shared", Key=key)["Body"].read() == payload


def wait_until_writable(cluster: Cluster) -> None:
    for gateway in range(len(cluster.gateways)):
        client, deadline = cluster.client(gateway), time.monotonic() + 30
        while True:
            try:
                client.put_object(Bucket="shared", Key=f"probe-{gateway}", Body=b"1")
                break
            except client.exceptions.ClientError:
                assert time.monotonic() < deadline


def test_what_one_gateway_writes_another_reads(cluster: Cluster) -> None:
    one, other = cluster.client(0), cluster.client(1)
    one.create_bucket(Bucket="shared")
    wait_until_writable(cluster)
    payloads = put_all(one, "a")
    check_all(other, payloads)
    listed = other.list_objects_v2(Bucket="shared", Prefix="a/")
    assert {entry["Key"]: entry["Size"] for entry in listed["Contents"]} == {k: len(v) for k, v in payloads.items()}
    other.delete_object(Bucket="shared", Key="a/4096")
    assert "a/4096" not in [e["Key"] for e in one.list_objects_v2(Bucket="shared", Prefix="a/")["Contents"]]


def test_status_and_durability(cluster: Cluster) -> None:
    status = cluster.admin("status")
    assert status["volumes_short_of_redundancy"] == 0
    assert {node["name"]: node["state"] for node in status["nodes"]} == {f"node-{n}": "up" for n in range(3)}
    assert [(drive["tier"], drive["state"]) for drive in status["drives"]] == [("hot", "up")] * 6
    hot = status["tiers"]["hot"]
    assert hot["drives"]["up"] == 6
    assert hot["capacity_bytes"] >= hot["free_bytes"] > 0

    durability = cluster.admin("cluster", "durability", "--repair-bytes-per-second=1e9")["tiers"]["hot"]
    assert durability["new"] == {"drives": 1, "nodes": 1, "racks": 1, "zones": 0}
    assert durability["volumes"] >= 1
    assert 0 < durability["annual_loss"] < 1e-3
    assert not durability["under_protected"]


def test_a_node_may_go_and_come_back(cluster: Cluster) -> None:
    one, other = cluster.client(0), cluster.client(1)
    before = put_all(one, "b")
    cluster.nodes[0].kill()
    check_all(other, before)
    during = put_all(other, "c")
    check_all(one, during)
    cluster.nodes[0].spawn()
    cluster.nodes[0].wait()
    for client in (one, other):
        check_all(client, before | during)
    deadline = time.monotonic() + 30
    while cluster.admin("status")["volumes_short_of_redundancy"]:
        assert time.monotonic() < deadline


def test_tls_and_a_new_certificate(cluster: Cluster) -> None:
    """The second gateway; clients verify it by the authority, and buckets have names below the domain."""
    endpoint = cluster.gateways[1].ready["endpoint"]
    assert endpoint.startswith("https://")
    host, port = endpoint.removeprefix("https://").split(":")
    context = ssl.create_default_context(cafile=cluster.certificates / CA_CERT)

    def served() -> bytes:
        with (
            socket.create_connection((host, int(port)), 10) as plain,
            context.wrap_socket(plain, server_hostname=f"bucket.{DOMAIN}") as secure,
        ):
            found = secure.getpeercert(binary_form=True)
            assert found is not None
            return found

    first = served()
    make_certificates(cluster.certificates, DOMAIN, [], 30)
    deadline = time.monotonic() + 30
    while served() == first:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    cluster.client(1).list_buckets()


def test_gateways_are_exchanged_under_load_without_a_failed_request(cluster: Cluster) -> None:
    """SIGHUP: new processes are ready before old ones drain. Clients may have to repeat a request, no more."""
    gateway = cluster.gateways[0]
    assert gateway.process is not None
    before = json.loads((gateway.directory / "ready.json").read_text())["workers"]
    stop, done, failures = threading.Event(), [0] * 4, []

    def work(number: int) -> None:
        client, payload = cluster.client(0), os.urandom(20_000)
        while not stop.is_set():
            try:
                client.put_object(Bucket="shared", Key=f"rolling-{number}", Body=payload)
                assert client.get_object(Bucket="shared", Key=f"rolling-{number}")["Body"].read() == payload
                done[number] += 1
            except Exception as error:
                failures.append(repr(error))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(done))]
    for thread in threads:
        thread.start()
    try:
        gateway.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 60
        while json.loads((gateway.directory / "ready.json").read_text())["workers"] == before:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        reached = list(done)
        while any(now <= was for now, was in zip(done, reached, strict=True)) and not failures:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []

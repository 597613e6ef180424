"""What holds across gateways, with a node going away and coming back meanwhile: one winner, no lost update."""

import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.harness.cluster import Cluster

CLIENTS, ROUNDS, INCREMENTS = 8, 12, 10
LOST = {"PreconditionFailed", "ConditionalRequestConflict"}


def during_a_failure(cluster: Cluster, work: Callable[[], None]) -> None:
    """A node is killed when the work begins, and comes back."""
    node = cluster.nodes[2]
    killer = threading.Thread(target=lambda: (node.kill(), node.spawn()))
    killer.start()
    try:
        work()
    finally:
        killer.join()
        node.wait()


@pytest.fixture(scope="module")
def clients(cluster: Cluster) -> list[Any]:
    found = [cluster.client(number % 2) for number in range(CLIENTS)]
    found[0].create_bucket(Bucket="registers")
    return found


def test_of_those_who_create_a_key_one_wins(cluster: Cluster, clients: list[Any]) -> None:
    def create(number: int, key: str) -> bool | None:
        """None: nobody knows, for the answer was an error of ours."""
        try:
            clients[number].put_object(Bucket="registers", Key=key, Body=str(number).encode(), IfNoneMatch="*")
        except ClientError as error:
            return False if error.response["Error"]["Code"] in LOST else None
        return True

    def work() -> None:
        with ThreadPoolExecutor(CLIENTS) as pool:
            for round_ in range(ROUNDS):
                key = f"one-{round_}"
                outcomes = list(pool.map(lambda number, key=key: create(number, key), range(CLIENTS)))  # type: ignore[misc]
                winners = [number for number, outcome in enumerate(outcomes) if outcome]
                found = {int(c.get_object(Bucket="registers", Key=key)["Body"].read()) for c in clients[:2]}
                assert len(found) == 1, "the gateways differ"
                # A repeated request of the winner meets its own object: then nobody is told of having won.
                assert len(winners) <= 1
                assert set(winners) <= found

    during_a_failure(cluster, work)


def test_no_increment_of_a_register_is_lost(cluster: Cluster, clients: list[Any]) -> None:
    """Compare and swap by ETag: each value is written once, and seen by all afterwards."""
    clients[0].put_object(Bucket="registers", Key="counter", Body=b"0")
    written: list[tuple[int, int]] = []

    def increment(number: int) -> None:
        client, done = clients[number], 0
        while done < INCREMENTS:
            found = client.get_object(Bucket="registers", Key="counter")
            value = int(found["Body"].read())
            try:
                client.put_object(
                    Bucket="registers", Key="counter", Body=str(value + 1).encode(), IfMatch=found["ETag"]
                )
            except ClientError:
                continue
            written.append((value + 1, number))
            done += 1

    def work() -> None:
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(increment, range(CLIENTS)))

    during_a_failure(cluster, work)
    values = sorted(value for value, _ in written)
    assert len(set(values)) == len(values), "two writers wrote the same value"
    final = {int(client.get_object(Bucket="registers", Key="counter")["Body"].read()) for client in clients}
    assert len(final) == 1
    # A write whose answer was lost counts without having been told.
    assert final.pop() >= CLIENTS * INCREMENTS == len(values)


@pytest.mark.parametrize("path", ["/", "/v1/ping", "/v1/reads", "/v1/list/" + "0" * 32, "/-/metrics", "/../etc/passwd"])
def test_a_node_answers_nobody_but_its_cluster(cluster: Cluster, path: str) -> None:
    address = cluster.nodes[0].ready["address"]
    for method in ("GET", "POST"):
        request = urllib.request.Request(address + path, data=b"" if method == "POST" else None, method=method)
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=10)
        assert caught.value.code in (400, 401)
        assert caught.value.read() in (b"", b"Invalid HTTP request received.") or caught.value.code == 400
        caught.value.close()

"""World: a cluster on hosts of its own, all that it was trusted with, and what its status has to come to."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx

from tests.crash.check import Checker
from tests.crash.journal import Journal
from tests.crash.load import Load
from tests.harness.wide_cluster import WideCluster

CLIENTS = 6
# Shares of the standard load; a write with a condition on a shared key is a PUT or DELETE.
MIX = {"get": 60, "put": 20, "hot": 5, "range": 5, "list": 5, "delete": 3, "multipart": 2}
SECONDS_MAX = 600.0  # on a machine that others keep busy, too
PAUSE_SECONDS = 0.1  # what is measured is not speed: leave the machine time to notice what fails
OPEN_MORE_MAX = 16
# Connections to a node are used in turn and kept for 30 s: with a ping a second up to 30 stay of those needed once.
SOCKETS_MORE_MAX = 7 * 30


class World:
    """The cluster, the journal of all that was promised, and what was measured."""

    def __init__(self, cluster: WideCluster, journal: Journal) -> None:
        self.cluster, self.journal = cluster, journal
        self.open_files: Counter[str] = Counter()
        self.loads: list[Load] = []

    def until(self, what: str, true: Callable[[dict[str, Any]], bool]) -> float:
        """Seconds until the status says so."""
        begun = time.monotonic()
        status: dict[str, Any] = {}
        while time.monotonic() < begun + SECONDS_MAX:
            try:
                status = self.cluster.status()
            except httpx.HTTPError:
                continue
            if true(status):
                return time.monotonic() - begun
            time.sleep(0.1)
        raise AssertionError(f"{what}: not within {SECONDS_MAX:.0f} s; {status}")

    def load(self, seed: int) -> Load:
        """Under way."""
        load = Load(self.cluster.gateways, self.journal, CLIENTS, seed, MIX, PAUSE_SECONDS)
        load.start()
        self.loads.append(load)
        return load

    def end_loads(self) -> None:
        """Of a test that has failed."""
        while self.loads:
            self.loads.pop().stop()

    def kept_open(self) -> dict[str, int]:
        """More than at the beginning. Shards are open as long as there are not too many; deleted ones never stay so."""
        more = self.cluster.open_files()
        more.subtract(self.open_files)
        kinds = {"socket": SOCKETS_MORE_MAX, "other": OPEN_MORE_MAX, "deleted shard": 0}
        return {name: count for name, count in more.items() if count > kinds.get(name.partition(" ")[2], 10**6)}

    def check(self, seed: int) -> None:
        """At both gateways."""
        for number, gateway in enumerate(self.cluster.gateways):
            violations = Checker(gateway, self.journal, seed + number).check()
            assert not violations, violations


def in_use(status: dict[str, Any]) -> list[dict[str, Any]]:
    """Drives, without those that an operator has given up and that nothing is on."""
    return [one for one in status["drives"] if not one["out"]]


def noticed(nodes: tuple[int, ...]) -> Callable[[dict[str, Any]], bool]:
    """Every one of the nodes has a drive that is not up."""
    names = {f"node-{number}" for number in nodes}
    return lambda status: {one["node"] for one in in_use(status) if one["state"] != "up"} >= names


def whole(status: dict[str, Any]) -> bool:
    return bool(status["volumes_short_of_redundancy"] == 0)


def given_up_and_whole(nodes: tuple[int, ...]) -> Callable[[dict[str, Any]], bool]:
    """What was lost is given up, and nothing lacks it."""
    names = {f"node-{number}" for number in nodes}
    return lambda status: whole(status) and {one["node"] for one in in_use(status) if one["state"] == "gone"} >= names


def all_well(status: dict[str, Any]) -> bool:
    return whole(status) and all(one["state"] == "up" for one in in_use(status))

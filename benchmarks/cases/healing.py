"""Clients beside healing: the latency of 4 KiB requests while the shards of a drive are rebuilt.

Seven nodes with a drive each, of 4+2, so that one can be given up. The same load with and without, in turn; a run
beside healing begins when the drive has been given up and must end before all is whole again, else it is no figure.
Without clients the same is timed: how fast a drive's shards are rebuilt.
"""

import time
from typing import Any

from benchmarks.cluster import ClusterServer
from benchmarks.figures import BenchmarkError, Figure, middle
from benchmarks.floor import KIB, MIB
from benchmarks.load import Series
from benchmarks.rig import Rig

SLOWER_MAX = 1.5
NODES = 7
CONNECTIONS = 16
WARM, WARM_COUNT = "bench-4k", 10_000
LARGE_BUCKET, LARGE, LARGE_COUNT = "bench-heal", 64 * MIB, 48
PUTS_PER_SECOND_MAX = 5_000
WAIT_SECONDS_MAX = 300.0
QUIET_SECONDS = 6.0  # until clients that have gone are no longer given way to


def run(rig: Rig) -> list[Figure]:
    """GETs, then PUTs, then nobody."""
    options = rig.options
    with rig.cluster(NODES) as server:
        server.until_whole(WAIT_SECONDS_MAX)
        paths = server.fill(WARM, 4 * KIB, WARM_COUNT)
        server.fill_large(LARGE_BUCKET, LARGE, LARGE_COUNT)
        count = int(PUTS_PER_SECOND_MAX * (options.seconds * 2 * options.runs + 2))
        get = Series(server.get_spec(WARM, paths, options.seconds, CONNECTIONS), [])
        put = Series(server.put_spec(WARM, 4 * KIB, count, options.seconds, CONNECTIONS), [])
        figures = [*_measure(rig, server, "GET", get), *_measure(rig, server, "PUT", put)]
        time.sleep(QUIET_SECONDS)
        drive = _give_up(server)
        seconds = server.until("rebuilt", WAIT_SECONDS_MAX, "/status", _is_rebuilt)
        figures.append(Figure("a drive rebuilt, no clients", drive["bytes"] / 1e6 / seconds, "MB/s",
                              note=f"{drive['bytes'] / 1e6:,.0f} MB in {seconds:.1f} s"))  # fmt: skip
    return figures


def _measure(rig: Rig, server: ClusterServer, name: str, load: Series) -> list[Figure]:
    load.run(rig.options.client)
    load.rates.clear()
    alone, beside, rates = Series(load.spec, []), Series(load.spec, []), list[float]()
    for _ in range(rig.options.runs):
        alone.rates.append(load.run(rig.options.client))
        drive, began = _give_up(server), time.monotonic()
        beside.rates.append(load.run(rig.options.client))
        if _is_rebuilt(server.admin("GET", "/status")):
            raise BenchmarkError("all was whole again before the clients had finished")
        server.until("rebuilt", WAIT_SECONDS_MAX, "/status", _is_rebuilt)
        rates.append(drive["bytes"] / 1e6 / (time.monotonic() - began))
        server.admin("POST", f"/drives/{drive['id']}/undrain")
        server.until_whole(WAIT_SECONDS_MAX)
    ratio = beside.latency("p99") / alone.latency("p99")
    note = f"{beside.per_second:,.0f}/s; rebuilt at {middle(rates):,.0f} MB/s, mostly beside them"
    return [
        Figure(f"4 KiB {name} p99", alone.latency("p99"), "ms", note=f"{alone.per_second:,.0f}/s"),
        Figure(f"4 KiB {name} p99 while healing", beside.latency("p99"), "ms", note=note),
        Figure(f"4 KiB {name} p99, while healing ÷ without", ratio, "×", at_most=SLOWER_MAX),
    ]


def _give_up(server: ClusterServer) -> dict[str, Any]:
    """Give up the drive that holds most; it, with the bytes of its shards. One that came back last holds nothing."""
    ids = [one["id"] for one in server.admin("GET", "/drives")["drives"]]
    loads = [server.admin("GET", f"/drives/{id_}/load")["drives"][0] for id_ in ids]
    drive: dict[str, Any] = max(loads, key=lambda one: int(one["bytes"]))
    server.admin("POST", f"/drives/{drive['id']}/replace")
    server.until("given up", WAIT_SECONDS_MAX, "/status", lambda status: not _is_rebuilt(status))
    return drive


def _is_rebuilt(status: dict[str, Any]) -> bool:
    return not status["volumes_short_of_redundancy"]

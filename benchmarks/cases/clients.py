"""Clients beside demotion: the latency of 4 KiB requests while a rule moves objects as fast as the engine will go.

The same load with and without, in turn; each run of the first kind begins when the engine has begun and must end
before it has run out of objects, else it is no figure.
"""

import asyncio
import time

from benchmarks import rows
from benchmarks.cases.demotion import ENVIRONMENT, RULE, SETTLE_SECONDS, SMALL, moved
from benchmarks.figures import BenchmarkError, Figure, middle
from benchmarks.floor import KIB
from benchmarks.load import Series
from benchmarks.rig import Rig
from benchmarks.server import ObjectServer

SLOWER_MAX = 1.5
COLD, COLD_COUNT = "bench-cold", 100_000
WARM, WARM_COUNT = "bench-4k", 20_000
PUTS_PER_SECOND_MAX = 25_000
QUIET = {"OBJSTORE_LIFECYCLE_INTERVAL_SECONDS": "0.2"}
POLL_SECONDS = 0.05
WAIT_SECONDS_MAX = 60.0


def run(rig: Rig) -> list[Figure]:
    """GETs, then PUTs."""
    options = rig.options
    with rig.other_server({**ENVIRONMENT, **QUIET}) as server:
        paths = server.fill(WARM, 4 * KIB, WARM_COUNT)
        server.fill(COLD, SMALL, COLD_COUNT)
        count = int(PUTS_PER_SECOND_MAX * (options.seconds * 2 * options.runs + 2))
        get = Series(server.get_spec(WARM, paths, options.seconds), [])
        put = Series(server.put_spec(WARM, 4 * KIB, count, options.seconds), [])
        time.sleep(SETTLE_SECONDS)
        return [*_measure(rig, server, "GET", get), *_measure(rig, server, "PUT", put)]


def _measure(rig: Rig, server: ObjectServer, name: str, load: Series) -> list[Figure]:
    load.run(rig.options.client)
    load.rates.clear()
    alone, beside, per_second = Series(load.spec, []), Series(load.spec, []), list[float]()
    for _ in range(rig.options.runs):
        alone.rates.append(load.run(rig.options.client))
        before = asyncio.run(_begin(server))
        began = time.monotonic()
        beside.rates.append(load.run(rig.options.client))
        count = asyncio.run(_count(server)) - before
        per_second.append(count / (time.monotonic() - began))
        asyncio.run(_end(server))
    ratio = beside.latency("p99") / alone.latency("p99")
    return [
        Figure(f"4 KiB {name} p99", alone.latency("p99"), "ms", note=f"{alone.per_second:,.0f}/s"),
        Figure(
            f"4 KiB {name} p99 while demoting",
            beside.latency("p99"),
            "ms",
            note=f"{beside.per_second:,.0f}/s; {middle(per_second):,.0f} objects/s are moved meanwhile",
        ),
        Figure(f"4 KiB {name} p99, while demoting ÷ without", ratio, "×", at_most=SLOWER_MAX),
    ]


async def _begin(server: ObjectServer) -> int:
    """Put the rule; how many had been moved when it begins to act."""
    server.request("PUT", f"/{COLD}", {"lifecycle": ""}, RULE)
    async with rows.connected(server.dsn()) as connection:
        before, deadline = await moved(connection), time.monotonic() + WAIT_SECONDS_MAX
        while (now := await moved(connection)) == before:
            if time.monotonic() > deadline:
                raise BenchmarkError("the rule does not act")
            await asyncio.sleep(POLL_SECONDS)
        return now


async def _count(server: ObjectServer) -> int:
    async with rows.connected(server.dsn()) as connection:
        now = await moved(connection)
        if now >= COLD_COUNT:
            raise BenchmarkError("all objects were moved before the clients had finished")
        return now


async def _end(server: ObjectServer) -> None:
    """Take the rule away, and wait until what was queued for it has been dropped."""
    server.request("DELETE", f"/{COLD}", {"lifecycle": ""})
    async with rows.connected(server.dsn()) as connection:
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while await connection.fetchval("select count(*) from task"):
            if time.monotonic() > deadline:
                raise BenchmarkError("what was queued for the rule stays queued")
            await asyncio.sleep(POLL_SECONDS)

"""Demotion: how fast a rule brings objects from the hot to the capacity tier, beside what the drives can write.

The engine runs as it does by default, in the server's one background process, with nobody else there. The clock runs
from PutBucketLifecycleConfiguration, when everything is due, to the commit of the last object.
"""

import asyncio
import time

import asyncpg

from benchmarks import machine, processes, rows
from benchmarks.figures import BenchmarkError, Figure, middle, spread
from benchmarks.floor import KIB, MIB
from benchmarks.rig import Rig
from benchmarks.server import HOST, ObjectServer
from benchmarks.stream import Transfer, run_lanes

SMALL, SMALL_COUNT = 16 * KIB, 100_000
LARGE, LARGE_COUNT = 64 * MIB, 24
LANES = 4
COLUMNS_RATIO = 14 / 10  # of the capacity tier: what is written a byte of payload
SETTLE_SECONDS = 11.0  # the engine leaves what is younger than 10 s for later
WAIT_SECONDS_MAX = 900.0
POLL_SECONDS = 0.1
CHECKED = 20
ENVIRONMENT = {"OBJSTORE_LIFECYCLE_DAY_SECONDS": "1"}
RULE = (
    b"<LifecycleConfiguration><Rule><ID>cold</ID><Status>Enabled</Status>"
    b"<Filter><ObjectSizeGreaterThan>1</ObjectSizeGreaterThan></Filter>"
    b"<Transition><Days>0</Days><StorageClass>STANDARD_IA</StorageClass></Transition></Rule></LifecycleConfiguration>"
)


def run(rig: Rig) -> list[Figure]:
    """Many small objects, then large ones, each with a server of its own."""
    return [*_small(rig), *_large(rig)]


def _small(rig: Rig) -> list[Figure]:
    with rig.other_server(ENVIRONMENT) as server:
        paths = server.fill("bench-cold", SMALL, SMALL_COUNT)
        figures = _measure(rig, server, "bench-cold", SMALL, SMALL_COUNT)
        server.check_objects(paths[:: SMALL_COUNT // CHECKED], SMALL)
    return figures


def _large(rig: Rig) -> list[Figure]:
    with rig.other_server(ENVIRONMENT) as server:
        server.make_bucket("bench-cold")
        target = server.presigner.target
        lanes = [
            [Transfer("PUT", target("PUT", f"/bench-cold/{i}"), LARGE) for i in range(lane, LARGE_COUNT, LANES)]
            for lane in range(LANES)
        ]
        run_lanes(HOST, server.port, lanes)
        return _measure(rig, server, "bench-cold", LARGE, LARGE_COUNT)


def _measure(rig: Rig, server: ObjectServer, bucket: str, size: int, count: int) -> list[Figure]:
    time.sleep(SETTLE_SECONDS)
    drives = [machine.disk_write_rate(rig.folder) for _ in range(rig.options.runs)]
    engine, database = [server.background_pid()], server.postgres_pids()
    before = processes.cpu_seconds(engine), processes.cpu_seconds(database)
    started = time.monotonic()
    server.request("PUT", f"/{bucket}", {"lifecycle": ""}, RULE)
    answered = time.monotonic() - started
    asyncio.run(_done(server, count))
    took = time.monotonic() - started
    cpu = processes.cpu_seconds(engine) - before[0], processes.cpu_seconds(server.postgres_pids()) - before[1]
    drives += [machine.disk_write_rate(rig.folder) for _ in range(rig.options.runs)]
    rate, drive = size * count / took, middle(drives)
    name = f"{count:,} × {size // KIB} KiB" if size < MIB else f"{count:,} × {size // MIB} MiB"
    cost = f"CPU: engine {cpu[0] / count * 1e6:,.0f} µs, Postgres {cpu[1] / count * 1e6:,.0f} µs an object"
    return [
        Figure(f"demote {name}", count / took, "objects/s", note=f"in {took:.1f} s; {cost}"),
        Figure(f"demote {name}: payload", rate / 1e9, "GB/s", note=f"the rule was answered in {answered * 1e3:.0f} ms"),
        Figure("the drives' own rate", drive / 1e9, "GB/s", note=spread([one / 1e9 for one in drives])),
        Figure(f"demote {name}: written ÷ the drives' own", rate * COLUMNS_RATIO / drive, "×"),
    ]


async def _done(server: ObjectServer, count: int) -> None:
    """Wait until so many versions have been moved by rule."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    async with rows.connected(server.dsn()) as connection:
        while time.monotonic() < deadline:
            if (await moved(connection)) >= count:
                return
            await asyncio.sleep(POLL_SECONDS)
        raise BenchmarkError(f"{await moved(connection)} of {count} objects moved in {WAIT_SECONDS_MAX:.0f} s")


async def moved(connection: asyncpg.Connection) -> int:
    """How many versions rules have moved so far."""
    return int(await connection.fetchval("select coalesce(sum(objects), 0) from rule_stats"))

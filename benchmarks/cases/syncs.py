"""Flushes per 4 KiB PUT at 64 connections: every fdatasync of a shard and every one of Postgres."""

import asyncio
import time

from benchmarks import kernel, rows
from benchmarks.figures import Figure
from benchmarks.floor import KIB
from benchmarks.load import run_load
from benchmarks.rig import Rig
from benchmarks.server import ObjectServer

SYNCS_MAX = 0.4
BUCKET = "bench-syncs"
STATISTICS_SECONDS = 11  # an idle backend of Postgres hands in its statistics within 10 s
PUTS_PER_SECOND_MAX = 25_000


def run(rig: Rig) -> list[Figure]:
    """Count them by the server's own metric and by Postgres' statistics, and again in the kernel."""
    server, seconds = rig.server, rig.options.seconds
    server.fill(BUCKET, 4 * KIB, 1)  # a server that has had no PUT has no figures of them
    spec = server.put_spec(BUCKET, 4 * KIB, int(PUTS_PER_SECOND_MAX * seconds * 2), seconds)
    time.sleep(STATISTICS_SECONDS)
    batches = _batches(server)
    drives, database = server.metric("objstore_drive_syncs_total"), _flushes(server)
    with kernel.count_syncs(server.pids()) as counted:
        rate = run_load(spec, rig.options.client)
        drives = server.metric("objstore_drive_syncs_total") - drives
    time.sleep(STATISTICS_SECONDS)
    database = _flushes(server) - database
    own = (drives + database) / rate.requests
    figures = [
        Figure("syncs per 4 KiB PUT", own, "", at_most=SYNCS_MAX, note=f"{rate.requests:,} PUTs"),
        Figure("of which shards", drives / rate.requests, ""),
        Figure("of which Postgres", database / rate.requests, ""),
    ]
    if counted.syncs is not None:
        figures.append(
            Figure(
                "counted in the kernel",
                counted.syncs / rate.requests,
                "",
                at_most=SYNCS_MAX,
                note=f"{counted.tool}; {rate.per_second:,.0f} PUT/s meanwhile",
            )
        )
    for boundary, (count, items) in sorted(_batches(server).items()):
        count, items = count - batches.get(boundary, (0, 0))[0], items - batches.get(boundary, (0, 0))[1]
        if count:
            figures.append(Figure(f"items of a batch, {boundary}", items / count, ""))
    return figures


def _batches(server: ObjectServer) -> dict[str, tuple[float, float]]:
    """Batches so far and the items in them, by boundary."""
    counts, sums = server.metrics("objstore_batch_items_count"), server.metrics("objstore_batch_items_sum")
    return {labels.partition('"')[2].rstrip('"}'): (counts[labels], sums[labels]) for labels in counts}


def _flushes(server: ObjectServer) -> int:
    async def ask() -> int:
        async with rows.connected(server.dsn()) as connection:
            return await rows.flushes(connection)

    return asyncio.run(ask())

"""Ranges of 64 KiB in a 1 GiB object: how much more is read from the drives than was asked for."""

import random

from benchmarks import processes
from benchmarks.figures import Figure
from benchmarks.floor import KIB, MIB
from benchmarks.rig import Rig
from benchmarks.server import HOST
from benchmarks.stream import Transfer, run_one

SIZE = 1024 * MIB
RANGE_BYTES = 64 * KIB
RANGES = 100
MORE_MAX = 64 * KIB
CHECKSUM_BYTES_MAX = 12 * KIB  # headers of two columns of a 64 MiB stripe, 8 bytes a 32 KiB block
BUCKET = "bench-range"
SEED = 5


def run(rig: Rig) -> list[Figure]:
    """Bytes by the drive layer's own count; what the worker processes read in all is the check on it."""
    server, chance = rig.server, random.Random(SEED)
    server.make_bucket(BUCKET)
    put = run_one(HOST, server.port, [Transfer("PUT", server.presigner.target("PUT", f"/{BUCKET}/big"), SIZE)])[0]
    target = server.presigner.target("GET", f"/{BUCKET}/big")
    starts = [chance.randrange(SIZE - RANGE_BYTES) for _ in range(RANGES)]
    gets = [Transfer("GET", target, 0, {"Range": f"bytes={start}-{start + RANGE_BYTES - 1}"}) for start in starts]
    run_one(HOST, server.port, gets[:2] * rig.options.workers)
    workers = server.worker_pids()
    drives, calls = server.metric("objstore_drive_read_bytes_total"), sum(map(processes.read_bytes, workers))
    seen = run_one(HOST, server.port, gets)
    calls = sum(map(processes.read_bytes, workers)) - calls
    drives = server.metric("objstore_drive_read_bytes_total") - drives
    median_us = sorted(one.seconds for one in seen)[RANGES // 2] * 1e6
    return [
        Figure("1 GiB PUT", SIZE / put.seconds / 1e6, "MB/s"),
        Figure(
            "64 KiB range of 1 GiB: read beyond what was asked",
            (drives / RANGES - RANGE_BYTES) / KIB,
            "KiB",
            at_most=(MORE_MAX + CHECKSUM_BYTES_MAX) / KIB,
            note="mean; 64 KiB and checksums allowed",
        ),
        Figure("the same by the workers' read calls", (calls / RANGES - RANGE_BYTES) / KIB, "KiB"),
        Figure("64 KiB range of 1 GiB, alone", median_us, "µs", note="median"),
    ]

"""Memory of one gateway worker with eight uploads and eight downloads of 1 GiB at once."""

import threading
import time

from benchmarks import processes
from benchmarks.figures import Figure
from benchmarks.floor import MIB
from benchmarks.rig import Rig
from benchmarks.server import HOST, ObjectServer
from benchmarks.stream import Transfer, run_lanes, run_one

RSS_MAX = 400 * MIB
SIZE, SMALLER_SIZE = 1024 * MIB, 256 * MIB
EACH = 8
ROOM_BYTES = 40 * 1024 * MIB  # nine objects, their parity, and as much again
BUCKET = "bench-memory"
SAMPLE_SECONDS = 0.05


class Watch(threading.Thread):
    """Highest resident memory of a process, sampled."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak, self.over = pid, 0, threading.Event()

    def run(self) -> None:
        """Sample until told that it is over."""
        while not self.over.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, processes.rss_bytes(self.pid))


def run(rig: Rig) -> list[Figure]:
    """Peak resident memory; one worker, so that all sixteen meet in it."""
    size = SIZE if rig.free_bytes > ROOM_BYTES else SMALLER_SIZE
    with rig.other_server(workers=1) as server:
        server.make_bucket(BUCKET)
        run_one(HOST, server.port, [_put(server, "source", size)])
        (worker,) = server.worker_pids()
        idle = processes.rss_bytes(worker)
        watch, start = Watch(worker), time.monotonic()
        watch.start()
        sign = server.presigner.target
        lanes = [[_put(server, str(lane), size)] for lane in range(EACH)]
        lanes += [[Transfer("GET", sign("GET", f"/{BUCKET}/source"))] for _ in range(EACH)]
        run_lanes(HOST, server.port, lanes)
        seconds = time.monotonic() - start
        watch.over.set()
        watch.join()
        peak = max(watch.peak, processes.rss_peak_bytes(worker))
    note = f"{EACH} uploads and {EACH} downloads of {size // MIB} MiB in {seconds:.0f} s"
    return [
        Figure("RSS of a worker, idle", idle / MIB, "MiB"),
        Figure("RSS of a worker, peak", peak / MIB, "MiB", at_most=RSS_MAX / MIB, note=note),
    ]


def _put(server: ObjectServer, key: str, size: int) -> Transfer:
    return Transfer("PUT", server.presigner.target("PUT", f"/{BUCKET}/{key}"), size)

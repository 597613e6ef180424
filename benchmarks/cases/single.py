"""One 4 KiB PUT alone: one connection, one request after the other. A timer anywhere would show here."""

from benchmarks import machine
from benchmarks.figures import Figure, middle
from benchmarks.floor import KIB
from benchmarks.rig import Rig
from benchmarks.server import HOST
from benchmarks.stream import Transfer, run_one

RATIO_MAX = 3.0
PER_ROUND = 150
BUCKET = "bench-single"


def run(rig: Rig) -> list[Figure]:
    """Median latency beside two fdatasyncs and two requests to the floor."""
    server = rig.server
    server.make_bucket(BUCKET)
    ours: list[float] = []
    floors: list[float] = []
    syncs: list[float] = []
    for number in range(rig.options.runs):
        sign = server.presigner.target
        puts = [Transfer("PUT", sign("PUT", f"/{BUCKET}/{number}/{i:04d}"), 4 * KIB) for i in range(PER_ROUND)]
        # The first tenth warms the connection, the caches and the planner.
        ours += [seen.seconds for seen in run_one(HOST, server.port, puts)[PER_ROUND // 10 :]]
        floors += [seen.seconds for seen in run_one(HOST, rig.floor_port, puts)[PER_ROUND // 10 :]]
        syncs += machine.sync_seconds(rig.folder, PER_ROUND)
    bound = 2 * middle(syncs) + 2 * middle(floors)
    p99 = sorted(ours)[int(len(ours) * 0.99)]
    return [
        Figure("4 KiB PUT alone", middle(ours) * 1e6, "µs", note=f"median; p99 {p99 * 1e6:,.0f} µs"),
        Figure(
            "two fdatasyncs and two floor requests",
            bound * 1e6,
            "µs",
            note=f"fdatasync {middle(syncs) * 1e6:.0f} µs, floor {middle(floors) * 1e6:.0f} µs",
        ),
        Figure("4 KiB PUT alone ÷ that", middle(ours) / bound, "×", at_most=RATIO_MAX),
    ]

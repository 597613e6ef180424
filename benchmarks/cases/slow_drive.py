"""GETs with one drive that is fifty times slower than the others, beside the same GETs without it.

Six nodes with a drive each, of 4+2. A slow drive makes itself known by being late, so a run begins when it becomes slow
and has all of that in it: what is read a second way, and what is then asked of the others at once. Between runs it
is fast for as long as it takes until it is trusted again.
"""

import time

from benchmarks.figures import Figure
from benchmarks.floor import KIB, MIB
from benchmarks.load import Series
from benchmarks.rig import Rig

RATIO_MAX = 2.0
NODES = 6
CONNECTIONS = 8
SIZES = {"4 KiB": (4 * KIB, 5_000, 1.0), "1 MiB": (MIB, 100, 2.0)}  # bytes, objects, times the seconds of a run
TRUSTED_SECONDS = 16.0
START_SECONDS_MAX = 60.0


def run(rig: Rig) -> list[Figure]:
    """p99 without and with, in turn."""
    with rig.cluster(NODES) as server:
        server.until_whole(START_SECONDS_MAX)
        loads = {}
        for name, (size, count, times) in SIZES.items():
            bucket = f"bench-slow-{size}"
            paths = server.fill(bucket, size, count) if size < MIB else server.fill_large(bucket, size, count)
            spec = server.get_spec(f"slow-{size}", paths, rig.options.seconds * times, CONNECTIONS)
            loads[name] = Series(spec, []), Series(spec, [])
            Series(spec, []).run(rig.options.client)
        for number in range(rig.options.runs):
            for healthy, slow in loads.values():
                healthy.run(rig.options.client)
                with server.slow_node(number % NODES):
                    slow.run(rig.options.client)
                time.sleep(TRUSTED_SECONDS)
        hedged = server.metric("objstore_hedged_reads_total")
    return [figure for name, pair in loads.items() for figure in _figures(name, *pair, f"{hedged:,.0f} hedged in all")]


def _figures(name: str, healthy: Series, slow: Series, note: str) -> list[Figure]:
    ratio = slow.latency("p99") / healthy.latency("p99")
    return [
        Figure(f"{name} GET p99", healthy.latency("p99"), "ms", note=_note(healthy)),
        Figure(f"{name} GET p99, one drive slow", slow.latency("p99"), "ms", note=f"{_note(slow)}; {note}"),
        Figure(f"{name} GET p99, one drive slow ÷ none", ratio, "×", at_most=RATIO_MAX),
    ]


def _note(load: Series) -> str:
    return f"{load.per_second:,.0f}/s, p50 {load.latency('p50'):.2f}, p99.9 {load.latency('p999'):.1f} ms"

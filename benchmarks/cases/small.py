"""Small objects, 64 connections: PUTs of distinct keys and GETs of random ones, beside a do-nothing application."""

from benchmarks.figures import Figure, spread
from benchmarks.floor import KIB
from benchmarks.load import Series, interleaved
from benchmarks.rig import Rig

PUT_RATIO, GET_RATIO = 0.13, 0.27  # of the floor, for 4 KiB
GET_KEYS = {4 * KIB: 20_000, 64 * KIB: 4_000}
PUTS_PER_SECOND_MAX = {4 * KIB: 25_000, 64 * KIB: 12_000}  # keys signed beforehand
CHECKED = 50


def run_4k(rig: Rig) -> list[Figure]:
    """4 KiB: held to its ratios."""
    return _run(rig, "bench-4k", 4 * KIB, PUT_RATIO, GET_RATIO)


def run_64k(rig: Rig) -> list[Figure]:
    """64 KiB: reported."""
    return _run(rig, "bench-64k", 64 * KIB, None, None)


def _run(rig: Rig, bucket: str, size: int, put_target: float | None, get_target: float | None) -> list[Figure]:
    options, server = rig.options, rig.server
    paths = server.fill(bucket, size, GET_KEYS[size])
    count = int(PUTS_PER_SECOND_MAX[size] * (options.seconds * options.runs + 2))
    put = server.put_spec(bucket, size, count, options.seconds)
    get = server.get_spec(bucket, paths, options.seconds)
    loads = [put, rig.at_floor(put), get, rig.at_floor(get)]
    puts, floor_puts, gets, floor_gets = interleaved(loads, options.client, options.runs)
    # Keys of the warm-up were answered long ago; wrk asks for request 0 to look at it and never sends it.
    last = min(CHECKED * 10, puts.next_first // (2 * options.runs + 2))
    written = [f"/{bucket}/put/{i % 100:02d}/{i:08d}" for i in range(1, last, 10)]
    server.check_objects([*written, *paths[:CHECKED]], size)
    wrapped = "keys were written again" if puts.next_first > count else ""
    return [
        *_figures(f"{size // KIB} KiB PUT", puts, floor_puts, put_target, wrapped),
        *_figures(f"{size // KIB} KiB GET", gets, floor_gets, get_target, ""),
    ]


def _figures(name: str, ours: Series, floor: Series, target: float | None, note: str) -> list[Figure]:
    latencies = f"p50 {ours.latency('p50'):.2f} ms, p99 {ours.latency('p99'):.2f} ms"
    return [
        Figure(
            name, ours.per_second, "/s", note=", ".join(filter(None, [spread(ours.rates_per_second), latencies, note]))
        ),
        Figure(f"{name}, floor", floor.per_second, "/s", note=spread(floor.rates_per_second)),
        Figure(f"{name} ÷ floor", ours.per_second / floor.per_second, "×", at_least=target),
    ]

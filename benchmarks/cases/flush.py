"""4 KiB PUTs when a flush takes 1 ms or 10 ms: what a slower disk makes of the rate."""

from benchmarks.figures import Figure, middle, spread
from benchmarks.floor import KIB
from benchmarks.load import interleaved
from benchmarks.rig import Rig

DELAYS_SECONDS = (0.001, 0.01)
PUTS_PER_SECOND_MAX = 20_000
BUCKET = "bench-4k"


def run(rig: Rig) -> list[Figure]:
    """Rate, latency and syncs of the shards for each delay, each with a server of its own."""
    return [figure for delay in DELAYS_SECONDS for figure in _run(rig, delay)]


def _run(rig: Rig, delay: float) -> list[Figure]:
    options = rig.options
    with rig.other_server({"OBJSTORE_BENCH_FLUSH_SECONDS": str(delay)}) as server:
        server.make_bucket(BUCKET)
        count = int(PUTS_PER_SECOND_MAX * (options.seconds * options.runs + 2))
        spec = server.put_spec(BUCKET, 4 * KIB, count, options.seconds)
        (puts,) = interleaved([spec], options.client, 1)
        counts, per_put = [], []
        for _ in range(options.runs - 1):
            before = server.metric("objstore_drive_syncs_total")
            rate = puts.run(options.client)
            counts.append(rate.per_second)
            per_put.append((server.metric("objstore_drive_syncs_total") - before) / rate.requests)
    name = f"4 KiB PUT, flush of {delay * 1000:.0f} ms"
    note = f"{spread(puts.rates_per_second)}, p50 {puts.latency('p50'):.1f} ms, p99 {puts.latency('p99'):.1f} ms"
    figures = [Figure(name, puts.per_second, "/s", note=note)]
    if per_put:
        figures.append(Figure(f"{name}: shard syncs per PUT", middle(per_put), ""))
    return figures

"""What metrics and history cost: CPU time of 4 KiB PUTs and GETs at a server that counts, and at one that does not.

Both run all the time and are asked in turn. CPU time is that of all their processes, Postgres included: a share of a
request's cost is also there where somebody else has half of the machine, and rates are not.
"""

from dataclasses import dataclass, field

from benchmarks import processes
from benchmarks.figures import Figure, middle, spread
from benchmarks.floor import KIB
from benchmarks.load import Series, run_load
from benchmarks.rig import Rig
from benchmarks.server import ObjectServer

RATIO_MAX = 1.02
PAIRS_MIN = 5
GET_KEYS = 5_000
PUTS_PER_SECOND_MAX = 15_000
BUCKET = "bench-counting"
WITHOUT = {"OBJSTORE_BENCH_COUNTING": "false"}


@dataclass(slots=True)
class _Side:
    """A server and one load of it; ``micros``: CPU time of a request, run by run."""

    server: ObjectServer
    load: Series
    micros: list[float] = field(default_factory=list)

    def run(self, client: str) -> None:
        pids = self.server.pids()
        before = processes.cpu_seconds(pids)
        rate = self.load.run(client)
        self.micros.append((processes.cpu_seconds(pids) - before) / rate.requests * 1e6)


def run(rig: Rig) -> list[Figure]:
    """PUTs, then GETs: the middle of the ratios of the pairs."""
    pairs = max(PAIRS_MIN, rig.options.runs)
    with rig.other_server() as counting, rig.other_server(WITHOUT) as silent:
        figures = []
        for name in ("PUT", "GET"):
            sides = [_side(rig, server, name, pairs) for server in (counting, silent)]
            for pair in range(pairs):
                for side in sides if pair % 2 else reversed(sides):  # neither is always the first
                    side.run(rig.options.client)
            figures += _figures(name, *sides)
        return figures


def _side(rig: Rig, server: ObjectServer, name: str, pairs: int) -> _Side:
    options = rig.options
    paths = server.fill(BUCKET, 4 * KIB, GET_KEYS)
    if name == "GET":
        spec = server.get_spec(BUCKET, paths, options.seconds)
    else:
        spec = server.put_spec(
            BUCKET, 4 * KIB, int(PUTS_PER_SECOND_MAX * options.seconds * (pairs + 1)), options.seconds
        )
    side = _Side(server, Series(spec, []))
    side.load.next_first = run_load(spec, options.client).requests + spec.connections  # warm now
    return side


def _figures(name: str, counting: _Side, silent: _Side) -> list[Figure]:
    ratios = [one / other for one, other in zip(counting.micros, silent.micros, strict=True)]
    rates = counting.load.per_second / silent.load.per_second
    return [
        Figure(f"4 KiB {name}: CPU", middle(counting.micros), "µs", note=spread(counting.micros)),
        Figure(f"4 KiB {name}: CPU without counting", middle(silent.micros), "µs", note=spread(silent.micros)),
        Figure(
            f"4 KiB {name}: with ÷ without",
            middle(ratios),
            "×",
            at_most=RATIO_MAX,
            note=f"{spread(ratios)}; rates {rates:.3f}",
        ),
    ]

"""One gateway worker and two: small requests, beside what the floor gains from a second process."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.figures import Figure, spread
from benchmarks.floor import KIB, floor
from benchmarks.load import Series, interleaved
from benchmarks.rig import Rig
from benchmarks.server import ObjectServer

WORKERS = (1, 2)
BUCKET, KEYS = "bench-4k", 10_000
PUTS_PER_SECOND_MAX = 25_000


def run(rig: Rig) -> list[Figure]:
    """Servers with one and with two, and floors with one and two, in turn."""
    options = rig.options
    with _all(rig) as (servers, floors):
        paths = [server.fill(BUCKET, 4 * KIB, KEYS) for server in servers]
        count = int(PUTS_PER_SECOND_MAX * (options.seconds * options.runs + 2))
        gets = [s.get_spec(BUCKET, own, options.seconds) for s, own in zip(servers, paths, strict=True)]
        puts = [s.put_spec(BUCKET, 4 * KIB, count, options.seconds) for s in servers]
        at_floors = [rig.at(gets[0], port) for port in floors]
        series = interleaved([*gets, *puts, *at_floors], options.client, options.runs)
    named = {"4 KiB GET": series[:2], "4 KiB PUT": series[2:4], "floor": series[4:]}
    return [figure for name, pair in named.items() for figure in _figures(name, pair)]


@contextmanager
def _all(rig: Rig) -> Iterator[tuple[list[ObjectServer], list[int]]]:
    with ExitStack() as stack:
        servers = [stack.enter_context(rig.other_server(workers=count)) for count in WORKERS]
        yield servers, [stack.enter_context(floor(count)) for count in WORKERS]


def _figures(name: str, pair: list[Series]) -> list[Figure]:
    one, two = pair
    return [
        Figure(f"{name}, one worker", one.per_second, "/s", note=spread(one.rates_per_second)),
        Figure(f"{name}, two workers", two.per_second, "/s", note=spread(two.rates_per_second)),
        Figure(f"{name}, two ÷ one", two.per_second / one.per_second, "×"),
    ]

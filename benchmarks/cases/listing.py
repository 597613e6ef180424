"""ListObjectsV2 of a bucket with a million keys, beside the bare query; delimited, beside a shallow bucket."""

import asyncio
import random
from time import perf_counter

from benchmarks import rows
from benchmarks.figures import Figure, middle
from benchmarks.floor import KIB
from benchmarks.rig import Rig
from benchmarks.server import HOST, ObjectServer
from benchmarks.stream import Transfer, run_lanes, run_one

RATIO_MAX = 4.0
DELIMITED_RATIO_MAX = 1.5  # a hundred times the keys below the same prefixes
PREFIXES, DEEP, SHALLOW = 1000, 1000, 10
DEEP_BUCKET, SHALLOW_BUCKET = "bench-list-deep", "bench-list-shallow"
PAGE = 1000
PAGES = 40
LANES = 8
QUERY = f"select {rows.LIST_COLUMNS} from {rows.TABLE} where bucket_id = $1 and key > $2 order by key limit {PAGE}"


def run(rig: Rig) -> list[Figure]:
    """Pages of 1000 from random places, and pages of 1000 common prefixes."""
    server = rig.server
    for bucket, below in ((DEEP_BUCKET, DEEP), (SHALLOW_BUCKET, SHALLOW)):
        server.fill(bucket, 4 * KIB, 10)
        asyncio.run(_load(server, bucket, below))
    chance = random.Random(7)
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(rig.options.runs):
        places = [_key(chance.randrange(PREFIXES - 2), chance.randrange(DEEP)) for _ in range(PAGES)]
        ours += [seen.seconds for seen in run_one(HOST, server.port, [_page(server, place) for place in places])]
        bare += asyncio.run(_bare(server, places))
    page, query = middle(ours), middle(bare)
    return [
        Figure("LIST of 1000 keys, alone", page * 1e3, "ms", note=f"{PAGE / page:,.0f} keys/s"),
        Figure("the bare query", query * 1e3, "ms", note="asyncpg, same columns"),
        Figure("LIST ÷ bare query", page / query, "×", at_most=RATIO_MAX),
        Figure(f"LIST, {LANES} at a time", _together(server, chance), "keys/s"),
        *_delimited(rig, server),
    ]


def _delimited(rig: Rig, server: ObjectServer) -> list[Figure]:
    times: dict[str, list[float]] = {DEEP_BUCKET: [], SHALLOW_BUCKET: []}
    query = {"list-type": "2", "delimiter": "/"}
    for _ in range(rig.options.runs):
        for bucket, found in times.items():
            one = Transfer("GET", server.presigner.target("GET", f"/{bucket}", query))
            found += [seen.seconds for seen in run_one(HOST, server.port, [one] * 6)[1:]]
    deep, shallow = middle(times[DEEP_BUCKET]), middle(times[SHALLOW_BUCKET])
    return [
        Figure(f"LIST with delimiter, {PREFIXES} prefixes of {DEEP} keys", deep * 1e3, "ms"),
        Figure(f"LIST with delimiter, {PREFIXES} prefixes of {SHALLOW} keys", shallow * 1e3, "ms"),
        Figure("deep ÷ shallow", deep / shallow, "×", at_most=DELIMITED_RATIO_MAX),
    ]


def _together(server: ObjectServer, chance: random.Random) -> float:
    """Keys a second with several clients at once."""
    lanes = [[_page(server, _key(chance.randrange(PREFIXES - 2), 0)) for _ in range(PAGES)] for _ in range(LANES)]
    seen = [one for lane in run_lanes(HOST, server.port, lanes) for one in lane]
    return PAGE * len(seen) / (max(one.end for one in seen) - min(one.start for one in seen))


def _page(server: ObjectServer, after: str) -> Transfer:
    query = {"list-type": "2", "max-keys": str(PAGE), "start-after": after}
    return Transfer("GET", server.presigner.target("GET", f"/{DEEP_BUCKET}", query))


def _key(prefix: int, number: int) -> str:
    return f"p{prefix:04d}/k{number:06d}"


def _keys(below: int) -> list[bytes]:
    return [_key(prefix, number).encode() for prefix in range(PREFIXES) for number in range(below)]


async def _load(server: ObjectServer, bucket: str, below: int) -> None:
    async with rows.connected(server.dsn()) as connection:
        await rows.copy_rows(connection, bucket, _keys(below))


async def _bare(server: ObjectServer, places: list[str]) -> list[float]:
    """Seconds of the query at each place."""
    times = []
    async with rows.connected(server.dsn()) as connection:
        bucket = await rows.bucket_id(connection, DEEP_BUCKET)
        statement = await connection.prepare(QUERY)
        for place in [places[0], *places]:  # the first plans
            start = perf_counter()
            await statement.fetch(bucket, place.encode())
            times.append(perf_counter() - start)
    return times[1:]

"""The picture's pages beside millions of objects: of sums, so that how many there are must not matter.

Rows of objects are copies, as in the case ``cliff``; ledger of usage and history are filled as a server has them that
has run for a year: first segments of keys on both tiers by day of last access, and every step that is kept. Each
request of a page is a little unlike the one before: answers are kept for a second, and this is their cost without that.
"""

import asyncio
import itertools
import json
import time
from collections.abc import Callable

import asyncpg

from benchmarks import rows
from benchmarks.cases.cliff import BUCKET, key_of, keys
from benchmarks.figures import BenchmarkError, Figure, middle
from benchmarks.floor import KIB
from benchmarks.rig import Rig
from benchmarks.server import ObjectServer

PAGE_SECONDS_MAX = 0.05
REAL = 1000
REQUESTS, AGAIN = 100, 20
OBJECTS_A_PREFIX, DAYS = 1000, 60
YEAR_SECONDS = 366 * 86400
DAY, HOUR = 86400, 3600
KEPT_SECONDS_MAX = 120.0
ADMIN = "/-/admin/v1"
Query = Callable[[int], dict[str, str]]


def _history(seconds: int) -> Query:
    """What the timeline asks for: of so long a time, until n seconds ago."""

    def query(n: int) -> dict[str, str]:
        end = time.time() - n
        series = "put_bytes,read_bytes,memory_bytes,demoted_bytes,promoted_bytes,requests"
        return {"series": series, "from": _moment(end - seconds), "to": _moment(end)}

    return query


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


PAGES: dict[str, tuple[str, Query]] = {
    "floor: a page without the database": ("/history/series", lambda n: {}),
    "the picture": ("/picture", lambda n: {"window": str(30 + n)}),
    "the picture of an hour": ("/picture", lambda n: {"window": str(3500 + n)}),
    "the picture of yesterday": ("/picture", lambda n: {"window": "3600", "at": _moment(time.time() - DAY - n)}),
    "history of an hour": ("/history", _history(HOUR)),
    "history of a day": ("/history", _history(DAY)),
    "history of a week": ("/history", _history(6 * DAY)),
    "history of a year": ("/history", _history(365 * DAY)),
    "map of buckets": ("/prefixes", lambda n: {"limit": str(64 + n)}),
    "map of a bucket": ("/prefixes", lambda n: {"bucket": BUCKET, "limit": str(64 + n)}),
    "map below a prefix": ("/prefixes", lambda n: {"bucket": BUCKET, "prefix": f"corpus/{n:04}/"}),
    "map below a prefix of all": ("/prefixes", lambda n: {"bucket": BUCKET, "prefix": "corpus/", "limit": str(64 + n)}),
    "places of a cell": ("/cells", lambda n: {"tier": "hot", "from_days": "7", "to_days": "30", "limit": str(50 + n)}),
    "locate": ("/locate", lambda n: {"bucket": BUCKET, "key": key_of(n).decode()}),
}
# As many as the ledger has once it is folded: a row a prefix, tier and day.
_LEDGER = """
INSERT INTO usage (bucket_id, objects, bytes, accessed, tier, storage_class, noncurrent, prefix)
SELECT $1::bigint, $2::bigint, $2::bigint * 4096, (extract(epoch FROM now()) / 86400)::int - day, day % 2, 0, false,
       convert_to('part-' || lpad(prefix::text, 6, '0') || '/', 'UTF8')
FROM generate_series(1, $3::int) AS prefix, generate_series(0, $4::int) AS day
"""
# Codes and labels of model/series.py, of a server with two gateways and two tiers.
_HISTORY = """
INSERT INTO history (series, step, start, label, node, value)
SELECT series, $1::int, at, label, node, 1000
FROM unnest($4::smallint[]) AS series, unnest($5::text[]) AS label, unnest($6::text[]) AS node,
     generate_series($2::bigint, $3::bigint, $1::bigint) AS at
ON CONFLICT DO NOTHING
"""
_RATES = [*range(1, 15)]
_LEVELS = [40, 41, 42, 43, 44, 45, 46, 47, 48, 49]


def run(rig: Rig) -> list[Figure]:
    """Median of each page, its p99, and what it takes when it is asked for again at once."""
    count = rig.options.objects
    with rig.other_server() as server:
        server.fill(BUCKET, 4 * KIB, REAL)
        asyncio.run(_load(server, count))
        figures = [_page(server, name, path, query) for name, (path, query) in PAGES.items()]
    prefixes = count // OBJECTS_A_PREFIX
    note = f"ledger of {prefixes * (DAYS + 1):,} rows, {prefixes:,} prefixes; a year of history"
    return [Figure(f"{count:,} objects", count, "rows", note=note), *figures]


def _page(server: ObjectServer, name: str, path: str, query: Query) -> Figure:
    took = sorted(_seconds(server, path, query(n)) for n in range(REQUESTS))
    same = query(REQUESTS)  # asked for at once: most of these are a copy of the first
    again = [_seconds(server, path, same) for _ in range(AGAIN)]
    p99 = took[REQUESTS * 99 // 100 - 1]
    note = f"p99 {p99 * 1000:.0f} ms, slowest {took[-1] * 1000:.0f}; again {middle(again) * 1000:.1f}"
    return Figure(name, middle(took) * 1000, "ms", at_most=PAGE_SECONDS_MAX * 1000, note=note)


def _seconds(server: ObjectServer, path: str, query: dict[str, str]) -> float:
    begun = time.monotonic()
    _, body = server.request("GET", ADMIN + path, query)
    took = time.monotonic() - begun
    if not json.loads(body):
        raise BenchmarkError(f"{path}: nothing")
    return took


async def _load(server: ObjectServer, count: int) -> None:
    async with rows.connected(server.dsn()) as connection:
        if count > REAL:
            await rows.copy_rows(connection, BUCKET, keys(count - REAL))
        await _fill(connection, count)
        await _summed(connection, count)


async def _summed(connection: asyncpg.Connection, count: int) -> None:
    """Until the keeper has seen the ledger."""
    deadline = time.monotonic() + KEPT_SECONDS_MAX
    query = """
    SELECT (places -> 'shown' -> 0 ->> 'objects')::bigint >= $1 AND EXISTS (SELECT FROM bucket_places)
    FROM history_keeper
    """
    while not await connection.fetchval(query, count // 2):
        if time.monotonic() > deadline:
            raise BenchmarkError(f"not summed up within {KEPT_SECONDS_MAX:.0f} s")
        await asyncio.sleep(1)


async def _fill(connection: asyncpg.Connection, count: int) -> None:
    bucket_number = await rows.bucket_id(connection, BUCKET)
    prefixes = count // OBJECTS_A_PREFIX
    await connection.execute(_LEDGER, bucket_number, max(1, OBJECTS_A_PREFIX // (DAYS + 1)), prefixes, DAYS)
    now = int(time.time())
    labels = ["hot", "capacity"]
    processes = [f"{host}#{number}" for host, number in itertools.product("ab", range(2))]
    for step, seconds, nodes in (
        (10, HOUR, processes),
        (60, 7 * DAY, [""]),
        (600, 7 * DAY, [""]),
        (HOUR, YEAR_SECONDS, [""]),
        (DAY, YEAR_SECONDS, [""]),
    ):
        last = now // step * step
        for codes, who in ((_RATES, nodes), (_LEVELS, [""])):
            await connection.execute(_HISTORY, step, last - seconds, last, codes, labels, who)
    await connection.execute("vacuum (analyze) history")
    await connection.execute("vacuum (analyze) usage")

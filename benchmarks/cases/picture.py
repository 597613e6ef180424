"""The picture's pages beside millions of objects: of sums, so that how many there are must not matter.

Rows of objects are copies, as in the case ``cliff``; ledger of usage and history are filled as a server has them that
has run for a year: first segments of keys on both tiers by day of last access, and every step that is kept.
"""

import asyncio
import json
import time
from statistics import median

import asyncpg

from benchmarks import rows
from benchmarks.cases.cliff import BUCKET, keys
from benchmarks.figures import BenchmarkError, Figure
from benchmarks.floor import KIB
from benchmarks.rig import Rig
from benchmarks.server import ObjectServer

PAGE_SECONDS_MAX = 0.05
REAL = 1000
REQUESTS = 40
PREFIXES, DAYS = 1000, 60
YEAR_SECONDS = 366 * 86400
ADMIN = "/-/admin/v1"
PAGES: dict[str, tuple[str, dict[str, str]]] = {
    "the picture": ("/picture", {"window": "60"}),
    "the picture of yesterday": ("/picture", {"window": "3600", "at": "1"}),
    "history of a week": ("/history", {"series": "put_bytes,read_bytes,memory_bytes,requests", "from": "6"}),
    "map of buckets": ("/prefixes", {}),
    "map of a bucket": ("/prefixes", {"bucket": BUCKET}),
    "map below a prefix": ("/prefixes", {"bucket": BUCKET, "prefix": "corpus/0001/"}),
    "locate": ("/locate", {"bucket": BUCKET, "key": "corpus/0001/00000001.bin"}),
}
# As many as the ledger has once it is folded: a row a prefix, tier and day.
_LEDGER = """
INSERT INTO usage (bucket_id, objects, bytes, accessed, tier, storage_class, noncurrent, prefix)
SELECT $1::bigint, $2::bigint, $2::bigint * 4096, (extract(epoch FROM now()) / 86400)::int - day, day % 2, 0, false,
       convert_to('part-' || lpad(prefix::text, 4, '0') || '/', 'UTF8')
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
    """Median of each page, and the slowest of all."""
    count = rig.options.objects
    with rig.other_server() as server:
        server.fill(BUCKET, 4 * KIB, REAL)
        asyncio.run(_load(server, count))
        time.sleep(15)  # the keeper has seen the ledger
        figures = [_page(server, name, page) for name, page in PAGES.items()]
    note = f"{count:,} objects, {PREFIXES * (DAYS + 1):,} rows of the ledger, a year of history"
    return [Figure(f"{count:,} objects", count, "rows", note=note), *figures]


def _page(server: ObjectServer, name: str, page: tuple[str, dict[str, str]]) -> Figure:
    path, query = page
    for when in ("at", "from"):  # in days ago
        if when in query:
            moment = time.gmtime(time.time() - int(query[when]) * 86400)
            query = {**query, when: time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)}
    took = []
    for _ in range(REQUESTS):
        begun = time.monotonic()
        _, body = server.request("GET", ADMIN + path, query)
        took.append(time.monotonic() - begun)
        if not json.loads(body):
            raise BenchmarkError(f"{path}: nothing")
    note = f"slowest of {REQUESTS}: {max(took) * 1000:.0f} ms"
    return Figure(name, median(took) * 1000, "ms", at_most=PAGE_SECONDS_MAX * 1000, note=note)


async def _load(server: ObjectServer, count: int) -> None:
    async with rows.connected(server.dsn()) as connection:
        if count > REAL:
            await rows.copy_rows(connection, BUCKET, keys(count - REAL))
        await _fill(connection, count)


async def _fill(connection: asyncpg.Connection, count: int) -> None:
    bucket_number = await rows.bucket_id(connection, BUCKET)
    per_row = max(1, count // (PREFIXES * (DAYS + 1)))
    await connection.execute(_LEDGER, bucket_number, per_row, PREFIXES, DAYS)
    now = int(time.time())
    labels = ["hot", "capacity"]
    for step, seconds, nodes in (
        (10, 3600, ["a#0", "a#1", "b#0", "b#1"]),
        (60, 7 * 86400, [""]),
        (3600, YEAR_SECONDS, [""]),
    ):
        last = now // step * step
        for codes, processes in ((_RATES, nodes), (_LEVELS, [""])):
            await connection.execute(_HISTORY, step, last - seconds, last, codes, labels, processes)
    await connection.execute("vacuum (analyze) history")
    await connection.execute("vacuum (analyze) usage")

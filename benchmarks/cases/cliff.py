"""4 KiB GETs and listings with 10,000 objects in Postgres and with millions: metadata must not fall off a cliff.

At the end a twentieth of the rows is deleted, which is when autovacuum would begin, and VACUUM is timed.
"""

import asyncio
import random
import time
from collections.abc import Iterator

from benchmarks import rows
from benchmarks.figures import Figure, middle
from benchmarks.floor import KIB
from benchmarks.load import Series, interleaved
from benchmarks.rig import Rig
from benchmarks.server import HOST, ObjectServer
from benchmarks.stream import Transfer, run_one

RATIO_MIN = 0.8
BUCKET = "bench-4k"
REAL = 10_000
FOLDERS = 1000  # rows arrive in a thousand ascending runs, as from many writers: no friendly order for the index
READ_KEYS_MAX = 200_000
SEED = 11
PAGE, PAGES = 1000, 40
DELETED = FOLDERS // 20


def run(rig: Rig) -> list[Figure]:
    """Rates before and after, each over the floor of its moment, so that a busier machine is no cliff."""
    count = rig.options.objects
    with rig.other_server() as server:
        paths = server.fill(BUCKET, 4 * KIB, REAL)
        before, floor_before = _rates(rig, server, paths)
        listed_before = _list_seconds(server, paths)
        size = asyncio.run(_load(server, count - REAL))
        chance = random.Random(SEED)
        many = [
            f"/{BUCKET}/{key_of(chance.randrange(count - REAL)).decode()}" for _ in range(min(READ_KEYS_MAX, count))
        ]
        server.check_objects(many[:20], 4 * KIB)
        after, floor_after = _rates(rig, server, many)
        listed = _list_seconds(server, many)
        vacuum = asyncio.run(_vacuum_seconds(server))
    raw = after.per_second / before.per_second
    evened = raw * floor_before.per_second / floor_after.per_second
    return [
        Figure(f"4 KiB GET, {REAL:,} objects", before.per_second, "/s"),
        Figure(
            f"4 KiB GET, {size.rows:,} objects",
            after.per_second,
            "/s",
            note=f"random keys of all, p99 {after.latency('p99'):.2f} ms",
        ),
        Figure("many ÷ few", evened, "×", at_least=RATIO_MIN, note=f"each over its floor; {raw:.2f} without"),
        Figure(
            "Postgres per object",
            (size.heap + size.indexes) / size.rows,
            "bytes",
            note=f"table {size.heap / size.rows:.0f}, index {size.indexes / size.rows:.0f}"
            f" (primary key {size.primary / size.rows:.0f})",
        ),
        Figure(f"LIST of {PAGE} keys, {REAL:,} objects", listed_before * 1e3, "ms"),
        Figure(f"LIST of {PAGE} keys, {size.rows:,} objects", listed * 1e3, "ms", note="from random keys"),
        Figure("pages that a probe of the primary key reads", size.depth, ""),
        Figure("VACUUM after a twentieth was deleted", vacuum, "s"),
    ]


def _rates(rig: Rig, server: ObjectServer, paths: list[str]) -> list[Series]:
    spec = server.get_spec(f"cliff-{len(paths)}", paths, rig.options.seconds)
    return interleaved([spec, rig.at_floor(spec)], rig.options.client, rig.options.runs)


def _list_seconds(server: ObjectServer, paths: list[str]) -> float:
    """A page from one of these keys, one at a time: the median."""
    chance = random.Random(SEED)
    places = [path.removeprefix(f"/{BUCKET}/") for path in chance.sample(paths, PAGES)]
    query = {"list-type": "2", "max-keys": str(PAGE)}
    pages = [server.presigner.target("GET", f"/{BUCKET}", {**query, "start-after": place}) for place in places]
    seen = run_one(HOST, server.port, [Transfer("GET", page) for page in [*pages[:2], *pages]])[2:]
    return middle([one.seconds for one in seen])


async def _vacuum_seconds(server: ObjectServer) -> float:
    async with rows.connected(server.dsn()) as connection:
        bucket = await rows.bucket_id(connection, BUCKET)
        for folder in range(DELETED):
            low, high = (f"corpus/{number:04d}/".encode() for number in (folder, folder + 1))
            delete = f"delete from {rows.TABLE} where bucket_id = $1 and key >= $2 and key < $3"
            await connection.execute(delete, bucket, low, high)
        began = time.monotonic()
        await connection.execute(f"vacuum {rows.TABLE}")
        return time.monotonic() - began


def key_of(number: int) -> bytes:
    """Key of a row."""
    return b"corpus/%04d/%08d.bin" % (number % FOLDERS, number // FOLDERS)


def keys(count: int) -> Iterator[bytes]:
    """As many keys as the million rows have."""
    return (key_of(number) for number in range(count))


async def _load(server: ObjectServer, count: int) -> rows.TableBytes:
    async with rows.connected(server.dsn()) as connection:
        await rows.copy_rows(connection, BUCKET, keys(count))
        return await rows.table_bytes(connection)

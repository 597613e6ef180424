"""4 KiB GETs with 10,000 objects in Postgres and with millions: metadata must not fall off a cliff."""

import asyncio
import random
from collections.abc import Iterator

from benchmarks import rows
from benchmarks.figures import Figure
from benchmarks.floor import KIB
from benchmarks.load import Series, interleaved
from benchmarks.rig import Rig
from benchmarks.server import ObjectServer

RATIO_MIN = 0.8
BUCKET = "bench-4k"
REAL = 10_000
FOLDERS = 1000  # rows arrive in a thousand ascending runs, as from many writers: no friendly order for the index
READ_KEYS_MAX = 200_000
SEED = 11


def run(rig: Rig) -> list[Figure]:
    """Rates before and after, each over the floor of its moment, so that a busier machine is no cliff."""
    count = rig.options.objects
    with rig.other_server() as server:
        paths = server.fill(BUCKET, 4 * KIB, REAL)
        before, floor_before = _rates(rig, server, paths)
        size = asyncio.run(_load(server, count - REAL))
        chance = random.Random(SEED)
        many = [
            f"/{BUCKET}/{key_of(chance.randrange(count - REAL)).decode()}" for _ in range(min(READ_KEYS_MAX, count))
        ]
        server.check_objects(many[:20], 4 * KIB)
        after, floor_after = _rates(rig, server, many)
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
            note=f"table {size.heap / size.rows:.0f}, index {size.indexes / size.rows:.0f}",
        ),
    ]


def _rates(rig: Rig, server: ObjectServer, paths: list[str]) -> list[Series]:
    spec = server.get_spec(f"cliff-{len(paths)}", paths, rig.options.seconds)
    return interleaved([spec, rig.at_floor(spec)], rig.options.client, rig.options.runs)


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

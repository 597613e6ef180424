"""Listings against a sorted list, and the plans behind them."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from objstore.meta import listing
from objstore.meta.objects import Objects, Write
from objstore.meta.session import SETTINGS
from objstore.model import clock
from objstore.model.objects import Bucket, ObjectVersion
from tests.meta.world import World, md5, new_bucket, now

PIECES = [b"a", b"b", b"ab", b"/", b"//", b"\0", b"\xff", b"\xff\xff", "é".encode(), b"z"]
words = st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join)
delimiters = st.sampled_from([b"/", b"//", b"ab", b"\0", b"\xff", b"\xff\xff", "é".encode(), b"a\xff"])


def expected(keys: set[bytes], prefix: bytes, delimiter: bytes, after: bytes, limit: int) -> list[tuple[bytes, bool]]:
    """The listing of a sorted list: (key or common prefix, which of them)."""
    entries: list[tuple[bytes, bool]] = []
    for key in sorted(keys):
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        entry = (key[: at + len(delimiter)], True) if at >= 0 else (key, False)
        if key.startswith(prefix) and key > after and entry != (after, True) and entry not in entries[-1:]:
            entries.append(entry)
    return entries[:limit]


def shown(listed: list[ObjectVersion | bytes]) -> list[tuple[bytes, bool]]:
    return [(entry, True) if isinstance(entry, bytes) else (entry.key, False) for entry in listed]


async def fill(objects: Objects, bucket: Bucket, keys: set[bytes]) -> None:
    def version(key: bytes) -> ObjectVersion:
        return ObjectVersion(bucket.id, key, clock.random_id(), len(key), md5("e"), now(), "STANDARD", b"")

    outcomes = await objects.commit([Write(bucket.id, key, version(key)) for key in keys])
    assert all(isinstance(outcome, ObjectVersion) for outcome in outcomes)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
async def test_listing_is_a_sorted_list(world: World, data: st.DataObject) -> None:
    keys = data.draw(st.sets(words, max_size=40))
    bucket = await world.buckets.create(new_bucket())
    await fill(world.objects, bucket, keys)
    some = st.sampled_from(sorted(keys)) if keys else words
    for _ in range(4):
        prefix = data.draw(st.one_of(st.just(b""), words, some.map(lambda key: key[: len(key) // 2])))
        after = data.draw(st.one_of(st.just(b""), words, some, some.map(lambda key: key[: len(key) // 2])))
        delimiter, limit = data.draw(delimiters), data.draw(st.integers(0, 12))
        listed = await world.objects.list_delimited(bucket.id, prefix, delimiter, after, limit)
        assert shown(listed) == expected(keys, prefix, delimiter, after, limit)
        page = await world.objects.list_page(bucket.id, prefix, after, limit)
        assert shown([*page]) == expected(keys, prefix, b"", after, limit)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(words.filter(bool), max_size=40), words, st.one_of(st.just(b""), delimiters), st.integers(1, 5))
async def test_pages_join_up(world: World, keys: set[bytes], prefix: bytes, delimiter: bytes, limit: int) -> None:
    """The last entry of a page, key or common prefix, is where the next page goes on."""
    bucket = await world.buckets.create(new_bucket())
    await fill(world.objects, bucket, keys)
    entries: list[tuple[bytes, bool]] = []
    after = b""
    while page := await world.objects.list_delimited(bucket.id, prefix, delimiter, after, limit):
        entries += shown(page)
        after = entries[-1][0]
    assert entries == expected(keys, prefix, delimiter, b"", 1000)


async def test_listed_versions(world: World) -> None:
    (version,) = await world.put(b"dir/k", storage_class="GLACIER", checksum=b"\1\0\0sum", attrs={"m": {"a": "b"}})
    for listed in (
        await world.objects.list_page(world.bucket.id, b"", b"", 10),
        await world.objects.list_delimited(world.bucket.id, b"dir/", b"/", b"", 10),
    ):
        (found,) = listed
        assert isinstance(found, ObjectVersion)
        for name in ("bucket_id", "key", "version_id", "size", "etag", "modified", "storage_class", "checksum", "seq"):
            assert getattr(found, name) == getattr(version, name)


async def test_long_runs_of_keys(world: World) -> None:
    """More keys than a run of the skip scan has at most, between prefixes."""
    keys = (
        {b"k%04d" % i for i in range(1500)} | {b"k0700/%d" % i for i in range(30)} | {b"k0701/%d" % i for i in range(3)}
    )
    await fill(world.objects, world.bucket, keys)
    for limit in (1, 700, 702, 703, 1000, 5000):
        listed = await world.objects.list_delimited(world.bucket.id, b"k", b"/", b"", limit)
        assert shown(listed) == expected(keys, b"k", b"/", b"", limit)


BUCKET = 77
FANOUT = 200


@pytest.fixture(scope="module")
async def large(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A bucket of 200 prefixes of 200 keys each, and a connection that plans as ours do."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "INSERT INTO object (bucket_id, size, seq, modified, slot, storage_class, key, version_id, etag, extents)"
        " SELECT b, 1, 1, now(), 0, 0, convert_to(format('p%s/%s', lpad(i::text, 4, '0'), j), 'UTF8'), '', '', ''"
        f" FROM generate_series({BUCKET}, {BUCKET + 1}) b,"
        f" generate_series(1, {FANOUT}) i, generate_series(1, {FANOUT}) j"
    )
    await connection.execute("ANALYZE object")
    yield connection
    await connection.close()


async def explained(connection: "asyncpg.Connection[asyncpg.Record]", sql: str, arguments: str) -> str:
    await connection.execute(f"PREPARE it AS {sql}")
    lines = await connection.fetch(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) EXECUTE it({arguments})")
    await connection.execute("DEALLOCATE it")
    return "\n".join(line[0] for line in lines)


@pytest.mark.parametrize("session", ["", SETTINGS])
@pytest.mark.parametrize("prefix", ["", "p01", "p0150/"])
async def test_page_is_a_range_scan(large: "asyncpg.Connection[asyncpg.Record]", session: str, prefix: str) -> None:
    await large.execute("RESET ALL;" + session)
    low, high = prefix.encode().hex(), listing.past(prefix.encode()).hex()
    plan = await explained(large, listing._PAGE.sql, f"{BUCKET}, '\\x{low}', '\\x{high}', 100")
    assert "Index Scan using object_pkey" in plan
    assert "Index Cond: ((bucket_id = " in plan
    for other in ("Seq Scan", "Sort", "Bitmap", "Filter"):
        assert other not in plan
    assert buffers(plan) < 150, plan
    await large.execute("RESET ALL")


@pytest.mark.parametrize("session", ["", SETTINGS])
async def test_delimited_skips(large: "asyncpg.Connection[asyncpg.Record]", session: str) -> None:
    """Cost follows the prefixes returned: a few pages each, not the 200 keys below."""
    await large.execute("RESET ALL;" + session)
    high = listing.PAST_EVERY_KEY.hex()
    plan = await explained(large, listing._DELIMITED.sql, f"{BUCKET}, '\\x', '\\x{high}', 0, '\\x2f', 1, '\\x30', 1000")
    assert "Index Scan using object_pkey" in plan
    assert "Seq Scan" not in plan
    assert "Bitmap" not in plan
    assert buffers(plan) < 7 * FANOUT, plan
    await large.execute("RESET ALL")


async def test_delimited_returns_the_prefixes(world: World, large: object) -> None:
    listed = await world.objects.list_delimited(BUCKET, b"", b"/", b"", 1000)
    assert listed == [b"p%04d/" % i for i in range(1, FANOUT + 1)]
    assert await world.objects.list_delimited(BUCKET, b"", b"/", b"p0007/", 2) == [b"p0008/", b"p0009/"]
    assert await world.objects.list_delimited(BUCKET, b"", b"/", b"p0007/9", 1) == [b"p0007/"]
    assert await world.objects.list_delimited(BUCKET, b"", b"/", b"p0007/99", 1) == [b"p0008/"]


def buffers(plan: str) -> int:
    """Pages that the statement touched."""
    line = next(line for line in plan.splitlines() if "Buffers: shared" in line)
    return sum(int(word.split("=")[1]) for word in line.split() if word.startswith(("hit=", "read=")))

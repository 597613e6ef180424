"""Folding accesses into rows: days and heat, and the ledger of usage with them."""

import asyncio
from typing import Any

import asyncpg
import pytest

from objstore.meta.database import Database
from objstore.meta.heat import Reads, fold
from objstore.model.heat import decayed
from objstore.model.objects import ObjectVersion
from tests.meta.world import World

TODAY = 20_000


def reads(version: ObjectVersion, day: int = TODAY, count: int = 1) -> Reads:
    return Reads(version.bucket_id, version.key, version.seq, version.version_id, day, count)


async def told(world: World, key: bytes) -> tuple[Any, Any]:
    """Day and heat of the current version."""
    found = await world.current(key)
    assert found is not None
    return found.accessed, found.heat


@pytest.mark.parametrize("days", [0, 1, 7, 30, 400, 100_000])
async def test_heat_decays(world: World, database: Database, days: int) -> None:
    (version,) = await world.put(b"k", accessed=TODAY)
    await fold(database, [reads(version, TODAY, 8)])
    assert await told(world, b"k") == (TODAY, 8)
    (one,) = await fold(database, [reads(version, TODAY + days, 3)])
    assert (one.index, one.tier, one.storage_class, one.size) == (0, 0, "STANDARD", 100)
    assert await told(world, b"k") == (TODAY + days, pytest.approx(decayed(8, days) + 3))
    await world.check_usage()


async def test_an_older_day_comes_late(world: World, database: Database) -> None:
    (version,) = await world.put(b"k", accessed=TODAY)
    await fold(database, [reads(version, TODAY - 7, 4)])
    assert await told(world, b"k") == (TODAY, pytest.approx(2))
    await world.check_usage()


async def test_a_batch(world: World, database: Database) -> None:
    """Each row gets its own count, the ledger moves by prefix and day, and what is asked again changes no sum."""
    versions = await world.put(*[b"%c/%d" % (97 + i % 3, i) for i in range(30)], accessed=TODAY - 5)
    await world.put(b"a/untouched", accessed=TODAY - 5)
    asked = [reads(version, TODAY - i % 2, i + 1) for i, version in enumerate(reversed(versions))]
    found = await fold(database, asked)
    assert sorted(one.index for one in found) == list(range(30))
    for one in asked:
        assert await told(world, one.key) == (one.day, pytest.approx(one.count))
    assert await told(world, b"a/untouched") == (TODAY - 5, 0)
    await world.check_usage()
    before = await world.raw.fetchval("SELECT count(*) FROM usage")
    await fold(database, asked)
    assert await world.raw.fetchval("SELECT count(*) FROM usage") == before
    await world.check_usage()


async def test_only_the_version_that_was_read(world: World, database: Database) -> None:
    (old,) = await world.put(b"k", accessed=TODAY - 5)
    await world.put(b"k", accessed=TODAY - 4)
    assert await fold(database, [reads(old)]) == []
    await world.objects.commit([world.delete(b"k")])
    assert await fold(database, [reads(old)]) == []
    await world.check_usage()
    assert await fold(database, []) == []


async def test_noncurrent_versions(world: World, database: Database) -> None:
    await world.set_versioning("Enabled")
    (old,) = await world.put(b"d/k", accessed=TODAY - 5)
    (new,) = await world.put(b"d/k", accessed=TODAY - 4)
    assert {one.index for one in await fold(database, [reads(old, count=2), reads(new, count=3)])} == {0, 1}
    by_id = {one.version_id: one for one in await world.objects.lookup_versions(
        [(one.bucket_id, one.key, one.version_id) for one in (old, new)]) if one is not None}  # fmt: skip
    assert {(one.noncurrent_since is None, one.accessed, one.heat) for one in by_id.values()} == {
        (False, TODAY, 2), (True, TODAY, 3)
    }  # fmt: skip
    await world.check_usage()


async def test_nobody_waits_for_a_lock(world: World, database: Database, database_url: str) -> None:
    versions = await world.put(b"a", b"b", accessed=TODAY - 5)
    other = await asyncpg.connect(database_url)
    try:
        async with other.transaction():
            await other.execute("SELECT 1 FROM object WHERE key = 'a' AND bucket_id = $1 FOR UPDATE", world.bucket.id)
            async with asyncio.timeout(20):
                assert [one.index for one in await fold(database, [reads(one) for one in versions])] == [1]
    finally:
        await other.close()
    assert await told(world, b"a") == (TODAY - 5, 0)
    assert [one.index for one in await fold(database, [reads(one) for one in versions])] == [0, 1]
    await world.check_usage()


async def test_while_others_write_and_fold(world: World, database: Database) -> None:
    keys = [b"k/%d" % i for i in range(20)]
    versions = await world.put(*keys, accessed=TODAY - 5)

    async def write(turn: int) -> None:
        await world.put(*keys[turn % 5 : turn % 5 + 5], accessed=TODAY - 1)

    async def tell(turn: int) -> list[Any]:
        current = [version for key in keys if (version := await world.current(key)) is not None]
        return list(await fold(database, [reads(one, TODAY + turn % 3) for one in (*current, *versions)]))

    await asyncio.gather(*[work(turn) for turn in range(12) for work in (write, tell)])
    await world.check_usage()
    await world.check_conservation()

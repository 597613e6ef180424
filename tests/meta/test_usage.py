"""Counting for people is bounded: in objects, in time, in buckets."""

import pytest

from objstore.meta import usage
from objstore.meta.database import Database
from objstore.meta.usage import BucketUsage, usage_by_bucket
from tests.meta.world import World, new_bucket


async def _all(database: Database, limit: int) -> list[BucketUsage]:
    """Every page."""
    found, after = [], ""
    while True:
        page, following = await usage_by_bucket(database, after, limit)
        found += page
        assert len(page) <= limit
        if following is None:
            return found
        after = following


async def _mine(database: Database, world: World) -> BucketUsage:
    return next(row for row in await _all(database, 100) if row.name == world.bucket.name)


async def test_counts(database: Database, world: World) -> None:
    await world.put(b"a", b"b", b"c")
    found = await _mine(database, world)
    assert (found.objects, found.exact) == (3, True)
    assert found.bytes == sum(version.size for version in await world.objects.list_page(world.bucket.id, b"", b"", 10))


async def test_large_buckets_are_not_counted_to_the_end(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.put(b"a", b"b", b"c")
    monkeypatch.setattr(usage, "COUNTED_MAX", 1)
    found = await _mine(database, world)
    assert (found.objects, found.exact) == (2, False)


async def test_pages_end_when_their_time_is_over(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        await world.buckets.create(new_bucket())
    every = [row.name for row in await _all(database, 2)]
    assert every == sorted(every)
    monkeypatch.setattr(usage, "COUNTING_SECONDS_MAX", -1.0)
    page, following = await usage_by_bucket(database, "", 100)
    assert len(page) == 1
    assert following == page[0].name
    assert [row.name for row in await _all(database, 100)] == every


async def test_a_count_that_is_late_is_a_lower_bound(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.put(b"a")
    held = world.raw.transaction()
    await held.start()
    await world.raw.execute("LOCK TABLE object IN ACCESS EXCLUSIVE MODE")
    monkeypatch.setattr(database, "_seconds", 0.2)
    try:
        found = await _mine(database, world)
    finally:
        await held.rollback()
    assert (found.objects, found.exact) == (0, False)

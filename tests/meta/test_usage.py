"""Buckets with what is in them, a page at a time."""

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


async def test_counts(database: Database, world: World) -> None:
    await world.put(b"a", b"b", b"c")
    found = next(row for row in await _all(database, 100) if row.name == world.bucket.name)
    assert found.objects == 3
    assert found.bytes == sum(version.size for version in await world.objects.list_page(world.bucket.id, b"", b"", 10))


async def test_pages(database: Database, world: World) -> None:
    for _ in range(3):
        await world.buckets.create(new_bucket())
    every = [row.name for row in await _all(database, 2)]
    assert every == sorted(every)
    assert [row.name for row in await _all(database, 100)] == every

"""The ledger of usage: folded sums say the same, and what people ask is a sum over it."""

import asyncio
from datetime import UTC, datetime

import pytest

from objstore.meta import usage_ledger
from objstore.meta.database import Database
from objstore.meta.usage import usage_by_bucket, usage_by_prefix
from objstore.meta.usage_ledger import Usage, prefix_of
from tests.meta.world import LEDGER, World


@pytest.mark.parametrize(
    ("key", "prefix"), [(b"a", b""), (b"a/b", b"a/"), (b"a/b/c", b"a/"), (b"/a", b"/"), (b"", b""), (b"a/", b"a/")]
)
async def test_prefix(world: World, key: bytes, prefix: bytes) -> None:
    assert prefix_of(key) == prefix
    if key:
        await world.objects.add([world.write(key)])
        assert await world.raw.fetchval("SELECT prefix FROM usage WHERE bucket_id = $1", world.bucket.id) == prefix
        await world.check_usage()


async def test_fold(world: World, database: Database) -> None:
    await world.set_versioning("Enabled")
    for i in range(300):
        await world.objects.commit([world.write(b"dir/%d" % (i % 5))])
    before = [tuple(row) for row in await world.raw.fetch(LEDGER, world.bucket.id)]
    writes = [world.objects.commit([world.write(b"more/%d" % i)]) for i in range(20)]
    folded, *_ = await asyncio.gather(usage_ledger.fold(database), *writes)
    assert folded >= 1
    await usage_ledger.fold(database)
    await world.check_usage()
    after = [tuple(row) for row in await world.raw.fetch(LEDGER, world.bucket.id)]
    assert [row for row in after if row[0] == b"dir/"] == before
    rows = await world.raw.fetchval("SELECT count(*) FROM usage WHERE bucket_id = $1", world.bucket.id)
    assert rows < 40


async def test_what_is_no_more_leaves_no_row(world: World, database: Database) -> None:
    for i in range(150):
        await world.put(b"k%d" % i)
        await world.objects.commit([world.delete(b"k%d" % i)])
    await usage_ledger.fold(database)
    assert await world.raw.fetchval("SELECT count(*) FROM usage WHERE bucket_id = $1", world.bucket.id) == 0


async def test_the_ledger_of_a_bucket_that_is_gone_is_forgotten(world: World, database: Database) -> None:
    usage = Usage()
    for _ in range(300):
        usage.count((-7, b"k"), size=1, tier=0, storage_class=0, accessed=0, noncurrent=False)
        await world.raw.execute("INSERT INTO usage VALUES (-7, 1, 1, 0, 0, 0, false, '')")
    await usage_ledger.fold(database)
    assert await world.raw.fetchval("SELECT count(*) FROM usage WHERE bucket_id = -7") == 0


async def test_questions(world: World, database: Database) -> None:
    today = 20_000
    await world.put(b"a/1", b"a/2", b"b", accessed=today)
    await world.put(b"a/3", accessed=today - 40, tier=1, storage_class="STANDARD_IA")
    await world.set_versioning("Enabled")
    await world.put(b"b", accessed=today)
    [mine] = [one for one in (await usage_by_bucket(database, "", 1000))[0] if one.name == world.bucket.name]
    assert (mine.objects, mine.bytes) == (4, 400)
    found = await usage_by_prefix(database, world.bucket.id)
    assert {(one.prefix, one.tier, one.noncurrent, one.accessed): (one.objects, one.bytes) for one in found} == {
        (b"", 0, False, today): (1, 100),
        (b"", 0, True, today): (1, 100),
        (b"a/", 0, False, today): (2, 200),
        (b"a/", 1, False, today - 40): (1, 100),
    }
    assert {one.storage_class for one in found} == {"STANDARD", "STANDARD_IA"}
    assert mine.created < datetime.now(UTC)

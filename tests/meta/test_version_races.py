"""Versions under concurrency: no order is lost, there is one latest, nobody waits for ever; versioning switched on."""

import asyncio
import random
from collections.abc import AsyncIterator

import asyncpg
import pytest

from objstore.format.extent import bytes_by_volume
from objstore.meta import versioning
from objstore.meta.database import Database
from objstore.meta.objects import Objects, Swap
from objstore.model.errors import RequestError
from objstore.model.objects import NULL_VERSION, ObjectVersion
from tests.meta.world import World

GATEWAYS = 4


@pytest.fixture(scope="module")
async def gateways(database_url: str) -> AsyncIterator[list[Objects]]:
    databases = [await Database.connect(database_url, pool_size=3) for _ in range(GATEWAYS)]
    yield [Objects(database) for database in databases]
    for database in databases:
        await database.close()


async def test_one_key(world: World, gateways: list[Objects]) -> None:
    """Puts, deletes and deletes of versions of one key from everywhere: each put and marker has a place of its own."""
    await world.set_versioning("Enabled")
    for turn in range(15):
        key = b"k%d" % turn
        writes = [world.write(key) if i % 3 else world.delete(key) for i in range(12)]
        batches = [gateways[i % GATEWAYS].commit([write]) for i, write in enumerate(writes)]
        made = [one for [one] in await asyncio.gather(*batches)]
        assert sorted(one.seq for one in made if isinstance(one, ObjectVersion)) == list(range(1, 13))
        removals = [world.delete(key, target=one.version_id) for one in made if isinstance(one, ObjectVersion)]
        more = [world.write(key), world.delete(key)]
        await asyncio.gather(*[gateways[i % GATEWAYS].commit([w]) for i, w in enumerate([*removals, *more])])
        assert len(await world.versions(key)) == 2
    await world.check_versions()
    await world.check_usage()
    await world.check_conservation()


@pytest.mark.parametrize("seed", range(3))
async def test_batches_do_not_deadlock(world: World, gateways: list[Objects], seed: int) -> None:
    """Large batches on the same keys in any order, with relocations of their versions in between."""
    rng = random.Random(seed)
    await world.set_versioning("Enabled")
    before = await deadlocks(world)
    keys = [b"dir/%d" % i for i in range(8)]
    targets = [await world.open_volume() for _ in range(2)]

    async def client(objects: Objects) -> None:
        for _ in range(15):
            some = rng.choices(keys, k=rng.randint(1, 12))
            known = [one for one in await world.versions() if one.key in some]
            writes = [
                world.write(key) if rng.random() < 0.5 else world.delete(key, target=pick(rng, key, known))
                for key in some
            ]
            outcomes = await objects.commit(writes)
            assert not any(isinstance(outcome, RequestError) for outcome in outcomes)

    async def mover(objects: Objects, target: bytes) -> None:
        for _ in range(15):
            found = await objects.referents(world.volume, [(world.bucket.id, key) for key in keys])
            rng.shuffle(found)
            await objects.swap([Swap(one, world.extents(one.size, volume=target)) for one in found[:20]])

    movers = zip(gateways, targets, strict=False)
    await asyncio.gather(*map(client, gateways), *(mover(objects, target) for objects, target in movers))
    await world.check_versions()
    await world.check_usage()
    await world.check_conservation()
    assert await deadlocks(world) == before


def pick(rng: random.Random, key: bytes, known: list[ObjectVersion]) -> bytes | None:
    return rng.choice([None, NULL_VERSION, *(one.version_id for one in known if one.key == key)])


async def deadlocks(world: World) -> int:
    await world.raw.execute("SELECT pg_stat_clear_snapshot()")
    return int(await world.raw.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))


@pytest.mark.parametrize("how", ["add", "commit"])
async def test_writers_that_have_not_heard(world: World, database: Database, database_url: str, how: str) -> None:
    """Versioning is switched on while writers that know nothing of it are under way: none of them gets through."""
    holder = await asyncpg.connect(database_url)
    other = await asyncpg.connect(database_url)
    # A writer of before: it holds the bucket, and has written its row.
    writer = holder.transaction()
    await writer.start()
    await holder.execute("SELECT FROM bucket WHERE id = $1 FOR KEY SHARE", world.bucket.id)
    switching = asyncio.ensure_future(world.buckets.set_versioning(world.bucket.name, "Enabled"))
    await asyncio.sleep(0.3)
    assert not switching.done()
    # Whoever comes now neither adds nor commits until that one has ended.
    write = world.write(b"k")
    if how == "add":
        assert await world.objects.add([write]) == [None]
    committing = asyncio.ensure_future(world.objects.commit([write]))
    await asyncio.sleep(0.3)
    assert not committing.done()
    await writer.commit()
    [version] = await committing
    await switching
    assert isinstance(version, ObjectVersion)
    assert version.versioned
    assert await world.objects.add([world.write(b"new")]) == [None]
    await holder.close()
    await other.close()


async def test_a_bucket_left_unsettled_is_settled_by_the_next_writer(world: World, database: Database) -> None:
    await world.raw.execute(
        """UPDATE bucket SET settings = '{"versioning": "Enabled", "versioning_unsettled": true}' WHERE id = $1""",
        world.bucket.id,
    )
    assert await world.objects.add([world.write(b"k")]) == [None]
    [version] = await world.objects.commit([world.write(b"k")])
    assert isinstance(version, ObjectVersion)
    assert version.versioned
    settings = await world.raw.fetchval("SELECT settings::text FROM bucket WHERE id = $1", world.bucket.id)
    assert settings == '{"versioning": "Enabled"}'


async def test_a_statement_that_began_before_sees_the_new_state(world: World, database_url: str) -> None:
    """What the row lock promises: a claim that waited for the change goes by what was changed, not by its snapshot."""
    holder = await asyncpg.connect(database_url)
    change = holder.transaction()
    await change.start()
    await holder.execute("SELECT FROM bucket WHERE id = $1 FOR UPDATE", world.bucket.id)
    write = world.write(b"k")
    adding = asyncio.ensure_future(world.objects.add([write]))
    committing = asyncio.ensure_future(world.objects.commit([world.write(b"k")]))
    await asyncio.sleep(0.3)
    await holder.execute("""UPDATE bucket SET settings = '{"versioning": "Enabled"}' WHERE id = $1""", world.bucket.id)
    await change.commit()
    assert await adding == [None]
    [version] = await committing
    assert isinstance(version, ObjectVersion)
    assert version.versioned
    await holder.close()


async def test_switching_on_under_load(world: World, gateways: list[Objects]) -> None:
    """Writers that never pause do not keep it waiting; afterwards everything is in order."""
    stop = asyncio.Event()

    async def client(objects: Objects, number: int) -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            write = world.write(b"%d" % (turn % 7)) if (turn + number) % 3 else world.delete(b"%d" % (turn % 7))
            if write.version is None or (await objects.add([write])) == [None]:
                await objects.commit([write])

    clients = [asyncio.ensure_future(client(gateways[i % GATEWAYS], i)) for i in range(8)]
    await asyncio.sleep(0.2)
    await world.set_versioning("Enabled")
    await asyncio.sleep(0.2)
    stop.set()
    await asyncio.gather(*clients)
    await world.check_versions()
    await world.check_usage()
    await world.check_conservation()
    assert (await world.buckets.get(world.bucket.name) or world.bucket).settings == {"versioning": "Enabled"}
    assert world.bucket.versioning == versioning.ENABLED


async def test_relocation_follows_versions(world: World) -> None:
    """A version that becomes noncurrent, or current again, between the look and the swap keeps its bytes."""
    await world.set_versioning("Enabled")
    target = await world.open_volume()
    [first] = await world.put(b"k")
    [seen] = await world.objects.referents(world.volume, [(world.bucket.id, b"k")])
    await world.put(b"k")
    assert await world.objects.swap([Swap(seen, world.extents(100, volume=target))]) == [True]
    [moved] = await world.objects.lookup_versions([(world.bucket.id, b"k", first.version_id)])
    assert moved is not None
    assert list(bytes_by_volume(moved.extents)) == [target]
    assert await world.objects.refers(target)
    await world.objects.commit([world.delete(b"k", target=first.version_id)])
    assert not await world.objects.refers(target)
    assert await world.objects.refers(world.volume)
    await world.check_conservation()

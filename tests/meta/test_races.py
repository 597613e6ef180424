"""Several gateways at once: one winner, no deadlock, no volume written behind its fence."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from objstore.meta.database import Database
from objstore.meta.objects import Objects, Write
from objstore.meta.volumes import Volumes
from objstore.model.errors import NoSuchKey, PreconditionFailed, VolumeFenced
from objstore.model.objects import Condition, ObjectVersion
from tests.meta.world import WRITER, World, md5

GATEWAYS = 4
ABSENT = Condition(if_none_match_any=True)


@pytest.fixture(scope="module")
async def gateways(database_url: str) -> AsyncIterator[list[Objects]]:
    databases = [await Database.connect(database_url, pool_size=4) for _ in range(GATEWAYS)]
    yield [Objects(database) for database in databases]
    for database in databases:
        await database.close()


async def test_if_none_match_has_one_winner(world: World, gateways: list[Objects]) -> None:
    for round_ in range(25):
        key = b"contested %d" % round_
        writes = [world.write(key, condition=ABSENT) for _ in range(64)]
        # Alone, and as the batches of their gateways.
        batches = [[write] for write in writes] if round_ % 2 else [writes[i::16] for i in range(16)]
        answers = await asyncio.gather(*[gateways[i % GATEWAYS].commit(batch) for i, batch in enumerate(batches)])
        outcomes = [outcome for answer in answers for outcome in answer]
        winners = [outcome for outcome in outcomes if isinstance(outcome, ObjectVersion)]
        assert len(winners) == 1
        assert sum(isinstance(outcome, PreconditionFailed) for outcome in outcomes) == 63
        assert await world.current(key) == winners[0]
    await world.check_conservation()


async def test_if_none_match_against_deletes(world: World, gateways: list[Objects]) -> None:
    """However often the key comes and goes, puts and deletes alternate."""

    async def gateway(objects: Objects) -> tuple[int, int]:
        puts = deletes = 0
        for _ in range(25):
            put, deleted = await asyncio.gather(
                objects.commit([world.write(b"k", condition=ABSENT)]), objects.commit([world.delete(b"k")])
            )
            puts += isinstance(put[0], ObjectVersion)
            deletes += deleted[0] is not None
        return puts, deletes

    counts = await asyncio.gather(*[gateway(objects) for objects in gateways])
    puts, deletes = (sum(column) for column in zip(*counts, strict=True))
    assert puts - deletes == (await world.current(b"k") is not None)
    await world.check_conservation()


async def test_if_match_loses_no_update(world: World, gateways: list[Objects]) -> None:
    """A counter, kept as the ETag: compare and swap."""
    await world.put(b"counter", etag=md5(0))

    async def gateway(objects: Objects) -> None:
        done = 0
        while done < 10:
            (now,) = await objects.lookup([(world.bucket.id, b"counter")])
            assert now is not None
            next_ = md5(int(now.etag.strip(b"_")) + 1)
            write = world.write(b"counter", etag=next_, condition=Condition(if_match=now.etag))
            done += isinstance((await objects.commit([write]))[0], ObjectVersion)

    await asyncio.gather(*[gateway(objects) for objects in gateways])
    found = await world.current(b"counter")
    assert found is not None
    assert found.etag == md5(10 * GATEWAYS)
    assert found.seq == 10 * GATEWAYS + 1
    await world.check_conservation()


async def test_batches_in_different_order(world: World, gateways: list[Objects]) -> None:
    """Overlapping batches of present and absent keys, each in an order of its own, all succeed."""
    rng = random.Random(7)
    keys = [b"key %02d" % i for i in range(24)]

    async def gateway(objects: Objects, seed: int) -> None:
        for _ in range(12):
            some = random.Random(seed).sample(keys, 16)
            batch = [world.write(key) if rng.random() < 0.6 else world.delete(key) for key in some]
            for write, outcome in zip(batch, await objects.commit(batch), strict=True):
                assert outcome is None or isinstance(outcome, ObjectVersion), (write, outcome)

    await asyncio.gather(*[gateway(objects, seed) for seed, objects in enumerate(gateways * 2)])
    await world.check_conservation()


async def test_sealing_is_a_fence(world: World, gateways: list[Objects]) -> None:
    for _ in range(8):
        volume = await world.open_volume()
        sealed = asyncio.Event()
        late: list[bool] = []

        async def gateway(objects: Objects, number: int, volume: bytes = volume, sealed: asyncio.Event = sealed,
                          late: list[bool] = late) -> int:  # fmt: skip
            total = 0
            for i in range(200):
                after = sealed.is_set()
                (outcome,) = await objects.commit([world.write(b"%d/%d" % (number, i), volume=volume)])
                if isinstance(outcome, VolumeFenced):
                    return total
                late.append(after)
                total += 100
            raise AssertionError("never fenced")

        tasks = [asyncio.ensure_future(gateway(objects, i)) for i, objects in enumerate(gateways)]
        await asyncio.sleep(0.02)
        assert await world.volumes.seal(volume, WRITER, 0)
        sealed.set()
        await asyncio.gather(*tasks)
        assert not any(late), "a commit that began after the seal went through"
    await world.check_conservation()


async def test_compaction_is_a_fence_for_copies(world: World, gateways: list[Objects]) -> None:
    """Whoever sees the volume compacting sees every copy that shares its bytes."""
    for round_ in range(8):
        volume = await world.open_volume()
        (source,) = await world.put(b"source %d" % round_, volume=volume)
        await world.volumes.seal(volume, WRITER, 100)

        async def copy(objects: Objects, key: bytes, source: ObjectVersion = source, volume: bytes = volume) -> bool:
            version = replace(source, key=key)
            (outcome,) = await objects.commit([Write(world.bucket.id, key, version, shared=frozenset([volume]))])
            return isinstance(outcome, ObjectVersion)

        async def compact(volumes: Volumes, volume: bytes = volume, milliseconds: int = round_ % 3) -> set[bytes]:
            await asyncio.sleep(0.002 * milliseconds)
            assert await volumes.begin_compact(volume, b"owner", 60)
            return {referent.key for referent in await world.objects.referents(volume, [])}

        keys = [b"copy %d %d" % (round_, i) for i in range(24)]
        seen, *copied = await asyncio.gather(
            compact(world.volumes), *[copy(gateways[i % GATEWAYS], key) for i, key in enumerate(keys)]
        )
        assert seen == {key for key, done in zip(keys, copied, strict=True) if done}


async def test_two_compactors(world: World) -> None:
    await world.volumes.seal(world.volume, WRITER, 0)
    owners = [b"owner %d" % i for i in range(8)]
    claims = await asyncio.gather(*[world.volumes.begin_compact(world.volume, owner, 60) for owner in owners])
    assert sum(claims) == 1


async def test_deletes_race(world: World, gateways: list[Objects]) -> None:
    for _ in range(10):
        (version,) = await world.put(b"k")
        match = Condition(if_match=version.etag)
        answers = await asyncio.gather(*[objects.commit([world.delete(b"k", match)]) for objects in gateways])
        outcomes = [answer[0] for answer in answers]
        assert outcomes.count(version) == 1
        assert sum(isinstance(outcome, NoSuchKey) for outcome in outcomes) == GATEWAYS - 1
    await world.check_conservation()

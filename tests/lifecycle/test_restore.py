"""Restores: an archived version gets a hot copy for some days, or becomes hot for good."""

import pytest

from objstore.format.extent import unpack
from objstore.meta.restored import Restored, RestoredCopies
from objstore.model.errors import InvalidObjectState, ObjectNotInActiveTierError, RestoreAlreadyInProgress
from objstore.model.objects import ObjectVersion
from objstore.model.requests import CopyRequest
from tests.lifecycle.world import World
from tests.store.test_moves import reclaim


async def archived(world: World) -> ObjectVersion:
    await world.put(b"k", storage_class="GLACIER")
    version = await world.place.store.get(world.bucket, b"k")
    with pytest.raises(InvalidObjectState) as refused:
        await world.place.store.read(version, 0, version.size)
    assert refused.value.details == {"StorageClass": "GLACIER"}
    assert await world.place.store.restore_statuses([version]) == {}
    return version


async def copies(world: World, version: ObjectVersion) -> list[Restored]:
    """What the table has of a version."""
    found = await RestoredCopies(world.place.database).get([(version.bucket_id, b"k", version.version_id)])
    return list(found.values())


async def tiers_of_copy(world: World, version: ObjectVersion) -> set[str]:
    """The tiers that the restored copy lies on."""
    (one,) = await copies(world, version)
    catalog = world.place.store.context.catalog
    return {(await catalog.place(extent.volume_id))[0].tier for extent in unpack(one.extents)}


async def test_for_some_days(world: World) -> None:
    version = await archived(world)
    store = world.place.store
    assert await store.restore(version, 2) is False
    (status,) = (await store.restore_statuses([version])).values()
    assert status.header == b'ongoing-request="true"'
    with pytest.raises(RestoreAlreadyInProgress):
        await store.restore(version, 2)
    await world.settle()
    (status,) = (await store.restore_statuses([version])).values()
    assert not status.is_ongoing
    assert status.header.startswith(b'ongoing-request="false", expiry-date="')
    assert status.header.endswith(b' 00:00:00 GMT"')
    assert await world.place.read(version) == world.contents[b"k"]
    assert await tiers_of_copy(world, version) == {"hot"}
    assert await world.keys() == {b"k": "GLACIER"}
    # A second request only keeps it longer.
    assert await store.restore(version, 5) is True
    (longer,) = (await store.restore_statuses([version])).values()
    assert longer.expires is not None
    assert status.expires is not None
    assert longer.expires > status.expires


async def test_compaction_moves_the_copy(world: World) -> None:
    version = await archived(world)
    await world.place.store.restore(version, 2)
    await world.settle()
    (before,) = await copies(world, version)
    await world.place.put(world.bucket, b"garbage", world.contents[b"k"])
    await world.place.delete(world.bucket, b"garbage")
    await reclaim(world.place)
    (after,) = await copies(world, version)
    assert before.extents != after.extents
    assert await world.place.read(version) == world.contents[b"k"]


async def test_its_days_end(world: World) -> None:
    version = await archived(world)
    await world.place.store.restore(version, 1)
    await world.settle()
    await world.raw.execute("UPDATE restored SET until = now() WHERE bucket_id = $1", version.bucket_id)
    with pytest.raises(InvalidObjectState):
        await world.place.store.read(version, 0, version.size)
    assert await world.place.store.restore(version, 1) is False  # not dropped yet, and yet there is none
    await world.settle()
    assert await world.place.read(version) == world.contents[b"k"]
    await world.raw.execute("UPDATE restored SET until = now() WHERE bucket_id = $1", version.bucket_id)
    assert await world.engine.expire_copies() == 1
    assert await world.engine.expire_copies() == 0
    assert await world.place.store.restore_statuses([version]) == {}
    await reclaim(world.place)
    await world.place.store.restore(version, 1)
    await world.settle()
    assert await world.place.read(version) == world.contents[b"k"]


async def test_for_good(world: World) -> None:
    version = await archived(world)
    await world.place.store.restore(version, None)
    await world.settle()
    assert await world.keys() == {b"k": "STANDARD"}
    assert await world.tiers() == {b"k": 0}
    assert await copies(world, version) == []


async def test_for_good_while_there_is_a_copy(world: World) -> None:
    version = await archived(world)
    await world.place.store.restore(version, 5)
    await world.settle()
    assert await world.place.store.restore(version, None) is False
    await world.settle()
    assert await world.keys() == {b"k": "STANDARD"}
    assert await copies(world, version) == []


async def test_copying_needs_a_restore(world: World) -> None:
    version = await archived(world)
    request = CopyRequest(world.bucket, b"k", world.bucket, b"copy", lambda _: None, storage_class="STANDARD")
    with pytest.raises(ObjectNotInActiveTierError):
        await world.place.store.copy(request)
    await world.place.store.restore(version, 5)
    await world.settle()
    await world.place.store.copy(request)
    assert await world.place.content(world.bucket, b"copy") == world.contents[b"k"]


async def test_a_version_that_is_gone(world: World) -> None:
    version = await archived(world)
    await world.place.store.restore(version, 3)
    await world.place.delete(world.bucket, b"k")
    await world.settle()
    assert await copies(world, version) == []
    assert await world.tasks() == 0


async def test_only_what_is_archived(world: World) -> None:
    await world.put(b"k", storage_class="GLACIER_IR")
    version = await world.place.store.get(world.bucket, b"k")
    assert await world.place.read(version) == world.contents[b"k"]
    with pytest.raises(InvalidObjectState):
        await world.place.store.restore(version, 1)

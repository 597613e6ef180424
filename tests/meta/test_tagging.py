"""Tags are changed where the version is, and lifecycle rules hear of it."""

from objstore.model.objects import ObjectVersion
from tests.meta.world import World


async def tags_of(world: World, version: ObjectVersion) -> dict[str, str] | None:
    [found] = await world.objects.lookup_versions([(world.bucket.id, version.key, version.version_id)])
    return found and found.tags


async def test_current_and_noncurrent(world: World) -> None:
    await world.set_versioning("Enabled")
    [old], [new] = await world.put(b"k", tags={"a": "1"}), await world.put(b"k")
    assert await world.objects.set_tags(new, {"b": "2"})
    assert await world.objects.set_tags(old, None)
    assert (await tags_of(world, new), await tags_of(world, old)) == ({"b": "2"}, None)
    # Found by its place, wherever it is by now.
    await world.objects.commit([world.delete(b"k")])
    assert await world.objects.set_tags(new, {"c": "3"})
    assert await tags_of(world, new) == {"c": "3"}
    await world.check_versions()
    await world.check_usage()


async def test_what_was_replaced_is_not_tagged(world: World) -> None:
    [old] = await world.put(b"k")
    [new] = await world.put(b"k")
    assert not await world.objects.set_tags(old, {"a": "1"})
    assert (await world.current(b"k") or old).tags is None
    await world.objects.commit([world.delete(b"k")])
    assert not await world.objects.set_tags(new, {"a": "1"})


async def test_rules_look_again(world: World) -> None:
    [version] = await world.put(b"k")
    tasks = "SELECT key, version_id FROM task WHERE bucket_id = $1"
    await world.objects.set_tags(version, {"a": "1"})
    assert not await world.raw.fetch(tasks, world.bucket.id)
    await world.buckets.set_setting(world.bucket.name, "lifecycle", {"rules": []})
    await world.objects.set_tags(version, {"a": "2"})
    assert [tuple(row) for row in await world.raw.fetch(tasks, world.bucket.id)] == [(b"k", version.version_id)]

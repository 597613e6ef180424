"""Buckets: create, find, list, delete."""

import asyncio
from dataclasses import replace

import pytest

from objstore.meta.objects import Write
from objstore.model.errors import (
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    NoSuchBucket,
    NoSuchUpload,
)
from objstore.model.objects import Bucket, ObjectVersion
from tests.meta.world import World, cost, new_bucket, new_upload


async def test_create_and_get(world: World) -> None:
    bucket = new_bucket()
    bucket = Bucket(bucket.id, bucket.name, bucket.owner, "eu-west-1", bucket.created, {"versioning": {"Status": "é"}})
    assert await world.buckets.create(bucket) == bucket
    assert await world.buckets.get(bucket.name) == bucket
    assert await world.buckets.get("no-such") is None


async def test_get_many_at_once(world: World) -> None:
    names = [world.bucket.name, "no-such"] * 20
    found = await asyncio.gather(*[world.buckets.get(name) for name in names])
    assert found == [world.bucket, None] * 20


async def test_create_twice(world: World) -> None:
    name = world.bucket.name
    with pytest.raises(BucketAlreadyOwnedByYou):
        await world.buckets.create(new_bucket(name))
    with pytest.raises(BucketAlreadyExists):
        await world.buckets.create(new_bucket(name, owner="somebody else"))
    assert await world.buckets.get(name) == world.bucket


async def test_create_race_has_one_winner(world: World) -> None:
    rivals = [new_bucket("contested", owner=f"owner {i}") for i in range(20)]
    results = await asyncio.gather(*[world.buckets.create(rival) for rival in rivals], return_exceptions=True)
    assert sum(isinstance(result, Bucket) for result in results) == 1
    assert sum(isinstance(result, BucketAlreadyExists) for result in results) == 19


async def test_list(world: World) -> None:
    names = ["a-1", "a-2", "a.3", "a1", "b-1", "b-2"]
    for name in reversed(names):
        await world.buckets.create(new_bucket(name, owner="lister"))
    await world.buckets.create(new_bucket("a-0", owner="another"))

    async def listed(prefix: str, after: str, limit: int) -> list[str]:
        return [bucket.name for bucket in await world.buckets.list("lister", prefix, after, limit)]

    assert await listed("", "", 100) == names
    assert await listed("", "a-2", 2) == ["a.3", "a1"]
    assert await listed("b-", "", 100) == ["b-1", "b-2"]
    assert await listed("b-", "b-1", 100) == ["b-2"]
    assert await listed("c", "", 100) == []


async def test_delete(world: World) -> None:
    name = world.bucket.name
    await world.put(b"key")
    with pytest.raises(BucketNotEmpty):
        await world.buckets.delete(name)
    await world.objects.commit([world.delete(b"key")])
    await world.buckets.delete(name)
    assert await world.buckets.get(name) is None
    with pytest.raises(NoSuchBucket):
        await world.buckets.delete(name)
    with pytest.raises(NoSuchBucket):
        await world.uploads.create(new_upload(world.bucket.id, b"key"))


async def test_delete_aborts_uploads(world: World) -> None:
    uploads = [await world.start_upload(b"key %d" % i) for i in range(3)]
    for upload in uploads:
        for number in (1, 2):
            await world.put_part(upload, number)
    await world.buckets.delete(world.bucket.name)
    assert (await world.garbage())[world.volume] == 6 * cost(100)
    assert [await world.uploads.get(upload.id) for upload in uploads] == [None] * 3
    with pytest.raises(NoSuchUpload):
        await world.put_part(uploads[0], 3)
    await world.check_conservation()


async def test_delete_against_puts(world: World) -> None:
    """Either the bucket goes and the put fails, or the put succeeds and the bucket stays."""
    outcomes = set()
    for _ in range(40):
        bucket = await world.buckets.create(new_bucket())
        write = world.write(b"key", bucket_id=bucket.id)
        deleted, (put,) = await asyncio.gather(
            world.buckets.delete(bucket.name), world.objects.commit([write]), return_exceptions=True
        )
        found = (await world.objects.lookup([(bucket.id, b"key")]))[0]
        if isinstance(put, ObjectVersion):
            assert isinstance(deleted, BucketNotEmpty)
            assert found == put
        else:
            assert isinstance(put, NoSuchBucket)
            assert deleted is None
            assert found is None
        outcomes.add(type(put))
    await world.check_conservation()


async def test_delete_against_uploads(world: World) -> None:
    for _ in range(20):
        bucket = await world.buckets.create(new_bucket())
        upload = new_upload(bucket.id, b"key")
        await asyncio.gather(world.buckets.delete(bucket.name), world.uploads.create(upload), return_exceptions=True)
        assert await world.buckets.get(bucket.name) is None
        assert await world.uploads.get(upload.id) is None


async def test_write_to_a_bucket_that_never_was(world: World) -> None:
    put, deleted = await world.objects.commit([world.write(b"key", bucket_id=5), Write(5, b"key", None)])
    assert isinstance(put, NoSuchBucket)
    assert isinstance(deleted, NoSuchBucket)
    await world.check_conservation()


async def test_settings_one_by_one(world: World) -> None:
    name = world.bucket.name
    changed = await world.buckets.set_setting(name, "lifecycle", {"rules": [1, "ü"]})
    assert changed.settings == {"lifecycle": {"rules": [1, "ü"]}}
    await world.buckets.set_setting(name, "versioning", "Enabled")
    assert (await world.buckets.get(name)) == replace(
        world.bucket, settings={"lifecycle": {"rules": [1, "ü"]}, "versioning": "Enabled"}
    )
    await world.buckets.set_setting(name, "lifecycle", None)
    await world.buckets.set_setting(name, "no-such", None)
    assert (await world.buckets.set_setting(name, "versioning", None)).settings == {}
    assert await world.buckets.get(name) == world.bucket
    with pytest.raises(NoSuchBucket):
        await world.buckets.set_setting("no-such", "versioning", "Enabled")


async def test_concurrent_changes_of_a_setting_lose_nothing(world: World) -> None:
    name = world.bucket.name

    async def add(number: int) -> None:
        await world.buckets.change_setting(name, "many", lambda known: {**(known or {}), str(number): number})

    await asyncio.gather(*[add(number) for number in range(20)])
    found = await world.buckets.get(name)
    assert found is not None
    assert found.settings == {"many": {str(number): number for number in range(20)}}


async def test_a_change_that_is_refused_leaves_everything(world: World) -> None:
    def refuse(known: object) -> None:
        raise BucketNotEmpty

    await world.buckets.set_setting(world.bucket.name, "a", 1)
    with pytest.raises(BucketNotEmpty):
        await world.buckets.change_setting(world.bucket.name, "a", refuse)
    found = await world.buckets.get(world.bucket.name)
    assert found is not None
    assert found.settings == {"a": 1}

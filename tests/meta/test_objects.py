"""Objects: lookup and commit, one batch at a time."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from objstore.meta.objects import Write
from objstore.model.checksum import Checksum
from objstore.model.errors import (
    InvalidArgument,
    NoSuchBucket,
    NoSuchKey,
    ObjstoreError,
    PreconditionFailed,
    VolumeFenced,
)
from objstore.model.objects import Condition, ObjectVersion
from objstore.model.storage_class import STORAGE_CLASS_CODES, STORAGE_CLASS_NAMES
from tests.meta.world import WRITER, World, cost, md5, new_bucket

KEYS = [b"", b"\0", b"\xff" * 1024, "é/ü".encode(), b"a" * 1024, b"a/b", b"a/b/", b"' ; drop table object"]


async def test_lookup_keeps_the_order(world: World) -> None:
    put = dict(zip(KEYS, await world.put(*KEYS), strict=True))
    asked = [KEYS[3], b"absent", KEYS[0], KEYS[3], *KEYS]
    found = await world.objects.lookup([(world.bucket.id, key) for key in asked])
    assert found == [put.get(key) for key in asked]
    assert await world.objects.lookup([(world.bucket.id + 1, KEYS[0])]) == [None]
    assert await world.objects.lookup([]) == []


async def test_lookup_in_two_buckets(world: World) -> None:
    other = await world.buckets.create(new_bucket())
    mine, theirs = await world.objects.commit([world.write(b"k"), world.write(b"k", bucket_id=other.id)])
    assert await world.objects.lookup([(other.id, b"k"), (world.bucket.id, b"k")]) == [theirs, mine]


async def test_every_field_comes_back(world: World) -> None:
    version = ObjectVersion(
        world.bucket.id,
        b"full",
        b"v" * 16,
        5 * 2**40,
        b"m" * 16 + b"\3\0\0\0",
        datetime(2024, 2, 29, 23, 59, 59, 999999, UTC),
        "GLACIER_IR",
        world.extents(1, 2, 3),
        b"\1parts",
        {"h": {"content-type": "text/plain; charset=utf-8"}, "m": {"naïve": "snow ☃ 𝄞", "quote": '"\\'}},
        {"tag": "", "": "value"},
        Checksum("SHA256", b"s" * 32, 3).pack(),
    )
    expected = replace(version, seq=1)
    assert await world.objects.commit([Write(world.bucket.id, b"full", version)]) == [expected]
    assert await world.current(b"full") == expected


@pytest.mark.parametrize("name", sorted(STORAGE_CLASS_CODES))
async def test_storage_class(world: World, name: str) -> None:
    await world.put(b"k", storage_class=name)
    found = await world.current(b"k")
    assert found is not None
    assert found.storage_class == name
    assert STORAGE_CLASS_NAMES[STORAGE_CLASS_CODES[name]] == name


async def test_overwrite_counts_versions_and_garbage(world: World) -> None:
    for seq in range(1, 4):
        (version,) = await world.put(b"k")
        assert version.seq == seq
        assert await world.current(b"k") == version
    assert (await world.garbage())[world.volume] == 2 * cost(100)
    await world.check_conservation()


async def test_delete_gives_what_was_deleted(world: World) -> None:
    (version,) = await world.put(b"k", attrs={"m": {"a": "b"}}, tags={"t": "u"})
    assert await world.objects.commit([world.delete(b"k"), world.delete(b"absent")]) == [version, None]
    assert await world.current(b"k") is None
    assert await world.objects.commit([world.delete(b"k")]) == [None]
    await world.check_conservation()


async def test_empty_object_has_no_extents(world: World) -> None:
    version = world.version(b"empty")
    assert version.extents == b""
    await world.objects.commit([Write(world.bucket.id, b"empty", version)])
    assert await world.current(b"empty") == version
    await world.objects.commit([world.delete(b"empty")])
    assert await world.raw.fetchval("SELECT count(*) FROM garbage WHERE bytes = 0") == 0


async def test_nothing_to_do(world: World) -> None:
    assert await world.objects.commit([]) == []


async def test_one_key_many_times_in_a_batch(world: World) -> None:
    (first,) = await world.put(b"k")
    absent = Condition(if_none_match_any=True)
    second, third, fourth = world.write(b"k"), world.write(b"k", condition=absent), world.write(b"k", condition=absent)
    batch = [second, world.delete(b"k"), third, fourth, world.delete(b"k"), world.delete(b"k"), world.write(b"new")]
    put, deleted, again, refused, deleted_again, nothing, new = await world.objects.commit(batch)
    assert put is second.version
    assert deleted is second.version
    assert again is third.version
    assert isinstance(refused, PreconditionFailed)
    assert deleted_again is third.version
    assert nothing is None
    assert new == await world.current(b"new")
    assert (first.seq, put.seq, again.seq) == (1, 2, 1)
    assert await world.current(b"k") is None
    await world.check_conservation()


async def test_delete_then_put_in_a_batch(world: World) -> None:
    (first,) = await world.put(b"k")
    deleted, put = await world.objects.commit([world.delete(b"k"), world.write(b"k")])
    assert deleted == first
    assert put == await world.current(b"k")
    await world.check_conservation()


ETAG, OTHER = md5("etag"), md5("other")


@pytest.mark.parametrize(
    ("condition", "without", "with_etag"),
    [
        (Condition(), None, None),
        (Condition(if_none_match_any=True), None, PreconditionFailed),
        (Condition(if_none_match=ETAG), None, PreconditionFailed),
        (Condition(if_none_match=OTHER), None, None),
        (Condition(if_match=ETAG), NoSuchKey, None),
        (Condition(if_match=OTHER), NoSuchKey, PreconditionFailed),
        (Condition(if_match=b"*"), NoSuchKey, None),
        (Condition(if_match=ETAG, if_none_match_any=True), NoSuchKey, PreconditionFailed),
    ],
)
@pytest.mark.parametrize("delete", [False, True])
async def test_conditions(world: World, condition: Condition, without: Any, with_etag: Any, delete: bool) -> None:
    await world.put(b"there", etag=ETAG)
    for key, expected in ((b"absent", without), (b"there", with_etag)):
        before = await world.current(key)
        write = world.delete(key, condition) if delete else world.write(key, condition=condition)
        (outcome,) = await world.objects.commit([write])
        if expected is None:
            assert outcome == (before if delete else write.version)
            assert await world.current(key) == write.version
        else:
            assert type(outcome) is expected
            assert await world.current(key) == before
    await world.check_conservation()


async def test_failed_condition_is_named(world: World) -> None:
    await world.put(b"k")
    for condition, name in (
        (Condition(if_none_match_any=True), "If-None-Match"),
        (Condition(if_match=b"?" * 16), "If-Match"),
    ):
        (error,) = await world.objects.commit([world.write(b"k", condition=condition)])
        assert isinstance(error, PreconditionFailed)
        assert error.details == {"Condition": name}


@pytest.mark.parametrize(
    "other", [{"attrs": {"m": {"a": "x\0y"}}}, {"tags": {"\0": "v"}}, {"attrs": {"h": {"a": "\ud800"}}}]
)
async def test_unstorable_text_refuses_only_its_item(world: World, other: dict[str, Any]) -> None:
    good, bad, also_good = await world.objects.commit(
        [world.write(b"a"), world.write(b"b", **other), world.write(b"c", attrs={"m": {"a": "\\u0000"}})]
    )
    assert isinstance(bad, InvalidArgument)
    assert [await world.current(key) for key in (b"a", b"b", b"c")] == [good, None, also_good]
    await world.check_conservation()


async def test_items_fail_alone(world: World) -> None:
    gone = await world.open_volume()
    await world.volumes.seal(gone, WRITER, 0)
    batch = [world.write(b"a"), world.write(b"b", bucket_id=1), world.write(b"c", volume=gone), world.write(b"d")]
    outcomes = await world.objects.commit(batch)
    assert [isinstance(outcome, ObjstoreError) for outcome in outcomes] == [False, True, True, False]
    assert isinstance(outcomes[1], NoSuchBucket)
    assert isinstance(outcomes[2], VolumeFenced)
    assert await world.current(b"c") is None
    await world.check_conservation()


async def test_unknown_volume_is_fenced(world: World) -> None:
    write = world.write(b"k", volume=b"?" * 16)
    (outcome,) = await world.objects.commit([write])
    assert isinstance(outcome, VolumeFenced)
    assert await world.raw.fetchval("SELECT count(*) FROM garbage WHERE volume_id = $1", b"?" * 16) == 0


async def share(world: World, key: bytes, source: ObjectVersion) -> Any:
    version = replace(source, key=key, version_id=b"c" * 16)
    write = Write(world.bucket.id, key, version, shared=frozenset([world.volume]))
    return (await world.objects.commit([write]))[0]


async def test_sharing_is_linked(world: World) -> None:
    (source,) = await world.put(b"source")
    for _ in range(2):
        assert await share(world, b"copy", source) == await world.current(b"copy")
    links = await world.raw.fetch("SELECT bucket_id, key FROM link WHERE volume_id = $1", world.volume)
    assert [tuple(row) for row in links] == [(world.bucket.id, b"copy")]


async def test_sharing_needs_a_volume_that_stays(world: World) -> None:
    (source,) = await world.put(b"source")
    await world.volumes.seal(world.volume, WRITER, 100)
    assert isinstance(await share(world, b"copy of sealed", source), ObjectVersion)
    assert await world.volumes.begin_compact(world.volume, b"owner", 60)
    assert isinstance(await share(world, b"copy of compacting", source), VolumeFenced)
    assert await world.current(b"copy of compacting") is None

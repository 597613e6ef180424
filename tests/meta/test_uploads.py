"""Multipart uploads: parts, Complete, Abort, and the races between them."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest

from objstore.meta.objects import Write
from objstore.model.errors import (
    InvalidArgument,
    InvalidPart,
    NoSuchKey,
    NoSuchUpload,
    PreconditionFailed,
    VolumeFenced,
)
from objstore.model.objects import Condition, ObjectVersion, Part, Upload
from objstore.model.requests import UNCONDITIONAL
from objstore.model.states import UploadState
from tests.meta.world import WRITER, World, cost, decide_all, decide_numbers, new_bucket, new_upload, now, records


async def test_create_and_get(world: World) -> None:
    upload = await world.start_upload(b"k", attrs={"m": {"a": "é"}}, tags={"t": "u"})
    assert await world.uploads.get(upload.id) == upload
    assert await world.uploads.get(b"?" * 16) is None
    with pytest.raises(InvalidArgument):
        await world.start_upload(b"k", tags={"t": "\0"})


async def test_parts(world: World) -> None:
    upload = await world.start_upload(b"k")
    parts = [await world.put_part(upload, number) for number in (3, 1, 10_000, 2)]
    parts.sort(key=lambda part: part.number)
    assert await world.uploads.parts(upload.id, 0, 100) == parts
    assert await world.uploads.parts(upload.id, 1, 2) == parts[1:3]
    assert await world.uploads.parts(upload.id, 10_000, 2) == []


async def test_replaced_part_is_garbage(world: World) -> None:
    upload = await world.start_upload(b"k")
    await world.put_part(upload, 1, 50)
    second = await world.put_part(upload, 1, 60)
    assert await world.uploads.parts(upload.id, 0, 9) == [second]
    assert (await world.garbage())[world.volume] == cost(50)
    await world.check_conservation()


async def test_same_part_many_times_at_once(world: World) -> None:
    upload = await world.start_upload(b"k")
    await asyncio.gather(*[world.put_part(upload, 1 + i % 2) for i in range(30)])
    assert len(await world.uploads.parts(upload.id, 0, 9)) == 2
    await world.check_conservation()


async def test_part_of_nothing(world: World) -> None:
    upload = new_upload(world.bucket.id, b"k")
    with pytest.raises(NoSuchUpload):
        await world.put_part(upload, 1)
    await world.check_conservation()


async def test_part_in_a_sealed_volume(world: World) -> None:
    upload = await world.start_upload(b"k")
    await world.volumes.seal(world.volume, WRITER, 0)
    with pytest.raises(VolumeFenced):
        await world.put_part(upload, 1)
    assert await world.uploads.parts(upload.id, 0, 9) == []
    await world.check_conservation()


async def test_shared_part_is_linked(world: World) -> None:
    (source,) = await world.put(b"source")
    upload = await world.start_upload(b"copy")
    part = Part(upload.id, 1, source.size, b"e" * 16, now(), source.extents)
    await world.uploads.put_part(part, frozenset(), frozenset([world.volume]))
    found = await world.objects.referents(world.volume, [])
    assert [(one.key, one.version_id, one.part_number) for one in found] == [(b"copy", upload.id, 1)]
    await world.uploads.complete(upload.id, decide_all, UNCONDITIONAL)
    found = await world.objects.referents(world.volume, [])
    assert [(one.key, one.version_id, one.part_number) for one in found] == [(b"copy", upload.id, 0)]
    await world.volumes.seal(world.volume, WRITER, 0)
    await world.volumes.begin_compact(world.volume, b"o", 60)
    other = await world.start_upload(b"other")
    with pytest.raises(VolumeFenced):
        await world.uploads.put_part(
            Part(other.id, 1, 1, b"e" * 16, now(), source.extents), frozenset(), frozenset([world.volume])
        )


async def test_complete(world: World) -> None:
    (before,) = await world.put(b"k")
    upload = await world.start_upload(b"k")
    parts = [await world.put_part(upload, number, number * 10) for number in (1, 2, 3)]
    seen: list[tuple[Upload, list[Part]]] = []

    def decide(given: Upload, given_parts: list[Part]) -> tuple[ObjectVersion, list[Part]]:
        seen.append((given, given_parts))
        result: tuple[ObjectVersion, list[Part]] = decide_numbers({1, 3})(given, given_parts)
        return result

    version = await world.uploads.complete(upload.id, decide, UNCONDITIONAL)
    assert seen == [(upload, parts)]
    assert version.seq == before.seq + 1
    assert version.version_id == upload.id
    assert await world.current(b"k") == version
    assert records(version.extents) == [parts[0].extents, parts[2].extents]
    assert (await world.garbage())[world.volume] == cost(100, 20)
    assert await world.uploads.parts(upload.id, 0, 9) == []
    finished = await world.uploads.get(upload.id)
    assert finished is not None
    assert (finished.state, finished.etag) == (UploadState.COMPLETED, version.etag)
    await world.check_conservation()


async def test_complete_again_gives_the_same_answer(world: World) -> None:
    upload = await world.start_upload(b"k")
    await world.put_part(upload, 1)
    first = await world.uploads.complete(upload.id, decide_all, UNCONDITIONAL)
    (overwritten,) = await world.put(b"k")
    again = await world.uploads.complete(upload.id, decide_all, Condition(if_none_match_any=True))
    for name in (
        "bucket_id",
        "key",
        "version_id",
        "size",
        "etag",
        "modified",
        "storage_class",
        "checksum",
        "attrs",
        "seq",
    ):
        assert getattr(again, name) == getattr(first, name)
    assert await world.current(b"k") == overwritten
    with pytest.raises(NoSuchUpload):
        await world.uploads.abort(upload.id)
    with pytest.raises(NoSuchUpload):
        await world.put_part(upload, 1)
    await world.check_conservation()


async def test_refused_complete_leaves_the_upload(world: World) -> None:
    (before,) = await world.put(b"k")
    upload = await world.start_upload(b"k")
    part = await world.put_part(upload, 1)

    def refuse(*_: object) -> tuple[ObjectVersion, list[Part]]:
        raise InvalidPart()

    with pytest.raises(InvalidPart):
        await world.uploads.complete(upload.id, refuse, UNCONDITIONAL)
    with pytest.raises(PreconditionFailed):
        await world.uploads.complete(upload.id, decide_all, Condition(if_none_match_any=True))
    assert await world.current(b"k") == before
    assert await world.uploads.parts(upload.id, 0, 9) == [part]
    version = await world.uploads.complete(upload.id, decide_all, Condition(if_match=before.etag))
    assert await world.current(b"k") == version
    other = await world.start_upload(b"absent")
    with pytest.raises(NoSuchKey):
        await world.uploads.complete(other.id, decide_all, Condition(if_match=b"*"))
    await world.check_conservation()


async def test_abort(world: World) -> None:
    upload = await world.start_upload(b"k")
    for number in (1, 2):
        await world.put_part(upload, number)
    await world.uploads.abort(upload.id)
    assert (await world.garbage())[world.volume] == 2 * cost(100)
    for again in (
        world.uploads.abort(upload.id),
        world.uploads.complete(upload.id, decide_all, UNCONDITIONAL),
        world.put_part(upload, 3),
        world.uploads.abort(b"?" * 16),
        world.uploads.complete(b"?" * 16, decide_all, UNCONDITIONAL),
    ):
        with pytest.raises(NoSuchUpload):
            await again
    await world.check_conservation()


async def test_completes_race(world: World) -> None:
    """Any number of Completes at once: one version, one answer."""
    for _ in range(10):
        upload = await world.start_upload(b"raced")
        await world.put_part(upload, 1)
        versions = await asyncio.gather(
            *[world.uploads.complete(upload.id, decide_all, UNCONDITIONAL) for _ in range(6)]
        )
        assert len({(version.version_id, version.etag, version.modified, version.seq) for version in versions}) == 1
    await world.check_conservation()


async def after(milliseconds: int, call: Awaitable[Any]) -> Any:
    await asyncio.sleep(milliseconds / 1000)
    return await call


async def test_complete_against_abort(world: World) -> None:
    winners = set()
    for round_ in range(30):
        upload = await world.start_upload(b"k")
        await world.put_part(upload, 1)
        completed, aborted = await asyncio.gather(
            after(round_ % 5, world.uploads.complete(upload.id, decide_all, UNCONDITIONAL)),
            after(round_ % 6, world.uploads.abort(upload.id)),
            return_exceptions=True,
        )
        assert isinstance(completed, NoSuchUpload) != isinstance(aborted, NoSuchUpload)
        found = await world.current(b"k")
        assert (found is not None and found.version_id == upload.id) == isinstance(completed, ObjectVersion)
        winners.add(type(completed))
    assert winners == {ObjectVersion, NoSuchUpload}
    await world.check_conservation()


async def test_complete_against_parts_and_puts(world: World) -> None:
    for _ in range(15):
        upload = await world.start_upload(b"k")
        await world.put_part(upload, 1)
        await asyncio.gather(
            world.uploads.complete(upload.id, decide_all, UNCONDITIONAL),
            *[world.put_part(upload, 1 + i % 3) for i in range(4)],
            *[world.put(b"k") for _ in range(3)],
            return_exceptions=True,
        )
        assert await world.uploads.parts(upload.id, 0, 9) == []
    await world.check_conservation()


async def test_complete_if_none_match_against_put(world: World) -> None:
    absent = Condition(if_none_match_any=True)
    for round_ in range(15):
        key = b"k%d" % round_
        upload = await world.start_upload(key)
        await world.put_part(upload, 1)
        completed, (put,) = await asyncio.gather(
            world.uploads.complete(upload.id, decide_all, absent),
            world.objects.commit([world.write(key, condition=absent)]),
            return_exceptions=True,
        )
        assert isinstance(completed, ObjectVersion) != isinstance(put, ObjectVersion)
    await world.check_conservation()


async def test_page(world: World) -> None:
    start = now()
    uploads = [
        await world.start_upload(key, created=start + timedelta(seconds=seconds))
        for key, seconds in ((b"a", 1), (b"b", 1), (b"b", 2), (b"b", 3), (b"b/c", 0), (b"d", 0))
    ]
    bucket = world.bucket.id
    assert await world.uploads.page(bucket, b"", b"", None, 100) == uploads
    assert await world.uploads.page(bucket, b"", b"", None, 2) == uploads[:2]
    assert await world.uploads.page(bucket, b"b", b"", None, 100) == uploads[1:5]
    assert await world.uploads.page(bucket, b"", b"b", None, 100) == uploads[4:]
    assert await world.uploads.page(bucket, b"", b"b", uploads[2].id, 100) == uploads[3:]
    assert await world.uploads.page(bucket, b"d", b"b", uploads[2].id, 100) == uploads[5:]
    other = await world.buckets.create(new_bucket())
    assert await world.uploads.page(other.id, b"", b"", None, 100) == []
    # A marker holds its place although its upload is gone.
    await world.uploads.abort(uploads[2].id)
    assert await world.uploads.page(bucket, b"", b"b", uploads[2].id, 100) == uploads[3:]
    assert await world.uploads.page(bucket, b"", b"", None, 100) == uploads[:2] + uploads[3:]
    # One that is quite forgotten: its key from the start, rather than nothing of it.
    assert await world.uploads.page(bucket, b"", b"b", b"?" * 16, 100) == [uploads[1], *uploads[3:]]


async def test_purge(world: World) -> None:
    done, aborted, open_ = [await world.start_upload(b"k") for _ in range(3)]
    await world.uploads.complete(done.id, decide_all, UNCONDITIONAL)
    await world.uploads.abort(aborted.id)
    assert await world.uploads.purge_completed(now() - timedelta(days=1), 100) == 0
    later = now() + timedelta(seconds=5)
    while await world.uploads.purge_completed(later, 1):
        pass
    assert [await world.uploads.get(upload.id) for upload in (done, aborted, open_)] == [None, None, open_]
    await world.objects.commit([Write(world.bucket.id, b"k", None)])

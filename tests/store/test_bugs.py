"""Data-loss bugs of other stores that our verbs must not have; the list is in tests/unit/test_bugs_of_others.py."""

from random import Random

import pytest

from objstore.lifecycle.compact import Compactor
from objstore.model import clock
from objstore.model.requests import (
    CompletePart,
    CompleteRequest,
    CopyRequest,
    DeleteRequest,
    ListVersionsRequest,
    PutRequest,
)
from tests.store.place import Payload, Place, content_of

PART_BYTES = 5 * 1024 * 1024
HOUR_SECONDS, DAY_SECONDS = 3600.0, 86400.0


async def compact(place: Place) -> None:
    """Until nothing is garbage any more, with files deleted at once."""
    compactor = Compactor(place.store, garbage_ratio=0.0, grace_seconds=0.0, retry_seconds=0.0)
    for _ in range(3):
        await compactor.full_pass(0.0)


async def upload(place: Place, bucket: str, key: bytes) -> bytes:
    """Of two parts."""
    begun = await place.store.create_upload(bucket, key)
    bodies = [content_of(PART_BYTES, 1), content_of(70_000, 2)]
    parts = [
        await place.store.put_part(bucket, key, begun.id, number, Payload(body))
        for number, body in enumerate(bodies, 1)
    ]
    named = [CompletePart(number, part.etag.hex()) for number, part in enumerate(parts, 1)]
    await place.store.complete(CompleteRequest(bucket, key, begun.id, named))
    return b"".join(bodies)


@pytest.mark.parametrize("size", [0, 6_000_000, 10_000_000, "multipart"])
async def test_copies_keep_their_bytes(place: Place, bucket: str, size: int | str) -> None:
    """B3: a copy, one to another class, and copies onto itself, after all that shared their bytes has gone and was
    compacted.
    """
    if isinstance(size, str):
        body = await upload(place, bucket, b"source")
    else:
        body = content_of(size, 3)
        await place.put(bucket, b"source", body)
    for target, options in (
        (b"copy", {}),
        (b"cold", {"storage_class": "STANDARD_IA"}),
        (b"source", {"replace_attrs": True, "attrs": {"m": {"a": "b"}}}),
        (b"copy", {"storage_class": "STANDARD_IA"}),
        (b"copy", {"storage_class": "STANDARD"}),
    ):
        source = target if target == b"copy" and options else b"source"
        await place.store.copy(CopyRequest(bucket, source, bucket, target, lambda _: None, **options))  # type: ignore[arg-type]
        await compact(place)
    for gone in (b"source", b"cold", b"copy"):
        for key in {b"source": (b"source", b"cold", b"copy"), b"cold": (b"cold", b"copy")}.get(gone, (b"copy",)):
            assert await place.read(await place.store.get(bucket, key)) == body, key
        await place.store.delete(bucket, DeleteRequest(gone))
        await compact(place)


@pytest.mark.parametrize("skew", [HOUR_SECONDS, DAY_SECONDS])
async def test_clocks_that_differ_lose_no_update(
    place: Place, bucket: str, skew: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B9: each write is made under another clock; the last that was answered is what is there, and versions are in the
    order in which they were made.
    """
    random, true_seconds, versioned = Random(9), clock.now_seconds, f"{bucket}-versions"
    await place.store.create_bucket(versioned, "root", "us-east-1")
    await place.store.set_versioning(versioned, "Enabled")
    made: list[bytes] = []
    for number in range(80):
        ahead = random.uniform(-skew, skew)
        monkeypatch.setattr(clock, "now_seconds", lambda ahead=ahead: true_seconds() + ahead)
        body = b"%d" % number
        await place.store.put(PutRequest(bucket, b"k"), Payload(body))
        made.append((await place.store.put(PutRequest(versioned, b"k"), Payload(body))).version_id)
        for name in (bucket, versioned):
            assert await place.read(await place.store.get(name, b"k")) == body
        if number % 10 == 9:
            await place.store.delete(bucket, DeleteRequest(b"k"))
    listed = await place.store.list_versions(ListVersionsRequest(versioned))
    assert [one.version_id for one in listed.versions] == made[::-1]

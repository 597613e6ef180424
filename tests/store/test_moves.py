"""Moves between tiers: the object is whole in one place, whoever races and wherever it stops."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from objstore.format.extent import unpack
from objstore.lifecycle.compact import Compactor
from objstore.meta.moves import Replacement
from objstore.model.errors import CorruptData, DriveError
from objstore.model.objects import ObjectVersion
from objstore.model.requests import CompletePart, CompleteRequest, CopyRequest
from objstore.store import move as move_module
from objstore.store.move import Move
from objstore.work import failpoint
from tests.store.place import CAPACITY, HOT, Payload, Place, content_of

Raw = "asyncpg.Connection[asyncpg.Record]"
SIZES = [0, 1, 5000, HOT.pack_bytes_max + 1, CAPACITY.pack_bytes_max, CAPACITY.pack_bytes_max + 1, 1_000_003]
FAILPOINTS = ["move.read", "move.appended", "move.synced", "move.verified", "move.swap", "move.done"]
LARGE = 700_001
# A small one is appended and synced in one call.
REACHED = [(name, size) for name in FAILPOINTS for size in (3000, LARGE) if (name, size) != ("move.appended", 3000)]


def down(version: ObjectVersion) -> Move:
    return Move(version, "GLACIER_IR", "capacity")


async def tier_of(place: Place, version: ObjectVersion) -> set[str]:
    """The tiers that a version's extents lie on."""
    return {(await place.store.context.catalog.place(e.volume_id))[0].tier for e in unpack(version.extents)}


async def reclaim(place: Place) -> None:
    """Give back everything that can be given back."""
    pool = place.store.context.pool
    pool.retire([volume.volume.id for volume in pool._open.values()])
    for task in list(pool._tasks):
        await task
    await Compactor(place.store, retry_seconds=0).full_pass(0.0)


async def unaccounted(raw: Raw) -> int:
    """Data bytes of sealed volumes that are neither referred to nor garbage."""
    return int(
        await raw.fetchval(
            "SELECT coalesce(sum(data_bytes), 0) - coalesce((SELECT sum(bytes) FROM garbage), 0) FROM volume "
            "WHERE state = 1 AND NOT audit"
        )
    )


@pytest.mark.parametrize("size", SIZES)
async def test_down_and_up(place: Place, bucket: str, raw: Raw, size: int) -> None:
    content = content_of(size)
    version = await place.put(bucket, b"k", content)
    assert await place.store.moves.move([down(version)]) == [True]
    cold = await place.store.get(bucket, b"k")
    assert (cold.storage_class, await tier_of(place, cold)) == ("GLACIER_IR", {"capacity"})
    assert (cold.version_id, cold.etag, cold.modified, cold.seq) == (
        version.version_id, version.etag, version.modified, version.seq,
    )  # fmt: skip
    assert await raw.fetchval("SELECT tier FROM object WHERE version_id = $1", cold.version_id) == 1
    assert await place.read(cold) == content
    assert await place.store.moves.move([Move(cold, "STANDARD", "hot")]) == [True]
    warm = await place.store.get(bucket, b"k")
    assert (warm.storage_class, await tier_of(place, warm)) == ("STANDARD", {"hot"})
    assert await raw.fetchval("SELECT tier FROM object WHERE version_id = $1", cold.version_id) == 0
    assert await place.read(warm) == content


async def test_a_reader_with_the_old_extents_finishes(place: Place, bucket: str) -> None:
    content = content_of(LARGE)
    old = await place.put(bucket, b"k", content)
    reader = await place.store.read(old, 0, old.size)
    pieces = aiter(reader)
    got = bytes(await anext(pieces))
    assert await place.store.moves.move([down(old)]) == [True]
    await reclaim(place)
    got += b"".join([bytes(piece) async for piece in pieces])
    assert got == content
    assert await place.read(old) == content  # even one that begins with them now


async def test_small_ones_share_stripes(place: Place, bucket: str) -> None:
    keys = [b"%03d" % i for i in range(64)]
    versions = await asyncio.gather(*(place.put(bucket, key, content_of(1000, i)) for i, key in enumerate(keys)))
    assert await place.store.moves.move([down(version) for version in versions]) == [True] * 64
    stripes = set()
    for i, key in enumerate(keys):
        cold = await place.store.get(bucket, key)
        stripes |= {(extent.volume_id, extent.stripe_offset) for extent in unpack(cold.extents)}
        assert await place.read(cold) == content_of(1000, i)
    assert len(stripes) <= 2


async def test_parts_stay_where_they_were(place: Place, bucket: str) -> None:
    first, last = content_of(5 * 2**20), content_of(70_000)
    upload = await place.store.create_upload(bucket, b"k")
    parts = [
        await place.store.put_part(bucket, b"k", upload.id, number, Payload(content))
        for number, content in ((3, first), (7, last))
    ]
    named = [CompletePart(part.number, part.etag.hex()) for part in parts]
    version = await place.store.complete(CompleteRequest(bucket, b"k", upload.id, named))
    assert await place.store.moves.move([down(version)]) == [True]
    cold = await place.store.get(bucket, b"k")
    found = place.store.parts_of(cold)
    assert found is not None
    assert [part[:3] for part in found] == [(3, 0, len(first)), (7, len(first), len(first) + len(last))]
    assert await place.read(cold) == first + last
    reader = await place.store.read(cold, len(first) - 10, len(first) + 10)
    assert b"".join([bytes(piece) async for piece in reader]) == first[-10:] + last[:10]


@pytest.mark.parametrize("size", [2000, LARGE])
async def test_a_copy_is_not_disturbed(place: Place, bucket: str, size: int) -> None:
    content = content_of(size)
    version = await place.put(bucket, b"k", content)
    await place.store.copy(CopyRequest(bucket, b"k", bucket, b"copy", lambda _: None))
    copy = await place.store.get(bucket, b"copy")
    assert copy.extents == version.extents
    assert await place.store.moves.move([down(version)]) == [True]
    await reclaim(place)
    assert await place.content(bucket, b"copy") == await place.content(bucket, b"k") == content
    assert await tier_of(place, await place.store.get(bucket, b"copy")) == {"hot"}
    await place.delete(bucket, b"copy")
    await reclaim(place)
    assert await place.content(bucket, b"k") == content


Race = Callable[[], Awaitable[None]]


@pytest.mark.parametrize(("name", "size"), REACHED)
@pytest.mark.parametrize("verb", ["overwrite", "delete", "copy", "get", "move", "compact"])
async def test_races(place: Place, bucket: str, raw: Raw, verb: str, name: str, size: int) -> None:
    """Whatever somebody else does in the middle of a move succeeds, and nobody ever sees anything but whole objects."""
    content, fresh = content_of(size), content_of(size, 1)
    version = await place.put(bucket, b"k", content)
    raced = []

    async def race() -> None:
        failpoint.disarm()  # one at a time
        raced.append(name)
        if verb == "overwrite":
            await place.put(bucket, b"k", fresh)
        elif verb == "delete":
            await place.delete(bucket, b"k")
        elif verb == "copy":
            await place.store.copy(CopyRequest(bucket, b"k", bucket, b"copy", lambda _: None))
        elif verb == "move":
            await place.store.moves.move([down(await place.store.get(bucket, b"k"))])
        elif verb == "compact":
            await reclaim(place)
        assert await place.content(bucket, b"k") == expected

    expected = {"overwrite": fresh, "delete": None}.get(verb, content)
    failpoint.arm(name, race)
    (done,) = await place.store.moves.move([down(version)])
    assert raced
    assert isinstance(done, bool), done
    assert await place.content(bucket, b"k") == expected
    if verb == "copy":
        assert await place.content(bucket, b"copy") == content
    if verb in ("overwrite", "delete", "move"):
        assert done is (name == "move.done")
    await reclaim(place)
    assert await place.content(bucket, b"k") == expected
    await place.delete(bucket, b"k")
    await place.delete(bucket, b"copy")
    await reclaim(place)
    left = await raw.fetchval("SELECT count(*) FROM object WHERE bucket_id = $1", version.bucket_id)
    assert left == 0


@pytest.mark.parametrize(("name", "size"), REACHED)
async def test_stopped_anywhere(place: Place, bucket: str, name: str, size: int) -> None:
    """Cancelled at any step: the object is whole in one place, and moves the next time."""
    content = content_of(size)
    version = await place.put(bucket, b"k", content)

    async def stop() -> None:
        raise asyncio.CancelledError

    failpoint.arm(name, stop)
    with pytest.raises(asyncio.CancelledError):
        await place.store.moves.move([down(version)])
    failpoint.disarm()
    found = await place.store.get(bucket, b"k")
    assert await tier_of(place, found) == ({"capacity"} if name == "move.done" else {"hot"})
    assert await place.read(found) == content
    await reclaim(place)
    assert await place.content(bucket, b"k") == content
    await place.store.moves.move([down(await place.store.get(bucket, b"k"))])
    assert await tier_of(place, await place.store.get(bucket, b"k")) == {"capacity"}
    assert await place.content(bucket, b"k") == content


def flip_byte(path: Path, at: int) -> None:
    """Damage one byte of a file."""
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def flip_last_byte(path: Path) -> bool:
    """Damage a shard that has more than a superblock."""
    raw = bytearray(path.read_bytes())
    if len(raw) > 4096:
        raw[-1] ^= 1
        with path.open("r+b") as file:
            file.write(raw)
    return len(raw) > 4096


@pytest.mark.parametrize("size", [3000, LARGE])
@pytest.mark.parametrize("columns", [range(CAPACITY.k), [CAPACITY.k], [CAPACITY.n - 1]], ids=["data", "parity", "last"])
async def test_a_copy_that_does_not_read_back_is_not_trusted(
    place: Place, bucket: str, size: int, columns: Sequence[int]
) -> None:
    content = content_of(size)
    pool = place.store.context.pool
    pool.retire([volume.volume.id for volume in pool._open.values()])  # so that a shard ends with the copy
    version = await place.put(bucket, b"k", content)
    touched: list[bytes] = []

    async def damage() -> None:
        for volume in [volume for volume in pool._open.values() if volume.volume.tier == "capacity"]:
            paths = [Path(volume.drives[c].shard_path(volume.volume.id)) for c in columns]  # type: ignore[attr-defined]
            if any(flip_last_byte(path) for path in paths):
                touched.append(volume.volume.id)

    failpoint.arm("move.synced", damage)
    (result,) = await place.store.moves.move([down(version)])
    assert touched
    assert isinstance(result, CorruptData | DriveError)
    found = await place.store.get(bucket, b"k")
    assert found.extents == version.extents
    assert await place.read(found) == content
    failpoint.disarm()
    assert await place.store.moves.move([down(found)]) == [True]
    again = await place.store.get(bucket, b"k")
    assert not {extent.volume_id for extent in unpack(again.extents)} & set(touched)
    assert await place.read(again) == content


async def test_one_bad_item_does_not_spoil_the_batch(place: Place, bucket: str) -> None:
    good = await place.put(bucket, b"good", content_of(2000))
    gone = await place.put(bucket, b"gone", content_of(2000, 1))
    await place.delete(bucket, b"gone")
    assert await place.store.moves.move([down(good), down(gone)]) == [True, False]


@pytest.mark.parametrize("size", [3000, LARGE])
async def test_a_copy_of_other_bytes_is_not_trusted(
    place: Place, bucket: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sound on the drives, but not what was read, is no copy."""
    version, other = await place.put(bucket, b"k", content_of(size)), await place.put(bucket, b"l", content_of(size, 1))
    copies = place.store.moves._copies

    async def mixed_up(*args: Any) -> Any:
        found = await copies(*args)
        found[0].digest, found[1].digest = found[1].digest, found[0].digest
        return found

    monkeypatch.setattr(place.store.moves, "_copies", mixed_up)
    results = await place.store.moves.move([down(version), down(other)])
    assert [type(result) for result in results] == [CorruptData, CorruptData]
    assert (await place.store.get(bucket, b"k")).extents == version.extents


async def test_small_ones_that_cannot_be_read_at_once(place: Place, bucket: str) -> None:
    """One that was moved meanwhile, one whose column is damaged, and one of two pieces, among others."""
    keys = [b"%d" % i for i in range(6)]
    versions = [await place.put(bucket, key, content_of(2000, i)) for i, key in enumerate(keys)]
    await place.store.copy(CopyRequest(bucket, keys[0], bucket, b"copy", lambda _: None))
    extent = next(unpack(versions[1].extents))
    volume, drives = await place.store.context.catalog.place(extent.volume_id)
    path = Path(drives[extent.column].shard_path(volume.id))  # type: ignore[union-attr]
    flip_byte(path, extent.payload_offset)
    for drive in drives:
        drive._files.pop(volume.id, None)  # type: ignore[union-attr]
    assert await place.store.moves.move([down(version) for version in versions]) == [True] * 6
    for i, key in enumerate(keys):
        assert await place.content(bucket, key) == content_of(2000, i)


async def test_much_is_committed_step_by_step(place: Place, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(move_module, "STEP_BYTES_MAX", 5000)
    versions = [await place.put(bucket, b"%d" % i, content_of(2000, i)) for i in range(7)]
    steps, throttled = list[int](), list[int]()

    async def commit(replacements: list[Replacement]) -> list[bool]:
        steps.append(len(replacements))
        return await place.store.context.movements.swap(replacements)

    async def throttle(size: int) -> None:
        throttled.append(size)

    assert await place.store.moves.move([down(one) for one in versions], commit, throttle) == [True] * 7
    assert (steps, throttled) == ([2, 2, 2, 1], [4000, 4000, 4000, 2000])

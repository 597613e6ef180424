"""Recover: the database is gone; what the drives hold makes a new one, and everything reads back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from objstore.format.snapshot import ROWS, FrameReader, pack_frame
from objstore.identity.sealing import Sealer
from objstore.meta.database import Database
from objstore.meta.dump import dump
from objstore.meta.recovery import Found
from objstore.model.encryption import SSE_S3, Encryption
from objstore.model.errors import CorruptData
from objstore.model.profile import Profile
from objstore.model.requests import CompletePart, CompleteRequest, CopyRequest, PutRequest
from objstore.model.states import DriveState
from objstore.repair.assemble import assemble
from objstore.repair.inventory import Inventory
from objstore.repair.recover import Recovery, RecoveryRefused, Report
from objstore.repair.snapshots import Snapshots
from objstore.store.keys import Keys
from tests.conftest import database_of, run_sql
from tests.repair.world import World
from tests.store.place import CLUSTER, PROFILES, Payload, content_of


@pytest.fixture
def empty_url(postgres_url: str, migrated_template: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database with the schema and no rows."""
    name = f"empty_{abs(hash(request.node.nodeid)) % 10**9}"
    run_sql(postgres_url, f'CREATE DATABASE "{name}" TEMPLATE "{migrated_template}"')
    yield database_of(postgres_url, name)
    run_sql(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


async def recover(world: World, url: str, backup: Any = None) -> tuple[World, Report]:
    """The same drives with another, empty database."""
    await world.seal()
    database = await Database.connect(url)
    profiles: dict[str, Profile] = PROFILES
    inventory = Inventory({drive.id: drive for drive in world.drives})
    await inventory.look(profiles, bytes.fromhex(CLUSTER))
    report = await Recovery(database, inventory, "root", "us-east-1", backup).run()
    await database.close()
    after = await World(world.root, url).open()
    after.contents, after.bucket = dict(world.contents), world.bucket
    return after, report


async def multipart(world: World, key: bytes, *sizes: int) -> None:
    upload = await world.store.create_upload(world.bucket, key)
    parts = []
    for number, size in enumerate(sizes, 1):
        part = await world.store.put_part(world.bucket, key, upload.id, number, Payload(content_of(size, number)))
        parts.append(CompletePart(number, part.etag.hex()))
    await world.store.complete(CompleteRequest(world.bucket, key, upload.id, parts))
    world.contents[key] = b"".join(content_of(size, number) for number, size in enumerate(sizes, 1))


async def copied(world: World, source: bytes, key: bytes) -> None:
    await world.store.copy(CopyRequest(world.bucket, source, world.bucket, key, lambda _: None))
    world.contents[key] = world.contents[source]


async def test_everything_comes_back_from_a_snapshot(world: World, raw: Any, empty_url: str) -> None:
    """Names, metadata, tags, multipart objects, copies, versions, what moved since, and what was put since."""
    await world.fill()
    attrs, tags = {"h": {"content-type": "text/x"}, "m": {"colour": "blue"}}, {"a": "b"}
    await world.store.put(PutRequest(world.bucket, b"named", attrs=attrs, tags=tags), Payload(b"with metadata"))
    world.contents[b"named"] = b"with metadata"
    await multipart(world, b"multi", 5 * 2**20, 70_000)
    await copied(world, b"named", b"copy")
    await world.store.create_bucket("versioned", "root", "us-east-1")
    await world.store.set_versioning("versioned", "Enabled")
    made = [await world.put("versioned", b"v", b"version %d" % number) for number in range(3)]
    snapshots = Snapshots(world.store, world.database)
    assert (await snapshots.take(full=False)).full, "the first one is a whole one"
    # What changes in the database only, and a journal of it.
    await multipart(world, b"later", 5 * 2**20, 1000)
    await copied(world, b"multi", b"later copy")
    await world.put(world.bucket, b"named copy", b"other")
    world.contents[b"named copy"] = b"other"
    journal = await snapshots.take(full=False)
    assert not journal.full
    assert journal.bytes < (await snapshots.list())[0].bytes * 2
    # What is only in records, and a compaction that moves what the snapshot knows.
    await world.fill(3000, 200_000, seed=50)
    await world.delete(world.bucket, b"STANDARD-4000-0-0")
    del world.contents[b"STANDARD-4000-0-0"]
    await world.seal()
    await world.compact()
    after, report = await recover(world, empty_url)
    assert report.snapshot is not None
    assert report.changes_until is not None
    assert (report.buckets_made_up, report.volumes_lost) == ([], 0)
    assert report.moved > 0
    await after.check()
    named = await after.store.get(world.bucket, b"named")
    assert (named.attrs, named.tags, named.storage_class) == (attrs, tags, "STANDARD")
    assert (await after.store.get(world.bucket, b"copy")).attrs == attrs
    multi = await after.store.get(world.bucket, b"multi")
    assert multi.parts is not None
    for one in made:
        assert (await after.store.get("versioned", b"v", one.version_id)).size == one.size
    assert await after.content("versioned", b"v") == b"version 2"
    # It is a store as any: it compacts, heals, and loses nothing.
    await after.seal()
    await after.compact()
    await after.check()
    assert await after.short() == 0
    await after.close()


async def test_records_alone_give_every_current_version(world: World, raw: Any, empty_url: str) -> None:
    """No snapshot at all: keys, bytes, metadata and tags of every object that was put; only the bucket has no name."""
    await world.fill()
    await world.fill(storage_class="STANDARD_IA")
    for number in range(3):
        await world.put(world.bucket, b"overwritten", b"content %d" % number)
    world.contents[b"overwritten"] = b"content 2"
    attrs = {"h": {"content-type": "image/png"}, "m": {"a": "1"}}
    await world.store.put(PutRequest(world.bucket, b"named", "STANDARD_IA", attrs, {"x": "y"}), Payload(b"abc"))
    world.contents[b"named"] = b"abc"
    drive = await world.holder(raw)
    await world.seal()
    await world.set_state(drive, DriveState.DRAINING)  # shards under other names, too
    await world.settle()
    after, report = await recover(world, empty_url)
    assert report.snapshot is None
    assert len(report.buckets_made_up) == 1
    assert report.added == len(world.contents) + 2, "what was overwritten is replaced once more"
    after.bucket = report.buckets_made_up[0]
    await after.check()
    named = await after.store.get(after.bucket, b"named")
    assert (named.attrs, named.tags, named.storage_class) == (attrs, {"x": "y"}, "STANDARD_IA")
    before = await world.store.get(world.bucket, b"named")
    assert (named.etag, named.checksum, named.modified) == (before.etag, before.checksum, before.modified)
    await after.close()


async def test_encrypted_ones_open_again(world: World, raw: Any, empty_url: str) -> None:
    """From records alone, and with the same master key: sizes of plaintext, the envelope, the owner's other marks."""
    keys = Keys(Sealer([b"k" * 32]))
    world.store.context.keys = keys
    marks = {"o": "owner", "a": [{"p": "READ"}]}
    for size in (0, 5000, 65_536, 700_001):
        key, body = b"sealed-%d" % size, content_of(size, size)
        asked = PutRequest(world.bucket, key, attrs=dict(marks), encryption=Encryption(SSE_S3))
        await world.store.put(asked, Payload(body))
        world.contents[key] = body
    after, report = await recover(world, empty_url)
    after.store.context.keys, after.bucket = keys, report.buckets_made_up[0]
    await after.check()
    for key, body in world.contents.items():
        found = await after.store.get(after.bucket, key)
        assert found.size == len(body)
        assert found.attrs is not None
        assert {name: found.attrs[name] for name in marks} == marks
    await after.close()


async def test_what_was_appended_is_never_taken_for_the_object(world: World, raw: Any, empty_url: str) -> None:
    """From records alone an object comes back as it was put: that it was appended to stood in the database only."""
    keys = Keys(Sealer([b"k" * 32]))
    world.store.context.keys = keys
    await world.put(world.bucket, b"other", b"other")
    for key, encryption in ((b"plain", None), (b"sealed", Encryption(SSE_S3))):
        await world.store.put(PutRequest(world.bucket, key, encryption=encryption), Payload(b"base"))
        for offset, piece in ((4, content_of(3000, 1)), (3004, content_of(300_000, 2))):
            await world.store.append(PutRequest(world.bucket, key), offset, Payload(piece))
        assert await world.content(world.bucket, key) is not None
    after, report = await recover(world, empty_url)
    after.store.context.keys, after.bucket = keys, report.buckets_made_up[0]
    for key in (b"plain", b"sealed"):
        assert (await after.store.get(after.bucket, key)).size == 4
        assert await after.content(after.bucket, key) == b"base"
    await after.close()


async def test_lost_drives_and_a_file(world: World, raw: Any, empty_url: str) -> None:
    """With m drives of a tier gone, from a dump in a file: all is read, and healed after."""
    await world.fill()
    pieces = [piece async for piece in dump(world.database)]
    await world.seal()
    gone = [drive for drive in await world.holders(raw) if drive.tier == "hot"][:2]
    everything = world.drives
    world.drives = [drive for drive in world.drives if drive not in gone]

    async def backup() -> Any:
        for piece in pieces:
            yield piece

    database = await Database.connect(empty_url)
    inventory = Inventory({drive.id: drive for drive in world.drives})
    await inventory.look(PROFILES, bytes.fromhex(CLUSTER))
    report = await Recovery(database, inventory, "root", "us-east-1", backup).run()
    assert report.snapshot is not None
    assert report.volumes_lost == 0
    await database.close()
    for drive in gone:
        drive.path.rename(drive.path.with_suffix(".gone"))
    after = await World(world.root, empty_url).open()  # formats new drives in their places
    after.contents = dict(world.contents)
    await after.check()
    assert await after.short() > 0
    await after.settle()
    other = await asyncpg.connect(empty_url)
    await after.assert_whole_swept(other)
    await other.close()
    await after.close()
    world.drives = everything


async def test_only_into_an_empty_database(world: World, raw: Any) -> None:
    await world.fill(10)
    inventory = Inventory({drive.id: drive for drive in world.drives})
    await inventory.look(PROFILES, bytes.fromhex(CLUSTER))
    with pytest.raises(RecoveryRefused):
        await Recovery(world.database, inventory, "root", "us-east-1").run()
    await world.check()


async def test_old_snapshots_go(world: World, raw: Any) -> None:
    snapshots = Snapshots(world.store, world.database)
    for number in range(9):
        await snapshots.take(full=number % 2 == 0)
    kept = await snapshots.list()
    assert [one.full for one in kept] == [True, False, True, False, True]


def test_frames_survive_any_cut_and_no_flip(tmp_path: Path) -> None:
    raw = b"".join(pack_frame(ROWS, bytes([number]) * number * 100) for number in range(5))
    for step in (1, 7, 1000):
        reader = FrameReader()
        frames = [frame for at in range(0, len(raw), step) for frame in reader.feed(raw[at : at + step])]
        assert [len(frame.payload) for frame in frames] == [0, 100, 200, 300, 400]
        assert reader.is_between
    for at in range(len(raw)):
        bad = bytearray(raw)
        bad[at] ^= 16
        reader = FrameReader()
        try:
            frames = reader.feed(bytes(bad))
        except CorruptData:
            continue
        assert len(frames) < 5 or at % len(raw) in _harmless(raw)


def _harmless(raw: bytes) -> set[int]:
    """Kind and padding of a frame are not covered by its checksum: what they say is looked at by whoever loads."""
    places: set[int] = set()
    at = 0
    while at < len(raw):
        places |= {at + 5, at + 6, at + 7}
        at += 24 + int.from_bytes(raw[at + 8 : at + 12], "little")
    return places


def test_chains_of_fragments() -> None:
    def found(start: int, size: int, last: bool = False, tier: str = "hot") -> Found:
        return Found(
            1, b"k", b"v", 0, start, size, last, tier, b"%d-%d," % (start, start + size), b"{}" if last else b""
        )

    whole = assemble([found(0, 10), found(10, 5), found(10, 10), found(20, 5, True), found(15, 3)])
    assert whole is not None
    assert whole.extents == b"0-10,10-20,20-25,"
    assert assemble([found(0, 10), found(11, 5, True)]) is None
    assert assemble([found(0, 10), found(10, 5, True)], size=14) is None
    mixed = assemble([found(0, 10), found(0, 20, tier="cold"), found(20, 1, True, tier="cold"), found(10, 1, True)])
    assert mixed is not None
    assert mixed.extents == b"0-10,10-11,"
    assert assemble([found(0, 0, True)]) is not None
    assert assemble([]) is None

"""A tier that is a bucket on another S3 server: bytes go there, are verified, come back, and go when not needed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from objstore.drive.bucket import RemoteBucket
from objstore.drive.local import LocalDrive
from objstore.drive.remote import RemoteDrive
from objstore.format.extent import unpack
from objstore.lifecycle.compact import Compactor, Pass
from objstore.meta.database import Database
from objstore.model import tiers
from objstore.model.errors import ClusterError, CorruptData, RemoteUnavailable
from objstore.model.objects import ObjectVersion
from objstore.model.profile import Profile
from objstore.store.build import open_store
from objstore.store.move import Move
from objstore.work import failpoint
from tests.harness.other_s3 import OtherS3
from tests.store.place import CLUSTER, PROFILES, Place, content_of

REMOTE = Profile(1, 0, unit_bytes=65536, pack_bytes_max=131072, stripe_bytes_max=2 * 2**20, shard_bytes_max=4 * 2**20)
SIZES = [0, 1, 5000, REMOTE.pack_bytes_max, REMOTE.pack_bytes_max + 1, 5_000_003]
BLOCKS_BYTES_MAX = 64 * 1024 - 2


class RemotePlace(Place):
    """A store with a third tier, ``archive``, in a bucket of another server."""

    remote: RemoteDrive
    prefix = "tiers/ours/"

    def __init__(self, root: Path, url: str, other: OtherS3) -> None:
        super().__init__(root, url)
        self.other, self.bucket = other, other.bucket()

    async def open(self) -> "RemotePlace":
        """The local tiers, then all again with the remote one."""
        await super().open()
        await self.store.close()
        await self.database.close()
        self.database = await Database.connect(self.url, pool_size=4)
        place = self.other.place(self.bucket, self.prefix)
        self.remote = RemoteDrive("a" * 32, "archive", CLUSTER, place, self.root)
        cluster_id, profiles = bytes.fromhex(CLUSTER), PROFILES | {"archive": REMOTE}
        drives: list[LocalDrive | RemoteDrive] = [*self.drives, self.remote]
        self.store = await open_store(self.database, drives, profiles, cluster_id=cluster_id, host="place", pid=1)
        return self

    async def close(self) -> None:
        """As Place."""
        await super().close()
        self.remote.close()

    def there(self) -> dict[str, int]:
        """Keys and sizes of what the other server has."""
        page = self.other.s3().list_objects_v2(Bucket=self.bucket)
        return {entry["Key"]: entry["Size"] for entry in page.get("Contents", [])}

    def harm(self, key: str, at: int) -> None:
        """Flip a bit of an object of the other server."""
        s3 = self.other.s3()
        content = bytearray(s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        content[at] ^= 1
        s3.put_object(Bucket=self.bucket, Key=key, Body=bytes(content))

    async def archived(self, bucket: str, key: bytes, content: bytes) -> ObjectVersion:
        """Put it on the hot tier and move it away."""
        assert await self.store.moves.move([away(await self.put(bucket, key, content))]) == [True]
        return await self.store.get(bucket, key)

    async def reclaim(self) -> Pass:
        """Give back everything that can be given back."""
        pool = self.store.context.pool
        pool.retire([volume.volume.id for volume in pool._open.values()])
        for task in list(pool._tasks):
            await task
        return await Compactor(self.store, retry_seconds=0).full_pass(0.0)


def away(version: ObjectVersion) -> Move:
    return Move(version, "GLACIER_IR", "archive")


@pytest.fixture(scope="module", autouse=True)
def classes() -> Iterator[None]:
    """GLACIER_IR lies on the remote tier."""
    tiers.configure({"GLACIER_IR": "archive"}, (*tiers.TIERS_DEFAULT, "archive"))
    yield
    tiers.configure()


@pytest.fixture
async def place(tmp_path: Path, database_url: str, other_s3: OtherS3, raw: Any) -> AsyncIterator[RemotePlace]:
    for table in ("object", "bucket", "volume", "shard", "damage"):
        await raw.execute(f"DELETE FROM {table}")
    place = await RemotePlace(tmp_path, database_url, other_s3).open()
    yield place
    await place.close()


@pytest.fixture
def away_now(place: RemotePlace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Nobody listens where the other server was, until ``undo``."""
    gone = RemoteBucket(OtherS3(place.root / "nobody").place(place.bucket, place.prefix), 2)

    class Away:
        def begin(self) -> None:
            monkeypatch.setattr(place.remote, "_bucket", gone)

        def end(self) -> None:
            monkeypatch.undo()
            place.remote.health.__init__()  # type: ignore[misc]
            place.remote._down_until = 0.0

    yield Away()
    gone.close()


@pytest.mark.parametrize("size", SIZES)
async def test_there_and_back(place: RemotePlace, bucket: str, raw: Any, size: int) -> None:
    content = content_of(size)
    cold = await place.archived(bucket, b"k", content)
    assert cold.storage_class == "GLACIER_IR"
    assert await raw.fetchval("SELECT tier FROM object WHERE version_id = $1", cold.version_id) == 2
    assert await place.read(cold) == content
    assert len(place.there()) == max(1, -(-size // REMOTE.stripe_bytes_max))
    assert all(key.startswith(f"{place.prefix}{CLUSTER}/archive/") for key in place.there())
    assert await place.store.moves.move([Move(cold, "STANDARD", "hot")]) == [True]
    assert await place.content(bucket, b"k") == content
    await place.reclaim()
    assert not place.there()
    assert await place.content(bucket, b"k") == content


async def test_puts_may_name_its_class(place: RemotePlace, bucket: str) -> None:
    for size in SIZES:
        content = content_of(size, 1)
        assert await place.read(await place.put(bucket, b"%d" % size, content, "GLACIER_IR")) == content
    assert len(place.there()) == len(SIZES) - 1 + -(-SIZES[-1] // REMOTE.stripe_bytes_max)


async def test_small_ones_share_uploads(place: RemotePlace, bucket: str) -> None:
    keys = [b"%03d" % i for i in range(64)]
    versions = [await place.put(bucket, key, content_of(1000, i)) for i, key in enumerate(keys)]
    assert await place.store.moves.move([away(version) for version in versions]) == [True] * 64
    assert len(place.there()) <= 2
    for i, key in enumerate(keys):
        assert await place.content(bucket, key) == content_of(1000, i)


@pytest.mark.parametrize("size", [REMOTE.pack_bytes_max, 5_000_003])
async def test_ranges_read_little_more(place: RemotePlace, bucket: str, size: int) -> None:
    content = content_of(size)
    cold = await place.archived(bucket, b"k", content)
    for start, end in ((0, 1), (size - 1, size), (40_000, 41_000), (32_767, 65_537), (size // 2, size // 2 + 30_000)):
        before = place.remote.counters.read_bytes
        reader = await place.store.read(cold, start, end)
        assert b"".join([bytes(piece) async for piece in reader]) == content[start:end]
        headers = sum(extent.header_units * 64 for extent in unpack(cold.extents))
        assert place.remote.counters.read_bytes - before <= end - start + BLOCKS_BYTES_MAX + headers


@pytest.mark.parametrize("size", [3000, REMOTE.pack_bytes_max, 5_000_003])
async def test_what_was_changed_there_is_never_served(place: RemotePlace, bucket: str, raw: Any, size: int) -> None:
    content = content_of(size)
    cold = await place.archived(bucket, b"k", content)
    for key, stored in place.there().items():
        place.harm(key, stored - 1000)
    with pytest.raises((ClusterError, CorruptData)):
        await place.read(cold)
    reader = await place.store.read(cold, 0, 10) if size > 100_000 else None
    if reader is not None:  # blocks that are whole are still good
        assert [bytes(piece) async for piece in reader] == [content[:10]]
    await asyncio.gather(*place.store.context.catalog._reports)
    assert await raw.fetchval("SELECT count(*) FROM damage") >= 1


async def test_an_upload_that_came_out_wrong_is_no_move(
    place: RemotePlace, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = [await place.put(bucket, key, content_of(size)) for key, size in ((b"s", 3000), (b"l", 900_000))]
    real = place.remote._bucket.put

    def lying(key: str, file: Any) -> None:
        real(key, file)
        place.harm(key, place.there()[key] - 1000)

    monkeypatch.setattr(place.remote._bucket, "put", lying)
    outcomes = await place.store.moves.move([away(version) for version in versions])
    assert all(isinstance(outcome, (ClusterError, CorruptData)) for outcome in outcomes)
    assert [(await place.store.get(bucket, key)).extents for key in (b"s", b"l")] == [v.extents for v in versions]
    monkeypatch.undo()
    await place.reclaim()
    assert not place.there()


async def test_one_that_does_not_answer_is_not_waited_for(
    place: RemotePlace, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cold = await place.archived(bucket, b"k", content_of(3000))
    connections = []
    silent = await asyncio.start_server(lambda _, writer: connections.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    where = replace(place.other.place(place.bucket), endpoint=f"http://127.0.0.1:{port}")
    monkeypatch.setattr(place.remote, "_bucket", RemoteBucket(where, 2))
    monkeypatch.setattr(RemoteDrive, "read_seconds", 0.2)
    with pytest.raises(ClusterError):
        await place.read(cold)
    assert connections
    assert not place.remote.reachable
    silent.close()
    for writer in connections:
        writer.close()


async def test_while_it_is_away(place: RemotePlace, bucket: str, raw: Any, away_now: Any) -> None:
    for key, size in ((b"small", 3000), (b"large", 5_000_003), (b"kept", 4000)):
        await place.archived(bucket, key, content_of(size))
    hot = await place.put(bucket, b"hot", content_of(5000))
    away_now.begin()
    for key in (b"small", b"large"):
        with pytest.raises(ClusterError):
            await place.content(bucket, key)
        await place.delete(bucket, key)
    (outcome,) = await place.store.moves.move([away(hot)])
    assert isinstance(outcome, ClusterError)
    assert await place.content(bucket, b"hot") == content_of(5000)
    await place.reclaim()
    assert len(place.there()) == 5
    assert await raw.fetchval("SELECT count(*) FROM damage") == 0
    assert await raw.fetchval("SELECT count(*) FROM volume WHERE tier = 'archive' AND state = 1") >= 3
    away_now.end()
    await place.reclaim()
    assert len(place.there()) == 1
    assert await place.content(bucket, b"kept") == content_of(4000)


async def test_deleting_is_tried_again(place: RemotePlace, bucket: str, raw: Any, away_now: Any) -> None:
    """The volume is retired while the server answers, and it is away when the object is to go."""
    await place.archived(bucket, b"k", content_of(3000))
    await place.delete(bucket, b"k")
    await Compactor(place.store, retry_seconds=0).full_pass(3600.0)
    away_now.begin()
    await place.reclaim()
    waits = "SELECT extract(epoch FROM retry_after - clock_timestamp()) FROM volume WHERE tier = 'archive'"
    assert 5 < await raw.fetchval(waits) <= 10
    await raw.execute("UPDATE volume SET retry_after = now(), retired = now() - interval '100 s' WHERE state = 3")
    await place.reclaim()
    assert 40 < await raw.fetchval(waits) <= 60, "it waits longer and longer"
    away_now.end()
    assert (await place.reclaim()).unlinked == 0, "its time has not come"
    assert len(place.there()) == 1
    await raw.execute("UPDATE volume SET retry_after = now() WHERE tier = 'archive'")
    assert (await place.reclaim()).unlinked == 1
    assert not place.there()


async def test_an_upload_that_failed_leaves_nothing(
    place: RemotePlace, bucket: str, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows whether it took place: its volume is retired, and what may be there is deleted later."""
    hot = await place.put(bucket, b"k", content_of(3000))
    real = place.remote._bucket.put

    def doubtful(key: str, file: Any) -> None:
        real(key, file)
        raise RemoteUnavailable("the answer was lost")

    monkeypatch.setattr(place.remote._bucket, "put", doubtful)
    (outcome,) = await place.store.moves.move([away(hot)])
    assert isinstance(outcome, ClusterError)
    monkeypatch.undo()
    await place.reclaim()
    assert place.there()
    assert await raw.fetch("SELECT state FROM volume WHERE tier = 'archive'") == [(3,)] * len(place.there())
    await raw.execute("UPDATE volume SET retry_after = now() WHERE state = 3")
    place.remote.health.__init__()  # type: ignore[misc]
    place.remote._down_until = 0.0
    await place.reclaim()
    assert not place.there()


async def test_a_crash_before_the_upload(place: RemotePlace, raw: Any) -> None:
    await place.store.context.pool.acquire("archive", "packed")
    await raw.execute("UPDATE writer SET heartbeat = heartbeat - interval '1 hour'")
    await place.reclaim()
    assert await raw.fetchval("SELECT count(*) FROM volume WHERE tier = 'archive'") == 0


@pytest.mark.parametrize("name", ["move.synced", "move.verified", "move.swap"])
async def test_a_copy_that_was_never_committed_goes(place: RemotePlace, bucket: str, raw: Any, name: str) -> None:
    content = content_of(900_000)
    hot = await place.put(bucket, b"k", content)

    class Crash(BaseException):
        pass

    async def crash() -> None:
        raise Crash

    failpoint.arm(name, crash)
    with pytest.raises(Crash):
        await place.store.moves.move([away(hot)])
    failpoint.disarm()
    assert len(place.there()) == 1
    await raw.execute("UPDATE writer SET heartbeat = heartbeat - interval '1 hour'")
    await place.reclaim()
    assert not place.there()
    assert await place.content(bucket, b"k") == content


async def test_what_is_dead_is_not_fetched_to_be_deleted(place: RemotePlace, bucket: str) -> None:
    keys = [b"%02d" % i for i in range(16)]
    versions = [await place.put(bucket, key, content_of(125_000, i)) for i, key in enumerate(keys)]
    assert await place.store.moves.move([away(version) for version in versions]) == [True] * 16
    for key in keys:
        await place.delete(bucket, key)
    before = place.remote.counters.read_bytes
    await place.reclaim()
    assert not place.there()
    assert place.remote.counters.read_bytes - before < 16 * 125_000 / 1.5


async def test_what_is_live_is_written_anew(place: RemotePlace, bucket: str) -> None:
    keys = [b"%02d" % i for i in range(16)]
    versions = [await place.put(bucket, key, content_of(20_000, i)) for i, key in enumerate(keys)]
    assert await place.store.moves.move([away(version) for version in versions]) == [True] * 16
    before = set(place.there())
    for key in keys[::2]:
        await place.delete(bucket, key)
    done = await place.reclaim()
    assert done.moved_bytes == 8 * 20_000
    assert not before & set(place.there())
    assert sum(place.there().values()) < 9 * 20_000 + 8192
    for i, key in enumerate(keys):
        assert await place.content(bucket, key) == (content_of(20_000, i) if i % 2 else None)

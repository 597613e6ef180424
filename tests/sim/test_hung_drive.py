"""A drive that hangs, neither writing nor failing: writes go elsewhere in time, and what comes late is nobody's."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from random import Random
from typing import Any

import pytest

from objstore.meta.database import Database
from objstore.model.errors import ClusterError
from objstore.model.profile import Profile
from objstore.model.requests import DeleteRequest, PutRequest
from objstore.store import packer as packer_module
from objstore.store import pool as pool_module
from objstore.store.build import open_store
from objstore.store.store import Store
from objstore.volume import open_volume
from tests.sim.drive import SimDrive

PROFILE = Profile(4, 2, unit_bytes=32768, pack_bytes_max=8192, stripe_bytes_max=2 * 131072, shard_bytes_max=4_000_000)
APPEND_SECONDS, DRIVE_SECONDS = 0.3, 1.5
SMALL, LARGE = b"small" * 100, b"large" * 100_000


class Body:
    """A payload in one piece."""

    algorithms: frozenset[str] = frozenset()

    def __init__(self, payload: bytes) -> None:
        self._rest, self.length = payload, len(payload)

    async def read(self) -> bytes:
        piece, self._rest = self._rest, b""
        return piece

    async def read_into(self, buffer: memoryview) -> int:
        piece, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)

    def verify(self, digests: Mapping[str, bytes]) -> None:
        assert "MD5" in digests

    def checksum_algorithm(self) -> str | None:
        return None


class HangingDrive(SimDrive):
    """Hangs while ``moving`` is not set, and is avoided once it was suspected, as a real one."""

    write_seconds = DRIVE_SECONDS

    def __init__(self, number: int) -> None:
        super().__init__(f"{number:032x}", "hot", Random(number))
        self.moving = asyncio.Event()
        self.moving.set()
        self.suspected = 0
        self.hung_calls = 0

    @property
    def usable(self) -> bool:
        return self.reachable and not self.full

    @property
    def reachable(self) -> bool:
        return not self.suspected

    def suspect(self, reason: str) -> None:
        self.suspected += 1

    async def _turn(self) -> None:
        if not self.moving.is_set():
            self.hung_calls += 1
            await self.moving.wait()
        await super()._turn()

    async def tidy(self) -> None:
        await self._turn()


class World:
    """A store over drives that can be made to hang."""

    def __init__(self, store: Store, drives: Sequence[HangingDrive]) -> None:
        self.store, self.drives = store, drives

    async def put(self, key: bytes, payload: bytes) -> None:
        result = await asyncio.wait_for(self.store.put(PutRequest("b", key), Body(payload)), 30)
        assert result.etag == hashlib.md5(payload, usedforsecurity=False).digest()

    async def get(self, key: bytes) -> bytes:
        version = await self.store.get("b", key)
        reader = await self.store.read(version, 0, version.size)
        return b"".join([bytes(piece) async for piece in reader])

    def in_use(self) -> list[HangingDrive]:
        """Drives that the open volume of small objects is on."""
        volume: Any = self.store.context.pool._open["hot", pool_module.PACKED, False]
        return list(volume.drives)


async def _opened(database_url: str, drives: int) -> AsyncIterator[World]:
    database = await Database.connect(database_url, pool_size=3)
    hanging = [HangingDrive(number) for number in range(drives)]
    store = await open_store(database, hanging, {"hot": PROFILE}, cluster_id=b"c" * 16, host="here", pid=1)
    await store.create_bucket("b", "root", "us-east-1")
    world = World(store, hanging)
    await world.put(b"first", SMALL)
    await world.put(b"first large", LARGE)
    yield world
    for drive in hanging:
        drive.moving.set()
    await store.delete("b", DeleteRequest(b"first"))
    for key in [version.key for version in (await store.context.objects.list_page(await _id(store), b"", b"", 100))]:
        await store.delete("b", DeleteRequest(key))
    await store.delete_bucket("b")
    await store.close()
    await database.close()


async def _id(store: Store) -> int:
    return (await store.get_bucket("b")).id


@pytest.fixture
async def world(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Nine drives for volumes of six."""
    monkeypatch.setattr(open_volume, "APPEND_SECONDS_MAX", APPEND_SECONDS)
    monkeypatch.setattr(open_volume, "DRIVE_TIMEOUT_SECONDS", DRIVE_SECONDS)
    monkeypatch.setattr(pool_module, "SPACE_SECONDS_MAX", 0.1)
    async for world in _opened(database_url, 9):
        yield world


@pytest.fixture
async def narrow(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Six drives, none to spare."""
    monkeypatch.setattr(open_volume, "APPEND_SECONDS_MAX", APPEND_SECONDS)
    monkeypatch.setattr(open_volume, "DRIVE_TIMEOUT_SECONDS", DRIVE_SECONDS)
    async for world in _opened(database_url, 6):
        yield world


async def test_the_batch_goes_to_other_drives(world: World) -> None:
    """And what the hung drive writes in the end lies where nobody looks."""
    [*_, hung] = world.in_use()
    failed: Any = world.store.context.pool._open["hot", pool_module.PACKED, False]
    hung.moving.clear()
    await asyncio.gather(*(world.put(b"key %d" % number, SMALL + b"%d" % number) for number in range(20)))
    assert hung.suspected
    assert failed.failed
    assert hung not in world.in_use()
    assert [drive for drive in world.drives if drive.suspected] == [hung]
    calls = hung.hung_calls
    await world.put(b"later", SMALL)
    assert hung.hung_calls == calls, "it was asked again"
    hung.moving.set()
    await asyncio.sleep(0.05)
    assert await world.get(b"first") == SMALL
    for number in range(20):
        version = await world.store.get("b", b"key %d" % number)
        assert failed.volume.id not in version.extents
        assert await world.get(b"key %d" % number) == SMALL + b"%d" % number


async def test_without_drives_to_spare_it_is_a_refusal_in_time(narrow: World) -> None:
    hung = narrow.in_use()[0]
    hung.moving.clear()
    before = asyncio.get_running_loop().time()
    # Not every stripe needs every drive; parity, in the last columns, takes part in all of them.
    narrow.in_use()[-1].moving.clear()
    with pytest.raises(ClusterError):
        await narrow.put(b"key", SMALL)
    assert asyncio.get_running_loop().time() - before < DRIVE_SECONDS
    for drive in narrow.drives:
        drive.moving.set()
        drive.suspected = 0
    await narrow.put(b"key", SMALL)
    assert await narrow.get(b"key") == SMALL


async def test_when_all_are_late_no_drive_is_blamed(world: World) -> None:
    """A machine that is slow as a whole: the write waits for it, for another volume would be no faster."""
    for drive in world.drives:
        drive.moving.clear()
    putting = asyncio.ensure_future(world.put(b"key", SMALL))
    await asyncio.sleep(2 * APPEND_SECONDS)
    assert not putting.done()
    for drive in world.drives:
        drive.moving.set()
    await putting
    assert not any(drive.suspected for drive in world.drives)
    assert await world.get(b"key") == SMALL


async def test_large_objects_wait_longer_for_a_slow_drive(world: World) -> None:
    volume: Any = world.store.context.pool._open["hot", pool_module.STRIPED, False]
    slow = volume.drives[0]
    slow.moving.clear()
    putting = asyncio.ensure_future(world.put(b"large", LARGE))
    await asyncio.sleep(2 * APPEND_SECONDS)
    assert not putting.done()
    slow.moving.set()
    await putting
    assert not slow.suspected
    assert await world.get(b"large") == LARGE


async def test_a_large_object_is_refused_while_its_drive_still_hangs(world: World) -> None:
    """The refusal does not wait for the clean-up, which waits for the drive."""
    volume: Any = world.store.context.pool._open["hot", pool_module.STRIPED, False]
    volume.drives[0].moving.clear()
    with pytest.raises(ClusterError):
        await world.put(b"large", LARGE)
    assert not volume.drives[0].moving.is_set()
    assert volume.failed
    await world.put(b"large", LARGE)  # elsewhere
    assert await world.get(b"large") == LARGE


async def test_the_heartbeat_does_not_wait_for_a_drive(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or this writer's lease would end, and all its volumes with it."""
    monkeypatch.setattr(pool_module, "TIDY_SECONDS_MAX", 0.1)
    world.drives[0].moving.clear()
    await asyncio.wait_for(world.store.context.pool.tidy(), 5)


async def test_late_batches_are_not_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packer_module, "ANSWER_SECONDS_MAX", APPEND_SECONDS / 2)
    hung = world.in_use()[-1]
    hung.moving.clear()
    with pytest.raises(ClusterError):
        await world.put(b"key", SMALL)
    assert hung.suspected == 1

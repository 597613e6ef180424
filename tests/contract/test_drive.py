"""One suite for every implementation of the drive contract."""

import asyncio
import errno
import os
import socket
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from random import Random
from threading import Barrier

import numpy as np
import pytest
import uvicorn

from objstore.drive import shard_file
from objstore.drive.base import Check, Drive
from objstore.drive.identify import format_drive, read_identity
from objstore.drive.local import LocalDrive
from objstore.drive.node_auth import derive_key
from objstore.drive.node_drive import NodeDrive
from objstore.drive.node_link import NodeLink
from objstore.drive.node_server import NodeServer
from objstore.drive.remote import RemoteDrive
from objstore.drive.shard_file import ShardFile
from objstore.drive.threads import CallGroup
from objstore.model.errors import CorruptData, DriveError, ShardMissing
from objstore.volume.buffers import aligned_buffer
from tests.sim.drive import SimDrive

VOLUME, OTHER = bytes(range(16)), bytes(range(100, 116))
SUPERBLOCK = b"S" * 4096


KEY = derive_key("a secret of the cluster that is long enough")


@asynccontextmanager
async def served(drive: LocalDrive) -> AsyncIterator[NodeDrive]:
    """The same drive, as gateways see it through a node."""
    config = uvicorn.Config(NodeServer({drive.id: drive}, KEY), lifespan="off", log_config=None, access_log=False)
    server, place = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
    server.capture_signals = nullcontext  # type: ignore[method-assign,assignment]
    serving = asyncio.create_task(server.serve([place]))
    link = NodeLink(f"http://127.0.0.1:{place.getsockname()[1]}", KEY)
    await link.open()
    try:
        yield NodeDrive(drive.id, drive.tier, link)
    finally:
        await link.close()
        server.should_exit = True
        await serving
        place.close()


@pytest.fixture(params=["local", "sim", "remote", "node"])
async def drive(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Drive]:
    if request.param == "remote":
        other = request.getfixturevalue("other_s3")
        remote = RemoteDrive("0" * 32, "archive", "c" * 32, other.place(other.bucket()), tmp_path)
        yield remote
        remote.close()
        return
    if request.param == "sim":
        yield SimDrive("0" * 32, "hot", Random(1))
        return
    local = LocalDrive(tmp_path / "d", await format_drive(tmp_path / "d", "c" * 32, "hot"))
    if request.param == "node":
        async with served(local) as node:
            yield node
    else:
        yield local
    local.close()


async def test_what_is_written_is_read(drive: Drive) -> None:
    await drive.create(VOLUME, SUPERBLOCK)
    await drive.write(VOLUME, 4096, [b"one", memoryview(b"two"), bytearray(b"three")], sync=True)
    first, rest = bytearray(5), bytearray(6)
    await drive.read(VOLUME, 4096, [first, rest])
    assert bytes(first + rest) == b"onetwothree"
    assert await drive.length(VOLUME) == 4096 + 11


@pytest.mark.parametrize("offset", [4096, 5000])
@pytest.mark.parametrize("skew", [0, 1])
@pytest.mark.parametrize("size", [4096, 131072, 700_000, 1024 * 1024])
async def test_however_large_writes_lie_they_are_read(drive: Drive, offset: int, skew: int, size: int) -> None:
    """A local drive writes past the page cache where offset, size and memory are aligned; nobody sees it."""
    await drive.create(VOLUME, SUPERBLOCK)
    room = aligned_buffer(2 * size + skew)[skew:]
    room[:] = np.frombuffer(Random(size).randbytes(len(room)), np.uint8)
    payload = room.tobytes()
    await drive.write(VOLUME, offset, [b"before"], sync=False)
    await drive.write(VOLUME, offset, [room[:size].data, room[size : 2 * size].data], sync=False)
    await drive.write(VOLUME, offset + 2 * size, [b"after"], sync=False)
    await drive.sync(VOLUME)
    found = bytearray(2 * size + 5)
    await drive.read(VOLUME, offset, [found])
    assert found == payload[: 2 * size] + b"after"
    assert await drive.length(VOLUME) == offset + 2 * size + 5


async def read_back(drive: Drive, offset: int, buffers: list[memoryview], check: Check | None = None) -> None:
    group = CallGroup(1)
    drive.start_read_back(VOLUME, offset, buffers, check, group.done)
    for error in await group.wait(20.0):
        raise error


@pytest.mark.parametrize("offset", [4096, 5000])
@pytest.mark.parametrize("size", [100, 131072, 700_000])
async def test_what_is_durable_is_read_back(drive: Drive, offset: int, size: int) -> None:
    """Past the page cache or not: the header that comes first makes what follows lie anyhow."""
    payload, checked = Random(size).randbytes(size + 70), list[bytes]()
    await drive.create(VOLUME, SUPERBLOCK)
    await drive.write(VOLUME, offset, [payload], sync=True)
    for head in (0, 64, 70):
        room = aligned_buffer(head + size)
        first, rest = room[:head].data, aligned_buffer(size).data
        await read_back(drive, offset, [first, rest], lambda rest=rest: checked.append(bytes(rest)))  # type: ignore[misc]
        assert bytes(first) + bytes(rest) == payload[: head + size]
        assert checked.pop() == payload[head : head + size]
    with pytest.raises(DriveError):
        await read_back(drive, offset, [aligned_buffer(size + 71).data])
    await drive.delete(VOLUME)
    with pytest.raises(ShardMissing):
        await read_back(drive, offset, [aligned_buffer(1).data])


def test_threads_share_one_direct_descriptor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second one would never be closed, and keep the space of an unlinked shard."""
    opened: list[int] = []
    barrier, really = Barrier(4), shard_file._open_direct

    def slowly(path: str) -> int:
        time.sleep(0.05)
        opened.append(really(path))
        return opened[-1]

    monkeypatch.setattr(shard_file, "_open_direct", slowly)
    file, payload = ShardFile(str(tmp_path / "shard"), os.O_RDWR | os.O_CREAT), aligned_buffer(1024 * 1024)
    payload[:] = 7

    def write(number: int) -> None:
        barrier.wait()
        file.write(number * len(payload), [payload.data])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    assert len(opened) == 1
    assert (tmp_path / "shard").read_bytes() == 4 * payload.tobytes()


async def test_a_file_system_without_direct_writes_does_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the descriptor cannot be had, or a write with it is refused as misaligned."""
    tried = []

    def refuse(fd: int, buffers: list[memoryview], offset: int, *flags: int) -> int:
        if not flags:
            tried.append(fd)
            raise OSError(errno.EINVAL, "not so")
        return os_pwritev(fd, buffers, offset, *flags)

    os_pwritev = os.pwritev
    monkeypatch.setattr(os, "pwritev", refuse)
    file = ShardFile(str(tmp_path / "shard"), os.O_RDWR | os.O_CREAT)
    payload = aligned_buffer(1024 * 1024)
    payload[:] = 7
    file.write(4096, [payload.data])
    assert tried
    monkeypatch.setattr(shard_file, "_open_direct", lambda _: -2)
    other = ShardFile(str(tmp_path / "other"), os.O_RDWR | os.O_CREAT)
    other.write(4096, [payload.data])
    assert len(tried) == 1
    for name in ("shard", "other"):
        assert (tmp_path / name).read_bytes() == bytes(4096) + payload.tobytes()


async def test_gaps_read_as_zeros(drive: Drive) -> None:
    await drive.create(VOLUME, SUPERBLOCK)
    await drive.write(VOLUME, 10000, [b"x"], sync=False)
    await drive.sync(VOLUME)
    gap = bytearray(b"?" * 10)
    await drive.read(VOLUME, 5000, [gap])
    assert gap == bytes(10)


async def test_read_now_fills_or_declines(drive: Drive) -> None:
    await drive.create(VOLUME, SUPERBLOCK)
    await drive.write(VOLUME, 4096, [b"payload"], sync=True)
    buffer = bytearray(7)
    if drive.read_now(VOLUME, 4096, (buffer,)):
        assert buffer == b"payload"
    assert not drive.read_now(OTHER, 0, (bytearray(1),))
    assert not drive.read_now(VOLUME, 4096, (bytearray(100),))


async def test_beyond_the_end_is_an_error(drive: Drive) -> None:
    await drive.create(VOLUME, SUPERBLOCK)
    with pytest.raises(DriveError):
        await drive.read(VOLUME, 4090, [bytearray(100)])


async def test_a_missing_shard_is_said_to_be_missing(drive: Drive) -> None:
    with pytest.raises(ShardMissing):
        await drive.read(VOLUME, 0, [bytearray(1)])
    with pytest.raises(ShardMissing):
        await drive.length(VOLUME)
    await drive.delete(VOLUME)


async def test_an_existing_shard_is_not_made_again(drive: Drive) -> None:
    await drive.create(VOLUME, SUPERBLOCK)
    with pytest.raises(DriveError):
        await drive.create(VOLUME, b"T" * 4096)
    head = bytearray(1)
    await drive.read(VOLUME, 0, [head])
    assert head == b"S"


async def test_only_the_writer_writes(drive: Drive) -> None:
    with pytest.raises(DriveError):
        await drive.write(VOLUME, 0, [b"x"], sync=True)
    await drive.create(VOLUME, SUPERBLOCK)
    drive.finish(VOLUME)
    with pytest.raises(DriveError):
        await drive.write(VOLUME, 4096, [b"x"], sync=True)


async def test_the_check_runs_on_what_was_read(drive: Drive) -> None:
    await drive.create(VOLUME, SUPERBLOCK)
    buffer, seen = bytearray(3), []

    def check() -> None:
        seen.append(bytes(buffer))
        raise CorruptData("differs")

    with pytest.raises(CorruptData):
        await drive.read(VOLUME, 0, [buffer], check)
    assert seen == [b"SSS"]


async def test_delete_and_list(drive: Drive) -> None:
    for volume in (OTHER, VOLUME):
        await drive.create(volume, SUPERBLOCK)
    assert await drive.shards(b"", 10) == sorted([VOLUME, OTHER])
    assert await drive.shards(VOLUME, 10) == [OTHER]
    assert await drive.shards(b"", 1) == [VOLUME]
    await drive.delete(VOLUME)
    assert await drive.shards(b"", 10) == [OTHER]


async def test_space(drive: Drive) -> None:
    capacity, free = await drive.space()
    assert capacity >= free > 0
    assert drive.usable
    assert not drive.full


# What only a real directory can show.


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[LocalDrive]:
    opened = LocalDrive(tmp_path / "d", await format_drive(tmp_path / "d", "c" * 32, "hot"))
    yield opened
    opened.close()


async def test_a_failed_fsync_poisons_the_shard(local: LocalDrive, monkeypatch: pytest.MonkeyPatch) -> None:
    """B10: the second fsync would say OK though the pages are gone; it must never be asked."""
    await local.create(VOLUME, SUPERBLOCK)
    calls = []

    def failing(fd: int, *_: object) -> int:
        calls.append(fd)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", failing)
    monkeypatch.setattr(os, "pwritev", failing)
    with pytest.raises(DriveError):
        await local.write(VOLUME, 4096, [b"lost"], sync=True)
    monkeypatch.undo()
    with pytest.raises(DriveError):
        await local.sync(VOLUME)
    with pytest.raises(DriveError):
        await local.write(VOLUME, 4096, [b"again"], sync=True)
    assert len(calls) == 1
    assert not local.usable


async def test_no_space_is_told_apart(local: LocalDrive, monkeypatch: pytest.MonkeyPatch) -> None:
    await local.create(VOLUME, SUPERBLOCK)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwritev", full)
    with pytest.raises(DriveError) as caught:
        await local.write(VOLUME, 4096, [b"x"], sync=True)
    assert caught.value.full
    assert local.full
    monkeypatch.undo()
    await local.space()
    assert not local.full


async def test_short_writes_are_continued(local: LocalDrive, monkeypatch: pytest.MonkeyPatch) -> None:
    await local.create(VOLUME, SUPERBLOCK)
    real = os.pwritev
    monkeypatch.setattr(os, "pwritev", lambda fd, views, at, flags: real(fd, [views[0][:2]], at, flags))
    await local.write(VOLUME, 4096, [b"abcde", b"fgh"], sync=True)
    found = bytearray(8)
    await local.read(VOLUME, 4096, [found])
    assert found == b"abcdefgh"


async def test_an_empty_mount_point_is_never_written(local: LocalDrive, tmp_path: Path) -> None:
    (tmp_path / "d" / "drive.json").unlink()
    with pytest.raises(DriveError):
        await local.create(VOLUME, SUPERBLOCK)
    assert not list((tmp_path / "d" / "shards").iterdir())


async def test_a_directory_with_files_is_not_formatted(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "photo.jpg").write_bytes(b"precious")
    with pytest.raises(DriveError, match="not empty"):
        await format_drive(tmp_path / "x", "c" * 32, "hot")
    assert await read_identity(tmp_path / "x") is None


async def test_an_open_shard_is_read_to_the_end_after_its_deletion(local: LocalDrive) -> None:
    await local.create(VOLUME, SUPERBLOCK)
    file = local._files[VOLUME]
    await local.delete(VOLUME)
    head = bytearray(4)
    file.read(0, [head])
    assert head == b"SSSS"

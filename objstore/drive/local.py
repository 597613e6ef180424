"""LocalDrive: a mounted directory of this host.

DRIVE/drive.json                     identity, see format/identity.py
DRIVE/shards/<2 hex>/<32 hex>.shard  one file a shard; its name is the volume's id, or one of its own once rebuilt
DRIVE/quarantine/<32 hex>.shard      files that nobody knows; only an operator deletes them
"""

import asyncio
import errno
import os
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from objstore.drive.base import Check, Done
from objstore.drive.counters import Counters
from objstore.drive.directory import sync_directory
from objstore.drive.health import FULL_CHECK_SECONDS, Health
from objstore.drive.shard_file import ShardFile, is_full
from objstore.drive.threads import DriveThreads
from objstore.format.identity import IDENTITY_NAME, Identity
from objstore.model import clock
from objstore.model.errors import CorruptData, DriveError, ShardMissing
from objstore.model.limits import DRIVE_TIMEOUT_SECONDS, FDS_OPEN_MAX, READ_TIMEOUT_SECONDS

THREADS_A_DRIVE = 4
# Below this clients' writes are refused; what is left is for compaction, which has to move before it can free.
FREE_BYTES_MIN = 16 * 1024 * 1024
# Written since the last look at the free space. Small: several drives may lie on one file system, each with such a
# blind spot, and together they must not use up what is kept.
LOOK_BYTES = 1024 * 1024
IDENTITY_BYTES_MAX = 4096


class LocalDrive:
    """See ``objstore.drive.base.Drive``. ``flush_seconds`` is added to each flush, to bench slow devices."""

    write_once = False
    read_seconds, write_seconds = READ_TIMEOUT_SECONDS, DRIVE_TIMEOUT_SECONDS

    def __init__(self, path: Path, identity: Identity, flush_seconds: float = 0.0) -> None:
        self.id, self.tier, self.path = identity.drive_id, identity.tier, path
        self.cluster_id = identity.cluster_id
        self.health, self.counters = Health(), Counters()
        self._flush_seconds = flush_seconds
        self._root = str(path / "shards")
        self._threads = DriveThreads(f"drive-{identity.drive_id[:6]}", THREADS_A_DRIVE)
        self._files: OrderedDict[bytes, ShardFile] = OrderedDict()
        self._writing: dict[bytes, ShardFile] = {}
        self._nowait = os.RWF_NOWAIT
        self._space_seen = -1e9
        self._unseen_bytes = 0

    @property
    def usable(self) -> bool:
        """Neither full nor suspect, nor does it hang."""
        return self.health.usable and not self._threads.stuck

    @property
    def reachable(self) -> bool:
        """Not suspect and does not hang, full or not."""
        return self.health.reachable and not self._threads.stuck

    @property
    def full(self) -> bool:
        """True while it lacks space."""
        return self.health.full

    def suspect(self, reason: str) -> None:
        """Avoid it for a while."""
        self.health.failed(reason)

    def create(self, volume_id: bytes, superblock: bytes) -> Awaitable[None]:
        """A new durable shard."""
        return self._run(self._create, volume_id, superblock)

    def write(self, volume_id: bytes, offset: int, buffers: Sequence[Any], sync: bool) -> Awaitable[None]:
        """Append or, inside what was reserved, fill in."""
        return self._run(self._write, volume_id, offset, buffers, sync)

    def start_write(self, volume_id: bytes, offset: int, buffers: Sequence[Any], sync: bool, done: Done) -> None:
        """As ``write``, telling ``done`` in a thread."""
        self._threads.start(self._guard, (self._write, (volume_id, offset, buffers, sync)), done)

    def sync(self, volume_id: bytes) -> Awaitable[None]:
        """Make a shard durable."""
        return self._run(self._write, volume_id, 0, (), True)

    def finish(self, volume_id: bytes) -> None:
        """No more writes will come."""
        self._writing.pop(volume_id, None)

    def read_now(self, volume_id: bytes, offset: int, buffers: Sequence[Any]) -> bool:
        """Fill from the page cache; False if that cannot be done at once."""
        file = self._files.get(volume_id)
        if file is None or not self._nowait:
            return False
        try:
            size = sum(map(len, buffers))
            done = os.preadv(file.fd, buffers, offset, self._nowait) == size
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno == errno.EOPNOTSUPP:
                self._nowait = 0
            return False
        if done:
            counters = self.counters
            counters.reads += 1
            counters.read_bytes += size
        return done

    def read(
        self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None = None
    ) -> Awaitable[None]:
        """Fill all buffers in a thread, then check there."""
        return self._run(self._read, volume_id, offset, buffers, check)

    def start_read(
        self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None, done: Done
    ) -> None:
        """As ``read``, telling ``done`` in a thread."""
        self._threads.start(self._guard, (self._read, (volume_id, offset, buffers, check)), done)

    def start_read_back(
        self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None, done: Done
    ) -> None:
        """As ``start_read``, past the page cache, or without what it held of these bytes."""
        self._threads.start(self._guard, (self._read_back, (volume_id, offset, buffers, check)), done)

    def length(self, volume_id: bytes) -> Awaitable[int]:
        """Bytes of the shard file."""
        return self._run(self._length, volume_id)

    def delete(self, volume_id: bytes) -> Awaitable[None]:
        """Remove a shard."""
        return self._run(self._delete, volume_id)

    def quarantine(self, volume_id: bytes) -> Awaitable[None]:
        """Set a shard aside."""
        return self._run(self._quarantine, volume_id)

    def shards(self, after: bytes, limit: int) -> Awaitable[list[bytes]]:
        """Names of files on the drive. Raises DriveError where its identity is not: an empty mount has none."""
        return self._run(self._list_shards, after, limit)

    async def space(self) -> tuple[int, int]:
        """Capacity and free bytes; also lets a full drive recover once there is room again."""
        capacity, free = await self._run(self._space)
        self._space_seen = clock.monotonic_seconds()
        return capacity, free

    def tidy(self) -> Awaitable[None]:
        """Close shards that another process has unlinked."""
        return self._run(self._tidy)

    async def check(self) -> None:
        """See whether it is still the drive that it was. Raises DriveError, and it is avoided for a while."""
        await self._run(self._check_identity)

    async def refresh(self) -> None:
        """Look at the space again if the last look is old."""
        if clock.monotonic_seconds() - self._space_seen > FULL_CHECK_SECONDS:
            await self.space()

    def close(self) -> None:
        """Let go of threads and files; what runs is finished first, unless it hangs."""
        self._threads.close()
        self._files.clear()
        self._writing.clear()

    def shard_path(self, volume_id: bytes) -> str:
        """Where a volume's shard is, or would be. Ids are bytes: nothing from outside is ever joined to a path."""
        name = volume_id.hex()
        return f"{self._root}/{name[:2]}/{name}.shard"

    def _run(self, work: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":
        return self._threads.call(self._guard, (work, args))

    def _guard(self, work: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        try:
            return work(*args)
        except FileNotFoundError as error:
            raise ShardMissing(f"drive {self.id}: {error.strerror}", self.id) from error
        except OSError as error:
            self.health.failed(str(error), is_full(error))
            raise DriveError(f"drive {self.id}: {error}", self.id, is_full(error)) from error
        except (DriveError, CorruptData):
            self.health.errors += 1
            raise

    def _create(self, volume_id: bytes, superblock: bytes) -> None:
        path = self.shard_path(volume_id)
        directory = os.path.dirname(path)
        self._check_identity()
        try:
            file = ShardFile(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        except FileNotFoundError:
            os.makedirs(directory, 0o700, exist_ok=True)
            self._sync_directory(self._root)
            file = ShardFile(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            file.write(0, [superblock])
            os.fsync(file.fd)
            self._sync_directory(directory)
        except OSError:
            os.unlink(path)
            raise
        self.counters.syncs += 1
        self._writing[volume_id] = file
        self._keep(volume_id, file)

    def _sync_directory(self, path: str) -> None:
        sync_directory(path)
        self.counters.syncs += 1

    def _write(self, volume_id: bytes, offset: int, buffers: Sequence[Any], sync: bool) -> None:
        file = self._writing.get(volume_id)
        if file is None or file.poisoned:
            raise DriveError(f"drive {self.id}: shard {volume_id.hex()} is not open for writing", self.id)
        counters, begun = self.counters, clock.monotonic_seconds()
        try:
            if buffers:
                file.write(offset, buffers, sync)
                counters.writes += 1
                counters.written_bytes += sum(map(len, buffers))
            elif sync:
                file.sync()
        except OSError:
            file.poisoned = True
            raise
        self._unseen_bytes += sum(map(len, buffers))
        if self._unseen_bytes > LOOK_BYTES:
            self._space()
        if sync:
            counters.syncs += 1
            if self._flush_seconds:
                time.sleep(self._flush_seconds)
        counters.writing.add(clock.monotonic_seconds() - begun)

    def _open(self, volume_id: bytes) -> ShardFile:
        file = self._files.get(volume_id)
        if file is None:
            file = ShardFile(self.shard_path(volume_id), os.O_RDONLY)
            self._keep(volume_id, file)
        return file

    def _keep(self, volume_id: bytes, file: ShardFile) -> None:
        files = self._files
        files[volume_id] = file
        while len(files) > FDS_OPEN_MAX // 16:
            try:
                files.popitem(last=False)
            except KeyError:  # another thread of the drive emptied it
                break

    def _read(self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None) -> None:
        begun = clock.monotonic_seconds()
        self._open(volume_id).read(offset, buffers)
        self._count_read(buffers, begun)
        if check is not None:
            check()

    def _read_back(self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None) -> None:
        begun = clock.monotonic_seconds()
        self._open(volume_id).read_back(offset, buffers)
        self._count_read(buffers, begun)
        if check is not None:
            check()

    def _count_read(self, buffers: Sequence[Any], begun: float) -> None:
        self.counters.reading.add(clock.monotonic_seconds() - begun)
        self.counters.reads += 1
        self.counters.read_bytes += sum(map(len, buffers))

    def _length(self, volume_id: bytes) -> int:
        return os.stat(self.shard_path(volume_id)).st_size

    def _delete(self, volume_id: bytes) -> None:
        self._files.pop(volume_id, None)
        self._writing.pop(volume_id, None)
        path = self.shard_path(volume_id)
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
        self._sync_directory(os.path.dirname(path))

    def _quarantine(self, volume_id: bytes) -> None:
        path, aside = self.shard_path(volume_id), f"{self.path}/quarantine"
        os.stat(path)
        os.makedirs(aside, 0o700, exist_ok=True)
        self._sync_directory(str(self.path))
        self._files.pop(volume_id, None)
        self._writing.pop(volume_id, None)
        os.rename(path, f"{aside}/{os.path.basename(path)}")
        self._sync_directory(aside)
        self._sync_directory(os.path.dirname(path))

    def _check_identity(self) -> None:
        """What is mounted here may have gone, or be another one by now: nothing is written to that."""
        try:
            with open(f"{self.path}/{IDENTITY_NAME}", "rb") as file:
                found = Identity.unpack(file.read(IDENTITY_BYTES_MAX))
        except FileNotFoundError:
            raise OSError(errno.ENODEV, "no identity file: not mounted?") from None
        except CorruptData as error:
            raise OSError(errno.ENODEV, str(error)) from None
        if (found.drive_id, found.cluster_id) != (self.id, self.cluster_id):
            raise OSError(errno.ENODEV, f"drive {found.drive_id} is mounted here now")

    def _tidy(self) -> None:
        for volume_id, file in list(self._files.items()):
            if not os.fstat(file.fd).st_nlink:
                self._files.pop(volume_id, None)
        self._space()

    def _list_shards(self, after: bytes, limit: int) -> list[bytes]:
        self._check_identity()
        found: list[bytes] = []
        for directory in sorted(os.listdir(self._root)):
            if directory < after.hex()[:2]:
                continue
            for name in sorted(os.listdir(f"{self._root}/{directory}")):
                volume_id = _volume_id(name)
                if volume_id is not None and volume_id > after:
                    found.append(volume_id)
            if len(found) >= limit:
                break
        return found[:limit]

    def _space(self) -> tuple[int, int]:
        stat = os.statvfs(self.path)
        free = stat.f_bavail * stat.f_frsize
        self.health.full = free < FREE_BYTES_MIN
        self._unseen_bytes = 0
        return stat.f_blocks * stat.f_frsize, free


def _volume_id(name: str) -> bytes | None:
    stem, dot, suffix = name.partition(".")
    try:
        volume_id = bytes.fromhex(stem)
    except ValueError:
        return None
    return volume_id if len(volume_id) == 16 and dot and suffix == "shard" else None

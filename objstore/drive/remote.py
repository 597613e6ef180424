"""RemoteDrive: a bucket of another S3 server, as a drive.

PREFIX<cluster id>/<tier>/<2 hex>/<32 hex>.volume   one object a shard, byte for byte what a shard file is

An object of S3 is written once and whole: a shard gathers in an unnamed local file, and the first sync uploads it.
After that it takes no more. Until it is uploaded nothing of it is anywhere but here, and a crash leaves nothing.

| What happens                      | What is left                        | Who clears it                              |
|-----------------------------------|-------------------------------------|--------------------------------------------|
| crash before the upload           | the volume's row                    | compaction of orphans                      |
| crash after it, before the commit | the volume's row, an object         | the same                                   |
| the upload fails, or nobody knows | the volume's row; perhaps an object | its writer retires the volume; the object  |
|                                   |                                     | is deleted when no upload can be under way |
| it does not answer when a volume  | the row RETIRED, the object         | asked again, later and later               |
| is to be deleted                  |                                     |                                            |
"""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

from objstore.drive.base import Check, Done
from objstore.drive.bucket import BucketPlace, RemoteBucket
from objstore.drive.counters import Counters
from objstore.drive.health import Health
from objstore.drive.shard_file import ShardFile
from objstore.model import clock
from objstore.model.errors import CorruptData, DriveError, RemoteUnavailable

THREADS = 16
READ_SECONDS = 10.0
WRITE_SECONDS = 120.0
DOWN_SECONDS = 1.0  # after a failure to connect all else fails at once for so long
SPACE_BYTES = 1 << 60  # nobody knows; as good as without end


class _Shard:
    """A shard that is being gathered. ``file`` has no name: it goes with its last user."""

    def __init__(self, path: str) -> None:
        self.file = ShardFile(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        os.unlink(path)
        self.lock = Lock()
        self.end = 0
        self.uploaded = False


class RemoteDrive:
    """See ``objstore.drive.base.Drive``. ``spool``: a local directory with room for what is being written."""

    write_once = True
    read_seconds, write_seconds = READ_SECONDS, WRITE_SECONDS

    def __init__(self, drive_id: str, tier: str, cluster_id: str, place: BucketPlace, spool: Path) -> None:
        self.id, self.tier, self.address = drive_id, tier, place.address
        self.health, self.counters = Health(), Counters()
        self._keys = f"{place.prefix}{cluster_id}/{tier}/"
        self._spool = str(spool)
        self._bucket = RemoteBucket(place, THREADS)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=f"remote-{tier}")
        self._writing: dict[bytes, _Shard] = {}
        self._down_until = 0.0

    @property
    def usable(self) -> bool:
        """Not suspect."""
        return self.health.usable

    @property
    def reachable(self) -> bool:
        """Not suspect."""
        return self.health.reachable

    @property
    def full(self) -> bool:
        """Never."""
        return False

    def suspect(self, reason: str) -> None:
        """Avoid it for a while; who asks right now is answered at once."""
        self.health.failed(reason)
        self._down_until = clock.monotonic_seconds() + DOWN_SECONDS

    def create(self, volume_id: bytes, superblock: bytes) -> Awaitable[None]:
        """A new shard, here for now. Fails at once while the remote is suspect."""
        return self._run(self._create, volume_id, superblock)

    def write(self, volume_id: bytes, offset: int, buffers: Sequence[Any], sync: bool) -> Awaitable[None]:
        """Gather; with ``sync`` upload all that was gathered."""
        return self._run(self._write, volume_id, offset, buffers, sync)

    def start_write(self, volume_id: bytes, offset: int, buffers: Sequence[Any], sync: bool, done: Done) -> None:
        """As ``write``, telling ``done`` in a thread."""
        self._start(done, self._write, volume_id, offset, buffers, sync)

    def sync(self, volume_id: bytes) -> Awaitable[None]:
        """Upload the shard, unless that is done."""
        return self._run(self._write, volume_id, 0, (), True)

    def finish(self, volume_id: bytes) -> None:
        """No more writes will come: what was not uploaded never will be."""
        self._writing.pop(volume_id, None)

    def read_now(self, volume_id: bytes, offset: int, buffers: Sequence[Any]) -> bool:
        """Never without waiting."""
        return False

    def read(
        self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None = None
    ) -> Awaitable[None]:
        """One ranged GET; what was not uploaded yet is read here."""
        return self._run(self._read, volume_id, offset, buffers, check)

    def start_read(
        self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None, done: Done
    ) -> None:
        """As ``read``, telling ``done`` in a thread."""
        self._start(done, self._read, volume_id, offset, buffers, check)

    def start_read_back(
        self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None, done: Done
    ) -> None:
        """As ``start_read``: what is uploaded is not kept here."""
        self.start_read(volume_id, offset, buffers, check, done)

    def length(self, volume_id: bytes) -> Awaitable[int]:
        """Bytes of the shard."""
        return self._run(self._length, volume_id)

    def delete(self, volume_id: bytes) -> Awaitable[None]:
        """Remove a shard. Fails at once while the remote is suspect: somebody asks again later."""
        return self._run(self._delete, volume_id)

    async def quarantine(self, volume_id: bytes) -> None:
        """Not here: what lies in the bucket and is not known is for whoever serves it. Raises DriveError."""
        raise DriveError(f"tier {self.tier}: nothing is set aside in a bucket", self.id)

    def shards(self, after: bytes, limit: int) -> Awaitable[list[bytes]]:
        """Volume ids of shards there and here."""
        return self._run(self._shards, after, limit)

    async def space(self) -> tuple[int, int]:
        """Capacity and free bytes, as if there were no end."""
        return SPACE_BYTES, SPACE_BYTES

    async def tidy(self) -> None:
        """Nothing is kept that others could have removed."""

    async def check(self) -> None:
        """A bucket has no identity file."""

    async def refresh(self) -> None:
        """Its health is what the last requests made of it."""

    def close(self) -> None:
        """Let go of threads, files and connections; what runs is finished first."""
        self._threads.shutdown(wait=True)
        self._writing.clear()
        self._bucket.close()

    def key(self, volume_id: bytes) -> str:
        """Key of a volume's object."""
        name = volume_id.hex()
        return f"{self._keys}{name[:2]}/{name}.volume"

    def _run(self, work: Callable[..., Any], *args: Any) -> "Awaitable[Any]":
        return asyncio.get_running_loop().run_in_executor(self._threads, self._guard, work, *args)

    def _start(self, done: Done, work: Callable[..., Any], *args: Any) -> None:
        def tell(ended: "Future[Any]") -> None:
            error = ended.exception()
            done(None if error else ended.result(), error)

        self._threads.submit(self._guard, work, *args).add_done_callback(tell)

    def _guard(self, work: Callable[..., Any], *args: Any) -> Any:
        try:
            return work(*args)
        except RemoteUnavailable as error:
            raise RemoteUnavailable(f"tier {self.tier}: {error}", self.id) from error
        except OSError as error:  # of the spool
            self.health.failed(f"spool: {error.strerror}")
            raise DriveError(f"tier {self.tier}: spool: {error.strerror}", self.id) from error
        except (DriveError, CorruptData):
            self.health.errors += 1
            raise

    def _ask(self, call: Callable[..., Any], *args: Any) -> Any:
        """A request, unless one has just failed."""
        if clock.monotonic_seconds() < self._down_until:
            raise RemoteUnavailable(self.health.last_error)
        try:
            return call(*args)
        except RemoteUnavailable as error:
            self._down_until = clock.monotonic_seconds() + DOWN_SECONDS
            self.health.failed(str(error))
            raise

    def _check_reachable(self) -> None:
        if not self.health.reachable:
            raise RemoteUnavailable(self.health.last_error)

    def _create(self, volume_id: bytes, superblock: bytes) -> None:
        self._check_reachable()
        if volume_id in self._writing:
            raise DriveError(f"tier {self.tier}: shard {volume_id.hex()} is there already", self.id)
        shard = _Shard(f"{self._spool}/{volume_id.hex()}.{self.tier}")
        shard.file.write(0, [superblock])
        shard.end = len(superblock)
        self._writing[volume_id] = shard

    def _write(self, volume_id: bytes, offset: int, buffers: Sequence[Any], sync: bool) -> None:
        shard = self._writing.get(volume_id)
        if shard is None or shard.file.poisoned or (shard.uploaded and buffers):
            raise DriveError(f"tier {self.tier}: shard {volume_id.hex()} is not open for writing", self.id)
        try:
            if buffers:
                shard.file.write(offset, buffers)
                with shard.lock:
                    shard.end = max(shard.end, offset + sum(map(len, buffers)))
            if sync and not shard.uploaded:
                self._upload(volume_id, shard)
        except (OSError, DriveError):
            shard.file.poisoned = True
            raise

    def _upload(self, volume_id: bytes, shard: _Shard) -> None:
        with shard.lock, os.fdopen(os.dup(shard.file.fd), "rb") as content:
            if not shard.uploaded:
                self._ask(self._bucket.put, self.key(volume_id), content)
                shard.uploaded = True
                self.counters.writes += 1
                self.counters.syncs += 1
                self.counters.written_bytes += shard.end
        os.ftruncate(shard.file.fd, 0)

    def _read(self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None) -> None:
        shard = self._writing.get(volume_id)
        if shard is not None and not shard.uploaded:
            shard.file.read(offset, buffers)
        elif size := sum(map(len, buffers)):
            content = memoryview(self._ask(self._bucket.get, self.key(volume_id), offset, size))
            self.counters.reads += 1
            self.counters.read_bytes += size
            scatter(content, buffers)
        if check is not None:
            check()

    def _length(self, volume_id: bytes) -> int:
        shard = self._writing.get(volume_id)
        if shard is not None and not shard.uploaded:
            return shard.end
        return int(self._ask(self._bucket.size, self.key(volume_id)))

    def _delete(self, volume_id: bytes) -> None:
        self._check_reachable()
        self._writing.pop(volume_id, None)
        self._ask(self._bucket.delete, self.key(volume_id))

    def _shards(self, after: bytes, limit: int) -> list[bytes]:
        keys = self._ask(self._bucket.list, self._keys, self.key(after) if after else "", min(limit, 1000))
        found = {volume_id for key in keys if (volume_id := _volume_id(key)) is not None}
        found |= {volume_id for volume_id in self._writing if volume_id > after}
        return sorted(found)[:limit]


def _volume_id(key: str) -> bytes | None:
    found = re.fullmatch(r".*/([0-9a-f]{32})\.volume", key)
    return bytes.fromhex(found[1]) if found else None


def scatter(content: memoryview, buffers: Sequence[Any]) -> None:
    """Copy bytes into buffers, one after the other."""
    at = 0
    for buffer in buffers:
        memoryview(buffer).cast("B")[:] = content[at : at + len(buffer)]
        at += len(buffer)

"""SimDrive: a drive in memory that keeps written and synced bytes apart, and breaks when it is told to."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

from objstore.drive.base import Check, Done
from objstore.model.errors import DriveError, ShardMissing

SECTOR_BYTES = 512


class SimShard:
    """``durable`` is what a crash leaves; ``written`` is what readers see."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.durable = bytearray()
        self.pending: list[tuple[int, bytes]] = []
        self.poisoned = False

    def write(self, offset: int, data: bytes) -> None:
        _put(self.written, offset, data)
        self.pending.append((offset, data))

    def sync(self) -> None:
        for offset, data in self.pending:
            _put(self.durable, offset, data)
        self.pending.clear()

    def crash(self, random: Random) -> None:
        """Unsynced writes survive whole, torn at a sector, or not at all, each on its own."""
        for offset, data in self.pending:
            fate = random.random()
            if fate < 0.3:
                _put(self.durable, offset, data)
            elif fate < 0.6:
                _put(self.durable, offset, data[: random.randrange(len(data) // SECTOR_BYTES + 1) * SECTOR_BYTES])
        self.pending.clear()
        self.written = bytearray(self.durable)


def _put(content: bytearray, offset: int, data: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


class SimDrive:
    """Implements objstore.drive.base.Drive. ``random`` decides what is late, lost and torn."""

    write_once = False
    read_seconds, write_seconds = 2.0, 20.0

    def __init__(self, drive_id: str, tier: str, random: Random) -> None:
        self.id, self.tier, self.random = drive_id, tier, random
        self.shards_here: dict[bytes, SimShard] = {}
        self.set_aside: dict[bytes, SimShard] = {}
        self._writing: set[bytes] = set()
        self.gone = False
        self.full = False
        self.fail_next_write = False
        self.fail_next_sync = False
        self.failures_met = 0

    @property
    def usable(self) -> bool:
        return not self.gone and not self.full

    @property
    def reachable(self) -> bool:
        return not self.gone

    def suspect(self, reason: str) -> None:
        """The simulation decides by itself."""

    async def _turn(self) -> None:
        for _ in range(self.random.randrange(3)):
            await asyncio.sleep(0)
        if self.gone:
            raise DriveError("drive gone", self.id)

    async def create(self, volume_id: bytes, superblock: bytes) -> None:
        await self._turn()
        self._check_write()
        if volume_id in self.shards_here:
            raise DriveError("shard exists", self.id)
        shard = self.shards_here[volume_id] = SimShard()
        shard.write(0, superblock)
        shard.sync()
        self._writing.add(volume_id)

    async def write(self, volume_id: bytes, offset: int, buffers: Sequence[Any], sync: bool) -> None:
        data = b"".join(bytes(buffer) for buffer in buffers)
        await self._turn()
        shard = self._writable(volume_id)
        try:
            self._check_write()
        except DriveError:
            shard.poisoned = True
            raise
        if data:
            shard.write(offset, data)
        if sync:
            await self._turn()
            self._sync(shard)

    def start_write(self, volume_id: bytes, offset: int, buffers: Sequence[Any], sync: bool, done: Done) -> None:
        task = asyncio.ensure_future(self.write(volume_id, offset, buffers, sync))
        task.add_done_callback(lambda _: done(None, DriveError("power gone") if task.cancelled() else task.exception()))

    async def sync(self, volume_id: bytes) -> None:
        await self._turn()
        self._sync(self._writable(volume_id))

    def finish(self, volume_id: bytes) -> None:
        self._writing.discard(volume_id)

    def read_now(self, volume_id: bytes, offset: int, buffers: Sequence[Any]) -> bool:
        shard, size = self.shards_here.get(volume_id), sum(map(len, buffers))
        if self.gone or shard is None or self.random.random() < 0.3 or len(shard.written) < offset + size:
            return False
        for buffer in buffers:
            memoryview(buffer)[:] = shard.written[offset : offset + len(buffer)]
            offset += len(buffer)
        return True

    async def read(self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None = None) -> None:
        await self._turn()
        shard = self._shard(volume_id)
        for buffer in buffers:
            piece = shard.written[offset : offset + len(buffer)]
            if len(piece) < len(buffer):
                raise DriveError("shard ends", self.id)
            memoryview(buffer)[:] = piece
            offset += len(buffer)
        if check is not None:
            check()

    def start_read(
        self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None, done: Done
    ) -> None:
        task = asyncio.ensure_future(self.read(volume_id, offset, buffers, check))
        task.add_done_callback(lambda _: done(None, DriveError("power gone") if task.cancelled() else task.exception()))

    def start_read_back(
        self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None, done: Done
    ) -> None:
        """There is no cache here."""
        self.start_read(volume_id, offset, buffers, check, done)

    async def length(self, volume_id: bytes) -> int:
        await self._turn()
        return len(self._shard(volume_id).written)

    async def delete(self, volume_id: bytes) -> None:
        await self._turn()
        self.shards_here.pop(volume_id, None)

    async def quarantine(self, volume_id: bytes) -> None:
        await self._turn()
        self.set_aside[volume_id] = self.shards_here.pop(volume_id, None) or self._shard(volume_id)

    async def shards(self, after: bytes, limit: int) -> list[bytes]:
        await self._turn()
        return sorted(volume_id for volume_id in self.shards_here if volume_id > after)[:limit]

    async def tidy(self) -> None:
        """Nobody else holds a shard open here."""

    async def space(self) -> tuple[int, int]:
        await self._turn()
        return 1 << 40, 0 if self.full else 1 << 39

    def crash(self) -> None:
        """Power goes: unsynced bytes may be lost, and nobody is writing any more."""
        self._writing.clear()
        for shard in self.shards_here.values():
            shard.crash(self.random)

    def rot(self, flips: int) -> int:
        """Flip bits anywhere in the drive's shards; how many were flipped."""
        shards = [shard for shard in self.shards_here.values() if shard.written]
        for _ in range(flips if shards else 0):
            shard = self.random.choice(shards)
            at = self.random.randrange(len(shard.written))
            shard.written[at] ^= 1 << self.random.randrange(8)
            if at < len(shard.durable):
                shard.durable[at] = shard.written[at]
        return flips if shards else 0

    def _shard(self, volume_id: bytes) -> SimShard:
        shard = self.shards_here.get(volume_id)
        if shard is None:
            raise ShardMissing("no shard", self.id)
        return shard

    def _writable(self, volume_id: bytes) -> SimShard:
        shard = self._shard(volume_id)
        if volume_id not in self._writing or shard.poisoned:
            raise DriveError("not open for writing", self.id)
        return shard

    def _check_write(self) -> None:
        if self.full:
            raise DriveError("no space", self.id, full=True)
        if self.fail_next_write:
            self.fail_next_write = False
            self.failures_met += 1
            raise DriveError("write failed", self.id)

    def _sync(self, shard: SimShard) -> None:
        if self.fail_next_sync:
            self.fail_next_sync = False
            self.failures_met += 1
            # The kernel drops the dirty pages and says so once (fsyncgate).
            shard.pending.clear()
            shard.poisoned = True
            raise DriveError("fsync failed", self.id)
        shard.sync()

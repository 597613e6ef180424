"""Sight: a drive as one process sees it over a network that may break between the two, and only there."""

import asyncio
from collections.abc import Sequence
from enum import Enum
from typing import Any

from objstore.drive.base import Check, Done
from objstore.model.errors import DriveError
from tests.sim.drive import SimDrive


class Link(Enum):
    """What becomes of a request and of its answer."""

    WELL = "well"
    CUT = "cut"  # nothing arrives
    DEAF = "deaf"  # the request arrives and is done, the answer does not


class Sight:
    """Implements objstore.drive.base.Drive over a SimDrive that others see by themselves."""

    write_once = False
    read_seconds, write_seconds = SimDrive.read_seconds, SimDrive.write_seconds

    def __init__(self, drive: SimDrive) -> None:
        self._drive, self.link = drive, Link.WELL
        self.id, self.tier = drive.id, drive.tier

    @property
    def usable(self) -> bool:
        return self._drive.usable and self.link is Link.WELL

    @property
    def reachable(self) -> bool:
        return self._drive.reachable and self.link is Link.WELL

    @property
    def full(self) -> bool:
        return self._drive.full

    def suspect(self, reason: str) -> None:
        """The simulation decides by itself."""

    async def _ask(self, name: str, *arguments: Any) -> Any:
        if self.link is Link.CUT:
            await asyncio.sleep(0)
            raise DriveError("cut off", self.id)
        answer = await getattr(self._drive, name)(*arguments)
        if self.link is not Link.WELL:
            raise DriveError("no answer", self.id)
        return answer

    async def create(self, volume_id: bytes, superblock: bytes) -> None:
        await self._ask("create", volume_id, superblock)

    async def write(self, volume_id: bytes, offset: int, buffers: Sequence[Any], sync: bool) -> None:
        await self._ask("write", volume_id, offset, [bytes(buffer) for buffer in buffers], sync)

    def start_write(self, volume_id: bytes, offset: int, buffers: Sequence[Any], sync: bool, done: Done) -> None:
        _then(self.write(volume_id, offset, buffers, sync), done)

    async def sync(self, volume_id: bytes) -> None:
        await self._ask("sync", volume_id)

    def finish(self, volume_id: bytes) -> None:
        self._drive.finish(volume_id)

    def read_now(self, volume_id: bytes, offset: int, buffers: Sequence[Any]) -> bool:
        return self.link is Link.WELL and self._drive.read_now(volume_id, offset, buffers)

    async def read(self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None = None) -> None:
        await self._ask("read", volume_id, offset, buffers, check)

    def start_read(
        self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None, done: Done
    ) -> None:
        _then(self.read(volume_id, offset, buffers, check), done)

    start_read_back = start_read

    async def length(self, volume_id: bytes) -> int:
        return int(await self._ask("length", volume_id))

    async def delete(self, volume_id: bytes) -> None:
        await self._ask("delete", volume_id)

    async def quarantine(self, volume_id: bytes) -> None:
        await self._ask("quarantine", volume_id)

    async def shards(self, after: bytes, limit: int) -> list[bytes]:
        found: list[bytes] = await self._ask("shards", after, limit)
        return found

    async def tidy(self) -> None:
        """Nobody else holds a shard open here."""

    async def space(self) -> tuple[int, int]:
        total, free = await self._ask("space")
        return int(total), int(free)


def _then(work: Any, done: Done) -> None:
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda _: done(None, DriveError("power gone") if task.cancelled() else task.exception()))

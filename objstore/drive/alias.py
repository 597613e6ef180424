"""Alias: a drive as the holder of one shard whose file has another name than its volume's id.

A shard that was rebuilt or moved gets a fresh name, so that no file is ever written over and a stale one that comes
back with its drive is named by no row. Whoever reads a volume knows its id only: the alias puts the name in its place.
"""

from collections.abc import Awaitable, Sequence
from typing import Any

from objstore.drive.base import Check, Done, Drive


class Alias:
    """See ``objstore.drive.base.Drive``; the volume's id that callers give is not looked at."""

    def __init__(self, drive: Drive, file_id: bytes) -> None:
        self._drive, self.file_id = drive, file_id
        self.id, self.tier, self.write_once = drive.id, drive.tier, drive.write_once
        self.read_seconds, self.write_seconds = drive.read_seconds, drive.write_seconds

    @property
    def usable(self) -> bool:
        """As the drive."""
        return self._drive.usable

    @property
    def reachable(self) -> bool:
        """As the drive."""
        return self._drive.reachable

    @property
    def full(self) -> bool:
        """As the drive."""
        return self._drive.full

    def suspect(self, reason: str) -> None:
        """Avoid the drive for a while."""
        self._drive.suspect(reason)

    def create(self, volume_id: bytes, superblock: bytes) -> Awaitable[Any]:
        """A new shard."""
        return self._drive.create(self.file_id, superblock)

    def write(self, volume_id: bytes, offset: int, buffers: Sequence[Any], sync: bool) -> Awaitable[Any]:
        """Write buffers."""
        return self._drive.write(self.file_id, offset, buffers, sync)

    def start_write(self, volume_id: bytes, offset: int, buffers: Sequence[Any], sync: bool, done: Done) -> None:
        """As ``write``, telling ``done``."""
        self._drive.start_write(self.file_id, offset, buffers, sync, done)

    def sync(self, volume_id: bytes) -> Awaitable[Any]:
        """Make the shard durable."""
        return self._drive.sync(self.file_id)

    def finish(self, volume_id: bytes) -> None:
        """No more writes will come."""
        self._drive.finish(self.file_id)

    def read_now(self, volume_id: bytes, offset: int, buffers: Sequence[Any]) -> bool:
        """Fill all buffers if that needs no waiting."""
        return self._drive.read_now(self.file_id, offset, buffers)

    def read(self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None = None) -> Awaitable[Any]:
        """Fill all buffers."""
        return self._drive.read(self.file_id, offset, buffers, check)

    def start_read(
        self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None, done: Done
    ) -> None:
        """As ``read``, telling ``done``."""
        self._drive.start_read(self.file_id, offset, buffers, check, done)

    def start_read_back(
        self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None, done: Done
    ) -> None:
        """As ``start_read``, from the device."""
        self._drive.start_read_back(self.file_id, offset, buffers, check, done)

    def length(self, volume_id: bytes) -> Awaitable[int]:
        """Bytes of the shard file."""
        return self._drive.length(self.file_id)

    def delete(self, volume_id: bytes) -> Awaitable[Any]:
        """Remove the shard."""
        return self._drive.delete(self.file_id)

    def quarantine(self, volume_id: bytes) -> Awaitable[Any]:
        """Set the shard aside."""
        return self._drive.quarantine(self.file_id)

    def shards(self, after: bytes, limit: int) -> Awaitable[list[bytes]]:
        """Of the drive."""
        return self._drive.shards(after, limit)

    def space(self) -> Awaitable[tuple[int, int]]:
        """Of the drive."""
        return self._drive.space()

    def tidy(self) -> Awaitable[Any]:
        """Of the drive."""
        return self._drive.tidy()


def named(drive: Drive | None, file_id: bytes | None) -> Drive | None:
    """The drive for a shard whose file has this name (None: the volume's id)."""
    return drive if drive is None or file_id is None else Alias(drive, file_id)

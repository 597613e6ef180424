"""The drive contract: what volumes ask of a drive, wherever it is. One suite of tests runs over all of them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

Check = Callable[[], None]
Done = Callable[[Any, BaseException | None], None]


class Drive(Protocol):
    """Holds shards, one file a volume. A shard's name is its volume's id (16 bytes).

    All methods raise DriveError (``full`` when out of space), ShardMissing where the shard is not there. After a
    failed write or sync a shard is poisoned: every later write or sync of it fails too, for the kernel may have
    dropped the dirty pages and reported it once. A drive that hangs refuses calls (DriveTimeout) instead of collecting
    them without end.

    ``write_once``: a shard is written as a whole, and takes no more after its first sync. ``read_seconds``,
    ``write_seconds``: for how long a request is waited for.
    """

    id: str
    tier: str
    write_once: bool
    read_seconds: float
    write_seconds: float

    def create(self, volume_id: bytes, superblock: bytes) -> Awaitable[Any]:
        """A new shard with its superblock, durable with its directory entry. An existing one is refused."""
        ...

    def write(self, volume_id: bytes, offset: int, buffers: Sequence[Any], sync: bool) -> Awaitable[Any]:
        """Write buffers one after the other from ``offset``; with ``sync`` these bytes are durable after."""
        ...

    def start_write(self, volume_id: bytes, offset: int, buffers: Sequence[Any], sync: bool, done: Done) -> None:
        """As ``write``, but tells ``done(result, error)``, in any thread, when it has ended."""
        ...

    def sync(self, volume_id: bytes) -> Awaitable[Any]:
        """Make everything that was written to the shard durable."""
        ...

    def finish(self, volume_id: bytes) -> None:
        """No more writes will come."""
        ...

    def read_now(self, volume_id: bytes, offset: int, buffers: Sequence[Any]) -> bool:
        """Fill all buffers if that needs no waiting for the device; False if it would, or on any failure.

        In any thread.
        """
        ...

    def read(self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None = None) -> Awaitable[Any]:
        """Fill all buffers from ``offset``, then run ``check`` off the event loop; a short file is a DriveError."""
        ...

    def start_read(
        self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None, done: Done
    ) -> None:
        """As ``read``, but tells ``done(result, error)``, in any thread, when it has ended."""
        ...

    def start_read_back(
        self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None, done: Done
    ) -> None:
        """As ``start_read`` of durable bytes, but from the device where that can be arranged, not from a cache."""
        ...

    def length(self, volume_id: bytes) -> Awaitable[int]:
        """Bytes of the shard file."""
        ...

    def delete(self, volume_id: bytes) -> Awaitable[Any]:
        """Remove a shard, durably; one that is not there is no error."""
        ...

    def quarantine(self, volume_id: bytes) -> Awaitable[Any]:
        """Set a shard aside, durably: it is not listed and not read any more, and only an operator deletes it."""
        ...

    def shards(self, after: bytes, limit: int) -> Awaitable[list[bytes]]:
        """Volume ids of shards on the drive, ascending, greater than ``after``."""
        ...

    def space(self) -> Awaitable[tuple[int, int]]:
        """Capacity and free bytes."""
        ...

    def tidy(self) -> Awaitable[Any]:
        """Look after it now and then: close what another process has removed, see how much space is free."""
        ...

    @property
    def usable(self) -> bool:
        """False while the drive is failing or full: new volumes avoid it."""
        ...

    @property
    def reachable(self) -> bool:
        """False while the drive is failing; a full one may be reachable."""
        ...

    @property
    def full(self) -> bool:
        """True while it lacks space."""
        ...

    def suspect(self, reason: str) -> None:
        """Somebody saw it fail or be late: avoid it for a while."""
        ...

"""AbsentDrive: in place of a drive that there is none of, for a column that is not written until it is healed."""

from collections.abc import Sequence
from typing import Any

from objstore.drive.base import Check, Done
from objstore.model.errors import DriveAway
from objstore.model.limits import READ_TIMEOUT_SECONDS


class AbsentDrive:
    """See ``objstore.drive.base.Drive``. Takes every write, keeps nothing, has nothing to read."""

    write_once = False
    read_seconds, write_seconds = READ_TIMEOUT_SECONDS, 0.0
    usable = reachable = True
    full = False

    def __init__(self, drive_id: str, tier: str) -> None:
        self.id, self.tier = drive_id, tier

    async def create(self, volume_id: bytes, superblock: bytes) -> None:
        """Nothing."""

    async def write(self, volume_id: bytes, offset: int, buffers: Sequence[Any], sync: bool) -> None:
        """Nothing."""

    def start_write(self, volume_id: bytes, offset: int, buffers: Sequence[Any], sync: bool, done: Done) -> None:
        """Done."""
        done(None, None)

    async def sync(self, volume_id: bytes) -> None:
        """Nothing."""

    def finish(self, volume_id: bytes) -> None:
        """Nothing."""

    def read_now(self, volume_id: bytes, offset: int, buffers: Sequence[Any]) -> bool:
        """Never."""
        return False

    async def read(self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None = None) -> None:
        """Raises DriveAway."""
        raise DriveAway("this column was never written", self.id)

    def start_read(
        self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None, done: Done
    ) -> None:
        """DriveAway."""
        done(None, DriveAway("this column was never written", self.id))

    def start_read_back(
        self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None, done: Done
    ) -> None:
        """DriveAway."""
        self.start_read(volume_id, offset, buffers, check, done)

    async def length(self, volume_id: bytes) -> int:
        """Raises DriveAway."""
        raise DriveAway("this column was never written", self.id)

    async def delete(self, volume_id: bytes) -> None:
        """Nothing."""

    async def quarantine(self, volume_id: bytes) -> None:
        """Nothing."""

    async def shards(self, after: bytes, limit: int) -> list[bytes]:
        """None."""
        return []

    async def space(self) -> tuple[int, int]:
        """None."""
        return 0, 0

    async def tidy(self) -> None:
        """Nothing."""

    def suspect(self, reason: str) -> None:
        """It cannot get worse."""

"""Read from the device, as a call to await, now or later."""

from collections.abc import Sequence
from typing import Any

from objstore.drive.base import Drive
from objstore.drive.threads import CallGroup
from objstore.model.errors import DriveTimeout
from objstore.model.limits import DRIVE_TIMEOUT_SECONDS


class FreshRead:
    """``Drive.start_read_back`` that is under way from now on. For whoever has something else to do meanwhile."""

    def __init__(self, drive: Drive, volume_id: bytes, offset: int, *buffers: Any) -> None:
        self._drive, self._group = drive, CallGroup(1)
        drive.start_read_back(volume_id, offset, buffers, None, self._group.done)

    async def wait(self, seconds: float) -> None:
        """Until it has ended, once. Raises as ``Drive.read``, DriveTimeout after so many seconds of waiting."""
        try:
            errors = await self._group.wait(seconds)
        except TimeoutError:
            raise DriveTimeout(f"drive {self._drive.id} took longer than {seconds} s", self._drive.id) from None
        if errors:
            raise errors[0]


async def read_back(drive: Drive, volume_id: bytes, offset: int, buffers: Sequence[Any]) -> None:
    """``Drive.start_read_back`` until it has ended, in the time of what cannot be hurried. Raises as ``Drive.read``."""
    await FreshRead(drive, volume_id, offset, *buffers).wait(max(drive.read_seconds, DRIVE_TIMEOUT_SECONDS))

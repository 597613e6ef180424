"""Read from the device, as a call to await."""

from collections.abc import Sequence
from typing import Any

from objstore.drive.base import Drive
from objstore.drive.threads import CallGroup
from objstore.model.errors import DriveTimeout


async def read_back(drive: Drive, volume_id: bytes, offset: int, buffers: Sequence[Any]) -> None:
    """``Drive.start_read_back`` until it has ended, within the drive's own bound. Raises as ``Drive.read``."""
    group = CallGroup(1)
    drive.start_read_back(volume_id, offset, buffers, None, group.done)
    try:
        errors = await group.wait(drive.read_seconds)
    except TimeoutError:
        raise DriveTimeout(f"drive {drive.id} took longer than {drive.read_seconds} s", drive.id) from None
    if errors:
        raise errors[0]

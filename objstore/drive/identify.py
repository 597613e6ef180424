"""Give a directory an identity, and read it back."""

import os
from pathlib import Path

import aiofiles
import aiofiles.os

from objstore.drive.directory import sync_directory
from objstore.format.identity import IDENTITY_NAME, Identity
from objstore.model import clock
from objstore.model.errors import DriveError


async def read_identity(path: Path) -> Identity | None:
    """The identity of the drive at ``path``, or None if it has none. Raises CorruptData, OSError."""
    try:
        async with aiofiles.open(path / IDENTITY_NAME, "rb") as file:
            return Identity.unpack(await file.read())
    except FileNotFoundError:
        return None


async def format_drive(path: Path, cluster_id: str, tier: str) -> Identity:
    """Make an empty directory a drive, durably. Raises DriveError if anything is in it already.

    What a format that was interrupted leaves (no identity, no shard) counts as empty.
    """
    await aiofiles.os.makedirs(path, exist_ok=True)
    temporary = path / f".{IDENTITY_NAME}.new"
    names = [name for name in await aiofiles.os.listdir(path) if name not in ("lost+found", temporary.name)]
    if names == ["shards"] and not await aiofiles.os.listdir(path / "shards"):
        names = []
    if names:
        raise DriveError(f"{path} has no identity file but is not empty ({names[0]!r}): not formatted")
    identity = Identity(cluster_id, clock.random_id().hex(), tier)
    await aiofiles.os.makedirs(path / "shards", 0o700, exist_ok=True)
    async with aiofiles.open(temporary, "wb") as file:
        await file.write(identity.pack())
        await file.flush()
        await aiofiles.os.wrap(os.fsync)(file.fileno())
    await aiofiles.os.rename(temporary, path / IDENTITY_NAME)
    await aiofiles.os.wrap(sync_directory)(path)
    return identity

"""A backup in a file: written whole or not at all, and read in pieces."""

import os
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import aiofiles

from objstore.cli.problem import CommandError
from objstore.drive.directory import sync_directory
from objstore.format.snapshot import END, FrameReader
from objstore.model.errors import CorruptData

PIECE_BYTES = 1024 * 1024


def write_backup(pieces: Iterable[bytes], to: Path) -> int:
    """Write a snapshot durably; how many bytes. Raises CommandError unless it came whole."""
    temporary, reader, size, last = to.with_name(to.name + ".new"), FrameReader(), 0, -1
    try:
        with temporary.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            for piece in pieces:
                for frame in reader.feed(piece):
                    last = frame.kind
                size += file.write(piece)
            if last != END or not reader.is_between:
                raise CommandError("the backup came cut short: ask the server's log, and try again")
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(to)
        sync_directory(to.absolute().parent)
    except (OSError, CorruptData) as error:
        raise CommandError(f"{to}: {error}") from None
    finally:
        temporary.unlink(missing_ok=True)
    return size


async def read_backup(path: Path) -> AsyncIterator[bytes]:
    """The file in pieces. Raises OSError."""
    async with aiofiles.open(path, "rb") as file:
        while piece := await file.read(PIECE_BYTES):
            yield piece

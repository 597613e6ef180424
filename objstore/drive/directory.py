"""Directory entries, made durable. Blocking."""

import os


def sync_directory(path: str | os.PathLike[str]) -> None:
    """fsync of a directory: names that were made, changed or removed in it stay so. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

"""The lock of a data directory: one server at a time."""

import fcntl
import os
from pathlib import Path

from objstore.cli.problem import StartError


def lock_directory(directory: Path) -> int:
    """Make the directory if need be and take its lock, which lasts as long as this process; raises StartError.

    The kernel gives a flock up when its holder dies, however it dies: no stale locks.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartError(f"the data directory {directory} cannot be used: {error.strerror}") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(fd, 20, 0).decode(errors="replace").strip()
        os.close(fd)
        raise StartError(f"another objstore server (process {holder or 'unknown'}) runs on {directory}") from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd

"""ShardFile: an open shard. Blocking; called from a drive's own threads."""

import ctypes
import errno
import os
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from objstore.model.errors import DriveError

IOV_MAX = 1024
# Large aligned writes bypass the page cache: a fifth of the CPU of a copy and its writeback, and what clients read
# stays cached. The alignment suits every block device there is.
DIRECT_ALIGN_BYTES = 4096
DIRECT_BYTES_MIN = 128 * 1024
_UNTRIED, _UNABLE = -1, -2
_opening = Lock()
_SYNC_FILE_RANGE_WRITE = 2


def _load_sync_file_range() -> Callable[[int, int, int, int], int] | None:
    function = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if function is not None:
        function.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    return function


_sync_file_range = _load_sync_file_range()
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class ShardFile:
    """A file descriptor that closes when the last user lets go, so that no thread ever reads a reused number."""

    __slots__ = ("_direct", "_path", "fd", "poisoned")

    def __init__(self, path: str, flags: int) -> None:
        self.fd, self._direct = -1, _UNTRIED
        self._path = path
        self.fd = os.open(path, flags | os.O_CLOEXEC, 0o600)
        self.poisoned = False

    def __del__(self) -> None:
        for fd in (self.fd, self._direct):
            if fd >= 0:
                os.close(fd)

    def write(self, offset: int, buffers: Sequence[Any], sync: bool = False) -> None:
        """Write all, with ``sync`` durably (as fdatasync would, in one call); OSError on failure."""
        views = [memoryview(buffer).cast("B") for buffer in buffers if len(buffer)]
        flags = os.RWF_DSYNC if sync else 0
        if not sync:
            written = self._write_direct(offset, views)
            offset += written
            views = _rest(views, written)
        while views:
            written = os.pwritev(self.fd, views[:IOV_MAX], offset, flags)
            if written <= 0:
                raise OSError(errno.EIO, "nothing written")
            if not sync:
                start_writeback(self.fd, offset, written)
            offset += written
            views = _rest(views, written)

    def _write_direct(self, offset: int, views: list[memoryview]) -> int:
        """Bytes that went past the page cache: all, or as many as the device took; 0 where that cannot be done."""
        size = sum(map(len, views))
        if size < DIRECT_BYTES_MIN or self._direct == _UNABLE or len(views) > IOV_MAX:
            return 0
        if offset % DIRECT_ALIGN_BYTES or any(len(view) % DIRECT_ALIGN_BYTES for view in views):
            return 0
        if not self._can_direct():
            return 0
        try:
            return os.pwritev(self._direct, views, offset)
        except OSError as error:
            if error.errno != errno.EINVAL:  # the buffers do not lie as the device wants them
                raise
            return 0

    def _can_direct(self) -> bool:
        with _opening:  # chunks of one shard are written by several threads: a second descriptor would leak
            if self._direct == _UNTRIED:
                self._direct = _open_direct(self._path)
        return self._direct != _UNABLE

    def sync(self) -> None:
        """fdatasync. Never called again on this file after it failed once."""
        os.fdatasync(self.fd)

    def read(self, offset: int, buffers: Sequence[Any]) -> None:
        """Fill all buffers; DriveError if the file ends before."""
        views = [memoryview(buffer).cast("B") for buffer in buffers if len(buffer)]
        while views:
            got = os.preadv(self.fd, views[:IOV_MAX], offset)
            if got <= 0:
                raise DriveError(f"shard ends before byte {offset}")
            offset += got
            views = _rest(views, got)

    def read_back(self, offset: int, buffers: Sequence[Any]) -> None:
        """As ``read``, from the device where that can be arranged; what was read is not kept in the page cache."""
        for view in (memoryview(buffer).cast("B") for buffer in buffers if len(buffer)):
            direct = self._read_direct(offset, view)
            if direct < len(view):
                self._read_evicted(offset + direct, view[direct:])
            offset += len(view)

    def _read_direct(self, offset: int, view: memoryview) -> int:
        """Bytes that came past the page cache: as many whole pages as there are, 0 where that cannot be done."""
        size = len(view) // DIRECT_ALIGN_BYTES * DIRECT_ALIGN_BYTES
        if size < DIRECT_BYTES_MIN or offset % DIRECT_ALIGN_BYTES or not self._can_direct():
            return 0
        try:
            got = os.preadv(self._direct, [view[:size]], offset)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            return 0
        return got // DIRECT_ALIGN_BYTES * DIRECT_ALIGN_BYTES

    def _read_evicted(self, offset: int, view: memoryview) -> None:
        start = offset // DIRECT_ALIGN_BYTES * DIRECT_ALIGN_BYTES  # of a page that is dropped in part, nothing is
        size = -(-(offset + len(view) - start) // DIRECT_ALIGN_BYTES) * DIRECT_ALIGN_BYTES
        os.posix_fadvise(self.fd, start, size, os.POSIX_FADV_DONTNEED)
        self.read(offset, [view])
        os.posix_fadvise(self.fd, start, size, os.POSIX_FADV_DONTNEED)


def _open_direct(path: str) -> int:
    """A descriptor that bypasses the page cache; ``_UNABLE`` where the file system has none (tmpfs)."""
    try:
        return os.open(path, os.O_RDWR | os.O_DIRECT | os.O_CLOEXEC)
    except (OSError, AttributeError):
        return _UNABLE


def start_writeback(fd: int, offset: int, size: int) -> None:
    """Have the kernel begin to write these bytes, so that the flush at the end of a large object is short.

    sync_file_range(2) promises nothing, and a failure shows at the flush; libraries without it do without.
    """
    if _sync_file_range is not None:
        _sync_file_range(fd, offset, size, _SYNC_FILE_RANGE_WRITE)


def _rest(views: list[memoryview], done: int) -> list[memoryview]:
    """What is left of the views after ``done`` bytes."""
    for index, view in enumerate(views):
        if done < len(view):
            return [view[done:], *views[index + 1 :]]
        done -= len(view)
    return []


def is_full(error: OSError) -> bool:
    """True if the error says that space, quota or the file size limit is used up."""
    return error.errno in _FULL

"""Heap: what glibc's allocator holds for this process, and giving back what has been free for a while.

Uploads that are given up leave holes between small allocations that stay: several hundred mebibytes after some
hundred of them, where 80 are in use. The allocator keeps holes for later; it gives them back only when asked to.
"""

import asyncio
import ctypes
import os
from collections.abc import Callable
from pathlib import Path

from objstore.cli.pause import pause

LOOK_SECONDS = 15.0
# Less is not worth the page faults of taking it again.
FREE_BYTES_MIN = 64 * 1024 * 1024
_STATUS = Path("/proc/self/statm")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_FIELDS = (
    *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
    *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
)


class _Mallinfo(ctypes.Structure):
    """``struct mallinfo2`` of glibc 2.33 and later, mallinfo(3)."""

    _fields_ = [(name, ctypes.c_size_t) for name in _FIELDS]


class Heap:
    """All zeros, and nothing to give back, where the allocator is another than glibc's."""

    def __init__(self) -> None:
        library = ctypes.CDLL(None)
        self._info: Callable[[], _Mallinfo] | None = getattr(library, "mallinfo2", None)
        if self._info is not None:
            library.mallinfo2.restype = _Mallinfo
            self._trim: Callable[[int], int] = library.malloc_trim

    def used_bytes(self) -> int:
        """Bytes that somebody holds."""
        return 0 if self._info is None else int(self._info().uordblks)

    def free_bytes(self) -> int:
        """Resident bytes between them, at most: what others than the allocator have mapped is not known apart."""
        if self._info is None:
            return 0
        info = self._info()
        resident, shared = map(int, _STATUS.read_text().split()[1:3])
        return max(0, min(int(info.fordblks), (resident - shared) * _PAGE_BYTES - int(info.uordblks)))

    def give_back(self) -> None:
        """Tell the kernel which pages are free. Takes milliseconds, during which others wait to allocate."""
        if self._info is not None:
            self._trim(0)


async def keep_small(heap: Heap, stop: asyncio.Event) -> None:
    """Give back what was free at two looks in a row, until ``stop``: between two large bodies nothing is gained."""
    was_free = 0
    while not stop.is_set():
        is_free = heap.free_bytes()
        if min(is_free, was_free) >= FREE_BYTES_MIN:
            await asyncio.to_thread(heap.give_back)
            is_free = 0
        was_free = is_free
        await pause(stop, LOOK_SECONDS)

"""Heap: what glibc's allocator holds for this process, and giving back what has been free for a while.

Uploads that are given up leave holes between small allocations that stay: several hundred mebibytes after some
hundred of them, where 80 are in use. The allocator keeps holes for later; it gives them back only when asked to.
"""

import asyncio
import ctypes
from collections.abc import Callable

from objstore.cli.pause import pause

LOOK_SECONDS = 15.0
# Less is not worth the page faults of taking it again.
FREE_BYTES_MIN = 64 * 1024 * 1024
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
        self._given_back = 0
        self._info: Callable[[], _Mallinfo] | None = getattr(library, "mallinfo2", None)
        if self._info is not None:
            library.mallinfo2.restype = _Mallinfo
            self._trim: Callable[[int], int] = library.malloc_trim

    def used_bytes(self) -> int:
        """Bytes that somebody holds."""
        return 0 if self._info is None else int(self._info().uordblks)

    def free_bytes(self) -> int:
        """Bytes between them that were not given back, at least: of those that were, some are in use again."""
        if self._info is None:
            return 0
        free = int(self._info().fordblks)
        self._given_back = min(self._given_back, free)
        return free - self._given_back

    def give_back(self) -> None:
        """Tell the kernel which pages are free. Takes milliseconds, during which others wait to allocate."""
        if self._info is not None:
            self._trim(0)
            self._given_back = int(self._info().fordblks)


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

"""Buffers for large transfers, used again and again: fresh ones would cost a page fault every 4 KiB."""

import weakref
from collections import defaultdict, deque

import numpy as np

Bytes = np.ndarray[tuple[int], np.dtype[np.uint8]]
KEPT_BYTES_MAX = 32 * 1024 * 1024
PAGE_BYTES = 4096


def aligned_buffer(size: int) -> Bytes:
    """A fresh buffer that begins at a page, as direct writes want it."""
    room = np.empty(size + PAGE_BYTES, np.uint8)
    start = -room.ctypes.data % PAGE_BYTES
    return room[start : start + size]


class BufferPool:
    """Keeps up to ``KEPT_BYTES_MAX`` of buffers that nobody uses. For one event loop."""

    def __init__(self) -> None:
        self._free: dict[int, list[Bytes]] = defaultdict(list)
        self._kept = 0
        self._lent: dict[int, tuple[weakref.ref[Bytes], Bytes]] = {}
        self._returned: deque[Bytes] = deque()

    def take(self, size: int) -> Bytes:
        """A buffer of exactly ``size`` bytes, its content undefined."""
        while self._returned:
            self.give(self._returned.popleft())
        free = self._free.get(size)
        if free:
            self._kept -= size
            return free.pop()
        return aligned_buffer(size)

    def give(self, buffer: Bytes) -> None:
        """Hand a buffer back that nothing refers to any more."""
        if self._kept + len(buffer) <= KEPT_BYTES_MAX:
            self._kept += len(buffer)
            self._free[len(buffer)].append(buffer)

    def lend(self, size: int) -> memoryview:
        """As ``take``; it comes back by itself when neither this view nor any part of it is referred to any more.

        The last reference may go in any thread.
        """
        buffer = self.take(size)
        lent = buffer[:]
        reference = weakref.ref(lent, self._come_back)
        self._lent[id(reference)] = reference, buffer
        return lent.data

    def _come_back(self, reference: "weakref.ref[Bytes]") -> None:
        self._returned.append(self._lent.pop(id(reference))[1])

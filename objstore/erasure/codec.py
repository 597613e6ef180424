"""Codec: parity of k columns, and columns rebuilt from any k others.

The code is reedsolo's; ISA-L computes it where its library loads, byte for byte the same. Without it reedsolo itself
does, some 50,000 times slower: right, and good enough to get data back.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import reedsolo

from objstore.erasure import isal
from objstore.erasure.matrix import parity_rows, recovery_rows

Columns = np.ndarray[tuple[int, int], np.dtype[np.uint8]]


def codec_name() -> str:
    """``isal`` or, where its library does not load, ``reedsolo`` (slow)."""
    return "isal" if isal.load() is not None else "reedsolo"


class Codec:
    """k data and m parity columns. All columns of a call have the same length."""

    def __init__(self, k: int, m: int, pure: bool = False) -> None:
        self.k, self.m = k, m
        library = None if pure else isal.load()
        self._library = library
        self._parity = isal.IsalRows(library, parity_rows(k, m)) if library is not None and m else None

    @property
    def is_fast(self) -> bool:
        """Whether a few blocks are a matter of microseconds."""
        return self._library is not None

    def encode(self, data: Columns, parity: Columns) -> None:
        """Fill ``parity`` (m × width) from ``data`` (k × width), uint8; each row contiguous, rows at any stride."""
        width = data.shape[1]
        if not self.m or not width:
            return
        if self._parity is None:
            self._encode_pure(data, parity)
            return
        base, out = data.ctypes.data, parity.ctypes.data
        step, out_step = data.strides[0], parity.strides[0]
        self._parity.apply([base + i * step for i in range(self.k)], [out + i * out_step for i in range(self.m)], width)

    def rebuild(self, present: Mapping[int, memoryview | bytes | bytearray], wanted: Sequence[int]) -> list[memoryview]:
        """The wanted columns from at least k present ones (column → bytes, all of one length).

        Raises ValueError with fewer than k.
        """
        width = len(next(iter(present.values()), b""))
        outputs = np.empty((len(wanted), width), np.uint8)
        self.rebuild_into(present, wanted, outputs)
        return [row.data for row in outputs]

    def rebuild_into(
        self, present: Mapping[int, memoryview | bytes | bytearray], wanted: Sequence[int], outputs: Columns
    ) -> None:
        """As ``rebuild``, into the rows of ``outputs`` (wanted × width), each contiguous."""
        if len(present) < self.k:
            raise ValueError(f"{len(present)} columns present, {self.k} needed")
        columns = tuple(sorted(present)[: self.k])
        width = outputs.shape[1]
        if self._library is None:
            for row, made in zip(outputs, self._rebuild_pure(present, wanted, width), strict=True):
                row[:] = np.frombuffer(made, np.uint8)
            return
        if not width or not wanted:
            return
        inputs = [np.frombuffer(present[column], np.uint8) for column in columns]
        base, step = outputs.ctypes.data, outputs.strides[0]
        _recovery(self.k, self.m, columns, tuple(wanted)).apply(
            [array.ctypes.data for array in inputs], [base + i * step for i in range(len(wanted))], width
        )

    def _encode_pure(self, data: Columns, parity: Columns) -> None:
        code = reedsolo.RSCodec(self.m)
        for at in range(data.shape[1]):
            word = bytes(code.encode(data[:, at].tobytes()))
            parity[:, at] = np.frombuffer(word[self.k :], np.uint8)

    def _rebuild_pure(
        self, present: Mapping[int, memoryview | bytes | bytearray], wanted: Sequence[int], width: int
    ) -> list[memoryview]:
        n = self.k + self.m
        code, erased = reedsolo.RSCodec(self.m), [column for column in range(n) if column not in present]
        outputs = [bytearray(width) for _ in wanted]
        for at in range(width):
            word = bytearray(present[column][at] if column in present else 0 for column in range(n))
            whole = code.decode(word, erase_pos=erased, only_erasures=True)[1] if self.m else word
            for output, column in zip(outputs, wanted, strict=True):
                output[at] = whole[column]
        return [memoryview(output) for output in outputs]


@lru_cache(maxsize=64)
def codec_for(k: int, m: int) -> Codec:
    """The shared codec of a profile."""
    return Codec(k, m)


@lru_cache(maxsize=1024)
def _recovery(k: int, m: int, present: tuple[int, ...], wanted: tuple[int, ...]) -> isal.IsalRows:
    library = isal.load()
    assert library is not None
    return isal.IsalRows(library, recovery_rows(k, m, present, wanted))

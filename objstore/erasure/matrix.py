"""The generator matrix of reedsolo's code, and its inverse for a set of surviving columns.

Field GF(2^8) with polynomial 0x11d: reedsolo's default and ISA-L's only one.
"""

from collections.abc import Sequence
from functools import lru_cache

import reedsolo

_EXP = [0] * 512
_LOG = [0] * 256


def _fill_tables() -> None:
    value = 1
    for power in range(255):
        _EXP[power] = _EXP[power + 255] = value
        _LOG[value] = power
        value <<= 1
        if value & 0x100:
            value ^= 0x11D


_fill_tables()


def multiply(a: int, b: int) -> int:
    """Product in the field."""
    return _EXP[_LOG[a] + _LOG[b]] if a and b else 0


def inverse(a: int) -> int:
    """1/a in the field; raises ZeroDivisionError for 0."""
    if not a:
        raise ZeroDivisionError("0 has no inverse")
    return _EXP[255 - _LOG[a]]


@lru_cache(maxsize=256)
def parity_rows(k: int, m: int) -> tuple[tuple[int, ...], ...]:
    """m rows of k coefficients: column i is reedsolo's parity of the i-th unit vector."""
    if not m:
        return ()
    code = reedsolo.RSCodec(m)
    columns = []
    for i in range(k):
        unit = bytearray(k)
        unit[i] = 1
        columns.append(bytes(code.encode(bytes(unit)))[k:])
    return tuple(tuple(column[row] for column in columns) for row in range(m))


def _generator_row(k: int, m: int, column: int) -> list[int]:
    if column < k:
        return [int(i == column) for i in range(k)]
    return list(parity_rows(k, m)[column - k])


def _invert(rows: list[list[int]]) -> list[list[int]]:
    """Gauss-Jordan in the field; any k rows of the generator are independent, for the code is MDS."""
    size = len(rows)
    work = [row + [int(i == j) for j in range(size)] for i, row in enumerate(rows)]
    for at in range(size):
        pivot = next(i for i in range(at, size) if work[i][at])
        work[at], work[pivot] = work[pivot], work[at]
        scale = inverse(work[at][at])
        work[at] = [multiply(value, scale) for value in work[at]]
        for other in range(size):
            factor = work[other][at]
            if other != at and factor:
                work[other] = [a ^ multiply(factor, b) for a, b in zip(work[other], work[at], strict=True)]
    return [row[size:] for row in work]


@lru_cache(maxsize=4096)
def recovery_rows(k: int, m: int, present: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """One row of k coefficients for each wanted column: its bytes from those of the k ``present`` columns, in order."""
    to_data = _invert([_generator_row(k, m, column) for column in present])
    return tuple(
        tuple(_dot(_generator_row(k, m, column), [row[i] for row in to_data]) for i in range(k)) for column in wanted
    )


def _dot(a: Sequence[int], b: Sequence[int]) -> int:
    total = 0
    for x, y in zip(a, b, strict=True):
        total ^= multiply(x, y)
    return total

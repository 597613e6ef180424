"""ISA-L's Reed-Solomon kernel, from the copy that ships inside the PyECLib wheel (or the system's), by ctypes.

https://github.com/intel/isa-l, erasure_code.h: ``ec_init_tables``, ``ec_encode_data``.
"""

import ctypes
import ctypes.util
import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path


def _library_paths() -> list[str]:
    spec = importlib.util.find_spec("pyeclib")
    paths: list[str] = []
    if spec is not None and spec.origin:
        # auditwheel puts the libraries of a wheel beside its package
        paths += map(str, sorted((Path(spec.origin).parents[1] / "pyeclib.libs").glob("libisal*.so*")))
    system = ctypes.util.find_library("isal")
    return [*paths, system] if system else paths


@lru_cache(maxsize=1)
def load() -> ctypes.CDLL | None:
    """The library, or None where there is none that loads."""
    for path in _library_paths():
        try:
            library = ctypes.CDLL(path)
            library.ec_init_tables.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
            library.ec_encode_data.argtypes = [
                ctypes.c_int,
                ctypes.c_int,
                ctypes.c_int,
                ctypes.c_void_p,
                ctypes.c_void_p,
                ctypes.c_void_p,
            ]
            return library
        except (OSError, AttributeError):
            continue
    return None


class IsalRows:
    """Computes output columns from input columns by a fixed matrix of coefficients (rows × inputs)."""

    def __init__(self, library: ctypes.CDLL, rows: Sequence[Sequence[int]]) -> None:
        self._library = library
        self._rows, self._inputs = len(rows), len(rows[0])
        flat = bytes(value for row in rows for value in row)
        self._tables = ctypes.create_string_buffer(32 * len(flat))
        library.ec_init_tables(self._inputs, self._rows, flat, self._tables)
        self._input_pointers = ctypes.c_void_p * self._inputs
        self._output_pointers = ctypes.c_void_p * self._rows

    def apply(self, inputs: Sequence[int], outputs: Sequence[int], length: int) -> None:
        """Addresses in, addresses out, ``length`` bytes each. Releases the GIL."""
        self._library.ec_encode_data(
            length,
            self._inputs,
            self._rows,
            self._tables,
            self._input_pointers(*inputs),
            self._output_pointers(*outputs),
        )

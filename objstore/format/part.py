"""Parts of a multipart object, packed into its row, little-endian: one byte of version (1), then for each part:

offset size field
0      2    part number; 0 (WHOLE), only the first: what was put as one object, encrypted, before it was appended to
2      8    size, bytes
10     1    d = bytes of its checksum (0: none)
11     d    checksum, of the algorithm of the object's checksum
"""

import struct

_HEAD = struct.Struct("<HQB")
VERSION = 1
WHOLE = 0


def pack_parts(parts: list[tuple[int, int, bytes | None]]) -> bytes:
    """From (number, size, checksum) in order."""
    return bytes([VERSION]) + b"".join(_HEAD.pack(n, size, len(sum_ or b"")) + (sum_ or b"") for n, size, sum_ in parts)


def unpack_parts(packed: bytes) -> list[tuple[int, int, bytes]]:
    """Inverse of ``pack_parts``; raises ValueError on an unknown version."""
    if packed[0] != VERSION:
        raise ValueError(f"parts of version {packed[0]} cannot be read by this release")
    parts, at = [], 1
    while at < len(packed):
        number, size, digest_bytes = _HEAD.unpack_from(packed, at)
        at += _HEAD.size
        parts.append((number, size, packed[at : at + digest_bytes]))
        at += digest_bytes
    return parts

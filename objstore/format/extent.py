"""Extent: where bytes of an object are. Packed into the object's row, version 1, little-endian, 56 bytes each:

    offset size field
    0      16   volume_id
    16     1    kind          1 packed: whole in one column; 2 striped: in units over all columns
    17     1    column        packed only, else 0
    18     2    header_units  size of the stripe's header in 64-byte units
    20     4    unit_bytes    striped only, else 0
    24     8    stripe_offset start of the stripe in each shard file, bytes
    32     8    data_offset   packed: of the payload within the column; striped: within the stripe's data
    40     8    length        payload bytes
    48     8    checksum      packed: XXH3-64 of the payload; 0: not known (a slice of an extent)
                              striped: data bytes of the whole stripe, from which its layout follows

An object's bytes are its extents' bytes in order. The kind byte also carries the version: new layouts get new kinds.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

_LAYOUT = struct.Struct("<16sBBHIQQQQ")
EXTENT_BYTES = _LAYOUT.size
PACKED = 1
STRIPED = 2
HEADER_UNIT_BYTES = 64
# What a record costs besides its payload, in the accounts of a volume: even an empty object keeps something alive.
RECORD_COST_BYTES = 64


@dataclass(frozen=True, slots=True)
class Extent:
    """One extent; see the module for the fields."""

    volume_id: bytes
    kind: int
    column: int
    header_units: int
    unit_bytes: int
    stripe_offset: int
    data_offset: int
    length: int
    checksum: int

    def pack(self) -> bytes:
        """The 56 bytes."""
        return _LAYOUT.pack(
            self.volume_id,
            self.kind,
            self.column,
            self.header_units,
            self.unit_bytes,
            self.stripe_offset,
            self.data_offset,
            self.length,
            self.checksum,
        )

    @property
    def cost_bytes(self) -> int:
        """What it counts in the accounts of its volume."""
        return self.length + RECORD_COST_BYTES

    @property
    def payload_offset(self) -> int:
        """Where a packed extent's payload starts in its shard file."""
        return self.stripe_offset + self.header_units * HEADER_UNIT_BYTES + self.data_offset

    def slice(self, start: int, end: int) -> "Extent":
        """The extent of bytes [start, end) of this one; a packed one loses its checksum unless it is whole."""
        if start == 0 and end == self.length:
            return self
        kept = self.checksum if self.kind == STRIPED else 0
        return replace(self, data_offset=self.data_offset + start, length=end - start, checksum=kept)


pack_fields = _LAYOUT.pack  # for hot paths: the fields in the table's order, no Extent in between
unpack_fields = _LAYOUT.unpack_from


def unpack(packed: bytes) -> Iterator[Extent]:
    """All extents in order."""
    return (Extent(*fields) for fields in _LAYOUT.iter_unpack(packed))


def bytes_by_volume(packed: bytes) -> dict[bytes, int]:
    """What the extents hold of each volume, in the accounts' bytes: payload, and ``RECORD_COST_BYTES`` an extent."""
    if len(packed) == EXTENT_BYTES:
        fields = _LAYOUT.unpack(packed)
        return {fields[0]: fields[7] + RECORD_COST_BYTES}
    totals: dict[bytes, int] = {}
    for fields in _LAYOUT.iter_unpack(packed):
        totals[fields[0]] = totals.get(fields[0], 0) + fields[7] + RECORD_COST_BYTES
    return totals


def payload_bytes(packed: bytes) -> int:
    """Bytes of payload that the extents have."""
    if len(packed) == EXTENT_BYTES:
        return int(_LAYOUT.unpack(packed)[7])
    return sum(fields[7] for fields in _LAYOUT.iter_unpack(packed))


def slice_packed(packed: bytes, start: int, end: int) -> bytes:
    """Extents of bytes [start, end) of the object whose extents are ``packed``."""
    pieces, at = [], 0
    for extent in unpack(packed):
        low, high = max(start, at), min(end, at + extent.length)
        if low < high:
            pieces.append(extent.slice(low - at, high - at).pack())
        at += extent.length
    return b"".join(pieces)

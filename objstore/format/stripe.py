"""Stripe header: stands before a stripe's column on every shard that takes part, version 1, little-endian:

    offset size field
    0      4    magic "OSTR"
    4      1    format_version = 1
    5      1    kind          1 packed, 2 striped, 0 void: space that was reserved and given up
    6      1    column        of this shard
    7      1    k
    8      16   volume_id
    24     8    stripe_offset
    32     8    data_bytes    striped: data of the stripe; packed: sum of the column lengths
    40     4    unit_bytes    striped; 0 for packed
    44     4    width         bytes of the widest column, and of every parity column
    48     4    header_bytes  size of this header, a multiple of 64: the column follows it
    52     4    span_bytes    from stripe_offset to where the next stripe starts (space that was reserved, used or not)
    56     2    owner_bytes   striped: size of the record header of the object that the stripe belongs to
    58     2    block_count   checksums of this shard's column
    60     4k   length of each data column; the rest up to ``width`` is virtual zeros that nobody wrote
    …      o    owner (format/record.py)
    …      8b   XXH3-64 of each 32 KiB block of this column
    …      8    XXH3-64 of everything before it
    …           zeros up to header_bytes

A column of length 0 has no header on its shard. Offset and volume are in the header, so a misdirected write is seen.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from objstore.format.checksum import checksum
from objstore.format.extent import HEADER_UNIT_BYTES
from objstore.model.errors import CorruptData
from objstore.model.limits import BLOCK_BYTES

VERSION = 1
_MAGIC = b"OSTR"
_LAYOUT = struct.Struct("<4sBBBB16sQQIIIIHH")
FIXED_BYTES = _LAYOUT.size
_COLUMN_AT, _COUNT_AT = 6, FIXED_BYTES - 2


def header_bytes_for(k: int, width_max: int, owner_bytes: int) -> int:
    """Size of the header of a stripe with columns of up to ``width_max`` bytes; the same on every shard."""
    blocks = -(-width_max // BLOCK_BYTES)
    used = FIXED_BYTES + 4 * k + owner_bytes + 8 * blocks + 8
    return -(-used // HEADER_UNIT_BYTES) * HEADER_UNIT_BYTES


@dataclass(frozen=True, slots=True)
class StripeHeader:
    """A stripe's header as one shard has it; ``checksums`` are those of that shard's column."""

    kind: int
    column: int
    volume_id: bytes
    stripe_offset: int
    data_bytes: int
    unit_bytes: int
    width: int
    header_bytes: int
    span_bytes: int
    lengths: tuple[int, ...]
    owner: bytes
    checksums: tuple[int, ...]

    def pack(self) -> bytes:
        """``header_bytes`` bytes."""
        return pack_header(
            self.kind,
            self.column,
            self.volume_id,
            self.stripe_offset,
            self.data_bytes,
            self.unit_bytes,
            self.width,
            self.header_bytes,
            self.span_bytes,
            self.lengths,
            self.owner,
            self.checksums,
        )

    @property
    def prefix_bytes(self) -> int:
        """Of the packed header, up to its checksums."""
        return FIXED_BYTES + 4 * len(self.lengths) + len(self.owner)

    def length_of(self, column: int) -> int:
        """Bytes that are really there in a column, data or parity."""
        return self.lengths[column] if column < len(self.lengths) else self.width


def pack_header(
    kind: int,
    column: int,
    volume_id: bytes,
    stripe_offset: int,
    data_bytes: int,
    unit_bytes: int,
    width: int,
    header_bytes: int,
    span_bytes: int,
    lengths: Sequence[int],
    owner: bytes,
    checksums: Sequence[int],
) -> bytes:
    """Pack without building the object: the append path makes k+m of them a stripe."""
    head = b"".join(
        (
            _LAYOUT.pack(
                _MAGIC,
                VERSION,
                kind,
                column,
                len(lengths),
                volume_id,
                stripe_offset,
                data_bytes,
                unit_bytes,
                width,
                header_bytes,
                span_bytes,
                len(owner),
                len(checksums),
            ),
            struct.pack(f"<{len(lengths)}I", *lengths),
            owner,
            struct.pack(f"<{len(checksums)}Q", *checksums),
        )
    )
    return (head + checksum(head).to_bytes(8, "little")).ljust(header_bytes, b"\0")


def peek_header_bytes(raw: bytes | bytearray | memoryview) -> int | None:
    """Size of the header that starts with these ``FIXED_BYTES`` bytes, unverified; None if none starts here."""
    return int.from_bytes(raw[48:52], "little") if len(raw) >= FIXED_BYTES and raw[:4] == _MAGIC else None


def unpack_header(
    raw: bytes | bytearray | memoryview, volume_id: bytes, stripe_offset: int, column: int
) -> StripeHeader:
    """Raises CorruptData unless this is, whole and unharmed, the header of that stripe in that column."""
    if len(raw) < FIXED_BYTES:
        raise CorruptData("stripe header cut short")
    (
        magic,
        version,
        kind,
        own_column,
        k,
        own_volume,
        own_offset,
        data_bytes,
        unit_bytes,
        width,
        header_bytes,
        span_bytes,
        owner_bytes,
        block_count,
    ) = _LAYOUT.unpack_from(raw)
    used = FIXED_BYTES + 4 * k + owner_bytes + 8 * block_count
    if magic != _MAGIC or len(raw) < used + 8 or checksum(raw[:used]) != int.from_bytes(raw[used : used + 8], "little"):
        raise CorruptData(f"damaged stripe header at {stripe_offset}")
    if version != VERSION:
        raise CorruptData(f"stripe of format {version}: not readable here")
    if (own_volume, own_offset, own_column) != (volume_id, stripe_offset, column):
        raise CorruptData(f"stripe header at {stripe_offset} belongs elsewhere (misdirected write)")
    lengths = struct.unpack_from(f"<{k}I", raw, FIXED_BYTES)
    owner_at = FIXED_BYTES + 4 * k
    sums = struct.unpack_from(f"<{block_count}Q", raw, owner_at + owner_bytes)
    return StripeHeader(
        kind,
        own_column,
        own_volume,
        own_offset,
        data_bytes,
        unit_bytes,
        width,
        header_bytes,
        span_bytes,
        lengths,
        bytes(raw[owner_at : owner_at + owner_bytes]),
        sums,
    )


def unpack_beside(raw: memoryview, prefix: bytes, column: int, other: StripeHeader) -> tuple[int, ...]:
    """The checksums of a column's blocks, from its header ``raw`` beside ``other``, another one of the same stripe.

    ``prefix``: the first ``prefix_bytes`` of that one, packed. A third of the work of ``unpack_header``, for columns
    differ in their checksums only. Raises CorruptData unless it is whole, and tells the same of the stripe.
    """
    count = -(-other.length_of(column) // BLOCK_BYTES)
    start = len(prefix)
    used = start + 8 * count
    head = bytes(raw[: used + 8])
    own = bytes((column,)), count.to_bytes(2, "little")
    like = prefix[:_COLUMN_AT] + own[0] + prefix[_COLUMN_AT + 1 : _COUNT_AT] + own[1] + prefix[FIXED_BYTES:]
    if head[:start] != like or checksum(head[:used]) != int.from_bytes(head[used:], "little") or len(head) < used + 8:
        raise CorruptData(f"damaged stripe header at {other.stripe_offset}, or one of another stripe")
    return struct.unpack_from(f"<{count}Q", head, start)

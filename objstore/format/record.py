"""Record: an object's, or part's, self-describing bytes in a volume, version 1, little-endian:

    offset size field
    0      4    magic "OREC"
    4      1    format_version = 1
    5      1    flags         bit 0: last fragment of its object or part
    6      2    key_bytes
    8      8    bucket_id
    16     16   version_id    of the object; for a part: the upload's id, which becomes the object's version id
    32     4    part_number   0 for an object that is no part
    36     4    attrs_bytes   JSON: what a rebuilt row needs besides; empty in all but the last fragment
    40     8    fragment      offset of this payload within its object or part, bytes
    48     8    payload_bytes
    56     8    checksum      XXH3-64 of the payload; 0 in the owner field of a striped stripe (blocks have their own)
    64     8    XXH3-64 of bytes 0–63, key and attrs
    72     k    key
    72+k   a    attrs
    …           payload (packed stripes), then zeros up to a multiple of 8

The record says whose it is: a misdirected read is caught, compaction needs no reverse index, and a lost database can
be rebuilt by scanning. In a packed stripe records follow each other in a column; in a striped stripe the record,
without payload, is the stripe header's owner field.
"""

import struct
from dataclasses import dataclass

from objstore.format.checksum import checksum
from objstore.model.errors import CorruptData

VERSION = 1
LAST = 1
_MAGIC = b"OREC"
_LAYOUT = struct.Struct("<4sBBHQ16sIIQQQ")
FIXED_BYTES = _LAYOUT.size + 8


@dataclass(frozen=True, slots=True)
class Record:
    """A record's header; see the module for the fields."""

    bucket_id: int
    key: bytes
    version_id: bytes
    part_number: int
    fragment: int
    payload_bytes: int
    checksum: int
    attrs: bytes
    flags: int

    @property
    def last(self) -> bool:
        """True for the last fragment of an object or part."""
        return bool(self.flags & LAST)

    @property
    def header_bytes(self) -> int:
        """Bytes before the payload."""
        return FIXED_BYTES + len(self.key) + len(self.attrs)

    @property
    def total_bytes(self) -> int:
        """Header, payload and padding of a packed record."""
        return (self.header_bytes + self.payload_bytes + 7) & ~7


def pack_record(
    bucket_id: int,
    key: bytes,
    version_id: bytes,
    part_number: int,
    fragment: int,
    payload_bytes: int,
    payload_checksum: int,
    attrs: bytes,
    flags: int,
) -> bytes:
    """The header, with key and attrs."""
    head = _LAYOUT.pack(
        _MAGIC,
        VERSION,
        flags,
        len(key),
        bucket_id,
        version_id,
        part_number,
        len(attrs),
        fragment,
        payload_bytes,
        payload_checksum,
    )
    return b"".join((head, checksum(head + key + attrs).to_bytes(8, "little"), key, attrs))


def peek_header_bytes(raw: bytes | memoryview) -> int:
    """Bytes of the header that starts with these ``FIXED_BYTES`` bytes, unverified."""
    return FIXED_BYTES + int.from_bytes(raw[6:8], "little") + int.from_bytes(raw[36:40], "little")


def unpack_record(raw: bytes | memoryview) -> Record:
    """The record that starts here. Raises CorruptData unless its header is whole and unharmed."""
    if len(raw) < FIXED_BYTES or raw[:4] != _MAGIC:
        raise CorruptData("no record here")
    (
        _,
        version,
        flags,
        key_bytes,
        bucket_id,
        version_id,
        part_number,
        attrs_bytes,
        fragment,
        payload_bytes,
        payload_checksum,
    ) = _LAYOUT.unpack_from(raw)
    key_at, attrs_at = FIXED_BYTES, FIXED_BYTES + key_bytes
    end = attrs_at + attrs_bytes
    head = bytes(raw[: _LAYOUT.size]) + bytes(raw[key_at:end])
    if len(raw) < end or checksum(head) != int.from_bytes(raw[_LAYOUT.size : FIXED_BYTES], "little"):
        raise CorruptData("damaged record header")
    if version != VERSION:
        raise CorruptData(f"record of format {version}: not readable here")
    return Record(
        bucket_id,
        bytes(raw[key_at:attrs_at]),
        version_id,
        part_number,
        fragment,
        payload_bytes,
        payload_checksum,
        bytes(raw[attrs_at:end]),
        flags,
    )

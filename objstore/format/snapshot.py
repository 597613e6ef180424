"""Snapshot: tables of the database as a stream of frames, version 1, little-endian:

offset size field
0      4    magic "OSNP"
4      1    format_version = 1
5      1    kind          0 head, 1 table, 2 rows, 3 end
6      2    zero
8      4    packed_bytes  of the payload as it stands here
12     4    payload_bytes
16     8    XXH3-64 of the packed payload
24     p    payload, zlib

head   JSON: {"kind": "full" or "changes", "revision", "cluster", "taken", "since"}; times in ISO 8601
table  JSON: {"name", "columns", "changed"}: the rows that follow are of this table; changed: not all of them
rows   the text format of Postgres' COPY; frames of a table are one text, cut anywhere
end    JSON: {"tables": how many there were}: a snapshot without it is not whole
"""

import struct
import zlib
from dataclasses import dataclass

from objstore.format.checksum import checksum
from objstore.model.errors import CorruptData

VERSION = 1
HEAD, TABLE, ROWS, END = range(4)
ROWS_BYTES_MAX = 1024 * 1024  # of payload in a frame
PACKED_BYTES_MAX = 2 * ROWS_BYTES_MAX
_MAGIC = b"OSNP"
_LAYOUT = struct.Struct("<4sBBHIIQ")
_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame; see the module."""

    kind: int
    payload: bytes


def pack_frame(kind: int, payload: bytes) -> bytes:
    """A frame of at most ``ROWS_BYTES_MAX`` bytes of payload."""
    packed = zlib.compress(payload, _LEVEL)
    return _LAYOUT.pack(_MAGIC, VERSION, kind, 0, len(packed), len(payload), checksum(packed)) + packed


class FrameReader:
    """Frames from bytes that come in pieces of any size."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[Frame]:
        """The frames that are whole with this piece. Raises CorruptData."""
        self._rest += piece
        found, at = [], 0
        while len(self._rest) - at >= _LAYOUT.size:
            magic, version, kind, _, packed_bytes, size, digest = _LAYOUT.unpack_from(self._rest, at)
            if magic != _MAGIC or packed_bytes > PACKED_BYTES_MAX:
                raise CorruptData("this is no snapshot, or a damaged one")
            if version != VERSION:
                raise CorruptData(f"snapshot of format {version}: not readable here")
            end = at + _LAYOUT.size + packed_bytes
            if len(self._rest) < end:
                break
            found.append(_unpacked(kind, self._rest[at + _LAYOUT.size : end], size, digest))
            at = end
        self._rest = self._rest[at:]
        return found

    @property
    def is_between(self) -> bool:
        """True if no frame is cut short so far."""
        return not self._rest


def _unpacked(kind: int, packed: bytes, size: int, digest: int) -> Frame:
    if checksum(packed) != digest:
        raise CorruptData("a frame of the snapshot does not match its checksum")
    try:
        payload = zlib.decompressobj().decompress(packed, size + 1)
    except zlib.error as error:
        raise CorruptData(f"a frame of the snapshot cannot be unpacked: {error}") from None
    if len(payload) != size:
        raise CorruptData("a frame of the snapshot has another size than it says")
    return Frame(kind, payload)

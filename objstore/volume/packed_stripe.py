"""PackedStripe: a batch of small records put together as one stripe: places, parity, headers, extents."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from objstore.erasure import codec_for
from objstore.format.checksum import block_checksums
from objstore.format.extent import HEADER_UNIT_BYTES, PACKED, RECORD_COST_BYTES, pack_fields
from objstore.format.stripe import header_bytes_for, pack_header
from objstore.model.profile import Profile

_ZEROS = bytes(1024 * 1024)
_turns = count()


@dataclass(slots=True)
class PackedRecord:
    """A small object to append: record header (format/record.py), payload, the payload's checksum."""

    head: bytes
    payload: bytes
    checksum: int

    @property
    def size(self) -> int:
        """Bytes in its column, padding included."""
        return (len(self.head) + len(self.payload) + 7) & ~7


class PackedStripe:
    """``span``: bytes to reserve in a shard. ``build`` fills ``shards`` (column → what to write) and ``extents``."""

    def __init__(self, volume_id: bytes, profile: Profile, records: Sequence[PackedRecord]) -> None:
        self._volume_id, self._profile, self._records = volume_id, profile, records
        self._fill = [0] * profile.k
        self._columns: list[list[bytes]] = [[] for _ in range(profile.k)]
        self._places = self._place()
        self.width = -(-max(self._fill) // HEADER_UNIT_BYTES) * HEADER_UNIT_BYTES
        self.header_bytes = header_bytes_for(profile.k, self.width, 0)
        self.span = self.header_bytes + self.width
        self.data_bytes = sum(self._fill)
        self.cost_bytes = sum(len(record.payload) for record in records) + RECORD_COST_BYTES * len(records)
        self.shards: dict[int, tuple[bytes | memoryview, ...]] = {}
        self.extents: list[bytes] = []

    def _place(self) -> list[tuple[int, int]]:
        """(column, offset) of each record: the largest first, each to the emptiest column."""
        records, k = self._records, len(self._fill)
        turn = next(_turns) % k  # so that lone small writes visit all drives
        order = sorted(range(len(records)), key=lambda i: -len(records[i].payload))
        fill, places = [0] * k, [(0, 0)] * len(records)
        for i in order:
            record, low = records[i], min(fill)
            spot = fill.index(low)
            column = (spot + turn) % k
            places[i] = (column, low)
            pieces = self._columns[column]
            pieces += (record.head, record.payload)
            used = len(record.head) + len(record.payload)
            if used & 7:
                pieces.append(_ZEROS[: 8 - (used & 7)])
            fill[spot] = low + ((used + 7) & ~7)
        for spot in range(k):
            self._fill[(spot + turn) % k] = fill[spot]
        return places

    def build(self, offset: int) -> None:
        """Compute what is written at ``offset``, and the packed extents in the records' order."""
        k, m, width = self._profile.k, self._profile.m, self.width
        data = self._joined()
        parity = np.empty((m, width), np.uint8)
        codec_for(k, m).encode(np.frombuffer(data, np.uint8).reshape(k, width), parity)
        view = memoryview(data)
        for column in range(k):
            if self._fill[column]:
                self._shard(offset, column, view[column * width : column * width + self._fill[column]])
        for row in range(m):
            self._shard(offset, k + row, parity[row].data)
        units = self.header_bytes // HEADER_UNIT_BYTES
        self.extents = [
            pack_fields(
                self._volume_id,
                PACKED,
                column,
                units,
                0,
                offset,
                at + len(record.head),
                len(record.payload),
                record.checksum,
            )
            for record, (column, at) in zip(self._records, self._places, strict=True)
        ]

    def _joined(self) -> bytes:
        """All columns one after the other, each filled with zeros up to the width."""
        pieces: list[bytes] = []
        for column, fill in zip(self._columns, self._fill, strict=True):
            pieces += column
            if rest := self.width - fill:
                pieces.append(_ZEROS[:rest] if rest <= len(_ZEROS) else bytes(rest))
        return b"".join(pieces)

    def _shard(self, offset: int, column: int, content: memoryview) -> None:
        header = pack_header(
            PACKED,
            column,
            self._volume_id,
            offset,
            self.data_bytes,
            0,
            self.width,
            self.header_bytes,
            self.span,
            self._fill,
            b"",
            block_checksums(content),
        )
        self.shards[column] = (header, content)

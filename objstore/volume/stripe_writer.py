"""StripeWriter: one large object's stripe on its way into an open volume, a chunk of rows at a time."""

from collections.abc import Sequence

import numpy as np

from objstore.erasure import codec_for
from objstore.erasure.codec import Columns
from objstore.format.checksum import block_checksums
from objstore.format.extent import HEADER_UNIT_BYTES, STRIPED, Extent
from objstore.format.stripe import header_bytes_for, pack_header
from objstore.volume.buffers import PAGE_BYTES, Bytes
from objstore.volume.layout import StripeLayout
from objstore.volume.open_volume import OpenVolume

VOID = 0
# From here on columns begin at a page of the file, so that they can be written past the page cache; the header of a
# smaller stripe would grow by more than that saves.
ALIGNED_BYTES_MIN = 1024 * 1024


class EncodedChunk:
    """Rows of a stripe, ready to be written: for each shard its offset in the column, its pieces and checksums."""

    __slots__ = ("column_at", "parity", "pieces", "sums")

    def __init__(self, column_at: int, pieces: list[list[memoryview]], sums: list[list[int]], parity: Bytes) -> None:
        self.column_at, self.pieces, self.sums, self.parity = column_at, pieces, sums, parity


class StripeWriter:
    """Space is reserved for ``data_max`` bytes at the start; the header is written last, so a torn stripe has none.

    Use: ``encode`` (in a thread) and ``write`` each chunk, in any order, then ``close``, then ``OpenVolume.sync``.
    """

    def __init__(self, open_volume: OpenVolume, data_max: int, owner_bytes_max: int) -> None:
        self.open_volume = open_volume
        profile = open_volume.profile
        self._k, self._m, self._unit = profile.k, profile.m, profile.unit_bytes
        self._codec = codec_for(self._k, self._m)
        widest = StripeLayout(self._k, self._unit, data_max).width
        self._header_bytes = header_bytes_for(self._k, widest, owner_bytes_max)
        if data_max >= ALIGNED_BYTES_MIN:
            self._header_bytes = _whole_pages(self._header_bytes)
        self._span = _whole_pages(self._header_bytes + widest)
        self._offset = open_volume.reserve(self._span)
        self._sums: dict[int, list[list[int]]] = {}  # by where the chunk lies in its column
        self.data_bytes = 0

    def encode(self, data: Bytes, at: int, parity: Bytes) -> EncodedChunk:
        """Lay out and encode ``data``: whole rows, or the stripe's last bytes. Blocking, GIL released.

        ``at``: its offset in the stripe's data, a multiple of a row. ``parity``: room for at least m/k of it.
        """
        k, m, unit = self._k, self._m, self._unit
        layout = StripeLayout(k, unit, len(data))
        rows, width = layout.full_rows, layout.width
        out = parity[: m * width].reshape(m, width)
        pieces: list[list[memoryview]] = [[] for _ in range(k + m)]
        for row in range(rows):
            block = data[row * k * unit : (row + 1) * k * unit].reshape(k, unit)
            self._codec.encode(block, out[:, row * unit : (row + 1) * unit])
            for column in range(k):
                pieces[column].append(block[column].data)
        if layout.rest:
            self._encode_tail(data[rows * k * unit :], layout.tail, out, rows * unit, pieces)
        for index in range(m):
            pieces[k + index].append(out[index].data)
        sums = [[s for piece in column for s in block_checksums(piece)] for column in pieces]
        return EncodedChunk(at // k, pieces, sums, parity)

    def _encode_tail(self, rest: Bytes, unit: int, out: Columns, at: int, pieces: list[list[memoryview]]) -> None:
        block = np.zeros((self._k, unit), np.uint8)
        block.reshape(-1)[: len(rest)] = rest
        # The widest column may be shorter than the tail's unit: parity beyond it would be zeros.
        self._codec.encode(block[:, : min(unit, len(rest))], out[:, at:])
        for column in range(self._k):
            piece = rest.data[column * unit : (column + 1) * unit]
            if len(piece):
                pieces[column].append(piece)

    async def write(self, chunk: EncodedChunk, data_bytes: int) -> None:
        """Write a chunk of ``data_bytes`` to all shards; chunks may be in flight together. Raises DriveError."""
        base = self._offset + self._header_bytes + chunk.column_at
        self._sums[chunk.column_at] = chunk.sums
        self.data_bytes += data_bytes
        await self.open_volume.write([(column, base, pieces) for column, pieces in enumerate(chunk.pieces) if pieces])

    async def close(self, owner: bytes) -> Extent:
        """Write the headers; ``owner`` is the record header of the object. Raises DriveError."""
        layout = StripeLayout(self._k, self._unit, self.data_bytes)
        await self._write_headers(STRIPED, layout.lengths, layout.width, owner)
        extent = Extent(
            self.open_volume.volume.id,
            STRIPED,
            0,
            self._header_bytes // HEADER_UNIT_BYTES,
            self._unit,
            self._offset,
            0,
            self.data_bytes,
            self.data_bytes,
        )
        self.open_volume.data_bytes += extent.cost_bytes
        return extent

    async def abandon(self) -> None:
        """Mark the space as void, so that a scan can step over it; best effort."""
        if not self.open_volume.failed:
            self._sums = {}
            await self._write_headers(VOID, (0,) * self._k, 0, b"")

    async def _write_headers(self, kind: int, lengths: Sequence[int], width: int, owner: bytes) -> None:
        volume_id, chunks = self.open_volume.volume.id, [self._sums[at] for at in sorted(self._sums)]
        await self.open_volume.write(
            [
                (
                    column,
                    self._offset,
                    [
                        pack_header(
                            kind,
                            column,
                            volume_id,
                            self._offset,
                            self.data_bytes,
                            self._unit,
                            width,
                            self._header_bytes,
                            self._span,
                            lengths,
                            owner,
                            [s for chunk in chunks for s in chunk[column]],
                        )
                    ],
                )
                for column in range(self._k + self._m)
                if kind == VOID or column >= self._k or lengths[column]
            ]
        )


def _whole_pages(size: int) -> int:
    return -(-size // PAGE_BYTES) * PAGE_BYTES

"""Weave: columns of many stripes made at once, from the same stretch of k shards in memory.

A stripe lies at the same offset on every shard, and the code works byte by byte: so one call decodes a whole stretch,
whatever stripes are in it. What it makes of their headers is nothing, and is left out: new ones are written.

Only where all is well: as soon as a header or a block of a source is not what it has to be, the stripe is odd, and
somebody else has to look at it (volume/rebuild.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from objstore.erasure import codec_for
from objstore.format.checksum import block_checksums, first_bad_block
from objstore.format.extent import HEADER_UNIT_BYTES
from objstore.format.stripe import (
    FIXED_BYTES,
    StripeHeader,
    pack_header,
    peek_header_bytes,
    unpack_beside,
    unpack_header,
)
from objstore.model.errors import CorruptData
from objstore.model.limits import BLOCK_BYTES
from objstore.model.volumes import Volume
from objstore.volume.buffers import Bytes, aligned_buffer
from objstore.volume.shard_writer import ShardWriter
from objstore.volume.stripe_writer import VOID

Rows = Mapping[int, memoryview]


@dataclass(slots=True)
class Begun:
    """A stripe that is being written. ``low``: bytes of each column that are done; ``sums``: checksums of their blocks;
    ``expected``: those of all blocks of each source.
    """

    header: StripeHeader
    sums: dict[int, list[int]]
    expected: dict[int, Sequence[int]] = field(default_factory=dict)
    low: int = 0

    @property
    def base(self) -> int:
        """Where its columns begin."""
        return self.header.stripe_offset + self.header.header_bytes

    @property
    def following(self) -> int:
        """Where the next stripe begins."""
        return self.header.stripe_offset + max(self.header.span_bytes, HEADER_UNIT_BYTES)


@dataclass(slots=True)
class _Part:
    """Bytes [low, high) of the columns of a stripe."""

    stripe: Begun
    low: int
    high: int


class Weaver:
    """From columns ``sources`` to ``writers``, by column: k others, or the same ones, which then are copied.

    ``begun``: the stripe in which the last stretch ended. ``is_odd``: what comes next is not as it should be.
    """

    def __init__(self, volume: Volume, sources: Sequence[int], writers: Mapping[int, ShardWriter]) -> None:
        self.begun: Begun | None = None
        self.is_odd = False
        self._volume, self._writers, self._wanted = volume, writers, tuple(writers)
        self._k, self._m = volume.profile.k, volume.profile.m
        self._is_copy = set(sources) == set(writers)
        # Parity first: it takes part in every stripe, and knows who else does.
        self._sources = sorted(sources, key=lambda column: (column < self._k, column))
        self._room: Bytes = aligned_buffer(0)
        self._at, self._rows = 0, dict[int, memoryview]()

    def weave(self, at: int, rows: Rows) -> int:
        """Add to the writers what can be made of ``rows``: bytes of all sources from offset ``at`` on, as many of each.

        They are scratch: written to. Gives the offset to go on from. Blocking: for a thread.
        """
        self._at, self._rows = at, dict(rows)
        end = at + len(rows[self._sources[0]])
        parts: list[_Part] = []
        try:
            while at < end and (part := self._part(at, end)) is not None:
                parts.append(part)
                at = part.stripe.base + part.high if self.begun is not None else part.stripe.following
        except CorruptData:
            self.is_odd = True
        if parts:
            self._make(parts)
        return at

    def _part(self, at: int, end: int) -> _Part | None:
        """What there is, whole and right, of the next stripe or of the one begun; None if more has to be read."""
        stripe = self.begun
        if stripe is None:
            stripe = self._begin(at, end)
            if stripe is None:
                return None
        width, low = stripe.header.width, stripe.low
        high = width if stripe.base + width <= end else (end - stripe.base) // BLOCK_BYTES * BLOCK_BYTES
        if high <= low and high < width:
            return None
        self._check(stripe, low, high)
        stripe.low, self.begun = high, stripe if high < width else None
        return _Part(stripe, low, high)

    def _begin(self, at: int, end: int) -> Begun | None:
        first: StripeHeader | None = None
        prefix = b""
        expected: dict[int, Sequence[int]] = {}
        low = at - self._at
        for column in self._sources:
            row = self._rows[column]
            if first is not None:
                if first.length_of(column):
                    expected[column] = unpack_beside(row[low : low + first.header_bytes], prefix, column, first)
                continue
            size = peek_header_bytes(row[low : low + FIXED_BYTES])
            if size is None and end - at >= FIXED_BYTES:
                continue  # it may take no part
            if size is None or size > end - at:
                return None
            first = unpack_header(row[low : low + size], self._volume.id, at, column)
            _expect(first.kind != VOID and len(first.checksums) * BLOCK_BYTES >= first.length_of(column))
            expected[column], prefix = first.checksums, bytes(row[low : low + first.prefix_bytes])
        _expect(first is not None)
        assert first is not None
        _expect(all(column in expected or not first.length_of(column) for column in self._sources))
        return Begun(first, {column: [] for column in self._wanted}, expected)

    def _check(self, stripe: Begun, low: int, high: int) -> None:
        """Every block of the sources against its checksum; what they do not have is made zeros, as it counts."""
        base = stripe.base - self._at
        for column in self._sources:
            row, there = self._rows[column], max(low, min(high, stripe.header.length_of(column)))
            if there > low:
                sums = stripe.expected[column][low // BLOCK_BYTES : -(-there // BLOCK_BYTES)]
                _expect(first_bad_block(row[base + low : base + there], sums) is None)
            if there < high and not self._is_copy:
                row[base + there : base + high] = bytes(high - there)

    def _make(self, parts: Sequence[_Part]) -> None:
        low = parts[0].stripe.base + parts[0].low
        high = parts[-1].stripe.base + parts[-1].high
        made = {c: self._rows[c][low - self._at : high - self._at] for c in self._sources}
        if not self._is_copy:
            made = dict(zip(self._wanted, self._decoded(made, high - low), strict=True))
        for part in parts:
            base = part.stripe.base
            for column in self._wanted:
                there = min(part.high, part.stripe.header.length_of(column))
                if there > part.low:
                    self._add(part, column, made[column][base + part.low - low : base + there - low])
                if part.high == part.stripe.header.width and part.low and part.stripe.header.length_of(column):
                    self._writers[column].add_behind(part.stripe.header.stripe_offset, self._head(part.stripe, column))

    def _add(self, part: _Part, column: int, piece: memoryview) -> None:
        stripe, writer = part.stripe, self._writers[column]
        if self._is_copy:
            end = part.low + len(piece)
            stripe.sums[column] += stripe.expected[column][part.low // BLOCK_BYTES : -(-end // BLOCK_BYTES)]
        else:
            stripe.sums[column] += block_checksums(piece)
        if not part.low and part.high == stripe.header.width:
            writer.add(stripe.header.stripe_offset, self._head(stripe, column))
        writer.add(stripe.base + part.low, piece)

    def _head(self, stripe: Begun, column: int) -> bytes:
        like = stripe.header
        return pack_header(
            like.kind,
            column,
            like.volume_id,
            like.stripe_offset,
            like.data_bytes,
            like.unit_bytes,
            like.width,
            like.header_bytes,
            like.span_bytes,
            like.lengths,
            like.owner,
            stripe.sums[column],
        )

    def _decoded(self, present: Rows, size: int) -> list[memoryview]:
        need = len(self._wanted) * size
        if len(self._room) < need:
            self._room = aligned_buffer(need)
        out = self._room[:need].reshape(len(self._wanted), size)
        codec_for(self._k, self._m).rebuild_into(present, self._wanted, out)
        return [row.data for row in out]


def _expect(is_so: bool) -> None:
    if not is_so:
        raise CorruptData("not as it should be")

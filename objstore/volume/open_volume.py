"""OpenVolume: a volume that this process may append to.

| What happens              | What is left                   | Who clears it                                     |
|---------------------------|--------------------------------|---------------------------------------------------|
| crash before sync         | a torn tail in some shards     | the volume is sealed, the tail is garbage         |
| a shard cannot be written | a shorter stripe on the others | the volume is sealed, the batch goes to a new one |
| crash after sync          | stripes that nobody refers to  | compaction                                        |

Nothing is ever appended again after a failure, and never after a restart.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from objstore.drive.base import Drive
from objstore.erasure import codec_for
from objstore.format.checksum import block_checksums
from objstore.format.extent import HEADER_UNIT_BYTES, PACKED, Extent
from objstore.format.stripe import header_bytes_for, pack_header
from objstore.format.superblock import SUPERBLOCK_BYTES, Superblock
from objstore.model.errors import DriveError, DriveTimeout
from objstore.model.limits import DRIVE_TIMEOUT_SECONDS
from objstore.model.volumes import Volume
from objstore.work.batcher import Batcher

_ZEROS = bytes(1024 * 1024)
INLINE_BYTES_MAX = 512 * 1024  # up to this a stripe is put together in the event loop: below a millisecond
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


class OpenVolume:
    """Appends stripes. ``end``: where the next one goes. ``users``: writes that are not committed yet.

    ``data_bytes``: what the records of whole stripes cost (format/extent.py), less those that are known never to be
    committed; ``uncertain``: nobody knows what became of some of them.
    """

    def __init__(self, volume: Volume, drives: Sequence[Drive]) -> None:
        assert len(drives) == volume.profile.n
        self.volume = volume
        self.drives = tuple(drives)
        self.profile = volume.profile
        self.end = SUPERBLOCK_BYTES
        self.failed = False
        self.users = 0
        self.data_bytes = 0
        self.uncertain = False
        self._codec = codec_for(self.profile.k, self.profile.m)
        self._syncs: Batcher[None, None] = Batcher(self._sync_all)

    @property
    def full(self) -> bool:
        """True when the volume has its size."""
        return self.end >= self.profile.shard_bytes_max

    async def create(self, cluster_id: bytes) -> None:
        """Put the superblocks on all drives, durably. Raises DriveError."""
        volume, profile = self.volume, self.profile
        await self._all(
            [
                drive.create(
                    volume.id,
                    Superblock(
                        volume.id,
                        column,
                        profile.k,
                        profile.m,
                        bytes.fromhex(drive.id),
                        cluster_id,
                        profile.unit_bytes,
                        volume.tier,
                    ).pack(),
                )
                for column, drive in enumerate(self.drives)
            ]
        )

    def reserve(self, size: int) -> int:
        """Offset of ``size`` bytes, in every shard, that are nobody else's."""
        offset = self.end
        self.end += -(-size // HEADER_UNIT_BYTES) * HEADER_UNIT_BYTES
        return offset

    async def append(self, records: Sequence[PackedRecord]) -> list[Extent]:
        """Append records as one packed stripe, durable on every shard that takes part; extents in the records' order.

        Raises DriveError: then nothing of the stripe counts, and the volume takes no more.
        """
        stripe = _PackedStripe(self, records)
        if stripe.data_bytes > INLINE_BYTES_MAX:
            await asyncio.get_running_loop().run_in_executor(None, stripe.build)
        else:
            stripe.build()
        await self._all(
            [
                self.drives[column].write(self.volume.id, stripe.offset, buffers, True)
                for column, buffers in stripe.shards.items()
            ]
        )
        self.data_bytes += sum(extent.cost_bytes for extent in stripe.extents)
        return stripe.extents

    async def write(self, writes: Sequence[tuple[int, int, Sequence[object]]]) -> None:
        """(column, offset, buffers) each, not durable yet. Raises DriveError and takes no more then."""
        await self._all(
            [self.drives[column].write(self.volume.id, offset, buffers, False) for column, offset, buffers in writes]
        )

    async def sync(self) -> None:
        """Make every shard durable; calls that come together share one flush a shard. Raises DriveError."""
        await self._syncs.submit(None)

    def finish(self) -> None:
        """No more writes will come."""
        for drive in self.drives:
            drive.finish(self.volume.id)

    async def _sync_all(self, waiters: list[None]) -> list[None]:
        await self._all([drive.sync(self.volume.id) for drive in self.drives])
        return waiters

    async def _all(self, calls: Sequence[Awaitable[object]]) -> None:
        """Wait for every call, each with the time-out; the first failure is raised once all have ended."""
        if self.failed:
            for call in calls:
                if isinstance(call, asyncio.Future):
                    call.cancel()
            raise DriveError("the volume has failed before")
        waiting = {asyncio.ensure_future(call) for call in calls}
        done, late = await asyncio.wait(waiting, timeout=DRIVE_TIMEOUT_SECONDS)
        failures = [error for call in done if (error := call.exception()) is not None]
        if late:
            for call in late:
                call.cancel()
            failures.append(DriveTimeout(f"{len(late)} drives took longer than {DRIVE_TIMEOUT_SECONDS} s"))
        if failures:
            self.failed = True
            full = next((e for e in failures if isinstance(e, DriveError) and e.full), None)
            raise full or failures[0]


class _PackedStripe:
    """A packed stripe on its way: places records in columns, computes parity and headers."""

    def __init__(self, open_volume: OpenVolume, records: Sequence[PackedRecord]) -> None:
        self._volume, self._records = open_volume, records
        profile = open_volume.profile
        self._fill = [0] * profile.k
        self._columns: list[list[bytes]] = [[] for _ in range(profile.k)]
        self._places = self._place()
        self.width = -(-max(self._fill) // HEADER_UNIT_BYTES) * HEADER_UNIT_BYTES
        self.header_bytes = header_bytes_for(profile.k, self.width, 0)
        self.span = self.header_bytes + self.width
        self.offset = open_volume.reserve(self.span)
        self.data_bytes = sum(self._fill)
        self.shards: dict[int, tuple[bytes | memoryview, ...]] = {}
        self.extents: list[Extent] = []

    def _place(self) -> list[tuple[int, int]]:
        """(column, offset) of each record: the largest first, each to the emptiest column."""
        fill, columns, k = self._fill, self._columns, len(self._fill)
        turn = next(_turns) % k  # so that lone small writes visit all drives
        order = sorted(range(len(self._records)), key=lambda i: -len(self._records[i].payload))
        places = [(0, 0)] * len(order)
        for i in order:
            record = self._records[i]
            column = min(range(turn, turn + k), key=lambda c: fill[c % k]) % k
            places[i] = (column, fill[column])
            columns[column] += (record.head, record.payload)
            size = record.size
            if padding := size - len(record.head) - len(record.payload):
                columns[column].append(_ZEROS[:padding])
            fill[column] += size
        return places

    def build(self) -> None:
        """Compute everything that is written, and the extents."""
        owner, profile = self._volume, self._volume.profile
        k, m, width = profile.k, profile.m, self.width
        data = self._joined()
        parity = np.empty((m, width), np.uint8)
        owner._codec.encode(np.frombuffer(data, np.uint8).reshape(k, width), parity)
        view = memoryview(data)
        for column in range(k):
            if self._fill[column]:
                self._shard(column, view[column * width : column * width + self._fill[column]])
        for row in range(m):
            self._shard(k + row, memoryview(parity[row]))
        units, volume_id = self.header_bytes // HEADER_UNIT_BYTES, owner.volume.id
        self.extents = [
            Extent(
                volume_id,
                PACKED,
                column,
                units,
                0,
                self.offset,
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

    def _shard(self, column: int, content: memoryview) -> None:
        header = pack_header(
            PACKED,
            column,
            self._volume.volume.id,
            self.offset,
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

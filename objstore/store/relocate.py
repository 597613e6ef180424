"""relocate: read extents, append them to another volume, swap them in metadata if they are still the ones.

| What happens          | What is left                         | Who clears it                             |
|-----------------------|--------------------------------------|-------------------------------------------|
| crash before the swap | the copy, that nobody refers to      | compaction of the volume that it went to  |
| crash after the swap  | the old bytes, in the garbage ledger | the next pass over the old volume         |
| overwritten meanwhile | the copy: the swap changes nothing   | compaction of the volume that it went to  |
| the volume is retired | shards that nobody refers to         | unlinked after a grace for readers        |
"""

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from objstore.format.extent import Extent, slice_packed, unpack
from objstore.meta.objects import Referent, Swap
from objstore.model.errors import ClusterError, CorruptData, RemoteUnavailable
from objstore.model.limits import BATCH_ITEMS_MAX
from objstore.model.volumes import Volume
from objstore.store.context import Context
from objstore.store.object_writer import ObjectWriter
from objstore.store.packer import Appended, Owner
from objstore.store.read import Reads
from objstore.volume.extent_reader import read_extents
from objstore.volume.scan import FoundRecord, scan_records


@dataclass(slots=True)
class Emptied:
    """What came of walking a volume. ``live_bytes``: what is still referred to at the end.

    ``doubtful``: something in it could not be read, so it must not be retired.
    """

    moved_bytes: int = 0
    moved_records: int = 0
    payload_bytes: int = 0
    live_bytes: int = 0
    doubtful: bool = False


class Relocations:
    """Moves what is live in a volume to others."""

    def __init__(self, context: Context, reads: Reads) -> None:
        self._context, self._reads = context, reads

    async def measure(self, volume: Volume) -> Emptied:
        """Payload and live bytes of a volume, by looking at every record of it; nothing is moved."""
        return await self._walk(volume, move=False)

    async def empty(self, volume: Volume) -> Emptied:
        """Move every record that something refers to. The volume is COMPACTING, so no new reference can appear."""
        return await self._walk(volume, move=True)

    async def _walk(self, volume: Volume, move: bool) -> Emptied:
        _, drives = await self._context.catalog.place(volume.id)
        outcome = Emptied()
        outcome.doubtful = await self._too_few(volume)
        batch: list[FoundRecord] = []
        try:
            async for records in scan_records(volume, drives, self._context.catalog.damaged):
                if records is None:
                    outcome.doubtful = True
                    continue
                batch += records
                outcome.payload_bytes += sum(found.extent.cost_bytes for found in records)
                if len(batch) >= BATCH_ITEMS_MAX:
                    await self._step(volume, batch, outcome, move)
                    batch = []
            await self._step(volume, batch, outcome, move)
        except (ClusterError, CorruptData):
            outcome.doubtful = True
            if not move:
                raise
        if volume.data_bytes and outcome.payload_bytes < volume.data_bytes:
            outcome.doubtful = True
        if move and outcome.doubtful and not outcome.live_bytes:
            # The records did not tell all. Only a look at every row can say that nothing refers to what was not read.
            outcome.doubtful = await self._context.objects.refers(volume.id)
        return outcome

    async def _too_few(self, volume: Volume) -> bool:
        """True unless enough shards answer to be sure that every stripe was seen: any k of them take part in all.

        Raises RemoteUnavailable: a tier that is away will be back, and looking at every row can wait until then.
        """
        _, drives = await self._context.catalog.place(volume.id)
        lengths = await asyncio.gather(
            *(drive.length(volume.id) for drive in drives if drive is not None), return_exceptions=True
        )
        for length in lengths:
            if isinstance(length, RemoteUnavailable):
                raise length
        return sum(isinstance(length, int) for length in lengths) < volume.profile.k

    async def _step(self, volume: Volume, records: list[FoundRecord], outcome: Emptied, move: bool) -> None:
        batch = _Batch(volume.id, records)
        referents = await self._referents(batch)
        wanted = batch.wanted(referents)
        if move and wanted:
            await self._move(volume, batch, referents, wanted, outcome)
            # No new reference can appear while the volume is COMPACTING: what is referred to now is all there is.
            wanted = batch.wanted(await self._referents(batch))
        outcome.live_bytes += sum(found.extent.cost_bytes for found in wanted)

    async def _referents(self, batch: "_Batch") -> list[Referent]:
        return await self._context.objects.referents(batch.volume_id, batch.names)

    async def _move(
        self, volume: Volume, batch: "_Batch", referents: list[Referent], wanted: list[FoundRecord], outcome: Emptied
    ) -> None:
        """Copy the wanted records elsewhere and point their referents there."""
        results = await asyncio.gather(*(self._rewrite(volume, found) for found in wanted), return_exceptions=True)
        moved = {f.extent: done for f, done in zip(wanted, results, strict=True) if isinstance(done, Appended)}
        swaps = [swap for referent in referents if (swap := batch.swap(referent, moved)) is not None]
        settled = False
        try:
            if swaps:
                await self._context.objects.swap(swaps)
            settled = True
        finally:
            for appended in moved.values():
                appended.release(self._context.pool, settled)
        outcome.moved_records += len(moved)
        outcome.moved_bytes += sum(appended.payload_bytes for appended in moved.values())

    async def _rewrite(self, volume: Volume, found: FoundRecord) -> Appended:
        """The record's payload in another volume of the tier, durable, under the same name."""
        context, record, extent = self._context, found.record, found.extent
        owner = Owner(
            record.bucket_id,
            record.key,
            record.version_id,
            record.part_number,
            record.attrs,
            record.fragment,
            record.last,
        )
        reader = await self._reads.reader(extent)
        if extent.length <= context.pool.profile(volume.tier).pack_bytes_max:
            payload = await reader.read(0, extent.length) if extent.length else b""
            return await context.packer.append(volume.tier, owner, bytes(payload), spare=True)
        writer = ObjectWriter(
            context.pool, context.buffers, context.executor, volume.tier, owner, extent.length, None, True
        )
        try:
            async for piece in read_extents([(reader, 0, extent.length)]):
                await writer.feed(piece)
            await writer.flush()
            return await writer.finish(owner)
        except BaseException:
            context.abandon(writer)
            raise


class _Batch:
    """Records of a volume, found by the extents, or slices of extents, that lie in them."""

    def __init__(self, volume_id: bytes, records: list[FoundRecord]) -> None:
        self.volume_id = volume_id
        self.names = sorted({(found.record.bucket_id, found.record.key) for found in records})
        self._by_column: dict[tuple[int, int], list[FoundRecord]] = defaultdict(list)
        for found in records:
            self._by_column[found.extent.stripe_offset, found.extent.column].append(found)
        for column in self._by_column.values():
            column.sort(key=_start)

    def record_of(self, extent: Extent) -> FoundRecord | None:
        """The record that an extent lies in, if it is one of these."""
        column = self._by_column.get((extent.stripe_offset, extent.column))
        if extent.volume_id != self.volume_id or not column:
            return None
        at = bisect_right(column, extent.data_offset, key=_start) - 1
        return column[at] if at >= 0 else None

    def wanted(self, referents: list[Referent]) -> list[FoundRecord]:
        """The records that some referent has an extent in."""
        found = (self.record_of(extent) for referent in referents for extent in unpack(referent.extents))
        return list({record.extent: record for record in found if record is not None}.values())

    def swap(self, referent: Referent, moved: Mapping[Extent, Appended]) -> Swap | None:
        """New extents for a referent, None if nothing of it has moved."""
        fresh, linked = [], False
        for extent in unpack(referent.extents):
            found = self.record_of(extent)
            if found is None or found.extent not in moved:
                fresh.append(extent.pack())
                continue
            fresh.append(_slice_of(moved[found.extent].extents, extent, found.extent))
            # A copy's bytes bear the name of what it was copied from: the way back to the copy is a link.
            linked |= (found.record.bucket_id, found.record.key) != (referent.bucket_id, referent.key)
        packed = b"".join(fresh)
        return Swap(referent, packed, linked) if packed != referent.extents else None


def _start(found: FoundRecord) -> int:
    return found.extent.data_offset


def _slice_of(packed: bytes, extent: Extent, record: Extent) -> bytes:
    """What stands for an extent of a record whose payload now has the extents ``packed``."""
    if not extent.length:
        return packed
    start = extent.data_offset - record.data_offset
    return slice_packed(packed, start, start + extent.length)

"""relocate: read extents, append them to another volume, swap them in metadata if they are still the ones.

| What happens          | What is left                         | Who clears it                             |
|-----------------------|--------------------------------------|-------------------------------------------|
| crash before the swap | the copy, that nobody refers to      | compaction of the volume that it went to  |
| crash after the swap  | the old bytes, in the garbage ledger | the next pass over the old volume         |
| overwritten meanwhile | the copy: the swap changes nothing   | compaction of the volume that it went to  |
| the volume is retired | shards that nobody refers to         | unlinked after a grace for readers        |
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass

from objstore.format.extent import Extent, slice_packed, unpack
from objstore.meta.objects import Referent, Swap
from objstore.model.errors import ClusterError, CorruptData
from objstore.model.limits import BATCH_ITEMS_MAX
from objstore.model.volumes import Volume
from objstore.store.context import Context
from objstore.store.object_writer import ObjectWriter
from objstore.store.packer import Appended, Owner
from objstore.store.read import Reads
from objstore.volume.extent_reader import read_extents
from objstore.volume.scan import FoundRecord, scan_records

Spot = tuple[int, int, int]  # stripe offset, column, data offset: names a record within a volume


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
                batch += records
                outcome.payload_bytes += sum(found.extent.length for found in records)
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
        return outcome

    async def _too_few(self, volume: Volume) -> bool:
        """True unless enough shards answer to be sure that every stripe was seen: any k of them take part in all."""
        _, drives = await self._context.catalog.place(volume.id)
        lengths = await asyncio.gather(
            *(drive.length(volume.id) for drive in drives if drive is not None), return_exceptions=True
        )
        return sum(isinstance(length, int) for length in lengths) < volume.profile.k

    async def _step(self, volume: Volume, records: list[FoundRecord], outcome: Emptied, move: bool) -> None:
        by_spot = {(f.extent.stripe_offset, f.extent.column, f.extent.data_offset): f for f in records}
        referents = await self._referents(volume, records)
        wanted = _wanted(volume.id, referents, by_spot)
        if move and wanted:
            await self._move(volume, referents, by_spot, wanted, outcome)
            # No new reference can appear while the volume is COMPACTING: what is referred to now is all there is.
            wanted = _wanted(volume.id, await self._referents(volume, records), by_spot)
        outcome.live_bytes += sum(by_spot[spot].extent.length or 1 for spot in wanted)

    async def _referents(self, volume: Volume, records: list[FoundRecord]) -> list[Referent]:
        names = {(found.record.bucket_id, found.record.key) for found in records}
        return await self._context.objects.referents(volume.id, sorted(names))

    async def _move(
        self,
        volume: Volume,
        referents: list[Referent],
        by_spot: dict[Spot, FoundRecord],
        wanted: list[Spot],
        outcome: Emptied,
    ) -> None:
        """Copy the wanted records elsewhere and point their referents there."""
        results = await asyncio.gather(
            *(self._rewrite(volume, by_spot[spot]) for spot in wanted), return_exceptions=True
        )
        moved = {spot: done for spot, done in zip(wanted, results, strict=True) if isinstance(done, Appended)}
        settled = False
        try:
            await self._swap(volume.id, referents, by_spot, moved)
            settled = True
        finally:
            for appended in moved.values():
                appended.release(self._context.pool, settled)
        outcome.moved_records += len(moved)
        outcome.moved_bytes += sum(appended.payload_bytes for appended in moved.values())

    async def _rewrite(self, volume: Volume, found: FoundRecord) -> Appended:
        """The record's payload in another volume of the tier, durable, under the same name."""
        context, record, extent = self._context, found.record, found.extent
        owner = Owner(record.bucket_id, record.key, record.version_id, record.part_number, record.attrs)
        reader = await self._reads.reader(extent)
        if extent.length <= context.pool.profile(volume.tier).pack_bytes_max and not record.fragment:
            payload = await reader.read(0, extent.length) if extent.length else b""
            return await context.packer.append(volume.tier, owner, bytes(payload))
        writer = ObjectWriter(context.pool, context.buffers, context.executor, volume.tier, owner, extent.length, None)
        try:
            async for piece in read_extents([(reader, 0, extent.length)]):
                await writer.feed(piece)
            await writer.flush()
            return await writer.finish(owner)
        except BaseException:
            await writer.abandon()
            raise

    async def _swap(
        self, volume_id: bytes, referents: list[Referent], by_spot: dict[Spot, FoundRecord], moved: dict[Spot, Appended]
    ) -> None:
        swaps = []
        for referent in referents:
            fresh = b"".join(_moved(extent, volume_id, by_spot, moved) for extent in unpack(referent.extents))
            if fresh != referent.extents:
                swaps.append(Swap(referent, fresh))
        if swaps:
            await self._context.objects.swap(swaps)


def _wanted(volume_id: bytes, referents: list[Referent], by_spot: dict[Spot, FoundRecord]) -> list[Spot]:
    """The records of the batch that some referent's extents lie in."""
    index = _Index(by_spot)
    wanted: dict[Spot, None] = {}
    for referent in referents:
        for extent in unpack(referent.extents):
            if extent.volume_id == volume_id and (spot := index.of(extent)) is not None:
                wanted[spot] = None
    return list(wanted)


class _Index:
    """Finds the record that an extent, or a slice of it, lies in."""

    def __init__(self, by_spot: dict[Spot, FoundRecord]) -> None:
        self._by_column: dict[tuple[int, int], list[Spot]] = defaultdict(list)
        self._by_spot = by_spot
        for spot in by_spot:
            self._by_column[spot[:2]].append(spot)

    def of(self, extent: Extent) -> Spot | None:
        exact = (extent.stripe_offset, extent.column, extent.data_offset)
        if exact in self._by_spot:
            return exact
        for spot in self._by_column.get(exact[:2], ()):
            if spot[2] <= extent.data_offset < spot[2] + self._by_spot[spot].extent.length:
                return spot
        return None


def _moved(extent: Extent, volume_id: bytes, by_spot: dict[Spot, FoundRecord], moved: dict[Spot, Appended]) -> bytes:
    """What stands for an extent after the move: its slice of the record's new extents, or itself."""
    spot = _Index(by_spot).of(extent) if extent.volume_id == volume_id else None
    if spot is None or spot not in moved:
        return extent.pack()
    start = extent.data_offset - spot[2]
    if not extent.length:
        return moved[spot].extents
    return slice_packed(moved[spot].extents, start, start + extent.length)

"""Packer: small payloads that are in flight together share one stripe and one flush a shard."""

import asyncio
import functools
from collections.abc import Callable
from dataclasses import dataclass

from objstore.format.checksum import checksum
from objstore.format.extent import bytes_by_volume
from objstore.format.record import LAST, pack_record
from objstore.model import clock
from objstore.model.errors import DriveError, Overloaded
from objstore.model.limits import ANSWER_SECONDS_MAX
from objstore.store.pool import PACKED, VolumePool
from objstore.volume.open_volume import OpenVolume
from objstore.volume.packed_stripe import PackedRecord
from objstore.work.batcher import Batcher

ATTEMPTS_MAX = 3
# To tiers whose volumes are written once: few large uploads are better than many small ones.
GATHER_SECONDS = 0.25
UPLOADS_IN_FLIGHT = 4
UPLOAD_CROWD = 32
UPLOAD_BYTES_MAX = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose bytes records hold; ``attrs`` is JSON for a rebuilt row.

    ``fragment``: where these bytes begin in the object or part; ``last``: whether they are the end of it.
    """

    bucket_id: int
    key: bytes
    version_id: bytes
    part_number: int = 0
    attrs: bytes = b""
    fragment: int = 0
    last: bool = True

    def record(self, fragment: int, payload_bytes: int, payload_checksum: int, last: bool) -> bytes:
        """A record header, see format/record.py."""
        return pack_record(
            self.bucket_id,
            self.key,
            self.version_id,
            self.part_number,
            self.fragment + fragment,
            payload_bytes,
            payload_checksum,
            self.attrs if last else b"",
            LAST if last and self.last else 0,
        )


@dataclass(slots=True)
class Appended:
    """Where a payload went. The volumes have this user until ``Appended.release``."""

    extents: bytes
    volumes: tuple[OpenVolume, ...]
    payload_bytes: int

    def release(self, pool: VolumePool, settled: bool) -> None:
        """Its user is done with the volumes, see ``VolumePool.release``."""
        for volume in self.volumes:
            pool.release(volume, settled)

    @property
    def volume_ids(self) -> frozenset[bytes]:
        """Ids of the volumes that were appended to."""
        return frozenset([volume.volume.id for volume in self.volumes])


class Packer:
    """One batcher a tier. ``observe`` is told the size of each batch."""

    def __init__(self, pool: VolumePool, observe: Callable[[int], None] | None = None) -> None:
        self._pool, self._observe = pool, observe
        self._batchers: dict[tuple[str, bool], Batcher[PackedRecord, Appended]] = {}

    async def append(self, tier: str, owner: Owner, payload: bytes, spare: bool = False) -> Appended:
        """Append a payload, durable when this returns; ``spare``: see ``VolumePool.acquire``.

        Raises PlacementImpossible, DriveError, Overloaded.
        """
        record = packed_record(owner, payload)
        batcher = self._batchers.get((tier, spare))
        if batcher is None:
            batcher = self._batchers[tier, spare] = self._batcher(tier, spare)
        if self._pool.is_write_once(tier):
            # All wait for the same moment: what comes within a while shares an upload.
            now = asyncio.get_running_loop().time()
            await asyncio.sleep(GATHER_SECONDS - now % GATHER_SECONDS)
        return await batcher.submit(record)

    def _batcher(self, tier: str, spare: bool) -> "Batcher[PackedRecord, Appended]":
        limits = {"in_flight": UPLOADS_IN_FLIGHT, "weight_max": UPLOAD_BYTES_MAX, "crowd": UPLOAD_CROWD}
        return Batcher(
            functools.partial(self._append, tier, spare),
            weigh=_size,
            observe=self._observe,
            unclaimed=self._drop,
            name="append batch",
            **limits if self._pool.is_write_once(tier) else {},
        )

    @property
    def depth(self) -> int:
        """Payloads that wait."""
        return sum(batcher.depth for batcher in self._batchers.values())

    def _drop(self, appended: Appended) -> None:
        """Nobody waits for it any more: its bytes will never be committed."""
        for volume in appended.volumes:
            volume.data_bytes -= bytes_by_volume(appended.extents)[volume.volume.id]
        appended.release(self._pool, settled=True)

    async def append_batch(
        self, tier: str, records: list[PackedRecord], spare: bool = False
    ) -> tuple[list[bytes], OpenVolume]:
        """Append records at once: their packed extents, and the volume, which has one user more a record.

        Raises PlacementImpossible, DriveError, Overloaded.
        """
        deadline = clock.monotonic_seconds() + ANSWER_SECONDS_MAX
        for attempt in range(ATTEMPTS_MAX):
            volume = await self._acquire(tier, spare, deadline)
            try:
                extents = await volume.append(records)
            except DriveError:
                # A shorter stripe on some shards is garbage: the batch goes whole to another volume.
                self._pool.release(volume)
                if attempt == ATTEMPTS_MAX - 1 or clock.monotonic_seconds() > deadline:
                    raise
                continue
            except BaseException:
                self._pool.release(volume)
                raise
            volume.users += len(records) - 1
            return extents, volume
        raise AssertionError("unreachable")

    async def _acquire(self, tier: str, spare: bool, deadline: float) -> OpenVolume:
        """A volume, unless all who wait for the batch have had their answer meanwhile."""
        volume = await self._pool.acquire(tier, PACKED, spare)
        if clock.monotonic_seconds() > deadline:
            self._pool.release(volume)
            raise Overloaded("no volume could be opened in time")
        return volume

    async def _append(self, tier: str, spare: bool, records: list[PackedRecord]) -> list[Appended]:
        extents, volume = await self.append_batch(tier, records, spare)
        return [Appended(extent, (volume,), len(r.payload)) for extent, r in zip(extents, records, strict=True)]


def packed_record(owner: Owner, payload: bytes) -> PackedRecord:
    """The record of a whole small payload."""
    digest = checksum(payload)
    return PackedRecord(owner.record(0, len(payload), digest, True), payload, digest)


def _size(record: PackedRecord) -> int:
    return record.size

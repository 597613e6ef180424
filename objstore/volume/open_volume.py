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

from objstore.drive.base import Drive
from objstore.drive.threads import CallGroup
from objstore.format.extent import HEADER_UNIT_BYTES
from objstore.format.superblock import SUPERBLOCK_BYTES, Superblock
from objstore.model.errors import DriveError, DriveTimeout
from objstore.model.volumes import Volume
from objstore.volume.packed_stripe import PackedRecord, PackedStripe
from objstore.work.batcher import Batcher

INLINE_BYTES_MAX = 512 * 1024  # up to this a stripe is put together in the event loop: below a millisecond


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
        self._write_seconds = max(drive.write_seconds for drive in self.drives)
        self.end = SUPERBLOCK_BYTES
        self.failed = False
        self.users = 0
        self.data_bytes = 0
        self.uncertain = False
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

    async def append(self, records: Sequence[PackedRecord]) -> list[bytes]:
        """Append records as one packed stripe, durable on every shard that takes part.

        Gives the records' packed extents, in order. Raises DriveError: then nothing of the stripe counts, and the
        volume takes no more.
        """
        stripe = PackedStripe(self.volume.id, self.profile, records)
        offset = self.reserve(stripe.span)
        if stripe.data_bytes > INLINE_BYTES_MAX:
            await asyncio.get_running_loop().run_in_executor(None, stripe.build, offset)
        else:
            stripe.build(offset)
        await self._write([(column, offset, buffers) for column, buffers in stripe.shards.items()], sync=True)
        self.data_bytes += stripe.cost_bytes
        return stripe.extents

    async def write(self, writes: Sequence[tuple[int, int, Sequence[object]]]) -> None:
        """(column, offset, buffers) each, not durable yet. Raises DriveError and takes no more then."""
        await self._write(writes, sync=False)

    async def sync(self) -> None:
        """Make every shard durable; calls that come together share one flush a shard. Raises DriveError."""
        await self._syncs.submit(None)

    def finish(self) -> None:
        """No more writes will come."""
        for drive in self.drives:
            drive.finish(self.volume.id)

    async def _sync_all(self, waiters: list[None]) -> list[None]:
        self._check_not_failed()
        await self._all([drive.sync(self.volume.id) for drive in self.drives])
        return waiters

    async def _write(self, writes: Sequence[tuple[int, int, Sequence[object]]], sync: bool) -> None:
        """Start every write, wait until all have ended. The first failure is raised, and the volume takes no more."""
        self._check_not_failed()
        group = CallGroup(len(writes))
        for column, offset, buffers in writes:
            self.drives[column].start_write(self.volume.id, offset, buffers, sync, group.done)
        try:
            errors = await group.wait(self._write_seconds)
        except TimeoutError:
            errors = [DriveTimeout(f"a write took longer than {self._write_seconds} s")]
        except BaseException:
            self.failed = True  # given up in the middle: nobody knows what was written
            raise
        self._raise_first(errors)

    async def _all(self, calls: Sequence[Awaitable[object]]) -> None:
        """Wait for every call, each with the time-out; the first failure is raised once all have ended."""
        waiting = {asyncio.ensure_future(call) for call in calls}
        done, late = await asyncio.wait(waiting, timeout=self._write_seconds)
        errors = [error for call in done if (error := call.exception()) is not None]
        for call in late:
            call.cancel()
            errors.append(DriveTimeout(f"a drive took longer than {self._write_seconds} s"))
        self._raise_first(errors)

    def _check_not_failed(self) -> None:
        if self.failed:
            raise DriveError("the volume has failed before")

    def _raise_first(self, errors: Sequence[BaseException]) -> None:
        if errors:
            self.failed = True
            raise next((e for e in errors if isinstance(e, DriveError) and e.full), errors[0])

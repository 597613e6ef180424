"""OpenVolume: a volume that this process may append to.

| What happens              | What is left                   | Who clears it                                     |
|---------------------------|--------------------------------|---------------------------------------------------|
| crash before sync         | a torn tail in some shards     | the volume is sealed, the tail is garbage         |
| a shard cannot be written | a shorter stripe on the others | the volume is sealed, the batch goes to a new one |
| crash after sync          | stripes that nobody refers to  | compaction                                        |
| a drive does not answer   | perhaps the stripe, later      | the same as a shard that cannot be written        |

Nothing is ever appended again after a failure, and never after a restart. So what a drive writes after it was given up
lies where nobody refers to: in a stripe whose extents were never given out, of a volume that takes no more.
"""

import asyncio
from collections.abc import Awaitable, Collection, Sequence

from objstore.drive.base import Drive
from objstore.drive.threads import CallGroup
from objstore.format.extent import HEADER_UNIT_BYTES
from objstore.format.superblock import SUPERBLOCK_BYTES, Superblock
from objstore.model.errors import DriveError, DriveTimeout
from objstore.model.limits import APPEND_SECONDS_MAX, DRIVE_TIMEOUT_SECONDS
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
        # A remote bucket takes its time for everything.
        self._slow_seconds = max(drive.write_seconds for drive in self.drives)
        is_local = self._slow_seconds <= DRIVE_TIMEOUT_SECONDS
        self._quick_seconds = APPEND_SECONDS_MAX if is_local else self._slow_seconds
        self.end = SUPERBLOCK_BYTES
        self.failed = False
        self.users = 0
        self.data_bytes = 0
        self.uncertain = False
        # The flush of a large object may take long on a slow disk, and so may waiting for another one's.
        self._syncs: Batcher[None, None] = Batcher(self._sync_all, wait_seconds=self._slow_seconds)

    @property
    def full(self) -> bool:
        """True when the volume has its size."""
        return self.end >= self.profile.shard_bytes_max

    async def create(self, cluster_id: bytes) -> None:
        """Put the superblocks on all drives, durably. Raises DriveError."""
        volume, profile, absent = self.volume, self.profile, self.volume.absent
        await self._all(
            [
                drive.create(
                    volume.id,
                    Superblock(
                        volume.id,
                        column,
                        profile.k,
                        profile.m,
                        bytes(16) if column in absent else bytes.fromhex(drive.id),
                        cluster_id,
                        profile.unit_bytes,
                        volume.tier,
                    ).pack(),
                )
                for column, drive in enumerate(self.drives)
            ],
            self._quick_seconds,
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
        await self._all([drive.sync(self.volume.id) for drive in self.drives], self._slow_seconds)
        return waiters

    async def _write(self, writes: Sequence[tuple[int, int, Sequence[object]]], sync: bool) -> None:
        """Start every write, wait until all have ended. The first failure is raised, and the volume takes no more."""
        self._check_not_failed()
        group = CallGroup(len(writes))
        for column, offset, buffers in writes:
            self.drives[column].start_write(self.volume.id, offset, buffers, sync, group.numbered(column))

        def late() -> set[int]:
            return {column for column, _, _ in writes} - set(group.ended)

        try:
            seconds = self._quick_seconds if sync else self._slow_seconds
            errors = await group.wait(seconds, lambda: self._patience(late(), seconds))
        except TimeoutError:
            errors = [self._suspect(late())]
        except BaseException:
            self.failed = True  # given up in the middle: nobody knows what was written
            raise
        self._raise_first(errors)

    async def _all(self, calls: Sequence[Awaitable[object]], seconds: float) -> None:
        """Wait for every call, one a column; the first failure is raised once all have ended or time is up."""
        waiting = {asyncio.ensure_future(call): column for column, call in enumerate(calls)}
        _, late = await asyncio.wait(waiting, timeout=seconds)
        if late and (more := self._patience({waiting[call] for call in late}, seconds)):
            _, late = await asyncio.wait(late, timeout=more)
        errors = [error for call in waiting.keys() - late if (error := call.exception()) is not None]
        for call in late:
            call.cancel()
        if late:
            errors.append(self._suspect({waiting[call] for call in late}))
        self._raise_first(errors)

    def _patience(self, late: Collection[int], waited_seconds: float) -> float:
        """How much longer to wait for these columns.

        Up to m late drives hang, and the bytes go elsewhere. When more are late it is the whole machine that is slow:
        then another volume would be no faster.
        """
        return self._slow_seconds - waited_seconds if len(late) > self.profile.m else 0.0

    def _suspect(self, late: Collection[int]) -> DriveTimeout:
        """These columns' drives are avoided for a while."""
        drives = [self.drives[column] for column in sorted(late)]
        for drive in drives:
            drive.suspect("late write")
        return DriveTimeout(f"no answer in time from {', '.join(drive.id for drive in drives)}")

    def _check_not_failed(self) -> None:
        if self.failed:
            raise DriveError("the volume has failed before")

    def _raise_first(self, errors: Sequence[BaseException]) -> None:
        if errors:
            self.failed = True
            raise next((e for e in errors if isinstance(e, DriveError) and e.full), errors[0])

"""Compactor: gives the space of dropped bytes back.

    seal orphans   volumes whose writer has died
    empty          a volume with much garbage: what is live moves to another one (relocate)
    retire         nothing refers to it: its shards are unlinked after a grace, for readers that know the old extents

Nothing is deleted on a guess: a volume in which something could not be read is left as it is.
"""

from dataclasses import dataclass

import structlog

from objstore.meta.uploads import Uploads
from objstore.meta.volumes import Volumes
from objstore.model import clock
from objstore.model.errors import ClusterError, CorruptData, RemoteUnavailable, ShardMissing
from objstore.model.states import DriveState
from objstore.model.volumes import Volume
from objstore.store.relocate import Emptied
from objstore.store.store import Store

log = structlog.get_logger(__name__)

LEASE_SECONDS = 600.0
WRITER_LEASE_SECONDS = 30.0
COMPLETED_UPLOADS_KEPT_SECONDS = 24 * 3600.0
BATCH_VOLUMES = 8
OPEN_WITH_GARBAGE_SECONDS = 3600.0  # an open volume that nobody fills gives its garbage back after this
ANY_GARBAGE = 1e-12  # the ratio that a single garbage byte exceeds


@dataclass(slots=True)
class Pass:
    """What one pass did."""

    sealed: int = 0
    compacted: int = 0
    retired: int = 0
    unlinked: int = 0
    moved_bytes: int = 0
    reclaimed_bytes: int = 0
    left: int = 0


class Compactor:
    """One bounded step at a time; any number of processes may run one, leases are rows."""

    def __init__(
        self, store: Store, garbage_ratio: float = 0.25, grace_seconds: float = 60.0, retry_seconds: float = 300.0
    ) -> None:
        self._store, self._ratio, self._grace, self._retry = store, garbage_ratio, grace_seconds, retry_seconds
        self._volumes: Volumes = store.context.volumes
        self._uploads: Uploads = store.context.uploads
        self._owner = clock.random_id()

    async def step(self) -> Pass:
        """Seal, empty at most ``BATCH_VOLUMES`` volumes, unlink what has had its grace."""
        done = Pass()
        done.sealed = await self._volumes.seal_orphans(WRITER_LEASE_SECONDS)
        await self._volumes.request_seal(OPEN_WITH_GARBAGE_SECONDS)
        for volume, garbage_bytes in await self._volumes.compactable(self._ratio, BATCH_VOLUMES):
            await self._compact(volume, garbage_bytes, done)
        await self._unlink(done, self._grace)
        await self._uploads.purge_completed(clock.before(COMPLETED_UPLOADS_KEPT_SECONDS), 1000)
        return done

    async def full_pass(self, grace_seconds: float | None = None) -> Pass:
        """Reclaim everything that can be reclaimed now; open volumes with garbage have been asked to seal before."""
        done = Pass()
        done.sealed = await self._volumes.seal_orphans(WRITER_LEASE_SECONDS)
        grace = self._grace if grace_seconds is None else grace_seconds
        tried: set[bytes] = set()
        while fresh := [(v, garbage) for v, garbage in await self._compactable_now() if v.id not in tried]:
            for volume, garbage_bytes in fresh:
                tried.add(volume.id)
                await self._compact(volume, garbage_bytes, done)
                await self._unlink(done, grace)  # on a full drive the next volume needs this one's space
        await self._unlink(done, grace)
        return done

    async def _compactable_now(self) -> list[tuple[Volume, int]]:
        return await self._volumes.compactable(ANY_GARBAGE, 256, ahead_seconds=self._retry)

    async def rewrite(self, volume: Volume, garbage_bytes: int) -> Pass:
        """Empty one volume into others of its tier's present profile, whatever garbage it has."""
        done = Pass()
        await self._compact(volume, garbage_bytes, done, whatever=True)
        return done

    async def _compact(self, volume: Volume, garbage_bytes: int, done: Pass, whatever: bool = False) -> None:
        """Empty one volume under a lease and retire it if nothing is left in it.

        ``whatever``: even if there is too little garbage to be worth it.
        """
        if not await self._volumes.begin_compact(volume.id, self._owner, LEASE_SECONDS):
            return
        outcome = Emptied(doubtful=True)
        try:
            outcome = await (self._store.relocations.empty(volume) if whatever else self._empty(volume))
        except RemoteUnavailable as error:  # nothing was seen of it: what was known of it stays
            log.warning("volume not emptied", volume=volume.id.hex(), error=str(error))
            done.left += 1
            await self._volumes.give_up(volume.id, self._owner, volume.data_bytes, garbage_bytes, self._retry)
            return
        except (ClusterError, CorruptData) as error:
            log.warning("volume not emptied", volume=volume.id.hex(), error=str(error))
        done.compacted += 1
        done.moved_bytes += outcome.moved_bytes
        if outcome.live_bytes or outcome.doubtful:
            done.left += 1
            payload = max(outcome.payload_bytes, volume.data_bytes)
            await self._volumes.give_up(volume.id, self._owner, payload, payload - outcome.live_bytes, self._retry)
        elif await self._volumes.retire(volume.id, self._owner):
            done.retired += 1
            done.reclaimed_bytes += outcome.payload_bytes - outcome.moved_bytes

    async def _empty(self, volume: Volume) -> Emptied:
        """Move what is live, unless a look shows that there is too little garbage to be worth it."""
        if volume.audit or not volume.data_bytes:
            found = await self._store.relocations.measure(volume)
            if found.live_bytes > (1 - self._ratio) * found.payload_bytes:
                return found
        return await self._store.relocations.empty(volume)

    async def _unlink(self, done: Pass, grace_seconds: float) -> None:
        for volume in await self._volumes.retired(grace_seconds, 256):
            if await self._delete_shards(volume):
                await self._volumes.forget(volume.id)
                self._store.context.catalog.forget(volume.id)
                done.unlinked += 1
            else:
                await self._volumes.postpone_unlink(volume.id)

    def _is_nowhere(self, drive_id: str) -> bool:
        """Whether the column was never written, or its drive is given up: if that comes back, its file is deleted."""
        row = self._store.roster.rows.get(drive_id)
        return drive_id.startswith("none:") or (row is not None and row.state is DriveState.GONE)

    async def _delete_shards(self, volume: Volume) -> bool:
        """True when no shard is left; a drive that does not answer keeps the volume known."""
        _, drives = self._store.context.catalog.remember(volume)
        gone = True
        for column, (drive_id, drive) in enumerate(zip(volume.drive_ids, drives, strict=True)):
            try:
                if self._is_nowhere(drive_id):
                    await self._volumes.leave_behind(volume, column)
                    continue
                if drive is None:
                    gone = False
                else:
                    await drive.delete(volume.id)
            except ShardMissing:
                continue
            except ClusterError as error:
                log.warning("shard not deleted", volume=volume.id.hex(), error=str(error))
                gone = False
        return gone

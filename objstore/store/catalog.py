"""Catalog: which drives hold the columns of a volume, remembered."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta

from objstore.drive.alias import named
from objstore.drive.base import Drive
from objstore.meta.volumes import Volumes
from objstore.model.errors import DriveTimeout, ShardMissing
from objstore.model.volumes import Volume
from objstore.work.batcher import Batcher

VOLUMES_KEPT_MAX = 65536
DAMAGE_QUEUE_MAX = 1024
# Commits do not become visible in the order of their times.
MOVES_OVERLAP = timedelta(seconds=30)
Place = tuple[Volume, tuple[Drive | None, ...]]
Spot = tuple[bytes, int, str, bytes | None]  # volume, column, drive and file


class Catalog:
    """Volumes by id, with their drives; ``refresh`` drops those whose shards have moved."""

    def __init__(self, volumes: Volumes, drives: Mapping[str, Drive]) -> None:
        self._volumes, self._drives = volumes, drives
        self._places: OrderedDict[bytes, Place] = OrderedDict()
        self._lookups: Batcher[bytes, Volume | None] = Batcher(volumes.get)
        self._reported: OrderedDict[Spot, None] = OrderedDict()
        self._moves_known: datetime | None = None
        self._reports: set[asyncio.Task[None]] = set()
        self.degraded_reads = 0

    @property
    def drives(self) -> Mapping[str, Drive]:
        """The drives that this process reaches, by id, as they come and go."""
        return self._drives

    def cached(self, volume_id: bytes) -> Place | None:
        """What is remembered of a volume."""
        return self._places.get(volume_id)

    async def place(self, volume_id: bytes) -> Place:
        """The volume and its drives. Raises ShardMissing if there is no such volume (any more)."""
        place = self._places.get(volume_id)
        if place is None:
            volume = await self._lookups.submit(volume_id)
            if volume is None:
                raise ShardMissing(f"no volume {volume_id.hex()}")
            place = self.remember(volume)
        return place

    def remember(self, volume: Volume) -> Place:
        """Keep a volume, the longest known leaving when there are too many."""
        here = self._drives
        place = (volume, tuple(named(here.get(id_), volume.file_of(i)) for i, id_ in enumerate(volume.drive_ids)))
        self._places[volume.id] = place
        if len(self._places) > VOLUMES_KEPT_MAX:
            self._places.popitem(last=False)
        return place

    def forget(self, volume_id: bytes) -> None:
        """Look it up anew next time."""
        self._places.pop(volume_id, None)

    def forget_all(self) -> None:
        """A drive has come or is another one now."""
        self._places.clear()

    async def refresh(self) -> None:
        """Forget volumes of which shards were moved since the last time: their old files go soon."""
        since = self._moves_known
        moved, now = await self._volumes.moved_since(since - MOVES_OVERLAP if since is not None else None)
        for volume_id in moved:
            self.forget(volume_id)
        self._moves_known = now

    def damaged(self, volume: Volume, column: int, error: Exception) -> None:
        """Report a column that could not be read right, for healing; each once, in the background.

        One on a drive that does not answer is not damaged for all we know: the drive's state tells healers of it.
        """
        self.degraded_reads += 1
        if isinstance(error, DriveTimeout) or self._is_away(volume, column):
            return
        spot = (volume.id, column, volume.drive_ids[column], volume.file_of(column))
        if spot in self._reported or len(self._reports) >= DAMAGE_QUEUE_MAX:
            return
        self._reported[spot] = None
        if len(self._reported) > DAMAGE_QUEUE_MAX:
            self._reported.popitem(last=False)
        self.forget(volume.id)  # perhaps the shard is elsewhere now
        task = asyncio.ensure_future(self._report(volume, column, str(error), spot))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    def _is_away(self, volume: Volume, column: int) -> bool:
        """Whether the column is on a remote tier that does not answer: there is nothing to be healed."""
        drive = self._drives.get(volume.drive_ids[column])
        return drive is not None and drive.write_once and not drive.reachable

    async def _report(self, volume: Volume, column: int, reason: str, spot: Spot) -> None:
        try:
            await self._volumes.report_damage(volume.id, column, reason, volume)
        except Exception:
            # Not known to the healers yet: say it again when it is seen again.
            self._reported.pop(spot, None)

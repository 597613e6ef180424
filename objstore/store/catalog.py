"""Catalog: which drives hold the columns of a volume, remembered."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping

from objstore.drive.base import Drive
from objstore.meta.volumes import Volumes
from objstore.model.errors import ShardMissing
from objstore.model.volumes import Volume
from objstore.work.batcher import Batcher

VOLUMES_KEPT_MAX = 65536
DAMAGE_QUEUE_MAX = 1024
Place = tuple[Volume, tuple[Drive | None, ...]]


class Catalog:
    """Volumes by id, with their drives; a volume's shards do not move while its entry is kept."""

    def __init__(self, volumes: Volumes, drives: Mapping[str, Drive]) -> None:
        self._volumes, self._drives = volumes, drives
        self._places: OrderedDict[bytes, Place] = OrderedDict()
        self._lookups: Batcher[bytes, Volume | None] = Batcher(volumes.get)
        self._reported: OrderedDict[tuple[bytes, int], None] = OrderedDict()
        self._reports: set[asyncio.Task[None]] = set()
        self.degraded_reads = 0

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
        place = (volume, tuple(self._drives.get(drive_id) for drive_id in volume.drive_ids))
        self._places[volume.id] = place
        if len(self._places) > VOLUMES_KEPT_MAX:
            self._places.popitem(last=False)
        return place

    def forget(self, volume_id: bytes) -> None:
        """Look it up anew next time."""
        self._places.pop(volume_id, None)

    def damaged(self, volume: Volume, column: int, reason: str) -> None:
        """Report a column that could not be read right, for healing; each once, in the background."""
        self.degraded_reads += 1
        if self._is_away(volume, column):
            return
        spot = (volume.id, column)
        if spot in self._reported or len(self._reports) >= DAMAGE_QUEUE_MAX:
            return
        self._reported[spot] = None
        if len(self._reported) > DAMAGE_QUEUE_MAX:
            self._reported.popitem(last=False)
        task = asyncio.ensure_future(self._report(volume.id, column, reason))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    def _is_away(self, volume: Volume, column: int) -> bool:
        """Whether the column is on a remote tier that does not answer: there is nothing to be healed."""
        drive = self._drives.get(volume.drive_ids[column])
        return drive is not None and drive.write_once and not drive.reachable

    async def _report(self, volume_id: bytes, column: int, reason: str) -> None:
        try:
            await self._volumes.report_damage(volume_id, column, reason)
        except Exception:
            # Not known to the healers yet: say it again when it is seen again.
            self._reported.pop((volume_id, column), None)

"""VolumePool: the volumes that this process appends to, one a tier and purpose."""

import asyncio
import functools
from collections import defaultdict
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from objstore.drive.absent import AbsentDrive
from objstore.drive.base import Drive
from objstore.meta.volumes import Volumes
from objstore.model import clock
from objstore.model.errors import ClusterError, DriveError, PlacementImpossible
from objstore.model.profile import Profile
from objstore.model.states import DriveState
from objstore.model.volumes import Drive as DriveRow
from objstore.model.volumes import Volume, absent_id
from objstore.placement.choose import Chooser
from objstore.store.catalog import Catalog
from objstore.volume.hedge import swallow
from objstore.volume.open_volume import OpenVolume

log = structlog.get_logger(__name__)

# Small batches and large objects do not share a volume: the flush of a small batch would wait for megabytes of others.
PACKED = "packed"
STRIPED = "striped"
ATTEMPTS_MAX = 4
SPARE_BYTES_MIN = 1024 * 1024  # what a drive must have left for compaction to begin a volume on it
SPACE_SECONDS_MAX = 0.5  # a drive that does not say how full it is counts as full as it was
TIDY_SECONDS_MAX = 2.0
CLOSE_SECONDS_MAX = 10.0
Spot = tuple[str, str, bool]


@dataclass(slots=True)
class _Opening:
    """A volume on its way. ``wanted``: by so many, who got it or still wait."""

    task: "asyncio.Task[OpenVolume]"
    wanted: int = 0


class VolumePool:
    """Opens volumes when they are needed, and seals them when they are full, have failed, or somebody asks for it.

    ``may_lack``: where drives are missing, volumes with fewer shards are better than none.
    """

    def __init__(
        self,
        volumes: Volumes,
        rows: dict[str, DriveRow],
        drives: Mapping[str, Drive],
        catalog: Catalog,
        profiles: Mapping[str, Profile],
        cluster_id: bytes,
        writer_id: bytes,
        may_lack: bool = False,
    ) -> None:
        self._volumes, self._rows, self._drives, self._catalog = volumes, rows, drives, catalog
        self._profiles, self._cluster_id, self.writer_id = profiles, cluster_id, writer_id
        self._may_lack = may_lack
        self._open: dict[Spot, OpenVolume] = {}
        self._opening: dict[Spot, _Opening] = {}
        self._leaving: set[OpenVolume] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._choosers: defaultdict[str, Chooser] = defaultdict(Chooser)
        self._write_once = {drive.tier for drive in drives.values() if drive.write_once}

    def is_write_once(self, tier: str) -> bool:
        """Whether a volume of the tier takes what one user appends, and no more."""
        return tier in self._write_once

    def profile(self, tier: str) -> Profile:
        """Erasure profile of a tier. Raises PlacementImpossible for a tier that is not there."""
        profile = self._profiles.get(tier)
        if profile is None:
            raise PlacementImpossible(f"there is no tier {tier!r}")
        return profile

    async def acquire(self, tier: str, purpose: str, spare: bool = False) -> OpenVolume:
        """A volume to append to, with one more user. ``spare``: may use the space that is kept for compaction.

        Raises PlacementImpossible, DriveError, DatabaseUnavailable.
        """
        if tier in self._write_once:
            return await self._acquire_alone(tier, spare)
        spot = (tier, purpose, spare)
        current = self._open.get(spot)
        if current is None or current.failed or current.full or (not spare and any(d.full for d in current.drives)):
            if current is not None:
                self._leave(spot, current)
            current = await self._opened(spot, tier, spare)
            self._open.setdefault(spot, current)
        current.users += 1
        return current

    async def _opened(self, spot: Spot, tier: str, spare: bool) -> OpenVolume:
        """A new volume, made once for all who want one meanwhile."""
        opening = self._opening.get(spot)
        if opening is None:
            opening = self._opening[spot] = _Opening(asyncio.ensure_future(self._create(tier, spare)))
            opening.task.add_done_callback(functools.partial(self._settle, spot, opening))
        opening.wanted += 1
        try:
            return await asyncio.shield(opening.task)
        except asyncio.CancelledError:
            opening.wanted -= 1
            self._seal_unwanted(opening)
            raise

    def _settle(self, spot: Spot, opening: _Opening, task: "asyncio.Task[OpenVolume]") -> None:
        self._opening.pop(spot, None)
        swallow(task)  # those who wanted it may be gone, and then nobody asks what went wrong
        self._seal_unwanted(opening)

    def _seal_unwanted(self, opening: _Opening) -> None:
        """A volume that is there when all who wanted it have gone would stay open, and never be healed."""
        if not opening.wanted and opening.task.done():
            self._unclaimed(opening.task)

    async def _acquire_alone(self, tier: str, spare: bool) -> OpenVolume:
        """A volume of the caller's own, sealed when it is released."""
        task = asyncio.ensure_future(self._create(tier, spare))
        try:
            volume = await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._unclaimed)
            raise
        volume.users = 1
        self._leaving.add(volume)
        return volume

    def _unclaimed(self, task: "asyncio.Task[OpenVolume]") -> None:
        if not task.cancelled() and task.exception() is None:
            self._spawn(self._seal(task.result()))

    def release(self, volume: OpenVolume, settled: bool = True) -> None:
        """A user is done. ``settled``: what it appended is committed, or is in the ledger, or was subtracted."""
        volume.users -= 1
        volume.uncertain |= not settled
        if volume in self._leaving and not volume.users:
            self._leaving.discard(volume)
            self._spawn(self._seal(volume))

    def retire(self, volume_ids: Sequence[bytes]) -> None:
        """Stop appending to these volumes, for somebody wants them sealed."""
        for spot, volume in list(self._open.items()):
            if volume.volume.id in volume_ids:
                self._leave(spot, volume)

    def leave_drives(self, drive_ids: Sequence[str]) -> None:
        """Stop appending to volumes on these drives: they are to take nothing new."""
        left = set(drive_ids)
        for spot, volume in list(self._open.items()):
            if not left.isdisjoint(volume.volume.drive_ids):
                self._leave(spot, volume)

    def leave_lacking(self) -> None:
        """Stop appending to volumes that lack drives, now that there are enough: the rest of them is healed."""
        for spot, volume in list(self._open.items()):
            if volume.volume.absent and sum(drive.usable for drive in self._of(spot[0])) >= volume.profile.n:
                self._leave(spot, volume)

    async def close(self) -> None:
        """Seal everything; the caller has stopped writing. What hangs is left to whoever audits later."""
        for spot, volume in list(self._open.items()):
            self._leave(spot, volume)
        deadline = clock.monotonic_seconds() + CLOSE_SECONDS_MAX
        while self._tasks and (left := deadline - clock.monotonic_seconds()) > 0:
            await asyncio.wait(self._tasks, timeout=left)

    async def tidy(self) -> None:
        """Let go of shards that another process has removed; a drive that hangs is not waited for."""
        calls = [asyncio.ensure_future(drive.tidy()) for drive in self._drives.values() if drive.reachable]
        _, late = await asyncio.wait(calls, timeout=TIDY_SECONDS_MAX) if calls else (None, set())
        for call in late:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    def usable(self, tier: str) -> tuple[int, int]:
        """Usable and full drives of a tier."""
        mine = self._of(tier)
        return sum(drive.usable for drive in mine), sum(drive.full for drive in mine)

    def _of(self, tier: str) -> list[Drive]:
        """Drives of a tier that may take something new."""
        rows = self._rows
        return [d for d in self._drives.values() if d.tier == tier and rows[d.id].state == DriveState.UP]

    def _leave(self, spot: Spot, volume: OpenVolume) -> None:
        if self._open.get(spot) is volume:
            del self._open[spot]
        if volume.users:
            self._leaving.add(volume)
        else:
            self._spawn(self._seal(volume))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _seal(self, volume: OpenVolume) -> None:
        volume.finish()
        try:
            # With 0 the compactor looks for itself what is live.
            data_bytes = 0 if volume.uncertain else volume.data_bytes
            if volume.volume.tier in self._write_once and not volume.uncertain and not data_bytes:
                await self._volumes.discard(volume.volume.id, self.writer_id)
            else:
                await self._volumes.seal(volume.volume.id, self.writer_id, data_bytes)
        except ClusterError as error:
            # It stays open in the database; once this writer's lease ends somebody else seals it.
            log.warning("volume not sealed", volume=volume.volume.id.hex(), error=str(error))

    async def _create(self, tier: str, spare: bool) -> OpenVolume:
        """A new volume on drives that take it: a drive that fails now is avoided by the next attempt."""
        profile = self.profile(tier)
        for attempt in range(ATTEMPTS_MAX):
            drives = await self._choose(tier, profile, spare)
            volume = Volume(clock.random_id(), tier, profile, tuple(drive.id for drive in drives), self.writer_id)
            opened = OpenVolume(volume, drives)
            try:
                await opened.create(self._cluster_id)
            except DriveError as error:
                log.warning("volume not created", tier=tier, error=str(error), attempt=attempt)
                self._spawn(self._discard(opened))  # a drive that hangs would hold up the next attempt
                continue
            await self._volumes.create(volume)
            self._catalog.remember(volume)
            return opened
        raise DriveError(f"no volume of tier {tier} could be created in {ATTEMPTS_MAX} attempts")

    async def _choose(self, tier: str, profile: Profile, spare: bool) -> list[Drive]:
        """A drive for each column. Clients' writes go on with fewer than k+m, down to the floor: parity is left out."""
        candidates, full = await self._candidates(tier, spare), self.usable(tier)[1]
        count = profile.n
        if self._may_lack and not full and profile.floor <= len(candidates) < count:
            count = len(candidates)
            log.warning("volume lacks drives", tier=tier, drives=count, profile=str(profile))
        chosen = self._choosers[tier].choose(candidates, count, profile.m, full)
        drives: list[Drive] = [self._drives[row.id] for row in chosen]
        return drives + [AbsentDrive(absent_id(column), tier) for column in range(count, profile.n)]

    async def _discard(self, opened: OpenVolume) -> None:
        """Remove the superblocks of a volume that never came to be; what cannot be removed holds no data."""
        await asyncio.gather(*(drive.delete(opened.volume.id) for drive in opened.drives), return_exceptions=True)

    async def _candidates(self, tier: str, spare: bool) -> list[DriveRow]:
        """Drives that take a volume, with their space as it is now or, of one that is slow to say, as it was."""
        mine = [drive for drive in self._of(tier) if drive.reachable]
        calls = [asyncio.ensure_future(drive.space()) for drive in mine]
        if calls:
            await asyncio.wait(calls, timeout=SPACE_SECONDS_MAX)
        rows = []
        for drive, call in zip(mine, calls, strict=True):
            row = self._rows[drive.id]
            if not call.cancel():
                if call.exception() is not None:
                    continue
                capacity, free = call.result()
                row = self._rows[drive.id] = replace(row, capacity_bytes=capacity, free_bytes=free)
            if drive.usable or (spare and drive.reachable and row.free_bytes >= SPARE_BYTES_MIN):
                rows.append(row)
        return rows

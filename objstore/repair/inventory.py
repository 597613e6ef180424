"""Inventory: the volumes that lie on drives, from the drives alone, and every record in them."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from objstore.drive.alias import named
from objstore.drive.base import Drive
from objstore.format.superblock import SUPERBLOCK_BYTES, Superblock
from objstore.meta.recovery import Found, FoundShard
from objstore.model import clock
from objstore.model.errors import ClusterError, CorruptData, DriveError
from objstore.model.profile import Profile
from objstore.model.states import VolumeState
from objstore.model.volumes import Volume
from objstore.volume.scan import scan_records

log = structlog.get_logger(__name__)

PAGE_FILES = 1000


@dataclass(slots=True)
class Inventory:
    """``shards``: by volume and column, the newest generation of each; ``unreadable``: files that say nothing."""

    drives: Mapping[str, Drive]
    volumes: dict[bytes, Volume] = field(default_factory=dict)
    shards: dict[bytes, dict[int, FoundShard]] = field(default_factory=lambda: defaultdict(dict))
    unreadable: int = 0
    foreign: int = 0

    async def look(self, profiles: Mapping[str, Profile], cluster_id: bytes) -> None:
        """Read the superblock of every file. ``profiles``: what superblocks do not say of a tier."""
        writer_id = clock.random_id()
        for drive in self.drives.values():
            after = b""
            while files := await drive.shards(after, PAGE_FILES):
                for file_id in files:
                    await self._file(drive, file_id, profiles, cluster_id, writer_id)
                after = files[-1]
        for volume_id, shards in self.shards.items():
            volume = self.volumes[volume_id]
            columns = range(volume.profile.n)
            ids = tuple(shards[i].drive_id if i in shards else f"none:{i}" for i in columns)
            files_ = tuple(shards[i].file_id if i in shards else None for i in columns)
            self.volumes[volume_id] = replace(volume, drive_ids=ids, files=files_ if any(files_) else ())

    def lost(self) -> list[bytes]:
        """Volumes with fewer shards than can be decoded."""
        return [id_ for id_, volume in self.volumes.items() if len(self.shards[id_]) < volume.profile.k]

    def place(self, volume_id: bytes) -> tuple[Volume, Sequence[Drive | None]]:
        """A volume, and where its columns can be read."""
        volume = self.volumes[volume_id]
        return volume, [named(self.drives.get(id_), volume.file_of(i)) for i, id_ in enumerate(volume.drive_ids)]

    async def records(self, volume_id: bytes) -> AsyncIterator[list[Found] | None]:
        """The records of a volume, stripe by stripe; None for a stripe that cannot be read."""
        volume, drives = self.place(volume_id)
        try:
            async for stripe in scan_records(volume, drives, _ignore):
                yield (
                    None
                    if stripe is None
                    else [
                        Found(
                            one.record.bucket_id,
                            one.record.key,
                            one.record.version_id,
                            one.record.part_number,
                            one.record.fragment,
                            one.extent.length,
                            one.record.last,
                            volume.tier,
                            one.extent.pack(),
                            one.record.attrs,
                        )
                        for one in stripe
                    ]
                )
        except (ClusterError, CorruptData) as error:
            log.warning("volume_not_read_whole", volume=volume_id.hex(), error=str(error))
            yield None

    async def _file(
        self, drive: Drive, file_id: bytes, profiles: Mapping[str, Profile], cluster_id: bytes, writer_id: bytes
    ) -> None:
        raw = bytearray(SUPERBLOCK_BYTES)
        try:
            await drive.read(file_id, 0, [raw])
            found = Superblock.unpack(bytes(raw))
        except (DriveError, CorruptData) as error:
            log.warning("file_not_readable", drive=drive.id, file=file_id.hex(), error=str(error))
            self.unreadable += 1
            return
        if found.cluster_id != cluster_id:
            self.foreign += 1
            return
        if found.volume_id not in self.volumes:
            profile = _profile(found, profiles)
            self.volumes[found.volume_id] = Volume(
                found.volume_id, found.tier, profile, (), writer_id, VolumeState.SEALED, audit=True
            )
        name = None if file_id == found.volume_id else file_id
        known = self.shards[found.volume_id].get(found.column)
        if known is None or known.generation < found.generation:
            shard = FoundShard(found.column, drive.id, found.generation, name)
            self.shards[found.volume_id][found.column] = shard


def _profile(found: Superblock, profiles: Mapping[str, Profile]) -> Profile:
    known = profiles.get(found.tier) or Profile(found.k, found.m)
    row = found.k * found.unit_bytes
    return replace(
        known, k=found.k, m=found.m, unit_bytes=found.unit_bytes, stripe_bytes_max=max(known.stripe_bytes_max, row)
    )


def _ignore(volume: Volume, column: int, error: Exception) -> None:
    """What is damaged is found again by a scrub, once there is a database to write it to."""

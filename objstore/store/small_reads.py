"""Payloads of many small objects at once: one thread for what is in the page cache, one wake-up for all the rest."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from objstore.drive.base import Drive
from objstore.drive.threads import CallGroup
from objstore.format.checksum import checksum
from objstore.format.extent import EXTENT_BYTES, HEADER_UNIT_BYTES, PACKED, unpack_fields
from objstore.model.errors import CorruptData, ObjstoreError
from objstore.model.limits import DRIVE_TIMEOUT_SECONDS
from objstore.model.objects import ObjectVersion
from objstore.store.catalog import Catalog
from objstore.store.read import Reads


@dataclass(slots=True)
class _Spot:
    """Where the payload of a whole packed extent is; ``content`` is right once it is ``good``."""

    drive: Drive
    volume_id: bytes
    offset: int
    content: bytearray
    checksum: int
    good: bool = False

    def check(self) -> None:
        """Raises CorruptData."""
        if checksum(self.content) != self.checksum:
            raise CorruptData(f"payload at {self.offset} of volume {self.volume_id.hex()} differs")
        self.good = True


async def read_small(catalog: Catalog, reads: Reads, versions: Sequence[ObjectVersion]) -> list[Any]:
    """The whole payload of each version, verified, or the ObjstoreError that it met.

    What is not read at the first try (it moved, or a column is lost) is read as for a client.
    """
    spots = [await _spot(catalog, version) for version in versions]
    await _read([spot for spot in spots if spot is not None])
    left = [i for i, spot in enumerate(spots) if spot is None or not spot.good]
    found = await asyncio.gather(*(_read_one(reads, versions[i]) for i in left), return_exceptions=True)
    contents: list[Any] = [None if spot is None else spot.content for spot in spots]
    for i, content in zip(left, found, strict=True):
        if isinstance(content, BaseException) and not isinstance(content, ObjstoreError):
            raise content
        contents[i] = content
    return contents


async def _spot(catalog: Catalog, version: ObjectVersion) -> _Spot | None:
    """None for what is not one whole packed extent on a drive that is here."""
    if len(version.extents) != EXTENT_BYTES:
        return None
    volume_id, kind, column, units, _, stripe_offset, data_offset, length, digest = unpack_fields(version.extents)
    if kind != PACKED or not digest:
        return None
    try:
        drive = (await catalog.place(volume_id))[1][column]
    except ObjstoreError:
        return None
    if drive is None:
        return None
    offset = stripe_offset + units * HEADER_UNIT_BYTES + data_offset
    return _Spot(drive, volume_id, offset, bytearray(length), digest)


async def _read(spots: Sequence[_Spot]) -> None:
    await asyncio.get_running_loop().run_in_executor(None, _read_now, spots)
    waiting = [spot for spot in spots if not spot.good]
    if not waiting:
        return
    # In the order of the drive: a disk goes through it in one sweep.
    waiting.sort(key=lambda spot: (spot.volume_id, spot.offset))
    group = CallGroup(len(waiting))
    for spot in waiting:
        spot.drive.start_read(spot.volume_id, spot.offset, [spot.content], spot.check, group.done)
    try:
        await group.wait(max(DRIVE_TIMEOUT_SECONDS, *(spot.drive.read_seconds for spot in waiting)))
    except TimeoutError:
        for spot in waiting:  # a drive may yet write into it
            if not spot.good:
                spot.content = bytearray()


def _read_now(spots: Sequence[_Spot]) -> None:
    for spot in spots:
        if spot.drive.read_now(spot.volume_id, spot.offset, (spot.content,)):
            spot.good = checksum(spot.content) == spot.checksum


async def _read_one(reads: Reads, version: ObjectVersion) -> bytes:
    reader = await reads.read(version, 0, version.size)
    return b"".join([bytes(piece) async for piece in reader])

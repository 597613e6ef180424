"""Residents: which objects have bytes in the volumes of a drive.

No table leads from a volume to objects; but the records in a volume say whose they are, and any k of its shards tell,
so the drive itself may be lost. Names that share bytes after a copy are in the table of links instead. What of that
still refers to the volume is asked by primary key. A page looks at a limited number of stripes, and says where to go
on.

Each referent comes once for each of the drive's volumes: with the stripe in which its first bytes in that volume are,
or among the volume's links.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from objstore.format.extent import PACKED, Extent, unpack
from objstore.format.superblock import SUPERBLOCK_BYTES
from objstore.meta.relocate import Referent
from objstore.meta.residents import REFERENTS_MAX, ResidentRows
from objstore.model import clock
from objstore.model.errors import ClusterError, CorruptData
from objstore.model.volumes import Volume
from objstore.store.catalog import Catalog
from objstore.volume.scan import FoundStripe, scan_stripes

STRIPES_MAX = 256
READ_BYTES_MAX = 64 * 1024 * 1024
VOLUMES_MAX = 64
SECONDS_MAX = 4.0
LINKS = -1  # in place of a stripe's offset
_ID_BYTES, _FIRST_BUCKET = 16, -(2**63)
Rank = tuple[int, bytes, bytes, int]  # bucket id, key, version id, part number


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page begins: at a stripe of a volume (0: its first), or at its links, behind ``last`` there."""

    volume_id: bytes
    offset: int = 0
    last: Rank | None = None


@dataclass(frozen=True, slots=True)
class Resident:
    """``bytes``: of the referent in the volume. ``holds_bytes``: whether the drive has some of them itself; else its
    shard only protects them, or others that lie in the same volume."""

    referent: Referent
    volume_id: bytes
    tier: str
    bytes: int
    holds_bytes: bool


@dataclass(slots=True)
class ResidentPage:
    """``next``: where to go on, also when nothing was found; None at the end.

    ``unread``: stripes that could not be read, and volumes that could not be asked: what is in them is missing here.
    """

    residents: list[Resident] = field(default_factory=list)
    next: Position | None = None
    unread: int = 0


class _Full(Exception):
    """The page has all that it may have; ``next`` is set."""


class Residents:
    """Looks up residents; safe to be asked at any time, and changes nothing."""

    def __init__(self, rows: ResidentRows, catalog: Catalog) -> None:
        self._rows, self._catalog = rows, catalog

    async def page(self, drive_id: str, after: Position | None, limit: int) -> ResidentPage:
        """At most ``limit`` from ``after`` on, in the order of volumes and of what lies in them."""
        begin = after or Position(b"")
        page = ResidentPage()
        volumes = await self._rows.volumes(drive_id, begin.volume_id, VOLUMES_MAX)
        look = _Look(self._rows, self._catalog, page, limit)
        try:
            for volume_id, column in volumes:
                start = begin if volume_id == begin.volume_id else Position(volume_id)
                await look.volume(start, column)
                page.next = _behind(volume_id)
        except _Full:
            return page
        if len(volumes) < VOLUMES_MAX:
            page.next = None
        return page


class _Look:
    """One page being filled."""

    def __init__(self, rows: ResidentRows, catalog: Catalog, page: ResidentPage, limit: int) -> None:
        self._rows, self._catalog, self._page, self._limit = rows, catalog, page, limit
        self._stripes, self._bytes, self._until = 0, 0, clock.monotonic_seconds() + SECONDS_MAX

    async def volume(self, start: Position, column: int) -> None:
        """All of a volume from there on. Raises _Full."""
        try:
            volume, drives = await self._catalog.place(start.volume_id)
        except ClusterError:  # retired meanwhile: nothing refers to it
            return
        if start.offset != LINKS:
            offset, last = start.offset or SUPERBLOCK_BYTES, start.last
            try:
                async for stripe in scan_stripes(volume, drives, self._catalog.damaged, offset, leap=True):
                    await self._stripe(volume, column, stripe, last)
                    last = None
            except (ClusterError, CorruptData):
                self._page.unread += 1
            start = Position(volume.id, LINKS)
        await self._links(volume, column, start)

    async def _stripe(self, volume: Volume, column: int, stripe: FoundStripe, last: Rank | None) -> None:
        if stripe.records is None:
            self._page.unread += 1
        else:
            names = sorted({(found.record.bucket_id, found.record.key) for found in stripe.records})
            linked = await self._rows.linked(volume.id, names)
            found = await self._referents(volume, [name for name in names if name not in linked])
            here = [one for one in found if _first_in(one, volume.id).stripe_offset == stripe.offset]
            self._take(volume, column, here, stripe.offset, last)
        self._stripes += 1
        self._bytes += stripe.read_bytes
        self._pause(Position(volume.id, stripe.following))

    async def _links(self, volume: Volume, column: int, start: Position) -> None:
        low = start.last[:2] if start.last is not None else (_FIRST_BUCKET, b"")
        while names := await self._rows.links(volume.id, low, self._limit):
            self._take(volume, column, await self._referents(volume, names), LINKS, start.last)
            low = (names[-1][0], names[-1][1] + b"\0")
            if len(names) < self._limit:
                return
            self._stripes += 1
            self._pause(Position(volume.id, LINKS, (*low, b"", 0)))

    async def _referents(self, volume: Volume, names: list[tuple[int, bytes]]) -> list[Referent]:
        found = await self._rows.referents(volume.id, names)
        self._page.unread += len(found) >= REFERENTS_MAX
        return sorted(found, key=_rank)

    def _take(self, volume: Volume, column: int, referents: Iterable[Referent], offset: int, last: Rank | None) -> None:
        for referent in referents:
            rank = _rank(referent)
            if last is not None and rank <= last:
                continue
            self._page.residents.append(_resident(referent, volume, column))
            if len(self._page.residents) >= self._limit:
                self._page.next = Position(volume.id, offset, rank)
                raise _Full

    def _pause(self, following: Position) -> None:
        spent = self._stripes >= STRIPES_MAX or self._bytes >= READ_BYTES_MAX
        if spent or clock.monotonic_seconds() > self._until:
            self._page.next = following
            raise _Full


def _behind(volume_id: bytes) -> Position | None:
    """Where the volumes after this one begin."""
    following = int.from_bytes(volume_id, "big") + 1
    return Position(following.to_bytes(_ID_BYTES, "big")) if following < 1 << (8 * _ID_BYTES) else None


def _rank(referent: Referent) -> Rank:
    return referent.bucket_id, referent.key, referent.version_id, referent.part_number


def _extents_in(referent: Referent, volume_id: bytes) -> list[Extent]:
    return [extent for extent in unpack(referent.extents) if extent.volume_id == volume_id]


def _first_in(referent: Referent, volume_id: bytes) -> Extent:
    return _extents_in(referent, volume_id)[0]


def _resident(referent: Referent, volume: Volume, column: int) -> Resident:
    extents = _extents_in(referent, volume.id)
    holds = any(one.column == column if one.kind == PACKED else column < volume.profile.k for one in extents)
    return Resident(referent, volume.id, volume.tier, sum(one.length for one in extents), holds)

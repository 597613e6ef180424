"""Walk through a volume's stripes and records, from the drives alone. For compaction and recovery."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from objstore.drive.base import Drive
from objstore.format.extent import HEADER_UNIT_BYTES, PACKED, STRIPED, Extent
from objstore.format.record import FIXED_BYTES as RECORD_BYTES_MIN
from objstore.format.record import Record, unpack_record
from objstore.format.record import peek_header_bytes as peek_record_bytes
from objstore.format.stripe import FIXED_BYTES, StripeHeader, peek_header_bytes, unpack_header
from objstore.format.superblock import SUPERBLOCK_BYTES
from objstore.model.errors import CorruptData, DriveError, TooManyLost
from objstore.model.limits import BLOCK_BYTES
from objstore.model.volumes import Volume
from objstore.volume.stripe_reader import Damage, StripeReader

WINDOW_BYTES = 1024 * 1024
HEADER_BYTES_MAX = 1024 * 1024
_MAGIC = b"OSTR"


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A record and the extent of its payload."""

    record: Record
    extent: Extent


@dataclass(frozen=True, slots=True)
class FoundStripe:
    """A stripe, where the next one starts, and its records; None: it cannot be read.

    ``read_bytes``: how much of it had to be looked at, about.
    """

    offset: int
    following: int
    read_bytes: int
    records: list[FoundRecord] | None


async def scan_records(
    volume: Volume, drives: Sequence[Drive | None], damaged: Damage
) -> AsyncIterator[list[FoundRecord] | None]:
    """The records of each stripe, in the order of the volume; None for a stripe that cannot be read, and at the end if
    too few shards answered all the time to be sure that every stripe was seen: any k of them take part in all.
    """
    async for stripe in scan_stripes(volume, drives, damaged):
        yield stripe.records


async def scan_stripes(
    volume: Volume,
    drives: Sequence[Drive | None],
    damaged: Damage,
    offset: int = SUPERBLOCK_BYTES,
    leap: bool = False,
) -> AsyncIterator[FoundStripe]:
    """As ``scan_records``, from ``offset`` on, where a stripe starts.

    ``leap``: read no more of payloads than has to be, as from remote drives.
    """
    scan = _Scan(volume, drives)
    end = await scan.length()
    while offset < end:
        header = await scan.header_at(offset)
        if header is None:
            found = await scan.search(offset + HEADER_UNIT_BYTES, end)
            if found is None:
                break
            offset = found
            continue
        following = offset + max(header.span_bytes, HEADER_UNIT_BYTES)
        if header.kind == STRIPED:
            yield FoundStripe(offset, following, header.header_bytes, [_striped(header)])
        elif header.kind == PACKED:
            reader = StripeReader(volume, drives, offset, header.header_bytes, damaged)
            records = await _records(reader, header, leap or scan.is_remote)
            yield FoundStripe(offset, following, header.header_bytes + header.data_bytes, records)
        offset = following
    if volume.profile.n - len(scan.failed) < volume.profile.k:
        yield FoundStripe(offset, offset, 0, None)


class _Scan:
    """``failed``: columns that could not be read at some time."""

    def __init__(self, volume: Volume, drives: Sequence[Drive | None]) -> None:
        self._volume, self._drives = volume, drives
        k, n = volume.profile.k, volume.profile.n
        self._order = [*range(k, n), *range(k)]  # parity takes part in every stripe
        self._lengths: dict[int, int] = {}
        self.failed = {column for column, drive in enumerate(drives) if drive is None}
        self.is_remote = any(drive is not None and drive.write_once for drive in drives)

    async def length(self) -> int:
        """Of the longest shard."""
        for column, drive in enumerate(self._drives):
            if drive is not None:
                try:
                    self._lengths[column] = await drive.length(self._volume.id)
                except DriveError:
                    self.failed.add(column)
        return max(self._lengths.values(), default=0)

    async def header_at(self, offset: int) -> StripeHeader | None:
        for column in self._order:
            try:
                header = await self._header(column, offset)
            except DriveError:
                self.failed.add(column)
                continue
            except CorruptData:
                continue
            if header is not None:
                return header
        return None

    async def _header(self, column: int, offset: int) -> StripeHeader | None:
        drive = self._drives[column]
        if drive is None or offset + FIXED_BYTES > self._lengths.get(column, 0):
            return None
        fixed = bytearray(FIXED_BYTES)
        await drive.read(self._volume.id, offset, [fixed])
        size = peek_header_bytes(fixed)
        if size is None or not FIXED_BYTES <= size <= min(HEADER_BYTES_MAX, self._lengths[column] - offset):
            return None
        raw = bytearray(size)
        await drive.read(self._volume.id, offset, [raw])
        return unpack_header(raw, self._volume.id, offset, column)

    async def search(self, start: int, end: int) -> int | None:
        """Where, from ``start``, the next stripe that any shard knows of begins."""
        at = start
        while at < end:
            hits = [hit for column in self._order if (hit := await self._find(column, at, min(at + WINDOW_BYTES, end)))]
            for hit in sorted(hits):
                if await self.header_at(hit) is not None:
                    return hit
            at += WINDOW_BYTES
        return None

    async def _find(self, column: int, start: int, end: int) -> int | None:
        """The first offset in [start, end) where a column's header stands whole."""
        drive = self._drives[column]
        if drive is None:
            return None
        try:
            end = min(end, self._lengths.get(column, 0))
            if end <= start:
                return None
            window = bytearray(end - start)
            await drive.read(self._volume.id, start, [window])
        except DriveError:
            self.failed.add(column)
            return None
        at = window.find(_MAGIC)
        while at >= 0:
            if (start + at) % HEADER_UNIT_BYTES == 0 and await self._whole(column, start + at):
                return start + at
            at = window.find(_MAGIC, at + 1)
        return None

    async def _whole(self, column: int, offset: int) -> bool:
        try:
            return await self._header(column, offset) is not None
        except DriveError:
            self.failed.add(column)
            return False
        except CorruptData:
            return False


def _striped(header: StripeHeader) -> FoundRecord:
    extent = Extent(
        header.volume_id,
        STRIPED,
        0,
        header.header_bytes // HEADER_UNIT_BYTES,
        header.unit_bytes,
        header.stripe_offset,
        0,
        header.data_bytes,
        header.data_bytes,
    )
    return FoundRecord(unpack_record(header.owner), extent)


async def _records(reader: StripeReader, header: StripeHeader, leap: bool) -> list[FoundRecord] | None:
    try:
        return await _packed(reader, header, leap)
    except (TooManyLost, CorruptData):
        return None


class _Column:
    """A column for whoever looks at record after record: read all at once or, with ``leap``, by windows.

    From a remote drive every byte has its price: windows grow while records follow each other closely, and leap over
    payloads that are longer.
    """

    def __init__(self, reader: StripeReader, column: int, length: int, leap: bool) -> None:
        self._reader, self._column, self._length, self._leap = reader, column, length, leap
        self._window = BLOCK_BYTES if leap else length
        self._start = self._end = 0
        self._content = memoryview(b"")

    async def record(self, at: int) -> Record:
        """The record that starts at ``at``. Raises CorruptData, TooManyLost."""
        size = peek_record_bytes(await self._bytes(at, RECORD_BYTES_MIN))
        return unpack_record(await self._bytes(at, size))

    async def _bytes(self, at: int, size: int) -> memoryview:
        """From ``at`` to the window's end, at least ``size`` bytes if the column has them."""
        wanted = min(at + size, self._length)
        if wanted > self._end:
            if self._leap:
                self._window = min(2 * self._window, WINDOW_BYTES) if at <= self._end else BLOCK_BYTES
            # Up to where a block ends: it is read whole anyway.
            end = -(-max(wanted, at + self._window) // BLOCK_BYTES) * BLOCK_BYTES
            self._start, self._end = at, min(end, self._length)
            self._content = await self._reader.read(self._column, self._start, self._end)
        return self._content[at - self._start :]


async def _packed(reader: StripeReader, header: StripeHeader, leap: bool) -> list[FoundRecord]:
    found: list[FoundRecord] = []
    for column, length in enumerate(header.lengths):
        if not length:
            continue
        content = _Column(reader, column, length, leap)
        at = 0
        while at < length:
            record = await content.record(at)
            extent = Extent(
                header.volume_id,
                PACKED,
                column,
                header.header_bytes // HEADER_UNIT_BYTES,
                0,
                header.stripe_offset,
                at + record.header_bytes,
                record.payload_bytes,
                record.checksum,
            )
            found.append(FoundRecord(record, extent))
            at += record.total_bytes
    return found

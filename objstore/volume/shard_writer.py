"""ShardWriter: a new shard file written from its beginning to its end, in large aligned pieces."""

from objstore.drive.base import Drive
from objstore.format.superblock import SUPERBLOCK_BYTES
from objstore.volume.buffers import aligned_buffer

BUFFER_BYTES = 1024 * 1024
GAP_BYTES_MAX = 64 * 1024  # zeros are written over a smaller gap; a larger one stays a hole


class ShardWriter:
    """Writes the file ``file_id`` on a drive: ``create``, ``put`` in ascending order, ``close`` (durable)."""

    def __init__(self, drive: Drive, file_id: bytes) -> None:
        self.drive, self.file_id = drive, file_id
        self.written_bytes = 0
        self._buffer = aligned_buffer(BUFFER_BYTES)
        self._start, self._fill = SUPERBLOCK_BYTES, 0

    async def create(self, superblock: bytes) -> None:
        """The file with its superblock, durable. Raises DriveError."""
        await self.drive.create(self.file_id, superblock)

    async def put(self, at: int, content: memoryview | bytes) -> None:
        """Bytes at an offset that is not before what was put. Raises DriveError."""
        gap = at - (self._start + self._fill)
        assert gap >= 0
        if gap > GAP_BYTES_MAX:
            await self.flush()
            self._start = at
        elif gap:
            await self._add(memoryview(bytes(gap)))
        await self._add(memoryview(content))

    async def put_behind(self, at: int, content: bytes) -> None:
        """Bytes at an offset that was passed over: a header is known when its column is. Raises DriveError."""
        await self.flush()
        await self.drive.write(self.file_id, at, [content], False)

    async def flush(self) -> None:
        """Hand over what was gathered. Raises DriveError."""
        if self._fill:
            await self.drive.write(self.file_id, self._start, [self._buffer[: self._fill].data], False)
            self.written_bytes += self._fill
            self._start, self._fill = self._start + self._fill, 0

    async def close(self) -> None:
        """Make all of it durable; no more comes. Raises DriveError."""
        await self.flush()
        await self.drive.sync(self.file_id)
        self.drive.finish(self.file_id)

    async def _add(self, content: memoryview) -> None:
        at = 0
        while at < len(content):
            size = min(len(content) - at, BUFFER_BYTES - self._fill)
            self._buffer[self._fill : self._fill + size].data[:] = content[at : at + size]
            self._fill += size
            at += size
            if self._fill == BUFFER_BYTES:
                await self.flush()

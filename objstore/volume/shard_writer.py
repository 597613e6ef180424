"""ShardWriter: a new shard file written from its beginning to its end, in large aligned pieces."""

from objstore.drive.base import Drive
from objstore.drive.threads import CallGroup
from objstore.format.superblock import SUPERBLOCK_BYTES
from objstore.model.errors import DriveTimeout
from objstore.model.limits import DRIVE_TIMEOUT_SECONDS
from objstore.volume.buffers import PAGE_BYTES, Bytes, aligned_buffer

BUFFER_BYTES = 1024 * 1024
GAP_BYTES_MAX = 64 * 1024  # zeros are written over a smaller gap; a larger one stays a hole


class ShardWriter:
    """Writes the file ``file_id`` on a drive: ``create``, ``put`` in ascending order, ``close`` (durable).

    Or ``add``, in any thread but one at a time, and then ``send``: what was added is written while more is made. Pieces
    begin at pages, so that they can go past the page cache.
    """

    def __init__(self, drive: Drive, file_id: bytes) -> None:
        self.drive, self.file_id = drive, file_id
        self.written_bytes = 0
        self._buffer = aligned_buffer(BUFFER_BYTES)
        self._start, self._fill = SUPERBLOCK_BYTES, 0
        self._filled: list[tuple[int, Bytes]] = []  # (offset, bytes) that wait to be sent, ascending
        self._behind: list[tuple[int, bytes]] = []  # likewise, of places that were sent before
        self._sent: list[Bytes] = []
        self._group: CallGroup | None = None
        self._spare: list[Bytes] = []

    async def create(self, superblock: bytes) -> None:
        """The file with its superblock, durable. Raises DriveError."""
        await self.drive.create(self.file_id, superblock)

    async def put(self, at: int, content: memoryview | bytes) -> None:
        """Bytes at an offset that is not before what was put. Raises DriveError."""
        self.add(at, content)
        if self._filled:
            await self.send()

    async def put_behind(self, at: int, content: bytes) -> None:
        """Bytes at an offset that was passed over: a header is known when its column is. Raises DriveError."""
        self.add_behind(at, content)
        await self.send()

    def add(self, at: int, content: memoryview | bytes) -> None:
        """As ``put``, without writing anything yet."""
        gap = at - (self._start + self._fill)
        assert gap >= 0
        if gap > GAP_BYTES_MAX:
            self._hand_over()
            self._start = at // PAGE_BYTES * PAGE_BYTES
            self._zeros(at - self._start)
        else:
            self._zeros(gap)
        view, done = memoryview(content), 0
        while done < len(view):
            size = min(len(view) - done, BUFFER_BYTES - self._fill)
            self._buffer[self._fill : self._fill + size].data[:] = view[done : done + size]
            done += size
            self._filled_by(size)

    def add_behind(self, at: int, content: bytes) -> None:
        """As ``put_behind``, without writing anything yet."""
        view, done = memoryview(content), 0
        for start, buffer in (*self._filled, (self._start, self._buffer[: self._fill])):
            if at + done < start and done < len(view):
                size = min(len(view) - done, start - at - done)
                self._behind.append((at + done, bytes(view[done : done + size])))
                done += size
            low = at + done - start
            if done < len(view) and low < len(buffer):
                size = min(len(view) - done, len(buffer) - low)
                buffer[low : low + size].data[:] = view[done : done + size]
                done += size

    async def send(self) -> None:
        """Have what was added written, once what was sent before is. Raises DriveError, also of that."""
        await self._settle()
        pieces = [*self._behind, *((at, piece.data) for at, piece in self._filled)]
        if not pieces:
            return
        self._sent, self._filled, self._behind = [piece for _, piece in self._filled], [], []
        self._group = CallGroup(len(pieces))
        for at, piece in pieces:
            self.written_bytes += len(piece)
            self.drive.start_write(self.file_id, at, [piece], False, self._group.done)

    async def close(self) -> None:
        """Make all of it durable; no more comes. Raises DriveError."""
        self._hand_over()
        await self.send()
        await self._settle()
        await self.drive.sync(self.file_id)
        self.drive.finish(self.file_id)

    async def _settle(self) -> None:
        """Wait for what was sent."""
        group, self._group = self._group, None
        if group is None:
            return
        seconds = max(self.drive.write_seconds, DRIVE_TIMEOUT_SECONDS)
        try:
            errors = await group.wait(seconds)
        except TimeoutError:
            raise DriveTimeout(f"drive {self.drive.id} took longer than {seconds} s", self.drive.id) from None
        if errors:
            raise errors[0]
        self._spare += [piece for piece in self._sent if len(piece) == BUFFER_BYTES]
        self._sent = []

    def _zeros(self, count: int) -> None:
        while count:
            size = min(count, BUFFER_BYTES - self._fill)
            self._buffer[self._fill : self._fill + size] = 0
            count -= size
            self._filled_by(size)

    def _filled_by(self, size: int) -> None:
        self._fill += size
        if self._fill == BUFFER_BYTES:
            self._hand_over()

    def _hand_over(self) -> None:
        """What is in the buffer: whole pages, and by itself what is left."""
        end = self._fill // PAGE_BYTES * PAGE_BYTES
        if end:
            self._filled.append((self._start, self._buffer[:end]))
        if end < self._fill:
            self._filled.append((self._start + end, self._buffer[end : self._fill]))
        self._start, self._fill = self._start + self._fill, 0
        self._buffer = self._spare.pop() if self._spare else aligned_buffer(BUFFER_BYTES)

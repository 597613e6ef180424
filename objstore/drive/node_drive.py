"""NodeDrive: a drive of another process, through its node."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import orjson

from objstore.drive.base import Check, Done
from objstore.drive.counters import Counters
from objstore.drive.health import FULL_CHECK_SECONDS, Health
from objstore.drive.node_link import NodeLink
from objstore.drive.node_wire import BATCHED_BYTES_MAX, BODY_BYTES_MAX, FAILING, FULL, LIST_MAX, READ_BYTES_MAX
from objstore.model import clock
from objstore.model.errors import DriveError, ShardMissing
from objstore.model.limits import DRIVE_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS

CHECKED_INLINE_BYTES_MAX = 64 * 1024  # more is checked in a thread


class NodeDrive:
    """See ``objstore.drive.base.Drive``. For one event loop: ``start_…`` are called in it, ``done`` too."""

    write_once = False
    read_seconds, write_seconds = READ_TIMEOUT_SECONDS, DRIVE_TIMEOUT_SECONDS

    def __init__(self, drive_id: str, tier: str, link: NodeLink) -> None:
        self.id, self.tier, self.link = drive_id, tier, link
        self.health, self.counters = Health(), Counters()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._writing: set[bytes] = set()
        self._space_seen = -1e9

    @property
    def usable(self) -> bool:
        """Neither full nor suspect, here or there."""
        return self.reachable and not self.full

    @property
    def reachable(self) -> bool:
        """Its node answers and has it, and it has not failed us lately."""
        link = self.link
        return not link.is_down and link.states.get(self.id) not in (None, FAILING) and self.health.reachable

    @property
    def full(self) -> bool:
        """The node says that it lacks space."""
        return self.health.full or self.link.states.get(self.id) == FULL

    def suspect(self, reason: str) -> None:
        """Avoid it for a while. That its node does not answer is no fault of the drive's."""
        if not self.link.is_down:
            self.health.failed(reason)

    async def create(self, volume_id: bytes, superblock: bytes) -> None:
        """A new durable shard."""
        await self._call("create", volume_id, {}, superblock)
        self._writing.add(volume_id)
        self.counters.syncs += 1

    async def write(self, volume_id: bytes, offset: int, buffers: Sequence[Any], sync: bool) -> None:
        """One request a batch; what is larger than a body may be goes in several, the last one with the sync."""
        self._check_writing(volume_id)
        begun = clock.monotonic_seconds()
        body = buffers[0] if len(buffers) == 1 else b"".join(buffers)
        at, size = 0, len(body)
        while size - at > BODY_BYTES_MAX:
            piece = memoryview(body)[at : at + BODY_BYTES_MAX]
            await self._call("write", volume_id, {"offset": offset + at, "sync": 0}, piece)
            at += BODY_BYTES_MAX
        # Of a large body only the last piece would be durable: then all of the shard is made so.
        is_split = sync and at > 0
        rest = memoryview(body)[at:] if at else body
        await self._call("write", volume_id, {"offset": offset + at, "sync": int(sync and not is_split)}, rest)
        if is_split:
            await self.sync(volume_id)
        counters = self.counters
        counters.writing.add(clock.monotonic_seconds() - begun)
        counters.writes += 1
        counters.written_bytes += size
        counters.syncs += sync

    def start_write(self, volume_id: bytes, offset: int, buffers: Sequence[Any], sync: bool, done: Done) -> None:
        """As ``write``, telling ``done``."""
        self._start(self.write(volume_id, offset, buffers, sync), done)

    async def sync(self, volume_id: bytes) -> None:
        """Make a shard durable."""
        self._check_writing(volume_id)
        await self._call("write", volume_id, {"offset": 0, "sync": 1})

    def finish(self, volume_id: bytes) -> None:
        """No more writes will come; the node is told when it can be."""
        if volume_id in self._writing:
            self._writing.discard(volume_id)
            self.link.spawn(self._call("finish", volume_id))

    def read_now(self, volume_id: bytes, offset: int, buffers: Sequence[Any]) -> bool:
        """Never without waiting."""
        return False

    async def read(self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None = None) -> None:
        """Fill all buffers; what is small shares a request with others'."""
        size, begun = sum(map(len, buffers)), clock.monotonic_seconds()
        if size <= BATCHED_BYTES_MAX:
            try:
                content = await self.link.read_small(self.id, volume_id, offset, size)
            except DriveError as error:
                self._failed(error)
                raise
            _fill(buffers, content)
        else:
            await self._read_pieces("read", volume_id, offset, buffers)
        self.counters.reading.add(clock.monotonic_seconds() - begun)
        await self._read_ended(size, check)

    def start_read(
        self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None, done: Done
    ) -> None:
        """As ``read``, telling ``done``."""
        self._start(self.read(volume_id, offset, buffers, check), done)

    def start_read_back(
        self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None, done: Done
    ) -> None:
        """As ``start_read``; the node reads from the device."""
        self._start(self._read_back(volume_id, offset, buffers, check), done)

    async def length(self, volume_id: bytes) -> int:
        """Bytes of the shard file."""
        return int(_json(await self._call("length", volume_id), self.id)["length"])

    async def delete(self, volume_id: bytes) -> None:
        """Remove a shard."""
        self._writing.discard(volume_id)
        await self._call("delete", volume_id)

    async def quarantine(self, volume_id: bytes) -> None:
        """Put a shard aside, durably."""
        await self._call("quarantine", volume_id)

    async def shards(self, after: bytes, limit: int) -> list[bytes]:
        """Volume ids on the drive."""
        raw = await self._call("list", None, {"size": min(limit, LIST_MAX)}, after)
        return [raw[at : at + 16] for at in range(0, len(raw), 16)]

    async def space(self) -> tuple[int, int]:
        """Capacity and free bytes."""
        told = _json(await self._call("space", None), self.id)
        self._space_seen = clock.monotonic_seconds()
        self.health.full = False  # the node knows better
        return int(told["capacity"]), int(told["free"])

    async def tidy(self) -> None:
        """The node looks after it."""

    async def refresh(self) -> None:
        """Look at the space again if the last look is old."""
        if self.health.full and clock.monotonic_seconds() - self._space_seen > FULL_CHECK_SECONDS:
            await self.space()

    def _start(self, work: Coroutine[Any, Any, None], done: Done) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)

        def ended(_: "asyncio.Task[None]") -> None:
            self._tasks.discard(task)
            done(None, DriveError("given up", self.id) if task.cancelled() else task.exception())

        task.add_done_callback(ended)

    def _check_writing(self, volume_id: bytes) -> None:
        if volume_id not in self._writing:
            raise DriveError(f"drive {self.id}: shard {volume_id.hex()} is not open for writing", self.id)

    async def _call(
        self, operation: str, volume_id: bytes | None, query: dict[str, int] | None = None, body: Any = b""
    ) -> bytes:
        try:
            return await self.link.call(operation, self.id, volume_id, query or {}, body, self.write_seconds)
        except DriveError as error:
            self._failed(error)
            raise

    async def _read_back(self, volume_id: bytes, offset: int, buffers: Sequence[Any], check: Check | None) -> None:
        await self._read_pieces("readback", volume_id, offset, buffers)
        await self._read_ended(sum(map(len, buffers)), check)

    async def _read_ended(self, size: int, check: Check | None) -> None:
        self.counters.reads += 1
        self.counters.read_bytes += size
        if check is None:
            return
        if size <= CHECKED_INLINE_BYTES_MAX:
            check()
        else:
            await asyncio.get_running_loop().run_in_executor(None, check)

    async def _read_pieces(self, operation: str, volume_id: bytes, offset: int, buffers: Sequence[Any]) -> None:
        pieces = _pieces(buffers)
        await asyncio.gather(*(self._read_piece(operation, volume_id, offset + at, views) for at, views in pieces))

    async def _read_piece(self, operation: str, volume_id: bytes, offset: int, views: Sequence[memoryview]) -> None:
        size = sum(map(len, views))
        content = await self._call(operation, volume_id, {"offset": offset, "size": size})
        if len(content) != size:
            raise DriveError(f"drive {self.id}: {len(content)} bytes came, not {size}", self.id)
        _fill(views, memoryview(content))

    def _failed(self, error: DriveError) -> None:
        if isinstance(error, ShardMissing):
            return
        self.health.errors += 1
        self.health.last_error = str(error)
        if error.full:
            self.health.full = True
        elif self.link.states.get(self.id) == FAILING and not self.link.is_down:
            self.health.failed(str(error))


def _pieces(buffers: Sequence[Any]) -> list[tuple[int, list[memoryview]]]:
    """Buffers cut into reads of bounded size: where each begins, and what it fills."""
    pieces: list[tuple[int, list[memoryview]]] = []
    at, room = 0, 0
    for buffer in buffers:
        view = memoryview(buffer).cast("B")
        while len(view):
            if not room:
                pieces.append((at, []))
                room = READ_BYTES_MAX
            part = view[:room]
            pieces[-1][1].append(part)
            at, room, view = at + len(part), room - len(part), view[len(part) :]
    return pieces


def _fill(buffers: Sequence[Any], content: memoryview) -> None:
    at = 0
    for buffer in buffers:
        memoryview(buffer).cast("B")[:] = content[at : at + len(buffer)]
        at += len(buffer)


def _json(raw: bytes, drive_id: str) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise DriveError(f"drive {drive_id}: the node's answer makes no sense", drive_id) from None

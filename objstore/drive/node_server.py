"""NodeServer: the drives of a node, for gateways; a plain ASGI application. See node_wire.py and node_auth.py.

A request is authenticated before a byte of its body is read, and done only when the body is what was signed. Nothing
from outside becomes part of a path: drives are looked up, volumes are 16 bytes.
"""

import asyncio
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson
import structlog

from objstore.drive.base import Drive
from objstore.drive.fresh import read_back
from objstore.drive.node_auth import Refused, Verifier
from objstore.drive.node_wire import (
    ANSWER,
    BODY_BYTES_MAX,
    BUSY,
    FAILING,
    FULL,
    LIST_MAX,
    NO_DRIVE,
    OFFSET_MAX,
    OK,
    READ_BYTES_MAX,
    STATE_HEADER,
    status_of,
    unpack_reads,
)
from objstore.model import clock
from objstore.model.errors import ObjstoreError
from objstore.model.limits import READ_TIMEOUT_SECONDS

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

BODIES_BYTES_MAX = 256 * 1024 * 1024  # of all requests together; beyond, clients are told to go elsewhere
ACTIVE_MAX = 1024
WRITER_IDLE_SECONDS = 6 * 3600.0
WRITERS_MAX = 4096
_TARGET = re.compile(
    rb"/v1/([a-z]{1,16})(?:/([0-9a-f]{32})(?:/([0-9a-f]{32}))?)?(?:\?([a-z]{1,8}=\d{1,15}(?:&[a-z]{1,8}=\d{1,15}){0,3}))?"
)

log = structlog.get_logger(__name__)


class _Bad(Exception):
    """A request that makes no sense: ``status`` and what is wrong."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Call:
    """One request: ``numbers`` from its query, ``pieces`` of its body."""

    __slots__ = ("numbers", "pieces", "volume")

    def __init__(self, volume: bytes, numbers: dict[str, int], pieces: list[bytes]) -> None:
        self.volume, self.numbers, self.pieces = volume, numbers, pieces

    def number(self, name: str, most: int, least: int = 0) -> int:
        """A number of the query, within bounds. Raises _Bad."""
        value = self.numbers.get(name)
        if value is None or not least <= value <= most:
            raise _Bad(400, f"{name}: a number from {least} to {most}")
        return value

    @property
    def body(self) -> bytes:
        """All of the body."""
        return self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)


class NodeServer:
    """``drives`` by id; it may change while the node serves."""

    def __init__(self, drives: Mapping[str, Drive], key: bytes) -> None:
        self._drives = drives
        self._verifier = Verifier(key)
        self._bodies_bytes = 0
        self._active = 0
        self.refused = 0
        self._writers: OrderedDict[tuple[str, bytes], float] = OrderedDict()

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        if self._active >= ACTIVE_MAX:
            await _answer(send, BUSY, b"too many requests", [])
            return
        self._active += 1
        try:
            await self._serve(scope, receive, send)
        finally:
            self._active -= 1

    async def _serve(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        headers = dict(scope["headers"])
        try:
            digest = self._verifier.check(scope["method"], target, headers.get(b"authorization"))
        except Refused as error:
            self.refused += 1
            log.debug("node_request_refused", reason=str(error))
            await _answer(send, 401, b"", [(b"www-authenticate", self._verifier.challenge), (b"connection", b"close")])
            return
        extra: list[tuple[bytes, bytes]] = []
        body: bytes | bytearray
        try:
            status, body = 200, await self._do(scope["method"], target, headers, digest, receive, extra)
        except _Bad as bad:
            status, body = bad.status, str(bad).encode()
        except ObjstoreError as error:
            status, body = status_of(error), str(error).encode()
        await _answer(send, status, body, extra)

    async def _do(
        self,
        method: str,
        target: bytes,
        headers: Mapping[bytes, bytes],
        digest: str,
        receive: Receive,
        extra: list[tuple[bytes, bytes]],
    ) -> bytes | bytearray:
        found = _TARGET.fullmatch(target)
        if found is None or method != "POST":
            raise _Bad(400, "not a request of this protocol")
        name, drive_id, volume, query = found.groups()
        size = _length(headers)
        if self._bodies_bytes + size > BODIES_BYTES_MAX:
            raise _Bad(BUSY, "too many bytes on their way")
        self._bodies_bytes += size
        try:
            pieces = await _read(receive, size, digest)
            call = Call(bytes.fromhex((volume or b"").decode()), _numbers(query), pieces)
            return await self._operate(name.decode(), drive_id, call, extra)
        finally:
            self._bodies_bytes -= size

    async def _operate(
        self, name: str, drive_id: bytes | None, call: Call, extra: list[tuple[bytes, bytes]]
    ) -> bytes | bytearray:
        if drive_id is None:
            if name == "ping":
                return orjson.dumps({"drives": {key: state_of(drive) for key, drive in self._drives.items()}})
            if name == "reads":
                return await self._reads(call)
            raise _Bad(400, "no such operation")
        drive = self._drives.get(drive_id.decode())
        operation = _ON_VOLUME.get(name) if call.volume else _ON_DRIVE.get(name)
        if operation is None:
            raise _Bad(400, "no such operation")
        if drive is None:
            raise _Bad(NO_DRIVE, "this drive is not here")
        self._note_writer(name, drive, call.volume)
        try:
            return await operation(drive, call)
        finally:
            extra.append((STATE_HEADER.encode(), state_of(drive).encode()))

    def _note_writer(self, name: str, drive: Drive, volume: bytes) -> None:
        """A gateway that was killed never says that it has finished: what is not written to for long is closed."""
        writers, spot = self._writers, (drive.id, volume)
        if name in ("finish", "delete", "quarantine"):
            writers.pop(spot, None)
        elif name in ("create", "write"):
            now = writers[spot] = clock.monotonic_seconds()
            writers.move_to_end(spot)
            (drive_id, oldest), since = next(iter(writers.items()))
            if now - since > WRITER_IDLE_SECONDS or len(writers) > WRITERS_MAX:
                del writers[drive_id, oldest]
                if (idle := self._drives.get(drive_id)) is not None:
                    idle.finish(oldest)

    async def _reads(self, call: Call) -> bytes:
        try:
            reads = unpack_reads(call.body)
        except ValueError as error:
            raise _Bad(400, str(error)) from None
        contents = [bytearray(size) for _, _, _, size in reads]
        waiting: dict[int, Awaitable[Any]] = {}
        statuses = [200] * len(reads)
        for index, (drive_id, volume, offset, _) in enumerate(reads):
            drive = self._drives.get(drive_id)
            if drive is None:
                statuses[index] = NO_DRIVE
            elif not drive.read_now(volume, offset, (contents[index],)):
                waiting[index] = drive.read(volume, offset, (contents[index],))
        if waiting:
            await self._wait(waiting, statuses)
        answers: list[bytes | bytearray] = []
        for status, content in zip(statuses, contents, strict=True):
            answers += (ANSWER.pack(200, len(content)), content) if status == 200 else (ANSWER.pack(status, 0),)
        return b"".join(answers)

    async def _wait(self, waiting: Mapping[int, Awaitable[Any]], statuses: list[int]) -> None:
        """The drives' answers; one that hangs costs the others no more than a read may take."""
        calls = {asyncio.ensure_future(call): index for index, call in waiting.items()}
        _, late = await asyncio.wait(calls, timeout=READ_TIMEOUT_SECONDS)
        for call, index in calls.items():
            if call in late:
                call.cancel()
                statuses[index] = 504
            elif (error := call.exception()) is not None:
                statuses[index] = status_of(error) if isinstance(error, ObjstoreError) else 409


def state_of(drive: Drive) -> str:
    """A word for how a drive is."""
    return FAILING if not drive.reachable else FULL if drive.full else OK


def _length(headers: Mapping[bytes, bytes]) -> int:
    raw = headers.get(b"content-length", b"")
    if not raw.isdigit():
        raise _Bad(411, "say how long the body is")
    if len(raw) > 12 or int(raw) > BODY_BYTES_MAX:
        raise _Bad(413, "the body is too long")
    return int(raw)


def _numbers(query: bytes | None) -> dict[str, int]:
    if not query:
        return {}
    return {name: int(value) for name, _, value in (pair.partition("=") for pair in query.decode().split("&"))}


async def _read(receive: Receive, size: int, digest: str) -> list[bytes]:
    """The body in pieces. Raises _Bad unless it is what was signed."""
    pieces: list[bytes] = []
    hasher, left, more = hashlib.sha256(), size, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Bad(400, "the client has gone")
        piece, more = message.get("body", b""), message.get("more_body", False)
        left -= len(piece)
        if left < 0:
            raise _Bad(413, "more came than was said")
        if piece:
            hasher.update(piece)
            pieces.append(piece)
    if left or not hmac.compare_digest(hasher.hexdigest(), digest):
        raise _Bad(400, "the body is not what was signed")
    return pieces


async def _answer(send: Send, status: int, body: bytes | bytearray, extra: Sequence[tuple[bytes, bytes]]) -> None:
    headers = [(b"content-length", b"%d" % len(body)), *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


# The operations.


async def _create(drive: Drive, call: Call) -> bytes:
    await drive.create(call.volume, call.body)
    return b""


async def _write(drive: Drive, call: Call) -> bytes:
    sync = call.numbers.get("sync") == 1
    if not call.pieces and sync:
        await drive.sync(call.volume)
    else:
        await drive.write(call.volume, call.number("offset", OFFSET_MAX), call.pieces, sync)
    return b""


async def _finish(drive: Drive, call: Call) -> bytes:
    drive.finish(call.volume)
    return b""


async def _read_shard(drive: Drive, call: Call) -> bytearray:
    content = bytearray(call.number("size", READ_BYTES_MAX))
    await drive.read(call.volume, call.number("offset", OFFSET_MAX), (content,))
    return content  # uvicorn sends any buffer


async def _read_back(drive: Drive, call: Call) -> bytearray:
    content = bytearray(call.number("size", READ_BYTES_MAX))
    await read_back(drive, call.volume, call.number("offset", OFFSET_MAX), (content,))
    return content


async def _length_of(drive: Drive, call: Call) -> bytes:
    return orjson.dumps({"length": await drive.length(call.volume)})


async def _delete(drive: Drive, call: Call) -> bytes:
    await drive.delete(call.volume)
    return b""


async def _quarantine(drive: Drive, call: Call) -> bytes:
    await drive.quarantine(call.volume)
    return b""


async def _list(drive: Drive, call: Call) -> bytes:
    if len(call.body) not in (0, 16):
        raise _Bad(400, "not the id of a volume")
    return b"".join(await drive.shards(call.body, call.number("size", LIST_MAX)))


async def _space(drive: Drive, call: Call) -> bytes:
    capacity, free = await drive.space()
    return orjson.dumps({"capacity": capacity, "free": free})


Operation = Callable[[Drive, Call], Awaitable[bytes | bytearray]]
_ON_DRIVE: dict[str, Operation] = {"list": _list, "space": _space}
_ON_VOLUME: dict[str, Operation] = {
    "create": _create,
    "write": _write,
    "finish": _finish,
    "read": _read_shard,
    "readback": _read_back,
    "length": _length_of,
    "delete": _delete,
    "quarantine": _quarantine,
}

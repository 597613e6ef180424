"""NodeLink: a client's way to one node: a pool of kept connections, signed requests, small reads that share one.

A node that does not answer is *down*: what is asked of it fails at once, until it answers a ping again. So a node that
is gone, frozen or cut off costs its users one time-out, not one each.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any

import aiohttp
import orjson
import structlog
from yarl import URL

from objstore.drive.node_auth import Signer
from objstore.drive.node_wire import (
    BATCHED_BYTES_MAX,
    BODY_BYTES_MAX,
    FAILING,
    READ,
    READS_MAX,
    STATE_HEADER,
    error_of,
    unpack_answers,
)
from objstore.model.errors import CorruptData, DriveAway, DriveError, DriveTimeout, Overloaded
from objstore.model.limits import DRIVE_QUEUE_MAX, READ_TIMEOUT_SECONDS
from objstore.work.batcher import Batcher

CONNECTIONS_MAX = 64  # to one node, of one process
CONNECT_SECONDS = 1.0
PING_SECONDS = 1.0
PINGS_MISSED_MAX = 2
KEEP_SECONDS = 30.0  # less than the server keeps an idle connection, so that it is never we who are surprised
ATTEMPTS = 3
READS_IN_FLIGHT = 4
READS_CROWD = 16
SENT_WHOLE_BYTES_MAX = 256 * 1024
HASHED_INLINE_BYTES_MAX = 128 * 1024
_ADDRESS = re.compile(r"http://[A-Za-z0-9.\-\[\]:]{1,255}:\d{1,5}")
EMPTY_DIGEST = hashlib.sha256(b"").hexdigest()

Body = bytes | bytearray | memoryview
SmallRead = tuple[str, bytes, int, int]  # drive, volume, offset, size

log = structlog.get_logger(__name__)


class NodeLink:
    """One node, reached at ``address`` (http://HOST:PORT). Drives of the node share it. For one event loop.

    ``states``: how the node says that its drives are, by id; as of the last ping or answer.
    """

    def __init__(self, address: str, key: bytes) -> None:
        if not _ADDRESS.fullmatch(address):
            raise ValueError(f"{address!r} is no address of a node")
        self.address = address
        self.states: dict[str, str] = {}
        self._signer = Signer(key)
        self._session: aiohttp.ClientSession | None = None
        self._waiting = 0
        self._missed = 0
        self._down = ""
        self._reads: Batcher[SmallRead, memoryview] = Batcher(
            self._read_batch,
            in_flight=READS_IN_FLIGHT,
            crowd=READS_CROWD,
            items_max=READS_MAX,
            weigh=_size,
            weight_max=BODY_BYTES_MAX // 2,
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._heart: asyncio.Task[None] | None = None

    @property
    def is_down(self) -> bool:
        """It did not answer when it was last asked, or has not been reached yet."""
        return bool(self._down)

    async def open(self) -> None:
        """See whether it answers, and look after it from then on."""
        if self._heart is None:
            with suppress(DriveError, CorruptData):
                await self._ping()
            self._heart = asyncio.create_task(self._beat())

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something whose outcome nobody waits for."""
        if len(self._tasks) >= DRIVE_QUEUE_MAX:
            work.close()
            return
        task = asyncio.ensure_future(_quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._heart is not None:
            self._heart.cancel()
            await asyncio.wait([self._heart])
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CONNECT_SECONDS)
        if self._session is not None:
            await self._session.close()

    async def read_small(self, drive_id: str, volume_id: bytes, offset: int, size: int) -> memoryview:
        """Up to ``BATCHED_BYTES_MAX`` bytes; reads that are in flight together share one request."""
        assert size <= BATCHED_BYTES_MAX
        self._check(drive_id)
        try:
            return await self._reads.submit((drive_id, volume_id, offset, size))
        except Overloaded:
            raise DriveTimeout(f"node {self.address} is late", drive_id) from None

    async def call(
        self,
        operation: str,
        drive_id: str,
        volume_id: bytes | None,
        query: Mapping[str, int],
        body: Body,
        seconds: float,
    ) -> bytes:
        """The answer's body. Raises DriveError, ShardMissing, DriveTimeout, CorruptData."""
        self._check(drive_id)
        path = f"/v1/{operation}/{drive_id}" + ("" if volume_id is None else f"/{volume_id.hex()}")
        if query:
            path += "?" + "&".join(f"{name}={value}" for name, value in query.items())
        status, state, content = await self._ask(path, body, seconds, drive_id)
        if state:
            self.states[drive_id] = state
        if status != 200:
            raise error_of(status, f"drive {drive_id}: {content[:300].decode('utf-8', 'replace')}", drive_id)
        return content

    def _check(self, drive_id: str) -> None:
        if self._down:
            raise DriveAway(f"node {self.address} is down: {self._down}", drive_id)

    async def _ask(self, path: str, body: Body, seconds: float, drive_id: str) -> tuple[int, str, bytes]:
        """Send until the node takes our credentials, or the connection has not just been closed by it."""
        if self._waiting >= DRIVE_QUEUE_MAX:
            raise DriveTimeout(f"node {self.address}: {self._waiting} requests wait for it", drive_id)
        digest = await _digest(body)
        self._waiting += 1
        try:
            async with asyncio.timeout(seconds):
                return await self._try(path, body, digest)
        except TimeoutError:
            raise DriveTimeout(f"node {self.address} took longer than {seconds} s", drive_id) from None
        except aiohttp.ClientConnectorError as error:
            self._lost(str(error.os_error))
            raise DriveAway(f"node {self.address} cannot be reached: {error.os_error}", drive_id) from None
        except (aiohttp.ClientError, OSError) as error:
            raise DriveTimeout(f"node {self.address}: {error!r}", drive_id) from None
        finally:
            self._waiting -= 1

    async def _try(self, path: str, body: Body, digest: str) -> tuple[int, str, bytes]:
        target, url = path.encode(), URL(self.address + path, encoded=True)
        session = self._session or self._connect()
        for attempt in range(ATTEMPTS):
            headers = {"authorization": self._signer.sign("POST", target, digest), "content-length": str(len(body))}
            data = body if len(body) <= SENT_WHOLE_BYTES_MAX else _flow(memoryview(body))
            try:
                async with session.post(url, data=data, headers=headers, allow_redirects=False) as answer:
                    content = await answer.read()
                    if answer.status == 401 and self._signer.learn(answer.headers.get("www-authenticate")):
                        continue
                    return answer.status, answer.headers.get(STATE_HEADER, ""), content
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                # A connection that was kept has been closed meanwhile. Everything may be asked twice: a write goes to
                # the same place, and a shard that failed is poisoned.
                if isinstance(error, aiohttp.ClientConnectorError) or attempt == ATTEMPTS - 1:
                    raise
        return 401, "", b"the node does not take our credentials: is its OBJSTORE_CLUSTER_SECRET the same?"

    def _connect(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=KEEP_SECONDS, ttl_dns_cache=10),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        return self._session

    async def _read_batch(self, reads: list[SmallRead]) -> Sequence[memoryview | Exception]:
        body = b"".join(READ.pack(bytes.fromhex(drive), volume, at, size) for drive, volume, at, size in reads)
        status, _, content = await self._ask("/v1/reads", body, 2 * READ_TIMEOUT_SECONDS, "")
        if status != 200:
            raise error_of(status, content[:300].decode("utf-8", "replace"), "")
        results: list[memoryview | Exception] = []
        for (drive_id, _, _, size), (answer, found) in zip(reads, unpack_answers(content, len(reads)), strict=True):
            if answer != 200:
                results.append(error_of(answer, f"drive {drive_id}: reading failed ({answer})", drive_id))
            elif len(found) != size:
                results.append(DriveError(f"drive {drive_id}: {len(found)} bytes came, not {size}", drive_id))
            else:
                results.append(found)
        return results

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(PING_SECONDS)
            with suppress(DriveError, CorruptData):
                await self._ping()

    async def _ping(self) -> None:
        try:
            status, _, content = await self._ask("/v1/ping", b"", PING_SECONDS, "")
        except DriveError as error:
            self._missed += 1
            if self._missed >= PINGS_MISSED_MAX:
                self._lost(str(error))
            raise
        self._missed = 0
        if status != 200:
            self._lost(content.decode("utf-8", "replace"))
            return
        try:
            self.states = {str(drive): str(state) for drive, state in orjson.loads(content)["drives"].items()}
        except (orjson.JSONDecodeError, KeyError, AttributeError):
            self._lost("its answer makes no sense")
            return
        if self._down:
            self._down = ""
            log.info("node_answers", node=self.address)

    def _lost(self, reason: str) -> None:
        if not self._down:
            log.warning("node_lost", node=self.address, reason=reason)
        self._down = reason or "no answer"
        self.states = dict.fromkeys(self.states, FAILING)


async def _flow(body: memoryview) -> AsyncIterator[memoryview]:
    """A large body in pieces: the next one when the node has taken the one before."""
    for at in range(0, len(body), SENT_WHOLE_BYTES_MAX):
        yield body[at : at + SENT_WHOLE_BYTES_MAX]


def _size(read: SmallRead) -> int:
    return read[3]


async def _digest(body: Body) -> str:
    if not body:
        return EMPTY_DIGEST
    if len(body) <= HASHED_INLINE_BYTES_MAX:
        return hashlib.sha256(body).hexdigest()
    return (await asyncio.get_running_loop().run_in_executor(None, hashlib.sha256, body)).hexdigest()


async def _quietly(work: Coroutine[Any, Any, Any]) -> None:
    with suppress(DriveError, CorruptData):
        await work

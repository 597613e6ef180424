"""The HTTP protocol class on a real socket, in front of an application that tells what it saw."""

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httptools
import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from objstore.api import protocol
from objstore.model.limits import HEADER_BYTES_MAX, HEADER_COUNT_MAX

GET = b"GET /b/k HTTP/1.1\r\nHost: h\r\n\r\n"
PUT = b"PUT /b/k HTTP/1.1\r\nHost: h\r\n"
CHUNKED = PUT + b"Transfer-Encoding: chunked\r\n\r\n"


class Application:
    """Remembers requests whose body came whole (``seen``) and those that did not (``torn``)."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.seen: list[tuple[str, bytes, bytes]] = []
        self.headers: list[list[tuple[bytes, bytes]]] = []
        self.torn = 0
        self.gate: asyncio.Event | None = None
        self.early: tuple[bytes, ...] = ()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["raw_path"] in self.early:
            return await self._answer(send, 403, [(b"connection", b"close")])
        if self.gate is not None:
            await self.gate.wait()
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.torn += 1
                return None
            body += message["body"]
            if not message["more_body"]:
                break
        self.seen.append((scope["method"], scope["raw_path"], body))
        self.headers.append(scope["headers"])
        if scope["raw_path"] == b"/big":
            return await self._stream(send)
        return await self._answer(send, 200, [])

    async def _answer(self, send: Any, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"2"), *headers]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def _stream(self, send: Any) -> None:
        size = 64 * 2**20
        headers = [(b"content-length", str(size).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for _ in range(64):
            await send({"type": "http.response.body", "body": bytes(2**20), "more_body": True})
        await send({"type": "http.response.body", "body": b""})


class Fixture:
    """A server, its application, and raw connections to it."""

    def __init__(self, port: int, application: Application, server: uvicorn.Server) -> None:
        self.port = port
        self.app = application
        self.server = server

    async def say(self, *pieces: bytes, pause: float = 0, wait: float = 5) -> bytes:
        """Send the pieces; everything that comes back until the server closes or ``wait`` seconds are over."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for piece in pieces:
                with contextlib.suppress(ConnectionError):
                    writer.write(piece)
                    await writer.drain()
                await asyncio.sleep(pause)
            answer = bytearray()
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(wait):
                    while piece := await reader.read(65536):
                        answer += piece
                answer += b"<closed>"
            return bytes(answer)
        finally:
            writer.close()


@pytest.fixture(scope="module")
async def one_server() -> AsyncIterator[Fixture]:
    async with serving(header_seconds=0.5, stall_seconds=1.0) as fixture:
        yield fixture


@pytest.fixture
def http(one_server: Fixture) -> Fixture:
    """The server, whose application has seen nothing yet."""
    one_server.app.forget()
    return one_server


@contextlib.asynccontextmanager
async def serving(
    application: Any = None, tls: tuple[Path, Path] | None = None, **limits: float
) -> AsyncIterator[Fixture]:
    application = application or Application()
    config = uvicorn.Config(
        application,
        port=0,
        lifespan="off",
        log_level="critical",
        ws="none",
        timeout_keep_alive=1,
        http=protocol.strict_protocol(**limits),
        ssl_certfile=tls[0] if tls else None,
        ssl_keyfile=tls[1] if tls else None,
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    yield Fixture(server.servers[0].sockets[0].getsockname()[1], application, server)
    server.should_exit = True
    await asyncio.wait_for(task, 10)


def refused(answer: bytes, code: str = "BadRequest") -> bool:
    """One S3 error, then the end of the connection."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return (
        head.startswith(b"HTTP/1.1 400 ")
        and b"connection: close" in head
        and f"<Code>{code}</Code>".encode() in body
        and answer.count(b"HTTP/1.1") == 1
        and answer.endswith(b"</Error><closed>")
    )


MALFORMED = {
    "a35 length and coding": PUT + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a35 coding and length": PUT + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "a36 two codings": PUT + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a36 xchunked": PUT + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a36 identity": PUT + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a36 chunked, identity": PUT + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a36 chunked in 1.0": b"PUT /b/k HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a37 two lengths": PUT + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a37 same length twice": PUT + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nab",
    "a37 length list": PUT + b"Content-Length: 2, 2\r\n\r\nab",
    "a38 +3": PUT + b"Content-Length: +3\r\n\r\nabc",
    "a38 -3": PUT + b"Content-Length: -3\r\n\r\nabc",
    "a38 0x3": PUT + b"Content-Length: 0x3\r\n\r\nabc",
    "a38 3_0": PUT + b"Content-Length: 3_0\r\n\r\nabc",
    "a38 empty": PUT + b"Content-Length:\r\n\r\n",
    "a38 too large": PUT + b"Content-Length: 99999999999999999999\r\n\r\nabc",
    "a39 space before colon": b"GET /b/k HTTP/1.1\r\nHost : h\r\n\r\n",
    "a39 folded": b"GET /b/k HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n 2\r\n\r\n",
    "a39 folded first": b"GET /b/k HTTP/1.1\r\n Host: h\r\n\r\n",
    "a39 no colon": b"GET /b/k HTTP/1.1\r\nHost: h\r\nnonsense\r\n\r\n",
    "a39 no name": b"GET /b/k HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n",
    "a40 bare LF": b"GET /b/k HTTP/1.1\nHost: h\n\n",
    "a40 LF in header": b"GET /b/k HTTP/1.1\r\nHost: h\r\nX-A: 1\nX-B: 2\r\n\r\n",
    "a40 bare CR": b"GET /b/k HTTP/1.1\r\nHost: h\r\nX-A: 1\rX-B: 2\r\n\r\n",
    "a40 NUL in value": b"GET /b/k HTTP/1.1\r\nHost: h\r\nX-A: 1\x002\r\n\r\n",
    "a40 NUL in name": b"GET /b/k HTTP/1.1\r\nHost: h\r\nX\x00A: 1\r\n\r\n",
    "a40 control in value": b"GET /b/k HTTP/1.1\r\nHost: h\r\nX-A: 1\x012\r\n\r\n",
    "a40 DEL in value": b"GET /b/k HTTP/1.1\r\nHost: h\r\nX-A: 1\x7f2\r\n\r\n",
    "a40 NUL in target": b"GET /b/\x00 HTTP/1.1\r\nHost: h\r\n\r\n",
    "a40 space in target": b"GET /b/ k HTTP/1.1\r\nHost: h\r\n\r\n",
    "a41 LF in extension": CHUNKED + b"1;a\nb\r\na\r\n0\r\n\r\n",
    "a41 bad terminator": CHUNKED + b"1\r\naX\r\n0\r\n\r\n",
    "a41 no terminator": CHUNKED + b"3\r\nabc0\r\n\r\n",
    "a41 bare LF": CHUNKED + b"3\nabc\n0\n\n",
    "a41 negative": CHUNKED + b"-1\r\n\r\n0\r\n\r\n",
    "a41 0x": CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
    "a41 huge": CHUNKED + b"fffffffffffffffff\r\nabc",
    "a42 two hosts": b"GET /b/k HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
    "a42 same host twice": b"GET /b/k HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
    "a42 two hosts in 1.0": b"GET /b/k HTTP/1.0\r\nHost: h\r\nHost: i\r\n\r\n",
    "a42 no host": b"GET /b/k HTTP/1.1\r\n\r\n",
    "a42 absolute without host": b"GET http://h/b/k HTTP/1.1\r\n\r\n",
    "a42 1.2": b"GET /b/k HTTP/1.2\r\nHost: h\r\n\r\n",
    "a42 2.0": b"GET /b/k HTTP/2.0\r\nHost: h\r\n\r\n",
    "a42 0.9": b"GET /b/k HTTP/0.9\r\nHost: h\r\n\r\n",
    "a42 no version": b"GET /b/k\r\nHost: h\r\n\r\n",
    "a42 lower case": b"GET /b/k http/1.1\r\nHost: h\r\n\r\n",
    "a42 h2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a42 asterisk": b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
    "a42 authority": b"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n",
    "a42 fragment": b"GET /b/k#x HTTP/1.1\r\nHost: h\r\n\r\n",
    "a42 unknown method": b"BREW /b/k HTTP/1.1\r\nHost: h\r\n\r\n",
    "a42 tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    "upgrade with a body": PUT + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 39\r\n\r\n"
    b"DELETE /b/smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_malformed_request_is_refused(http: Fixture, name: str) -> None:
    answer = await http.say(MALFORMED[name] + GET, wait=4)
    assert refused(answer), answer
    assert http.app.seen == []


def test_count_of_malformed_requests_has_a_floor() -> None:
    assert len(MALFORMED) >= 54


async def test_every_malformed_request_in_single_bytes(http: Fixture) -> None:
    """The same answers however the bytes are cut."""

    async def one(name: str) -> None:
        request = MALFORMED[name]
        answer = await http.say(*[request[i : i + 1] for i in range(len(request))], wait=4)
        assert refused(answer), (name, answer)

    for name in MALFORMED:
        if "folded first" not in name:
            await one(name)
    assert http.app.seen == []


async def test_sound_requests_pass(http: Fixture) -> None:
    requests = {
        b"GET http://elsewhere/b/k?x=1 HTTP/1.1\r\nHost: h\r\n\r\n": ("GET", b"/b/k", b""),
        b"GET http://elsewhere HTTP/1.1\r\nHost: h\r\n\r\n": ("GET", b"/", b""),
        b"GET //b/k HTTP/1.1\r\nHost: h\r\n\r\n": ("GET", b"//b/k", b""),
        b"GET /b/%ff%2F HTTP/1.1\r\nhOsT: h\r\n\r\n": ("GET", b"/b/%ff%2F", b""),
        b"\r\nGET /b/k HTTP/1.1\r\nHost:\r\n\r\n": ("GET", b"/b/k", b""),
        b"GET /b/k HTTP/1.0\r\n\r\n": ("GET", b"/b/k", b""),
        b"DELETE /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab": ("DELETE", b"/b/k", b"ab"),
        CHUNKED + b"3;x=y\r\nabc\r\n0\r\nX-T: 1\r\n\r\n": ("PUT", b"/b/k", b"abc"),
    }
    for request, seen in requests.items():
        answer = await http.say(request, wait=0.2)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n"), (request, answer)
        assert http.app.seen.pop() == seen
    assert not any(b"x-t" in dict(headers) for headers in http.app.headers)


async def test_requests_in_single_bytes_and_pipelined(http: Fixture) -> None:
    put = b"PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
    assert (await http.say(*[bytes([byte]) for byte in put], wait=0.2)).count(b"200 OK") == 1
    assert (await http.say((put + GET) * 50, wait=0.5)).count(b"200 OK") == 100
    assert len(http.app.seen) == 101


async def test_upgrade_without_body_is_ignored(http: Fixture) -> None:
    h2c = GET[:-2] + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n"
    assert (await http.say(h2c * 3 + GET, GET, pause=0.1, wait=0.3)).count(b"200 OK") == 5


async def test_a43_nothing_behind_an_early_answer_is_done(http: Fixture) -> None:
    http.app.early = (b"/early",)
    early = b"PUT /early HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n"
    for request in (early + b"abcd" + GET, early + GET, early):
        answer = await http.say(request, GET, pause=0.05, wait=4)
        assert answer.count(b"HTTP/1.1") == 1
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert answer.endswith(b"<closed>")
    assert http.app.seen == []


async def test_early_answer_arrives_although_the_body_is_still_coming(http: Fixture) -> None:
    http.app.early = (b"/early",)
    head = b"PUT /early HTTP/1.1\r\nHost: h\r\nContent-Length: 8388608\r\n\r\n"
    for _ in range(5):
        answer = await http.say(head, *[bytes(2**20)] * 8, wait=4)
        assert answer.startswith(b"HTTP/1.1 403 "), answer[:100]


async def test_a43_broken_request_behind_a_good_one_leaves_its_answer_alone(http: Fixture) -> None:
    http.app.gate = asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, http.app.gate.set)
    answer = await http.say(GET + b"GET / HTTP/1.2\r\nHost: h\r\n\r\n" + GET, wait=4)
    assert answer.count(b"HTTP/1.1") == 1
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"ok<closed>")
    assert len(http.app.seen) == 1


@pytest.mark.parametrize("kind", ["length", "chunked", "broken chunk"])
async def test_a44_torn_body_is_a_disconnect(http: Fixture, kind: str) -> None:
    request = {
        "length": b"PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello",
        "chunked": CHUNKED + b"5\r\nhello\r\n",
        "broken chunk": CHUNKED + b"5\r\nhello\r\nzz\r\n",
    }[kind]
    await http.say(request, wait=0.1)
    await asyncio.sleep(0.1)
    assert http.app.seen == []
    assert http.app.torn == 1


async def test_header_section_has_a_size(http: Fixture) -> None:
    def request(count: int, size: int) -> bytes:
        lines = b"".join(b"x-%d: %s\r\n" % (i, b"a" * size) for i in range(count))
        return b"GET /b/k HTTP/1.1\r\nHost: h\r\n" + lines + b"\r\n"

    code = "RequestHeaderSectionTooLarge"
    for large in (
        request(1, HEADER_BYTES_MAX),
        request(1, 100 * 1024),
        request(HEADER_COUNT_MAX, 1),
        request(10_000, 1),
        request(1, 64 * 2**20),
        b"GET /" + b"a" * HEADER_BYTES_MAX + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    ):
        answer = await http.say(large, wait=4)
        assert refused(answer, code) or (len(large) > 2**20 and answer == b"")
    assert http.app.seen == []
    for fits in (request(HEADER_COUNT_MAX - 1, 100), request(3, 10_000)):
        assert b"200 OK" in await http.say(fits, wait=0.2)
    with_body = request(3, 10_000).replace(b"GET", b"PUT").replace(b"Host: h", b"Host: h\r\nContent-Length: 65536")
    assert b"200 OK" in await http.say(with_body + bytes(65536), wait=0.2)


async def test_trailers_and_chunk_extensions_have_a_size(http: Fixture) -> None:
    for endless in (b"0\r\nX-T: ", b"3;"):
        answer = await http.say(CHUNKED + endless, *[b"a" * 16384] * 8, pause=0.01, wait=4)
        assert refused(answer), answer
    assert http.app.seen == []


@pytest.mark.parametrize(
    "start",
    [b"", b"G", b"GET /b/k HTTP/1.1\r\nHost: h\r\nX: ", b"\r\n", GET + b"\r\n", GET + b"GET /b"],
    ids=["nothing", "method", "header", "blank", "blank after", "second"],
)
async def test_a70_slow_headers_are_closed(http: Fixture, start: bytes) -> None:
    drip = [b"a"] * 20 if start[-2:] not in (b"", b"\r\n") else [b""] * 20
    loop = asyncio.get_running_loop()
    began = loop.time()
    answer = await http.say(start, *drip, pause=0.05, wait=4)
    assert answer.endswith(b"<closed>") or answer == b""
    assert loop.time() - began < 3


async def test_a70_slow_reader_is_closed(http: Fixture) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", http.port, limit=1024)
    writer.write(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n")
    await asyncio.sleep(2.5)
    assert not http.server.server_state.connections
    writer.close()


async def test_drain_closes_idle_connections_and_lets_busy_ones_finish() -> None:
    async with serving(header_seconds=5, stall_seconds=5) as http:
        http.app.gate = asyncio.Event()
        busy = asyncio.create_task(http.say(GET, wait=5))
        idle = asyncio.create_task(http.say(wait=5))
        await asyncio.sleep(0.1)
        http.server.should_exit = True
        assert await idle in (b"<closed>", b"")
        http.app.gate.set()
        answer = await busy
    assert b"200 OK" in answer
    assert b"connection: close" in answer


def test_what_is_overridden_is_there() -> None:
    """A new uvicorn that renames one of these would switch a limit off without a word."""
    strict = protocol.StrictHttpProtocol
    ours = {name for name in vars(strict) if not name.startswith("__")}
    overridden = {name for name in ours if hasattr(HttpToolsProtocol, name)}
    assert overridden == {
        "connection_made", "connection_lost", "data_received", "pause_writing", "shutdown", "on_message_begin",
        "on_header", "on_headers_complete", "on_body", "on_response_complete", "send_400_response",
    }  # fmt: skip
    for name in ("_start_asgi_task", "_unset_keepalive_if_required", "timeout_keep_alive_handler"):
        assert callable(getattr(HttpToolsProtocol, name))
    used = set(inspect.signature(RequestResponseCycle.__init__).parameters) - {"self"}
    assert used == {
        "scope", "transport", "flow", "logger", "access_logger", "access_log", "default_headers", "message_event",
        "expect_100_continue", "keep_alive", "on_response",
    }  # fmt: skip
    source = inspect.getsource(HttpToolsProtocol) + inspect.getsource(RequestResponseCycle)
    for attribute in (
        "self.timeout_keep_alive_task", "self.cycle", "self.pipeline", "self.flow", "self.parser", "self.url",
        "self.headers", "self.scope", "self.server_state.total_requests", "self.transport.close()", "more_body",
        "response_started", "response_complete", "self.disconnected", "waiting_for_100_continue", "message_event",
        "chunked_encoding", "expected_content_length", "self.flow.write_paused", "self.flow.drain()",
    ):  # fmt: skip
        assert attribute in source, attribute
    assert hasattr(httptools, "HttpParserUpgrade")

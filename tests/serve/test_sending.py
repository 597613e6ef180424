"""Large pieces of answers: past the transport, whole and in order, whatever the client does."""

import asyncio
import os
import socket
import ssl
from pathlib import Path
from random import Random
from typing import Any

import pytest
import uvloop

from objstore.api.cycle import tls_of
from objstore.api.sending import PIECE_BYTES_MIN
from objstore.cli.certificates import CA_CERT, CERT, KEY, make_certificates
from tests.serve.test_protocol import Fixture, serving

SIZES = [1 << 20, 10, PIECE_BYTES_MIN, PIECE_BYTES_MIN - 1, 4 << 20, 1, 1 << 20, 3 << 20]
PIECES = [Random(at).randbytes(size) for at, size in enumerate(SIZES)]
BODY = b"".join(PIECES)
ASKED = b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n"


class Streams:
    """Answers with ``PIECES``; ``ended``: answers that it is done with."""

    def __init__(self) -> None:
        self.ended = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        length = str(len(BODY)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        gone = asyncio.create_task(self._gone(receive))
        for piece in PIECES:
            if gone.done():
                break
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        gone.cancel()
        self.ended += 1
        await send({"type": "http.response.body", "body": b""})

    async def _gone(self, receive: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass


async def ask(http: Fixture, count: int, pause: float, room: int, tls: ssl.SSLContext | None = None) -> list[bytes]:
    """Bodies of ``count`` requests that are sent at once; ``room`` and ``pause`` make a slow reader."""
    sock = socket.socket()
    if room:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", http.port))
    name = "localhost" if tls else None
    reader, writer = await asyncio.open_connection(sock=sock, limit=max(room, 65536), ssl=tls, server_hostname=name)
    writer.write(b"".join(ASKED % i for i in range(count)))
    bodies = []
    for _ in range(count):
        await reader.readuntil(b"\r\n\r\n")
        body = bytearray()
        while len(body) < len(BODY):
            body += await reader.readexactly(min(1_000_000, len(BODY) - len(body)))
            await asyncio.sleep(pause)
        bodies.append(bytes(body))
    writer.close()
    return bodies


@pytest.mark.parametrize(("pause", "room"), [(0, 0), (0.005, 65536)], ids=["fast", "slow"])
async def test_bodies_come_whole_and_in_order(pause: float, room: int) -> None:
    async with serving(Streams(), header_seconds=5, stall_seconds=5) as http:
        found = await asyncio.gather(*(ask(http, 3, pause, room) for _ in range(3)))
    assert all(body == BODY for bodies in found for body in bodies)


@pytest.mark.parametrize(("pause", "room"), [(0, 0), (0.005, 65536)], ids=["fast", "slow"])
async def test_bodies_come_whole_over_tls(tmp_path: Path, pause: float, room: int) -> None:
    make_certificates(tmp_path, "s3.example.com", ["localhost"], 30)
    context = ssl.create_default_context(cafile=tmp_path / CA_CERT)
    files = (tmp_path / CERT, tmp_path / KEY)
    async with serving(Streams(), files, header_seconds=5, stall_seconds=5) as http:
        found = await asyncio.gather(*(ask(http, 3, pause, room, context) for _ in range(3)))
    assert all(body == BODY for bodies in found for body in bodies)


class SaysCipher:
    """Answers with what a connection is encrypted by."""

    async def __call__(self, _: Any, receive: Any, send: Any) -> None:
        body = " ".join(tls_of(receive) or ("plain",)).encode()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def test_what_a_connection_is_encrypted_by(tmp_path: Path) -> None:
    make_certificates(tmp_path, "s3.example.com", ["localhost"], 30)
    context = ssl.create_default_context(cafile=tmp_path / CA_CERT)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256")
    found = []
    for files, used in ((None, None), ((tmp_path / CERT, tmp_path / KEY), context)):
        async with serving(SaysCipher(), files, header_seconds=5, stall_seconds=5) as http:
            name = "localhost" if used else None
            reader, writer = await asyncio.open_connection("127.0.0.1", http.port, ssl=used, server_hostname=name)
            writer.write(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n")
            found.append((await reader.read()).rpartition(b"\r\n")[2])
            writer.close()
    assert found[0] == b"plain"
    assert found[1].split()[0] == b"TLSv1.2"
    assert found[1].endswith(b"-AES128-GCM-SHA256")


async def test_no_descriptor_is_left_of_clients_that_go_away() -> None:
    streams = Streams()
    async with serving(streams, header_seconds=5, stall_seconds=5) as http:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", http.port)
            writer.write(ASKED % 0)
            await reader.readexactly(100_000)
            writer.transport.abort()
        async with asyncio.timeout(5):
            while streams.ended < 5 or len(os.listdir("/proc/self/fd")) > before:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert (await ask(http, 1, 0, 0)) == [BODY]


class TooLate:
    """Answers whoever has gone by then. ``error``: what became of it."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.answered = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        try:
            length = str(len(BODY)).encode()
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
            await send({"type": "http.response.body", "body": BODY})
        except Exception as error:
            self.error = error
        self.answered.set()


def test_a_large_answer_for_a_client_that_has_gone_is_no_error() -> None:
    """On uvloop, as it is served: a transport that has been closed refuses everything there."""
    app = TooLate()

    async def go() -> None:
        async with serving(app, header_seconds=5, stall_seconds=5) as http:
            _, writer = await asyncio.open_connection("127.0.0.1", http.port)
            writer.write(ASKED % 0)
            await writer.drain()
            writer.close()
            await asyncio.wait_for(app.answered.wait(), 30)

    uvloop.run(go())
    assert app.error is None

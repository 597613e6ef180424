"""Broken and slow HTTP against a real server, with valid signatures: nothing that is refused changes anything."""

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.harness.server import Server
from tests.serve.test_protocol import MALFORMED, refused

BUCKET = "framing"
HEADER_SECONDS = 3  # as tests/harness/server.py sets it


@pytest.fixture(scope="module")
def s3(server: Server) -> Any:
    client = server.s3()
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def target(server: Server, s3: Any) -> Iterator[bytes]:
    """A presigned path for PUT of a key that is not there, before or after."""
    url = s3.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": "victim"}, ExpiresIn=300)
    yield url.removeprefix(server.endpoint).encode()
    assert not exists(s3, "victim")


def exists(s3: Any, key: str) -> bool:
    return bool(s3.list_objects_v2(Bucket=BUCKET, Prefix=key)["KeyCount"])


def talk(server: Server, *pieces: bytes, seconds: float = 10, half_close: bool = False) -> bytes:
    """Send, then read until the server closes (marked) or time is up."""
    answer = b""
    with socket.create_connection(server.address, seconds) as client:
        for piece in pieces:
            client.sendall(piece)
        if half_close:
            client.shutdown(socket.SHUT_WR)
        try:
            while data := client.recv(65536):
                answer += data
        except TimeoutError:
            return answer
        except ConnectionError:
            pass
    return answer + b"<closed>"


def signed(server: Server, request: bytes, target: bytes) -> bytes:
    """``request`` for the presigned target, with the right Host."""
    host = server.endpoint.removeprefix("http://").encode()
    return request.replace(b"/b/k", target).replace(b"Host: h\r\n", b"Host: " + host + b"\r\n")


def test_malformed_requests_are_refused_and_change_nothing(server: Server, target: bytes) -> None:
    for name, request in MALFORMED.items():
        answer = talk(server, signed(server, request, target))
        assert refused(answer), (name, answer)


@pytest.mark.parametrize("declared", [10, 100_000])
def test_a44_body_that_ends_early_is_not_committed(server: Server, target: bytes, declared: int) -> None:
    """Cut off at once, and half-closed: neither the first byte nor all but one make an object."""
    head = signed(server, b"PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % declared, target)
    for sent in (0, 1, declared - 1):
        with socket.create_connection(server.address, 5) as client:
            client.sendall(head + bytes(sent))
        talk(server, head + bytes(sent), half_close=True)
    chunked = signed(server, b"PUT /b/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", target)
    talk(server, chunked + b"5\r\nhello\r\n", half_close=True)
    talk(server, chunked + b"5\r\nhel", half_close=True)


def test_a43_request_behind_a_refused_one_is_not_done(server: Server, s3: Any, target: bytes) -> None:
    good = signed(server, b"PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok", target)
    bad = b"PUT /framing/victim HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n"
    answer = talk(server, bad + good)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"connection: close" in answer.lower()


def test_headers_above_the_limits(server: Server, target: bytes) -> None:
    lines = b"".join(b"X-%d: y\r\n" % i for i in range(250))
    for header in (lines, b"X-A: " + b"y" * 40_000 + b"\r\n"):
        request = signed(server, b"PUT /b/k HTTP/1.1\r\nHost: h\r\n" + header + b"Content-Length: 2\r\n\r\nok", target)
        assert refused(talk(server, request), "RequestHeaderSectionTooLarge")


def test_a70_slow_headers_are_closed_in_time(server: Server) -> None:
    for start in (b"", b"GET / HTTP/1.1\r\nHost: h\r\nX-A: "):
        begun = time.monotonic()
        answer = talk(server, start, seconds=HEADER_SECONDS * 3)
        assert answer.endswith(b"<closed>")
        assert HEADER_SECONDS - 1 < time.monotonic() - begun < HEADER_SECONDS * 2
        assert b"RequestTimeout" in answer if start else answer == b"<closed>"


def test_a70_idle_connections_do_not_keep_others_out(server: Server, s3: Any) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with ExitStack() as stack:
            for _ in range(2000):
                client = stack.enter_context(socket.create_connection(server.address, 5))
                client.sendall(b"GET / HT")
            s3.put_object(Bucket=BUCKET, Key="among-idle", Body=b"x")
            assert s3.get_object(Bucket=BUCKET, Key="among-idle")["Body"].read() == b"x"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert server.get("/-/health/ready").status_code == 200


def test_many_broken_requests_cost_little(server: Server) -> None:
    """Refusing is cheap: a thousand of them in a few seconds, and no worker has died of it."""
    workers = server.state["workers"]
    begun = time.monotonic()
    for _ in range(1000):
        assert refused(talk(server, MALFORMED["a42 no host"]))
    assert time.monotonic() - begun < 10
    assert server.state["workers"] == workers

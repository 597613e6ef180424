"""What the gateway promises of every answer, whatever goes wrong behind it."""

import asyncio
import gc
import http.client
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from objstore.api.asgi import Gateway, ResponseBroken
from objstore.api.auth.authenticator import Authenticator
from objstore.api.auth.keyring import RootKeyring
from objstore.api.request import Request
from objstore.api.s3.call import Call, Site
from objstore.model import errors
from objstore.model.objects import ObjectVersion
from tests.unit.s3.conftest import ACCESS_KEY, OWNER, SECRET_KEY, Running
from tests.unit.s3.fake_store import PIECE_BYTES, FakeStore
from tests.unit.s3.wire import Wire

FAILURES: list[tuple[Exception, int, str, bool]] = [
    (errors.Overloaded("queue full"), 503, "SlowDown", True),
    (errors.DatabaseUnavailable("/secret/path"), 503, "ServiceUnavailable", True),
    (errors.DatabaseBusy("every connection is busy"), 503, "SlowDown", True),
    (errors.TooManyLost("x"), 503, "ServiceUnavailable", True),
    (errors.PlacementImpossible("too few drives"), 503, "ServiceUnavailable", True),
    (errors.PlacementImpossible("no space", full=True), 403, "QuotaExceeded", False),
    (errors.DriveError("no space", full=True), 503, "ServiceUnavailable", True),
    (errors.DriveTimeout("x"), 503, "ServiceUnavailable", True),
    (errors.CorruptData("/secret/path"), 500, "InternalError", False),
    (ValueError("/secret/path"), 500, "InternalError", False),
    (errors.QuotaExceeded(), 403, "QuotaExceeded", False),
    (errors.ConditionalRequestConflict(), 409, "ConditionalRequestConflict", False),
    (errors.RequestTimeout(), 400, "RequestTimeout", False),
]


@pytest.mark.parametrize(("failure", "status", "code", "retry"), FAILURES, ids=lambda value: type(value).__name__)
def test_failures(wire: Wire, store: FakeStore, failure: Exception, status: int, code: str, retry: bool) -> None:
    for method in ("GET", "PUT", "HEAD", "DELETE"):
        store.failure = failure
        reply = wire(method, "/bucket/key", b"x" if method == "PUT" else None)
        assert reply.status == status
        assert ("retry-after" in reply.headers) == retry
        assert b"secret" not in reply.body
        assert b"Traceback" not in reply.body
        if method == "HEAD":
            assert reply.body == b""
        else:
            assert reply.code == code
            assert reply.headers["content-type"] == "application/xml"


def test_every_answer_has_ids_of_its_own(wire: Wire, s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="key", Body=b"x")
    replies = [
        wire("GET", "/bucket/key"),
        wire("HEAD", "/bucket/key"),
        wire("GET", "/bucket/nothing"),
        wire("GET", "/bucket/key", signed=False),
        wire("GET", "/bucket/key", headers={"If-None-Match": "*"}),
        wire("PUT", "/bucket/key", b"x"),
        wire("DELETE", "/bucket/key"),
        wire("GET", "/bucket?accelerate"),
        wire("GET", "/%FF/x"),
    ]
    ids = [reply.headers["x-amz-request-id"] for reply in replies]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch("[0-9A-F]{16}", found) for found in ids)
    assert all(reply.headers["x-amz-id-2"] for reply in replies)


def test_nothing_is_told_apart_without_credentials(wire: Wire, s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="key", Body=b"x")
    for method in ("GET", "HEAD", "PUT", "DELETE", "POST"):
        for target in (
            "/",
            "/bucket",
            "/bucket/key",
            "/bucket/nothing",
            "/nothing",
            "/bucket?policy",
            "/nothing/x?acl",
        ):
            for headers in ({}, {"If-None-Match": "*"}, {"If-Match": '"x"'}):
                assert wire(method, target, headers=headers, signed=False).status == 403


@pytest.mark.parametrize(
    ("method", "target"),
    [("PUT", "/nothing/key"), ("PUT", "/bucket?replication"), ("GET", "/bucket/nothing"), ("PUT", "/bucket/key?acl")],
)
def test_early_answers_close_the_connection(wire: Wire, method: str, target: str) -> None:
    reply = wire(method, target, b"x" * 100_000)
    assert reply.status >= 400
    assert reply.headers["connection"] == "close"
    assert wire("HEAD", "/bucket").status == 200  # on a new connection


def test_read_bodies_keep_the_connection(wire: Wire, s3: Any) -> None:
    assert "connection" not in wire("PUT", "/bucket/key", b"x" * 100_000).headers
    assert "connection" not in wire("PUT", "/bucket/key", b"").headers
    assert "connection" not in wire("GET", "/bucket/nothing").headers
    assert "connection" not in wire("PUT", "/bucket/key", b"x", {"If-None-Match": "*"}).headers
    bad = wire("PUT", "/bucket/key", b"x", {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="})
    assert bad.code == "BadDigest"
    assert "connection" not in bad.headers


def test_expectation_is_met_only_after_authentication(running: Running, s3: Any) -> None:
    with socket.create_connection(("127.0.0.1", running.port)) as client:
        client.sendall(b"PUT /bucket/key HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"connection: close" in answer


def test_a_body_that_breaks_is_never_short(s3: Any, store: FakeStore, wire: Wire) -> None:
    s3.put_object(Bucket="bucket", Key="key", Body=bytes(5 * PIECE_BYTES))
    store.fail_after = 2
    with pytest.raises(http.client.IncompleteRead):
        wire("GET", "/bucket/key")
    assert store.readers[-1].closed


def test_stops_reading_when_the_client_goes(s3: Any, store: FakeStore, running: Running) -> None:
    s3.put_object(Bucket="bucket", Key="key", Body=bytes(400 * PIECE_BYTES))
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "key"})
    target = url.removeprefix(running.endpoint)
    with socket.create_connection(("127.0.0.1", running.port)) as client:
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 200")
    deadline = time.monotonic() + 5
    while not store.readers[-1].closed and time.monotonic() < deadline:
        time.sleep(0.01)
    assert store.readers[-1].closed
    assert store.readers[-1].read_pieces < 350


def test_vanished_upload_commits_nothing(store: FakeStore, s3: Any, running: Running) -> None:
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "bucket", "Key": "key"})
    target = url.removeprefix(running.endpoint)
    with socket.create_connection(("127.0.0.1", running.port)) as client:
        head = f"PUT {target} HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\nContent-Length: 100\r\n\r\n"
        client.sendall(head.encode() + b"half")
        time.sleep(0.05)
    time.sleep(0.1)
    assert not store.buckets["bucket"].objects


def test_observe(running: Running, wire: Wire, s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="key", Body=b"hello")
    running.observed.clear()
    wire("GET", "/bucket/key")
    wire("PUT", "/bucket/key", b"12345678")
    wire("GET", "/bucket?session")
    wire("GET", "/bucket", signed=False)
    seen = [(operation, status, received) for operation, status, _, received, _ in running.observed]
    assert seen == [
        ("GetObject", 200, 0),
        ("PutObject", 200, 8),
        ("CreateSession", 501, 0),
        ("ListObjects", 403, 0),
    ]
    assert running.observed[0][4] == 5
    assert all(0 <= seconds < 5 for _, _, seconds, _, _ in running.observed)


@pytest.fixture(scope="module")
def hosted() -> Iterator[Running]:
    with Running(domain="s3.example.com") as server:
        server.client().create_bucket(Bucket="bucket")
        yield server


def test_virtual_hosts_have_keys_below_dash(hosted: Running) -> None:
    """``/-/`` is ours on the service's own host, and a key on a bucket's."""
    for key in ("-/health/live", "key"):
        hosted.client().put_object(Bucket="bucket", Key=key, Body=key.encode())
        target = f"http://bucket.s3.example.com/{key}"
        request = AWSRequest("GET", target)
        S3SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", "us-east-1").add_auth(request)
        connection = http.client.HTTPConnection("127.0.0.1", hosted.port)
        headers = dict(request.headers.items()) | {"Host": "bucket.s3.example.com"}
        connection.request("GET", f"/{key}", headers=headers)
        assert connection.getresponse().read() == key.encode()
        connection.close()


def gateway(store: FakeStore, **hooks: Any) -> Gateway:
    return Gateway(store, Authenticator(RootKeyring(ACCESS_KEY, SECRET_KEY, OWNER)), Site("us-east-1"), **hooks)


def scope_of(path: bytes) -> dict[str, Any]:
    return {
        "type": "http", "method": "GET", "raw_path": path, "path": path.decode(), "query_string": b"",
        "headers": [(b"host", b"x")],
    }  # fmt: skip


async def test_ops_and_lifespan_go_elsewhere() -> None:
    calls: list[tuple[str, str]] = []

    def hook(name: str) -> Any:
        async def application(scope: Any, receive: Any, send: Any) -> None:
            calls.append((name, scope.get("path", "")))

        return application

    async def nothing(*_: object) -> None:
        return None

    app = gateway(FakeStore(), ops=hook("ops"), lifespan=hook("lifespan"))
    await app(scope_of(b"/-/health/live"), nothing, nothing)
    await app({"type": "lifespan"}, nothing, nothing)
    await app({"type": "websocket"}, nothing, nothing)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope_of(b"/-"), nothing, send)
    assert calls == [("ops", "/-/health/live"), ("lifespan", "")]
    assert sent[0]["status"] == 403


async def test_an_answered_request_leaves_no_garbage(running: Running) -> None:
    """Cycles cost a fifth of the CPU of a small GET, in the collector that has to find them."""
    running.client().create_bucket(Bucket="cycles")
    running.client().put_object(Bucket="cycles", Key="key", Body=b"x")
    url = running.client().generate_presigned_url("get_object", Params={"Bucket": "cycles", "Key": "key"})
    query = url.partition("?")[2].encode()
    app, seen = gateway(running.store, observe=lambda *_: None), []

    async def serve() -> None:
        scope = scope_of(b"/cycles/key") | {"query_string": query, "headers": [(b"host", url.split("/")[2].encode())]}

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            seen.append(message.get("status"))

        await app(scope, receive, send)

    async def garbage() -> int:
        gc.collect()
        for _ in range(50):
            await asyncio.create_task(serve())
        return gc.collect()

    await asyncio.create_task(serve())
    gc.disable()
    try:
        # Others of the process leave garbage too, now and then; that of a request is there each time.
        assert min([await garbage() for _ in range(5)]) < 50
    finally:
        gc.enable()
    assert seen.count(200) == 251


async def test_a_broken_send_is_no_success() -> None:
    store = FakeStore()
    reader = await _reader(store)
    app = gateway(store)

    async def receive() -> Any:
        await asyncio.sleep(60)

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            raise OSError("gone")

    call = Call(Request(scope_of(b"/bucket/key"), receive), store, Site("us-east-1"))
    with pytest.raises(ResponseBroken):
        await app._stream(call, [], reader, send)
    assert reader.closed


async def _reader(store: FakeStore) -> Any:
    bucket = await store.create_bucket("bucket", OWNER, "us-east-1")
    version = ObjectVersion(bucket.id, b"key", b"", 3 * PIECE_BYTES, bytes(16), bucket.created, "STANDARD", b"")
    store.buckets["bucket"].objects[b"key"] = (version, bytes(3 * PIECE_BYTES), None)
    return await store.read(version, 0, version.size)


def test_unreadable_errors_are_readable(wire: Wire) -> None:
    reply = wire("GET", "/bucket/a%00%01%EF%BF%BE")
    assert reply.xml.findtext("Key") == "a\ufffd\ufffd\ufffd"

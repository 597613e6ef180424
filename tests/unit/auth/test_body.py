"""The payload: its end, its length, its digests; nothing that is torn or altered passes verify."""

import asyncio
import base64
import hashlib
from typing import Any

import pytest

from objstore.api.auth.authenticator import Authenticated
from objstore.api.auth.body import RequestBody, body_of, read_document
from objstore.api.auth.keyring import Identity
from objstore.api.auth.stall import StallWatch
from objstore.model.errors import IncompleteBody, MalformedXML, RequestError, RequestTimeout
from objstore.store.digests import digest_of, digests_of
from tests.unit.auth.wire import UNSIGNED, ChunkWriter, Headers, Wire, request_of

HELLO = b"hello world"
IDENTITY = Identity("key", "owner", "name")
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


def text_of(algorithm: str, data: bytes = HELLO) -> str:
    return base64.b64encode(digest_of(algorithm, data)).decode()


def body_for(
    headers: Headers,
    wire: Wire,
    payload: str = UNSIGNED,
    watch: StallWatch | None = None,
    method: str = "PUT",
    **more: Any,
) -> RequestBody:
    request = request_of(method, "/bucket/key", headers, wire)
    if watch is not None:
        more["watch"] = watch
    return body_of(request, Authenticated(IDENTITY, payload), **more)


async def outcome(headers: Headers, pieces: list[bytes], payload: str = UNSIGNED) -> bytes | str:
    """Payload that passed verify, or the error code."""
    try:
        body = body_for(headers, Wire(pieces), payload)
        whole = b""
        while piece := await body.read():
            whole += piece
        body.verify(digests_of(whole, body.algorithms))
    except RequestError as error:
        return error.code
    return whole


@pytest.mark.parametrize("pieces", [[HELLO], [HELLO, b""], [b"hello", b" world"], [b"", b"hello", b"", b" world", b""]])
async def test_pieces_in_order_then_the_end(pieces: list[bytes]) -> None:
    body = body_for({"content-length": "11"}, Wire(pieces))
    assert (body.length, body.consumed, body.checksum_algorithm(), body.algorithms) == (11, False, None, frozenset())
    whole = b""
    while piece := await body.read():
        whole += piece
    assert (whole, body.consumed, await body.read()) == (HELLO, True, b"")
    body.verify(digests_of(whole, body.algorithms))


async def test_an_empty_body() -> None:
    body = body_for({"content-length": "0"}, Wire())
    assert await body.read() == b""
    body.verify(digests_of(b"", ()))


@pytest.mark.parametrize("pieces", [[], [b"hello"], [HELLO]])
async def test_a44_a_client_that_vanishes_is_no_end(pieces: list[bytes]) -> None:
    """Even when every byte came and only the end of the message is missing."""
    body = body_for({"content-length": "11"}, Wire(pieces, vanishes=True))
    for _ in pieces:
        await body.read()
    with pytest.raises(IncompleteBody):
        await body.read()
    with pytest.raises(IncompleteBody):
        body.verify(digests_of(b"".join(pieces), ()))
    assert not body.consumed


@pytest.mark.parametrize(
    ("pieces", "code"), [([b"hello"], "IncompleteBody"), ([HELLO, b"!"], "InvalidRequest"), ([b""], "IncompleteBody")]
)
async def test_another_length_than_declared(pieces: list[bytes], code: str) -> None:
    assert await outcome({"content-length": "11"}, pieces) == code


@pytest.mark.parametrize("pieces", [[HELLO], [HELLO, b""]])
async def test_verify_before_the_end_is_refused(pieces: list[bytes]) -> None:
    body = body_for({"content-length": "11"}, Wire(pieces))
    with pytest.raises(IncompleteBody):
        body.verify(digests_of(HELLO, ()))
    await body.read()
    assert body.consumed == (len(pieces) == 1)


@pytest.mark.parametrize(
    ("headers", "length", "code"),
    [
        ({}, None, "MissingContentLength"),
        ({"transfer-encoding": "chunked"}, None, None),
        ({"content-length": "0"}, 0, None),
        ({"content-length": "5497558138881"}, 5497558138881, None),
        ({"content-length": "99999999999999999999"}, 99999999999999999999, None),
        ({"content-length": "9" * 21}, None, "InvalidArgument"),
        ({"content-length": "-1"}, None, "InvalidArgument"),
        ({"content-length": "+3"}, None, "InvalidArgument"),
        ({"content-length": "0x3"}, None, "InvalidArgument"),
        ({"content-length": "3_0"}, None, "InvalidArgument"),
        ({"content-length": "3,3"}, None, "InvalidArgument"),
        ({"content-length": ""}, None, "InvalidArgument"),
        ({"content-length": "3", "transfer-encoding": "chunked"}, None, "InvalidRequest"),
    ],
)
def test_a33_content_length(headers: Headers, length: int | None, code: str | None) -> None:
    if code is None:
        assert body_for(headers, Wire()).length == length
    else:
        with pytest.raises(RequestError) as caught:
            body_for(headers, Wire())
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("decoded", "code"),
    [
        (None, "MissingContentLength"),
        ("", "InvalidArgument"),
        ("-1", "InvalidArgument"),
        ("+11", "InvalidArgument"),
        ("0xb", "InvalidArgument"),
        ("12", "IncompleteBody"),
        ("10", "InvalidRequest"),
        ("11", None),
    ],
)
@pytest.mark.parametrize("framing", [{"content-length": "34"}, {"transfer-encoding": "chunked"}])
async def test_a30_decoded_content_length(framing: Headers, decoded: str | None, code: str | None) -> None:
    headers = framing | ({} if decoded is None else {"x-amz-decoded-content-length": decoded})
    assert await outcome(headers, [ChunkWriter().body([HELLO])], UNSIGNED_TRAILER) == (code or HELLO)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
@pytest.mark.parametrize("where", ["header", "trailer"])
async def test_checksums(algorithm: str, where: str) -> None:
    name = f"x-amz-checksum-{algorithm.lower()}"
    for value, code in (
        (text_of(algorithm), None),
        (text_of(algorithm, b"other"), "BadDigest"),
        (text_of(algorithm) + "-1", "BadDigest"),
        (text_of(algorithm)[4:], "BadDigest"),
        ("", "BadDigest"),
        ("?" * 8, "BadDigest"),
        ("\xff", "BadDigest"),
    ):
        headers = {"content-length": "11", "x-amz-sdk-checksum-algorithm": algorithm}
        if where == "header":
            assert await outcome(headers | {name: value}, [HELLO]) == (code or HELLO), value
        else:
            headers = {"x-amz-trailer": name, "x-amz-decoded-content-length": "11"}
            body = ChunkWriter().body([HELLO]).removesuffix(b"\r\n") + f"{name}:{value}\r\n\r\n".encode("latin-1")
            assert await outcome(headers, [body], UNSIGNED_TRAILER) == (code or HELLO), value


async def test_a_mismatch_names_the_algorithm_and_both_values() -> None:
    """aws-sdk-cpp#3903 may send a stale trailer: its users must be able to see that."""
    body = body_for({"content-length": "11", "x-amz-checksum-crc32": "AAAAAA=="}, Wire([HELLO]))
    whole = await body.read_all(100)
    assert whole == HELLO
    with pytest.raises(RequestError) as caught:
        body.verify(digests_of(whole, body.algorithms))
    assert str(caught.value) == "The CRC32 you specified did not match the calculated checksum."
    assert caught.value.details == {"Algorithm": "CRC32", "ExpectedDigest": "AAAAAA==", "CalculatedDigest": "DUoRhQ=="}
    assert body.checksum_algorithm() == "CRC32"


MD5 = text_of("MD5")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"content-md5": MD5}, None),
        ({"content-md5": f" {MD5} "}, None),
        ({"content-md5": text_of("MD5", b"other")}, "BadDigest"),
        ({"content-md5": hashlib.md5(HELLO, usedforsecurity=False).hexdigest()}, "InvalidDigest"),
        ({"content-md5": "AAAA"}, "InvalidDigest"),
        ({"content-md5": ""}, "InvalidDigest"),
        ({"content-md5": "====" * 6}, "InvalidDigest"),
        ({"content-md5": f"{MD5},{MD5}"}, "InvalidDigest"),
        ({"x-amz-checksum-crc32": text_of("CRC32"), "x-amz-checksum-sha1": text_of("SHA1")}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": text_of("CRC32"), "x-amz-checksum-type": "FULL_OBJECT"}, None),
        ({"x-amz-checksum-mode": "ENABLED", "x-amz-checksum-algorithm": "CRC32"}, None),
        ({"x-amz-checksum-md4": "AAAA"}, "InvalidRequest"),
        ({"x-amz-checksum-": "AAAA"}, "InvalidRequest"),
        ({"x-amz-sdk-checksum-algorithm": "CRC32"}, "InvalidRequest"),
        ({"x-amz-sdk-checksum-algorithm": "MD4", "x-amz-checksum-crc32": text_of("CRC32")}, "InvalidRequest"),
        ({"x-amz-sdk-checksum-algorithm": "SHA1", "x-amz-checksum-crc32": text_of("CRC32")}, "InvalidRequest"),
        ({"x-amz-sdk-checksum-algorithm": "crc32", "x-amz-checksum-crc32": text_of("CRC32")}, None),
        ({"x-amz-trailer": "x-amz-checksum-crc32"}, "InvalidRequest"),
    ],
)
async def test_a32_digests(headers: Headers, code: str | None) -> None:
    assert await outcome({"content-length": "11", **headers}, [HELLO]) == (code or HELLO)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-amz-trailer": "x-amz-checksum-crc32"}, "MalformedTrailerError"),
        ({"x-amz-trailer": "x-amz-checksum-crc32,x-amz-checksum-sha1"}, "InvalidRequest"),
        ({"x-amz-trailer": "x-amz-checksum-md4"}, "InvalidRequest"),
        ({"x-amz-trailer": "x-amz-checksum-algorithm"}, "InvalidRequest"),
        ({"x-amz-trailer": "x-amz-meta-a"}, "InvalidRequest"),
        ({"x-amz-trailer": "x-amz-checksum-crc32", "x-amz-checksum-crc32": text_of("CRC32")}, "InvalidRequest"),
        ({"x-amz-trailer": ""}, None),
        ({}, None),
    ],
)
async def test_a31_declared_trailers(headers: Headers, code: str | None) -> None:
    headers = {"x-amz-decoded-content-length": "11", **headers}
    assert await outcome(headers, [ChunkWriter().body([HELLO])], UNSIGNED_TRAILER) == (code or HELLO)


@pytest.mark.parametrize("case", [str.lower, str.upper])
async def test_a26_signed_payload_hash(case: Any) -> None:
    right, wrong = hashlib.sha256(HELLO).hexdigest(), hashlib.sha256(b"").hexdigest()
    assert await outcome({"content-length": "11"}, [HELLO], case(right)) == HELLO
    assert await outcome({"content-length": "11"}, [HELLO], case(wrong)) == "XAmzContentSHA256Mismatch"
    headers = {"content-length": "11", "x-amz-checksum-crc32": text_of("CRC32"), "content-md5": MD5}
    assert await outcome(headers, [HELLO], case(wrong)) == "XAmzContentSHA256Mismatch"


async def test_read_all_stops_at_its_limit() -> None:
    wire = Wire([HELLO] * 10)
    assert await body_for({"content-length": "110"}, wire).read_all(109) is None
    assert wire.calls == 0
    unknown = body_for({"transfer-encoding": "chunked"}, wire, length_required=False)
    assert unknown.length is None
    assert await unknown.read_all(20) is None
    assert wire.calls == 2
    assert await body_for({"content-length": "22"}, Wire([HELLO, HELLO])).read_all(22) == HELLO * 2


async def test_documents() -> None:
    async def document(method: str, target: str, headers: Headers, data: bytes = HELLO) -> bytes:
        request = request_of(method, target, headers, Wire([data]))
        return await read_document(request, Authenticated(IDENTITY, UNSIGNED), 100)

    wrong = {"content-length": "11", "x-amz-checksum-crc32": "AAAAAA=="}
    assert await document("POST", "/bucket?delete", {"content-length": "11", "content-md5": MD5}) == HELLO
    assert await document("POST", "/bucket?delete", {"transfer-encoding": "chunked"}) == HELLO
    assert await document("PUT", "/bucket", {}, b"") == b""
    assert await document("POST", "/bucket/key?uploadId=1", wrong) == HELLO  # of the object, not of this document
    with pytest.raises(RequestError, match="CRC32"):
        await document("POST", "/bucket?delete", wrong)
    with pytest.raises(MalformedXML):
        await document("POST", "/bucket?delete", {"content-length": "101"})
    with pytest.raises(MalformedXML):
        await document("POST", "/bucket?delete", {"transfer-encoding": "chunked"}, b"x" * 101)


async def test_a70_a_body_that_does_not_move_is_given_up() -> None:
    body = body_for({"content-length": "11"}, Wire([b"hello"], stalls=True), watch=StallWatch(0.06))
    assert await body.read() == b"hello"
    with pytest.raises(RequestTimeout):
        await body.read()
    assert not body.consumed
    await asyncio.sleep(0)  # the task goes on: it was not cancelled for good


async def test_a70_a_body_that_drips_is_given_up() -> None:
    class Drip(Wire):
        async def __call__(self) -> dict[str, Any]:
            await asyncio.sleep(0.005)
            return {"type": "http.request", "body": b"x", "more_body": True}

    body = body_for({"content-length": "1000000"}, Drip(), watch=StallWatch(0.06))

    async def read_on() -> None:
        while True:
            await body.read()

    with pytest.raises(RequestTimeout):
        await asyncio.wait_for(read_on(), 5)
    assert body.received_bytes < 100


async def test_a_slow_store_is_no_stall() -> None:
    body = body_for({"content-length": "22"}, Wire([HELLO, HELLO]), watch=StallWatch(0.03))
    await body.read()
    await asyncio.sleep(0.1)
    assert await body.read() == HELLO


async def test_a_cancelled_reader_is_cancelled() -> None:
    body = body_for({"content-length": "11"}, Wire([b"hello"], stalls=True))
    await body.read()
    task = asyncio.create_task(body.read())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

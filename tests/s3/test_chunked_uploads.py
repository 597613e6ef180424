"""aws-chunked bodies over plain HTTP with chunked transfer coding and no Content-Length: what pyarrow always sends."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from awscrt import checksums

from tests.harness.wire import REGION, STREAMING_TRAILER, Answer, Wire, path_of
from tests.s3.trees import MIB, content

CHUNK = 64 * 1024
TRAILER = "x-amz-checksum-crc64nvme"


def crc64(body: bytes) -> str:
    return base64.b64encode(checksums.crc64nvme(body).to_bytes(8, "big")).decode()


def framed(body: bytes, trailer: str, chunk: int = CHUNK) -> Iterator[bytes]:
    """Pieces of an aws-chunked body; ``trailer`` is a whole line or nothing."""
    for at in range(0, len(body), chunk):
        piece = body[at : at + chunk]
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n" + (f"{trailer}\r\n" if trailer else "").encode() + b"\r\n"


def recut(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces that have nothing to do with the chunks."""
    whole = b"".join(pieces)
    for at in range(0, len(whole), size):
        yield whole[at : at + size]


def put(wire: Wire, path: str, pieces: Iterable[bytes], length: int | None, trailer: str = TRAILER) -> Answer:
    headers = {"content-encoding": "aws-chunked"}
    if trailer:
        headers["x-amz-trailer"] = trailer
    if length is not None:
        headers["x-amz-decoded-content-length"] = str(length)
    return wire.request("PUT", path, pieces, headers, STREAMING_TRAILER)


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, 3 * MIB + 7])
@pytest.mark.parametrize("cut", [None, 7001, 300_000])
def test_round_trip(wire: Wire, bucket: str, s3: Any, size: int, cut: int | None) -> None:
    body = content(size, size)
    pieces = framed(body, f"{TRAILER}:{crc64(body)}")
    answer = put(wire, path_of(bucket, "k"), pieces if cut is None else recut(pieces, cut), size)
    assert answer.status == 200, answer
    assert answer.etag == hashlib.md5(body, usedforsecurity=False).hexdigest()
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == body
    assert got["ChecksumCRC64NVME"] == crc64(body)
    assert "ContentEncoding" not in got or "aws-chunked" not in got["ContentEncoding"]


def test_without_trailer_or_length(wire: Wire, bucket: str, s3: Any) -> None:
    body = content(100_000, 1)
    path = path_of(bucket, "k")
    assert put(wire, path, framed(body, ""), len(body), trailer="").status == 200
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body


def test_multipart_as_pyarrow_does_it(wire: Wire, bucket: str, s3: Any) -> None:
    """Uneven parts of about 10 MiB, each aws-chunked with a trailer."""
    sizes = (10 * MIB, 10 * MIB + 33_000, 123)
    bodies = [content(size, size) for size in sizes]
    named = {"Bucket": bucket, "Key": "data set/part-0.parquet"}
    upload = s3.create_multipart_upload(**named, ChecksumAlgorithm="CRC64NVME")["UploadId"]
    parts = []
    for number, body in enumerate(bodies, 1):
        path = f"{path_of(bucket, named['Key'])}?partNumber={number}&uploadId={upload}"
        answer = put(wire, path, framed(body, f"{TRAILER}:{crc64(body)}"), len(body))
        assert answer.status == 200, answer
        parts.append({"PartNumber": number, "ETag": answer.etag})
    done = s3.complete_multipart_upload(**named, UploadId=upload, MultipartUpload={"Parts": parts})
    whole = b"".join(bodies)
    assert done["ChecksumCRC64NVME"] == crc64(whole)
    assert s3.get_object(**named)["Body"].read() == whole


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        ("digest", "BadDigest"),
        ("short", "IncompleteBody"),
        ("long", "IncompleteBody"),
        ("no trailer", "MalformedTrailerError"),
        ("other trailer", "MalformedTrailerError"),
    ],
)
@pytest.mark.parametrize("size", [1000, MIB])
def test_what_is_damaged_commits_nothing(wire: Wire, bucket: str, s3: Any, damage: str, code: str, size: int) -> None:
    body = content(size, 5)
    digest = crc64(b"other" if damage == "digest" else body)
    line = {"no trailer": "", "other trailer": f"x-amz-checksum-crc32:{'A' * 6}=="}.get(damage, f"{TRAILER}:{digest}")
    length = len(body) + {"short": 1, "long": -1}.get(damage, 0)
    answer = put(wire, path_of(bucket, "k"), framed(body, line), length)
    assert answer.status == 400, answer
    assert answer.code in (code, "InvalidRequest", "MalformedTrailerError"), answer
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert put(wire, path_of(bucket, "k"), framed(b"next", f"{TRAILER}:{crc64(b'next')}"), 4).status == 200


def test_body_that_breaks_off_commits_nothing(wire: Wire, bucket: str, s3: Any) -> None:
    for size in (100, MIB):
        body = content(size, size)
        whole = b"".join(framed(body, f"{TRAILER}:{crc64(body)}"))
        headers = {"content-encoding": "aws-chunked", "x-amz-trailer": TRAILER, "transfer-encoding": "chunked",
                   "x-amz-decoded-content-length": str(size)}  # fmt: skip
        with wire.bare() as bare:
            bare.send(wire.head("PUT", path_of(bucket, "k"), headers, STREAMING_TRAILER))
            half = whole[: len(whole) // 2]
            bare.send(b"%x\r\n%b\r\n" % (len(half), half))
        with wire.bare() as bare:  # the outer coding ends, the inner one does not
            bare.send(wire.head("PUT", path_of(bucket, "k"), headers, STREAMING_TRAILER))
            bare.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(half), half))
            assert bare.answer().status == 400
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_signed_chunks(wire: Wire, bucket: str, s3: Any) -> None:
    """minio-go and the Java SDK: each chunk signed, chained to the request's own signature."""
    body = content(200_000, 9)
    mode = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    for broken in (False, True):
        headers = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(len(body))}
        head = wire.head("PUT", path_of(bucket, "k"), headers | {"transfer-encoding": "chunked"}, mode)
        signature = head.partition(b"Signature=")[2][:64].decode()
        timestamp = head.partition(b"x-amz-date: ")[2][:16].decode()
        with wire.bare() as bare:
            bare.send(head)
            for piece in _signed(body, signature, timestamp, wire.credentials[1], broken):
                bare.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            bare.send(b"0\r\n\r\n")
            answer = bare.answer()
        assert (answer.status, answer.code) == ((403, "SignatureDoesNotMatch") if broken else (200, "")), answer
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body


def _signed(body: bytes, signature: str, timestamp: str, secret_key: str, broken: bool) -> Iterator[bytes]:
    key = b"AWS4" + secret_key.encode()
    for part in (timestamp[:8], REGION, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    for piece in [*(body[at : at + CHUNK] for at in range(0, len(body), CHUNK)), b""]:
        scope = f"{timestamp[:8]}/{REGION}/s3/aws4_request"
        text = "\n".join(
            ["AWS4-HMAC-SHA256-PAYLOAD", timestamp, scope, signature, hashlib.sha256().hexdigest(),
             hashlib.sha256(piece).hexdigest()]
        )  # fmt: skip
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        sent = piece[:-1] + b"!" if broken and piece else piece
        yield b"%x;chunk-signature=%b\r\n%b\r\n" % (len(sent), signature.encode(), sent)

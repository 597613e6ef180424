"""aws-chunked: any split gives the same payload, and nothing that is broken gets through."""

import base64
import random
import time
import zlib
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objstore.api.auth.authenticator import ChunkSigning
from objstore.api.auth.chunked import ChunkedDecoder
from objstore.api.auth.sigv4 import HmacKey
from objstore.model.errors import InvalidRequest, RequestError
from tests.unit.auth.wire import SECRET_KEY, TIMESTAMP, ChunkWriter, Headers, sign_header, signing_key

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
MODES = [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER]
CHECKSUM = "x-amz-checksum-crc32"
CHUNKS = [b"a" * 8192, b"b" * 9000, b"c" * 10]
BROKEN = "InvalidRequest"
HEADERS: Headers = sign_header("PUT", payload=SIGNED)


def writer_of(mode: str) -> ChunkWriter:
    return ChunkWriter(None if mode == UNSIGNED_TRAILER else HEADERS)


def decoder_of(mode: str, length: int, declared: tuple[str, ...] | None = None) -> ChunkedDecoder:
    writer = writer_of(mode)
    signing = None
    if writer.signed:
        key = HmacKey(signing_key(SECRET_KEY, TIMESTAMP[:8], "us-east-1"))
        signing = ChunkSigning(key, TIMESTAMP, writer.scope, writer.previous)
    if declared is None:
        declared = () if mode == SIGNED else (CHECKSUM,)
    return ChunkedDecoder(length, signing=signing, trailer_mode=mode != SIGNED, declared=declared)


def trailers_of(mode: str, payload: bytes) -> dict[str, str]:
    value = base64.b64encode(zlib.crc32(payload).to_bytes(4, "big")).decode()
    return {} if mode == SIGNED else {CHECKSUM: value}


def body_of(mode: str, chunks: list[bytes]) -> bytes:
    return writer_of(mode).body(chunks, trailers_of(mode, b"".join(chunks)))


def decode(decoder: ChunkedDecoder, body: bytes, cuts: list[int] | None = None) -> bytes | str:
    """Payload, or the error code."""
    borders = [0, *sorted(cuts or []), len(body)]
    try:
        pieces = [piece for a, b in pairwise(borders) for piece in decoder.feed(body[a:b])]
        decoder.finish()
    except RequestError as error:
        return error.code
    return b"".join(pieces)


chunk_lists = st.lists(st.binary(min_size=8192, max_size=9000), max_size=2).flatmap(
    lambda head: st.binary(min_size=1, max_size=50).map(lambda last: [*head, last])
)


@settings(max_examples=100, deadline=None)
@given(mode=st.sampled_from(MODES), chunks=st.just([]) | chunk_lists, data=st.data())
def test_any_split_gives_the_same_payload(mode: str, chunks: list[bytes], data: st.DataObject) -> None:
    body, payload = body_of(mode, chunks), b"".join(chunks)
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=30))
    decoder = decoder_of(mode, len(payload))
    assert decode(decoder, body, cuts) == payload
    assert decoder.trailers == trailers_of(mode, payload)


@pytest.mark.parametrize("mode", MODES)
def test_byte_by_byte(mode: str) -> None:
    body = body_of(mode, CHUNKS)
    assert decode(decoder_of(mode, 17202), body, list(range(len(body)))) == b"".join(CHUNKS)


@pytest.mark.parametrize("mode", MODES)
def test_a27_truncated_at_every_byte(mode: str) -> None:
    """The body is fed once; after each byte, what is decoded so far must not pass for the whole."""
    body = body_of(mode, CHUNKS)
    decoder = decoder_of(mode, 17202)
    for at in range(len(body)):
        assert not decoder.done, at
        with pytest.raises(RequestError) as caught:
            decoder.finish()
        assert caught.value.code == "IncompleteBody"
        decoder.feed(body[at : at + 1])
    assert decoder.done
    decoder.finish()


@pytest.mark.parametrize("mode", [SIGNED, SIGNED_TRAILER])
def test_a28_one_bit_flipped_anywhere_in_a_signed_body(mode: str) -> None:
    body = body_of(mode, CHUNKS)
    framing = [at for at in range(len(body)) if body[at : at + 1] not in (b"a", b"b", b"c")]
    generator = random.Random(28)
    for at in framing + generator.sample(range(len(body)), 200):
        for bit in (0, 5, 7) if at in framing[:200] else (generator.randrange(8),):
            changed = bytearray(body)
            changed[at] ^= 1 << bit
            outcome = decode(decoder_of(mode, 17202), bytes(changed))
            if isinstance(outcome, bytes):  # hex sizes and trailer names have two cases
                assert changed[at : at + 1].lower() == body[at : at + 1].lower()
                assert outcome == b"".join(CHUNKS)


def _pieces(mode: str) -> tuple[list[bytes], bytes, bytes]:
    writer = writer_of(mode)
    chunks = [writer.chunk(data) for data in (b"a" * 8192, b"b" * 8192, b"c" * 8192)]
    last = writer.chunk(b"")
    return chunks, last, writer.trailers(trailers_of(mode, b"a" * 8192 + b"b" * 8192 + b"c" * 8192))


REORDERINGS: dict[str, tuple[Callable[[list[bytes]], list[bytes]], int]] = {
    "swapped": (lambda chunks: [chunks[1], chunks[0], chunks[2]], 24576),
    "dropped": (lambda chunks: [chunks[0], chunks[2]], 24576),
    "dropped-and-length-adapted": (lambda chunks: [chunks[0], chunks[2]], 16384),
    "last-dropped-and-length-adapted": (lambda chunks: chunks[:2], 16384),
    "duplicated": (lambda chunks: [chunks[0], *chunks], 32768),
    "all-dropped": (lambda chunks: [], 0),
}


@pytest.mark.parametrize("name", REORDERINGS)
@pytest.mark.parametrize("mode", [SIGNED, SIGNED_TRAILER])
def test_a28_chunks_swapped_dropped_duplicated(mode: str, name: str) -> None:
    chunks, last, end = _pieces(mode)
    change, length = REORDERINGS[name]
    body = b"".join(change(chunks)) + last + end
    assert decode(decoder_of(mode, length), body) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("mode", MODES)
def test_a28_last_chunk_missing(mode: str) -> None:
    chunks, last, end = _pieces(mode)
    assert decode(decoder_of(mode, 24576), b"".join(chunks)) == "IncompleteBody"
    assert decode(decoder_of(mode, 24576), b"".join(chunks) + last) == "IncompleteBody"
    assert decode(decoder_of(mode, 24576), b"".join(chunks) + end) in (BROKEN, "SignatureDoesNotMatch")


def test_a28_a_signed_body_needs_signatures() -> None:
    body = ChunkWriter(None).body([b"x" * 10])
    assert decode(decoder_of(SIGNED, 10), body) == "SignatureDoesNotMatch"
    for extension in (b";", b";chunk-signature=", b";signature=" + b"0" * 64, b";chunk-signature=" + b"0" * 64):
        body = b"a" + extension + b"\r\n" + b"x" * 10 + b"\r\n0\r\n\r\n"
        assert decode(decoder_of(SIGNED, 10), body) == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    "header",
    [
        b"-1\r\n",
        b"+5\r\n",
        b"0x10\r\n",
        b" 5\r\n",
        b"5 \r\n",
        b"5_0\r\n",
        b"\r\n",
        b"g\r\n",
        b"5\n",
        b"5\rx\n",
        b"5;a=b\r\n",
        b"5;chunk-signature=" + b"0" * 64 + b"\r\n",
        b"10000000000000000\r\n",  # 2⁶⁴ in 17 digits
        b"ffffffffffffffff\r\n",
        b"00000000000000005\r\n",
        b"b\r\n",  # one more than declared
        b"\xd9\xa5\r\n",  # ARABIC-INDIC DIGIT FIVE
        b"5" * 20000,
    ],
)
def test_a29_chunk_sizes(header: bytes) -> None:
    body = header + b"x" * 20 + b"\r\n0\r\n\r\n"
    assert decode(decoder_of(UNSIGNED_TRAILER, 10, ()), body) == BROKEN


def test_a29_a_gigabyte_of_header_is_given_up_early() -> None:
    decoder = decoder_of(UNSIGNED_TRAILER, 10, ())
    for _ in range(15):
        decoder.feed(b"5" * 1024)
    with pytest.raises(InvalidRequest):
        decoder.feed(b"5" * 1024)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"5\r\nhelloworld\r\n0\r\n\r\n", BROKEN),  # size < data
        (b"a\r\nhello\r\n0\r\n\r\n", "IncompleteBody"),  # size > data
        (b"5\r\nhello\n0\r\n\r\n", BROKEN),
        (b"5\r\nhello0\r\n\r\n", BROKEN),
        (b"5\r\nhello\r\n0\r\n\r\n", "IncompleteBody"),  # fewer than declared
        (b"a\r\nhelloworld\r\n0\r\n\r\n!", BROKEN),  # more behind the end
        (b"a\r\nhelloworld\r\n0\r\n\r\n\r\n", BROKEN),
        (b"a\r\nhelloworld\r\n1\r\n!\r\n0\r\n\r\n", "InvalidChunkSizeError"),
        (b"5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n", "InvalidChunkSizeError"),
        (b"0\r\n\r\n", "IncompleteBody"),
        (b"", "IncompleteBody"),
    ],
)
def test_a29_data_that_is_not_as_long_as_its_size(body: bytes, code: str) -> None:
    assert decode(decoder_of(UNSIGNED_TRAILER, 10, ()), body) == code


GOOD = f"{CHECKSUM}:AAAAAA==\r\n".encode()


@pytest.mark.parametrize(
    ("declared", "trailer", "code"),
    [
        pytest.param((CHECKSUM,), b"", "MalformedTrailerError", id="missing"),
        pytest.param((), GOOD, "MalformedTrailerError", id="undeclared"),
        pytest.param((CHECKSUM,), GOOD + GOOD, "MalformedTrailerError", id="duplicate"),
        pytest.param((CHECKSUM,), GOOD + b"x-amz-meta-a:b\r\n", "MalformedTrailerError", id="extra"),
        pytest.param((CHECKSUM,), b"x-amz-checksum-sha1:AAAAAA==\r\n", "MalformedTrailerError", id="other"),
        pytest.param((CHECKSUM,), b"x-amz-checksum-crc32\r\n", "MalformedTrailerError", id="no-colon"),
        pytest.param((CHECKSUM,), b"\xff:\xff\r\n", "MalformedTrailerError", id="bytes"),
        pytest.param((CHECKSUM,), GOOD + b"x-amz-trailer-signature:0\r\n", "MalformedTrailerError", id="signed"),
        pytest.param((CHECKSUM,), GOOD[:-2] + b"\nA:b\r\n", "MalformedTrailerError", id="line-feed-inside"),
        pytest.param((CHECKSUM,), GOOD[:-2] + b"A" * 20000 + b"\r\n", "MalformedTrailerError", id="long"),
    ],
)
def test_a31_trailers(declared: tuple[str, ...], trailer: bytes, code: str) -> None:
    body = b"a\r\nhelloworld\r\n0\r\n" + trailer + b"\r\n"
    assert decode(decoder_of(UNSIGNED_TRAILER, 10, declared), body) == code


@pytest.mark.parametrize(
    "trailer",
    [GOOD, b"X-Amz-Checksum-CRC32: AAAAAA== \r\n", GOOD[:-2] + b"\n\r\n"],
    ids=["as-usual", "capitals-and-spaces", "minio-go"],
)
def test_trailers_of_real_clients(trailer: bytes) -> None:
    decoder = decoder_of(UNSIGNED_TRAILER, 10)
    assert decode(decoder, b"a\r\nhelloworld\r\n0\r\n" + trailer + b"\r\n") == b"helloworld"
    assert decoder.trailers == {CHECKSUM: "AAAAAA=="}


def test_signed_trailer_as_minio_go_writes_it() -> None:
    body = body_of(SIGNED_TRAILER, CHUNKS).replace(b"==\r\nx-amz-trailer-sig", b"==\n\r\nx-amz-trailer-sig")
    assert decode(decoder_of(SIGNED_TRAILER, 17202), body) == b"".join(CHUNKS)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"x-amz-checksum-crc32:", b"x-amz-checksum-crc32: ", None),
        (b"x-amz-trailer-signature:", b"x-amz-trailer-signature:0", "SignatureDoesNotMatch"),
        (b"==\r\nx-amz-trailer-signature", b"==\r\n\r\nx-amz-trailer-signature", "SignatureDoesNotMatch"),
        (b"crc32:", b"crc32:AA", "SignatureDoesNotMatch"),
    ],
)
def test_a31_signed_trailer_changed(old: bytes, new: bytes, code: str | None) -> None:
    body = body_of(SIGNED_TRAILER, CHUNKS)
    assert decode(decoder_of(SIGNED_TRAILER, 17202), body.replace(old, new)) == (code or b"".join(CHUNKS))


def test_a31_a_trailer_after_the_signature() -> None:
    body = body_of(SIGNED_TRAILER, CHUNKS)[:-2] + b"x-amz-checksum-sha1:AAAA\r\n\r\n"
    assert decode(decoder_of(SIGNED_TRAILER, 17202), body) == "MalformedTrailerError"


def test_a31_a_trailer_where_the_mode_has_none() -> None:
    body = body_of(SIGNED, CHUNKS)[:-2] + GOOD + b"\r\n"
    assert decode(decoder_of(SIGNED, 17202), body) == "MalformedTrailerError"


@pytest.mark.parametrize("mode", [SIGNED_TRAILER, UNSIGNED_TRAILER])
def test_no_trailer_declared_and_none_sent_is_legal(mode: str) -> None:
    """versitygw#1632: AWS takes it."""
    body = writer_of(mode).body(CHUNKS)
    assert decode(decoder_of(mode, 17202, ()), body) == b"".join(CHUNKS)


def test_pieces_that_are_all_payload_are_not_copied() -> None:
    decoder = decoder_of(UNSIGNED_TRAILER, 3_000_000, ())
    decoder.feed(b"2dc6c0\r\n")
    piece = bytes(65536)
    assert decoder.feed(piece)[0] is piece


@pytest.mark.parametrize("piece_bytes", [1, 65536])
def test_time_grows_with_the_bytes_only(piece_bytes: int) -> None:
    """A27: the time of four times as much is nearer to four times than to sixteen times."""

    def seconds(size: int) -> float:
        body = f"{size:x}\r\n".encode() + bytes(size) + b"\r\n0\r\n\r\n"
        decoder = decoder_of(UNSIGNED_TRAILER, size, ())
        pieces = [body[at : at + piece_bytes] for at in range(0, len(body), piece_bytes)]
        begin = time.process_time()
        for piece in pieces:
            decoder.feed(piece)
        return time.process_time() - begin

    small = 20_000 if piece_bytes == 1 else 4_000_000
    assert min(seconds(4 * small) for _ in range(3)) < 10 * max(min(seconds(small) for _ in range(3)), 0.001)

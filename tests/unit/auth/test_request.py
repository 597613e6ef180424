"""Request: bucket and key from the raw bytes of the target, query, headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objstore.model.errors import InvalidURI
from tests.unit.auth.wire import request_of

HOST = {"host": "s3.example.com"}
DOMAIN = b"s3.example.com"


@pytest.mark.parametrize(
    ("target", "bucket", "key"),
    [
        ("/", "", b""),
        ("/bucket", "bucket", b""),
        ("/bucket/", "bucket", b""),
        ("/bucket/key", "bucket", b"key"),
        ("/bucket//key", "bucket", b"/key"),
        ("/bucket/a/../b", "bucket", b"a/../b"),
        ("/bucket/./..", "bucket", b"./.."),
        ("/bucket/%2e%2e%2fb", "bucket", b"../b"),
        ("/bucket/..%5cb", "bucket", b"..\\b"),
        ("/bucket/a/", "bucket", b"a/"),
        ("/bucket/a%2Fb", "bucket", b"a/b"),
        ("/bucket/a%252Fb", "bucket", b"a%2Fb"),
        ("/bucket/a+b%20c", "bucket", b"a+b c"),
        ("/bucket/%00%01%7f", "bucket", b"\x00\x01\x7f"),
        ("/bucket/%EF%BF%BE", "bucket", "\ufffe".encode()),
        ("/bucket/%F0%9F%90%98", "bucket", "🐘".encode()),
        ("/bucket/" + "k" * 1024, "bucket", b"k" * 1024),
        ("http://host:9000/bucket/key", "bucket", b"key"),
        ("https://host/bucket/a//b", "bucket", b"a//b"),
        ("http://host", "", b""),
        ("*", "", b""),
        ("//", "", b""),
    ],
)
def test_bucket_and_key_come_from_the_raw_path(target: str, bucket: str, key: bytes) -> None:
    request = request_of("GET", target, HOST)
    assert (request.refusal, request.bucket, request.key) == (None, bucket, key)


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/bucket/%ff", "InvalidURI"),
        ("/bucket/%fe", "InvalidURI"),
        ("/bucket/%c0%ae", "InvalidURI"),
        ("/bucket/%ed%a0%80", "InvalidURI"),
        ("/bucket/100%", "InvalidURI"),
        ("/bucket/%4", "InvalidURI"),
        ("/bucket/%zz", "InvalidURI"),
        ("/bucket/%+1", "InvalidURI"),
        ("/bucket/\xff", "InvalidURI"),
        ("/%ff/key", "InvalidURI"),
        ("/bucket/" + "k" * 1025, "KeyTooLongError"),
        ("/bucket/" + "%C3%A9" * 513, "KeyTooLongError"),
        ("//key", "InvalidBucketName"),
    ],
)
def test_a_target_that_is_no_key_is_refused(target: str, code: str) -> None:
    request = request_of("GET", target, HOST)
    assert request.refusal is not None
    assert request.refusal.code == code
    assert (request.bucket, request.key, len(request.request_id)) == ("", b"", 16)


@pytest.mark.parametrize(
    ("host", "bucket", "key"),
    [
        ("photos.s3.example.com", "photos", b"a/b"),
        ("Photos.S3.Example.Com.:9000", "photos", b"a/b"),
        ("my.dotted.bucket.s3.example.com", "my.dotted.bucket", b"a/b"),
        ("s3.example.com", "a", b"b"),
        (".s3.example.com", "a", b"b"),
        ("xs3.example.com", "a", b"b"),
        ("s3.example.com.evil.org", "a", b"b"),
        ("localhost:9000", "a", b"b"),
        ("[::1]:9000", "a", b"b"),
    ],
)
def test_virtual_host_style(host: str, bucket: str, key: bytes) -> None:
    request = request_of("GET", "/a/b", {"host": host}, domain=DOMAIN)
    assert (request.bucket, request.key, request.virtual_host) == (bucket, key, key == b"a/b")


@given(st.text(max_size=200).map(str.encode).filter(lambda key: len(key) <= 1024))
def test_any_key_survives_encoding_every_byte(key: bytes) -> None:
    encoded = "".join(f"%{byte:02x}" for byte in key)
    assert request_of("GET", f"/bucket/{encoded}", HOST).key == key


@given(st.binary(min_size=1, max_size=20), st.binary(min_size=1, max_size=20))
def test_no_two_keys_alias(one: bytes, other: bytes) -> None:
    first, second = [
        request_of("GET", "/bucket/" + "".join(f"%{byte:02x}" for byte in key), HOST) for key in (one, other)
    ]
    if first.refusal is None and second.refusal is None:
        assert (first.key == second.key) == (one == other)


def test_query_is_decoded_once() -> None:
    request = request_of("GET", "/b?uploads&prefix=a%2Fb+c%252F&delimiter=&x=%E2%82%AC&x=2&&y=a=b", HOST)
    assert request.query == {"uploads": "", "prefix": "a/b c%2F", "delimiter": "", "x": "€", "y": "a=b"}
    assert request.has_repeated_query()
    assert not request_of("GET", "/b", HOST).has_repeated_query()


@pytest.mark.parametrize("query", ["prefix=%ff", "prefix=%", "%zz=1", "a=\xff"])
def test_a_query_that_is_not_utf8_is_refused(query: str) -> None:
    request = request_of("GET", f"/b?{query}", HOST)
    with pytest.raises(InvalidURI):
        _ = request.query


def test_repeated_headers_are_joined_and_named() -> None:
    request = request_of("GET", "/", [("Host", "a"), ("x-amz-meta-a", " 1 "), ("X-Amz-Meta-A", "2")])
    assert request.headers == {b"host": b"a", b"x-amz-meta-a": b"1,2"}
    assert request.repeated == {b"x-amz-meta-a"}
    assert request.header(b"x-amz-meta-a") == "1,2"
    assert request.header(b"x-amz-meta-b", "none") == "none"
    assert request.host == "a"

"""Range, partNumber and If-Range."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objstore.api.s3.ranges import parse_copy_range, parse_range
from objstore.model.errors import InvalidArgument, InvalidRange
from tests.unit.s3.refused import refused
from tests.unit.s3.wire import Wire

number = st.integers(0, 40) | st.integers(0, 2**70)


def oracle(first: int | None, last: int | None, size: int) -> list[int] | None:
    """Which of ``size`` bytes a range names, one by one; None: the header is not a range."""
    if first is None and last is None:
        return None
    if first is None:
        assert last is not None
        return [at for at in range(size) if at >= size - last]
    if last is not None and last < first:
        return None
    return [at for at in range(size) if first <= at and (last is None or at <= last)]


@given(first=st.none() | number, last=st.none() | number, size=st.integers(0, 40))
def test_range_names_what_the_oracle_names(first: int | None, last: int | None, size: int) -> None:
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}".encode()
    wanted = oracle(first, last, size)
    if wanted:
        span = parse_range(header, size)
        assert span is not None
        assert list(range(*span)) == wanted
    elif wanted is None:
        assert parse_range(header, size) is None
    else:
        with pytest.raises(InvalidRange):
            parse_range(header, size)


@given(st.binary(max_size=40), st.integers(0, 40))
def test_any_header_is_a_span_or_nothing(header: bytes, size: int) -> None:
    try:
        span = parse_range(b"bytes=" + header, size)
    except InvalidRange:
        return
    assert span is None or 0 <= span[0] < span[1] <= size


@pytest.mark.parametrize(
    "header",
    [
        "bytes=5-3",
        "bytes=-1--2",
        "bytes=a-b",
        "bits=0-1",
        "bytes=0-1,3-4",
        "bytes=" + ",".join(f"{n}-{n}" for n in range(2000)),
        "bytes=-",
        "bytes 0-1",
        "0-1",
        "",
        "bytes=１-２",
    ],
)
def test_malformed_is_the_whole_object(wire: Wire, s3: Any, header: str) -> None:
    s3.put_object(Bucket="bucket", Key="key", Body=b"0123456789")
    reply = wire("GET", "/bucket/key", headers={"Range": header})
    assert (reply.status, reply.body) == (200, b"0123456789")
    assert "content-range" not in reply.headers


@pytest.mark.parametrize(
    ("header", "content", "content_range"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-300", b"0123456789", "bytes 0-9/10"),
        ("bytes=5-52428799", b"56789", "bytes 5-9/10"),
        (f"bytes=5-{2**64}", b"56789", "bytes 5-9/10"),
        (f"bytes=5-{'9' * 5000}", b"56789", "bytes 5-9/10"),
    ],
)
def test_satisfiable(wire: Wire, s3: Any, header: str, content: bytes, content_range: str) -> None:
    s3.put_object(Bucket="bucket", Key="key", Body=b"0123456789")
    reply = wire("GET", "/bucket/key", headers={"Range": header})
    assert (reply.status, reply.body, reply.headers["content-range"]) == (206, content, content_range)
    head = wire("HEAD", "/bucket/key", headers={"Range": header})
    assert (head.status, head.headers["content-range"]) == (206, content_range)
    assert head.headers["content-length"] == str(len(content))


@pytest.mark.parametrize(("size", "header"), [(10, "bytes=10-"), (10, "bytes=-0"), (0, "bytes=0-"), (0, "bytes=-5")])
def test_unsatisfiable(wire: Wire, s3: Any, size: int, header: str) -> None:
    s3.put_object(Bucket="bucket", Key="key", Body=bytes(size))
    reply = wire("GET", "/bucket/key", headers={"Range": header})
    assert reply.outcome == (416, "InvalidRange")
    assert reply.xml.findtext("ActualObjectSize") == str(size)
    assert reply.xml.findtext("RangeRequested") == header
    assert reply.headers["content-range"] == f"bytes */{size}"
    assert wire("HEAD", "/bucket/key", headers={"Range": header}).status == 416


def test_if_range(wire: Wire, s3: Any) -> None:
    etag = s3.put_object(Bucket="bucket", Key="key", Body=b"0123456789")["ETag"]
    modified = wire("HEAD", "/bucket/key").headers["last-modified"]
    for condition, status in (
        (etag, 206),
        (modified, 206),
        ('"other"', 200),
        ("W/" + etag, 200),
        ("Thu, 01 Jan 2015 00:00:00 GMT", 200),
    ):
        assert wire("GET", "/bucket/key", headers={"Range": "bytes=0-1", "If-Range": condition}).status == status


def test_condition_comes_before_range(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="key", Body=b"0123456789")
    get = {"Bucket": "bucket", "Key": "key", "Range": "bytes=90-"}
    assert refused(s3.get_object, **get, IfMatch='"x"') == (412, "PreconditionFailed")
    assert refused(s3.get_object, **get) == (416, "InvalidRange")


def test_part_number_of_a_plain_object(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="key", Body=b"0123456789")
    got = s3.get_object(Bucket="bucket", Key="key", PartNumber=1)
    assert (got["Body"].read(), got["ContentRange"]) == (b"0123456789", "bytes 0-9/10")
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert "PartsCount" not in got
    assert refused(s3.get_object, Bucket="bucket", Key="key", PartNumber=2) == (416, "InvalidPartNumber")
    get = {"Bucket": "bucket", "Key": "key", "PartNumber": 1, "Range": "bytes=0-1"}
    assert refused(s3.get_object, **get) == (400, "InvalidRequest")


@pytest.mark.parametrize("number", ["0", "10001", "-1", "1e3", "", "x", "１", "99999999999999999999"])
def test_bad_part_number(wire: Wire, s3: Any, number: str) -> None:
    s3.put_object(Bucket="bucket", Key="key", Body=b"0123456789")
    number = number if number.isascii() else "%EF%BC%91"
    reply = wire("GET", f"/bucket/key?partNumber={number}")
    assert reply.outcome == (400, "InvalidArgument")
    assert reply.xml.findtext("Message") == "Part number must be an integer between 1 and 10000, inclusive"


@pytest.mark.parametrize("header", [b"bytes=0-", b"bytes=-5", b"bytes=5-3", b"0-5", b"bytes=0-1,2-3", b"bytes=0-1 "])
def test_copy_range_is_strict(header: bytes) -> None:
    with pytest.raises(InvalidArgument):
        parse_copy_range(header)


def test_copy_range() -> None:
    assert parse_copy_range(b"bytes=0-0") == (0, 1)
    assert parse_copy_range(b"bytes=5-9") == (5, 10)

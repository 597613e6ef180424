"""Range reads are slices of the object, whatever lies on the border: packed or striped, unit, row, block, part."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness.server import Server
from tests.harness.wire import Wire, path_of
from tests.s3.trees import MIB, content

KIB = 1024
BUCKET = "ranges"
SIZES = (
    0, 1, 4096, 32 * KIB - 1, 32 * KIB + 1, 64 * KIB, 128 * KIB - 1, 128 * KIB, 128 * KIB + 1, 256 * KIB, MIB - 1, MIB,
    MIB + 1, 2 * MIB + 3, 5 * MIB + 1, 8 * MIB, 12 * MIB + 12345,
)  # fmt: skip
PARTS = (5 * MIB, 5 * MIB + 77, 100)
BORDERS = (32 * KIB, 128 * KIB, 256 * KIB, 512 * KIB, MIB, 2 * MIB, 5 * MIB, 10 * MIB + 77)


@pytest.fixture(scope="module")
def stored(server: Server) -> dict[str, bytes]:
    """Objects of both tiers and one made of parts, by key."""
    s3 = server.s3()
    s3.create_bucket(Bucket=BUCKET)
    bodies = {}
    for size in SIZES:
        for storage_class in ("STANDARD", "STANDARD_IA"):
            key = f"{storage_class}/{size}"
            bodies[key] = content(size, size)
            s3.put_object(Bucket=BUCKET, Key=key, Body=bodies[key], StorageClass=storage_class)
    bodies["parts"] = _put_parts(s3)
    return bodies


def _put_parts(s3: Any) -> bytes:
    named = {"Bucket": BUCKET, "Key": "parts"}
    named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
    bodies, parts = [content(size, size + 1) for size in PARTS], []
    for number, body in enumerate(bodies, 1):
        etag = s3.upload_part(**named, PartNumber=number, Body=body)["ETag"]
        parts.append({"PartNumber": number, "ETag": etag})
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    return b"".join(bodies)


@st.composite
def spans(draw: st.DrawFn) -> tuple[str, int | None, int | None]:
    """A key, and first and last byte: anywhere, and more often beside a border."""
    key = draw(st.sampled_from([*(f"{c}/{size}" for size in SIZES for c in ("STANDARD", "STANDARD_IA")), "parts"]))
    size = sum(PARTS) if key == "parts" else int(key.split("/")[1])
    near = st.sampled_from(BORDERS).flatmap(lambda border: st.integers(border - 2, border + 2))
    place = st.one_of(st.integers(0, size + 2), near, st.integers(max(0, size - 3), size + 1))
    first = draw(st.none() | place)
    last = draw(place if first is None else st.none() | place)
    return key, first, last


@settings(max_examples=400, deadline=None)
@given(span=spans())
def test_ranges_are_slices(
    server: Server, stored: dict[str, bytes], ranger: Wire, span: tuple[str, int | None, int | None]
) -> None:
    key, first, last = span
    body = stored[key]
    text = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    answer = ranger.request("GET", path_of(BUCKET, key), headers={"range": text})
    if first is None:
        assert last is not None
        start, end = max(0, len(body) - last), len(body)
        satisfiable = last > 0 and len(body) > 0
    else:
        start, end = first, len(body) if last is None else min(last + 1, len(body))
        satisfiable = first < len(body)
        if last is not None and last < first:  # no range at all: ignored
            assert (answer.status, answer.body) == (200, body)
            return
    if not satisfiable:
        assert (answer.status, answer.code) == (416, "InvalidRange")
        assert answer.headers["content-range"] == f"bytes */{len(body)}"
        return
    assert answer.status == 206
    assert answer.body == body[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(body)}"
    assert answer.headers["content-length"] == str(end - start)


@pytest.fixture(scope="module")
def ranger(server: Server) -> Any:
    wire = Wire(server.address, server.credentials)
    yield wire
    wire.close()


def test_first_ranges_of_clients_that_do_not_know_the_size(stored: dict[str, bytes], ranger: Wire) -> None:
    """The CRT opens with the first 8 MiB, s5cmd with 50 MiB, polars with the last 256 KiB; they read Content-Range."""
    for key, body in stored.items():
        for text, expected in (
            ("bytes=0-8388607", body[:8388608]),
            ("bytes=0-52428799", body),
            ("bytes=-262144", body[-262144:]),
            ("bytes=0-", body),
        ):
            answer = ranger.request("GET", path_of(BUCKET, key), headers={"range": text})
            assert answer.status == (206 if body else 416)
            assert answer.body == expected or not body
            if body:
                assert answer.headers["content-range"].endswith(f"/{len(body)}")


def test_part_copy_ranges(stored: dict[str, bytes], ranger: Wire, server: Server) -> None:
    """Slices of slices: a copy of a range of a copy of a range."""
    s3 = server.s3()
    source, chain = stored["parts"], [(3, 9 * MIB), (MIB - 1, 7 * MIB + 5), (17, 5 * MIB + 1)]
    key = "parts"
    for number, (start, end) in enumerate(chain):
        named = {"Bucket": BUCKET, "Key": f"slice-{number}"}
        named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
        where = {"CopySource": {"Bucket": BUCKET, "Key": key}, "CopySourceRange": f"bytes={start}-{end - 1}"}
        etag = s3.upload_part_copy(**named, PartNumber=1, **where)["CopyPartResult"]["ETag"]
        s3.complete_multipart_upload(**named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        source, key = source[start:end], str(named["Key"])
        assert ranger.request("GET", path_of(BUCKET, key)).body == source
        answer = ranger.request("GET", path_of(BUCKET, key), headers={"range": "bytes=131071-262145"})
        assert answer.body == source[131071:262146]

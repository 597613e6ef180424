"""Expect: 100-continue, answers before the body, and what is left on the connection after them."""

from typing import Any

import pytest

from tests.harness.wire import Wire, path_of

EXPECT = {"expect": "100-continue"}
BODY = b"0123456789"


def _length(body: bytes) -> dict[str, str]:
    return {"content-length": str(len(body))}


def test_100_comes_before_the_body_and_after_authentication(wire: Wire, bucket: str) -> None:
    path = path_of(bucket, "k")
    with wire.bare() as bare:
        for _ in range(3):
            bare.send(wire.head("PUT", path, EXPECT | _length(BODY)))
            assert bare.answer().status == 100
            assert bare.is_silent(0.1)
            bare.send(BODY)
            assert bare.answer().status == 200
        bare.send(wire.head("GET", path))
        assert bare.answer().body == BODY


def test_body_that_does_not_wait_for_100(wire: Wire, bucket: str) -> None:
    with wire.bare() as bare:
        bare.send(wire.head("PUT", path_of(bucket, "k"), EXPECT | _length(BODY)) + BODY)
        answer = bare.answer()
        if answer.status == 100:
            answer = bare.answer()
        assert answer.status == 200
        bare.send(wire.head("GET", path_of(bucket, "k")))
        assert bare.answer().body == BODY


def _refusals(wire: Wire, bucket: str) -> dict[str, tuple[bytes, int, str]]:
    """Requests that are refused without a look at their body: head, status, code."""
    stranger = Wire(wire.address, ("nobody", "x" * 40))
    forger = Wire(wire.address, (wire.credentials[0], "x" * 40))
    path, headers = path_of(bucket, "k"), _length(BODY)
    return {
        "unknown key": (stranger.head("PUT", path, headers), 403, "InvalidAccessKeyId"),
        "wrong secret": (forger.head("PUT", path, headers), 403, "SignatureDoesNotMatch"),
        "anonymous": (
            f"PUT {path} HTTP/1.1\r\nhost: {wire.host}\r\ncontent-length: 10\r\n\r\n".encode(), 403, "AccessDenied",
        ),
        "no bucket": (wire.head("PUT", "/there-is-no-such-bucket/k", headers), 404, "NoSuchBucket"),
        "too large": (wire.head("PUT", path, {"content-length": str(6 * 2**30)}), 400, "EntityTooLarge"),
        "long key": (wire.head("PUT", path_of(bucket, "k" * 1025), headers), 400, "KeyTooLongError"),
        "no upload": (wire.head("PUT", f"{path}?partNumber=1&uploadId={'0' * 32}", headers), 404, "NoSuchUpload"),
        "bad class": (
            wire.head("PUT", path, headers | {"x-amz-storage-class": "COLD"}), 400, "InvalidStorageClass",
        ),
        "bad digest": (wire.head("PUT", path, headers | {"content-md5": "no"}), 400, "InvalidDigest"),
        "not done here": (wire.head("PUT", f"{path}?encryption", headers), 501, "NotImplemented"),
    }  # fmt: skip


KINDS = ("unknown key", "wrong secret", "anonymous", "no bucket", "too large", "long key", "no upload", "bad class",
         "bad digest", "not done here")  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_refusal_instead_of_100(wire: Wire, bucket: str, kind: str) -> None:
    head, status, code = _refusals(wire, bucket)[kind]
    with wire.bare() as bare:
        bare.send(head[:-2] + b"expect: 100-continue\r\n\r\n")
        answer = bare.answer()
        assert (answer.status, answer.code) == (status, code)
        assert answer.headers["connection"] == "close"
        assert bare.is_closed()


@pytest.mark.parametrize("kind", KINDS)
def test_early_refusal_does_not_reach_the_next_request(wire: Wire, bucket: str, kind: str, s3: Any) -> None:
    """Clients without Expect have sent their body already, and perhaps a request behind it."""
    head, status, code = _refusals(wire, bucket)[kind]
    hidden = wire.head("PUT", path_of(bucket, "smuggled"), {"content-length": "0"})
    with wire.bare() as bare:
        bare.send(head + (BODY if kind != "too large" else b"") + hidden)
        answer = bare.answer()
        assert (answer.status, answer.code) == (status, code)
        assert answer.headers["connection"] == "close"
        assert bare.is_closed()
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_refusals_after_the_whole_body_keep_the_connection(wire: Wire, bucket: str) -> None:
    path = path_of(bucket, "k")
    refused = (
        ({"content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}, 400, "BadDigest"),
        ({"x-amz-checksum-crc32": "AAAAAA=="}, 400, "BadDigest"),
        ({"if-match": '"00000000000000000000000000000000"'}, 404, "NoSuchKey"),
    )
    with wire.bare() as bare:
        for headers, status, code in refused:
            bare.send(wire.head("PUT", path, headers | _length(BODY)) + BODY)
            answer = bare.answer()
            assert (answer.status, answer.code) == (status, code)
            assert "connection" not in answer.headers
        bare.send(wire.head("PUT", path, _length(BODY)) + BODY)
        assert bare.answer().status == 200
        bare.send(wire.head("PUT", path, {"if-none-match": "*"} | _length(BODY)) + BODY)
        assert bare.answer().code == "PreconditionFailed"
        bare.send(wire.head("GET", path))
        assert bare.answer().body == BODY


def test_wrong_payload_hash_keeps_nothing(wire: Wire, bucket: str, s3: Any) -> None:
    assert wire.request("PUT", path_of(bucket, "k"), BODY, payload="0" * 64).code == "XAmzContentSHA256Mismatch"
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_other_expectations_are_refused(wire: Wire, bucket: str) -> None:
    with wire.bare() as bare:
        bare.send(wire.head("PUT", path_of(bucket, "k"), {"expect": "200-ok"} | _length(BODY)) + BODY)
        assert bare.answer().status == 417

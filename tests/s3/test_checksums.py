"""Checksums of every algorithm that botocore knows: on PUT, parts, copies, trailers, and told by reads."""

import base64
import hashlib
import zlib
from typing import Any

import pytest
import xxhash
from awscrt import checksums as crt
from botocore.exceptions import ClientError

from objstore.api.s3.service import enum_of
from objstore.model.checksum import ALGORITHM_CODES
from tests.harness.wire import STREAMING_TRAILER, Wire

MIB = 2**20
DIGESTS: dict[str, Any] = {
    "CRC32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "CRC32C": lambda data: crt.crc32c(data).to_bytes(4, "big"),
    "CRC64NVME": lambda data: crt.crc64nvme(data).to_bytes(8, "big"),
    "SHA1": lambda data: hashlib.sha1(data).digest(),
    "SHA256": lambda data: hashlib.sha256(data).digest(),
    "SHA512": lambda data: hashlib.sha512(data).digest(),
    "MD5": lambda data: hashlib.md5(data).digest(),
    "XXHASH64": lambda data: xxhash.xxh64(data).digest(),
    "XXHASH3": lambda data: xxhash.xxh3_64(data).digest(),
    "XXHASH128": lambda data: xxhash.xxh3_128(data).digest(),
}
FULL = ("CRC32", "CRC32C", "CRC64NVME")


def text(algorithm: str, data: bytes) -> str:
    return base64.b64encode(DIGESTS[algorithm](data)).decode()


def test_all_algorithms_of_the_model_are_known() -> None:
    assert set(ALGORITHM_CODES) == enum_of("ChecksumAlgorithm") == set(DIGESTS)


@pytest.mark.parametrize("size", [1000, 3 * MIB])
@pytest.mark.parametrize("algorithm", DIGESTS)
def test_put_and_read(s3: Any, bucket: str, algorithm: str, size: int) -> None:
    data, name = bytes(range(250)) * (size // 250), f"Checksum{algorithm}"
    put = s3.put_object(Bucket=bucket, Key="k", Body=data, **{name: text(algorithm, data)})
    assert (put[name], put["ChecksumType"]) == (text(algorithm, data), "FULL_OBJECT")
    assert name not in s3.head_object(Bucket=bucket, Key="k")
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head[name], head["ChecksumType"]) == (text(algorithm, data), "FULL_OBJECT")
    found = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum"])["Checksum"]
    assert found == {name: text(algorithm, data), "ChecksumType": "FULL_OBJECT"}
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"][0]
    assert listed["ChecksumAlgorithm"] == [algorithm]
    for wrong in (text(algorithm, b"other"), "bad"):
        with pytest.raises(ClientError) as caught:
            s3.put_object(Bucket=bucket, Key="k", Body=data, **{name: wrong})
        assert caught.value.response["Error"]["Code"] == "BadDigest"


@pytest.mark.parametrize("algorithm", DIGESTS)
def test_copy_computes_another_one(s3: Any, bucket: str, algorithm: str) -> None:
    s3.put_object(Bucket=bucket, Key="from", Body=b"hello")
    copied = s3.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/from", ChecksumAlgorithm=algorithm)
    assert copied["CopyObjectResult"][f"Checksum{algorithm}"] == text(algorithm, b"hello")


def kinds() -> list[tuple[str, str]]:
    composite = [(name, "COMPOSITE") for name in DIGESTS if name != "CRC64NVME"]
    return composite + [(name, "FULL_OBJECT") for name in FULL]


@pytest.mark.parametrize(("algorithm", "kind"), kinds())
def test_parts(s3: Any, bucket: str, algorithm: str, kind: str) -> None:
    bodies, name = [b"A" * 5 * MIB, b"B" * 100], f"Checksum{algorithm}"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm, ChecksumType=kind)
    assert (upload["ChecksumAlgorithm"], upload["ChecksumType"]) == (algorithm, kind)
    target = {"Bucket": bucket, "Key": "k", "UploadId": upload["UploadId"]}
    parts = []
    for number, body in enumerate(bodies, 1):
        made = s3.upload_part(**target, PartNumber=number, Body=body, **{name: text(algorithm, body)})
        assert made[name] == text(algorithm, body)
        parts.append({"PartNumber": number, "ETag": made["ETag"], name: made[name]})
    if kind == "FULL_OBJECT":
        expected = text(algorithm, b"".join(bodies))
    else:
        joined = b"".join(DIGESTS[algorithm](body) for body in bodies)
        expected = f"{text(algorithm, joined)}-2"
    with pytest.raises(ClientError, match="BadDigest"):
        s3.complete_multipart_upload(**target, MultipartUpload={"Parts": parts}, **{name: "bad"})
    done = s3.complete_multipart_upload(**target, MultipartUpload={"Parts": parts}, **{name: expected})
    again = s3.complete_multipart_upload(**target, MultipartUpload={"Parts": parts}, **{name: expected})
    assert (done[name], done["ChecksumType"]) == (again[name], again["ChecksumType"]) == (expected, kind)
    for number, body in enumerate(bodies, 1):
        part = s3.head_object(Bucket=bucket, Key="k", PartNumber=number, ChecksumMode="ENABLED")
        assert (part[name], part["ChecksumType"], part["PartsCount"]) == (text(algorithm, body), kind, 2)
    found = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ObjectParts"])
    assert [part[name] for part in found["ObjectParts"]["Parts"]] == [text(algorithm, body) for body in bodies]


@pytest.mark.parametrize("algorithm", sorted(set(DIGESTS) - set(FULL)))
def test_only_crcs_are_of_whole_uploads(s3: Any, bucket: str, algorithm: str) -> None:
    with pytest.raises(ClientError, match="InvalidRequest"):
        s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT")


@pytest.mark.parametrize("algorithm", DIGESTS)
def test_trailer(wire: Wire, s3: Any, bucket: str, algorithm: str) -> None:
    name = f"x-amz-checksum-{algorithm.lower()}"
    headers = {"x-amz-trailer": name, "x-amz-decoded-content-length": "5", "content-encoding": "aws-chunked"}
    for value, status in ((text(algorithm, b"hello"), 200), (text(algorithm, b"other"), 400)):
        body = f"5\r\nhello\r\n0\r\n{name}:{value}\r\n\r\n".encode()
        assert wire.request("PUT", f"/{bucket}/t", body, headers, STREAMING_TRAILER).status == status
    head = s3.head_object(Bucket=bucket, Key="t", ChecksumMode="ENABLED")
    assert head[f"Checksum{algorithm}"] == text(algorithm, b"hello")

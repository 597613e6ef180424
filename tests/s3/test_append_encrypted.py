"""Appends to encrypted objects: each is a segment of its own under the object's key; what is there is not touched."""

import hashlib
import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.harness.server import Server
from tests.s3.test_append_rename import refused
from tests.s3.test_encryption import B64_KEY, B64_MD5, C_OTHER, KINDS, KMS, MIB, S3, C, read_arguments

CHUNK = 65536


def pieces(*sizes: int) -> list[bytes]:
    """Payloads that differ from each other and from themselves further on."""
    return [b"".join(b"%d-%08d " % (i, at) for at in range(size // 9 + 1))[:size] for i, size in enumerate(sizes)]


def appended(s3: Any, bucket: str, kind: str, sizes: tuple[int, ...], key: str = "k") -> bytes:
    """An object of this kind that was put, and then appended to."""
    data, extra = b"", read_arguments(kind)
    for i, piece in enumerate(pieces(*sizes)):
        arguments = KINDS[kind] if i == 0 else {"WriteOffsetBytes": len(data), **extra}
        done = s3.put_object(Bucket=bucket, Key=key, Body=piece, **arguments)
        data += piece
        assert i == 0 or done["Size"] == len(data)
        assert done.get("ServerSideEncryption") == KINDS[kind].get("ServerSideEncryption")
    return data


@pytest.mark.parametrize(
    "sizes", [(10, 5, 1), (CHUNK, CHUNK), (CHUNK + 7, 3 * CHUNK + 1, 10), (3 * MIB, 20, 2 * MIB), (0, 9, 0)]
)
@pytest.mark.parametrize("kind", ["s3", "kms", "c"])
def test_ranges_across_the_seams(s3: Any, bucket: str, kind: str, sizes: tuple[int, ...]) -> None:
    data, extra = appended(s3, bucket, kind, sizes), read_arguments(kind)
    name = {"Bucket": bucket, "Key": "k", **extra}
    got = s3.get_object(**name, ChecksumMode="ENABLED")
    assert got["Body"].read() == data
    seams = [sum(sizes[: i + 1]) for i in range(len(sizes) - 1)]
    for low, high in [(seam - 3, seam + 3) for seam in seams] + [(seams[0] - 1, len(data)), (1, len(data) - 1)]:
        low, high = max(0, low), min(high, len(data))
        if low < high:
            assert s3.get_object(**name, Range=f"bytes={low}-{high - 1}")["Body"].read() == data[low:high]
    for number, piece in enumerate(pieces(*sizes), 1):
        part = s3.get_object(**name, PartNumber=number)
        assert (part["Body"].read(), part["PartsCount"]) == (piece, len(sizes))
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["Size"] == len(data)
    if kind == "c":  # boto3 does not encode the key of this operation by itself
        name |= {"SSECustomerKey": B64_KEY, "SSECustomerKeyMD5": B64_MD5}
    attributes = s3.get_object_attributes(**name, ObjectAttributes=["ObjectParts", "ObjectSize"])
    assert [part["Size"] for part in attributes["ObjectParts"]["Parts"]] == list(sizes)
    assert [part["PartNumber"] for part in attributes["ObjectParts"]["Parts"]] == [1, 2, 3][: len(sizes)]


@pytest.mark.parametrize("kind", ["s3", "c"])
def test_behind_an_upload_of_parts(s3: Any, bucket: str, kind: str) -> None:
    first, second, third = pieces(5 * MIB, 100_001, 70_000)
    name, extra, parts = {"Bucket": bucket, "Key": "k"}, read_arguments(kind), []
    upload = s3.create_multipart_upload(**name, **KINDS[kind])["UploadId"]
    for number, body in ((2, first), (7, second)):
        made = s3.upload_part(**name, UploadId=upload, PartNumber=number, Body=body, **extra)
        parts.append({"PartNumber": number, "ETag": made["ETag"]})
    s3.complete_multipart_upload(**name, UploadId=upload, MultipartUpload={"Parts": parts})
    data = first + second
    for piece in (third, b"end"):
        s3.put_object(**name, Body=piece, WriteOffsetBytes=len(data), **extra)
        data += piece
    assert s3.get_object(**name, **extra)["Body"].read() == data
    assert s3.get_object(**name, Range=f"bytes={5 * MIB - 5}-", **extra)["Body"].read() == data[5 * MIB - 5 :]
    assert s3.get_object(**name, PartNumber=8, **extra)["Body"].read() == third


@pytest.mark.parametrize("target", list(KINDS))
@pytest.mark.parametrize("kind", ["s3", "c"])
def test_copies(s3: Any, bucket: str, kind: str, target: str) -> None:
    data = appended(s3, bucket, kind, (CHUNK + 1, 30, 200_000))
    given = {f"CopySource{name}": value for name, value in read_arguments(kind).items()}
    s3.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/k", **given, **KINDS[target])
    extra = read_arguments(target)
    assert s3.get_object(Bucket=bucket, Key="to", **extra)["Body"].read() == data
    s3.put_object(Bucket=bucket, Key="to", Body=b"more", WriteOffsetBytes=len(data), **extra)
    assert s3.get_object(Bucket=bucket, Key="to", **extra)["Body"].read() == data + b"more"
    assert s3.get_object(Bucket=bucket, Key="k", **read_arguments(kind))["Body"].read() == data
    s3.copy_object(
        Bucket=bucket, Key="cold", CopySource=f"{bucket}/k", StorageClass="GLACIER_IR", **given, **KINDS[kind]
    )
    assert s3.get_object(Bucket=bucket, Key="cold", **read_arguments(kind))["Body"].read() == data


def test_the_key_has_to_be_the_objects(s3: Any, bucket: str) -> None:
    invalid = (400, "InvalidRequest")
    for key, made in (("c", C), ("kms", KMS), ("s3", S3), ("plain", {})):
        s3.put_object(Bucket=bucket, Key=key, Body=b"base", **made)
    put, more = s3.put_object, {"Bucket": bucket, "Body": b"x", "WriteOffsetBytes": 4}
    for wrong in ({}, C_OTHER, S3):
        assert refused(put, **more, Key="c", **wrong) == invalid
    for wrong in (C, S3, {**KMS, "SSEKMSKeyId": "testkey-2"}):
        assert refused(put, **more, Key="kms", **wrong) == invalid
    for wrong in (C, KMS):
        assert refused(put, **more, Key="s3", **wrong) == invalid
    for wrong in (C, KMS, S3):
        assert refused(put, **more, Key="plain", **wrong) == invalid
    put(**more, Key="kms", **KMS)
    put(**more, Key="s3", **S3)
    assert [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in ("kms", "s3")] == [b"basex", b"basex"]
    assert s3.get_object(Bucket=bucket, Key="c", **C)["Body"].read() == b"base"


def test_a_default_of_the_bucket_is_kept_to(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="old", Body=b"base")
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rules)
    arguments = {"Bucket": bucket, "Body": b"x", "WriteOffsetBytes": 4}
    assert refused(s3.put_object, **arguments, Key="old") == (400, "InvalidRequest")
    s3.copy_object(Bucket=bucket, Key="old", CopySource=f"{bucket}/old", MetadataDirective="REPLACE")
    assert s3.put_object(**arguments, Key="old")["ServerSideEncryption"] == "AES256"
    assert s3.get_object(Bucket=bucket, Key="old")["Body"].read() == b"basex"
    made = s3.put_object(Bucket=bucket, Key="new", Body=b"1", WriteOffsetBytes=0)
    assert made["ServerSideEncryption"] == "AES256"


def test_one_of_many_wins(s3: Any, bucket: str) -> None:
    """The segments of those who lose bear the same number; none of their bytes is ever taken for the winner's."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"base", **C)
    done: list[bytes] = []

    def append(letter: bytes) -> None:
        try:
            s3.put_object(Bucket=bucket, Key="k", Body=letter * 1000, WriteOffsetBytes=4, **C)
            done.append(letter)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "InvalidWriteOffset"  # noqa: PT017

    threads = [threading.Thread(target=append, args=(letter.encode(),)) for letter in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = done
    assert s3.get_object(Bucket=bucket, Key="k", **C)["Body"].read() == b"base" + winner * 1000


def test_etags_tell_nothing_of_the_bytes(s3: Any, bucket: str) -> None:
    for key in ("a", "b"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"base", **KMS)
        s3.put_object(Bucket=bucket, Key=key, Body=b"more", WriteOffsetBytes=4)
    one, other = (s3.head_object(Bucket=bucket, Key=key)["ETag"] for key in ("a", "b"))
    assert one.endswith('-2"')
    assert one != other
    combined = hashlib.md5(hashlib.md5(b"base").digest() + hashlib.md5(b"more").digest()).hexdigest()
    assert combined not in one


def test_no_plaintext_of_an_append_is_on_any_drive(s3: Any, bucket: str, server: Server) -> None:
    for kind in ("s3", "kms", "c"):
        for key, size in (("small", 1000), ("large", MIB)):
            s3.put_object(Bucket=bucket, Key=kind + key, Body=b"base", **KINDS[kind])
            body = (b"hidden-behind-" + kind.encode() + b" ") * (size // 16)
            s3.put_object(Bucket=bucket, Key=kind + key, Body=body, WriteOffsetBytes=4, **read_arguments(kind))
    content = b"".join(shard.read_bytes() for shard in Path(server.data).rglob("*.shard"))
    assert b"hidden-behind-" not in content

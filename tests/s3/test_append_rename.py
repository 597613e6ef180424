"""Append (``x-amz-write-offset-bytes``) and RenameObject, as botocore has them."""

import base64
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from awscrt import checksums as crt
from botocore.exceptions import ClientError


def refused(call: Any, **arguments: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.mark.parametrize("size", [10, 3 * 2**20])
def test_append(s3: Any, bucket: str, size: int) -> None:
    name, data, pieces = {"Bucket": bucket, "Key": "k"}, b"", [bytes([65 + i]) * (size + i) for i in range(3)]
    for piece in pieces:
        done = s3.put_object(**name, Body=piece, WriteOffsetBytes=len(data))
        data += piece
        assert done["Size"] == len(data)
    got = s3.get_object(**name, ChecksumMode="ENABLED")
    assert got["Body"].read() == data
    assert got["ETag"] == done["ETag"]
    middle = s3.get_object(**name, Range=f"bytes={size - 3}-{2 * size}")
    assert middle["Body"].read() == data[size - 3 : 2 * size + 1]
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["Size"] == len(data)
    for offset in (0, len(data) - 1, len(data) + 1):
        assert refused(s3.put_object, **name, Body=b"x", WriteOffsetBytes=offset) == (400, "InvalidWriteOffset")
    assert s3.get_object(**name)["Body"].read() == data


def test_append_keeps_a_checksum_that_can_be_combined(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"hello", ChecksumAlgorithm="CRC64NVME")
    s3.put_object(Bucket=bucket, Key="k", Body=b" world", WriteOffsetBytes=5, ChecksumAlgorithm="CRC64NVME")
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert base64.b64decode(head["ChecksumCRC64NVME"]) == crt.crc64nvme(b"hello world").to_bytes(8, "big")


def test_append_needs_what_it_appends_to(s3: Any, bucket: str) -> None:
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"x", WriteOffsetBytes=5) == (400, "InvalidWriteOffset")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"x", WriteOffsetBytes=0) == (400, "InvalidRequest")


def test_one_of_many_appends_wins(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"base")
    outcomes: list[str] = []

    def append(letter: bytes) -> None:
        try:
            s3.put_object(Bucket=bucket, Key="k", Body=letter, WriteOffsetBytes=4)
            outcomes.append(letter.decode())
        except ClientError as error:
            outcomes.append(error.response["Error"]["Code"])

    threads = [threading.Thread(target=append, args=(letter.encode(),)) for letter in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [outcome for outcome in outcomes if len(outcome) == 1]
    assert sorted(set(outcomes) - {winner}) == ["InvalidWriteOffset"]
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"base" + winner.encode()


@pytest.mark.parametrize("size", [10, 3 * 2**20])
def test_rename(s3: Any, bucket: str, size: int) -> None:
    data = b"x" * size
    s3.put_object(Bucket=bucket, Key="a b/ü", Body=data, Metadata={"a": "b"})
    s3.put_object(Bucket=bucket, Key="new", Body=b"old")
    s3.rename_object(Bucket=bucket, Key="new", RenameSource="a%20b/%C3%BC")
    got = s3.get_object(Bucket=bucket, Key="new")
    assert (got["Body"].read(), got["Metadata"]) == (data, {"a": "b"})
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["new"]
    s3.rename_object(Bucket=bucket, Key="newer", RenameSource=f"/{bucket}/new")
    assert s3.get_object(Bucket=bucket, Key="newer")["Body"].read() == data


def test_rename_conditions(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="a", Body=b"1")["ETag"]
    s3.put_object(Bucket=bucket, Key="b", Body=b"2")
    rename, failed = s3.rename_object, (412, "PreconditionFailed")
    arguments = {"Bucket": bucket, "Key": "b", "RenameSource": "a"}
    past = datetime(2001, 1, 1, tzinfo=UTC)
    for condition in (
        {"DestinationIfNoneMatch": "*"},
        {"DestinationIfMatch": etag},
        {"DestinationIfUnmodifiedSince": past},
        {"SourceIfMatch": '"other"'},
        {"SourceIfNoneMatch": etag},
        {"SourceIfUnmodifiedSince": past},
    ):
        assert refused(rename, **arguments, **condition) == failed, condition
    assert refused(rename, Bucket=bucket, Key="b", RenameSource="absent") == (404, "NoSuchKey")
    assert refused(rename, Bucket=bucket, Key="a", RenameSource="a") == (400, "InvalidRequest")
    assert {entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]} == {"a", "b"}
    rename(**arguments, SourceIfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="b")["Body"].read() == b"1"

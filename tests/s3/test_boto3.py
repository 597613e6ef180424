"""boto3: client, resource, transfer manager; odd keys, all sizes, multipart of unequal parts."""

import hashlib
import io
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from tests.harness.server import Server
from tests.s3.trees import MIB, ODD_NAMES, SIZES, content

# What a path on a disk cannot be called and a key can.
ODD_KEYS = (
    *ODD_NAMES,
    "double//slash///key",
    "/led/by/slash",
    "trailing/slash/",
    "//",
    "dot/./segment",
    "up/../segment",
    "..",
    "tab\tand\nnewline",
    "control\x01\x1f\x7f",
    "nul\x00byte",
    "https://example.com/?a=b&c=d#e",
    "+",
    "%",
    "%2F",
    "é" * 512,
    "k" * 1024,
)


def md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def test_odd_keys_round_trip_and_list(s3: Any, bucket: str) -> None:
    bodies = {key: key.encode() * 3 for key in ODD_KEYS}
    for key, body in bodies.items():
        answer = s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata={"number": str(len(key))})
        assert answer["ETag"] == f'"{md5(body)}"', key
    for key, body in bodies.items():
        answer = s3.get_object(Bucket=bucket, Key=key)
        assert (answer["Body"].read(), answer["Metadata"]) == (body, {"number": str(len(key))}), key
        assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(body)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 7})
    listed = {entry["Key"]: entry for page in pages for entry in page["Contents"]}
    assert list(listed) == sorted(bodies, key=str.encode)
    assert {key: (entry["Size"], entry["ETag"]) for key, entry in listed.items()} == {
        key: (len(body), f'"{md5(body)}"') for key, body in bodies.items()
    }
    pages = s3.get_paginator("list_objects").paginate(Bucket=bucket, PaginationConfig={"PageSize": 5})
    assert [entry["Key"] for page in pages for entry in page["Contents"]] == sorted(bodies, key=str.encode)


def test_odd_keys_copy_and_delete(s3: Any, bucket: str) -> None:
    for key in ODD_KEYS[:-1]:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        target = "c" + key if len(key.encode()) < 1024 else "c"
        s3.copy_object(Bucket=bucket, Key=target, CopySource={"Bucket": bucket, "Key": key})
        assert s3.get_object(Bucket=bucket, Key=target)["Body"].read() == key.encode(), key
        s3.delete_object(Bucket=bucket, Key=target)
    # XML cannot carry control characters: those keys are deleted one by one.
    plain = [key for key in ODD_KEYS if all(ord(char) >= 32 for char in key)]
    for key in set(ODD_KEYS) - set(plain):
        s3.delete_object(Bucket=bucket, Key=key)
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in plain]})
    assert sorted(entry["Key"] for entry in answer["Deleted"]) == sorted(plain)
    assert "Errors" not in answer
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize("storage_class", ["STANDARD", "STANDARD_IA"])
def test_sizes(s3: Any, bucket: str, storage_class: str) -> None:
    for number, size in enumerate(SIZES):
        body = content(size, number)
        put = s3.put_object(Bucket=bucket, Key=f"{size}", Body=body, StorageClass=storage_class)
        got = s3.get_object(Bucket=bucket, Key=f"{size}", ChecksumMode="ENABLED")
        assert put["ETag"] == got["ETag"] == f'"{md5(body)}"'
        assert got["Body"].read() == body
        assert got["ContentLength"] == size
        assert got["ChecksumCRC32"] == put["ChecksumCRC32"]
        assert got.get("StorageClass", "STANDARD") == storage_class


def test_resource(server: Server, bucket: str) -> None:
    access_key, secret_key = server.credentials
    resource = boto3.resource(
        "s3",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
    )
    there = resource.Bucket(bucket)
    there.put_object(Key="a/b", Body=b"first")
    assert there.Object("a/b").get()["Body"].read() == b"first"
    there.Object("c").copy_from(
        CopySource={"Bucket": bucket, "Key": "a/b"}, MetadataDirective="REPLACE", Metadata={"x": "y"}
    )
    assert there.Object("c").metadata == {"x": "y"}
    assert [entry.key for entry in there.objects.all()] == ["a/b", "c"]
    assert [entry.key for entry in there.objects.filter(Prefix="a/")] == ["a/b"]
    assert bucket in [entry.name for entry in resource.buckets.all()]
    there.objects.all().delete()
    there.delete()
    assert bucket not in [entry.name for entry in resource.buckets.all()]


@pytest.mark.parametrize("size", [8 * MIB - 1, 8 * MIB, 23 * MIB + 17])
def test_transfer_manager(s3: Any, bucket: str, size: int) -> None:
    body = content(size, size)
    config = TransferConfig(max_concurrency=4)
    s3.upload_fileobj(io.BytesIO(body), bucket, "k", ExtraArgs={"Metadata": {"a": "b"}}, Config=config)
    back = io.BytesIO()
    s3.download_fileobj(bucket, "k", back, Config=config)
    assert back.getvalue() == body
    s3.copy({"Bucket": bucket, "Key": "k"}, bucket, "copied", Config=config)
    back = io.BytesIO()
    s3.download_fileobj(bucket, "copied", back, Config=config)
    assert back.getvalue() == body
    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["Metadata"] == {"a": "b"}
    parts = [body[at : at + 8 * MIB] for at in range(0, size, 8 * MIB)]
    composed = f"{md5(b''.join(bytes.fromhex(md5(part)) for part in parts))}-{len(parts)}"
    assert head["ETag"] == (f'"{composed}"' if size >= 8 * MIB else f'"{md5(body)}"')


def test_multipart_of_unequal_parts(s3: Any, bucket: str) -> None:
    sizes = {1: 5 * MIB, 2: 7 * MIB + 13, 4: 5 * MIB + 1, 9: 11 * MIB, 10_000: 1}
    bodies = {number: content(size, number) for number, size in sizes.items()}
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    etags = {}
    for number in (10_000, 4, 1, 9, 2):  # in any order
        s3.upload_part(**named, PartNumber=number, Body=b"replaced later" * number)
        etags[number] = s3.upload_part(**named, PartNumber=number, Body=bodies[number])["ETag"]
        assert etags[number] == f'"{md5(bodies[number])}"'
    listed = s3.list_parts(**named)["Parts"]
    assert [(part["PartNumber"], part["Size"]) for part in listed] == list(sizes.items())
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    parts = {"Parts": [{"PartNumber": number, "ETag": etags[number]} for number in sizes]}
    first = s3.complete_multipart_upload(**named, MultipartUpload=parts)
    again = s3.complete_multipart_upload(**named, MultipartUpload=parts)
    whole = b"".join(bodies.values())
    composed = f'"{md5(b"".join(bytes.fromhex(md5(body)) for body in bodies.values()))}-5"'
    assert first["ETag"] == again["ETag"] == composed
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["ETag"]) == (whole, composed)
    at = 0
    for number, size in sizes.items():
        part = s3.get_object(Bucket=bucket, Key="k", PartNumber=number)
        assert part["Body"].read() == bodies[number]
        assert part["ContentRange"] == f"bytes {at}-{at + size - 1}/{len(whole)}"
        at += size
    for start, end in ((5 * MIB - 1, 5 * MIB), (5 * MIB - 7, 12 * MIB + 40), (0, 1), (len(whole) - 2, len(whole) - 1)):
        got = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={start}-{end}")
        assert got["Body"].read() == whole[start : end + 1]


def test_part_copies(s3: Any, bucket: str) -> None:
    source = content(12 * MIB + 5, 3)
    s3.put_object(Bucket=bucket, Key="source", Body=source)
    named = {"Bucket": bucket, "Key": "target"}
    named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
    spans = [(1000, 1000 + 5 * MIB), (0, 6 * MIB), (12 * MIB, 12 * MIB + 5)]
    parts = []
    for number, (start, end) in enumerate(spans, 1):
        answer = s3.upload_part_copy(
            **named, PartNumber=number, CopySource=f"{bucket}/source", CopySourceRange=f"bytes={start}-{end - 1}"
        )
        assert answer["CopyPartResult"]["ETag"] == f'"{md5(source[start:end])}"'
        parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    s3.delete_object(Bucket=bucket, Key="source")
    expected = b"".join(source[start:end] for start, end in spans)
    assert s3.get_object(Bucket=bucket, Key="target")["Body"].read() == expected


def test_empty_part_alone(s3: Any, bucket: str) -> None:
    named = {"Bucket": bucket, "Key": "empty"}
    named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
    etag = s3.upload_part(**named, PartNumber=1, Body=b"")["ETag"]
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    got = s3.get_object(Bucket=bucket, Key="empty")
    assert (got["Body"].read(), got["ContentLength"]) == (b"", 0)


def test_aborted_upload_leaves_nothing(s3: Any, bucket: str) -> None:
    named = {"Bucket": bucket, "Key": "k"}
    named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
    s3.upload_part(**named, PartNumber=1, Body=b"part")
    assert [upload["Key"] for upload in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["k"]
    s3.abort_multipart_upload(**named)
    with pytest.raises(ClientError, match="NoSuchUpload"):
        s3.upload_part(**named, PartNumber=2, Body=b"late")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums_of_clients(s3: Any, bucket: str, algorithm: str) -> None:
    name = f"Checksum{algorithm}"
    for size in (0, 1000, 3 * MIB):
        body = content(size, size)
        put = s3.put_object(Bucket=bucket, Key="k", Body=body, ChecksumAlgorithm=algorithm)
        got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
        assert got["Body"].read() == body  # botocore checks it against the header
        assert got[name] == put[name] == s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")[name]
        assert name not in s3.head_object(Bucket=bucket, Key="k")
    part = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED", Range="bytes=5-9")
    assert name not in part
    assert part["Body"].read() == body[5:10]


def test_parts_carry_the_checksum_of_their_upload(s3: Any, bucket: str) -> None:
    named = {"Bucket": bucket, "Key": "parts"}
    for wanted, sent in (("CRC32", "SHA256"), ("SHA1", "CRC64NVME")):
        upload = {**named, "UploadId": s3.create_multipart_upload(**named, ChecksumAlgorithm=wanted)["UploadId"]}
        with pytest.raises(ClientError) as caught:
            s3.upload_part(**upload, PartNumber=1, Body=b"x", ChecksumAlgorithm=sent)
        error = caught.value.response["Error"]
        assert error["Code"] == "InvalidRequest"
        assert error["Message"] == (
            f"Checksum Type mismatch occurred, expected checksum Type: {wanted.lower()}, "
            f"actual checksum Type: {sent.lower()}"
        )
        part = s3.upload_part(**upload, PartNumber=1, Body=b"x", ChecksumAlgorithm=wanted)
        assert part[f"Checksum{wanted}"]
        s3.abort_multipart_upload(**upload)


def test_parts_of_an_upload_without_algorithm_carry_any_checksum(server: Server, bucket: str) -> None:
    s3 = server.s3(request_checksum_calculation="when_required")
    named = {"Bucket": bucket, "Key": "parts"}
    upload = {**named, "UploadId": s3.create_multipart_upload(**named)["UploadId"]}
    for number, algorithm in enumerate(("CRC32", "SHA256", "CRC32C"), 1):
        assert s3.upload_part(**upload, PartNumber=number, Body=b"x", ChecksumAlgorithm=algorithm)["ETag"]
    s3.abort_multipart_upload(**upload)


def test_listing_with_delimiter(s3: Any, bucket: str) -> None:
    for key in ("a", "b/1", "b/2", "b//3", "c d/1", "e+f/1", "é/1", "z"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    pages = list(
        s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 2})
    )
    prefixes = [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])]
    assert prefixes == ["b/", "c d/", "e+f/", "é/"]
    assert [entry["Key"] for page in pages for entry in page.get("Contents", [])] == ["a", "z"]
    below = s3.list_objects_v2(Bucket=bucket, Prefix="b/", Delimiter="/")
    assert [entry["Key"] for entry in below["Contents"]] == ["b/1", "b/2"]
    assert [entry["Prefix"] for entry in below["CommonPrefixes"]] == ["b//"]
    assert s3.list_objects_v2(Bucket=bucket, StartAfter="c")["Contents"][0]["Key"] == "c d/1"

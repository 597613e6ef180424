"""Multipart uploads."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.s3.conftest import OWNER
from tests.unit.s3.fake_store import FakeStore
from tests.unit.s3.refused import refused
from tests.unit.s3.wire import Wire

MIB5 = 5 * 1024 * 1024
KEY = {"Bucket": "bucket", "Key": "big é"}


def upload(s3: Any, sizes: dict[int, int], **fields: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """An upload with parts of these sizes: what names it, and the parts as Complete wants them."""
    created = s3.create_multipart_upload(**KEY, **fields)
    named = KEY | {"UploadId": created["UploadId"]}
    parts = []
    for number, size in sizes.items():
        part = s3.upload_part(**named, PartNumber=number, Body=bytes([number % 256]) * size)
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    return named, parts


def complete(s3: Any, named: dict[str, Any], parts: list[dict[str, Any]], **fields: Any) -> Any:
    return s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts}, **fields)


def test_round_trip(s3: Any) -> None:
    named, parts = upload(s3, {1: MIB5, 3: MIB5 + 1, 7: 3}, Metadata={"a": "1"}, StorageClass="STANDARD_IA")
    done = complete(s3, named, parts)
    assert done["ETag"].endswith('-3"')
    assert done["Location"].endswith("/bucket/big%20%C3%A9")
    assert (done["Bucket"], done["Key"], done["ChecksumType"]) == ("bucket", "big é", "FULL_OBJECT")
    again = complete(s3, named, parts)
    assert (again["ETag"], again["ChecksumCRC64NVME"]) == (done["ETag"], done["ChecksumCRC64NVME"])
    got = s3.get_object(**KEY)
    assert got["Body"].read() == b"\1" * MIB5 + b"\3" * (MIB5 + 1) + b"\7" * 3
    assert (got["ETag"], got["Metadata"], got["StorageClass"]) == (done["ETag"], {"a": "1"}, "STANDARD_IA")
    assert refused(s3.list_parts, **named) == (404, "NoSuchUpload")


def test_part_number_reads(s3: Any) -> None:
    named, parts = upload(s3, {1: MIB5, 3: MIB5 + 1, 7: 3}, ChecksumAlgorithm="SHA256")
    for part, number in zip(parts, (1, 3, 7), strict=True):
        part["ChecksumSHA256"] = s3.upload_part(
            **named, PartNumber=number, Body=bytes([number]) * (3 if number == 7 else MIB5 + number // 3)
        )["ChecksumSHA256"]
    done = complete(s3, named, parts)
    assert done["ChecksumSHA256"].endswith("-3")
    assert done["ChecksumType"] == "COMPOSITE"
    got = s3.get_object(**KEY, PartNumber=7, ChecksumMode="ENABLED")
    assert (got["Body"].read(), got["PartsCount"]) == (b"\7" * 3, 3)
    assert got["ContentRange"] == f"bytes {2 * MIB5 + 1}-{2 * MIB5 + 3}/{2 * MIB5 + 4}"
    assert got["ChecksumSHA256"] == parts[2]["ChecksumSHA256"]
    assert s3.head_object(**KEY, PartNumber=3)["ContentLength"] == MIB5 + 1
    assert refused(s3.get_object, **KEY, PartNumber=2) == (416, "InvalidPartNumber")
    attributes = s3.get_object_attributes(**KEY, ObjectAttributes=["ObjectParts"], MaxParts=2)["ObjectParts"]
    assert (attributes["TotalPartsCount"], attributes["IsTruncated"]) == (3, True)
    assert [(part["PartNumber"], part["Size"]) for part in attributes["Parts"]] == [(1, MIB5), (3, MIB5 + 1)]
    rest = s3.get_object_attributes(
        **KEY, ObjectAttributes=["ObjectParts"], PartNumberMarker=attributes["NextPartNumberMarker"]
    )
    assert [part["PartNumber"] for part in rest["ObjectParts"]["Parts"]] == [7]


def test_one_empty_part(s3: Any) -> None:
    named, parts = upload(s3, {1: 0})
    assert complete(s3, named, parts)["ETag"].endswith('-1"')
    assert s3.get_object(**KEY)["ContentLength"] == 0
    assert s3.head_object(**KEY, PartNumber=1)["ContentLength"] == 0


@pytest.mark.parametrize(
    "document",
    [
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
        '<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Part><ETag>&#34;{}&#34;</ETag>'
        "<PartNumber>1</PartNumber></Part></CompleteMultipartUpload>",
        '<?xml version="1.0" encoding="UTF-8"?>\n<x:CompleteMultipartUpload xmlns:x="urn:other"><x:Part>'
        "<x:PartNumber> 1 </x:PartNumber><x:ETag>&quot;{}&quot;</x:ETag><x:New>1</x:New></x:Part>"
        "</x:CompleteMultipartUpload>",
    ],
)
def test_complete_as_clients_write_it(s3: Any, wire: Wire, document: str) -> None:
    named, parts = upload(s3, {1: 5})
    body = document.format(parts[0]["ETag"].strip('"')).encode()
    reply = wire("POST", f"/bucket/big%20%C3%A9?uploadId={named['UploadId']}", body)
    assert reply.status == 200, reply.body
    assert reply.xml.tag == "CompleteMultipartUploadResult"
    assert "connection" not in reply.headers


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([], "MalformedXML"),
        ([{"PartNumber": 1}], "MalformedXML"),
        ([{"ETag": "x"}], "MalformedXML"),
        ([{"PartNumber": 1, "ETag": "0" * 32}], "InvalidPart"),
        ([{"PartNumber": 9, "ETag": "0" * 32}], "InvalidPart"),
        ([{"PartNumber": 2, "ETag": "x"}, {"PartNumber": 1, "ETag": "x"}], "InvalidPartOrder"),
        ([{"PartNumber": 1, "ETag": "x"}, {"PartNumber": 1, "ETag": "x"}], "InvalidPartOrder"),
        ([{"PartNumber": 0, "ETag": "x"}], "InvalidArgument"),
        ([{"PartNumber": 10001, "ETag": "x"}], "InvalidArgument"),
        ([{"PartNumber": n, "ETag": "x"} for n in range(1, 10002)], "MalformedXML"),
    ],
)
def test_bad_complete(s3: Any, parts: list[dict[str, Any]], code: str) -> None:
    named, _ = upload(s3, {1: 5})
    assert refused(complete, s3, named, parts) == (400, code)
    assert s3.list_parts(**named)["Parts"][0]["PartNumber"] == 1


def test_too_small(s3: Any) -> None:
    named, parts = upload(s3, {1: 5, 2: 5})
    assert refused(complete, s3, named, parts) == (400, "EntityTooSmall")


def test_conditional_complete(s3: Any) -> None:
    named, parts = upload(s3, {1: 5})
    s3.put_object(**KEY, Body=b"")
    assert refused(complete, s3, named, parts, IfNoneMatch="*") == (412, "PreconditionFailed")
    assert refused(complete, s3, named, parts, IfMatch='"x"') == (412, "PreconditionFailed")
    complete(s3, named, parts, IfMatch="*")


def test_complete_size_header(wire: Wire, s3: Any) -> None:
    named, _ = upload(s3, {1: 5})
    target = f"/bucket/big%20%C3%A9?uploadId={named['UploadId']}"
    body = b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>"
    assert wire("POST", target, body, {"x-amz-mp-object-size": "x"}).outcome == (400, "InvalidRequest")
    two = {"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-crc32c": "AAAAAA=="}
    assert wire("POST", target, body, two).outcome == (400, "InvalidRequest")


@pytest.mark.parametrize("upload_id", ["", "x", "../", "0" * 32, "0" * 31, "g" * 32, "0" * 5000, "%00", "' OR 1=1"])
def test_unknown_upload(wire: Wire, upload_id: str) -> None:
    upload_id = upload_id.replace(" ", "%20")
    for method, query in (("GET", ""), ("DELETE", ""), ("PUT", "partNumber=1&"), ("POST", "")):
        body = (
            b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>"
        )
        reply = wire(method, f"/bucket/key?{query}uploadId={upload_id}", body if method == "POST" else b"")
        assert reply.outcome == (404, "NoSuchUpload")


def test_upload_of_another_key(s3: Any) -> None:
    named, parts = upload(s3, {1: 5})
    s3.create_bucket(Bucket="other")
    for changed in ({"Key": "other"}, {"Bucket": "other"}):
        other = named | changed
        assert refused(s3.upload_part, **other, PartNumber=1, Body=b"") == (404, "NoSuchUpload")
        assert refused(complete, s3, other, parts) == (404, "NoSuchUpload")
        assert refused(s3.abort_multipart_upload, **other) == (404, "NoSuchUpload")


@pytest.mark.parametrize("number", ["0", "10001", "-1", "1e3", "", "x"])
def test_bad_part_number(wire: Wire, s3: Any, number: str) -> None:
    named, _ = upload(s3, {})
    reply = wire("PUT", f"/bucket/big%20%C3%A9?partNumber={number}&uploadId={named['UploadId']}", b"x")
    assert reply.outcome == (400, "InvalidArgument")
    assert reply.xml.findtext("Message") == "Part number must be an integer between 1 and 10000, inclusive"
    assert reply.headers["connection"] == "close"


@pytest.mark.parametrize("query", ["partNumber=1", "uploadId=x"])
def test_half_a_part_is_no_object(wire: Wire, store: FakeStore, query: str) -> None:
    assert wire("PUT", f"/bucket/key?{query}", b"x").outcome == (400, "InvalidArgument")
    assert not store.buckets["bucket"].objects


def test_abort(s3: Any) -> None:
    named, _ = upload(s3, {1: 5})
    assert s3.abort_multipart_upload(**named)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refused(s3.abort_multipart_upload, **named) == (404, "NoSuchUpload")


def test_abort_of_what_began_then(s3: Any) -> None:
    named, _ = upload(s3, {1: 5})
    place = {"Bucket": named["Bucket"]}
    (begun,) = [one["Initiated"] for one in s3.list_multipart_uploads(**place)["Uploads"]]
    wrong = begun - timedelta(seconds=1)
    assert refused(s3.abort_multipart_upload, **named, IfMatchInitiatedTime=wrong) == (412, "PreconditionFailed")
    assert s3.list_multipart_uploads(**place)["Uploads"], "it is as it was"
    for _ in range(2):  # what is not there any more is no error
        gone = s3.abort_multipart_upload(**named, IfMatchInitiatedTime=begun)
        assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert "Uploads" not in s3.list_multipart_uploads(**place)


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"ChecksumAlgorithm": "CRC32"}, ("CRC32", "COMPOSITE")),
        ({"ChecksumAlgorithm": "CRC64NVME"}, ("CRC64NVME", "FULL_OBJECT")),
        ({"ChecksumAlgorithm": "CRC32C", "ChecksumType": "FULL_OBJECT"}, ("CRC32C", "FULL_OBJECT")),
        ({"ChecksumAlgorithm": "SHA1", "ChecksumType": "FULL_OBJECT"}, None),
        ({"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "COMPOSITE"}, None),
        ({"ChecksumAlgorithm": "CRC32", "ChecksumType": "x"}, None),
        ({"ChecksumAlgorithm": "MD4"}, None),
    ],
)
def test_checksum_types(s3: Any, fields: dict[str, str], outcome: tuple[str, str] | None) -> None:
    if outcome is None:
        assert refused(s3.create_multipart_upload, **KEY, **fields) == (400, "InvalidRequest")
    else:
        created = s3.create_multipart_upload(**KEY, **fields)
        assert (created["ChecksumAlgorithm"], created["ChecksumType"]) == outcome
        listed = s3.list_parts(**KEY, UploadId=created["UploadId"])
        assert (listed["ChecksumAlgorithm"], listed["ChecksumType"]) == outcome


def test_checksum_type_needs_an_algorithm(wire: Wire) -> None:
    headers = {"x-amz-checksum-type": "COMPOSITE"}
    assert wire("POST", "/bucket/key?uploads", headers=headers).outcome == (400, "InvalidRequest")


def test_list_parts(s3: Any, wire: Wire) -> None:
    named, _ = upload(s3, {1: 1, 2: 2, 5: 5, 9: 9}, ChecksumAlgorithm="CRC32", StorageClass="STANDARD_IA")
    listed = s3.list_parts(**named, MaxParts=3)
    assert [part["PartNumber"] for part in listed["Parts"]] == [1, 2, 5]
    assert (listed["IsTruncated"], listed["NextPartNumberMarker"], listed["MaxParts"]) == (True, 5, 3)
    assert (listed["StorageClass"], listed["Owner"]["ID"], listed["Initiator"]["ID"]) == ("STANDARD_IA", OWNER, OWNER)
    assert listed["Parts"][1]["Size"] == 2
    assert "ChecksumCRC32" in listed["Parts"][1]
    rest = s3.list_parts(**named, PartNumberMarker=5)
    assert ([part["PartNumber"] for part in rest["Parts"]], rest["IsTruncated"]) == ([9], False)
    pages = s3.get_paginator("list_parts").paginate(**named, PaginationConfig={"PageSize": 1})
    assert [part["PartNumber"] for page in pages for part in page["Parts"]] == [1, 2, 5, 9]
    for query in ("max-parts=-1", "max-parts=x", "part-number-marker=-1", "part-number-marker=x"):
        reply = wire("GET", f"/bucket/big%20%C3%A9?uploadId={named['UploadId']}&{query}")
        assert reply.outcome == (400, "InvalidArgument")
    assert s3.list_parts(**named, MaxParts=0).get("Parts") is None


def test_list_uploads(s3: Any) -> None:
    for key in ("a", "b/1", "b/2", "c", "c"):
        s3.create_multipart_upload(Bucket="bucket", Key=key)
    listed = s3.list_multipart_uploads(Bucket="bucket")
    assert [found["Key"] for found in listed["Uploads"]] == ["a", "b/1", "b/2", "c", "c"]
    first = listed["Uploads"][0]
    assert (first["StorageClass"], first["Owner"]["ID"], first["Initiator"]["ID"]) == ("STANDARD", OWNER, OWNER)
    grouped = s3.list_multipart_uploads(Bucket="bucket", Delimiter="/")
    assert [found["Key"] for found in grouped["Uploads"]] == ["a", "c", "c"]
    assert [found["Prefix"] for found in grouped["CommonPrefixes"]] == ["b/"]
    pages = list(s3.get_paginator("list_multipart_uploads").paginate(Bucket="bucket", PaginationConfig={"PageSize": 2}))
    assert [found["UploadId"] for page in pages for found in page["Uploads"]] == [
        found["UploadId"] for found in listed["Uploads"]
    ]
    assert s3.list_multipart_uploads(Bucket="bucket", KeyMarker="b/2")["Uploads"][0]["Key"] == "c"
    assert refused(s3.list_multipart_uploads, Bucket="nothing") == (404, "NoSuchBucket")


def test_copied_parts(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="source", Body=b"0123456789")
    named, _ = upload(s3, {})
    whole = s3.upload_part_copy(**named, PartNumber=1, CopySource="bucket/source")["CopyPartResult"]
    assert whole["ETag"] == '"781e5e245d69b566979b86e28d23f2c7"'
    assert "LastModified" in whole
    part = {"PartNumber": 1, "CopySource": "/bucket/source"}
    piece = s3.upload_part_copy(**named, **part, CopySourceRange="bytes=2-4")["CopyPartResult"]
    complete(s3, named, [{"PartNumber": 1, "ETag": piece["ETag"]}])
    assert s3.get_object(**KEY)["Body"].read() == b"234"


def test_bad_copied_parts(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="source", Body=b"0123456789")
    named, _ = upload(s3, {})
    part = named | {"PartNumber": 1, "CopySource": "bucket/source"}
    assert refused(s3.upload_part_copy, **part, CopySourceRange="bytes=5-") == (400, "InvalidArgument")
    assert refused(s3.upload_part_copy, **part, CopySourceRange="bytes=5-10") == (416, "InvalidRange")
    assert refused(s3.upload_part_copy, **part, CopySourceIfMatch='"x"') == (412, "PreconditionFailed")
    too_much = f"bytes=0-{5 * 2**30}"
    assert refused(s3.upload_part_copy, **part, CopySourceRange=too_much) == (400, "InvalidRequest")
    assert refused(s3.upload_part_copy, **(part | {"CopySource": "bucket/no"})) == (404, "NoSuchKey")
    assert refused(s3.upload_part_copy, **(part | {"PartNumber": 10001})) == (400, "InvalidArgument")

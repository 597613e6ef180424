"""Server-side encryption through boto3: every kind, ranges, parts, all combinations of copy; what is on the drives."""

import base64
import hashlib
import itertools
import json
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.harness.server import Server

MIB = 2**20
# Nothing that the payload of another test could be.
KEY, OTHER_KEY = (hashlib.sha256(name).digest() for name in (b"a customer's key", b"another key"))
C = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": KEY}
C_OTHER = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": OTHER_KEY}
KMS = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "testkey-1"}
S3 = {"ServerSideEncryption": "AES256"}
KINDS = {"none": {}, "s3": S3, "kms": KMS, "c": C}
CANARY = b"no plaintext of this may be on any drive "


def pattern(size: int) -> bytes:
    return (CANARY * (size // len(CANARY) + 1))[:size]


def read_arguments(kind: str) -> dict[str, Any]:
    return C if kind == "c" else {}


def refused(call: Any, **arguments: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.mark.parametrize("size", [0, 1, 13, 65536, 65537, MIB + 1, 5 * MIB])
@pytest.mark.parametrize("kind", ["s3", "kms", "c"])
def test_round_trip_with_ranges(s3: Any, bucket: str, kind: str, size: int) -> None:
    data = pattern(size)
    put = s3.put_object(Bucket=bucket, Key="k", Body=data, **KINDS[kind])
    got = s3.get_object(Bucket=bucket, Key="k", **read_arguments(kind))
    assert got["Body"].read() == data
    assert got["ContentLength"] == size
    assert got["ETag"] == put["ETag"]
    if kind == "s3":
        assert put["ServerSideEncryption"] == got["ServerSideEncryption"] == "AES256"
        assert put["ETag"].strip('"') == hashlib.md5(data).hexdigest()
    elif kind == "kms":
        assert put["SSEKMSKeyId"] == got["SSEKMSKeyId"] == "testkey-1"
        assert put["ETag"].strip('"') != hashlib.md5(data).hexdigest()
    else:
        assert got["SSECustomerAlgorithm"] == "AES256"
        assert got["SSECustomerKeyMD5"] == base64.b64encode(hashlib.md5(KEY).digest()).decode()
    for start, end in ((0, 0), (1, 70000), (65535, 65536), (65536, 131072), (size // 2, size)):
        if start < size:
            part = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={start}-{end}", **read_arguments(kind))
            assert part["Body"].read() == data[start : end + 1]


@pytest.mark.parametrize("kind", ["s3", "kms", "c"])
def test_multipart_with_odd_parts(s3: Any, bucket: str, kind: str) -> None:
    extra = KINDS[kind]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", Metadata={"a": "b"}, **extra)["UploadId"]
    parts, data = [], b""
    for number, size in ((1, 5 * MIB + 1), (3, 5 * MIB), (4, 12345)):
        body = pattern(size)[::-1]
        made = s3.upload_part(
            Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=body, **read_arguments(kind)
        )
        parts.append({"PartNumber": number, "ETag": made["ETag"]})
        data += body
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts})
    got = s3.get_object(Bucket=bucket, Key="k", **read_arguments(kind))
    assert got["Body"].read() == data
    assert got["Metadata"] == {"a": "b"}
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["Size"] == len(data)
    for start, end in ((5 * MIB - 3, 5 * MIB + 70000), (10 * MIB, len(data) - 1), (0, len(data) - 1)):
        part = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={start}-{end}", **read_arguments(kind))
        assert part["Body"].read() == data[start : end + 1]


@pytest.mark.parametrize(("source", "target"), list(itertools.product(KINDS, KINDS)))
def test_copy_from_each_kind_to_each(s3: Any, bucket: str, source: str, target: str) -> None:
    data = pattern(300_000)
    s3.put_object(Bucket=bucket, Key="from", Body=data, Metadata={"a": "b"}, **KINDS[source])
    given = {f"CopySource{name}": value for name, value in read_arguments(source).items()}
    s3.copy_object(Bucket=bucket, Key="to", CopySource=f"{bucket}/from", **given, **KINDS[target])
    got = s3.get_object(Bucket=bucket, Key="to", **read_arguments(target))
    assert got["Body"].read() == data
    assert got["Metadata"] == {"a": "b"}
    assert got.get("ServerSideEncryption") == KINDS[target].get("ServerSideEncryption")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts", **KINDS[target])["UploadId"]
    made = s3.upload_part_copy(
        Bucket=bucket, Key="parts", UploadId=upload, PartNumber=2, CopySource=f"{bucket}/from",
        CopySourceRange="bytes=10-200000", **given, **read_arguments(target),
    )["CopyPartResult"]  # fmt: skip
    parts = [{"PartNumber": 2, "ETag": made["ETag"]}]
    s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=bucket, Key="parts", **read_arguments(target))["Body"].read() == data[10:200001]


def test_customer_key_has_to_be_the_same(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", **C)
    for call in (s3.get_object, s3.head_object):
        assert refused(call, Bucket=bucket, Key="k")[0] == 400
        assert refused(call, Bucket=bucket, Key="k", **C_OTHER)[0] == 400
    s3.put_object(Bucket=bucket, Key="plain", Body=b"x")
    assert refused(s3.get_object, Bucket=bucket, Key="plain", **C) == (400, "InvalidRequest")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m", **C)["UploadId"]
    part = {"Bucket": bucket, "Key": "m", "UploadId": upload, "PartNumber": 1, "Body": b"x"}
    assert refused(s3.upload_part, **part, **C_OTHER)[0] == 400
    assert refused(s3.upload_part, **part)[0] == 400
    s3.upload_part(**part, **C)


def header_case(s3: Any, bucket: str, operation: str, headers: dict[str, str]) -> tuple[int, str]:
    def add(params: dict[str, Any], **_: Any) -> None:
        params["headers"].update(headers)

    s3.meta.events.register(f"before-call.s3.{operation}", add)
    try:
        arguments = {"Body": b"x"} if operation == "PutObject" else {}
        name = {"PutObject": "put_object", "GetObject": "get_object", "HeadObject": "head_object"}[operation]
        return refused(getattr(s3, name), Bucket=bucket, Key="k", **arguments)
    finally:
        s3.meta.events.unregister(f"before-call.s3.{operation}", add)


SSE = "x-amz-server-side-encryption"
B64_KEY = base64.b64encode(KEY).decode()
B64_MD5 = base64.b64encode(hashlib.md5(KEY).digest()).decode()


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({f"{SSE}-customer-key": B64_KEY, f"{SSE}-customer-key-md5": B64_MD5}, "InvalidArgument"),
        ({f"{SSE}-customer-algorithm": "AES256"}, "InvalidArgument"),
        ({f"{SSE}-customer-algorithm": "AES256", f"{SSE}-customer-key": B64_KEY}, "InvalidArgument"),
        (
            {f"{SSE}-customer-algorithm": "AES256", f"{SSE}-customer-key": B64_KEY, f"{SSE}-customer-key-md5": "AAAA"},
            "InvalidArgument",
        ),
        (
            {f"{SSE}-customer-algorithm": "DES", f"{SSE}-customer-key": B64_KEY, f"{SSE}-customer-key-md5": B64_MD5},
            "InvalidEncryptionAlgorithmError",
        ),
        ({SSE: "aes:kms"}, "InvalidArgument"),
        ({SSE: "aws:kms"}, "InvalidArgument"),  # no key named, and none is the default
        ({f"{SSE}-aws-kms-key-id": "testkey-2"}, "InvalidArgument"),
        ({SSE: "aws:kms", f"{SSE}-aws-kms-key-id": "nobody"}, "KMS.NotFoundException"),
        ({SSE: "aws:kms", f"{SSE}-aws-kms-key-id": "testkey-1", f"{SSE}-context": "e30"}, "InvalidArgument"),
        ({SSE: "AES256", f"{SSE}-aws-kms-key-id": "testkey-1"}, "InvalidArgument"),
    ],
)
def test_refused_on_put(s3: Any, bucket: str, headers: dict[str, str], code: str) -> None:
    assert header_case(s3, bucket, "PutObject", headers) == (400, code)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize("operation", ["GetObject", "HeadObject"])
def test_reads_do_not_take_the_headers_of_writes(s3: Any, bucket: str, operation: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", **KMS)
    headers = {SSE: "aws:kms", f"{SSE}-aws-kms-key-id": "testkey-1"}
    assert header_case(s3, bucket, operation, headers)[0] == 400


def test_bucket_default(s3: Any, bucket: str) -> None:
    assert refused(s3.get_bucket_encryption, Bucket=bucket)[1] == "ServerSideEncryptionConfigurationNotFoundError"
    chosen = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "testkey-2"}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": chosen, "BucketKeyEnabled": True}]}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rules)
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"] == rules
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", "testkey-2")
    assert put["BucketKeyEnabled"]
    assert s3.put_object(Bucket=bucket, Key="k2", Body=b"x", **S3)["ServerSideEncryption"] == "AES256"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")
    assert upload["ServerSideEncryption"] == "aws:kms"
    s3.delete_bucket_encryption(Bucket=bucket)
    assert "ServerSideEncryption" not in s3.put_object(Bucket=bucket, Key="k3", Body=b"x")
    wrong = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256", "KMSMasterKeyID": "a"}}]}
    call = s3.put_bucket_encryption
    assert refused(call, Bucket=bucket, ServerSideEncryptionConfiguration=wrong) == (400, "InvalidArgument")


def test_context_binds(s3: Any, bucket: str) -> None:
    context = base64.b64encode(json.dumps({"a": "b"}).encode()).decode()
    s3.put_object(Bucket=bucket, Key="k", Body=b"secret", SSEKMSEncryptionContext=context, **KMS)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"secret"


def test_no_plaintext_on_any_drive(s3: Any, bucket: str, server: Server) -> None:
    """T22. The canary of this module was written encrypted many times, and once, elsewhere, in the clear."""
    for kind in ("s3", "kms", "c"):
        s3.put_object(Bucket=bucket, Key=kind, Body=b"unseen-" + kind.encode() + pattern(200_000), **KINDS[kind])
    s3.put_object(Bucket=bucket, Key="open", Body=b"seen-in-the-clear" * 10_000)
    shards = list(Path(server.data).rglob("*.shard"))
    content = b"".join(shard.read_bytes() for shard in shards)
    assert b"seen-in-the-clear" in content
    for kind in ("s3", "kms", "c"):
        assert b"unseen-" + kind.encode() not in content
    log = server.log.read_bytes()
    assert B64_KEY.encode() not in log
    assert KEY not in content
    assert KEY.hex().encode() not in log


def ask(server: Server, method: str, path: str, document: Any = None) -> tuple[int, Any]:
    body = b"" if document is None else json.dumps(document).encode()
    answer = server.admin(method, path, body=body)
    return answer.status_code, answer.json() if answer.content else None


def test_named_keys_are_rotated_aliased_and_switched_off(s3: Any, bucket: str, server: Server) -> None:
    """What an old version of a key has sealed opens after a rotation; what is switched off opens nothing."""
    key, alias = f"rotated-{bucket}", f"alias/{bucket}"
    assert ask(server, "POST", "/kms/keys", {"id": key})[0] == 201
    assert ask(server, "POST", "/kms/keys", {"id": key})[0] == 409
    kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    s3.put_object(Bucket=bucket, Key="old", Body=b"old", **kms)
    assert ask(server, "POST", f"/kms/keys/{key}/rotate") == (200, {"version": 2})
    s3.put_object(Bucket=bucket, Key="new", Body=b"new", **kms)
    assert [s3.get_object(Bucket=bucket, Key=name)["Body"].read() for name in ("old", "new")] == [b"old", b"new"]
    assert ask(server, "PATCH", f"/kms/keys/{key}", {"aliases": [alias]}) == (204, None)
    arn = s3.put_object(Bucket=bucket, Key="k", Body=b"x", **(kms | {"SSEKMSKeyId": alias}))["SSEKMSKeyId"]
    assert arn.endswith(f":key/{key}")
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"x", **(kms | {"SSEKMSKeyId": arn}))["SSEKMSKeyId"] == arn
    listed = next(one for one in ask(server, "GET", "/kms/keys")[1]["keys"] if one["id"] == key)
    assert (listed["versions"], listed["enabled"], listed["aliases"], listed["arn"]) == (2, True, [alias], arn)
    assert ask(server, "PATCH", f"/kms/keys/{key}", {"enabled": False})[0] == 204
    deadline = time.monotonic() + 10  # every gateway has heard of it a second later
    codes: list[str] = []
    while not codes and time.monotonic() < deadline:
        try:
            s3.get_object(Bucket=bucket, Key="old")
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])
    assert codes == ["KMS.DisabledException"]
    assert ask(server, "PATCH", f"/kms/keys/{key}", {"enabled": True})[0] == 204

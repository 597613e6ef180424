"""Presigned URLs of both signature versions, used by clients that know nothing of S3."""

import hashlib
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode, urlsplit

import boto3
import httpx
import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from tests.harness.server import Server
from tests.harness.wire import path_of

KEYS = ("plain", "with space", "plus+%2Fé/日本", "a//b", "q?x=1&y=2#z")
VERSIONS = {"v2": "s3-query", "v4": "s3v4"}


@pytest.fixture(params=VERSIONS)
def signer(request: pytest.FixtureRequest, server: Server) -> Any:
    """A client that presigns with one of the versions; the other arguments as people use them."""
    client = server.s3(signature_version=VERSIONS[request.param])
    url = client.generate_presigned_url("get_object", {"Bucket": "b", "Key": "k"})
    assert ("AWSAccessKeyId=" if request.param == "v2" else "X-Amz-Signature=") in url
    return client


def _open(url: str, method: str = "GET", body: bytes | None = None) -> tuple[int, bytes, dict[str, str]]:
    request = urllib.request.Request(url, body, method=method)
    if body is not None:
        request.add_unredirected_header("Content-Type", "")  # urllib would add one, which version 2 signs
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read(), {name.lower(): value for name, value in answer.headers.items()}
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), {}


def test_default_of_boto3_is_version_2(server: Server) -> None:
    url = server.s3().generate_presigned_url("get_object", {"Bucket": "b", "Key": "k"})
    assert "AWSAccessKeyId=" in url


def test_put_get_head_delete(signer: Any, bucket: str) -> None:
    for number, key in enumerate(KEYS):
        body = key.encode() * 1000 * number
        where = {"Bucket": bucket, "Key": key}
        status, _, headers = _open(signer.generate_presigned_url("put_object", where), "PUT", body)
        assert status == 200
        assert headers["etag"] == f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        url = signer.generate_presigned_url("get_object", where)
        assert _open(url)[:2] == (200, body)
        assert httpx.get(url).content == body
        if body:
            ranged = httpx.get(url, headers={"range": "bytes=2-5"})
            assert (ranged.status_code, ranged.content) == (206, body[2:6])
        head = httpx.head(signer.generate_presigned_url("head_object", where))
        assert (head.status_code, head.headers["content-length"]) == (200, str(len(body)))
        assert _open(signer.generate_presigned_url("delete_object", where), "DELETE")[0] == 204
        assert _open(url)[0] == 404


def test_response_headers_can_be_named(signer: Any, bucket: str, s3: Any) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentType="text/plain")
    override = {"ResponseContentType": "application/x+y", "ResponseContentDisposition": 'attachment; filename="ä b"'}
    url = signer.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k", **override})
    headers = httpx.get(url).headers
    assert headers["content-type"] == "application/x+y"
    assert headers["content-disposition"] == 'attachment; filename="ä b"'


def test_what_is_not_signed_for_is_refused(signer: Any, bucket: str, s3: Any) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    where = {"Bucket": bucket, "Key": "k"}
    url = signer.generate_presigned_url("get_object", where)
    for wrong in (url.replace("/k?", "/other?"), url[:-1] + ("A" if url[-1] != "A" else "B"), url + "&versionId=1"):
        status, body, _ = _open(wrong)
        # A changed last character may be base64 padding or the end of the expiry: refused in any case.
        assert status == 403, wrong
        assert b"<Code>" in body
    assert _open(url, "DELETE")[0] == 403
    assert _open(urlsplit(url)._replace(query="").geturl())[0] == 403
    assert _open(url)[0] == 200


def test_they_expire(signer: Any, bucket: str, s3: Any) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    url = signer.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"}, ExpiresIn=1)
    assert _open(url)[0] == 200
    time.sleep(2.1)
    status, body, _ = _open(url)
    assert (status, b"expired" in body) == (403, True)


def test_presigned_part_upload(server: Server, bucket: str, s3: Any) -> None:
    """What browsers and trainers do with large files: parts by URL, Complete by the owner."""
    signer = server.s3(signature_version="s3v4")
    named = {"Bucket": bucket, "Key": "large"}
    named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
    url = signer.generate_presigned_url("upload_part", {**named, "PartNumber": 1})
    etag = httpx.put(url, content=b"part").headers["etag"]
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert s3.get_object(Bucket=bucket, Key="large")["Body"].read() == b"part"


def test_any_region_may_be_signed_for(server: Server, bucket: str) -> None:
    access_key, secret_key = server.credentials
    for region in ("us-east-1", "eu-central-1", "auto", "US"):
        other = boto3.client(
            "s3", endpoint_url=server.endpoint, region_name=region, aws_access_key_id=access_key,
            aws_secret_access_key=secret_key, config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        )  # fmt: skip
        url = other.generate_presigned_url("list_objects_v2", {"Bucket": bucket})
        assert httpx.get(url).status_code == 200


def _hoisted(server: Server, method: str, target: str, **parameters: str) -> str:
    """A URL that carries headers in its query, as the JavaScript SDK makes it."""
    query = urlencode({"x-id": "AnyOperation", **{name.replace("_", "-"): value for name, value in parameters.items()}})
    request = AWSRequest(method, f"{server.endpoint}{target}?{query}")
    S3SigV4QueryAuth(Credentials(*server.credentials), "s3", "us-east-1", expires=60).add_auth(request)
    return str(request.url)


def test_headers_in_the_query_count(server: Server, bucket: str, s3: Any) -> None:
    url = _hoisted(
        server, "PUT", path_of(bucket, "k"), x_amz_meta_colour="blue é", x_amz_storage_class="STANDARD_IA",
        x_amz_tagging="a=b&c=d", x_amz_acl="private",
    )  # fmt: skip
    assert httpx.put(url, content=b"body").status_code == 200
    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["StorageClass"] == "STANDARD_IA"
    assert head["Metadata"]["colour"].encode("latin-1").decode() == "blue é"
    tags = s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"a": "b", "c": "d"}
    assert httpx.put(url.replace("blue", "red"), content=b"body").status_code == 403


def test_what_is_refused_as_a_header_is_refused_in_the_query(server: Server, bucket: str) -> None:
    target = path_of(bucket, "k")
    for status, parameters in (
        (400, {"x_amz_server_side_encryption": "aws:kms"}),
        (400, {"x_amz_storage_class": "NONE"}),
        (400, {"x_amz_acl": "public-read"}),
        (400, {"x_amz_meta_a": "b\r\nx-injected: yes"}),
        (400, {"x_amz_meta_a\r\nx": "b"}),
    ):
        answer = httpx.put(_hoisted(server, "PUT", target, **parameters), content=b"body")
        assert answer.status_code == status, parameters
    assert httpx.get(_hoisted(server, "GET", target)).status_code == 404


def test_a_header_that_was_sent_comes_first(server: Server, bucket: str, s3: Any) -> None:
    target = path_of(bucket, "k")
    request = AWSRequest("PUT", f"{server.endpoint}{target}?x-amz-meta-a=query", headers={"x-amz-meta-a": "header"})
    S3SigV4QueryAuth(Credentials(*server.credentials), "s3", "us-east-1", expires=60).add_auth(request)
    assert httpx.put(str(request.url), content=b"x", headers={"x-amz-meta-a": "header"}).status_code == 200
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"a": "header"}


def test_the_checksum_of_a_body_that_was_not_there_yet_is_ignored(server: Server, bucket: str, s3: Any) -> None:
    """The JavaScript SDK signs the CRC-32 of nothing into every URL for a PUT; AWS takes no notice of it."""
    url = _hoisted(
        server, "PUT", path_of(bucket, "k"), x_amz_checksum_crc32="AAAAAA==", x_amz_sdk_checksum_algorithm="CRC32"
    )
    assert httpx.put(url, content=b"something").status_code == 200
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"something"


def test_the_copy_source_may_be_in_the_query(server: Server, bucket: str, s3: Any) -> None:
    s3.put_object(Bucket=bucket, Key="from", Body=b"copied")
    url = _hoisted(server, "PUT", path_of(bucket, "to"), x_amz_copy_source=f"/{bucket}/from")
    assert httpx.put(url).status_code == 200
    assert s3.get_object(Bucket=bucket, Key="to")["Body"].read() == b"copied"

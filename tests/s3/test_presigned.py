"""Presigned URLs of both signature versions, used by clients that know nothing of S3."""

import hashlib
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx
import pytest
from botocore.config import Config

from tests.harness.server import Server

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

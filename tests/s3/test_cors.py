"""CORS: configuration, preflight, headers of answers; attacks A45 and A82."""

from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.harness.server import Server

RULES = [
    {"AllowedMethods": ["GET"], "AllowedOrigins": ["*suffix"]},
    {"AllowedMethods": ["GET"], "AllowedOrigins": ["start*end"]},
    {"AllowedMethods": ["GET"], "AllowedOrigins": ["prefix*"]},
    {"AllowedMethods": ["PUT", "POST"], "AllowedOrigins": ["*.put"], "AllowedHeaders": ["x-amz-*"],
     "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 30},
]  # fmt: skip


@pytest.fixture
def url(s3: Any, server: Server, bucket: str) -> str:
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    return f"{server.endpoint}/{bucket}/bar"


def seen(answer: httpx.Response) -> tuple[int, str | None, str | None]:
    names = "access-control-allow-origin", "access-control-allow-methods"
    return answer.status_code, *(answer.headers.get(name) for name in names)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("method", "origin", "announced", "expected"),
    [
        ("GET", "foo.suffix", None, ("foo.suffix", "GET")),
        ("GET", "foo.bar", None, (None, None)),
        ("GET", "foo.suffix.get", None, (None, None)),
        ("GET", "startend", None, ("startend", "GET")),
        ("GET", "start12end", None, ("start12end", "GET")),
        ("GET", "0start12end", None, (None, None)),
        ("GET", "prefix", None, ("prefix", "GET")),
        ("GET", "bla.prefix", None, (None, None)),
        ("PUT", "foo.suffix", "GET", ("foo.suffix", "GET")),
        ("PUT", "foo.suffix", "PUT", (None, None)),
        ("PUT", "foo.suffix", None, (None, None)),
        ("PUT", "foo.put", None, ("foo.put", "PUT, POST")),
        ("GET", "null", None, (None, None)),
    ],
)
def test_actual_requests(url: str, method: str, origin: str, announced: str | None, expected: Any) -> None:
    """Refused ones too: else a page could not read why."""
    headers = {"Origin": origin} | ({"Access-Control-Request-Method": announced} if announced else {})
    assert seen(httpx.request(method, url, headers=headers)) == (403, *expected)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (400, None, None)),
        ({"Origin": "foo.suffix"}, (400, None, None)),
        ({"Origin": "foo.suffix", "Access-Control-Request-Method": "GET"}, (200, "foo.suffix", "GET")),
        ({"Origin": "foo.suffix", "Access-Control-Request-Method": "PATCH"}, (400, None, None)),
        ({"Origin": "evil-foo.put.com", "Access-Control-Request-Method": "PUT"}, (403, None, None)),
        ({"Origin": "foo.put", "Access-Control-Request-Method": "GET"}, (403, None, None)),
        ({"Origin": "foo.put", "Access-Control-Request-Method": "PUT"}, (200, "foo.put", "PUT, POST")),
        (
            {"Origin": "foo.put", "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-other"},
            (403, None, None),
        ),
    ],
)
def test_preflight(url: str, headers: dict[str, str], expected: Any) -> None:
    assert seen(httpx.options(url, headers=headers)) == expected


def test_preflight_tells_all(url: str) -> None:
    headers = {"Origin": "a.put", "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "X-Amz-Acl"}
    found = httpx.options(url, headers=headers).headers
    assert found["access-control-allow-headers"] == "x-amz-acl"
    assert found["access-control-max-age"] == "30"
    assert found["access-control-expose-headers"] == "ETag"
    assert found["access-control-allow-credentials"] == "true"
    assert "Origin" in found["vary"]


def test_a45_origin_splits_no_header(s3: Any, server: Server, bucket: str) -> None:
    wild = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*"]}]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": wild})
    answer = httpx.get(f"{server.endpoint}/{bucket}/k", headers={"Origin": "http://a\tb"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_configuration(s3: Any, bucket: str, server: Server) -> None:
    with pytest.raises(ClientError, match="NoSuchCORSConfiguration"):
        s3.get_bucket_cors(Bucket=bucket)
    preflight = {"Origin": "a", "Access-Control-Request-Method": "GET"}
    assert httpx.options(f"{server.endpoint}/{bucket}", headers=preflight).status_code == 403
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": RULES})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == RULES
    s3.delete_bucket_cors(Bucket=bucket)
    with pytest.raises(ClientError, match="NoSuchCORSConfiguration"):
        s3.get_bucket_cors(Bucket=bucket)
    for wrong in (
        {"AllowedMethods": ["OPTIONS"], "AllowedOrigins": ["*"]},
        {"AllowedMethods": ["GET"], "AllowedOrigins": ["*a*"]},
        {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "ExposeHeaders": ["x-*"]},
    ):
        with pytest.raises(ClientError, match="InvalidRequest"):
            s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [wrong]})

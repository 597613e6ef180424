"""Search over the objects of a bucket: what it finds, page by page, and for whom."""

import json
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.harness.server import Server

HOSTILE = "a/<img src=x onerror=alert(1)>'%_\\ \u202e.txt"


def searched(server: Server, bucket: str, keys: tuple[str, str] | None = None, **query: Any) -> httpx.Response:
    url = f"{server.endpoint}/-/admin/v1/buckets/{bucket}/search?{urlencode(query, doseq=True)}"
    request = AWSRequest("GET", url)
    S3SigV4Auth(Credentials(*(keys or server.credentials)), "s3", "us-east-1").add_auth(request)
    return httpx.get(url, headers=dict(request.headers), timeout=60)


def found(server: Server, bucket: str, keys: tuple[str, str] | None = None, **query: Any) -> list[str]:
    answer = searched(server, bucket, keys, **query)
    assert answer.status_code == 200, answer.text
    return [one["key"] for one in answer.json()["objects"]]


@pytest.fixture(scope="module")
def filled(server: Server, s3: Any) -> str:
    """A bucket with objects that differ in everything that can be asked for."""
    s3.create_bucket(Bucket="searched")
    s3.put_object(Bucket="searched", Key="a/one", Body=b"1", Tagging="team=red&kind=log", Metadata={"Run": "7"})
    s3.put_object(Bucket="searched", Key="a/two", Body=b"22", Tagging="team=blue", StorageClass="STANDARD_IA")
    s3.put_object(Bucket="searched", Key="b/three", Body=b"333" * 1000, Metadata={"run": "8"})
    s3.put_object(Bucket="searched", Key=HOSTILE, Body=b"x", Tagging="team=odd%40%3A")
    return "searched"


def test_each_filter(server: Server, filled: str, s3: Any) -> None:
    etag = s3.head_object(Bucket=filled, Key="a/two")["ETag"]
    everything = [HOSTILE, "a/one", "a/two", "b/three"]
    assert found(server, filled) == everything
    assert found(server, filled, prefix="a/") == everything[:3]
    assert found(server, filled, contains="thr") == ["b/three"]
    assert found(server, filled, contains="%_\\") == [HOSTILE]
    assert found(server, filled, tag="team=red") == ["a/one"]
    assert found(server, filled, tag="team=red' OR 1=1") == []
    assert found(server, filled, tag="team=odd@:") == [HOSTILE]
    assert found(server, filled, tag="kind") == ["a/one"]
    assert found(server, filled, tag=["team=red", "kind=log"]) == ["a/one"]
    assert found(server, filled, meta="RUN=7") == ["a/one"]
    assert found(server, filled, meta="run") == ["a/one", "b/three"]
    assert found(server, filled, size_min=2, size_max=2) == ["a/two"]
    assert found(server, filled, etag=etag) == ["a/two"]
    assert found(server, filled, tier="capacity") == ["a/two"]
    assert found(server, filled, storage_class="STANDARD_IA") == ["a/two"]
    assert found(server, filled, older_than_days=1) == []
    assert found(server, filled, newer_than_days=1) == everything
    assert found(server, filled, idle_days=2) == []
    assert found(server, filled, idle_days=0, prefix="b") == ["b/three"]


def test_pages_and_what_an_object_shows(server: Server, filled: str) -> None:
    seen: list[str] = []
    after: dict[str, Any] = {}
    while True:
        page = searched(server, filled, limit=1, **after).json()
        seen += [one["key"] for one in page["objects"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == found(server, filled)
    (one,) = searched(server, filled, tag="team=red").json()["objects"]
    assert (one["tags"], one["meta"], one["size"], one["tier"]) == (
        {"team": "red", "kind": "log"}, {"run": "7"}, 1, "hot",
    )  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": 201}, {"etag": "x"}, {"tier": "x"}, {"storage_class": "x"}, {"tag": "=x"},
     {"tag": "a\0=x"}, {"size_min": -1}, {"modified_since": "2030-01-01"}, {"prefix": "x" * 2000}],
)  # fmt: skip
def test_what_cannot_be_asked(server: Server, filled: str, query: dict[str, Any]) -> None:
    assert searched(server, filled, **query).status_code == 422


def test_a_token_of_another_bucket_and_no_bucket(server: Server, filled: str, bucket: str) -> None:
    token = searched(server, filled, limit=1).json()["next"]
    assert searched(server, bucket, after=token).status_code == 400
    assert searched(server, "no-such-bucket").status_code == 404
    assert httpx.get(f"{server.endpoint}/-/admin/v1/buckets/{filled}/search").status_code == 403


def test_only_with_rights_of_ones_own(server: Server, filled: str) -> None:
    made = server.admin("POST", "/users", body=json.dumps({"name": "searcher"}).encode()).json()
    keys = (made["access_key"], made["secret_key"])

    def allow(*statements: dict[str, Any]) -> None:
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]}
        body = json.dumps({"document": json.dumps(document)}).encode()
        assert server.admin("PUT", "/users/searcher/policies/p", body=body).status_code == 204

    lists = {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{filled}"}
    assert searched(server, filled, keys).status_code == 403
    allow({**lists, "Condition": {"StringLike": {"s3:prefix": "a/*"}}})
    assert searched(server, filled, keys).status_code == 403
    assert found(server, filled, keys, prefix="a/o") == ["a/one"]
    # Tags and metadata are neither shown nor found by who may not read them.
    (one,) = searched(server, filled, keys, prefix="a/o").json()["objects"]
    assert (one["tags"], one["meta"]) == ({}, {})
    assert found(server, filled, keys, prefix="a/", tag="team") == []
    allow(lists, {"Action": "s3:GetObjectTagging", "Resource": f"arn:aws:s3:::{filled}/a/o*"})
    assert found(server, filled, keys, tag="team") == ["a/one"]
    assert found(server, filled, keys, meta="run") == []
    # A link can do what its maker can.
    link = f"{server.endpoint}/-/admin/v1/presign"
    body = json.dumps({"bucket": filled, "key": "a/one"}).encode()
    asked = AWSRequest("POST", link, data=body, headers={"content-type": "application/json"})
    S3SigV4Auth(Credentials(*keys), "s3", "us-east-1").add_auth(asked)
    made_link = httpx.post(link, headers=dict(asked.headers), content=body)
    assert made_link.status_code == 200
    assert httpx.get(made_link.json()["url"]).status_code == 403
    assert httpx.post(link, content=body, headers={"content-type": "application/json"}).status_code == 403
    # All else below this path is root's.
    url = f"{server.endpoint}/-/admin/v1/buckets"
    request = AWSRequest("GET", url)
    S3SigV4Auth(Credentials(*keys), "s3", "us-east-1").add_auth(request)
    assert httpx.get(url, headers=dict(request.headers)).status_code == 403


def presigned(server: Server, **given: Any) -> httpx.Response:
    return server.admin("POST", "/presign", body=json.dumps(given).encode())


def test_presigned_links(server: Server, filled: str) -> None:
    link = presigned(server, bucket=filled, key=HOSTILE, seconds=60, download="ü<b>.txt")
    assert link.status_code == 200, link.text
    got = httpx.get(link.json()["url"])
    assert (got.status_code, got.content) == (200, b"x")
    assert got.headers["content-disposition"] == "attachment; filename*=UTF-8''%C3%BC%3Cb%3E.txt"
    assert httpx.get(link.json()["url"].replace("a/", "b/")).status_code == 403
    dotted = presigned(server, bucket=filled, key="a/../b", method="PUT").json()["url"]
    assert httpx.put(dotted, content=b"x").status_code == 200
    assert httpx.get(presigned(server, bucket=filled, key="a/../b").json()["url"]).content == b"x"
    put = presigned(server, bucket=filled, key="put", method="PUT", seconds=60).json()["url"]
    assert httpx.put(put, content=b"new").status_code == 200
    assert httpx.get(put).status_code == 403


@pytest.mark.parametrize(
    "given",
    [{"seconds": 0}, {"seconds": 604801}, {"method": "DELETE"}, {"key": ""}, {"bucket": "../x"}, {"access_key": "x"}],
)
def test_links_that_are_not_signed(server: Server, given: dict[str, Any]) -> None:
    assert presigned(server, **{"bucket": "searched", "key": "k", **given}).status_code == 422

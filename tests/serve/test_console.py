"""The console's session against a real server: what it opens, for whom, and that it opens nothing for anybody else."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.harness.server import Server

ACCESS_DENIED = "<Code>AccessDenied</Code>"
REVOKED_SECONDS_MAX = 10.0


@contextmanager
def signed_in(server: Server, access_key: str, secret_key: str) -> Iterator[httpx.Client]:
    """A browser, as far as the server can tell: each request on a connection of its own, so that any worker answers."""
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=server.endpoint, limits=limits, timeout=30) as client:
        answer = client.post("/-/console/session", json={"access_key": access_key, "secret_key": secret_key})
        assert answer.status_code == 200, answer.text
        client.headers["x-objstore-csrf"] = answer.json()["csrf"]
        yield client


@pytest.fixture
def root(server: Server) -> Iterator[httpx.Client]:
    with signed_in(server, *server.credentials) as client:
        yield client


def test_root_does_everything_through_the_public_apis(root: httpx.Client) -> None:
    assert root.put("/console-made").status_code == 200
    for number in range(8):
        assert root.put(f"/console-made/a%2F{number}", content=b"x" * 1000).status_code == 200
    assert root.get("/console-made/a/3").content == b"x" * 1000
    assert "<KeyCount>8</KeyCount>" in root.get("/console-made?list-type=2").text
    assert root.get("/-/admin/v1/server").json()["workers"] == 2
    assert root.get("/-/admin/v1/events").json() == {"targets": []}
    assert root.get("/-/admin/v1/audit").json() == {"enabled": False, "records": []}
    assert root.get("/-/console/session").json()["root"] is True


def test_a_cookie_alone_is_nobody(root: httpx.Client) -> None:
    root.put("/console-alone")
    root.put("/console-alone/key", content=b"secret")
    token = root.headers.pop("x-objstore-csrf")
    for method, path in (("GET", "/console-alone/key"), ("PUT", "/console-alone/key"), ("DELETE", "/console-alone"),
                         ("GET", "/"), ("POST", "/console-alone?delete")):  # fmt: skip
        answer = root.request(method, path)
        assert answer.status_code == 403
        assert ACCESS_DENIED in answer.text
    assert root.get("/-/admin/v1/server").json()["error"]["code"] == "AccessDenied"
    wrong = {"x-objstore-csrf": token[::-1]}
    assert ACCESS_DENIED in root.get("/console-alone/key", headers=wrong).text
    assert root.get("/-/admin/v1/server", headers=wrong).status_code == 403
    right = {"x-objstore-csrf": token}
    assert root.get("/console-alone/key", headers={**right, "sec-fetch-site": "cross-site"}).status_code == 403
    assert root.get("/console-alone/key", headers=right).content == b"secret"
    root.cookies.clear()
    assert "<Code>ExpiredToken</Code>" in root.get("/console-alone/key", headers=right).text


def test_what_a_browser_would_run_is_kept_apart(root: httpx.Client) -> None:
    root.put("/console-types")
    kinds = {
        "text/html": True,
        "image/svg+xml": True,
        "application/json": True,
        "binary/octet-stream": False,
        "": False,
    }
    for number, (kind, is_apart) in enumerate(kinds.items()):
        root.put(f"/console-types/{number}", content=b"<script>", headers={"content-type": kind} if kind else {})
        for query in ("", "?versionId=null"):
            policy = root.get(f"/console-types/{number}{query}").headers.get("content-security-policy", "")
            assert policy.startswith("sandbox") == is_apart, kind
            assert "allow-same-origin" not in policy
    retyped = root.get("/console-types/3", params={"response-content-type": "text/html"})
    assert retyped.headers["content-type"] == "text/html"
    assert retyped.headers["content-security-policy"].startswith("sandbox")


def test_a_user_has_their_own_rights_until_their_key_is_taken(server: Server, root: httpx.Client) -> None:
    made = server.admin("POST", "/users", body=json.dumps({"name": "console-reader"}).encode()).json()
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:ListAllMyBuckets"], "Resource": "*"}],
    }
    body = json.dumps({"document": json.dumps(policy)}).encode()
    assert server.admin("PUT", "/users/console-reader/policies/read", body=body).status_code < 300
    root.put("/console-others")
    with signed_in(server, made["access_key"], made["secret_key"]) as user:
        shown = user.get("/-/console/session").json()
        assert (shown["root"], shown["name"]) == (False, "console-reader")
        assert user.get("/").status_code == 200
        assert ACCESS_DENIED in user.get("/console-others").text
        assert user.get("/-/admin/v1/server").json()["error"]["code"] == "AccessDenied"
        off = server.admin("PATCH", f"/keys/{made['access_key']}", body=b'{"active": false}')
        assert off.status_code == 200
        deadline = time.monotonic() + REVOKED_SECONDS_MAX
        answers = [user.get("/") for _ in range(6)]
        while any(answer.status_code == 200 for answer in answers) and time.monotonic() < deadline:
            answers = [user.get("/") for _ in range(6)]  # several, so that each worker is asked
        assert all("<Code>ExpiredToken</Code>" in answer.text for answer in answers)
        assert user.get("/-/console/session").json() is None

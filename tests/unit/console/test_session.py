"""Sessions of the console: what opens them, what ends them, how often one may guess, and what is served beside them."""

import hmac
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from objstore.api.auth.authenticator import Authenticator
from objstore.api.auth.console_session import COOKIE, SESSION_SECONDS, ConsoleSessions
from objstore.api.auth.keyring import RootKeyring
from objstore.api.console.app import Console
from objstore.api.console.limit import Limit, address_name
from objstore.api.request import Request
from objstore.cli.console_files import console_files
from objstore.identity.sealing import Sealer
from objstore.model import clock
from objstore.model.errors import AccessDenied
from objstore.model.identity_errors import ExpiredToken

ACCESS, SECRET = "OBJROOT", "a secret that is long enough"
KEY = bytes(range(32))


@dataclass
class World:
    client: httpx.AsyncClient
    sessions: ConsoleSessions
    records: list[dict[str, Any]]

    async def sign_in(self, secret: str = SECRET, access: str = ACCESS, **headers: str) -> httpx.Response:
        return await self.client.post(
            "/-/console/session", json={"access_key": access, "secret_key": secret}, headers=headers
        )


@pytest.fixture
async def world() -> AsyncIterator[World]:
    sessions = ConsoleSessions(Sealer([KEY]), RootKeyring(ACCESS, SECRET, "0" * 64))
    records: list[dict[str, Any]] = []
    console = Console(console_files(), sessions, "us-east-1", records.append)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await console(scope, receive, send)

    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway:9000") as client:
        yield World(client, sessions, records)


def request_with(cookie: str = "", **headers: str) -> Request:
    pairs = [
        (b"host", b"gateway"),
        *((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()),
    ]
    if cookie:
        pairs.append((b"cookie", f"theme=x; {COOKIE}={cookie}; other=y".encode()))

    async def receive() -> Any:
        raise AssertionError("nobody reads the body")

    scope = {"type": "http", "method": "GET", "raw_path": b"/bucket/key", "query_string": b"", "headers": pairs}
    return Request(scope, receive)


async def test_sign_in_gives_a_cookie_that_scripts_cannot_read(world: World) -> None:
    answer = await world.sign_in()
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"Path=/", "HttpOnly", "SameSite=Strict", f"Max-Age={SESSION_SECONDS}"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert SECRET not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    shown = (await world.client.get("/-/console/session")).json()
    assert shown == answer.json()
    assert shown["access_key"] == ACCESS
    assert shown["root"] is True
    assert [record["operation"] for record in world.records] == ["console:SignIn"]
    gone = await world.client.delete("/-/console/session")
    assert gone.status_code == 204
    assert "Max-Age=0" in gone.headers["set-cookie"]
    assert (await world.client.get("/-/console/session")).json() is None


async def test_the_cookie_is_secure_where_the_browser_sees_tls(world: World) -> None:
    answer = await world.sign_in(origin="https://console.example.com")
    assert "Secure" in answer.headers["set-cookie"].split("; ")


@pytest.mark.parametrize(("access", "secret"), [(ACCESS, "wrong"), ("nobody", SECRET), ("", ""), (ACCESS, "")])
async def test_wrong_keys_get_one_answer(world: World, access: str, secret: str) -> None:
    answer = await world.sign_in(secret, access)
    assert answer.status_code == 403
    assert answer.json()["error"]["message"] == "Access key and secret key do not belong together."
    assert "set-cookie" not in answer.headers
    assert world.records[-1]["allowed"] is False


async def test_guessing_is_limited_by_address(world: World) -> None:
    for number in range(10):
        assert (await world.sign_in("wrong", f"key{number}")).status_code == 403
    refused = await world.sign_in()
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 10


async def test_guessing_is_limited_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(clock, "monotonic_seconds", lambda: now[0])
    limit = Limit(burst=3, seconds=5.0, entries_max=2)
    for _ in range(3):
        assert limit.wait("a") == 0
        limit.note_failure("a")
    assert limit.wait("a") == 5
    assert limit.wait("b") == 0
    now[0] = 5.0
    assert limit.wait("a") == 0
    for name in ("b", "c", "d"):
        limit.note_failure(name)
    assert limit.wait("a") == 0
    assert len(limit._failures) == 2


def test_addresses_are_counted_by_customer() -> None:
    assert address_name("2001:db8:1:2:3:4:5:6") == address_name("2001:db8:1:2::9") != address_name("2001:db8:1:3::9")
    assert address_name("::ffff:192.0.2.1") == address_name("192.0.2.1") == "192.0.2.1"
    assert address_name("a socket") == "a socket"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"access_key=a&secret_key=b", "application/x-www-form-urlencoded"),
        (b"{}", "text/plain"),
        (b"{", "application/json"),
        (b'{"access_key":1,"secret_key":"x"}', "application/json"),
        (b'{"access_key":"a","secret_key":"b","x":1}', "application/json"),
    ],
)
async def test_forms_of_other_sites_are_no_sign_in(world: World, body: bytes, kind: str) -> None:
    answer = await world.client.post("/-/console/session", content=body, headers={"content-type": kind})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "InvalidRequest"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
async def test_other_sites_are_refused(world: World, site: str) -> None:
    assert (await world.sign_in(**{"sec-fetch-site": site})).status_code == 403
    await world.sign_in()
    headers = {"sec-fetch-site": site}
    assert (await world.client.get("/-/console/session", headers=headers)).status_code == 403
    assert (await world.client.delete("/-/console/session", headers=headers)).status_code == 403


async def test_only_a_request_with_the_token_is_the_sessions(world: World) -> None:
    answer = await world.sign_in()
    value, token = answer.cookies[COOKIE], answer.json()["csrf"]
    authenticator = Authenticator(RootKeyring(ACCESS, SECRET, "0" * 64), console=world.sessions)
    assert authenticator.authenticate(request_with(value)).identity.principal.anonymous
    proven = authenticator.authenticate(request_with(value, x_objstore_csrf=token))
    assert proven.identity.is_root
    for wrong in ("", token[:-1], token.upper(), "0" * len(token)):
        with pytest.raises(AccessDenied):
            authenticator.authenticate(request_with(value, x_objstore_csrf=wrong))
    with pytest.raises(AccessDenied):
        authenticator.authenticate(request_with(value, x_objstore_csrf=token, sec_fetch_site="cross-site"))
    with pytest.raises(ExpiredToken):
        authenticator.authenticate(request_with(x_objstore_csrf=token))
    without = Authenticator(RootKeyring(ACCESS, SECRET, "0" * 64))
    assert without.authenticate(request_with(value, x_objstore_csrf=token)).identity.principal.anonymous


async def test_what_ends_a_session(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    value = world.sessions.sign_in(ACCESS, SECRET)
    assert world.sessions.open_value(value).identity.access_key == ACCESS
    for keyring in (RootKeyring(ACCESS, "another secret", "0" * 64), RootKeyring("OTHER", SECRET, "0" * 64)):
        with pytest.raises(ExpiredToken):
            ConsoleSessions(Sealer([KEY]), keyring).open_value(value)
    with pytest.raises(ExpiredToken):
        ConsoleSessions(Sealer([bytes(32)]), RootKeyring(ACCESS, SECRET, "0" * 64)).open_value(value)
    for wrong in (
        "",
        "x",
        value[:-4],
        "B" + value[1:],
        value[:20] + ("A" if value[20] != "A" else "B") + value[21:],
        value + "AAAA",
        "é",
        "A" * 10_000,
    ):
        with pytest.raises(ExpiredToken):
            world.sessions.open_value(wrong)
    later = clock.now_seconds() + SESSION_SECONDS + 1
    monkeypatch.setattr(clock, "now_seconds", lambda: later)
    with pytest.raises(ExpiredToken):
        world.sessions.open_value(value)


async def test_files_are_served_safely(world: World) -> None:
    page = await world.client.get("/-/console/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    for rule in (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ):
        assert rule in policy.split("; ")
    assert "unsafe" not in policy
    for name, value in (("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"),
                        ("x-frame-options", "DENY"), ("cross-origin-opener-policy", "same-origin")):  # fmt: skip
        assert page.headers[name] == value
    script = re.search(r'src="(/-/console/a/[0-9a-f]{16}/main\.js)"', page.text)
    assert script
    first = await world.client.get(script[1])
    assert first.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in first.headers["cache-control"]
    assert first.headers["content-encoding"] == "gzip"
    again = await world.client.get(script[1], headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = await world.client.get(script[1], headers={"accept-encoding": "identity"})
    assert plain.text == first.text
    other = await world.client.get("/-/console/a/0123456789abcdef/main.js")
    assert (other.status_code, other.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    "path",
    ["nothing", "main.js", "a/", "a/x/../../app.py", "a/x/%2e%2e/app.py", "a/x/index.html", "a/x/vendor", "session/"],
)
async def test_nothing_else_is_served(world: World, path: str) -> None:
    answer = await world.client.get(f"/-/console/{path}")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "NotFound"


async def test_the_path_without_a_slash_leads_to_the_page(world: World) -> None:
    answer = await world.client.get("/-/console")
    assert (answer.status_code, answer.headers["location"]) == (308, "/-/console/")
    assert (await world.client.put("/-/console/")).status_code == 405


def test_an_unknown_key_and_a_wrong_secret_take_the_same_path(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = ConsoleSessions(Sealer([KEY]), RootKeyring(ACCESS, SECRET, "0" * 64))
    compared: list[tuple[int, int]] = []
    compare = hmac.compare_digest

    def noted(a: bytes, b: bytes) -> bool:
        compared.append((len(a), len(b)))
        return compare(a, b)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    for access, secret in ((ACCESS, "wrong"), ("nobody", SECRET)):
        with pytest.raises(AccessDenied):
            sessions.sign_in(access, secret)
    assert compared == [(32, 32), (32, 32)]

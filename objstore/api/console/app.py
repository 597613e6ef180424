"""The console's own paths: its files, its session. Everything else it does goes through S3 and the admin API.

GET    /-/console/          the page, and below it its files
POST   /-/console/session   {"access_key": …, "secret_key": …, "session_token"?: …} → a cookie, and who it is
GET    /-/console/session   who it is, and the token that requests have to carry in ``x-objstore-csrf``
DELETE /-/console/session   sign out
POST   /-/console/link      {"bucket": …, "key": …, "expires": seconds, …} → {"url": …}, presigned
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec

from objstore import __version__
from objstore.api.audit import Note, audit_record
from objstore.api.auth.authenticator import Authenticated
from objstore.api.auth.body import read_document
from objstore.api.auth.checks import UNSIGNED_PAYLOAD
from objstore.api.auth.console_session import COOKIE, SESSION_SECONDS, ConsoleSessions, Opened, check_site
from objstore.api.auth.keyring import NOBODY, Identity
from objstore.api.console.assets import PREFIX, Assets, Header, asset_answer
from objstore.api.console.limit import Limit, address_name
from objstore.api.request import Receive, Request, Scope
from objstore.api.s3.errors import status_of
from objstore.model.errors import AccessDenied, InvalidRequest, RequestError
from objstore.model.identity_errors import ExpiredToken

Send = Callable[[dict[str, Any]], Awaitable[None]]
Answer = tuple[int, list[Header], bytes]
T = TypeVar("T")
BODY_BYTES_MAX = 32 * 1024
_JSON: Header = (b"content-type", b"application/json")
POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    b"frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
_SAFE: list[Header] = [
    (b"content-security-policy", POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class SignIn(msgspec.Struct, forbid_unknown_fields=True):
    """What a person types."""

    access_key: str
    secret_key: str
    session_token: str = ""


class TooManyRequests(RequestError):
    """Too many failures: wait."""

    message = "Too many failed attempts to sign in: wait a little."


class Console:
    """The ASGI application of these paths. ``files``: see ``Assets``. ``region``: that links are signed for."""

    def __init__(
        self, files: Mapping[str, bytes], sessions: ConsoleSessions, region: str, audit: Note | None = None
    ) -> None:
        self._assets, self._sessions, self._region, self._audit = Assets(files), sessions, region, audit
        self._by_address, self._by_key = Limit(10, 10.0), Limit(30, 5.0)
        self._actions: dict[tuple[str, bytes], Callable[[Request], Awaitable[Answer]]] = {
            ("POST", b"session"): self._sign_in,
            ("GET", b"session"): self._show,
            ("DELETE", b"session"): self._sign_out,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        path = request.raw_path.removeprefix(PREFIX)
        action = self._actions.get((request.method, path))
        try:
            if action is not None:
                status, headers, body = await action(request)
            else:
                status, headers, body = self._file(request, path)
        except RequestError as error:
            status, headers, body = _refused(error, request)
        if any(name in request.headers for name in (b"content-length", b"transfer-encoding")):
            headers = [*headers, (b"connection", b"close")] if status >= 400 else headers
        if status != 304:
            headers = [*headers, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": [*headers, *_SAFE]})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else body})

    def _file(self, request: Request, path: bytes) -> Answer:
        if request.raw_path + b"/" == PREFIX:
            return 308, [(b"location", PREFIX)], b""
        if request.method not in ("GET", "HEAD"):
            return 405, [_JSON], b'{"error":{"code":"MethodNotAllowed","message":"only GET and HEAD"}}'
        found = self._assets.find(path.decode("latin-1"))
        if found is None:
            return 404, [_JSON], b'{"error":{"code":"NotFound","message":"there is nothing here"}}'
        return asset_answer(*found, request.headers)

    async def _sign_in(self, request: Request) -> Answer:
        check_site(request)
        asked = _parsed(await _document(request), SignIn)
        client = request.scope.get("client")
        address, key = address_name(str(client[0]) if client else ""), asked.access_key[:128]
        wait = max(self._by_address.wait(address), self._by_key.wait(key))
        try:
            if wait:
                refusal = TooManyRequests()
                refusal.headers = (("retry-after", str(math.ceil(wait))),)
                raise refusal
            value = self._sessions.sign_in(asked.access_key, asked.secret_key, asked.session_token)
        except AccessDenied:
            self._by_address.note_failure(address)
            self._by_key.note_failure(key)
            self._note(request, None, 403, "AccessDenied")
            raise
        except TooManyRequests:
            self._note(request, None, 429, "TooManyRequests")
            raise
        opened = self._sessions.open_value(value)
        self._note(request, opened.identity, 200)
        status, headers, body = self._shown(opened)
        return status, [*headers, _cookie(request, value, SESSION_SECONDS)], body

    async def _show(self, request: Request) -> Answer:
        check_site(request)
        try:
            return self._shown(self._sessions.open(request))
        except ExpiredToken:  # nobody has signed in: that is an answer, and no error
            return _reply(None)

    async def _sign_out(self, request: Request) -> Answer:
        check_site(request)
        return 204, [_cookie(request, "", 0), (b"cache-control", b"no-store")], b""

    def _shown(self, opened: Opened) -> Answer:
        identity, principal = opened.identity, opened.identity.principal
        return _reply(
            {
                "access_key": identity.access_key,
                "name": principal.name or principal.arn.rpartition(":")[2],
                "arn": principal.arn,
                "root": identity.is_root,
                "csrf": opened.csrf,
                "expires": int(opened.expires),
                "region": self._region,
                "version": __version__,
            }
        )

    def _note(self, request: Request, identity: Identity | None, status: int, code: str = "") -> None:
        if self._audit is not None:
            self._audit(audit_record(request, identity, "console:SignIn", status, code=code))


def _parsed(body: bytes, kind: type[T]) -> T:
    """A JSON document of one form; raises InvalidRequest."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"The body is not what it should be: {error}") from None


async def _document(request: Request) -> bytes:
    """The body of a request that no form of another site can send: it has to call itself JSON."""
    if request.headers.get(b"content-type", b"").partition(b";")[0].strip() != b"application/json":
        raise InvalidRequest("The body has to be application/json.")
    return await read_document(request, Authenticated(NOBODY, UNSIGNED_PAYLOAD), BODY_BYTES_MAX)


def _reply(content: dict[str, Any] | None) -> Answer:
    return 200, [_JSON, (b"cache-control", b"no-store")], msgspec.json.encode(content)


def _refused(error: RequestError, request: Request) -> Answer:
    status = 429 if isinstance(error, TooManyRequests) else status_of(error)
    headers = [_JSON, (b"cache-control", b"no-store")]
    headers += [(name.encode(), value.encode()) for name, value in error.headers]
    content = {"code": error.code, "message": str(error), "request_id": request.request_id}
    return status, headers, msgspec.json.encode({"error": content})


def _scheme(request: Request) -> str:
    """As the browser sees it: TLS may end before us."""
    is_secure = request.scope.get("scheme") == "https" or request.headers.get(b"origin", b"").startswith(b"https://")
    return "https" if is_secure else "http"


def _cookie(request: Request, value: str, seconds: int) -> Header:
    secure = "; Secure" if _scheme(request) == "https" else ""
    text = f"{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    return b"set-cookie", text.encode()

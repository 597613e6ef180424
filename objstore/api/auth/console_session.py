"""Console sessions: what a browser holds instead of a secret key.

The cookie is sealed with the server's master keys, so every worker and gateway opens it and none has to keep it. It
names an access key and says what the secret was: where the key is gone or has another secret, it opens nothing.

A cookie alone proves nothing: browsers send it with whatever a page asks for. A request counts as the session's only
with the header ``x-objstore-csrf``, which no form, image or link can send, and which holds a token that only pages of
the console's own origin can read.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie

import msgspec

from objstore.api.auth.keyring import Identity, Keyring
from objstore.api.request import Request
from objstore.identity.sealing import SealBroken, Sealer
from objstore.model import clock
from objstore.model.errors import AccessDenied, RequestError
from objstore.model.identity_errors import ExpiredToken

COOKIE = "objstore-console"
CSRF = b"x-objstore-csrf"
SESSION_SECONDS = 8 * 3600
COOKIE_CHARS_MAX = 3800  # browsers keep 4096, name and attributes included
_CONTEXT = b"console session"
_FETCH_SITE = b"sec-fetch-site"
_CACHED = 1024


class Sealed(msgspec.Struct, frozen=True):
    """What stands in a cookie. ``proof``: of the secret; ``token``: of temporary credentials, or empty."""

    access_key: str
    proof: bytes
    csrf: str
    issued: float
    token: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that counts: whose it is, the token of its requests, until when (seconds since the epoch)."""

    identity: Identity
    csrf: str
    expires: float


class ConsoleSessions:
    """Makes cookies from keys that a keyring knows, and finds out whose they are."""

    def __init__(self, sealer: Sealer, keyring: Keyring) -> None:
        self._sealer, self._keyring = sealer, keyring
        self._nobody = clock.random_bytes(32).hex()
        self._unsealed = lru_cache(_CACHED)(self._unseal)

    def sign_in(self, access_key: str, secret: str, token: str = "") -> str:
        """The value of a cookie; raises AccessDenied, the same for a key that is not known and for a wrong secret."""
        try:
            found = self._keyring.find(access_key, token)
        except RequestError:
            found = None
        known, identity = found or (self._nobody, None)
        matches = hmac.compare_digest(_proof(known), _proof(secret))
        if identity is None or not matches:
            raise AccessDenied("Access key and secret key do not belong together.")
        sealed = Sealed(access_key, _proof(secret), clock.random_bytes(24).hex(), clock.now_seconds(), token)
        value = base64.urlsafe_b64encode(self._sealer.seal(msgspec.msgpack.encode(sealed), _CONTEXT)).decode()
        if len(value) > COOKIE_CHARS_MAX:
            raise AccessDenied("The session token is too long for a cookie.")
        return value

    def open(self, request: Request) -> Opened:
        """The session of a request's cookie; raises ExpiredToken."""
        return self.open_value(_cookie_of(request))

    def open_value(self, value: str) -> Opened:
        """The session of a cookie's value; raises ExpiredToken."""
        sealed = self._unsealed(value) if 0 < len(value) <= COOKIE_CHARS_MAX else None
        expires = sealed.issued + SESSION_SECONDS if sealed else 0.0
        if sealed is None or expires <= clock.now_seconds():
            raise _over()
        try:
            found = self._keyring.find(sealed.access_key, sealed.token)
        except RequestError:
            found = None
        if found is None or not hmac.compare_digest(_proof(found[0]), sealed.proof):
            raise _over()
        return Opened(found[1], sealed.csrf, expires)

    def identify(self, request: Request) -> Identity:
        """Whose a request with the header ``CSRF`` is; raises ExpiredToken, AccessDenied."""
        opened = self.open(request)
        check_site(request)
        if not hmac.compare_digest(request.headers.get(CSRF, b""), opened.csrf.encode()):
            raise AccessDenied("The request does not carry its session's token.")
        return opened.identity

    def _unseal(self, value: str) -> Sealed | None:
        try:
            raw = base64.b64decode(value.encode("ascii"), altchars=b"-_", validate=True)
            return msgspec.msgpack.decode(self._sealer.open(raw, _CONTEXT), type=Sealed)
        except (binascii.Error, UnicodeEncodeError, ValueError, SealBroken, msgspec.DecodeError):
            return None


def check_site(request: Request) -> None:
    """Raise AccessDenied where the browser says that another site asks."""
    if request.headers.get(_FETCH_SITE, b"same-origin") != b"same-origin":
        raise AccessDenied("The request comes from another site.")


def _cookie_of(request: Request) -> str:
    raw = request.headers.get(b"cookie", b"")
    if not raw or len(raw) > 16 * 1024:
        return ""
    try:
        found = SimpleCookie(raw.decode("latin-1")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _proof(secret: str) -> bytes:
    return sha256(b"console\0" + secret.encode()).digest()


def _over() -> ExpiredToken:
    return ExpiredToken("The session is over: sign in again.")

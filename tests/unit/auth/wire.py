"""Requests as a client would send them, signed by code of the tests' own: shares nothing with what is tested."""

import asyncio
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from objstore.api.auth.authenticator import Authenticator
from objstore.api.auth.keyring import RootKeyring
from objstore.api.request import Request

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
OWNER_ID = "0" * 63 + "1"
NOW_SECONDS = 1369353600.0  # 2013-05-24 00:00:00, the moment of AWS's examples
TIMESTAMP = "20130524T000000Z"
EMPTY_SHA256 = hashlib.sha256().hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"

AUTHENTICATOR = Authenticator(RootKeyring(ACCESS_KEY, SECRET_KEY, OWNER_ID))

Headers = dict[str, str]


class Wire:
    """An ASGI ``receive``: pieces of a body, then its end, or a client that vanishes."""

    def __init__(self, pieces: Iterable[bytes] = (b"",), *, vanishes: bool = False, stalls: bool = False) -> None:
        self.messages: list[dict[str, Any]] = [
            {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
        ]
        self.stalls = stalls
        if vanishes:
            self.messages.append({"type": "http.disconnect"})
        elif self.messages and not stalls:
            self.messages[-1]["more_body"] = False
        self.calls = 0

    async def __call__(self) -> dict[str, Any]:
        """Next message."""
        self.calls += 1
        if self.messages:
            return self.messages.pop(0)
        if self.stalls:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}


def request_of(
    method: str,
    target: str,
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    wire: Wire | None = None,
    domain: bytes = b"",
) -> Request:
    """A request as the HTTP server hands it over."""
    raw_path, _, query = target.partition("?")
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    scope = {
        "type": "http",
        "method": method,
        "raw_path": raw_path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
    }
    return Request(scope, wire or Wire(), domain)


def signing_key(secret: str, date: str, region: str, service: str = "s3", terminator: str = "aws4_request") -> bytes:
    """Key of version 4."""
    key = b"AWS4" + secret.encode()
    for part in (date, region, service, terminator):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def canonical(method: str, path: str, query: str, headers: Mapping[str, str], signed: str, payload: str) -> str:
    """Canonical request; ``path`` and ``query`` are taken as they are given."""
    lines = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in signed.split(";"))
    return f"{method}\n{path}\n{query}\n{lines}\n{signed}\n{payload}"


def signature(request: str, timestamp: str, scope: str, key: bytes) -> str:
    """Signature of a canonical request."""
    digest = hashlib.sha256(request.encode("latin-1")).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{digest}"
    return hmac.new(key, text.encode("latin-1"), hashlib.sha256).hexdigest()


def sign_header(
    method: str = "GET",
    target: str = "/bucket/key",
    headers: Headers | None = None,
    *,
    payload: str | None = EMPTY_SHA256,
    timestamp: str = TIMESTAMP,
    date: str = TIMESTAMP[:8],
    region: str = "us-east-1",
    service: str = "s3",
    terminator: str = "aws4_request",
    access_key: str = ACCESS_KEY,
    secret: str = SECRET_KEY,
    signed: str | None = None,
    without: tuple[str, ...] = (),
) -> Headers:
    """Headers of a request signed with an Authorization header; ``without``: sent and not signed."""
    sent = {"host": "localhost:9000", "x-amz-date": timestamp, **(headers or {})}
    if payload is not None:
        sent["x-amz-content-sha256"] = payload
    path, _, query = target.partition("?")
    names = signed or ";".join(sorted(name for name in sent if name not in without))
    scope = f"{date}/{region}/{service}/{terminator}"
    pairs = "&".join(sorted(part if "=" in part else part + "=" for part in query.split("&") if part))
    request = canonical(method, path, pairs, sent, names, payload or "")
    value = signature(request, timestamp, scope, signing_key(secret, date, region, service, terminator))
    sent["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names}, Signature={value}"
    )
    return sent


def signature_in(headers: Headers) -> str:
    """The hex digits of an Authorization header."""
    return headers["authorization"].rpartition("=")[2]


def presign(
    method: str = "GET",
    path: str = "/bucket/key",
    query: str = "",
    headers: Headers | None = None,
    *,
    expires: str | None = "3600",
    timestamp: str = TIMESTAMP,
    region: str = "us-east-1",
    service: str = "s3",
    terminator: str = "aws4_request",
    algorithm: str = "AWS4-HMAC-SHA256",
    access_key: str = ACCESS_KEY,
    secret: str = SECRET_KEY,
    payload: str = UNSIGNED,
) -> tuple[str, Headers]:
    """Target and headers of a presigned request; ``headers`` are sent and signed."""
    sent = {"host": "localhost:9000", **(headers or {})}
    scope = f"{timestamp[:8]}/{region}/{service}/{terminator}"
    signed = ";".join(sorted(sent))
    pairs = [part for part in query.split("&") if part] + [
        f"X-Amz-Algorithm={algorithm}",
        f"X-Amz-Credential={quote(f'{access_key}/{scope}', safe='')}",
        f"X-Amz-Date={timestamp}",
        f"X-Amz-SignedHeaders={quote(signed, safe='')}",
    ]
    if expires is not None:
        pairs.append(f"X-Amz-Expires={expires}")
    text = "&".join(sorted(part if "=" in part else part + "=" for part in pairs))
    key = signing_key(secret, timestamp[:8], region, service, terminator)
    value = signature(canonical(method, path, text, sent, signed, payload), timestamp, scope, key)
    return f"{path}?{text}&X-Amz-Signature={value}", sent


class ChunkWriter:
    """Writes an aws-chunked body; ``key`` and ``seed`` make it a signed one."""

    def __init__(self, headers: Headers | None = None, *, region: str = "us-east-1", secret: str = SECRET_KEY) -> None:
        self.signed = headers is not None
        self.previous = signature_in(headers) if headers is not None else ""
        self.key = signing_key(secret, TIMESTAMP[:8], region)
        self.scope = f"{TIMESTAMP[:8]}/{region}/s3/aws4_request"

    def _sign(self, kind: str, *rest: str) -> str:
        text = "\n".join([kind, TIMESTAMP, self.scope, self.previous, *rest])
        self.previous = hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()
        return self.previous

    def chunk(self, data: bytes) -> bytes:
        """One chunk; the last has no data and, here, no end."""
        extension = ""
        if self.signed:
            value = self._sign("AWS4-HMAC-SHA256-PAYLOAD", EMPTY_SHA256, hashlib.sha256(data).hexdigest())
            extension = f";chunk-signature={value}"
        return f"{len(data):x}{extension}\r\n".encode() + data + (b"\r\n" if data else b"")

    def trailers(self, trailers: Mapping[str, str]) -> bytes:
        """Trailers, with their signature in the signed form, and the end of the body."""
        text = "".join(f"{name}:{value}\r\n" for name, value in trailers.items())
        if self.signed and trailers:
            plain = "".join(f"{name}:{value}\n" for name, value in trailers.items())
            value = self._sign("AWS4-HMAC-SHA256-TRAILER", hashlib.sha256(plain.encode()).hexdigest())
            text += f"x-amz-trailer-signature:{value}\r\n"
        return text.encode() + b"\r\n"

    def body(self, chunks: Iterable[bytes], trailers: Mapping[str, str] | None = None) -> bytes:
        """A whole body."""
        return b"".join([self.chunk(data) for data in chunks]) + self.chunk(b"") + self.trailers(trailers or {})

"""AWS Signature Version 4: its parts, taken from a header or a query, and its arithmetic.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from hashlib import sha256
from itertools import pairwise

from objstore.model.errors import (
    AccessDenied,
    AuthorizationHeaderMalformed,
    AuthorizationQueryParametersError,
    InvalidArgument,
    InvalidRequest,
    RequestError,
)
from objstore.model.limits import PRESIGN_SECONDS_MAX

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
SERVICE = "s3"
S3_ONLY = frozenset({SERVICE})
UNSUPPORTED = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
QUERY_NAMES = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)

# No cache may keep long text of somebody who has not proved who they are: lengths are checked before it is asked.
_CACHE_ENTRIES_MAX = 4096
_CREDENTIAL_CHARS_MAX = 256
_SIGNED_HEADERS_CHARS_MAX = 8192
_SIGNED_HEADERS_ENTRIES_MAX = 256
_DATE_CHARS_MAX = 64
_CREDENTIAL_FORM = 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
_INNER_PAD = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD = bytes(byte ^ 0x5C for byte in range(256))


class Malformed(Exception):
    """A part is not of the published form; header and query dress it in different S3 codes."""


class HmacKey:
    """HMAC-SHA256 with its key's two blocks hashed beforehand: half the time of ``hmac.digest``."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = (key if len(key) <= 64 else sha256(key).digest()).ljust(64, b"\0")
        self._inner = sha256(block.translate(_INNER_PAD))
        self._outer = sha256(block.translate(_OUTER_PAD))

    def hex(self, message: bytes) -> str:
        """Code of a message, 64 lower-case hex digits."""
        inner = self._inner.copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.hexdigest()


@dataclass(frozen=True, slots=True)
class Scope:
    """Credential scope. ``text``: ``20130524/us-east-1/s3/aws4_request``."""

    access_key: str
    date: str
    region: str
    text: str
    service: str = SERVICE


@dataclass(slots=True)
class Signature:
    """What a client says of its signature. ``timestamp``: ``20130524T000000Z``; ``signed``: names, sorted."""

    scope: Scope
    timestamp: str
    signed: tuple[bytes, ...]
    signed_text: str
    value: str


@lru_cache(_CACHE_ENTRIES_MAX)
def signing_key(secret: str, date: str, region: str, service: str = SERVICE) -> HmacKey:
    """Key of a day, region, service and secret. Cached: deriving it costs four HMACs."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return HmacKey(key)


@lru_cache(_CACHE_ENTRIES_MAX)
def scope_of(credential: str, services: frozenset[str] = S3_ONLY) -> Scope:
    """The scope of a credential for one of ``services``; raises Malformed."""
    parts = credential.rsplit("/", 4)  # an access key may hold a slash
    if len(parts) != 5 or not parts[0] or len(credential) > _CREDENTIAL_CHARS_MAX:
        raise Malformed(_CREDENTIAL_FORM)
    access_key, date, region, service, terminator = parts
    if len(date) != 8 or not (date.isascii() and date.isdigit()):
        raise Malformed(f'incorrect date format "{date}". The date in the credential must be in the format "yyyyMMdd".')
    if service not in services:
        raise Malformed(f'incorrect service "{service}". This endpoint belongs to "{", ".join(sorted(services))}".')
    if terminator != TERMINATOR:
        raise Malformed(f'incorrect terminal "{terminator}". This endpoint uses "{TERMINATOR}".')
    if not region:
        raise Malformed(_CREDENTIAL_FORM)
    return Scope(access_key, date, region, credential[len(access_key) + 1 :], service)


@lru_cache(_SIGNED_HEADERS_ENTRIES_MAX)
def _signed_names(text: str) -> tuple[bytes, ...]:
    """Names of SignedHeaders; Malformed unless lower-case, sorted and each there once."""
    names = text.split(";")
    if len(text) > _SIGNED_HEADERS_CHARS_MAX or not text.isascii() or text.lower() != text:
        raise Malformed("the SignedHeaders are mal-formed; expecting lower-case names.")
    if not all(names) or any(a >= b for a, b in pairwise(names)):
        raise Malformed("the SignedHeaders are mal-formed; expecting sorted names, each once.")
    return tuple(name.encode() for name in names)


def seconds_of(timestamp: str) -> int | None:
    """Unix time of ``20130524T000000Z``; None if it is not one."""
    return _seconds_of(timestamp) if len(timestamp) == 16 else None


def timestamp_of(seconds: float) -> str:
    """``20130524T000000Z`` for a Unix time."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")


def timestamp_of_date(date: str) -> str | None:
    """``20130524T000000Z`` for the value of a Date header in either form; None if it is neither."""
    return _timestamp_of_date(date) if len(date) <= _DATE_CHARS_MAX else None


@lru_cache(_CACHE_ENTRIES_MAX)
def _seconds_of(timestamp: str) -> int | None:
    date, time = timestamp[:8], timestamp[9:15]
    if timestamp[8] != "T" or timestamp[15] != "Z" or not (date + time).isdigit() or not timestamp.isascii():
        return None
    year, month, day = int(date[:4]), int(date[4:6]), int(date[6:])
    hour, minute, second = int(time[:2]), int(time[2:4]), int(time[4:])
    try:
        return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except ValueError:
        return None


@lru_cache(_CACHE_ENTRIES_MAX)
def _timestamp_of_date(date: str) -> str | None:
    if seconds_of(date) is not None:
        return date
    try:
        moment = parsedate_to_datetime(date)
        moment -= moment.utcoffset() or timedelta()
    except (ValueError, TypeError, OverflowError):
        return None
    return f"{moment.year:04}{moment:%m%dT%H%M%SZ}"


def from_header(authorization: str, timestamp: str, services: frozenset[str] = S3_ONLY) -> Signature:
    """Signature of an Authorization header for one of ``services``.

    Raises AuthorizationHeaderMalformed, InvalidRequest, InvalidArgument.
    """
    if not authorization.startswith("AWS4-HMAC-SHA256 "):
        raise _unsupported(authorization)
    parts = {}
    pieces = authorization[17:].split(",")
    for piece in pieces:
        name, _, value = piece.strip().partition("=")
        parts[name] = value
    try:
        if len(pieces) != 3:
            raise KeyError(len(pieces))
        credential, signed, value = parts["Credential"], parts["SignedHeaders"], parts["Signature"]
    except KeyError:
        raise AuthorizationHeaderMalformed(
            "The authorization header is malformed; the authorization header requires three components: "
            "Credential, SignedHeaders, and Signature."
        ) from None
    try:
        return _signature(credential, timestamp, signed, value, services)
    except Malformed as error:
        raise AuthorizationHeaderMalformed(f"The authorization header is malformed; {error}") from None


def from_query(query: dict[str, str]) -> tuple[Signature, int]:
    """Signature and ``X-Amz-Expires`` of a presigned URL; raises AuthorizationQueryParametersError."""
    try:
        algorithm, credential, value, timestamp, signed, expires = [query[name] for name in QUERY_NAMES]
    except KeyError:
        raise AuthorizationQueryParametersError(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        ) from None
    if algorithm != ALGORITHM:
        raise AuthorizationQueryParametersError(f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    try:
        return _signature(credential, timestamp, signed, value), _lifetime(expires)
    except Malformed as error:
        raise AuthorizationQueryParametersError(f"Error parsing the X-Amz-Credential parameter; {error}") from None


def _signature(
    credential: str, timestamp: str, signed: str, value: str, services: frozenset[str] = S3_ONLY
) -> Signature:
    scope = scope_of(credential, services)
    if scope.date != timestamp[:8]:
        raise Malformed(
            f'Invalid credential date "{scope.date}". This date is not the same as X-Amz-Date: "{timestamp[:8]}".'
        )
    return Signature(scope, timestamp, _signed_names(signed), signed, value)


def _lifetime(expires: str) -> int:
    """Seconds of ``X-Amz-Expires``: 1 to a week."""
    if not (expires.isascii() and expires.lstrip("-").isdigit()):
        raise AuthorizationQueryParametersError("X-Amz-Expires should be a number")
    if expires[0] == "-":
        raise AuthorizationQueryParametersError("X-Amz-Expires must be non-negative")
    seconds = int(expires) if len(expires) < 10 else PRESIGN_SECONDS_MAX + 1
    if seconds > PRESIGN_SECONDS_MAX:
        raise AuthorizationQueryParametersError(
            f"X-Amz-Expires must be less than a week (in seconds) that is, the given X-Amz-Expires must be less than "
            f"{PRESIGN_SECONDS_MAX} seconds"
        )
    if not seconds:
        raise AuthorizationQueryParametersError("X-Amz-Expires must be at least 1 second")
    return seconds


def _unsupported(authorization: str) -> RequestError:
    scheme = authorization.partition(" ")[0]
    if scheme == "AWS" or scheme.startswith("AWS4-"):
        return InvalidRequest(UNSUPPORTED)
    return InvalidArgument("Unsupported Authorization Type", ArgumentName="Authorization", ArgumentValue=authorization)


def missing_timestamp() -> RequestError:
    """Neither a usable ``x-amz-date`` nor a usable ``Date``."""
    return AccessDenied("AWS authentication requires a valid Date or x-amz-date header")


def string_to_sign(signature: Signature, canonical_request: bytes) -> bytes:
    """What is signed: algorithm, time, scope and the canonical request's hash."""
    digest = sha256(canonical_request).hexdigest()
    return f"{ALGORITHM}\n{signature.timestamp}\n{signature.scope.text}\n{digest}".encode()

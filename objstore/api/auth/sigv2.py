"""AWS Signature Version 2 in a query: boto3's default for presigned URLs on a custom endpoint.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html
"""

import base64
import hmac
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from objstore.api.request import Request
from objstore.model import clock
from objstore.model.errors import AccessDenied, RequestTimeTooSkewed
from objstore.model.limits import CLOCK_SKEW_SECONDS_MAX

QUERY_NAMES = ("AWSAccessKeyId", "Signature", "Expires")

# Part of the canonical resource when they stand in the query.
_SIGNED_NAMES = """
    accelerate acl analytics cors defaultObjectAcl delete inventory lifecycle location logging metrics notification
    object-lock partNumber policy replication requestPayment response-cache-control response-content-disposition
    response-content-encoding response-content-language response-content-type response-expires restore select
    select-type storageClass tagging torrent uploadId uploads versionId versioning versions website
"""
SIGNED_QUERY = frozenset(_SIGNED_NAMES.split())
# Version 2 does not sign these, and they cannot turn the request into another operation. Whatever is in neither list
# is refused: else the holder of a URL could add a sub-resource that its maker never meant to give away.
_FREE_NAMES = """
    AWSAccessKeyId Signature Expires prefix delimiter marker max-keys encoding-type list-type continuation-token
    start-after fetch-owner key-marker upload-id-marker version-id-marker max-uploads max-parts part-number-marker
    x-id content-type content-md5
"""
_FREE_QUERY = frozenset(_FREE_NAMES.split())


def signed_headers(request: Request) -> dict[bytes, bytes]:
    """The headers that version 2 signs, lower-case: those sent, and those that the URL carries in its query."""
    found: dict[bytes, bytes] = {}
    for name, value in request.query_pairs:
        if _is_signed(lower := name.lower().encode()):
            found.setdefault(lower, value.encode())
    found.update((name, value) for name, value in request.headers.items() if _is_signed(name))
    return found


def date_of(request: Request) -> str:
    """The Date header as it is signed, checked to be near ours. Raises AccessDenied, RequestTimeTooSkewed."""
    sent = request.header(b"x-amz-date") if b"x-amz-date" in request.headers else request.header(b"date")
    try:
        moment = parsedate_to_datetime(sent)
        seconds = (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        seconds = -1.0
    if seconds < 0:
        raise AccessDenied("AWS authentication requires a valid Date or x-amz-date header")
    if abs(clock.now_seconds() - seconds) > CLOCK_SKEW_SECONDS_MAX:
        raise RequestTimeTooSkewed(RequestTime=sent, MaxAllowedSkewMilliseconds=CLOCK_SKEW_SECONDS_MAX * 1000)
    return request.header(b"date")


def check_query(request: Request) -> None:
    """Refuse what the signature does not cover; raises AccessDenied."""
    free = [
        name
        for name in request.query
        if name not in SIGNED_QUERY and name not in _FREE_QUERY and not name.lower().startswith("x-amz-")
    ]
    if free or request.has_repeated_query():
        raise AccessDenied(
            "There were query parameters present in the request which were not signed",
            QueryParametersNotSigned=", ".join(free),
        )


def string_to_sign(request: Request, headers: Mapping[bytes, bytes], expires: str, raw_path: bytes) -> bytes:
    """What is signed; ``headers`` as ``signed_headers`` gives them."""
    amz = b"".join(
        name + b":" + headers[name].strip() + b"\n" for name in sorted(headers) if name.startswith(b"x-amz-")
    )
    standard = headers.get(b"content-md5", b"").strip() + b"\n" + headers.get(b"content-type", b"").strip()
    return b"\n".join([request.method.encode(), standard, expires.encode(), amz + _resource(request, raw_path)])


def sign(secret: str, message: bytes) -> str:
    """HMAC-SHA1, base64."""
    return base64.b64encode(hmac.digest(secret.encode(), message, "sha1")).decode()


def _is_signed(name: bytes) -> bool:
    return name.startswith(b"x-amz-") or name in (b"content-md5", b"content-type")


def _resource(request: Request, raw_path: bytes) -> bytes:
    path = b"/" + request.bucket.encode() + raw_path if request.virtual_host else raw_path
    if not request.query_string:
        return path
    text = f"&{request.query_string.decode('latin-1')}"
    named = [
        f"{name}={value}" if value or f"&{name}=" in text else name  # ?uploads= is signed with its "="
        for name, value in sorted(request.query.items())
        if name in SIGNED_QUERY
    ]
    return path + b"?" + "&".join(named).encode() if named else path

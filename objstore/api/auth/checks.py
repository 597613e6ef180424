"""What a signed request must satisfy besides its signature: time, payload mode, what has to be signed."""

from datetime import UTC, datetime

from objstore.api.auth import sigv4
from objstore.api.request import Request
from objstore.model import clock
from objstore.model.errors import (
    AccessDenied,
    AuthorizationHeaderMalformed,
    AuthorizationQueryParametersError,
    InvalidArgument,
    InvalidRequest,
    RequestError,
    RequestTimeTooSkewed,
)
from objstore.model.limits import CLOCK_SKEW_SECONDS_MAX

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
STREAMING_UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
STREAMING_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
STREAMING_SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
STREAMING_MODES = frozenset({STREAMING_UNSIGNED_TRAILER, STREAMING_SIGNED, STREAMING_SIGNED_TRAILER})

_HEX_DIGITS = "0123456789abcdefABCDEF"
_NO_HEX = str.maketrans("", "", _HEX_DIGITS)


def check_repeated(request: Request) -> None:
    """Exactly one Host, at most one Authorization; raises InvalidRequest, AuthorizationHeaderMalformed."""
    if b"host" not in request.headers or b"host" in request.repeated:
        raise InvalidRequest("The request must have exactly one Host header.")
    if b"authorization" in request.repeated:
        raise AuthorizationHeaderMalformed("The authorization header is malformed; it must be sent once.")


def check_repeated_query(request: Request) -> None:
    """Each parameter of the signature once; raises AuthorizationQueryParametersError."""
    seen: set[str] = set()
    for name, _ in request.query_pairs:
        if name in seen and name in (*sigv4.QUERY_NAMES, "X-Amz-Content-Sha256"):
            raise AuthorizationQueryParametersError(f"{name} must be sent once.")
        seen.add(name)


def check_skew(timestamp: str) -> None:
    """The request's time within 15 minutes of ours; raises RequestTimeTooSkewed."""
    now = clock.now_seconds()
    if abs(now - (sigv4.seconds_of(timestamp) or 0)) > CLOCK_SKEW_SECONDS_MAX:
        raise RequestTimeTooSkewed(
            RequestTime=timestamp, ServerTime=_iso(now), MaxAllowedSkewMilliseconds=CLOCK_SKEW_SECONDS_MAX * 1000
        )


def check_lifetime(timestamp: str, lifetime: int) -> None:
    """A presigned URL of version 4 in its time; raises AuthorizationQueryParametersError, AccessDenied."""
    begin = sigv4.seconds_of(timestamp)
    if begin is None:
        raise AuthorizationQueryParametersError(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        )
    now = clock.now_seconds()
    if begin > now + CLOCK_SKEW_SECONDS_MAX:
        raise AccessDenied("Request is not yet valid", **{"X-Amz-Date": timestamp, "ServerTime": _iso(now)})
    if now > begin + lifetime:
        raise AccessDenied(
            "Request has expired",
            **{"X-Amz-Expires": lifetime, "Expires": _iso(begin + lifetime), "ServerTime": _iso(now)},
        )


def check_expiry(expires: str) -> None:
    """A presigned URL of version 2 in its time; raises AccessDenied."""
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 12):
        raise AccessDenied(f"Invalid date (should be seconds since epoch): {expires}")
    now = clock.now_seconds()
    if now > int(expires):
        raise AccessDenied("Request has expired", Expires=_iso(int(expires)), ServerTime=_iso(now))


def check_payload(payload: str) -> None:
    """Allow the listed modes and a SHA-256, deny everything else; raises InvalidArgument."""
    if payload == UNSIGNED_PAYLOAD or payload in STREAMING_MODES:
        return
    if len(payload) != 64 or payload.translate(_NO_HEX):
        raise InvalidArgument(
            f"x-amz-content-sha256 must be {UNSIGNED_PAYLOAD}, {STREAMING_UNSIGNED_TRAILER}, {STREAMING_SIGNED}, "
            f"{STREAMING_SIGNED_TRAILER} or a valid sha256 value.",
            ArgumentName="x-amz-content-sha256",
            ArgumentValue=payload,
        )


def check_signed_headers(headers: dict[bytes, bytes], signed: tuple[bytes, ...]) -> None:
    """Host and every ``x-amz-*`` header that was sent must be signed; raises AccessDenied."""
    unsigned = [name for name in headers if name[:6] == b"x-amz-" and name not in signed]
    if b"host" not in signed:
        unsigned.append(b"host")
    if unsigned:
        raise not_signed(unsigned)


def not_signed(names: list[bytes]) -> RequestError:
    """These headers were sent and not signed."""
    return AccessDenied(
        "There were headers present in the request which were not signed",
        HeadersNotSigned=", ".join(name.decode("latin-1") for name in names),
    )


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

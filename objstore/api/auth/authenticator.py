"""Authenticator: proves who sent a request, before a byte of its body is asked for.

Every way in ends in a signature over the method, the path, the whole query and every ``x-amz-*`` header, compared in
constant time. A key that is not known goes the same way as a wrong one, with a secret that nobody has.
"""

import hmac
from dataclasses import dataclass
from hashlib import sha256

from objstore.api.auth import canonical, sigv2, sigv4
from objstore.api.auth.checks import (
    STREAMING_SIGNED,
    STREAMING_SIGNED_TRAILER,
    UNSIGNED_PAYLOAD,
    check_expiry,
    check_lifetime,
    check_payload,
    check_repeated,
    check_repeated_query,
    check_signed_headers,
    check_skew,
    not_signed,
)
from objstore.api.auth.console_session import CSRF, ConsoleSessions
from objstore.api.auth.hoisted import SIGNATURE_PARAMETERS, take_hoisted
from objstore.api.auth.keyring import NOBODY, Identity, Keyring
from objstore.api.auth.sigv4 import HmacKey, Signature
from objstore.api.request import Request
from objstore.model import clock
from objstore.model.errors import (
    AccessDenied,
    AuthorizationQueryParametersError,
    ExpectationFailed,
    InvalidAccessKeyId,
    InvalidArgument,
    InvalidRequest,
    RequestError,
    SignatureDoesNotMatch,
)
from objstore.model.identity_errors import MissingAuthenticationToken

QUERY_SERVICES = frozenset({"iam", "sts"})


@dataclass(slots=True)
class ChunkSigning:
    """What the signatures of chunks are chained from. ``seed``: the request's own signature, hex."""

    key: HmacKey
    timestamp: str
    scope: str
    seed: str


@dataclass(slots=True)
class Authenticated:
    """Who, and what the payload must be: ``payload`` is one of the modes of ``checks.py`` or 64 hex digits of SHA-256.

    ``chunk_signing`` is there exactly for the two modes with signed chunks.
    """

    identity: Identity
    payload: str
    chunk_signing: ChunkSigning | None = None


class Authenticator:
    """Checks signatures against the secrets of a keyring. ``directory``: who there is.

    ``lenient``: takes what test suites of other servers send besides: version 2 in the Authorization header, any
    Expect, and 403 for a presigned URL with a lifetime that cannot be. ``console``: whose sessions count, of requests
    that carry no signature.
    """

    def __init__(self, keyring: Keyring, *, lenient: bool = False, console: ConsoleSessions | None = None) -> None:
        self._keyring, self._lenient, self._console = keyring, lenient, console
        self.directory, self.sessions = keyring.directory, keyring.sessions
        self._nobody = clock.random_bytes(32).hex()

    def authenticate(self, request: Request) -> Authenticated:
        """Who sent the request; raises the RequestError that AWS would answer with."""
        if request.refusal is not None:
            raise request.refusal
        headers = request.headers
        if request.repeated or b"host" not in headers:
            check_repeated(request)
        if b"expect" in headers and headers[b"expect"].strip().lower() != b"100-continue" and not self._lenient:
            raise ExpectationFailed
        kind = _kind_of_query(request) if request.query_string else None
        authorization = headers.get(b"authorization")
        if authorization is not None:
            if kind is not None:
                raise _two_mechanisms(authorization)
            if self._lenient and authorization.startswith(b"AWS "):
                return self._by_header_v2(request, authorization.decode("latin-1"))
            return self._by_header(request, authorization.decode("latin-1"))
        if kind is None:
            if CSRF in headers and self._console is not None:
                return self._by_session(request, self._console)
            return anonymous(request)
        return self._by_query(request) if kind is sigv4 else self._by_query_v2(request)

    def authenticate_form(self, request: Request, form: bytes) -> tuple[Authenticated, str]:
        """Who sent a request of IAM's or STS's query API with this body, and to which of them.

        Only a signature in the header counts, and the payload is always part of it; for IAM the console's session too.
        Raises as ``authenticate``.
        """
        if request.repeated or b"host" not in request.headers:
            check_repeated(request)
        authorization = request.headers.get(b"authorization")
        if authorization is None and CSRF in request.headers and self._console is not None:
            return Authenticated(self._console.identify(request), UNSIGNED_PAYLOAD), "iam"
        if authorization is None:
            raise MissingAuthenticationToken
        signature = sigv4.from_header(authorization.decode("latin-1"), _timestamp(request.headers), QUERY_SERVICES)
        check_skew(signature.timestamp)
        payload = sha256(form).hexdigest()
        return self._verified(request, signature, payload, request.raw_query_pairs), signature.scope.service

    def secret_of(self, access_key: str, token: str = "") -> tuple[str, Identity]:
        """Secret and owner of a key, for signatures over something else than a request.

        Raises InvalidAccessKeyId, InvalidToken, ExpiredToken.
        """
        found = self._keyring.find(access_key, token)
        if found is None:
            raise InvalidAccessKeyId(AWSAccessKeyId=access_key)
        return found

    def _by_session(self, request: Request, console: ConsoleSessions) -> Authenticated:
        payload = anonymous(request).payload
        return Authenticated(console.identify(request), payload)

    def _by_header(self, request: Request, authorization: str) -> Authenticated:
        signature = sigv4.from_header(authorization, _timestamp(request.headers))
        payload = request.headers.get(b"x-amz-content-sha256")
        if payload is None:
            raise InvalidRequest("Missing required header for this request: x-amz-content-sha256")
        check_skew(signature.timestamp)
        return self._verified(request, signature, payload.decode("latin-1").strip(), request.raw_query_pairs)

    def _by_query(self, request: Request) -> Authenticated:
        query = request.query
        if request.has_repeated_query():
            check_repeated_query(request)
        try:
            signature, lifetime = sigv4.from_query(query)
        except AuthorizationQueryParametersError as error:
            raise AccessDenied(str(error)) if self._lenient else error from None
        check_lifetime(signature.timestamp, lifetime)
        payload = query.get("X-Amz-Content-Sha256")
        if payload is None:
            payload = request.headers.get(b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD").decode("latin-1").strip()
        if b"content-md5" in request.headers and b"content-md5" not in signature.signed:
            raise not_signed([b"content-md5"])
        pairs = [pair for pair in request.raw_query_pairs if pair[0] != "X-Amz-Signature"]
        authenticated = self._verified(request, signature, payload, pairs, query.get("X-Amz-Security-Token", ""))
        if len(query) > SIGNATURE_PARAMETERS:
            take_hoisted(request)
        return authenticated

    def _verified(
        self,
        request: Request,
        signature: Signature,
        payload: str,
        pairs: list[canonical.QueryPair],
        token: str = "",
    ) -> Authenticated:
        check_payload(payload)
        check_signed_headers(request.headers, signature.signed)
        scope = signature.scope
        if b"x-amz-security-token" in request.headers:
            token = request.header(b"x-amz-security-token")
        secret, identity = self._keyring.find(scope.access_key, token) or (self._nobody, None)
        key = sigv4.signing_key(secret, scope.date, scope.region, scope.service)
        lines = canonical.header_lines(request.headers, signature.signed)
        tail = b"\n" + lines + f"\n{signature.signed_text}\n{payload}".encode()
        asked = f"{request.method}\n".encode() + request.raw_path + b"\n"
        message = asked + canonical.query_as_sent(pairs).encode("latin-1") + tail
        provided = signature.value.encode()
        if not hmac.compare_digest(key.hex(sigv4.string_to_sign(signature, message)).encode(), provided):
            asked = f"{request.method}\n".encode() + canonical.path_encoded_again(request.raw_path) + b"\n"
            message = asked + canonical.query_encoded_again(pairs).encode() + tail
            to_sign = sigv4.string_to_sign(signature, message)
            if not hmac.compare_digest(key.hex(to_sign).encode(), provided):
                raise _mismatch(scope.access_key, identity, signature.value, to_sign, message)
        if identity is None:
            raise InvalidAccessKeyId(AWSAccessKeyId=scope.access_key)
        if payload not in (STREAMING_SIGNED, STREAMING_SIGNED_TRAILER):
            return Authenticated(identity, payload)
        return Authenticated(identity, payload, ChunkSigning(key, signature.timestamp, scope.text, signature.value))

    def _by_header_v2(self, request: Request, authorization: str) -> Authenticated:
        """The payload is not part of such a signature."""
        access_key, colon, value = authorization.removeprefix("AWS ").strip().rpartition(":")
        if not colon or not access_key:
            raise InvalidArgument(
                "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature", ArgumentName="Authorization"
            )
        date = sigv2.date_of(request)
        token = request.header(b"x-amz-security-token")
        secret, identity = self._keyring.find(access_key, token) or (self._nobody, None)
        headers, matches, to_sign = sigv2.signed_headers(request), False, b""
        paths = [request.raw_path, canonical.path_encoded_again(request.raw_path)]
        if not request.key:
            paths.append(request.raw_path.rstrip(b"/") + b"/")  # as botocore signs a bucket
        for raw_path in dict.fromkeys(paths):
            for dated in dict.fromkeys((date, "")):
                to_sign = sigv2.string_to_sign(request, headers, dated, raw_path)
                matches |= hmac.compare_digest(sigv2.sign(secret, to_sign).encode(), value.encode())
        if identity is None:
            raise InvalidAccessKeyId(AWSAccessKeyId=access_key)
        if not matches:
            raise _mismatch(access_key, identity, value, to_sign, None)
        return Authenticated(identity, UNSIGNED_PAYLOAD)

    def _by_query_v2(self, request: Request) -> Authenticated:
        try:
            access_key, value, expires = [request.query[name] for name in sigv2.QUERY_NAMES]
        except KeyError:
            raise AccessDenied(
                "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
            ) from None
        check_expiry(expires)
        sigv2.check_query(request)
        headers = sigv2.signed_headers(request)
        payload = headers.get(b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD").decode("latin-1").strip()
        check_payload(payload)
        if payload in (STREAMING_SIGNED, STREAMING_SIGNED_TRAILER):
            raise InvalidRequest(sigv4.UNSUPPORTED)
        token = headers.get(b"x-amz-security-token", b"").decode("latin-1").strip()
        secret, identity = self._keyring.find(access_key, token) or (self._nobody, None)
        provided = value.replace(" ", "+").encode()
        matches = False
        for raw_path in dict.fromkeys((request.raw_path, canonical.path_encoded_again(request.raw_path))):
            to_sign = sigv2.string_to_sign(request, headers, expires, raw_path)
            matches |= hmac.compare_digest(sigv2.sign(secret, to_sign).encode(), provided)
        if not matches:
            raise _mismatch(access_key, identity, value, to_sign, None)
        if identity is None:
            raise InvalidAccessKeyId(AWSAccessKeyId=access_key)
        for name, content in headers.items():
            request.headers.setdefault(name, content)  # a version 2 URL carries its headers in the query
        return Authenticated(identity, payload)


def anonymous(request: Request) -> Authenticated:
    """A request without any credentials: nobody's. Raises AccessDenied if its payload needs a signature."""
    payload = request.header(b"x-amz-content-sha256", UNSIGNED_PAYLOAD)
    if payload in (STREAMING_SIGNED, STREAMING_SIGNED_TRAILER) or b"x-amz-security-token" in request.headers:
        raise AccessDenied
    check_payload(payload)
    return Authenticated(NOBODY, payload)


def _kind_of_query(request: Request) -> object | None:
    """``sigv4`` or ``sigv2`` when the query claims to hold such a signature, complete or not."""
    query = request.query
    if "X-Amz-Algorithm" in query or "X-Amz-Signature" in query or "X-Amz-Credential" in query:
        return sigv4
    if "AWSAccessKeyId" in query or "Signature" in query:
        return sigv2
    return None


def _timestamp(headers: dict[bytes, bytes]) -> str:
    sent = headers.get(b"x-amz-date")
    timestamp = sigv4.timestamp_of_date((headers.get(b"date", b"") if sent is None else sent).decode("latin-1").strip())
    if timestamp is None:
        raise sigv4.missing_timestamp()
    return timestamp


def _two_mechanisms(authorization: bytes) -> RequestError:
    return InvalidArgument(
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter "
        "or the Authorization header should be specified",
        ArgumentName="Authorization",
        ArgumentValue=authorization.decode("latin-1"),
    )


def _mismatch(
    access_key: str, identity: Identity | None, value: str, to_sign: bytes, canonical_request: bytes | None
) -> RequestError:
    """The answer to a wrong signature: what we signed, so that the client's author can compare."""
    details = {
        "AWSAccessKeyId": access_key,
        "StringToSign": to_sign.decode("latin-1"),
        "SignatureProvided": value,
        "StringToSignBytes": to_sign.hex(" "),
    }
    if canonical_request is not None:
        details["CanonicalRequest"] = canonical_request.decode("latin-1")
        details["CanonicalRequestBytes"] = canonical_request.hex(" ")
    return InvalidAccessKeyId(AWSAccessKeyId=access_key) if identity is None else SignatureDoesNotMatch(**details)

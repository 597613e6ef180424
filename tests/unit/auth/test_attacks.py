"""Hostile and broken signatures, each with its exact code. The count has a floor, so that none is lost silently."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest

from objstore.api.auth.authenticator import Authenticator
from objstore.api.auth.body import body_of
from objstore.api.auth.keyring import RootKeyring
from objstore.api.request import Request
from objstore.api.s3.errors import STATUS
from objstore.model.errors import RequestError
from tests.unit.auth.wire import (
    ACCESS_KEY,
    AUTHENTICATOR,
    EMPTY_SHA256,
    NOW_SECONDS,
    OWNER_ID,
    SECRET_KEY,
    TIMESTAMP,
    UNSIGNED,
    Headers,
    Wire,
    presign,
    request_of,
    sign_header,
)

pytestmark = pytest.mark.usefixtures("_fixed_clock")

Sent = tuple[str, str, Any]  # method, target, headers
OK = "OK"
DENIED = "AccessDenied"
MISMATCH = "SignatureDoesNotMatch"
MALFORMED = "AuthorizationHeaderMalformed"
QUERY_ERROR = "AuthorizationQueryParametersError"
MODES = [
    EMPTY_SHA256,
    UNSIGNED,
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
]


def header(**arguments: Any) -> Sent:
    target = arguments.get("target", "/bucket/key")
    return arguments.get("method", "GET"), target, sign_header(**arguments)


def changed(headers: Headers, method: str = "GET", target: str = "/bucket/key", **extra: str) -> Sent:
    """A signed request with headers added or altered after signing."""
    return method, target, {**headers, **{name.replace("_", "-"): value for name, value in extra.items()}}


def authorization(change: Callable[[str], str]) -> Sent:
    headers = sign_header()
    return changed(headers, authorization=change(headers["authorization"]))


def provided(change: Callable[[str], str]) -> Sent:
    """The signature itself altered."""
    return authorization(lambda text: text.rpartition("=")[0] + "=" + change(text.rpartition("=")[2]))


def query(method: str = "GET", **arguments: Any) -> Sent:
    return method, *presign(method, **arguments)


def query_changed(change: Callable[[str], str], headers: Headers | None = None, **arguments: Any) -> Sent:
    target, sent = presign(**arguments)
    return "GET", change(target), {**sent, **(headers or {})}


def repeated(name: str, *values: str, base: Headers | None = None) -> Sent:
    headers = base or sign_header()
    pairs = [pair for pair in headers.items() if pair[0] != name]
    return "GET", "/bucket/key", [*pairs, *[(name, value) for value in values]]


def at(seconds: int) -> str:
    return datetime.fromtimestamp(NOW_SECONDS + seconds, UTC).strftime("%Y%m%dT%H%M%SZ")


def header_at(seconds: int) -> Sent:
    return header(timestamp=at(seconds), date=at(seconds)[:8])


def with_date(value: str, stamp: str = TIMESTAMP) -> Sent:
    headers = sign_header(
        timestamp=stamp, date=stamp[:8], headers={"date": value}, signed="date;host;x-amz-content-sha256"
    )
    del headers["x-amz-date"]
    return "GET", "/bucket/key", headers


def host_as(signed: str, sent: str) -> Sent:
    return changed(sign_header(headers={"host": signed}), host=sent)


def v2(**change: str | None) -> Sent:
    """A version 2 URL with a signature that is wrong in any case."""
    parts = {
        "AWSAccessKeyId": ACCESS_KEY,
        "Signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "Expires": str(int(NOW_SECONDS) + 60),
    }
    parts.update({name: value for name, value in change.items() if value is not None})
    for name in [name for name, value in change.items() if value is None]:
        del parts[name]
    text = "&".join(f"{name}={quote(value, safe='')}" for name, value in parts.items())
    return "GET", f"/bucket/key?{text}", {"host": "localhost:9000"}


A_DAY = 86400
CASES: dict[str, tuple[Sent, str]] = {
    "anonymous-claims-a-signature": (("PUT", "/bucket/key", {"host": "h", "x-amz-content-sha256": MODES[3]}), DENIED),
    "signed": (header(), OK),
    "presigned": (query(), OK),
    # Time.
    "A1-late-15m01s": (header_at(-901), "RequestTimeTooSkewed"),
    "A1-early-15m01s": (header_at(901), "RequestTimeTooSkewed"),
    "A1-late-14m59s": (header_at(-899), OK),
    "A1-early-14m59s": (header_at(899), OK),
    "A1-year-0000": (header(timestamp="00000524T000000Z", date="00000524"), DENIED),
    "A1-year-0001": (header(timestamp="00010101T000000Z", date="00010101"), "RequestTimeTooSkewed"),
    "A1-year-9999": (header(timestamp="99991231T235959Z", date="99991231"), "RequestTimeTooSkewed"),
    "A1-no-date": (changed({n: v for n, v in sign_header().items() if n != "x-amz-date"}), DENIED),
    "A1-date-of-no-day": (header(timestamp="20130230T000000Z", date="20130230"), DENIED),
    "A1-date-of-letters": (header(timestamp="2013052xT000000Z"), DENIED),
    "A1-date-long": (header(timestamp="2" * 5000), DENIED),
    "A1-date-twice": (repeated("x-amz-date", TIMESTAMP, TIMESTAMP), DENIED),
    "A1-date-header-rfc": (with_date(formatdate(NOW_SECONDS, usegmt=True)), OK),
    "A1-date-header-zone": (with_date("Fri, 24 May 2013 02:00:00 +0200"), OK),
    "A1-date-header-iso": (with_date(TIMESTAMP), OK),
    "A1-date-header-late": (with_date("Thu, 23 May 2013 23:44:59 GMT", "20130523T234459Z"), "RequestTimeTooSkewed"),
    "A1-date-header-nonsense": (with_date("tomorrow"), DENIED),
    "A1-date-header-huge-zone": (with_date("Fri, 24 May 2013 00:00:00 +99999999999"), DENIED),
    "A2-replay-a-day-later": (header_at(-A_DAY), "RequestTimeTooSkewed"),
    # Scope.
    "A3-any-region": (header(region="US"), OK),
    "A3-region-auto": (header(region="auto"), OK),
    "A3-no-region": (header(region=""), MALFORMED),
    "A4-service-s3tables": (header(service="s3tables"), MALFORMED),
    "A4-service-sts": (header(service="sts"), MALFORMED),
    "A5-other-date": (header(date="20130523"), MALFORMED),
    "A5-date-of-letters": (header(date="2013052x"), MALFORMED),
    "A5-date-of-arabic-digits": (header(date="2013052\xb2"), MALFORMED),
    "A6-terminator": (header(terminator="aws5_request"), MALFORMED),
    # Keys.
    "A7-unknown-key": (header(access_key="AKIAIOSFODNN7UNKNOWN"), "InvalidAccessKeyId"),
    "A7-no-key": (header(access_key=""), MALFORMED),
    "A7-key-with-slashes": (header(access_key="a/b/c"), "InvalidAccessKeyId"),
    "A7-key-long": (header(access_key="A" * 5000), MALFORMED),
    "A7-key-quotes": (header(access_key="' or 1=1 --"), "InvalidAccessKeyId"),
    "A8-wrong-secret": (header(secret="wrong"), MISMATCH),
    "A8-empty-secret": (header(secret=""), MISMATCH),
    # Signed headers.
    "A9-host-not-signed": (header(signed="x-amz-content-sha256;x-amz-date"), DENIED),
    "A10-amz-header-not-signed": (header(headers={"x-amz-acl": "private"}, without=("x-amz-acl",)), DENIED),
    "A10-date-not-signed": (header(signed="host;x-amz-content-sha256"), DENIED),
    "A10-hash-not-signed": (header(signed="host;x-amz-date"), DENIED),
    "A10-plain-header-not-signed": (header(headers={"range": "bytes=0-1"}, without=("range",)), OK),
    "A11-listed-and-not-sent": (
        changed({n: v for n, v in sign_header(headers={"range": "bytes=0-1"}).items() if n != "range"}),
        MISMATCH,
    ),
    "A12-unsorted": (header(signed="x-amz-date;host;x-amz-content-sha256"), MALFORMED),
    "A12-duplicate": (header(signed="host;host;x-amz-content-sha256;x-amz-date"), MALFORMED),
    "A12-upper-case": (header(signed="Host;host;x-amz-content-sha256;x-amz-date"), MALFORMED),
    "A12-empty-name": (header(signed=";host;x-amz-content-sha256;x-amz-date"), MALFORMED),
    "A12-empty": (authorization(lambda text: text.replace("host;x-amz-content-sha256;x-amz-date", "")), MALFORMED),
    "A12-10000-names": (
        header(signed=";".join(["host", *[f"n{n:05}" for n in range(10000)], "x-amz-content-sha256", "x-amz-date"])),
        MALFORMED,
    ),
    # The header itself.
    "A13-twice": (repeated("authorization", *[sign_header()["authorization"]] * 2), MALFORMED),
    "A13-no-parts": (changed(sign_header(), authorization="AWS4-HMAC-SHA256 "), MALFORMED),
    "A13-four-parts": (authorization(lambda text: text + ", Signature=" + "0" * 64), MALFORMED),
    "A13-part-missing": (authorization(lambda text: text.rpartition(",")[0]), MALFORMED),
    "A13-credential-short": (authorization(lambda text: text.replace("/s3/", "/")), MALFORMED),
    "A13-no-spaces": (authorization(lambda text: text.replace(", ", ",")), OK),
    "A13-more-spaces": (authorization(lambda text: text.replace(", ", " ,  ")), OK),
    "A13-64-kib": (changed(sign_header(), authorization="AWS4-HMAC-SHA256 " + "," * 65536), MALFORMED),
    # Host.
    "A14-other-host": (host_as("localhost:9000", "other:9000"), MISMATCH),
    "A14-other-port": (host_as("localhost:9000", "localhost:9001"), MISMATCH),
    "A14-host-with-port": (host_as("localhost:9000", "localhost:9000"), OK),
    "A14-upper-case": (host_as("LOCALHOST:9000", "LOCALHOST:9000"), OK),
    "A14-trailing-dot": (host_as("localhost.:9000", "localhost.:9000"), OK),
    "A14-two-hosts": (repeated("host", "localhost:9000", "evil"), "InvalidRequest"),
    "A14-no-host": (repeated("host"), "InvalidRequest"),
    # Header values.
    "A15-outer-spaces": (changed(sign_header(headers={"x-amz-meta-a": "b"}), x_amz_meta_a=" \tb \t"), OK),
    "A15-inner-spaces": (changed(sign_header(headers={"x-amz-meta-a": "b c"}), x_amz_meta_a="b   c"), OK),
    "A15-tab": (changed(sign_header(headers={"x-amz-meta-a": "b c"}), x_amz_meta_a="b\tc"), OK),
    "A15-empty": (header(headers={"x-amz-meta-a": ""}), OK),
    "A15-bytes": (header(headers={"x-amz-meta-a": "caf\xe9"}), OK),
    "A15-repeated": (
        repeated("x-amz-meta-a", "b", " c ", base=sign_header(headers={"x-amz-meta-a": "b,c"})),
        OK,
    ),
    "A15-repeated-otherwise": (
        repeated("x-amz-meta-a", "c", "b", base=sign_header(headers={"x-amz-meta-a": "b,c"})),
        MISMATCH,
    ),
    # Other mechanisms.
    "A16-version-2": (changed(sign_header(), authorization=f"AWS {ACCESS_KEY}:AAAA"), "InvalidRequest"),
    "A16-sigv4a": (
        authorization(lambda text: text.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")),
        "InvalidRequest",
    ),
    "A16-sha1": (authorization(lambda text: text.replace("HMAC-SHA256", "HMAC-SHA1")), "InvalidRequest"),
    "A16-lower-case": (authorization(lambda text: text.replace("AWS4", "aws4")), "InvalidArgument"),
    "A16-basic": (changed(sign_header(), authorization="Basic cm9vdDpyb290"), "InvalidArgument"),
    "A16-bearer-none": (changed(sign_header(), authorization="Bearer eyJhbGciOiJub25lIn0.e30."), "InvalidArgument"),
    "A16-empty": (changed(sign_header(), authorization=""), "InvalidArgument"),
    "A16-presigned-sigv4a": (query(algorithm="AWS4-ECDSA-P256-SHA256"), QUERY_ERROR),
    "A16-presigned-unknown": (query(algorithm="none"), QUERY_ERROR),
    # The signature.
    "A17-upper-case": (provided(str.upper), MISMATCH),
    "A17-truncated": (provided(lambda text: text[:-1]), MISMATCH),
    "A17-one-digit": (provided(lambda text: text[:1]), MISMATCH),
    "A17-65-digits": (provided(lambda text: text + "0"), MISMATCH),
    "A17-no-hex": (provided(lambda text: "g" * 64), MISMATCH),
    "A17-no-ascii": (provided(lambda text: "\xe9" * 64), MISMATCH),
    "A17-empty": (provided(lambda text: ""), MISMATCH),
    "A17-zeros": (provided(lambda text: "0" * 64), MISMATCH),
    # Session tokens: nobody issues them yet.
    "A19-token": (header(headers={"x-amz-security-token": "token"}), "InvalidToken"),
    "A19-token-unsigned": (changed(sign_header(), x_amz_security_token="token"), DENIED),
    "A19-token-empty": (header(headers={"x-amz-security-token": ""}), OK),
    "A19-presigned-token": (query(query="X-Amz-Security-Token=token"), "InvalidToken"),
    "A19-presigned-token-unsigned": (query_changed(lambda t: t + "&X-Amz-Security-Token=t"), "InvalidToken"),
    # Presigned: lifetime.
    "A20-expires-0": (query(expires="0"), QUERY_ERROR),
    "A20-expires-negative": (query(expires="-1"), QUERY_ERROR),
    "A20-expires-week": (query(expires="604800"), OK),
    "A20-expires-week-and-a-second": (query(expires="604801"), QUERY_ERROR),
    "A20-expires-letters": (query(expires="abc"), QUERY_ERROR),
    "A20-expires-float": (query(expires="1e9"), QUERY_ERROR),
    "A20-expires-huge": (query(expires="9" * 5000), QUERY_ERROR),
    "A20-expires-empty": (query(expires=""), QUERY_ERROR),
    "A20-expires-superscript": (query(expires="%C2%B2"), QUERY_ERROR),
    "A20-expires-missing": (query(expires=None), QUERY_ERROR),
    "A20-date-nonsense": (query(timestamp="20130524T99"), QUERY_ERROR),
    "A20-date-long": (query(timestamp="20130524" + "0" * 5000), QUERY_ERROR),
    "A20-not-yet": (query(timestamp=at(901)), DENIED),
    "A21-expired-by-1-s": (query(timestamp=at(-61), expires="60"), DENIED),
    "A21-last-second": (query(timestamp=at(-60), expires="60"), OK),
    # Presigned: form.
    "A22-query-and-header": (query_changed(lambda t: t, sign_header()), "InvalidArgument"),
    "A22-query-v2-and-header": (("GET", v2()[1], sign_header()), "InvalidArgument"),
    "A22-encoded-name-and-header": (
        ("GET", query()[1].replace("X-Amz-Algorithm", "X%2DAmz%2DAlgorithm"), sign_header()),
        "InvalidArgument",
    ),
    "A23-signature-twice": (query_changed(lambda t: t + "&X-Amz-Signature=" + "0" * 64), QUERY_ERROR),
    "A23-signature-twice-encoded": (query_changed(lambda t: t + "&X-Amz-%53ignature=" + "0" * 64), QUERY_ERROR),
    "A23-expires-twice": (query_changed(lambda t: t + "&X-Amz-Expires=604800"), QUERY_ERROR),
    "A23-credential-twice": (query_changed(lambda t: t + "&X-Amz-Credential=x"), QUERY_ERROR),
    "A23-other-name-twice": (query(query="a=1&a=2"), OK),
    "A23-signature-missing": (query_changed(lambda t: t.partition("&X-Amz-Signature")[0]), QUERY_ERROR),
    "A23-double-encoded-credential": (query_changed(lambda t: t.replace("%2F", "%252F")), QUERY_ERROR),
    "A23-invalid-percent": (query_changed(lambda t: t + "&a=%zz"), "InvalidURI"),
    "A23-invalid-utf8": (query_changed(lambda t: t + "&a=%ff"), "InvalidURI"),
    "A24-version-id": (query_changed(lambda t: t + "&versionId=1"), MISMATCH),
    "A24-part-number": (query_changed(lambda t: t + "&partNumber=1"), MISMATCH),
    "A24-upload-id": (query_changed(lambda t: t + "&uploadId=1"), MISMATCH),
    "A24-acl": (query_changed(lambda t: t + "&acl"), MISMATCH),
    "A24-response-content-type": (query_changed(lambda t: t + "&response-content-type=text/html"), MISMATCH),
    "A24-x-id": (query_changed(lambda t: t + "&x-id=GetObject"), MISMATCH),
    "A24-unknown": (query_changed(lambda t: t + "&anything"), MISMATCH),
    "A24-empty-pairs": (query_changed(lambda t: t + "&&"), OK),
    "A25-put": (("PUT", *query()[1:]), MISMATCH),
    "A25-head": (("HEAD", *query()[1:]), MISMATCH),
    "A25-delete": (("DELETE", *query()[1:]), MISMATCH),
    "A25-copy-source": (query_changed(lambda t: t, {"x-amz-copy-source": "/other/secret"}), DENIED),
    "A25-content-md5": (query_changed(lambda t: t, {"content-md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}), DENIED),
    "A25-content-md5-signed": (query(headers={"content-md5": "1B2M2Y8AsgTpgAmY7PhCfg=="}), OK),
    "A25-unknown-key": (query(access_key="AKIAIOSFODNN7UNKNOWN"), "InvalidAccessKeyId"),
    "A25-wrong-secret": (query(secret="wrong"), MISMATCH),
    "A25-service": (query(service="s3tables"), QUERY_ERROR),
    "A25-terminator": (query(terminator="aws5_request"), QUERY_ERROR),
    "A25-region": (query(region="auto"), OK),
    # Payload modes.
    "A26-unsigned": (header(method="PUT", payload=UNSIGNED), OK),
    "A26-missing": (header(method="PUT", payload=None), "InvalidRequest"),
    "A26-other-hash": (changed(sign_header(), x_amz_content_sha256="0" * 64), MISMATCH),
    "A26-bad-hex": (header(payload="g" * 64), "InvalidArgument"),
    "A26-short-hex": (header(payload="0" * 63), "InvalidArgument"),
    "A26-empty": (header(payload=""), "InvalidArgument"),
    "A26-unsigned-lower-case": (header(payload=UNSIGNED.lower()), "InvalidArgument"),
    "A26-unknown-streaming": (header(payload="STREAMING-SIGNED-NOTHING"), "InvalidArgument"),
    "A26-prefix-streaming": (header(payload="STREAMING-UNSIGNED-PAYLOAD-TRAILERX"), "InvalidArgument"),
    "A26-twice": (
        repeated("x-amz-content-sha256", UNSIGNED, UNSIGNED, base=sign_header(payload=UNSIGNED)),
        "InvalidArgument",
    ),
    "A26-presigned-hash": (
        query(headers={"x-amz-content-sha256": EMPTY_SHA256}, payload=EMPTY_SHA256),
        OK,
    ),
    "A26-presigned-hash-in-query": (query(query=f"X-Amz-Content-Sha256={UNSIGNED}"), OK),
    "A26-presigned-unknown": (query(query="X-Amz-Content-Sha256=NONE", payload="NONE"), "InvalidArgument"),
    "A26-presigned-hash-unsigned": (query_changed(lambda t: t, {"x-amz-content-sha256": UNSIGNED}), DENIED),
    # Expect.
    "A34-100-continue": (changed(sign_header(), expect="100-Continue"), OK),
    "A34-nonsense": (changed(sign_header(), expect="nonsense"), "ExpectationFailed"),
    "A34-two": (changed(sign_header(), expect="100-continue, 100-continue"), "ExpectationFailed"),
    # Targets.
    "A56-invalid-utf8": (header(target="/bucket/%ff"), "InvalidURI"),
    "A56-key-too-long": (header(target="/bucket/" + "k" * 1025), "KeyTooLongError"),
    # Version 2.
    "v2-wrong": (v2(), MISMATCH),
    "v2-unknown-key": (v2(AWSAccessKeyId="unknown"), "InvalidAccessKeyId"),
    "v2-no-signature": (v2(Signature=None), DENIED),
    "v2-no-key": (v2(AWSAccessKeyId=None), DENIED),
    "v2-no-expires": (v2(Expires=None), DENIED),
    "v2-expired": (v2(Expires=str(int(NOW_SECONDS) - 1)), DENIED),
    "v2-expires-letters": (v2(Expires="abc"), DENIED),
    "v2-expires-huge": (v2(Expires="9" * 5000), DENIED),
    "v2-expires-negative": (v2(Expires="-1"), DENIED),
    "v2-signature-empty": (v2(Signature=""), MISMATCH),
    "v2-signature-no-ascii": (v2(Signature="é"), MISMATCH),
    "v2-token": (v2(**{"x-amz-security-token": "t"}), "InvalidToken"),
    "v2-signed-chunks": (v2(**{"x-amz-content-sha256": MODES[3]}), "InvalidRequest"),
    "v2-unknown-mode": (v2(**{"x-amz-content-sha256": "NONE"}), "InvalidArgument"),
    "v2-attributes": (v2(attributes=""), DENIED),
    "v2-and-v4": (query_changed(lambda t: t + "&" + v2()[1].partition("?")[2]), MISMATCH),
}


def outcome(request: Request) -> str:
    """``OK`` or the error code."""
    try:
        AUTHENTICATOR.authenticate(request)
    except RequestError as error:
        return error.code
    return OK


@pytest.mark.parametrize("name", CASES)
def test_attack(name: str) -> None:
    (method, target, headers), code = CASES[name]
    wire = Wire()
    assert outcome(request_of(method, target, headers, wire)) == code
    assert wire.calls == 0


def test_no_attack_is_lost() -> None:
    assert len(CASES) >= 165
    assert all(400 <= STATUS[code] < 500 for _, code in CASES.values() if code != OK)
    classes = {name.partition("-")[0] for name in CASES}
    assert classes >= {f"A{n}" for n in (*range(1, 18), *range(19, 27), 34)}  # A18 below, A27–A33 with the body


@pytest.mark.parametrize(("mode", "way"), list(product(MODES, ["header", "query", "both"])))
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_t1_no_payload_mode_skips_the_signature(mode: str, way: str, method: str) -> None:
    """CVE-2025-31489, CVE-2026-41145, CVE-2026-40344: valid key, garbage signature."""
    headers = sign_header(method, payload=mode, secret="garbage")
    target, sent = presign(method, headers={"x-amz-content-sha256": mode}, payload=mode, secret="garbage")
    if way == "query":
        headers = sent
    elif way == "header":
        target = "/bucket/key"
    expected = MISMATCH if mode in MODES[:5] else "InvalidArgument"
    code = outcome(request_of(method, target, headers))
    assert code == ("InvalidArgument" if way == "both" else expected)


@pytest.mark.parametrize("mode", MODES[:5])
@pytest.mark.parametrize("way", ["header", "query"])
def test_every_listed_mode_is_understood(mode: str, way: str) -> None:
    if way == "header":
        request = request_of("PUT", "/bucket/key", sign_header("PUT", payload=mode))
    else:
        request = request_of("PUT", *presign("PUT", headers={"x-amz-content-sha256": mode}, payload=mode))
    authenticated = AUTHENTICATOR.authenticate(request)
    assert authenticated.payload == mode
    assert (authenticated.chunk_signing is not None) == mode.startswith("STREAMING-AWS4")


def test_a18_a_key_that_was_revoked_is_unknown_at_once() -> None:
    class Revocable(RootKeyring):
        revoked = False

        def find(self, access_key: str, token: str = "") -> Any:
            return None if self.revoked else super().find(access_key, token)

    keyring = Revocable(ACCESS_KEY, SECRET_KEY, OWNER_ID)
    authenticator = Authenticator(keyring)
    assert authenticator.authenticate(request_of("GET", "/b/k", sign_header(target="/b/k"))).identity.is_root
    keyring.revoked = True
    with pytest.raises(RequestError) as caught:
        authenticator.authenticate(request_of("GET", "/b/k", sign_header(target="/b/k")))
    assert caught.value.code == "InvalidAccessKeyId"


def test_a18_a_secret_that_was_changed_counts_at_once() -> None:
    authenticator = Authenticator(RootKeyring(ACCESS_KEY, "another", OWNER_ID))
    with pytest.raises(RequestError) as caught:
        authenticator.authenticate(request_of("GET", "/bucket/key", sign_header()))
    assert caught.value.code == MISMATCH


def test_details_are_those_that_aws_gives() -> None:
    def details(sent: Sent) -> dict[str, Any]:
        with pytest.raises(RequestError) as caught:
            AUTHENTICATOR.authenticate(request_of(*sent))
        return caught.value.details

    assert details(CASES["A21-expired-by-1-s"][0]) == {
        "X-Amz-Expires": 60,
        "Expires": "2013-05-23T23:59:59Z",
        "ServerTime": "2013-05-24T00:00:00Z",
    }
    assert details(CASES["A1-late-15m01s"][0]) == {
        "RequestTime": "20130523T234459Z",
        "ServerTime": "2013-05-24T00:00:00Z",
        "MaxAllowedSkewMilliseconds": 900000,
    }
    assert details(CASES["A10-amz-header-not-signed"][0]) == {"HeadersNotSigned": "x-amz-acl"}
    assert details(CASES["A9-host-not-signed"][0]) == {"HeadersNotSigned": "host"}
    assert details(CASES["A7-unknown-key"][0]) == {"AWSAccessKeyId": "AKIAIOSFODNN7UNKNOWN"}
    wrong = details(CASES["A8-wrong-secret"][0])
    assert wrong["CanonicalRequest"].startswith("GET\n/bucket/key\n\nhost:localhost:9000\n")
    assert wrong["StringToSign"].startswith("AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n")
    assert SECRET_KEY not in repr(wrong)


async def test_t19_nothing_is_received_before_authentication() -> None:
    """A34: 100 Continue goes out at the first receive."""
    wire = Wire([b"x"])
    headers = sign_header("PUT", headers={"content-length": "1", "expect": "100-continue"}, payload=UNSIGNED)
    request = request_of("PUT", "/bucket/key", headers, wire)
    body = body_of(request, AUTHENTICATOR.authenticate(request))
    assert wire.calls == 0
    assert await body.read() == b"x"

"""botocore signs, we verify; and whatever is changed after it signed is refused."""

import hashlib
import io
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from hypothesis import given, settings
from hypothesis import strategies as st

from objstore.api.auth.body import body_of
from objstore.api.request import Request
from objstore.model.errors import RequestError
from objstore.store.digests import digests_of
from tests.unit.auth.wire import ACCESS_KEY, AUTHENTICATOR, EMPTY_SHA256, SECRET_KEY, Wire

CREDENTIALS = Credentials(ACCESS_KEY, SECRET_KEY)
SIGNERS: dict[str, Any] = {
    "header": lambda: S3SigV4Auth(CREDENTIALS, "s3", "us-east-1"),
    "header-US": lambda: S3SigV4Auth(CREDENTIALS, "s3", "US"),
    "header-auto": lambda: S3SigV4Auth(CREDENTIALS, "s3", "auto"),
    "query": lambda: S3SigV4QueryAuth(CREDENTIALS, "s3", "eu-west-1", expires=600),
    "query-v2": lambda: HmacV1QueryAuth(CREDENTIALS, expires=600),
}
# Its payload mode comes from the request's context, see `signed_scope`.
SIGNERS_OF_STREAMS = {"header-streaming": lambda: S3SigV4Auth(CREDENTIALS, "s3", "us-east-1")}
KEYS = [
    "plain",
    "dir/with space",
    "a+b",
    "50%",
    "%41",
    "%2F",
    "ünïcödé/🐘",
    "//double//slash",
    "a/../b/./c",
    "..",
    "star*(paren)'quote'!",
    "~tilde-._",
    "a=b&c?d#e",
    '[]{}|\\^`<>"',
    "$:@,;",
    "\x00\x01\x7f",
    "trailing/",
    "é" * 512,
]

Scope = dict[str, Any]


def signed_scope(
    signer: str,
    method: str,
    key: str,
    query: str = "",
    headers: dict[str, str] | None = None,
    host: str = "localhost:9000",
) -> Scope:
    """Scope of a request that botocore signed; ``host`` may be that of a bucket."""
    path = f"/bucket/{quote(key, safe='/~')}"
    auth_path = path
    if host.startswith("bucket."):
        path = path.removeprefix("/bucket")
    request = AWSRequest(method, f"http://{host}{path}{'?' + query if query else ''}", headers=headers or {}, data=b"")
    request.auth_path = auth_path
    if signer != "query-v2":
        request.auth_path = None
    if signer in SIGNERS_OF_STREAMS:
        request.context = {"checksum": {"request_algorithm": {"in": "trailer"}}, "payload_signing_enabled": False}
    (SIGNERS | SIGNERS_OF_STREAMS)[signer]().add_auth(request)
    sent = request.prepare()
    url = urlsplit(sent.url)
    pairs = [(name.lower().encode(), _raw(value)) for name, value in sent.headers.items()]
    pairs = [pair for pair in pairs if signer != "query-v2" or pair[0] != b"date"]
    return {
        "method": method,
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "headers": [(b"host", host.encode()), *[pair for pair in pairs if pair[0] != b"host"]],
    }


def _raw(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def verify(scope: Scope) -> str:
    """Access key, or the error code."""
    try:
        request = Request(scope, Wire(), b"s3.local")
        return AUTHENTICATOR.authenticate(request).identity.access_key
    except RequestError as error:
        return error.code


@pytest.mark.parametrize("host", ["localhost:9000", "bucket.s3.local:9000"])
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("signer", SIGNERS)
def test_botocore_is_understood(signer: str, key: str, host: str) -> None:
    scope = signed_scope(signer, "GET", key, host=host)
    assert verify(scope) == ACCESS_KEY
    request = Request(scope, Wire(), b"s3.local")
    assert (request.bucket, request.key.decode()) == ("bucket", key)


@pytest.mark.parametrize("signer", SIGNERS)
@pytest.mark.parametrize(
    "query",
    [
        "uploads",
        "uploads=",
        "acl",
        "partNumber=1&uploadId=abc%2Bdef",
        "list-type=2&prefix=a%20b%2Fc&delimiter=%2F&start-after=%E2%82%AC",
        "delimiter=&prefix=",
        "response-content-disposition=attachment%3B%20filename%3D%22a%20b%22&response-content-type=text%2Fplain",
        "versionId=null",
        "prefix=a%2Bb&encoding-type=url&max-keys=1",
    ],
)
def test_botocore_queries(signer: str, query: str) -> None:
    assert verify(signed_scope(signer, "GET", "key", query)) == ACCESS_KEY


@pytest.mark.parametrize("signer", SIGNERS)
def test_botocore_headers(signer: str) -> None:
    headers = {
        "Content-Type": "text/plain",
        "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg==",
        "x-amz-meta-spaces": "  a   b  c ",
        "x-amz-meta-empty": "",
        "x-amz-storage-class": "STANDARD_IA",
        "User-Agent": "Boto3/1.0",
        "Expect": "100-continue",
    }
    scope = signed_scope(signer, "PUT", "key", headers=headers)
    request = Request(scope, Wire())
    AUTHENTICATOR.authenticate(request)
    assert request.headers[b"x-amz-storage-class"] == b"STANDARD_IA"  # a version 2 URL carries it in the query
    if signer == "query-v2":
        scope["headers"] = scope["headers"][:1]
        request = Request(scope, Wire())
        AUTHENTICATOR.authenticate(request)
        assert request.headers[b"x-amz-storage-class"] == b"STANDARD_IA"
        assert request.headers[b"content-type"] == b"text/plain"


@settings(max_examples=150, deadline=None)
@given(
    signer=st.sampled_from(sorted(SIGNERS)),
    method=st.sampled_from(["GET", "PUT", "HEAD", "DELETE", "POST"]),
    key=st.text(st.characters(codec="utf-8"), min_size=1, max_size=60),
    query=st.dictionaries(
        st.sampled_from(["prefix", "marker", "versionId", "uploadId", "partNumber", "max-keys", "response-expires"]),
        st.text(st.characters(codec="utf-8", min_codepoint=1), min_size=1, max_size=20),
    ),
    metadata=st.dictionaries(
        st.from_regex(r"[a-z0-9\-]{1,12}", fullmatch=True).map(lambda name: f"x-amz-meta-{name}"),
        st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=20),
    ),
)
def test_whatever_botocore_signs_is_verified(
    signer: str, method: str, key: str, query: dict[str, str], metadata: dict[str, str]
) -> None:
    text = "&".join(f"{quote(name, safe='')}={quote(value, safe='-_.~')}" for name, value in query.items())
    assert verify(signed_scope(signer, method, key, text, metadata)) == ACCESS_KEY


def _other_method(scope: Scope) -> None:
    scope["method"] = "DELETE" if scope["method"] != "DELETE" else "GET"


def _other_key(scope: Scope) -> None:
    scope["raw_path"] += b"x"


def _slash_less(scope: Scope) -> None:
    scope["raw_path"] = scope["raw_path"].replace(b"//", b"/")


def _other_bucket(scope: Scope) -> None:
    scope["raw_path"] = scope["raw_path"].replace(b"/bucket/", b"/bucke/t")


def _more_query(name: bytes) -> Any:
    def change(scope: Scope) -> None:
        scope["query_string"] = scope["query_string"] + b"&" * bool(scope["query_string"]) + name

    return change


def _more_headers(name: bytes, value: bytes) -> Any:
    def change(scope: Scope) -> None:
        scope["headers"].append((name, value))

    return change


CHANGES = {
    "method": (_other_method, "SignatureDoesNotMatch"),
    "key": (_other_key, "SignatureDoesNotMatch"),
    "slashes": (_slash_less, "SignatureDoesNotMatch"),
    "bucket": (_other_bucket, "SignatureDoesNotMatch"),
    "versionId": (_more_query(b"versionId=1"), "SignatureDoesNotMatch"),
    "partNumber": (_more_query(b"partNumber=1"), "SignatureDoesNotMatch"),
    "uploadId": (_more_query(b"uploadId=1"), "SignatureDoesNotMatch"),
    "acl": (_more_query(b"acl"), "SignatureDoesNotMatch"),
    "response-content-type": (_more_query(b"response-content-type=text%2Fhtml"), "SignatureDoesNotMatch"),
    "copy-source": (_more_headers(b"x-amz-copy-source", b"/other/secret"), "AccessDenied"),
    "acl-header": (_more_headers(b"x-amz-acl", b"public-read"), "AccessDenied"),
    "metadata": (_more_headers(b"x-amz-meta-a", b"b"), "AccessDenied"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("signer", SIGNERS)
def test_what_is_changed_after_signing_is_refused(signer: str, change: str) -> None:
    """A24, A25, T10."""
    alter, code = CHANGES[change]
    scope = signed_scope(signer, "GET", "dir//key")
    alter(scope)
    if signer == "query-v2":
        code = "SignatureDoesNotMatch"  # version 2 signs every x-amz-* header that is there
    assert verify(scope) == code


@pytest.mark.parametrize("query", ["attributes", "retention", "legal-hold", "encryption", "session", "x=1", "acl&acl"])
def test_version_2_does_not_cover_other_sub_resources(query: str) -> None:
    scope = signed_scope("query-v2", "GET", "key")
    scope["query_string"] += b"&" + query.encode()
    assert verify(scope) == "AccessDenied"


def test_parameter_order_and_encoding_do_not_matter() -> None:
    """A23: only what is decoded counts."""
    scope = signed_scope("query", "GET", "a b~c", "prefix=a%20b%2Fc&delimiter=%2F")
    pairs = scope["query_string"].split(b"&")
    variants = [
        b"&".join(reversed(pairs)),
        scope["query_string"].replace(b"a%20b%2Fc", b"a+b/c"),
        scope["query_string"].replace(b"%2F", b"%2f"),
        scope["query_string"].replace(b"prefix", b"%70refix"),
    ]
    for variant in variants:
        assert verify({**scope, "query_string": variant}) == ACCESS_KEY
    assert verify({**scope, "raw_path": b"/bucket/a%20b%7ec"}) == ACCESS_KEY
    for double in (scope["query_string"].replace(b"%20", b"%2520"), scope["query_string"].replace(b"a%20b", b"a%2Bb")):
        assert verify({**scope, "query_string": double}) == "SignatureDoesNotMatch"


def test_a_header_signature_needs_its_payload_hash() -> None:
    scope = signed_scope("header", "PUT", "key")
    assert (b"x-amz-content-sha256", EMPTY_SHA256.encode()) in scope["headers"]
    scope["headers"] = [
        (name, hashlib.sha256(b"x").hexdigest().encode() if name == b"x-amz-content-sha256" else value)
        for name, value in scope["headers"]
    ]
    assert verify(scope) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("chunk_bytes", [64 * 1024, 1024 * 1024])
@pytest.mark.parametrize("size", [0, 1, 65536, 200_000, 1_500_000])
async def test_botocore_chunks(size: int, chunk_bytes: int) -> None:
    payload = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    wrapper = AwsChunkedWrapper(
        io.BytesIO(payload), checksum_cls=Crc32Checksum, checksum_name="x-amz-checksum-crc32", chunk_size=chunk_bytes
    )
    encoded = b"".join(iter(lambda: wrapper.read(8192), b""))
    headers = {
        "X-Amz-Content-SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "X-Amz-Trailer": "x-amz-checksum-crc32",
        "X-Amz-Decoded-Content-Length": str(size),
        "Content-Encoding": "aws-chunked",
        "Transfer-Encoding": "chunked",
    }
    wire = Wire([encoded[at : at + 65536] for at in range(0, len(encoded), 65536)])
    request = Request(signed_scope("header-streaming", "PUT", "key", headers=headers), wire)
    body = body_of(request, AUTHENTICATOR.authenticate(request))
    whole = await body.read_all(size)
    assert whole == payload
    assert body.checksum_algorithm() == "CRC32"
    body.verify(digests_of(whole, body.algorithms))

"""What is fuzzed: parsers of what clients send. Bytes go in; a refusal of the client's may come out, and nothing else.

Each target takes any bytes. An exception that is no refusal, or a refusal that says the server failed, is a finding.
"""

import asyncio
import base64
from collections.abc import Callable, Coroutine
from typing import Any

from objstore.api.auth.authenticator import Authenticated
from objstore.api.auth.body import body_of
from objstore.api.auth.chunked import ChunkedDecoder
from objstore.api.auth.form import authenticate_form
from objstore.api.auth.keyring import NOBODY
from objstore.api.iam.query import fields_of, operation, parse
from objstore.api.s3.configuration_checks import check_by_id, check_encryption, check_website
from objstore.api.s3.cors import check_cors
from objstore.api.s3.errors import status_of
from objstore.api.s3.form_body import FormBody, boundary_of
from objstore.api.s3.lifecycle_rules import read_rules
from objstore.api.s3.ranges import parse_copy_range, parse_range
from objstore.api.s3.xml_in import parse_input
from objstore.identity.parse import BUCKET, IDENTITY, TRUST, PolicyError, parse_policy
from objstore.model.errors import RequestError
from tests.unit.auth.wire import AUTHENTICATOR, UNSIGNED, Wire, request_of

XML_OPERATIONS = (
    "DeleteObjects",
    "CompleteMultipartUpload",
    "PutBucketLifecycleConfiguration",
    "PutBucketAcl",
    "PutBucketCors",
    "PutBucketWebsite",
    "PutObjectTagging",
    "PutBucketNotificationConfiguration",
    "PutBucketInventoryConfiguration",
    "RestoreObject",
    "PutBucketEncryption",
)
# What looks at documents of some of them once they are read.
CHECKS: dict[str, Callable[[dict[str, Any]], object]] = {
    "PutBucketLifecycleConfiguration": lambda given: read_rules(given.get("Rules", [])),
    "PutBucketCors": check_cors,
    "PutBucketWebsite": check_website,
    "PutBucketInventoryConfiguration": lambda given: check_by_id("Inventory", given, "i"),
    "PutBucketEncryption": check_encryption,
}


def refusals(work: Callable[[], object]) -> None:
    """Run ``work``; a refusal that blames the client is fine."""
    try:
        work()
    except PolicyError:
        return
    except RequestError as error:
        _blames_the_client(error)


def _blames_the_client(error: RequestError) -> None:
    assert status_of(error) < 500 or error.code == "NotImplemented", error.code


def signatures(data: bytes) -> None:
    """SigV4 and SigV2, in headers and queries. Input: the query, a line, then header lines."""
    query, *lines = data.decode("latin-1").split("\n")
    headers = [("host", "localhost")]
    for line in lines[:50]:
        name, _, value = line.partition(":")
        if name.isascii():
            headers.append((name, value))
    target = "/bucket/key?" + query.replace("\r", "")
    refusals(lambda: AUTHENTICATOR.authenticate(request_of("GET", target, headers)))


def chunked(data: bytes) -> None:
    """Bodies of aws-chunked, whole and byte by byte: with the same outcome. The first byte is the length declared."""
    length, body, outcomes = data[0] if data else 0, data[1:], []
    for step in (max(1, len(body)), 1):
        decoder = ChunkedDecoder(length, trailer_mode=True)
        outcomes.append(_decoded(decoder, [body[at : at + step] for at in range(0, len(body), step)]))
    assert outcomes[0] == outcomes[1]


def _decoded(decoder: Any, pieces: list[bytes]) -> Any:
    found = b""
    try:
        for piece in pieces:
            found += b"".join(bytes(part) for part in decoder.feed(piece))
        decoder.finish()
    except RequestError as error:
        _blames_the_client(error)
        return error.code
    return found


def ranges(data: bytes) -> None:
    """Ranges of reads and of copies: never outside of the object."""

    def work() -> None:
        for size in (0, 1, 10, 2**40):
            span = parse_range(data, size)
            assert span is None or 0 <= span[0] < span[1] <= size

    refusals(work)
    refusals(lambda: parse_copy_range(data))


def documents(data: bytes) -> None:
    """XML bodies, of the operation that the first byte names, and what is then asked of them."""
    name = XML_OPERATIONS[data[0] % len(XML_OPERATIONS)] if data else XML_OPERATIONS[0]
    check = CHECKS.get(name, id)
    refusals(lambda: check(parse_input(name, data[1:])))


def queries(data: bytes) -> None:
    """Forms of the IAM API."""

    def work() -> None:
        fields = fields_of(data)
        parse(operation("iam", fields.get("Action", "")), fields)

    refusals(work)


def policies(data: bytes) -> None:
    """Policy documents."""
    text = data.decode("utf-8", "replace")
    for kind in (BUCKET, IDENTITY, TRUST):
        refusals(lambda kind=kind: parse_policy(text, kind, "bucket"))  # type: ignore[misc]


def forms(data: bytes) -> None:
    """HTML forms: the first line is the content type, the rest the body; whatever its fields are is then checked."""
    kind, _, body = data.partition(b"\n")

    async def work() -> None:
        boundary = boundary_of(kind)
        request = request_of("POST", "/bucket", {"host": "h", "content-length": str(len(body))}, Wire([body]))
        form = FormBody(body_of(request, Authenticated(NOBODY, UNSIGNED)), boundary)
        fields = await form.fields()
        found = authenticate_form(AUTHENTICATOR, fields)
        if found is not None:
            found[1].check(fields, "bucket")
        while await form.read():
            pass

    refusals(lambda: _run(work()))


def form_policies(data: bytes) -> None:
    """The policy of a form, behind a signature that does not matter."""
    fields = {"awsaccesskeyid": "x", "signature": "x", "policy": base64.b64encode(data).decode()}
    refusals(lambda: authenticate_form(AUTHENTICATOR, fields))


def _run(work: Coroutine[Any, Any, None]) -> None:
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(work)
    finally:
        loop.close()


_FORM = (
    b'multipart/form-data; boundary=b\n--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nk\r\n'
    b'--b\r\nContent-Disposition: form-data; name="policy"\r\n\r\ne30=\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a/b"\r\n\r\nx\r\n--b--\r\n'
)
_STATEMENT = (
    b'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:Get*",'
    b'"Resource":"arn:aws:s3:::bucket/*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]}'
)
_SIGNED = (
    b"\nauthorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
    b"SignedHeaders=host;x-amz-date, Signature=" + b"0" * 64 + b"\nx-amz-date: 20130524T000000Z\n"
    b"x-amz-content-sha256: UNSIGNED-PAYLOAD"
)
_PRESIGNED = (
    b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
    b"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=" + b"0" * 64
)
# By name: the target, and inputs to begin from.
TARGETS: dict[str, tuple[Callable[[bytes], None], tuple[bytes, ...]]] = {
    "signatures": (
        signatures,
        (_SIGNED, _PRESIGNED, b"AWSAccessKeyId=x&Expires=1&Signature=x", b"\nauthorization: AWS a:b"),
    ),
    "chunked": (
        chunked,
        (
            b"\x055\r\nhello\r\n0\r\n\r\n",
            b"\x055\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
            b"\x000;chunk-signature=00\r\n",
        ),
    ),
    "ranges": (ranges, (b"bytes=0-5", b"bytes=-5", b"bytes=5-", b"bytes=0-1,2-3")),
    "documents": (
        documents,
        (
            b"\0<Delete><Object><Key>a</Key><VersionId>null</VersionId></Object><Quiet>true</Quiet></Delete>",
            b"\1<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part>"
            b"</CompleteMultipartUpload>",
            b"\2<LifecycleConfiguration><Rule><ID>a</ID><Status>Enabled</Status><Prefix/></Rule>"
            b"</LifecycleConfiguration>",
            b"\5<WebsiteConfiguration><IndexDocument><Suffix>i</Suffix></IndexDocument><RoutingRules><RoutingRule>"
            b"<Condition><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition><Redirect>"
            b"<HttpRedirectCode>30\xc2\xb2</HttpRedirectCode><Protocol>http2</Protocol></Redirect></RoutingRule>"
            b"</RoutingRules></WebsiteConfiguration>",
            b"\4<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>"
            b"<MaxAgeSeconds>5</MaxAgeSeconds></CORSRule></CORSConfiguration>",
        ),
    ),
    "queries": (
        queries,
        (
            b"Action=CreateRole&RoleName=r&AssumeRolePolicyDocument=%7B%7D&MaxSessionDuration=3600&Tags.member.1.Key=a",
            b"Action=ListUsers&MaxItems=--5&PathPrefix=%2F",
            b"Action=ListUsers&MaxItems=%C2%B2",
        ),
    ),
    "policies": (policies, (_STATEMENT, b"[]", b'{"Statement":{}}')),
    "forms": (forms, (_FORM,)),
    "form_policies": (
        form_policies,
        (
            b'{"expiration":"2030-01-01T00:00:00Z","conditions":[{"bucket":"b"},["starts-with","$key",""],'
            b'["content-length-range",0,9]]}',
        ),
    ),
}

"""Websites: buckets with a website configuration, served to browsers at a host name of their own.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteHosting.html

Nobody signs there: a request may do what the bucket's policy or an ACL gives to everybody. Queries have no meaning, and
errors are pages.
"""

from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from objstore.api.auth.authenticator import Authenticated
from objstore.api.auth.checks import UNSIGNED_PAYLOAD
from objstore.api.auth.keyring import NOBODY
from objstore.api.s3.authorizer import authorize, concealed
from objstore.api.s3.call import Answer, Call, Headers
from objstore.api.s3.configurations import KINDS
from objstore.api.s3.errors import S3Error, status_of
from objstore.api.s3.objects_get import get_object, head_object
from objstore.model.errors import AccessDenied, MethodNotAllowed, NoSuchKey, RequestError

SETTING, MISSING = KINDS["Website"].setting, str(KINDS["Website"].absent)
_REDIRECT = b"x-amz-website-redirect-location"
# Of an error document nothing is asked but all of it.
_ASKED_OF_THE_OBJECT = (
    b"range", b"if-range", b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since",
)  # fmt: skip
_HTML = (b"content-type", b"text/html; charset=utf-8")


class Websites:
    """Answers requests whose host is a bucket's below the domain of websites; see ``Dispatcher``."""

    async def answer(self, call: Call) -> Answer:
        """The object, a redirect, the error document, or a page about the error."""
        request = call.request
        call.authenticated = Authenticated(NOBODY, UNSIGNED_PAYLOAD)
        call.operation = "HeadObject" if request.method == "HEAD" else "GetObject"
        request.query_string = b""
        configuration: Mapping[str, Any] = {}
        key = request.key
        try:
            if request.refusal is not None:
                raise request.refusal
            if request.method not in ("GET", "HEAD"):
                raise MethodNotAllowed
            bucket = call.store.cached_bucket(request.bucket) or await call.store.get_bucket(request.bucket)
            if SETTING not in bucket.settings:
                raise S3Error(MISSING, BucketName=bucket.name)
            configuration = bucket.settings[SETTING]
            return await _serve(call, configuration)
        except RequestError as error:
            return await _fail(call, configuration, key, error)


async def _serve(call: Call, configuration: Mapping[str, Any]) -> Answer:
    key = call.request.key
    everything = configuration.get("RedirectAllRequestsTo")
    if everything is not None:
        return _moved(call, everything, key, "301")
    for rule in configuration.get("RoutingRules", ()):
        if "HttpErrorCodeReturnedEquals" not in rule.get("Condition", {}) and _begins(rule, key):
            return _routed(call, rule, key)
    suffix = configuration["IndexDocument"]["Suffix"].encode()
    if not key or key.endswith(b"/"):
        return await _object(call, key + suffix)
    try:
        return await _object(call, key)
    except (NoSuchKey, AccessDenied) as error:
        # Nobody may list most websites: then what is not there is told from what is forbidden by nothing else.
        try:
            await _object(call, key + b"/" + suffix, head=True)
        except RequestError:
            raise error from None
        return _empty(302, b"/" + quote(key).encode() + b"/")


async def _object(call: Call, key: bytes, *, head: bool = False) -> Answer:
    """What anybody gets of a key. Raises AccessDenied, NoSuchKey to who may list."""
    call.request.key, call.found = key, None
    try:
        await authorize(call)
        answer = await (head_object if head or call.request.method == "HEAD" else get_object)(call)
    except NoSuchKey:
        if await concealed(call):
            raise AccessDenied from None
        raise
    _, headers, body = answer
    for name, value in headers:
        if name == _REDIRECT:
            if not isinstance(body, bytes | bytearray | memoryview):
                await body.aclose()
            return _empty(301, value)
    return answer


async def _fail(call: Call, configuration: Mapping[str, Any], key: bytes, error: RequestError) -> Answer:
    """A rule for this error, the error document, or a page that says what it is."""
    status = status_of(error)
    call.code = error.code
    for rule in configuration.get("RoutingRules", ()):
        wanted = rule.get("Condition", {}).get("HttpErrorCodeReturnedEquals")
        if wanted == str(status) and _begins(rule, key):
            return _routed(call, rule, key)
    document = configuration.get("ErrorDocument", {}).get("Key")
    if document is not None and 400 <= status < 500:
        for name in _ASKED_OF_THE_OBJECT:
            call.request.headers.pop(name, None)
        try:
            _, headers, body = await _object(call, document.encode())
            call.request.key = key  # the access log has what was asked for
            return status, [*headers, *_named(error)], body
        except RequestError as second:
            return _page(call, error, key, second)
    return _page(call, error, key)


def _page(call: Call, error: RequestError, key: bytes, second: RequestError | None = None) -> Answer:
    """HTML that says what AWS's pages say. ``second``: why the error document could not be had."""
    status = status_of(error)
    title = f"{status} {HTTPStatus(status).phrase}"
    lines = [("Code", error.code), ("Message", str(error))]
    lines += [("Key", key.decode("utf-8", "replace"))] if isinstance(error, NoSuchKey) else []
    lines += [("RequestId", call.request.request_id)]
    items = "".join(f"<li>{name}: {escape(value)}</li>" for name, value in lines)
    inner = f"<h1>{title}</h1><ul>{items}</ul>"
    if second is not None:
        inner += (
            "<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>"
            f"<ul><li>Code: {escape(second.code)}</li><li>Message: {escape(str(second))}</li></ul>"
        )
    body = f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{inner}</body></html>\n".encode()
    headers: Headers = [_HTML, (b"content-length", b"%d" % len(body)), *_named(error)]
    return status, headers, b"" if call.request.method == "HEAD" else body


def _named(error: RequestError) -> Headers:
    return [
        (b"x-amz-error-code", error.code.encode()),
        *[(name.encode(), value.encode()) for name, value in error.headers],
    ]


def _begins(rule: Mapping[str, Any], key: bytes) -> bool:
    return key.startswith(rule.get("Condition", {}).get("KeyPrefixEquals", "").encode())


def _routed(call: Call, rule: Mapping[str, Any], key: bytes) -> Answer:
    redirect: Mapping[str, Any] = rule["Redirect"]
    if "ReplaceKeyWith" in redirect:
        key = redirect["ReplaceKeyWith"].encode()
    elif "ReplaceKeyPrefixWith" in redirect:
        prefix = rule.get("Condition", {}).get("KeyPrefixEquals", "").encode()
        key = redirect["ReplaceKeyPrefixWith"].encode() + key[len(prefix) :]
    return _moved(call, redirect, key, redirect.get("HttpRedirectCode", "301"))


def _moved(call: Call, target: Mapping[str, Any], key: bytes, code: str) -> Answer:
    """To another host, protocol or key. Nothing of it can end the header."""
    scheme = target.get("Protocol") or call.request.scope.get("scheme", "http")
    host = target.get("HostName") or call.request.host
    location = f"{quote(scheme)}://{quote(host, safe='.:-[]')}/{quote(key)}"
    return _empty(int(code), location.encode())


def _empty(status: int, location: bytes) -> Answer:
    return status, [(b"location", location), (b"content-length", b"0")], b""

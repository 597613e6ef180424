"""POST of an object by an HTML form.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

from collections.abc import Awaitable, Callable
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from objstore.api.auth.authenticator import Authenticator, anonymous
from objstore.api.auth.claims import claims_of
from objstore.api.auth.form import authenticate_form
from objstore.api.request import Request
from objstore.api.s3.call import NO_CONTENT, Answer, Call, Headers, xml_answer
from objstore.api.s3.encryption import add_encryption
from objstore.api.s3.expiration import add_expiration_of_put
from objstore.api.s3.form_body import FormBody, boundary_of
from objstore.api.s3.object_headers import checksum_headers, read_given
from objstore.api.s3.protection import protect
from objstore.api.s3.tags import tags_of_document
from objstore.api.s3.text import escape_text
from objstore.api.s3.versions import add_version_id
from objstore.api.s3.xml_out import DECLARATION
from objstore.model.errors import InvalidArgument, KeyTooLongError
from objstore.model.limits import KEY_BYTES_MAX
from objstore.model.objects import etag_text
from objstore.model.requests import UNCONDITIONAL, PutRequest, PutResult

Authorize = Callable[[Call, str, bytes], Awaitable[None]]

OPERATION = "PutObject"
_FILENAME = "${filename}"
_PLAIN = frozenset({"cache-control", "content-type", "content-disposition", "content-encoding", "content-language",
                    "expires", "content-md5"})  # fmt: skip
_NOT_HEADERS = frozenset({"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"})


def is_form(request: Request) -> bool:
    """Whether a request is a form's: a POST to a bucket that carries its credentials, if any, in its body."""
    if request.method != "POST" or not request.bucket or request.key or request.query_string:
        return False
    headers = request.headers
    is_multipart = headers.get(b"content-type", b"").lower().startswith(b"multipart/form-data")
    return is_multipart and b"authorization" not in headers


async def post_object(call: Call, authenticator: Authenticator, authorize: Authorize) -> Answer:
    """The object of a form; who may send it is decided before a byte of the file is read."""
    request = call.request
    call.authenticated = anonymous(request)
    form = FormBody(call.body(length_required=False), boundary_of(request.headers[b"content-type"]))
    fields = await form.fields()
    fields = {name: value.replace(_FILENAME, form.filename) for name, value in fields.items()}
    key = fields.get("key")
    if not key:
        raise InvalidArgument("Bucket POST must contain a field named 'key'.  If it is specified, please check the "
                              "order of the fields.", ArgumentName="key")  # fmt: skip
    if len(key.encode()) > KEY_BYTES_MAX:
        raise KeyTooLongError(Size=len(key.encode()), MaxSizeAllowed=KEY_BYTES_MAX)
    signed = authenticate_form(authenticator, fields)
    if signed is not None:
        call.authenticated, policy = signed
        policy.check(fields, request.bucket, lenient=call.site.lenient)
        form.low, form.high = policy.low, policy.high
    # From here on the form is a PUT whose headers are its fields; those of the POST itself say nothing of the object.
    request.headers = {name: value for name, value in request.headers.items() if not name.startswith(b"x-amz-")}
    for name in ("content-type", "content-md5"):
        request.headers.pop(name.encode(), None)
    request.headers |= _headers_of(fields)
    request.key, call.operation = key.encode(), OPERATION
    await authorize(call, OPERATION, request.key)
    form.expect(claims_of(request.headers, call.authenticated.payload, trailer_mode=False))
    given = read_given(request.headers)
    given.take(call.access_attrs)
    if "tagging" in fields:
        given.tags = tags_of_document(fields["tagging"].encode())
    encryption = await protect(call, given)
    put = PutRequest(
        request.bucket, request.key, given.class_or_standard, given.attrs, given.tags, UNCONDITIONAL, encryption,
        "s3:ObjectCreated:Post",
    )  # fmt: skip
    result = await call.store.put(put, form)
    call.object_bytes = result.size
    headers: Headers = [(b"etag", b'"%b"' % etag_text(result.etag).encode())]
    add_encryption(headers, result.attrs, encryption.customer if encryption else None, call.site.region)
    if result.checksum is not None:
        headers += checksum_headers(result.checksum)
    add_version_id(headers, result.shown_id)
    add_expiration_of_put(headers, call, result.size, given.tags)
    return _answer(call, fields, result, headers)


def _headers_of(fields: dict[str, str]) -> dict[bytes, bytes]:
    """The fields that say what a PUT's headers would."""
    found: dict[bytes, bytes] = {}
    for name, value in fields.items():
        if name in _PLAIN or (name.startswith("x-amz-") and name not in _NOT_HEADERS):
            found[name.encode("utf-8")] = value.encode("utf-8")
    if "acl" in fields:
        found[b"x-amz-acl"] = fields["acl"].encode()
    return found


def _answer(call: Call, fields: dict[str, str], result: PutResult, headers: Headers) -> Answer:
    request, etag = call.request, f'"{etag_text(result.etag)}"'
    location = f"{request.scope.get('scheme', 'http')}://{request.host}/{request.bucket}/{quote(request.key)}"
    redirect = _redirect(fields.get("success_action_redirect") or fields.get("redirect", ""))
    if redirect is not None:
        query = f"bucket={quote(request.bucket)}&key={quote(request.key, safe='')}&etag={quote(etag)}"
        target = urlunsplit(redirect._replace(query=f"{redirect.query}&{query}" if redirect.query else query))
        return 303, [NO_CONTENT, *headers, (b"location", target.encode("latin-1", "replace"))], b""
    headers.append((b"location", location.encode("latin-1")))
    status = fields.get("success_action_status", "")
    if status == "201":
        inner = "".join(
            f"<{name}>{escape_text(value)}</{name}>"
            for name, value in (
                ("Location", location),
                ("Bucket", request.bucket),
                ("Key", request.key.decode()),
                ("ETag", etag),
            )
        )
        return xml_answer(f"{DECLARATION}<PostResponse>{inner}</PostResponse>".encode(), headers, 201)
    if status == "200":
        return 200, [NO_CONTENT, *headers], b""
    return 204, headers, b""


def _redirect(url: str) -> SplitResult | None:
    """Where to go after success; None for what is no address, which is ignored as on AWS."""
    if not url or not url.isprintable() or not url.isascii():
        return None
    try:
        found = urlsplit(url)
    except ValueError:
        return None
    return found if found.scheme in ("http", "https") and found.netloc else None

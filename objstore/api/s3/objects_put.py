"""PutObject."""

from objstore.api.s3.call import NO_CONTENT, Answer, Call, Headers
from objstore.api.s3.conditions import write_condition
from objstore.api.s3.encryption import add_encryption
from objstore.api.s3.expiration import add_expiration_of_put
from objstore.api.s3.object_headers import OFFSET, checksum_headers, read_given
from objstore.api.s3.protection import protect
from objstore.api.s3.versions import add_version_id, shown_on_write
from objstore.model.errors import EntityTooLarge, InvalidArgument
from objstore.model.limits import PUT_BYTES_MAX
from objstore.model.objects import etag_text
from objstore.model.requests import Body, PutRequest

_OFFSET_DIGITS_MAX = 15


async def put_object(call: Call) -> Answer:
    """PutObject: 200 with the ETag once the object is durable."""
    request = call.request
    given = read_given(request.headers)
    given.take(call.access_attrs)
    body = call.body()
    check_length(body, PUT_BYTES_MAX)
    encryption = await protect(call, given) if given.encrypts or given.locks else None
    put = PutRequest(
        request.bucket,
        request.key,
        given.class_or_standard,
        given.attrs,
        given.tags,
        write_condition(request.headers),
        encryption,
    )
    offset = request.headers.get(OFFSET)
    if offset is None:
        result = await call.store.put(put, body)
    else:
        result = await call.store.append(put, _offset(offset), body)
    call.stages, call.object_bytes = result.stages, result.size
    headers: Headers = [NO_CONTENT, (b"etag", b'"%b"' % etag_text(result.etag).encode())]
    if offset is not None:
        headers.append((b"x-amz-object-size", b"%d" % result.size))
    if result.attrs is not None:
        add_encryption(headers, result.attrs, encryption.customer if encryption else None, call.site.region)
    if result.checksum is not None:
        headers += checksum_headers(result.checksum)
    add_version_id(headers, shown_on_write(call, result.shown_id))
    add_expiration_of_put(headers, call, result.size, given.tags)
    return 200, headers, b""


def _offset(header: bytes) -> int:
    text = header.strip()
    if not text.isdigit() or len(text) > _OFFSET_DIGITS_MAX:
        raise InvalidArgument("The write offset is not a number", ArgumentName=OFFSET.decode())
    return int(text)


def check_length(body: Body, limit: int) -> None:
    """Raise EntityTooLarge for a declared length above the limit, before a byte of it is read."""
    if body.length is not None and body.length > limit:
        raise EntityTooLarge(ProposedSize=body.length, MaxSizeAllowed=limit)

"""PutObject."""

from objstore.api.s3.call import NO_CONTENT, Answer, Call, Headers
from objstore.api.s3.conditions import write_condition
from objstore.api.s3.expiration import add_expiration_of_put
from objstore.api.s3.object_headers import checksum_headers, read_given
from objstore.api.s3.versions import add_version_id
from objstore.model.errors import EntityTooLarge
from objstore.model.limits import PUT_BYTES_MAX
from objstore.model.objects import etag_text
from objstore.model.requests import Body, PutRequest


async def put_object(call: Call) -> Answer:
    """PutObject: 200 with the ETag once the object is durable."""
    request = call.request
    given = read_given(request.headers)
    body = call.body()
    check_length(body, PUT_BYTES_MAX)
    put = PutRequest(
        request.bucket,
        request.key,
        given.class_or_standard,
        given.attrs,
        given.tags,
        write_condition(request.headers),
    )
    result = await call.store.put(put, body)
    headers: Headers = [NO_CONTENT, (b"etag", b'"%b"' % etag_text(result.etag).encode())]
    if result.checksum is not None:
        headers += checksum_headers(result.checksum)
    add_version_id(headers, result.shown_id)
    add_expiration_of_put(headers, call, result.size, given.tags)
    return 200, headers, b""


def check_length(body: Body, limit: int) -> None:
    """Raise EntityTooLarge for a declared length above the limit, before a byte of it is read."""
    if body.length is not None and body.length > limit:
        raise EntityTooLarge(ProposedSize=body.length, MaxSizeAllowed=limit)

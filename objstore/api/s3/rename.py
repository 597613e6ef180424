"""RenameObject: as botocore has it for directory buckets, in every bucket without versioning."""

from objstore.api.request import percent_decoded
from objstore.api.s3.call import NO_CONTENT, Answer, Call
from objstore.api.s3.conditions import check_rename_source, check_rename_target, write_condition
from objstore.model.errors import InvalidArgument, KeyTooLongError
from objstore.model.limits import KEY_BYTES_MAX
from objstore.model.requests import RenameRequest

RENAME_SOURCE, RENAME_IF_MATCH = b"x-amz-rename-source", b"x-amz-rename-source-if-match"
_DATES = frozenset({b"if-modified-since", b"if-unmodified-since"})


async def rename_object(call: Call) -> Answer:
    """RenameObject: 200 once the object has its new key and not the old one any more."""
    request, headers = call.request, call.request.headers
    await call.store.rename(
        RenameRequest(
            request.bucket,
            request.key,
            parse_rename_source(headers[RENAME_SOURCE], request.bucket),
            lambda version: check_rename_source(headers, version),
            None if _DATES.isdisjoint(headers) else lambda version: check_rename_target(headers, version),
            write_condition(headers),
        )
    )
    return 200, [NO_CONTENT], b""


def parse_rename_source(header: bytes, bucket: str) -> bytes:
    """The key that the object has: percent-encoded, perhaps led by a slash, or by a slash and the bucket.

    Raises InvalidArgument, InvalidURI, KeyTooLongError.
    """
    path = percent_decoded(header.strip())
    key = path.removeprefix(b"/" + bucket.encode() + b"/") if path.startswith(b"/") else path
    key = key.removeprefix(b"/")
    if not key:
        raise InvalidArgument("The source of a rename must be a key", ArgumentName=RENAME_SOURCE.decode())
    if len(key) > KEY_BYTES_MAX:
        raise KeyTooLongError(Size=len(key), MaxSizeAllowed=KEY_BYTES_MAX)
    return key

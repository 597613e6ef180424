"""GetObject and HeadObject: conditions, ranges, parts, overrides of headers."""

import base64
import re
from typing import TYPE_CHECKING

from objstore.api.s3.call import Answer, Call, Headers
from objstore.api.s3.conditions import READ_HEADERS, NotModified, check_read, holds_if_range
from objstore.api.s3.encryption import WRITE_HEADERS, refuse_on_read
from objstore.api.s3.expiration import add_expiration
from objstore.api.s3.isolation import isolate
from objstore.api.s3.object_headers import checksum_headers, object_headers
from objstore.api.s3.protection import customer_of
from objstore.api.s3.ranges import Span, parse_range
from objstore.api.s3.restore import add_restore, warm_up
from objstore.api.s3.versions import VERSION_ID, parse_version_id
from objstore.model import clock
from objstore.model.checksum import Checksum
from objstore.model.encryption import CustomerKey, envelope_of
from objstore.model.errors import InvalidArgument, InvalidPart, InvalidPartNumber, InvalidRequest
from objstore.model.limits import PART_NUMBER_MAX
from objstore.model.objects import ObjectVersion

if TYPE_CHECKING:
    from objstore.api.s3.verbs import Verbs

_OVERRIDES = {
    "response-cache-control": b"cache-control",
    "response-content-disposition": b"content-disposition",
    "response-content-encoding": b"content-encoding",
    "response-content-language": b"content-language",
    "response-content-type": b"content-type",
    "response-expires": b"expires",
}
_SPECIAL_QUERY = frozenset({VERSION_ID, "partNumber", *_OVERRIDES})
_SPECIAL_HEADERS = READ_HEADERS | {b"range", b"x-amz-checksum-mode"} | WRITE_HEADERS
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_EMPTY = b""


async def get_object(call: Call) -> Answer:
    """GetObject: 200, 206 or 304."""
    request, store = call.request, call.store
    if _is_plain(call):
        version = call.found or await store.get(request.bucket, request.key)
        status, headers, start, end = 200, object_headers(version, call.site.region), 0, version.size
        customer = None
        headers.append((b"content-length", b"%d" % end))
        if version.attrs is not None:
            isolate(headers, request, version)
        add_expiration(headers, call, version)
        await add_restore(headers, call, version)
    else:
        customer = customer_of(call)
        version, status, headers, (start, end) = await _special(call, customer)
        if status == 304:
            return 304, headers, _EMPTY
    call.looked_up, call.object_bytes = clock.monotonic_seconds(), version.size
    reader = await store.read(version, start, end, customer)
    call.source = reader.source
    whole = reader.whole
    return status, headers, reader if whole is None else whole


async def head_object(call: Call) -> Answer:
    """HeadObject: as GetObject, without reading a byte."""
    request = call.request
    if _is_plain(call):
        version = call.found or await call.store.get(request.bucket, request.key)
        if version.attrs is not None:
            await store_key(call, version, None)
        headers = object_headers(version, call.site.region)
        headers.append((b"content-length", b"%d" % version.size))
        add_expiration(headers, call, version)
        await add_restore(headers, call, version)
        call.object_bytes = version.size
        return 200, headers, _EMPTY
    version, status, headers, _ = await _special(call, customer_of(call))
    if status == 206:
        await warm_up(call, version)
    call.object_bytes = version.size
    return status, headers, _EMPTY


def _is_plain(call: Call) -> bool:
    request = call.request
    return _SPECIAL_HEADERS.isdisjoint(request.headers) and (
        not request.query_string or _SPECIAL_QUERY.isdisjoint(request.query)
    )


async def store_key(call: Call, version: ObjectVersion, customer: CustomerKey | None) -> None:
    """Raise InvalidRequest unless the key of a version with SSE-C, and of no other, was given."""
    if customer is not None or envelope_of(version.attrs) is not None:
        await call.store.check_key(version, customer)


async def _special(call: Call, customer: CustomerKey | None) -> tuple[ObjectVersion, int, Headers, Span]:
    """The version, the status, headers with length, and the span of bytes to send."""
    request, query = call.request, call.query
    version_id = parse_version_id(query.get(VERSION_ID))
    refuse_on_read(request.headers)
    number = _part_number(query.get("partNumber"))
    if number and b"range" in request.headers:
        raise InvalidRequest("Cannot specify both Range header and partNumber query parameter")
    overrides = _overrides(query) if query else []
    version = call.found or await call.store.get(request.bucket, request.key, version_id)
    await store_key(call, version, customer)
    try:
        check_read(request.headers, version)
    except NotModified:
        return version, 304, _not_modified(version), (0, 0)
    headers = object_headers(version, call.site.region, customer)
    status, span = _choose(call, version, number, headers)
    if overrides:
        replaced = {name for name, _ in overrides}
        headers = [header for header in headers if header[0] not in replaced] + overrides
    headers.append((b"content-length", b"%d" % (span[1] - span[0])))
    isolate(headers, request, version, retyped=bool(overrides))
    if version.noncurrent_since is None:
        add_expiration(headers, call, version)
    await add_restore(headers, call, version)
    return version, status, headers, span


def _not_modified(version: ObjectVersion) -> Headers:
    wanted = (b"etag", b"last-modified", b"cache-control", b"expires", b"x-amz-version-id")
    return [header for header in object_headers(version) if header[0] in wanted]


def _choose(call: Call, version: ObjectVersion, number: int, headers: Headers) -> tuple[int, Span]:
    """Status and span; appends the headers that depend on them.

    A checksum of the whole object never goes with a part of it: botocore hashes whatever body comes with one.
    """
    wants_checksum = call.request.headers.get(b"x-amz-checksum-mode", b"").upper() == b"ENABLED"
    if number:
        try:
            return _choose_part(call.store, version, number, headers, wants_checksum)
        except InvalidPartNumber:
            if call.site.lenient:
                raise InvalidPart from None
            raise
    span = _range(call, version)
    if span is not None:
        headers.append(_content_range(span, version.size))
        return 206, span
    if wants_checksum and version.checksum:
        headers += checksum_headers(Checksum.unpack(version.checksum))
    return 200, (0, version.size)


def _range(call: Call, version: ObjectVersion) -> Span | None:
    headers = call.request.headers
    wanted = headers.get(b"range")
    if wanted is None:
        return None
    if_range = headers.get(b"if-range")
    if if_range is not None and not holds_if_range(if_range, version):
        return None
    return parse_range(wanted, version.size)


def _content_range(span: Span, size: int) -> tuple[bytes, bytes]:
    return b"content-range", b"bytes %d-%d/%d" % (span[0], span[1] - 1, size)


def _choose_part(
    store: "Verbs", version: ObjectVersion, number: int, headers: Headers, wants_checksum: bool
) -> tuple[int, Span]:
    """The span of a part; an object that was not made of parts is its own part 1."""
    parts = store.parts_of(version)
    found = next((part for part in parts if part[0] == number), None) if parts else (1, 0, version.size, b"")
    if found is None or found[0] != number:
        raise InvalidPartNumber(PartNumberRequested=number, ActualPartCount=len(parts or (1,)))
    _, start, end, digest = found
    if parts:
        headers.append((b"x-amz-mp-parts-count", b"%d" % len(parts)))
    if wants_checksum and version.checksum and digest:
        headers += _part_checksum(Checksum.unpack(version.checksum), digest)
    if start == end:
        return 200, (start, end)
    headers.append(_content_range((start, end), version.size))
    return 206, (start, end)


def _part_checksum(checksum: Checksum, digest: bytes) -> Headers:
    value = (b"x-amz-checksum-" + checksum.algorithm.lower().encode(), base64.b64encode(digest))
    return [value, (b"x-amz-checksum-type", checksum.type.encode())]


def _part_number(text: str | None) -> int:
    return 0 if text is None else parse_part_number(text)


def parse_part_number(text: str) -> int:
    """A part number in decimal; raises InvalidArgument."""
    if text.isascii() and text.isdigit() and len(text) < 8 and 1 <= int(text) <= PART_NUMBER_MAX:
        return int(text)
    raise InvalidArgument(
        f"Part number must be an integer between 1 and {PART_NUMBER_MAX}, inclusive",
        ArgumentName="partNumber",
        ArgumentValue=text[:100],
    )


def _overrides(query: dict[str, str]) -> Headers:
    """Headers that ``response-*`` parameters set; raises InvalidArgument on what no header may hold."""
    found: Headers = []
    for name, header in _OVERRIDES.items():
        value = query.get(name)
        if value is None:
            continue
        if _CONTROL.search(value):
            raise InvalidArgument("Header value cannot be represented", ArgumentName=name)
        found.append((header, value.encode()))
    return found

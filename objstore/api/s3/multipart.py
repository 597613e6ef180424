"""Multipart uploads: create, parts, complete, abort, and their listings."""

from typing import Any

from objstore.api.s3.call import NO_CONTENT, Answer, Call, xml_answer
from objstore.api.s3.checksums import (
    checksum_fields,
    declared_checksum,
    parse_algorithm,
    parse_type,
    part_checksum,
)
from objstore.api.s3.conditions import write_condition
from objstore.api.s3.copy_source import parse_copy_source
from objstore.api.s3.documents import read_input
from objstore.api.s3.encryption import add_encryption
from objstore.api.s3.expiration import add_abort, add_expiration
from objstore.api.s3.object_headers import quoted_etag, read_given, refuse_headers
from objstore.api.s3.objects_copy import source_check
from objstore.api.s3.objects_get import parse_part_number
from objstore.api.s3.objects_put import check_length
from objstore.api.s3.owners import check_source_owner
from objstore.api.s3.protection import customer_of, protect, source_customer_of
from objstore.api.s3.ranges import parse_copy_range
from objstore.api.s3.text import parse_http_time
from objstore.api.s3.versions import add_source_version_id, add_version_id, shown_on_write
from objstore.api.s3.xml_out import render
from objstore.model.checksum import ALGORITHM_CODES, Checksum
from objstore.model.errors import InvalidArgument, InvalidRequest, MalformedXML, NoSuchUpload, PreconditionFailed
from objstore.model.limits import PART_BYTES_MAX, PART_NUMBER_MAX
from objstore.model.objects import Part
from objstore.model.requests import CompletePart, CompleteRequest

_UPLOAD_ID_CHARS = 32
_INITIATED = b"x-amz-if-match-initiated-time"


def upload_id_text(upload_id: bytes) -> str:
    """An upload id as clients see it."""
    return upload_id.hex()


def parse_upload_id(text: str) -> bytes:
    """Inverse of ``upload_id_text``; raises NoSuchUpload: what is no id of ours is not there."""
    try:
        raw = bytes.fromhex(text) if len(text) == _UPLOAD_ID_CHARS else b""
    except ValueError:
        raw = b""
    if len(raw) * 2 != _UPLOAD_ID_CHARS:
        raise NoSuchUpload(UploadId=text[:1024])
    return raw


async def create_multipart_upload(call: Call) -> Answer:
    """CreateMultipartUpload: gives the upload id."""
    request, headers = call.request, call.request.headers
    given = read_given(headers)
    given.take(call.access_attrs)
    refuse_headers(headers)
    algorithm = parse_algorithm(headers.get(b"x-amz-checksum-algorithm"))
    checksum_type = parse_type(headers.get(b"x-amz-checksum-type"), algorithm)
    encryption = await protect(call, given) if given.encrypts or given.locks else None
    upload = await call.store.create_upload(
        request.bucket,
        request.key,
        storage_class=given.class_or_standard,
        attrs=given.attrs,
        tags=given.tags,
        checksum_algorithm=algorithm,
        checksum_type=checksum_type,
        encryption=encryption,
    )
    named = {"Bucket": request.bucket, "Key": request.key.decode(), "UploadId": upload_id_text(upload.id)}
    declared = {"ChecksumAlgorithm": algorithm, "ChecksumType": checksum_type}
    extra, body = render("CreateMultipartUpload", named | declared)
    add_encryption(extra, upload.attrs, encryption.customer if encryption else None, call.site.region)
    add_abort(extra, call, upload)
    return xml_answer(body, extra)


async def upload_part(call: Call) -> Answer:
    """UploadPart: gives the part's ETag, and its checksum where one is kept."""
    request = call.request
    number, upload_id = _part_and_upload(call)
    refuse_headers(request.headers)
    body = call.body()
    check_length(body, PART_BYTES_MAX)
    customer = customer_of(call)
    part = await call.store.put_part(request.bucket, request.key, upload_id, number, body, customer)
    call.object_bytes = part.size
    headers = [NO_CONTENT, (b"etag", b'"%b"' % part.etag.hex().encode())]
    add_encryption(headers, part.attrs, customer, call.site.region)
    checksum = part_checksum(part.checksum, part.algorithm)
    if checksum:
        headers.append((b"x-amz-checksum-" + checksum[0].lower().encode(), checksum[1].encode()))
    return 200, headers, b""


async def upload_part_copy(call: Call) -> Answer:
    """UploadPartCopy: a part made of an object or of a range of it."""
    request, headers = call.request, call.request.headers
    number, upload_id = _part_and_upload(call)
    refuse_headers(headers)
    source_bucket, source_key, source_version = parse_copy_source(headers[b"x-amz-copy-source"])
    wanted = headers.get(b"x-amz-copy-source-range")
    span = parse_copy_range(wanted) if wanted is not None else None
    if span and span[1] - span[0] > PART_BYTES_MAX:
        raise InvalidRequest(f"The specified copy range is larger than the maximum part size: {PART_BYTES_MAX}")
    await check_source_owner(call, source_bucket)
    check = source_check(call, None if span else PART_BYTES_MAX)
    customer = customer_of(call)
    part, source = await call.store.copy_part(
        *(request.bucket, request.key, upload_id, number, source_bucket, source_key, span, check, source_version),
        customer,
        source_customer_of(call),
    )
    call.object_bytes, call.source_bytes = part.size, source.size
    result = {"LastModified": part.modified, "ETag": f'"{part.etag.hex()}"', **_part_checksum_fields(part)}
    extra, body = render("UploadPartCopy", {"CopyPartResult": result})
    add_source_version_id(extra, source)
    add_encryption(extra, part.attrs, customer, call.site.region)
    return xml_answer(body, extra)


def _part_and_upload(call: Call) -> tuple[int, bytes]:
    return parse_part_number(call.query["partNumber"]), parse_upload_id(call.query["uploadId"])


def _part_checksum_fields(part: Part) -> dict[str, Any]:
    checksum = part_checksum(part.checksum, part.algorithm)
    return {f"Checksum{checksum[0]}": checksum[1]} if checksum else {}


async def complete_multipart_upload(call: Call) -> Answer:
    """CompleteMultipartUpload: the parts become an object; asked again, the answer is the same."""
    request, headers = call.request, call.request.headers
    upload_id = parse_upload_id(call.query["uploadId"])
    refuse_headers(headers)
    document = await read_input(call, "CompleteMultipartUpload")
    checksum_type = headers.get(b"x-amz-checksum-type")
    parts = [_complete_part(part) for part in _listed(document)]
    complete = CompleteRequest(
        request.bucket,
        request.key,
        upload_id,
        _last_of_each(parts) if call.site.lenient else parts,
        checksum=declared_checksum(headers),
        checksum_type=checksum_type.decode("latin-1").strip().upper() if checksum_type else None,
        size=_object_size(headers.get(b"x-amz-mp-object-size")),
        condition=write_condition(headers),
        customer=customer_of(call),
        needed=call.site.lenient,
    )
    version = await call.store.complete(complete)
    call.object_bytes = version.size
    checksum = Checksum.unpack(version.checksum) if version.checksum else None
    named = {"Location": _location(call), "Bucket": request.bucket, "Key": request.key.decode()}
    extra, body = render(
        "CompleteMultipartUpload", named | {"ETag": quoted_etag(version).decode()} | checksum_fields(checksum)
    )
    add_version_id(extra, shown_on_write(call, version.shown_id))
    add_encryption(extra, version.attrs, complete.customer, call.site.region)
    add_expiration(extra, call, version)
    return xml_answer(body, extra)


def _listed(document: dict[str, Any]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = document.get("Parts", [])
    if not 1 <= len(parts) <= PART_NUMBER_MAX:
        raise MalformedXML
    return parts


def _last_of_each(parts: list[CompletePart]) -> list[CompletePart]:
    """Of a part that is named several times in a row the last, as some servers take it."""
    return [part for i, part in enumerate(parts) if i + 1 == len(parts) or parts[i + 1].number != part.number]


def _complete_part(part: dict[str, Any]) -> CompletePart:
    if "PartNumber" not in part or "ETag" not in part:
        raise MalformedXML
    if not 1 <= part["PartNumber"] <= PART_NUMBER_MAX:
        raise InvalidArgument(
            f"Part number must be an integer between 1 and {PART_NUMBER_MAX}, inclusive",
            ArgumentName="partNumber",
            ArgumentValue=part["PartNumber"],
        )
    checksums = {name: part[f"Checksum{name}"] for name in ALGORITHM_CODES if f"Checksum{name}" in part}
    return CompletePart(part["PartNumber"], part["ETag"].strip().strip('"'), checksums)


def _object_size(header: bytes | None) -> int | None:
    if header is None:
        return None
    text = header.strip()
    if not (text.isdigit() and len(text) < 19):
        raise InvalidRequest("Value for x-amz-mp-object-size header is invalid.")
    return int(text)


def _location(call: Call) -> str:
    request = call.request
    return f"{request.scope.get('scheme', 'http')}://{request.host}{request.raw_path.decode('latin-1')}"


async def abort_multipart_upload(call: Call) -> Answer:
    """AbortMultipartUpload: 204."""
    request = call.request
    upload_id = parse_upload_id(call.query["uploadId"])
    if _INITIATED in request.headers and not await _was_initiated(call, upload_id):
        return 204, [], b""
    await call.store.abort(request.bucket, request.key, upload_id)
    return 204, [], b""


async def _was_initiated(call: Call, upload_id: bytes) -> bool:
    """Whether there is an upload that began when the request says; one that is not there is none to be aborted.

    Raises PreconditionFailed, InvalidArgument. When an upload began never changes.
    """
    text = call.request.header(_INITIATED)
    wanted = parse_http_time(text)
    if wanted is None:
        raise InvalidArgument("The time is none", ArgumentName=_INITIATED.decode(), ArgumentValue=text[:100])
    try:
        upload = await call.store.get_upload(call.request.bucket, call.request.key, upload_id)
    except NoSuchUpload:
        return False
    if upload.created.replace(microsecond=0) != wanted:
        raise PreconditionFailed(Condition=_INITIATED.decode())
    return True

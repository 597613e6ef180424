"""CopyObject and what UploadPartCopy shares with it."""

from collections.abc import Mapping

from objstore.api.s3.call import Answer, Call, Headers, xml_answer
from objstore.api.s3.checksums import checksum_fields, parse_algorithm
from objstore.api.s3.conditions import check_copy_source, write_condition
from objstore.api.s3.copy_source import parse_copy_source
from objstore.api.s3.encryption import add_encryption
from objstore.api.s3.expiration import add_expiration
from objstore.api.s3.object_headers import quoted_etag, read_given, refuse_headers
from objstore.api.s3.owners import check_source_owner
from objstore.api.s3.protection import protect, source_customer_of
from objstore.api.s3.verbs import SourceCheck
from objstore.api.s3.versions import add_source_version_id, add_version_id
from objstore.api.s3.xml_out import render
from objstore.model.checksum import Checksum
from objstore.model.errors import ConditionalRequestConflict, InvalidArgument, InvalidRequest
from objstore.model.limits import PUT_BYTES_MAX
from objstore.model.objects import HEADER_ATTRS, ObjectVersion
from objstore.model.requests import CopyRequest

_SELF_COPY = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's "
    "metadata, storage class, website redirect location or encryption attributes."
)


async def copy_object(call: Call) -> Answer:
    """CopyObject: a new object with the source's bytes."""
    request, headers = call.request, call.request.headers
    source_bucket, source_key, source_version = parse_copy_source(headers[b"x-amz-copy-source"])
    given = read_given(headers)
    given.take(call.access_attrs)
    refuse_headers(headers)
    replace_attrs = _replaces(headers, "metadata")
    replace_tags = _replaces(headers, "tagging")
    encryption = await protect(call, given) if given.encrypts or given.locks else None
    in_place = source_bucket == request.bucket and source_key == request.key and source_version is None
    if in_place and not (replace_attrs or given.storage_class or encryption):
        raise InvalidRequest(_SELF_COPY)
    await check_source_owner(call, source_bucket)
    version, source = await call.store.copy(
        CopyRequest(
            source_bucket,
            source_key,
            request.bucket,
            request.key,
            source_check(call, PUT_BYTES_MAX),
            replace_attrs=replace_attrs,
            attrs=given.attrs if replace_attrs else None,
            replace_tags=replace_tags,
            tags=given.tags if replace_tags else None,
            storage_class=given.class_or_standard,  # AWS: STANDARD unless named, whatever the source's
            checksum_algorithm=parse_algorithm(headers.get(b"x-amz-checksum-algorithm")),
            condition=write_condition(headers),
            source_version=source_version,
            encryption=encryption,
            source_key_given=source_customer_of(call),
            extra={name: value for name, value in (given.attrs or {}).items() if name not in HEADER_ATTRS},
        )
    )
    call.object_bytes, call.source_bytes = version.size, source.size
    extra: Headers = []
    add_source_version_id(extra, source)
    add_version_id(extra, version.shown_id)
    add_encryption(extra, version.attrs, encryption.customer if encryption else None, call.site.region)
    add_expiration(extra, call, version)
    return xml_answer(_render(version), extra)


def source_check(call: Call, bytes_max: int | None) -> SourceCheck:
    """The check that the store makes on the source before it copies: it must be the one that was let through."""
    headers, found = call.request.headers, call.found

    def check(version: ObjectVersion) -> None:
        if found is not None and found.version_id != version.version_id:
            raise ConditionalRequestConflict
        check_copy_source(headers, version)
        if bytes_max is not None and version.size > bytes_max:
            raise InvalidRequest(
                f"The specified copy source is larger than the maximum allowable size for a copy source: {bytes_max}"
            )

    return check


def _replaces(headers: Mapping[bytes, bytes], what: str) -> bool:
    name = f"x-amz-{what}-directive"
    value = headers.get(name.encode(), b"COPY").strip()
    if value not in (b"COPY", b"REPLACE"):
        raise InvalidArgument(
            f"Unknown {what} directive.", ArgumentName=name, ArgumentValue=value.decode("latin-1")[:100]
        )
    return value == b"REPLACE"


def _render(version: ObjectVersion) -> bytes:
    checksum = Checksum.unpack(version.checksum) if version.checksum else None
    result = {"LastModified": version.modified, "ETag": quoted_etag(version).decode(), **checksum_fields(checksum)}
    _, body = render("CopyObject", {"CopyObjectResult": result})
    return body

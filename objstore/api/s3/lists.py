"""ListObjects, ListObjectsV2 and ListObjectVersions."""

from objstore.api.s3.call import Answer, Call, xml_answer
from objstore.api.s3.list_params import ListParams, list_params, make_token, parse_token
from objstore.api.s3.list_xml import common_prefixes, element, entries, key_text, owner_xml, page_head
from objstore.api.s3.text import escape_text
from objstore.model.errors import InvalidArgument
from objstore.model.requests import ListPage, ListRequest


async def list_objects(call: Call) -> Answer:
    """ListObjects (version 1): goes on after ``marker``."""
    query = call.query
    params = list_params(query)
    marker = query.get("marker", "").encode()
    page = await _page(call, params, marker)
    written = key_text(params.encode)
    next_marker = ""
    if page.next_after is not None and params.delimiter:
        next_marker = element("NextMarker", written(page.next_after))
    return _answer(
        page_head("ListBucketResult", call.request.bucket, params, page.next_after is not None),
        element("Marker", written(marker)),
        next_marker,
        await entries(page.versions, written, tag="Contents", after=owner_xml(call.owner)),
        common_prefixes(page.prefixes, written),
        "</ListBucketResult>",
    )


async def list_objects_v2(call: Call) -> Answer:
    """ListObjectsV2: goes on after a token, or begins after ``start-after``."""
    query, bucket = call.query, call.request.bucket
    params = list_params(query)
    token = query.get("continuation-token")
    start_after = query.get("start-after", "").encode()
    page = await _page(call, params, start_after if token is None else parse_token(bucket, token))
    written = key_text(params.encode)
    owner = owner_xml(call.owner) if query.get("fetch-owner", "").lower() == "true" else ""
    parts = [page_head("ListBucketResult", bucket, params, page.next_after is not None)]
    parts.append(f"<KeyCount>{len(page.versions) + len(page.prefixes)}</KeyCount>")
    if token is not None:
        parts.append(element("ContinuationToken", escape_text(token)))
    if page.next_after is not None:
        parts.append(element("NextContinuationToken", make_token(bucket, page.next_after)))
    if start_after:
        parts.append(element("StartAfter", written(start_after)))
    parts.append(await entries(page.versions, written, tag="Contents", after=owner))
    parts.append(common_prefixes(page.prefixes, written))
    return _answer(*parts, "</ListBucketResult>")


async def list_object_versions(call: Call) -> Answer:
    """ListObjectVersions: in a bucket without versions every key once, as version ``null``."""
    query = call.query
    params = list_params(query)
    key_marker, version_marker = _version_markers(query)
    page = await _page(call, params, key_marker)
    written = key_text(params.encode)
    parts = [page_head("ListVersionsResult", call.request.bucket, params, page.next_after is not None)]
    parts.append(element("KeyMarker", written(key_marker)))
    parts.append(element("VersionIdMarker", version_marker))
    if page.next_after is not None:
        parts.append(element("NextKeyMarker", written(page.next_after)))
        if page.versions and page.versions[-1].key == page.next_after:
            parts.append("<NextVersionIdMarker>null</NextVersionIdMarker>")
    known = "<VersionId>null</VersionId><IsLatest>true</IsLatest>"
    parts.append(await entries(page.versions, written, tag="Version", before=known, after=owner_xml(call.owner)))
    parts.append(common_prefixes(page.prefixes, written))
    return _answer(*parts, "</ListVersionsResult>")


def _version_markers(query: dict[str, str]) -> tuple[bytes, str]:
    """Key and version to go on after: with one version a key, always after the key."""
    key_marker, version_marker = query.get("key-marker"), query.get("version-id-marker")
    if version_marker is not None and key_marker is None:
        raise InvalidArgument(
            "A version-id marker cannot be specified without a key marker.",
            ArgumentName="version-id-marker",
            ArgumentValue=version_marker[:1024],
        )
    if version_marker == "" and key_marker:
        raise InvalidArgument("A version-id marker cannot be empty.", ArgumentName="version-id-marker")
    if version_marker not in (None, "", "null"):
        raise InvalidArgument(
            "Invalid version id specified", ArgumentName="version-id-marker", ArgumentValue=version_marker[:1024]
        )
    return (key_marker or "").encode(), version_marker or ""


async def _page(call: Call, params: ListParams, after: bytes) -> ListPage:
    bucket = call.request.bucket
    if params.limit == 0:
        await call.store.get_bucket(bucket)  # NoSuchBucket comes before an empty page
        return ListPage([], [])
    return await call.store.list(ListRequest(bucket, params.prefix, params.delimiter, after, params.limit))


def _answer(*parts: str) -> Answer:
    return xml_answer("".join(parts).encode())

"""ListObjects, ListObjectsV2 and ListObjectVersions."""

from objstore.api.s3.call import Answer, Call, xml_answer
from objstore.api.s3.list_params import ListParams, list_params, make_token, parse_token
from objstore.api.s3.list_xml import common_prefixes, element, entries, key_text, owner_xml, page_head, version_entries
from objstore.api.s3.owners import bucket_owner, object_owners
from objstore.api.s3.restore import restore_elements
from objstore.api.s3.text import escape_text
from objstore.api.s3.versions import parse_version_marker, version_marker
from objstore.model.errors import InvalidArgument
from objstore.model.requests import ListPage, ListRequest, ListVersionsPage, ListVersionsRequest


async def list_objects(call: Call) -> Answer:
    """ListObjects (version 1): goes on after ``marker``."""
    query = call.query
    params = list_params(query)
    marker = query.get("marker", "").encode()
    page = await _page(call, params, marker)
    restores = await restore_elements(call, page.versions)
    owner, owners = owner_xml(bucket_owner(call)), await object_owners(call, page.versions)
    written = key_text(params.encode)
    next_marker = ""
    if page.next_after is not None and params.delimiter:
        next_marker = element("NextMarker", written(page.next_after))
    return _answer(
        page_head(
            "ListBucketResult",
            call.request.bucket,
            params,
            page.next_after is not None,
            plain_prefix=call.site.lenient,
        ),
        element("Marker", written(marker)),
        next_marker,
        await entries(page.versions, params.encode, after=owner, ends=restores, owners=owners),
        common_prefixes(page.prefixes, written),
        "</ListBucketResult>",
    )


async def list_objects_v2(call: Call) -> Answer:
    """ListObjectsV2: goes on after a token, or begins after ``start-after``."""
    query, bucket = call.query, call.request.bucket
    params = list_params(query)
    token = query.get("continuation-token")
    start_after = query.get("start-after", "").encode()
    page = await _page(call, params, parse_token(bucket, token) if token else start_after)
    restores = await restore_elements(call, page.versions)
    written = key_text(params.encode)
    owner, owners = "", None
    if query.get("fetch-owner", "").lower() == "true":
        owner, owners = owner_xml(bucket_owner(call)), await object_owners(call, page.versions)
    parts = [page_head("ListBucketResult", bucket, params, page.next_after is not None)]
    parts.append(f"<KeyCount>{len(page.versions) + len(page.prefixes)}</KeyCount>")
    if token is not None:
        parts.append(element("ContinuationToken", escape_text(token)))
    if page.next_after is not None:
        parts.append(element("NextContinuationToken", make_token(bucket, page.next_after)))
    if start_after:
        parts.append(element("StartAfter", written(start_after)))
    parts.append(await entries(page.versions, params.encode, after=owner, ends=restores, owners=owners or {}))
    parts.append(common_prefixes(page.prefixes, written))
    return _answer(*parts, "</ListBucketResult>")


async def list_object_versions(call: Call) -> Answer:
    """ListObjectVersions: versions and delete markers by key, newest first in a key."""
    query, bucket = call.query, call.request.bucket
    params = list_params(query)
    key_marker, marker_text = query.get("key-marker"), query.get("version-id-marker")
    marker = _version_marker(key_marker, marker_text)
    page = ListVersionsPage([], [])
    if params.limit:
        wanted = (params.prefix, params.delimiter, (key_marker or "").encode(), marker, params.limit)
        page = await call.store.list_versions(ListVersionsRequest(bucket, *wanted))
    else:
        await call.store.get_bucket(bucket)  # NoSuchBucket comes before an empty page
    restores = await restore_elements(call, page.versions)
    written = key_text(params.encode)
    parts = [page_head("ListVersionsResult", bucket, params, page.next_after is not None)]
    parts.append(element("KeyMarker", written((key_marker or "").encode())))
    parts.append(element("VersionIdMarker", marker_text or ""))
    if page.next_after is not None:
        next_key, last = page.next_after
        parts.append(element("NextKeyMarker", written(next_key)))
        if last is not None:
            parts.append(element("NextVersionIdMarker", version_marker(last)))
    owner, owners = owner_xml(bucket_owner(call)), await object_owners(call, page.versions)
    parts.append(await version_entries(page.versions, params.encode, owner, restores, owners))
    parts.append(common_prefixes(page.prefixes, written))
    return _answer(*parts, "</ListVersionsResult>")


def _version_marker(key_marker: str | None, text: str | None) -> tuple[bytes, int | None] | None:
    """Which version of the marker's key to go on after; None: after all of them."""
    if text is not None and key_marker is None:
        raise InvalidArgument(
            "A version-id marker cannot be specified without a key marker.",
            ArgumentName="version-id-marker",
            ArgumentValue=text[:1024],
        )
    if text == "" and key_marker:
        raise InvalidArgument("A version-id marker cannot be empty.", ArgumentName="version-id-marker")
    return parse_version_marker(text) if text else None


async def _page(call: Call, params: ListParams, after: bytes) -> ListPage:
    bucket = call.request.bucket
    if params.delimiter and call.site.lenient and call.query.get("allow-unordered", "").lower() == "true":
        # Everything comes in order here; what cannot be had of who knows this parameter is refused all the same.
        raise InvalidArgument("allow-unordered and a delimiter exclude each other.", ArgumentName="allow-unordered")
    if params.limit == 0:
        await call.store.get_bucket(bucket)  # NoSuchBucket comes before an empty page
        return ListPage([], [])
    return await call.store.list(ListRequest(bucket, params.prefix, params.delimiter, after, params.limit))


def _answer(*parts: str) -> Answer:
    return xml_answer("".join(parts).encode())

"""ACLs of buckets and objects."""

from typing import Any

from objstore.api.s3.access_settings import (
    ACL,
    ACL_ATTR,
    acls_live,
    bucket_grants,
    object_grants,
    object_owner,
)
from objstore.api.s3.call import NO_CONTENT, Answer, Call, Headers, xml_answer
from objstore.api.s3.documents import read_input
from objstore.api.s3.errors import S3Error
from objstore.api.s3.object_acl import (
    check_enforced,
    check_public,
    document_grants,
    header_grants,
    malformed,
    owner_of,
    rendered,
    sends_acl,
)
from objstore.api.s3.versions import VERSION_ID, add_version_id, parse_version_id
from objstore.api.s3.xml_out import render
from objstore.identity.acl import Grant, is_private
from objstore.model.errors import ConditionalRequestConflict, InvalidRequest, MalformedXML
from objstore.model.notification import ACL_PUT
from objstore.model.objects import Bucket, ObjectVersion


async def get_bucket_acl(call: Call) -> Answer:
    """GetBucketAcl."""
    bucket = await call.store.get_bucket(call.request.bucket)
    grants = rendered(call.site, bucket_grants(bucket))
    _, body = render(call.operation, {"Owner": owner_of(call.site, bucket.owner), "Grants": grants})
    return xml_answer(body)


async def put_bucket_acl(call: Call) -> Answer:
    """PutBucketAcl."""
    bucket = await call.store.get_bucket(call.request.bucket)
    grants = await _given(call, bucket, bucket.owner, None)
    if grants is not None:
        value = None if is_private(grants, bucket.owner) else [list(grant) for grant in grants]
        await call.store.set_setting(bucket.name, ACL, value)
    return 200, [NO_CONTENT], b""


async def get_object_acl(call: Call) -> Answer:
    """GetObjectAcl."""
    version_id = parse_version_id(call.query.get(VERSION_ID))
    bucket = await call.store.get_bucket(call.request.bucket)
    version = call.found or await call.store.get(bucket.name, call.request.key, version_id)
    owner, grants = (
        owner_of(call.site, object_owner(bucket, version)),
        rendered(call.site, object_grants(bucket, version)),
    )
    headers, body = render(call.operation, {"Owner": owner, "Grants": grants})
    add_version_id(headers, version.shown_id)
    return xml_answer(body, headers)


async def put_object_acl(call: Call) -> Answer:
    """PutObjectAcl: of the current version of a key, or of one by its id."""
    version_id = parse_version_id(call.query.get(VERSION_ID))
    bucket = await call.store.get_bucket(call.request.bucket)
    version = call.found or await call.store.get(bucket.name, call.request.key, version_id)
    owner = object_owner(bucket, version)
    grants = await _given(call, bucket, owner, bucket.owner)
    if grants is not None:

        def change(current: ObjectVersion) -> dict[str, Any] | None:
            if current.version_id != version.version_id:
                raise ConditionalRequestConflict
            attrs = {name: value for name, value in (current.attrs or {}).items() if name != ACL_ATTR}
            if not is_private(grants, object_owner(bucket, current)):
                attrs[ACL_ATTR] = [list(grant) for grant in grants]
            return attrs or None

        version = await call.store.change_attrs(bucket.name, call.request.key, change, version_id, ACL_PUT)
    headers: Headers = [NO_CONTENT]
    add_version_id(headers, version.shown_id)
    return 200, headers, b""


async def _given(call: Call, bucket: Bucket, owner: str, bucket_owner: str | None) -> list[Grant] | None:
    """The list that the request gives; None where ACLs have no say and it says what holds anyway."""
    headers = call.request.headers
    in_headers = sends_acl(headers)
    document = await _document(call)
    if in_headers and document is not None:
        raise InvalidRequest("This request does not support content")
    if not in_headers and document is None:
        raise S3Error(
            "MissingSecurityHeader", "Your request was missing a required header", MissingHeaderName="x-amz-acl"
        )
    if not acls_live(bucket, call.site):
        if document is not None:
            raise S3Error("AccessControlListNotSupported")
        check_enforced(headers, bucket)
        return None
    if document is not None:
        grants = document_grants(call.site, document, owner)
    else:
        grants = header_grants(call.site, headers, owner, bucket_owner)
    check_public(grants, bucket, call.site)
    return grants


async def _document(call: Call) -> dict[str, Any] | None:
    if not call.has_body():
        return None
    try:
        return await read_input(call, call.operation, empty=True) or None
    except MalformedXML:
        raise malformed() from None

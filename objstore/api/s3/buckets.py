"""Buckets: create, head, delete, list, location."""

from typing import Any

from objstore.api.s3.access_settings import ACL, ENFORCED, OWNERSHIP, account_blocks, acls_live
from objstore.api.s3.call import NO_CONTENT, Answer, Call, xml_answer
from objstore.api.s3.documents import read_input, render_page
from objstore.api.s3.errors import S3Error
from objstore.api.s3.list_params import make_token, parse_token
from objstore.api.s3.names import check_new_name
from objstore.api.s3.object_acl import check_enforced, header_grants, sends_acl
from objstore.api.s3.owners import owner_fields
from objstore.api.s3.service import XML_NAMESPACE, enum_of
from objstore.api.s3.text import escape_text
from objstore.api.s3.xml_out import DECLARATION
from objstore.identity.acl import is_private, is_public
from objstore.model.errors import AccessDenied, BucketAlreadyOwnedByYou, InvalidArgument, NotImplementedS3
from objstore.model.limits import BUCKETS_PER_OWNER_MAX
from objstore.model.lock import SETTING as LOCKABLE
from objstore.model.objects import Bucket

LEGACY_REGION = "us-east-1"
_LOCATION = "location"  # a setting of buckets that were made with a name for the region that needs none
_NAMESPACE = b"x-amz-bucket-namespace"
# Names that a region also goes by in LocationConstraint.
_ALIASES = {"EU": "eu-west-1", "US": LEGACY_REGION}


async def create_bucket(call: Call) -> Answer:
    """CreateBucket. Creating one's own bucket again is 200 in us-east-1 and 409 elsewhere, as on AWS.

    Then its data and settings stay as they are, but for the ACL, which is as the request says.
    """
    request = call.request
    check_new_name(request.bucket)
    if request.header(_NAMESPACE, "global") != "global":
        raise NotImplementedS3("Bucket namespaces are not implemented", Header=_NAMESPACE.decode())
    settings = _settings_given(call)
    region, named = await _region_given(call)
    if named and region == LEGACY_REGION and call.site.lenient:
        settings[_LOCATION] = region
    try:
        await call.store.create_bucket(request.bucket, call.owner[0], region, settings)
    except BucketAlreadyOwnedByYou:
        if call.site.region != LEGACY_REGION:
            raise
        bucket = await call.store.get_bucket(request.bucket)
        if acls_live(bucket, call.site) and bucket.settings.get(ACL) != settings.get(ACL):
            await call.store.set_setting(request.bucket, ACL, settings.get(ACL))
    return 200, [NO_CONTENT, (b"location", b"/" + request.bucket.encode())], b""


def _settings_given(call: Call) -> dict[str, Any]:
    """What headers say of the bucket. Raises InvalidArgument, InvalidRequest, InvalidBucketAclWithObjectOwnership."""
    headers, owner = call.request.headers, call.owner[0]
    settings: dict[str, Any] = {}
    if headers.get(b"x-amz-bucket-object-lock-enabled", b"").strip().lower() == b"true":
        settings |= {"versioning": "Enabled", LOCKABLE: {"ObjectLockEnabled": "Enabled"}}
    ownership = call.request.header(b"x-amz-object-ownership")
    if ownership:
        if ownership not in enum_of("ObjectOwnership"):
            raise InvalidArgument(
                "Invalid x-amz-object-ownership header", ArgumentName="x-amz-object-ownership",
                ArgumentValue=ownership[:100],
            )  # fmt: skip
        settings[OWNERSHIP] = ownership
    if not sends_acl(headers):
        return settings
    if (ownership or call.site.object_ownership) == ENFORCED:
        _check_enforced(headers, named=bool(ownership))
        return settings
    grants = header_grants(call.site, headers, owner)
    blocked = call.site.public_access_block or account_blocks(owner, call.site, "BlockPublicAcls")
    if blocked and is_public(grants):
        raise AccessDenied
    if not is_private(grants, owner):
        settings[ACL] = [list(grant) for grant in grants]
    return settings


def _check_enforced(headers: dict[bytes, bytes], *, named: bool) -> None:
    try:
        check_enforced(headers, None)
    except S3Error:
        raise S3Error(
            "InvalidBucketAclWithObjectOwnership" if named else "AccessControlListNotSupported",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        ) from None


async def _region_given(call: Call) -> tuple[str, bool]:
    """The region that the bucket is to be in, and whether the request names it.

    What is lenient takes every name that AWS has, and says it again.
    """
    region = call.site.region
    if not call.has_body():
        return region, False
    document = await read_input(call, "CreateBucket", empty=True)
    if any(document.get(part) for part in ("Location", "Bucket", "Tags")):
        raise NotImplementedS3("Directory buckets and tags of buckets are not implemented")
    wanted: str = document.get("LocationConstraint", "").strip()
    if wanted in ("", region) or _ALIASES.get(wanted) == region:
        return region, bool(wanted)
    if wanted not in enum_of("BucketLocationConstraint"):
        raise S3Error("InvalidLocationConstraint", LocationConstraint=wanted[:100])
    if call.site.lenient:
        return wanted, True
    raise S3Error(
        "IllegalLocationConstraintException",
        f"The {wanted} location constraint is incompatible for the region specific endpoint this request was sent to.",
    )


async def head_bucket(call: Call) -> Answer:
    """HeadBucket: 200 with the region."""
    bucket = await call.store.get_bucket(call.request.bucket)
    headers = [(b"x-amz-bucket-region", bucket.region.encode()), (b"x-amz-access-point-alias", b"false")]
    return 200, [(b"content-type", b"application/xml"), *headers], b""


async def delete_bucket(call: Call) -> Answer:
    """DeleteBucket: 204; the bucket must be empty."""
    await call.store.delete_bucket(call.request.bucket)
    return 204, [], b""


async def get_bucket_location(call: Call) -> Answer:
    """GetBucketLocation: the root's own text is the region, empty for us-east-1; the model cannot say so."""
    bucket = await call.store.get_bucket(call.request.bucket)
    named = bucket.settings.get(_LOCATION, "")
    text = named if bucket.region == LEGACY_REGION else escape_text(bucket.region)
    root = "LocationConstraint"
    return xml_answer(f'{DECLARATION}<{root} xmlns="{XML_NAMESPACE}">{text}</{root}>'.encode())


async def list_buckets(call: Call) -> Answer:
    """ListBuckets: the caller's buckets by name."""
    query = call.query
    limit = _max_buckets(query.get("max-buckets"))
    token = query.get("continuation-token")
    after = parse_token("", token).decode() if token is not None else ""
    prefix = query.get("prefix", "")
    found: list[Bucket] = []
    if (
        not call.principal.anonymous
        and "\x00" not in prefix
        and query.get("bucket-region") in (None, "", call.site.region)
    ):
        found = await call.store.list_buckets(call.owner[0], prefix, after, limit + 1)
    page = found[:limit]
    values: dict[str, Any] = {"Owner": owner_fields(call), "Buckets": [_entry(bucket, query) for bucket in page]}
    if len(found) > limit:
        values["ContinuationToken"] = make_token("", page[-1].name.encode())
    if "prefix" in query:
        values["Prefix"] = prefix
    return await render_page("ListBuckets", values, len(page))


def _entry(bucket: Bucket, query: dict[str, str]) -> dict[str, Any]:
    entry: dict[str, Any] = {"Name": bucket.name, "CreationDate": bucket.created}
    paged = {"max-buckets", "prefix", "continuation-token", "bucket-region"}
    return entry if paged.isdisjoint(query) else entry | {"BucketRegion": bucket.region}


def _max_buckets(text: str | None) -> int:
    if text is None:
        return BUCKETS_PER_OWNER_MAX
    if text.isascii() and text.isdigit() and len(text) < 8 and 1 <= int(text) <= BUCKETS_PER_OWNER_MAX:
        return int(text)
    raise InvalidArgument(
        f"Argument max-buckets must be an integer between 1 and {BUCKETS_PER_OWNER_MAX}",
        ArgumentName="max-buckets",
        ArgumentValue=text[:100],
    )

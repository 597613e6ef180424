"""The policy of a bucket, its public access block, its object ownership."""

from typing import Any

from objstore.api.s3.access_settings import (
    ACL,
    BLOCKS,
    DELETED,
    ENFORCED,
    OWNERSHIP,
    POLICY,
    POLICY_FINAL,
    PUBLIC_ACCESS,
    acls_live,
    blocks,
    blocks_of,
    bucket_grants,
    has_public_policy,
    ownership_of,
)
from objstore.api.s3.call import NO_CONTENT, Answer, Call, xml_answer
from objstore.api.s3.documents import read_input
from objstore.api.s3.errors import S3Error
from objstore.api.s3.request_context import RequestContext
from objstore.api.s3.xml_out import render
from objstore.identity.acl import is_private
from objstore.identity.acl import is_public as acl_is_public
from objstore.identity.arn import bucket_arn
from objstore.identity.evaluate import is_denied
from objstore.identity.parse import BUCKET, BUCKET_BYTES_MAX, LOOSE_BUCKET, PolicyError, parse_policy
from objstore.identity.policy import Ask, Policy
from objstore.identity.public import is_public
from objstore.model.errors import AccessDenied, MalformedXML
from objstore.model.identity_errors import MalformedPolicy
from objstore.model.objects import Bucket

_CONFIRM = b"x-amz-confirm-remove-self-bucket-access"


async def put_bucket_policy(call: Call) -> Answer:
    """PutBucketPolicy: 204."""
    text = _text(await call.document())
    bucket = await call.store.get_bucket(call.request.bucket)
    try:
        policy = parse_policy(text, LOOSE_BUCKET if call.site.lenient else BUCKET, bucket.name)
    except PolicyError as error:
        raise MalformedPolicy(str(error)) from None
    if is_public(policy) and blocks(bucket, call.site, "BlockPublicPolicy"):
        raise AccessDenied("User is not authorized to put a public policy: the public access block prevents it.")
    _check_not_locked_out(call, policy)
    await call.store.set_setting(bucket.name, POLICY, text)
    if call.site.lenient and (_confirms(call) or POLICY_FINAL in bucket.settings):
        await call.store.set_setting(bucket.name, POLICY_FINAL, True if _confirms(call) else None)
    return 204, [], b""


def _confirms(call: Call) -> bool:
    return call.request.header(_CONFIRM).lower() == "true"


def _text(document: bytes) -> str:
    if len(document) > BUCKET_BYTES_MAX:
        raise MalformedPolicy("Policy exceeds the maximum allowed document size.")
    try:
        return document.decode()
    except UnicodeDecodeError:
        raise MalformedPolicy("Policies must be valid JSON and the first byte must be '{'") from None


def _check_not_locked_out(call: Call, policy: Policy) -> None:
    """Who could not change the policy again has to say that they want that; the root of the owner always can."""
    if call.principal.owns or _confirms(call):
        return
    context = RequestContext(call.request, call.principal, region=call.site.region)
    if is_denied(call.principal, policy, Ask("s3:putbucketpolicy", bucket_arn(call.request.bucket), context)):
        raise AccessDenied("The policy would deny you to change it again; confirm that you want this.")


async def get_bucket_policy(call: Call) -> Answer:
    """GetBucketPolicy: as it was given."""
    bucket = await call.store.get_bucket(call.request.bucket)
    text = bucket.settings.get(POLICY)
    if text is None:
        raise S3Error("NoSuchBucketPolicy", BucketName=bucket.name)
    body = text.encode()
    return 200, [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))], body


async def delete_bucket_policy(call: Call) -> Answer:
    """DeleteBucketPolicy: 204, also when there was none."""
    if POLICY_FINAL in (await call.store.get_bucket(call.request.bucket)).settings:
        await call.store.set_setting(call.request.bucket, POLICY_FINAL, None)
    await call.store.set_setting(call.request.bucket, POLICY, None)
    return 204, [], b""


async def get_bucket_policy_status(call: Call) -> Answer:
    """GetBucketPolicyStatus: whether the policy opens the bucket to the world."""
    bucket = await call.store.get_bucket(call.request.bucket)
    if POLICY not in bucket.settings and not call.site.lenient:
        raise S3Error("NoSuchBucketPolicy", BucketName=bucket.name)
    return _rendered(call, {"PolicyStatus": {"IsPublic": has_public_policy(bucket) or _acl_is_public(call, bucket)}})


def _acl_is_public(call: Call, bucket: Bucket) -> bool:
    """Other servers count ACLs too."""
    return call.site.lenient and acls_live(bucket, call.site) and acl_is_public(bucket_grants(bucket))


async def put_public_access_block(call: Call) -> Answer:
    """PutPublicAccessBlock."""
    document = await read_input(call, call.operation)
    await call.store.set_setting(
        call.request.bucket, PUBLIC_ACCESS, {name: bool(document.get(name, False)) for name in BLOCKS}
    )
    return 200, [NO_CONTENT], b""


async def get_public_access_block(call: Call) -> Answer:
    """GetPublicAccessBlock."""
    bucket = await call.store.get_bucket(call.request.bucket)
    found = blocks_of(bucket, call.site)
    if found is None:
        raise S3Error("NoSuchPublicAccessBlockConfiguration", BucketName=bucket.name)
    return _rendered(call, {"PublicAccessBlockConfiguration": {name: bool(found.get(name)) for name in BLOCKS}})


async def delete_public_access_block(call: Call) -> Answer:
    """DeletePublicAccessBlock: 204; nothing is blocked any more."""
    await call.store.set_setting(call.request.bucket, PUBLIC_ACCESS, DELETED)
    return 204, [], b""


async def put_bucket_ownership_controls(call: Call) -> Answer:
    """PutBucketOwnershipControls."""
    document = await read_input(call, call.operation)
    rules = document["Rules"]
    if len(rules) != 1:
        raise MalformedXML
    ownership = rules[0]["ObjectOwnership"]
    bucket = await call.store.get_bucket(call.request.bucket)
    acl = bucket.settings.get(ACL)
    if ownership == ENFORCED and acl and not is_private([(one, given) for one, given in acl], bucket.owner):
        raise S3Error(
            "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        )
    await call.store.set_setting(bucket.name, OWNERSHIP, ownership)
    return 200, [NO_CONTENT], b""


async def get_bucket_ownership_controls(call: Call) -> Answer:
    """GetBucketOwnershipControls."""
    bucket = await call.store.get_bucket(call.request.bucket)
    ownership = ownership_of(bucket, call.site)
    if ownership is None:
        raise S3Error("OwnershipControlsNotFoundError", BucketName=bucket.name)
    return _rendered(call, {"OwnershipControls": {"Rules": [{"ObjectOwnership": ownership}]}})


async def delete_bucket_ownership_controls(call: Call) -> Answer:
    """DeleteBucketOwnershipControls: 204; whoever writes an object owns it from now on."""
    await call.store.set_setting(call.request.bucket, OWNERSHIP, DELETED)
    return 204, [], b""


def _rendered(call: Call, values: dict[str, Any]) -> Answer:
    headers, body = render(call.operation, values)
    return xml_answer(body, headers)

"""Authorizer: through which every path goes before anything is read or changed.

An owner whom no policy restricts, in a bucket that has none, is let through by two comparisons, for the bucket is known
anyway; that is nearly every request. All others are asked about with everything that AWS's logic takes into account.
What may not be listed is not told from what is not there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from objstore.api.s3.access_settings import (
    ACL,
    ACL_ATTR,
    ENFORCED,
    LOGGING,
    OWNERSHIP,
    POLICY,
    POLICY_FINAL,
    acls_live,
    blocks,
    bucket_grants,
    has_public_policy,
    object_grants,
    object_owner,
    policy_of,
)
from objstore.api.s3.call import Call
from objstore.api.s3.conditions import tells_content
from objstore.api.s3.copy_source import parse_copy_source
from objstore.api.s3.object_acl import ACL_HEADERS, acl_attrs
from objstore.api.s3.permissions import GET_OBJECT, LIST_BUCKET, Need, On, need_of
from objstore.api.s3.rename import RENAME_IF_MATCH, RENAME_SOURCE, parse_rename_source
from objstore.api.s3.request_context import RequestContext
from objstore.api.s3.request_facts import IF_MATCH, IF_NONE_MATCH, Facts, facts_of
from objstore.api.s3.tags import tags_of_document
from objstore.api.s3.versions import VERSION_ID, parse_version_id
from objstore.identity.acl import granted
from objstore.identity.arn import S3, bucket_arn
from objstore.identity.evaluate import Resource, identity_verdict, is_allowed, is_denied
from objstore.identity.policy import Ask, Policy
from objstore.identity.principal import Meant, Principal
from objstore.model.errors import AccessDenied, MethodNotAllowed, NoSuchKey, NoSuchVersion
from objstore.model.objects import Bucket, ObjectVersion

_COPY_SOURCE = b"x-amz-copy-source"
_PREFIX = "s3:prefix"
# What needs nothing besides its own permission.
_USUAL = frozenset(
    {"GetObject", "HeadObject", "PutObject", "DeleteObject", "UploadPart", "ListObjectsV2", "ListObjects"}
)
_CONDITIONAL = frozenset({"PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject", "RenameObject"})
_MAKES_OBJECTS = frozenset({"PutObject", "CopyObject", "CreateMultipartUpload"})
_POLICY_ACTIONS = frozenset({"s3:getbucketpolicy", "s3:putbucketpolicy", "s3:deletebucketpolicy"})
_BYPASSABLE = frozenset({"s3:deleteobject", "s3:putobjectretention"})
_BYPASS = b"x-amz-bypass-governance-retention"
_EXISTING_TAG, _GIVEN_TAG = "s3:existingobjecttag/", "s3:requestobjecttag"
_DATA = frozenset({"READ", "WRITE"})
# What an object is made with besides its bytes: these actions must not be denied, while PutObject allows them.
_WITH_HEADERS: tuple[tuple[bytes, str], ...] = (
    (b"x-amz-acl", "s3:putobjectacl"),
    (b"x-amz-tagging", "s3:putobjecttagging"),
    (b"x-amz-object-lock-mode", "s3:putobjectretention"),
    (b"x-amz-object-lock-legal-hold", "s3:putobjectlegalhold"),
)


def settled(call: Call) -> bool:
    """Whether a request of the usual kind is let through by ownership alone: nothing has to be waited for or made."""
    principal = call.authenticated.identity.principal
    if principal.restricted or call.operation not in _USUAL:
        return False
    request = call.request
    bucket = call.store.cached_bucket(request.bucket)
    if bucket is None or bucket.owner != principal.owner_id:
        return False
    settings = bucket.settings
    if POLICY in settings or settings.get(OWNERSHIP, call.site.object_ownership) != ENFORCED:
        return False
    return call.operation != "PutObject" or ACL_HEADERS.isdisjoint(request.headers)


async def authorize(call: Call) -> None:
    """Let the call's operation through, or raise AccessDenied; NoSuchBucket, NoSuchKey to who may know of it."""
    need = need_of(call.operation)
    if need.on is On.SERVICE:
        await _authorize_service(call, need)
        return
    bucket = call.store.cached_bucket(call.request.bucket) or await call.store.get_bucket(call.request.bucket)
    if need.on is On.KEYS:
        if call.principal.anonymous and POLICY not in bucket.settings and not acls_live(bucket, call.site):
            raise AccessDenied
        return
    await _authorize_in(call, bucket, need, call.request.key, call.query.get(VERSION_ID))
    if call.operation in _CONDITIONAL and tells_content(call.request.headers):
        await _authorize_condition(call, bucket)
    if call.operation in _MAKES_OBJECTS:
        call.access_attrs = acl_attrs(call, bucket)
    if call.operation == "RenameObject":  # the source is read, and is not there any more
        source = parse_rename_source(call.request.headers[RENAME_SOURCE], bucket.name)
        tag = call.request.headers.get(RENAME_IF_MATCH)
        its: Facts = {IF_MATCH: None if tag is None else [tag.decode("latin-1").strip()], IF_NONE_MATCH: None}
        for operation in ("GetObject", "DeleteObject"):
            await _authorize_in(call, bucket, need_of(operation), source, None, its)
    if _COPY_SOURCE in call.request.headers and call.operation in ("CopyObject", "UploadPartCopy"):
        await _authorize_source(call)


async def authorize_key(call: Call, operation: str, key: bytes) -> None:
    """The same for a key of the request's bucket that is not in its path: of a form, of a list."""
    bucket = call.store.cached_bucket(call.request.bucket) or await call.store.get_bucket(call.request.bucket)
    await _authorize_in(call, bucket, need_of(operation), key, None)
    if operation in _MAKES_OBJECTS:
        call.access_attrs = acl_attrs(call, bucket)


async def may(call: Call, action: str, key: bytes = b"", version: str | None = None) -> bool:
    """Whether who calls may also do ``action`` (as ``s3:BypassGovernanceRetention``) in the request's bucket."""
    bucket = call.store.cached_bucket(call.request.bucket) or await call.store.get_bucket(call.request.bucket)
    need = Need(action.lower(), On.OBJECT if key else On.BUCKET)
    return await _passes(call, bucket, need, key, version)


async def would(call: Call, need: Need, key: bytes = b"") -> bool:
    """Whether who calls meets a need in the request's bucket; False also where they must not know of the key."""
    bucket = call.store.cached_bucket(call.request.bucket) or await call.store.get_bucket(call.request.bucket)
    if _owns_plainly(call, call.principal, bucket, need):
        return True
    try:
        return await _passes(call, bucket, need, key, None)
    except (NoSuchKey, NoSuchVersion):  # it is let through as far as the missing object lets that be said
        return True


async def may_delete(call: Call, entries: Iterable[Mapping[str, Any]]) -> list[bool]:
    """Whether each entry of a DeleteObjects document, under its own conditions, may be deleted."""
    bucket = call.store.cached_bucket(call.request.bucket) or await call.store.get_bucket(call.request.bucket)
    if _owns_plainly(call, call.principal, bucket, need_of("DeleteObject")):
        return [True for _ in entries]
    return [await _may_delete(call, bucket, entry) for entry in entries]


async def _may_delete(call: Call, bucket: Bucket, entry: Mapping[str, Any]) -> bool:
    key, version, tag = entry["Key"].encode(), entry.get("VersionId"), entry.get("ETag")
    its: Facts = {} if tag is None else {IF_MATCH: [tag]}
    if not await _passes(call, bucket, need_of("DeleteObject"), key, version, its):
        return False
    told = not entry.keys().isdisjoint(("LastModifiedTime", "Size")) or tag not in (None, "*")
    return not told or await _may_learn(call, bucket, key, version)


async def concealed(call: Call) -> bool:
    """Whether who calls must not learn that a key is not there."""
    need = need_of(call.operation)
    if not call.asked or need.on is not On.OBJECT or call.request.method not in ("GET", "HEAD"):
        return False
    bucket = call.store.cached_bucket(call.request.bucket) or await call.store.get_bucket(call.request.bucket)
    return not await _passes(call, bucket, LIST_BUCKET, call.request.key, None)


async def _authorize_service(call: Call, need: Need) -> None:
    """What has no bucket yet: own account only."""
    principal, name = call.principal, call.request.bucket
    if principal.anonymous:
        if call.site.lenient and call.operation == "ListBuckets":
            return  # nobody owns any
        raise AccessDenied
    if not principal.restricted:
        return
    facts = await facts_of(call, need, lambda key: _asks_for(key, None, principal))
    ask = Ask(need.action, bucket_arn(name) if name else S3 + "*", _context(call, principal.account, more=facts))
    limits = [policy for policy in (principal.session, principal.boundary) if policy]
    own = identity_verdict(principal.policies, ask)
    verdicts = [identity_verdict([limit], ask) for limit in limits]
    if own.denied or any(not verdict.allowed for verdict in verdicts) or not (own.allowed or principal.owns):
        raise AccessDenied


async def _authorize_in(
    call: Call, bucket: Bucket, need: Need, key: bytes, version: str | None, facts: Facts | None = None
) -> None:
    if _owns_plainly(call, call.principal, bucket, need):
        return
    call.asked = True
    if not await _passes(call, bucket, need, key, version, facts):
        raise AccessDenied


async def _authorize_condition(call: Call, bucket: Bucket) -> None:
    """Who asks that what is there be a certain object has to be let read it, as on AWS."""
    key, version = call.request.key, call.query.get(VERSION_ID)
    if not await _may_learn(call, bucket, key, version):
        raise AccessDenied


async def _may_learn(call: Call, bucket: Bucket, key: bytes, version: str | None) -> bool:
    if _owns_plainly(call, call.principal, bucket, GET_OBJECT):
        return True
    try:
        return await _passes(call, bucket, GET_OBJECT, key, version)
    except (NoSuchKey, NoSuchVersion):  # whoever is asked next says so, or has manners of their own
        return True
    finally:
        call.found = None


async def _authorize_source(call: Call) -> None:
    """The source of a copy is read, in whatever bucket it is."""
    name, key, version_id = parse_copy_source(call.request.headers[_COPY_SOURCE])
    bucket = call.store.cached_bucket(name) or await call.store.get_bucket(name)
    if _owns_plainly(call, call.principal, bucket, GET_OBJECT):
        return
    version = None if version_id is None else version_id.hex() or "null"
    if not await _passes(call, bucket, GET_OBJECT, key, version):
        raise AccessDenied


def _owns_plainly(call: Call, principal: Principal, bucket: Bucket, need: Need) -> bool:
    """Whether ownership alone settles it: no policy, and no ACL that may take anything from the owner."""
    if principal.owner_id != bucket.owner or principal.restricted or POLICY in bucket.settings:
        return False
    return not acls_live(bucket, call.site) or (need.grant_on is On.BUCKET and ACL not in bucket.settings)


async def _passes(
    call: Call, bucket: Bucket, need: Need, key: bytes, version: str | None, more: Facts | None = None
) -> bool:
    """AWS's whole logic for one need. Raises NoSuchKey, NoSuchVersion where these may be known.

    ``key`` with LIST_BUCKET: that it is not there is to be known, as if a listing with this prefix said it. ``more``:
    facts that go before what the request says.
    """
    principal, site, policy = call.principal, call.site, policy_of(bucket)
    live = acls_live(bucket, site)
    found: ObjectVersion | None = None
    reads_acl = live and need.on is On.OBJECT and need.grant_on is On.OBJECT
    if key and need.on is On.OBJECT and (reads_acl or _asks_for(_EXISTING_TAG, policy, principal)):
        try:
            found = await call.store.get(bucket.name, key, parse_version_id(version))
            if need.grant_on is On.OBJECT:  # what is let through is what is read, not what has come in its place
                call.found = found
        except (NoSuchKey, NoSuchVersion, MethodNotAllowed):
            if need.grant_on is On.OBJECT:
                if await _passes(call, bucket, LIST_BUCKET, key, None):
                    raise
                return False
    if _is_kept_for_owners(principal, bucket, need):
        policy = None
    resource = _resource(call, bucket, need, found if reads_acl else None, policy, live)
    tags = await _given_tags(call) if _asks_for(_GIVEN_TAG, policy, principal) else None
    facts = await facts_of(call, need, lambda name: _asks_for(name, policy, principal)) | (more or {})
    if key and need is LIST_BUCKET:
        facts[_PREFIX] = [key.decode()]
    context = _context(call, resource.account, (found.tags or {}) if found else {}, tags, facts)
    arn = S3 + bucket.name + ("/" + key.decode() if need.on is On.OBJECT else "")
    actions = [need.action_for(version is not None), *need.besides]
    if need.action in _BYPASSABLE and call.request.header(_BYPASS).lower() == "true":
        actions.append("s3:bypassgovernanceretention")
    asks = [Ask(action, arn, context) for action in actions]
    if not all(is_allowed(principal, resource, ask) for ask in asks):
        return False
    if LOGGING in bucket.settings and _needs_acl(call, bucket, resource, asks):
        call.acl_required = getattr(call, "acl_required", frozenset()) | {bucket.name}
    return not any(is_denied(principal, policy, Ask(action, arn, context)) for action in _implied(call, need))


def _needs_acl(call: Call, bucket: Bucket, resource: Resource, asks: list[Ask]) -> bool:
    """Whether what was let through would not be if ACLs had no say, and the bucket's owner owned all there is."""
    if not resource.granted and resource.owner_id == bucket.owner:
        return False
    known = call.site.directory.owner(bucket.owner)
    without = replace(
        resource,
        account=known.account if known else "",
        owner_id=bucket.owner,
        granted=Meant.NOT,
        policy_allows=True,
    )
    return not all(is_allowed(call.principal, without, ask) for ask in asks)


def _is_kept_for_owners(principal: Principal, bucket: Bucket, need: Need) -> bool:
    """Whether the bucket's policy has no say: nobody can lock an owner out of their bucket."""
    is_owner = principal.owns and bucket.owner == principal.owner_id
    return is_owner and need.action in _POLICY_ACTIONS and POLICY_FINAL not in bucket.settings


def _implied(call: Call, need: Need) -> list[str]:
    if need.action != "s3:putobject":
        return []
    return [action for name, action in _WITH_HEADERS if name in call.request.headers]


async def _given_tags(call: Call) -> Mapping[str, str] | None:
    """Tags that the request's document sets; None: its header says."""
    if call.operation != "PutObjectTagging":
        return None
    return tags_of_document(await call.document()) or {}


def _resource(
    call: Call, bucket: Bucket, need: Need, found: ObjectVersion | None, policy: Policy | None, live: bool
) -> Resource:
    """Whose it is and what its ACL says: the object's where the object is asked about, else the bucket's."""
    principal, site = call.principal, call.site
    owner, explicit, grants = bucket.owner, ACL in bucket.settings, None
    if found is not None:
        owner, explicit = object_owner(bucket, found), ACL_ATTR in (found.attrs or {})
        grants = object_grants(bucket, found)
    elif live and need.grant:
        grants = bucket_grants(bucket)
    given = Meant.NOT
    if live and need.grant and grants is not None:
        given = granted(grants, principal, need.grant, ignore_public=blocks(bucket, site, "IgnorePublicAcls"))
    taken = live and explicit and need.grant in _DATA and not given  # an owner may take the use of it from themselves
    known = site.directory.owner(owner)
    restricted = blocks(bucket, site, "RestrictPublicBuckets") and has_public_policy(bucket)
    return Resource(
        known.account if known else "",
        "" if taken else owner,
        policy,
        given,
        policy_foreigners=not restricted,
        policy_allows=owner == bucket.owner,
    )


def _asks_for(key: str, policy: Policy | None, principal: Principal) -> bool:
    policies = [one for one in (policy, principal.session, principal.boundary, *principal.policies) if one]
    return any(name.startswith(key) for one in policies for name in one.keys)


def _context(
    call: Call,
    account: str,
    existing: Mapping[str, str] | None = None,
    given: Mapping[str, str] | None = None,
    more: Facts | None = None,
) -> RequestContext:
    return RequestContext(
        call.request,
        call.principal,
        region=call.site.region,
        resource_account=account,
        existing_tags=existing,
        given_tags=given,
        more=more,
    )

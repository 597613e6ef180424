"""POST /policy-test: may somebody do something, and which statements say so? Nothing is changed.

S3's own authorizer answers, on a request made up of what is given; the statements that apply are listed besides.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from objstore.api.admin.own_rights import refusals
from objstore.api.admin.state import AdminState, admin_state
from objstore.api.auth.authenticator import Authenticated
from objstore.api.auth.checks import UNSIGNED_PAYLOAD
from objstore.api.auth.keyring import Identity
from objstore.api.request import Request
from objstore.api.s3.access_settings import policy_of
from objstore.api.s3.authorizer import would
from objstore.api.s3.call import Call
from objstore.api.s3.permissions import PERMISSIONS, Need, On
from objstore.api.s3.request_context import RequestContext
from objstore.identity.arn import S3
from objstore.identity.directory import Directory
from objstore.identity.entity import Entity, Kind
from objstore.identity.evaluate import applies, identity_verdict, resource_verdict
from objstore.identity.parse import BUCKET_BYTES_MAX, IDENTITY, PolicyError, parse_policy, stored_policy
from objstore.identity.policy import Ask, Policy
from objstore.identity.principal import ANONYMOUS, Principal, meant
from objstore.model.errors import MethodNotAllowed, NoSuchKey
from objstore.model.limits import KEY_BYTES_MAX
from objstore.model.objects import Bucket

router = APIRouter(tags=["identities"])
State = Annotated[AdminState, Depends(admin_state)]
_KINDS = {"user": Kind.USER, "role": Kind.ROLE}
_DRAFT = "draft"


class Who(BaseModel):
    """``name``: of a user or role; nobody else needs one."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["user", "role", "root", "anonymous"] = "user"
    name: str = Field("", max_length=128)


class Question(BaseModel):
    """``action``: as ``s3:GetObject``. ``bucket`` and ``key``: empty for what is about none. ``draft``: the document of
    a policy that the principal is taken to have besides. ``source_ip``, ``secure``, ``prefix``, ``headers``: of the
    request that conditions are asked about."""

    model_config = ConfigDict(extra="forbid")

    principal: Who
    action: str = Field(pattern=r"^[A-Za-z0-9-]{1,32}:[A-Za-z0-9]{1,64}$")
    bucket: str = Field("", max_length=63)
    key: str = Field("", max_length=KEY_BYTES_MAX)
    draft: str | None = Field(None, max_length=BUCKET_BYTES_MAX)
    source_ip: str = Field("127.0.0.1", max_length=64)
    secure: bool = True
    prefix: str | None = Field(None, max_length=KEY_BYTES_MAX)
    headers: dict[str, str] = Field({}, max_length=20)


class Spoke(BaseModel):
    """A statement that applies. ``on``: user, group, role, boundary, draft, bucket; ``name``: of whom and of which
    policy; ``number``: its place in there, from 1."""

    on: str
    name: str
    number: int
    sid: str
    effect: Literal["Allow", "Deny"]


class Decision(BaseModel):
    """``reason``: denied (a statement says so), owner, policy, other (an ACL), boundary (it does not let it through),
    nothing (nobody allows it)."""

    allowed: bool
    reason: str
    principal: str
    resource: str
    statements: list[Spoke]


@router.post("/policy-test")
async def test_policy(question: Question, state: State) -> Decision:
    """Ask the policies that are stored now."""
    entity, principal = _principal(state.desk.directory, question)
    need = _need(question.action.lower(), question.key)
    call = _call(state, question, principal)
    with refusals():
        bucket = await call.store.get_bucket(question.bucket) if question.bucket else None
    about_bucket = bucket is not None and need.on is not On.SERVICE
    arn = _resource(question, need, about_bucket)
    ask = Ask(question.action.lower(), arn, await _context(call, bucket, question))
    named = [*_policies(state.desk.directory, entity), *_extra(principal, question)]
    theirs = policy_of(bucket) if bucket is not None and about_bucket else None
    spoke = [one for on, name, policy in named for one in _spoke(on, name, policy, ask)]
    spoke += _spoke("bucket", question.bucket, theirs, ask, principal) if theirs else []
    with refusals():
        allowed = await would(call, need, question.key.encode()) if about_bucket else _by_identity(principal, ask)
    reason = _reason(principal, bucket if about_bucket else None, theirs, ask, allowed)
    return Decision(allowed=allowed, reason=reason, principal=principal.arn, resource=arn, statements=spoke)


def _principal(directory: Directory, question: Question) -> tuple[Entity | None, Principal]:
    who, entity = question.principal, None
    if who.kind == "anonymous":
        principal: Principal | None = ANONYMOUS
    elif who.kind == "root":
        principal = directory.principal("")
    else:
        entity = directory.named(_KINDS[who.kind], "", who.name)
        if entity is None:
            raise HTTPException(404, f"there is no {who.kind} {who.name}")
        principal = directory.principal(entity.id)
    assert principal is not None
    if question.draft is None:
        return entity, principal
    try:
        draft = parse_policy(question.draft, IDENTITY)
    except PolicyError as error:
        raise HTTPException(422, f"draft: {error}") from None
    return entity, replace(principal, policies=(*principal.policies, draft))


def _need(action: str, key: str) -> Need:
    """What S3's own table says of an action; one that it does not have is about the key, or the bucket."""
    for need in PERMISSIONS.values():
        if action in (need.action, need.versioned):
            return replace(need, action=action, besides=(), on=On.OBJECT if need.on is On.KEYS else need.on)
    if not action.startswith("s3:"):
        return Need(action, On.SERVICE)
    return Need(action, On.OBJECT if key else On.BUCKET)


def _call(state: AdminState, question: Question, principal: Principal) -> Call:
    """A request that nobody sent."""
    assert state.store is not None
    assert state.site is not None
    path = f"/{quote(question.bucket, safe='')}/{quote(question.key)}" if question.bucket else "/"
    query = "" if question.prefix is None else f"prefix={quote(question.prefix, safe='')}"
    headers = {name.lower().encode("latin-1", "replace"): value.encode("latin-1", "replace")
               for name, value in question.headers.items()}  # fmt: skip
    scope = {
        "type": "http",
        "method": "GET",
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": list(headers.items()),
        "client": (question.source_ip, 0),
        "scheme": "https" if question.secure else "http",
    }
    call = Call(Request(scope, _nothing), state.store, state.site)
    call.authenticated = Authenticated(
        Identity("", principal.owner_id, principal.display_name, principal=principal), UNSIGNED_PAYLOAD
    )
    return call


async def _nothing() -> dict[str, Any]:
    return {"type": "http.disconnect"}


def _resource(question: Question, need: Need, about_bucket: bool) -> str:
    if not about_bucket:
        return S3 + question.bucket if question.bucket else "*"
    return S3 + question.bucket + (f"/{question.key}" if need.on is On.OBJECT else "")


async def _context(call: Call, bucket: Bucket | None, question: Question) -> RequestContext:
    """The same that the authorizer makes for itself."""
    tags: dict[str, str] = {}
    if bucket is not None and question.key:
        try:
            tags = (await call.store.get(bucket.name, question.key.encode())).tags or {}
        except (NoSuchKey, MethodNotAllowed):
            tags = {}
    known = call.site.directory.owner(bucket.owner) if bucket else None
    account = known.account if known else ""
    return RequestContext(
        call.request, call.principal, region=call.site.region, resource_account=account, existing_tags=tags
    )


def _policies(directory: Directory, entity: Entity | None) -> Iterator[tuple[str, str, Policy]]:
    """On whom each policy hangs, its name, and the policy."""
    if entity is None:
        return
    groups = [group for id_ in entity.body.get("groups", ()) if (group := directory.get(id_)) is not None]
    for one in (entity, *groups):
        on = {Kind.USER: "user", Kind.GROUP: "group"}.get(one.kind, "role")
        for name, document in one.body.get("inline", {}).items():
            yield on, f"{one.name}: {name}", stored_policy(document, IDENTITY)
        for arn in one.body.get("attached", ()):
            attached = directory.document(arn, entity.account)
            if attached is not None:
                yield on, f"{one.name}: {arn}", stored_policy(attached, IDENTITY)


def _extra(principal: Principal, question: Question) -> Iterator[tuple[str, str, Policy]]:
    if principal.boundary is not None:
        yield "boundary", principal.name, principal.boundary
    if question.draft is not None:
        yield _DRAFT, _DRAFT, principal.policies[-1]


def _spoke(on: str, name: str, policy: Policy, ask: Ask, principal: Principal | None = None) -> list[Spoke]:
    return [
        Spoke(on=on, name=name, number=number, sid=one.sid, effect="Allow" if one.allow else "Deny")
        for number, one in enumerate(policy.statements, 1)
        if (principal is None or meant(one, principal)) and applies(one, ask)
    ]


def _by_identity(principal: Principal, ask: Ask) -> bool:
    """What is about no bucket: the account's own."""
    if principal.anonymous:
        return False
    own, limit = identity_verdict(principal.policies, ask), _limit(principal, ask)
    mine = principal.manages if ask.action.startswith(("iam:", "sts:")) else principal.owns
    return not own.denied and limit and (bool(own.allowed) or mine)


def _limit(principal: Principal, ask: Ask) -> bool:
    limits = [identity_verdict([one], ask) for one in (principal.session, principal.boundary) if one]
    return all(one.allowed and not one.denied for one in limits)


def _reason(principal: Principal, bucket: Bucket | None, theirs: Policy | None, ask: Ask, allowed: bool) -> str:
    own, of_bucket = identity_verdict(principal.policies, ask), resource_verdict(theirs, principal, ask)
    if not allowed:
        if own.denied or of_bucket.denied:
            return "denied"
        return "nothing" if _limit(principal, ask) else "boundary"
    if principal.owns and (bucket is None or bucket.owner == principal.owner_id):
        return "owner"
    return "policy" if own.allowed or of_bucket.allowed else "other"

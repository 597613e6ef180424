"""From a form to its handler: who sent it, whether they may, what it comes to."""

from collections.abc import Awaitable, Callable

from objstore.api.auth.authenticator import Authenticated, Authenticator
from objstore.api.auth.checks import UNSIGNED_PAYLOAD
from objstore.api.auth.keyring import NOBODY
from objstore.api.iam import groups, providers, roles, sts, users
from objstore.api.iam import policies as policy_handlers
from objstore.api.iam.account import get_account_summary
from objstore.api.iam.ask import IamAsk, Values
from objstore.api.iam.query import FORM_BYTES_MAX, fields_of, operation, parse, render, render_error
from objstore.api.iam.web_identity import assume_role_with_web_identity
from objstore.api.s3.call import Answer, Call
from objstore.api.s3.errors import as_request_error, is_routine
from objstore.api.s3.request_context import RequestContext
from objstore.identity.arn import entity_arn
from objstore.identity.entity import Kind
from objstore.identity.evaluate import identity_verdict
from objstore.identity.policy import Ask
from objstore.model.errors import (
    AccessDenied,
    AuthorizationHeaderMalformed,
    InvalidAccessKeyId,
    InvalidToken,
    NotImplementedS3,
)
from objstore.model.identity_errors import InvalidClientTokenId, ValidationError

Handler = Callable[[IamAsk], Awaitable[Values]]
FORM_TYPE = b"application/x-www-form-urlencoded"

IAM: dict[str, Handler] = {
    "AddClientIDToOpenIDConnectProvider": providers.add_client,
    "AddUserToGroup": groups.add_user_to_group,
    "CreateAccessKey": users.create_access_key,
    "CreateGroup": groups.create_group,
    "CreateOpenIDConnectProvider": providers.create,
    "CreatePolicy": policy_handlers.create_policy,
    "CreatePolicyVersion": policy_handlers.create_policy_version,
    "CreateRole": roles.create_role,
    "CreateUser": users.create_user,
    "DeleteAccessKey": users.delete_access_key,
    "DeleteGroup": groups.delete_group,
    "DeleteOpenIDConnectProvider": providers.delete,
    "DeletePolicy": policy_handlers.delete_policy,
    "DeletePolicyVersion": policy_handlers.delete_policy_version,
    "DeleteRole": roles.delete_role,
    "DeleteUser": users.delete_user,
    "GetAccessKeyLastUsed": users.get_access_key_last_used,
    "GetAccountSummary": get_account_summary,
    "GetGroup": groups.get_group,
    "GetOpenIDConnectProvider": providers.get,
    "GetPolicy": policy_handlers.get_policy,
    "GetPolicyVersion": policy_handlers.get_policy_version,
    "GetRole": roles.get_role,
    "GetUser": users.get_user,
    "ListAccessKeys": users.list_access_keys,
    "ListEntitiesForPolicy": policy_handlers.list_entities_for_policy,
    "ListGroups": groups.list_groups,
    "ListGroupsForUser": groups.list_groups_for_user,
    "ListOpenIDConnectProviders": providers.listed,
    "ListPolicies": policy_handlers.list_policies,
    "ListPolicyVersions": policy_handlers.list_policy_versions,
    "ListRoleTags": roles.list_role_tags,
    "ListRoles": roles.list_roles,
    "ListUserTags": users.list_user_tags,
    "ListUsers": users.list_users,
    "RemoveClientIDFromOpenIDConnectProvider": providers.remove_client,
    "RemoveUserFromGroup": groups.remove_user_from_group,
    "SetDefaultPolicyVersion": policy_handlers.set_default_policy_version,
    "TagRole": roles.tag_role,
    "TagUser": users.tag_user,
    "UntagRole": roles.untag_role,
    "UntagUser": users.untag_user,
    "UpdateAccessKey": users.update_access_key,
    "UpdateAssumeRolePolicy": roles.update_assume_role_policy,
    "UpdateGroup": groups.update_group,
    "UpdateOpenIDConnectProviderThumbprint": providers.update_thumbprints,
    "UpdateRole": roles.update_role,
    "UpdateUser": users.update_user,
    **{
        name: handler
        for kind, noun in ((Kind.USER, "User"), (Kind.GROUP, "Group"), (Kind.ROLE, "Role"))
        for made in (policy_handlers.inline_handlers, policy_handlers.attach_handlers)
        for name, handler in made(kind, noun).items()
    },
    **policy_handlers.boundary_handlers(Kind.USER, "User"),
    **policy_handlers.boundary_handlers(Kind.ROLE, "Role"),
}
STS: dict[str, Handler] = {
    "AssumeRole": sts.assume_role,
    "AssumeRoleWithWebIdentity": assume_role_with_web_identity,
    "GetCallerIdentity": sts.get_caller_identity,
    "GetSessionToken": sts.get_session_token,
}
HANDLERS = {"iam": IAM, "sts": STS}
# A token stands in its form in place of a signature.
_UNSIGNED, _UNSIGNED_ACTION = "AssumeRoleWithWebIdentity", "sts:assumerolewithwebidentity"
# What STS asks by itself, or lets everybody do whom nothing denies it.
_FREE = frozenset({"sts:assumerole", _UNSIGNED_ACTION, "sts:getcalleridentity", "sts:getsessiontoken"})
_NAMES = (("UserName", Kind.USER, "user"), ("GroupName", Kind.GROUP, "group"), ("RoleName", Kind.ROLE, "role"))


def is_query(call: Call) -> bool:
    """Whether a request is of the query APIs."""
    request = call.request
    if call.site.desk is None or request.method != "POST" or request.bucket or request.key:
        return False
    return request.headers.get(b"content-type", b"").lower().startswith(FORM_TYPE)


async def serve_query(call: Call, authenticator: Authenticator) -> Answer:
    """Answer it; refusals are documents of IAM's form."""
    service = "iam"
    try:
        call.authenticated = Authenticated(NOBODY, UNSIGNED_PAYLOAD)
        form = await call.body(length_required=False).read_all(FORM_BYTES_MAX)
        if form is None:
            raise ValidationError(f"The form is longer than {FORM_BYTES_MAX} bytes")
        if b"authorization" not in call.request.headers and fields_of(form).get("Action") == _UNSIGNED:
            service = "sts"
        else:
            call.authenticated, service = _authenticated(call, authenticator, form)
        status, body = 200, await _served(call, authenticator, service, form)
    except Exception as error:
        refusal, retry = as_request_error(error)
        if retry or not is_routine(error):
            raise
        call.code = refusal.code
        status, body = render_error(service, refusal, call.request.request_id)
    return status, [(b"content-type", b"text/xml"), (b"content-length", b"%d" % len(body))], body


def _authenticated(call: Call, authenticator: Authenticator, form: bytes) -> tuple[Authenticated, str]:
    try:
        return authenticator.authenticate_form(call.request, form)
    except (InvalidAccessKeyId, InvalidToken):
        raise InvalidClientTokenId from None
    except AuthorizationHeaderMalformed as error:
        raise AccessDenied(str(error)) from None


async def _served(call: Call, authenticator: Authenticator, service: str, form: bytes) -> bytes:
    fields = fields_of(form)
    action = fields.get("Action", "")
    model = operation(service, action)
    call.operation = f"{service}:{action}"
    given = parse(model, fields)
    desk, sessions = call.site.desk, authenticator.sessions
    assert desk is not None
    assert sessions is not None
    ask = IamAsk(call.request, call.principal, given, desk, sessions, call.site.lenient, call.site.web_keys)
    _authorize(ask, f"{service}:{action}")
    handler = HANDLERS[service].get(action)
    if handler is None:
        raise NotImplementedS3(f"{action} is not implemented")
    return render(model, await handler(ask), call.request.request_id)


def _authorize(ask: IamAsk, action: str) -> None:
    """Raise AccessDenied unless who asks manages the account, or a policy of theirs allows it."""
    principal, resource = ask.principal, _resource(ask)
    question = Ask(action.lower(), resource, RequestContext(ask.request, principal))
    own = identity_verdict(principal.policies, question)
    limits = [identity_verdict([limit], question) for limit in (principal.session, principal.boundary) if limit]
    denied = own.denied or any(limit.denied for limit in limits)
    if not denied and action.lower() in _FREE:
        return
    if denied or any(not limit.allowed for limit in limits) or not (own.allowed or principal.manages):
        raise AccessDenied(f"User: {principal.arn} is not authorized to perform: {action} on resource: {resource}")


def _resource(ask: IamAsk) -> str:
    """ARN of what an action is about."""
    account = ask.directory.arn_account(ask.account)
    for member in ("PolicyArn", "OpenIDConnectProviderArn", "RoleArn"):
        if member in ask.given and not {"UserName", "GroupName", "RoleName"} & ask.given.keys():
            return str(ask.given[member])
    for member, kind, noun in _NAMES:
        if member in ask.given:
            found = ask.directory.named(kind, ask.account, ask.given[member])
            if found is not None:
                return ask.directory.arn(found)
            return entity_arn(account, noun, ask.given.get("Path", "/"), ask.given[member])
    if "PolicyName" in ask.given:
        return entity_arn(account, "policy", ask.given.get("Path", "/"), ask.given["PolicyName"])
    return ask.principal.arn if ask.principal.kind == "user" and "PathPrefix" not in ask.given else "*"

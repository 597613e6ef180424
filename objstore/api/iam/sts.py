"""STS: temporary credentials."""

import re
from datetime import UTC, datetime

from objstore.api.auth.sessions import PREFIX, Session
from objstore.api.iam.ask import IamAsk, Values, check_document, random_text
from objstore.api.iam.users import new_secret
from objstore.api.s3.request_context import RequestContext
from objstore.identity.arn import session_arn
from objstore.identity.entity import Entity, Kind
from objstore.identity.evaluate import applies, identity_verdict
from objstore.identity.parse import TRUST, stored_policy
from objstore.identity.policy import Ask
from objstore.identity.principal import Meant, meant
from objstore.model import clock
from objstore.model.errors import AccessDenied
from objstore.model.identity_errors import ValidationError

SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}\Z", re.ASCII)
ROLE_SECONDS_DEFAULT = 3600
USER_SECONDS_DEFAULT, ROOT_SECONDS_MAX = 43_200, 3600
POLICY_CHARS_MAX = 2048


async def get_caller_identity(ask: IamAsk) -> Values:
    """GetCallerIdentity: needs no permission."""
    principal = ask.principal
    return {"UserId": principal.unique_id, "Account": principal.account, "Arn": principal.arn}


async def get_session_token(ask: IamAsk) -> Values:
    """GetSessionToken: the caller's own permissions, for a while."""
    principal = ask.principal
    if principal.kind == "role" or principal.issued:
        raise AccessDenied("Cannot call GetSessionToken with session credentials")
    seconds = ask.given.get("DurationSeconds", USER_SECONDS_DEFAULT)
    if principal.kind == "root":
        seconds = min(seconds, ROOT_SECONDS_MAX)
    actor = ask.account if principal.kind == "root" else principal.unique_id
    return {"Credentials": credentials(ask, actor, seconds)}


async def assume_role(ask: IamAsk) -> Values:
    """AssumeRole: what the role may, and no more than the policy given with it."""
    given = ask.given
    role = _role(ask, given["RoleArn"])
    name = given["RoleSessionName"]
    if not SESSION_NAME.match(name):
        raise ValidationError("Invalid RoleSessionName")
    longest = 3600 if ask.principal.kind == "role" else role.body.get("session_seconds_max", ROLE_SECONDS_DEFAULT)
    seconds = given.get("DurationSeconds", ROLE_SECONDS_DEFAULT)
    if seconds > longest:
        raise ValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    policy = given.get("Policy", "")
    if policy:
        check_document(policy, chars_max=POLICY_CHARS_MAX)
    tags = {tag["Key"]: tag["Value"] for tag in given.get("Tags", [])}
    made = credentials(ask, role.id, seconds, name, policy, tags)
    arn = session_arn(ask.directory.arn_account(role.account), role.name, name)
    return {"Credentials": made, "AssumedRoleUser": {"AssumedRoleId": f"{role.id}:{name}", "Arn": arn}}


def role_of_arn(ask: IamAsk, arn: str) -> Entity | None:
    """The role of that very ARN."""
    directory = ask.directory
    account = directory.account_of(arn.split(":")[4]) if arn.count(":") >= 5 else None
    role = None if account is None else directory.named(Kind.ROLE, account, arn.rpartition("/")[2])
    return role if role is not None and directory.arn(role) == arn else None


def _role(ask: IamAsk, arn: str) -> Entity:
    """The role, if its trust policy lets the caller in and, unless it names them, their own policies too."""
    role = role_of_arn(ask, arn)
    denied = AccessDenied(f"User: {ask.principal.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}")
    if role is None:
        raise denied
    question = Ask("sts:assumerole", arn, _context(ask))
    named = Meant.NOT
    for statement in stored_policy(role.body["trust"], TRUST).statements:
        how = meant(statement, ask.principal)
        if how and applies(statement, question):
            if not statement.allow:
                raise denied
            named = max(named, how)
    principal = ask.principal
    own = identity_verdict(principal.policies, question)
    limits = [identity_verdict([limit], question) for limit in (principal.session, principal.boundary) if limit]
    if own.denied or not named or any(limit.denied or not limit.allowed for limit in limits):
        raise denied
    near = principal.internal_account == role.account or ask.lenient
    if not (own.allowed or principal.owns or (near and named is Meant.SELF)):
        raise denied
    return role


def _context(ask: IamAsk) -> RequestContext:
    given = ask.given
    more = {f"aws:requesttag/{tag['Key']}": [tag["Value"]] for tag in given.get("Tags", [])}
    for member, key in (("ExternalId", "sts:externalid"), ("RoleSessionName", "sts:rolesessionname")):
        if member in given:
            more[key] = [given[member]]
    return RequestContext(ask.request, ask.principal, more=more)


def credentials(
    ask: IamAsk, actor: str, seconds: int, name: str = "", policy: str = "", tags: dict[str, str] | None = None
) -> Values:
    """New credentials of an actor (id of a user, role or account), as answers have them."""
    now = clock.now_seconds()
    session = Session(PREFIX + random_text(16), new_secret(), actor, now, now + seconds, name, policy, tags or {})
    return {
        "AccessKeyId": session.access_key,
        "SecretAccessKey": session.secret,
        "SessionToken": ask.sessions.token(session),
        "Expiration": datetime.fromtimestamp(session.expires, UTC),
    }

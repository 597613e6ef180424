"""AssumeRoleWithWebIdentity: credentials of a role for who has a token of an OpenID Connect provider.

Nobody signs this request: the token is the proof. Its issuer has to be a provider of the role's account, its audience
one of the provider's clients, its signature by one of the provider's keys (RSA or elliptic curves, never a shared
secret); and the role's trust policy has to let this provider, and what the token says, in.
"""

from typing import Any

import jwt
from jwt.exceptions import ExpiredSignatureError, PyJWTError

from objstore.api.iam.ask import IamAsk, Values, check_document
from objstore.api.iam.sts import POLICY_CHARS_MAX, ROLE_SECONDS_DEFAULT, SESSION_NAME, credentials, role_of_arn
from objstore.api.iam.web_keys import WebKeys
from objstore.api.s3.request_context import RequestContext
from objstore.identity.arn import provider_arn, session_arn
from objstore.identity.entity import Entity, Kind
from objstore.identity.evaluate import applies
from objstore.identity.parse import TRUST, stored_policy
from objstore.identity.policy import Ask, Statement
from objstore.model.errors import AccessDenied, NotImplementedS3
from objstore.model.identity_errors import ExpiredTokenException, InvalidIdentityToken, ValidationError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_LEEWAY_SECONDS = 10
_OPTIONS: Any = {"require": ["exp", "iss", "aud", "sub"]}
_ACTION = "sts:assumerolewithwebidentity"


async def assume_role_with_web_identity(ask: IamAsk) -> Values:
    """What the role may, and no more than the policy given with it."""
    given = ask.given
    role = role_of_arn(ask, given["RoleArn"])
    denied = AccessDenied("Not authorized to perform sts:AssumeRoleWithWebIdentity")
    if role is None:
        raise denied
    if not SESSION_NAME.match(given["RoleSessionName"]):
        raise ValidationError("Invalid RoleSessionName")
    if "PolicyArns" in given:
        raise NotImplementedS3("PolicyArns are not implemented")
    policy = given.get("Policy", "")
    if policy:
        check_document(policy, chars_max=POLICY_CHARS_MAX)
    seconds = given.get("DurationSeconds", ROLE_SECONDS_DEFAULT)
    if seconds > role.body.get("session_seconds_max", ROLE_SECONDS_DEFAULT):
        raise ValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    provider, claims = await _verified(ask, role, given["WebIdentityToken"])
    if not _trusts(ask, role, provider, claims):
        raise denied
    name, account = given["RoleSessionName"], ask.directory.arn_account(role.account)
    return {
        "Credentials": credentials(ask, role.id, seconds, name, policy),
        "SubjectFromWebIdentityToken": str(claims["sub"]),
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role.id}:{name}",
            "Arn": session_arn(account, role.name, name),
        },
        "Provider": provider_arn(account, provider.name),
        "Audience": _audience(claims),
    }


async def _verified(ask: IamAsk, role: Entity, token: str) -> tuple[Entity, dict[str, Any]]:
    """The provider whose token it is, and what it claims. Raises InvalidIdentityToken and its kin."""
    try:
        header = jwt.get_unverified_header(token)
        issuer = str(jwt.decode(token, options={"verify_signature": False}).get("iss", ""))
    except PyJWTError:
        raise InvalidIdentityToken("The ID Token provided is not a valid JWT.") from None
    provider = ask.directory.named(Kind.PROVIDER, role.account, issuer.partition("://")[2].rstrip("/"))
    if provider is None or provider.body["url"].rstrip("/") != issuer.rstrip("/"):
        raise InvalidIdentityToken("No OpenIDConnect provider found in your account for the token's issuer")
    if header.get("alg") not in ALGORITHMS:
        raise InvalidIdentityToken("The token is not signed by an algorithm that proves who has signed it")
    keys: WebKeys = ask.web_keys
    key = await keys.key(str(provider.body["url"]), str(header.get("kid", "")))
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=[name for name in ALGORITHMS if name == key.algorithm_name],
            audience=list(provider.body.get("clients", ())),
            issuer=[issuer],
            leeway=_LEEWAY_SECONDS,
            options=_OPTIONS,
        )
    except ExpiredSignatureError:
        raise ExpiredTokenException from None
    except PyJWTError as error:
        raise InvalidIdentityToken(f"The ID Token is not valid: {type(error).__name__}") from None
    return provider, claims


def _trusts(ask: IamAsk, role: Entity, provider: Entity, claims: dict[str, Any]) -> bool:
    """Whether the role's trust policy lets who has this token in."""
    arn = provider_arn(ask.directory.arn_account(role.account), provider.name)
    question = Ask(_ACTION, ask.directory.arn(role), _context(ask, provider, claims))
    allowed = False
    for statement in stored_policy(role.body["trust"], TRUST).statements:
        if _names(statement, arn) and applies(statement, question):
            if not statement.allow:
                return False
            allowed = not statement.not_principal
    return allowed


def _names(statement: Statement, arn: str) -> bool:
    """Whether a statement is about the provider. A NotPrincipal can keep it out, but never lets it in."""
    sets = statement.principals or {}
    named = arn in sets.get("Federated", ()) or "*" in sets.get("AWS", ())
    return not named if statement.not_principal else named


def _context(ask: IamAsk, provider: Entity, claims: dict[str, Any]) -> RequestContext:
    """What conditions may ask for: ``ISSUER:aud``, ``sub``, ``oaud``, ``amr``, and the session's name."""
    name = provider.name.lower()
    more = {
        f"{name}:aud": [_audience(claims)],
        f"{name}:sub": [str(claims["sub"])],
        "sts:rolesessionname": [ask.given["RoleSessionName"]],
    }
    if claims.get("azp"):
        more[f"{name}:oaud"] = _texts(claims["aud"])
    if claims.get("amr"):
        more[f"{name}:amr"] = _texts(claims["amr"])
    return RequestContext(ask.request, ask.principal, more=more)


def _audience(claims: dict[str, Any]) -> str:
    return str(claims.get("azp") or _texts(claims["aud"])[0])


def _texts(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]

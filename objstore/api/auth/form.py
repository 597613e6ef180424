"""Who has signed an HTML form: version 4, or the older HMAC-SHA1 form. What is signed is the policy, as it was sent."""

import base64
import hmac
from collections.abc import Mapping

from objstore.api.auth import sigv4
from objstore.api.auth.authenticator import Authenticated, Authenticator
from objstore.api.auth.checks import UNSIGNED_PAYLOAD
from objstore.api.auth.keyring import Identity
from objstore.api.auth.post_policy import PostPolicy, parse_policy
from objstore.model.errors import InvalidArgument, RequestError, SignatureDoesNotMatch

_V4 = ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature")
_V2 = ("awsaccesskeyid", "signature")


def authenticate_form(
    authenticator: Authenticator, fields: Mapping[str, str]
) -> tuple[Authenticated, PostPolicy] | None:
    """Who has signed a form's policy, and that; None for a form without any. ``fields``: lower-case names.

    Raises InvalidArgument, InvalidPolicyDocument, InvalidAccessKeyId, SignatureDoesNotMatch.
    """
    policy = fields.get("policy")
    if policy is None:
        if any(name in fields for name in (*_V4, *_V2)):
            raise InvalidArgument("Bucket POST must contain a field named 'policy'.", ArgumentName="policy")
        return None
    is_v4 = any(name in fields for name in _V4)
    for name in _V4 if is_v4 else _V2:
        if name not in fields:
            shown = "AWSAccessKeyId" if name == "awsaccesskeyid" else name
            raise InvalidArgument(f"Bucket POST must contain a field named '{shown}'.", ArgumentName=shown)
    parsed = parse_policy(policy)
    token = fields.get("x-amz-security-token", "")
    if is_v4:
        identity = _version_4(authenticator, fields, policy, token)
    else:
        identity = _version_2(authenticator, fields, policy, token)
    return Authenticated(identity, UNSIGNED_PAYLOAD), parsed


def _version_4(authenticator: Authenticator, fields: Mapping[str, str], policy: str, token: str) -> Identity:
    algorithm, credential, timestamp, signature = (fields[name] for name in _V4)
    if algorithm != sigv4.ALGORITHM:
        raise InvalidArgument("Only AWS4-HMAC-SHA256 is supported", ArgumentName="x-amz-algorithm")
    try:
        scope = sigv4.scope_of(credential)
    except sigv4.Malformed as error:
        raise InvalidArgument(f"The credential is malformed; {error}", ArgumentName="x-amz-credential") from None
    if sigv4.seconds_of(timestamp) is None or timestamp[:8] != scope.date:
        raise InvalidArgument("x-amz-date must be of the day of the credential", ArgumentName="x-amz-date")
    secret, identity = authenticator.secret_of(scope.access_key, token)
    key = sigv4.signing_key(secret, scope.date, scope.region, scope.service)
    if not hmac.compare_digest(key.hex(policy.encode()).encode(), signature.encode()):
        raise _mismatch(scope.access_key, signature, policy)
    return identity


def _version_2(authenticator: Authenticator, fields: Mapping[str, str], policy: str, token: str) -> Identity:
    access_key, signature = (fields[name] for name in _V2)
    secret, identity = authenticator.secret_of(access_key, token)
    computed = base64.b64encode(hmac.digest(secret.encode(), policy.encode(), "sha1"))
    if not hmac.compare_digest(computed, signature.encode()):
        raise _mismatch(access_key, signature, policy)
    return identity


def _mismatch(access_key: str, signature: str, policy: str) -> RequestError:
    return SignatureDoesNotMatch(AWSAccessKeyId=access_key, StringToSign=policy, SignatureProvided=signature)

"""Policy documents: JSON in, ``Policy`` out; what does not make sense is refused, never guessed.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from objstore.identity import s3_names
from objstore.identity.conditions import is_value_of, operator_of
from objstore.identity.policy import Condition, Policy, PrincipalSets, Statement, key_of
from objstore.identity.wildcard import matches

VERSIONS = ("2012-10-17", "2008-10-17")
BUCKET_BYTES_MAX = 20 * 1024
_ARN = re.compile(r"arn:aws[a-z-]*:(iam|sts)::([A-Za-z0-9]*):(root|(user|role|assumed-role|federated-user)/[!-~]+)\Z")
_ACCOUNT = re.compile(r"[A-Za-z0-9]{1,64}\Z")
_ACTION = re.compile(r"[a-z0-9-]+:[a-z0-9*?]+\Z")
_SID = re.compile(r"[A-Za-z0-9]*\Z")
_PRINCIPAL_TYPES = frozenset({"AWS", "CanonicalUser", "Federated", "Service"})
_FIELDS = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
_TRUST_ACTIONS = frozenset(
    f"sts:{name}"
    for name in ("assumerole", "assumerolewithwebidentity", "assumerolewithsaml", "tagsession", "setsourceidentity")
)


class PolicyError(ValueError):
    """The document is no policy; the message says why."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a policy hangs on. ``bucket``: the bucket that all resources have to be of; None: any service's.

    ``loose``: takes what other servers take and AWS refuses: ids that stand there twice, statements that apply to
    nothing.
    """

    name: str
    principals: bool
    resources: bool = True
    loose: bool = False

    @property
    def of_bucket(self) -> bool:
        """Whether it is a bucket's."""
        return self.name == "bucket"


BUCKET = Kind("bucket", principals=True)
LOOSE_BUCKET = Kind("bucket", principals=True, loose=True)
IDENTITY = Kind("identity", principals=False)
TRUST = Kind("trust", principals=True, resources=False)


def parse_policy(text: str, kind: Kind, bucket: str = "") -> Policy:
    """The policy of a document; ``bucket``: whose it is to be. Raises PolicyError."""
    document = _document(text)
    unknown = document.keys() - {"Version", "Id", "Statement"}
    if unknown:
        raise PolicyError(f"Unknown field {sorted(unknown)[0]}")
    version = document.get("Version", VERSIONS[1])
    if version not in VERSIONS:
        raise PolicyError("The policy must contain a valid version string")
    if not isinstance(document.get("Id", ""), str):
        raise PolicyError("Invalid policy syntax.")
    if "Statement" not in document:
        raise PolicyError("Missing required field Statement")
    statements = document["Statement"]
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not statements:
        raise PolicyError("Could not parse the policy: Statement is empty!")
    parsed = tuple(_statement(statement, kind, bucket, version == VERSIONS[0]) for statement in statements)
    sids = [statement.sid for statement in parsed if statement.sid]
    if len(set(sids)) != len(sids) and not kind.loose:
        raise PolicyError("Statement IDs (SID) in a single policy must be unique.")
    return Policy(parsed, frozenset(condition.key for statement in parsed for condition in statement.conditions))


@lru_cache(4096)
def stored_policy(text: str, kind: Kind) -> Policy:
    """A document that was checked when it was stored; what cannot be read any more denies everything."""
    try:
        return parse_policy(text, kind)
    except PolicyError:
        return DENY_ALL


DENY_ALL = Policy((Statement(False, ("*",), ("*",), principals={"AWS": ("*",)}),))


def _document(text: str) -> dict[str, Any]:
    try:
        text.encode()
        document = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except PolicyError:
        raise
    except (ValueError, RecursionError):
        raise PolicyError("Policies must be valid JSON and the first byte must be '{'") from None
    if not isinstance(document, dict):
        raise PolicyError("Policies must be valid JSON and the first byte must be '{'")
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A member that stands there twice is refused: which one would hold?"""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise PolicyError("Duplicate field in the policy")
    return found


def _no_constant(_: str) -> Any:
    raise PolicyError("Policies must be valid JSON and the first byte must be '{'")


def _statement(fields: Any, kind: Kind, bucket: str, variables: bool) -> Statement:
    if not isinstance(fields, dict):
        raise PolicyError("Invalid policy syntax.")
    unknown = fields.keys() - _FIELDS
    if unknown:
        raise PolicyError(f"Unknown field {sorted(unknown)[0]}")
    sid = fields.get("Sid", "")
    if not isinstance(sid, str) or (not kind.of_bucket and not _SID.match(sid)):
        raise PolicyError("Statement IDs (SID) must be alpha-numeric.")
    if "Effect" not in fields:
        raise PolicyError("Missing required field Effect")
    if fields["Effect"] not in ("Allow", "Deny"):
        raise PolicyError(f"Invalid effect: {str(fields['Effect'])[:100]}")
    principals, not_principal = _principals(fields, kind)
    actions, not_action = _actions(fields, kind)
    resources, not_resource = _resources(fields, kind, bucket)
    if kind.of_bucket and resources is not None and not (not_action or not_resource or kind.loose):
        _check_pairing(actions, resources)
    return Statement(
        allow=fields["Effect"] == "Allow",
        actions=actions,
        resources=resources,
        conditions=_conditions(fields.get("Condition", {}), kind),
        principals=principals,
        not_principal=not_principal,
        not_action=not_action,
        not_resource=not_resource,
        variables=variables,
        sid=sid,
    )


def _one_of(fields: Mapping[str, Any], name: str) -> tuple[Any, bool]:
    """The element or its negation: exactly one has to be there."""
    if name in fields and f"Not{name}" in fields:
        raise PolicyError(f"Statement must not contain both {name} and Not{name}")
    if f"Not{name}" in fields:
        return fields[f"Not{name}"], True
    if name not in fields:
        raise PolicyError(f"Missing required field {name}")
    return fields[name], False


def _texts(value: Any, complaint: str) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(isinstance(one, str) and one for one in values):
        raise PolicyError(complaint)
    return tuple(values)


def _principals(fields: Mapping[str, Any], kind: Kind) -> tuple[PrincipalSets | None, bool]:
    if not kind.principals:
        if "Principal" in fields or "NotPrincipal" in fields:
            raise PolicyError("Policy document should not specify a principal.")
        return None, False
    value, negated = _one_of(fields, "Principal")
    if value == "*":
        return {"AWS": ("*",)}, negated
    if not isinstance(value, dict) or not value or not value.keys() <= _PRINCIPAL_TYPES:
        raise PolicyError("Invalid principal in policy")
    sets = {name: _texts(values, "Invalid principal in policy") for name, values in value.items()}
    for one in sets.get("AWS", ()):
        if one != "*" and not _ARN.match(one) and not _ACCOUNT.match(one):
            raise PolicyError("Invalid principal in policy")
    return sets, negated


def _actions(fields: Mapping[str, Any], kind: Kind) -> tuple[tuple[str, ...], bool]:
    value, negated = _one_of(fields, "Action")
    actions = tuple(action.lower() for action in _texts(value, "Policy has invalid action"))
    for action in actions:
        if action == "*":
            continue
        if not _ACTION.match(action):
            raise PolicyError("Policy has invalid action")
        if kind.of_bucket and not any(matches(action, known) for known in s3_names.ACTIONS):
            raise PolicyError("Policy has invalid action")
        if kind is TRUST and not any(matches(action, known) for known in _TRUST_ACTIONS):
            raise PolicyError("AssumeRole policy may only specify STS AssumeRole actions.")
    return actions, negated


def _resources(fields: Mapping[str, Any], kind: Kind, bucket: str) -> tuple[tuple[str, ...] | None, bool]:
    if not kind.resources:
        if "Resource" in fields or "NotResource" in fields:
            raise PolicyError("Has prohibited field Resource")
        return None, False
    if kind.loose and "Resource" not in fields and "NotResource" not in fields:
        return (), False  # it applies to nothing
    value, negated = _one_of(fields, "Resource")
    resources = _texts(value, "Policy has invalid resource")
    for resource in resources:
        if resource == "*":
            if kind.of_bucket and bucket:
                raise PolicyError("Policy has invalid resource")
            continue
        parts = resource.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or not parts[5]:
            complaint = f'Resource {resource[:100]} must be in ARN format or "*".'
            raise PolicyError("Policy has invalid resource" if kind.of_bucket else complaint)
        if kind.of_bucket and bucket and not _is_of_bucket(parts, bucket):
            raise PolicyError("Policy has invalid resource")
    return resources, negated


def _is_of_bucket(parts: list[str], bucket: str) -> bool:
    return parts[2] == "s3" and matches(parts[5].partition("/")[0], bucket)


def _check_pairing(actions: tuple[str, ...], resources: tuple[str, ...]) -> None:
    """Each action has to be one of objects or buckets for which a resource is named; wildcards suit any."""
    objects = any(resource == "*" or "/" in resource or resource.endswith("*") for resource in resources)
    buckets = any(resource == "*" or "/" not in resource for resource in resources)
    for action in actions:
        known = [name for name in s3_names.ACTIONS if matches(action, name)] if action != "*" else []
        if known and not any(objects if name in s3_names.OBJECT_ACTIONS else buckets for name in known):
            raise PolicyError("Action does not apply to any resource(s) in statement")


def _conditions(value: Any, kind: Kind) -> tuple[Condition, ...]:
    if not isinstance(value, dict):
        raise PolicyError("Invalid Condition in policy")
    found: list[Condition] = []
    for name, keys in value.items():
        operator = operator_of(name)
        if operator is None:
            raise PolicyError(f"Invalid Condition type : {name[:100]}")
        if not isinstance(keys, dict):
            raise PolicyError("Invalid Condition in policy")
        for key, values in keys.items():
            found.append(_condition(operator, key, values, kind))
    return tuple(found)


def _condition(operator: tuple[str, str, bool], key: str, values: Any, kind: Kind) -> Condition:
    quantifier, name, if_exists = operator
    lower = key_of(key)
    if ":" not in lower or (kind.of_bucket and lower.startswith("s3:") and not s3_names.is_condition_key(lower)):
        raise PolicyError("Policy has an invalid condition key")
    listed = values if isinstance(values, list) else [values]
    texts = tuple(_scalar(one) for one in listed)
    if not all(is_value_of(name, text) for text in texts):
        raise PolicyError(f"Invalid value for the condition {name}")
    return Condition(name, lower, texts, quantifier, if_exists)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise PolicyError("Invalid Condition in policy")

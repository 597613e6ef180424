"""Public: whether a bucket's policy opens it to the world.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
"""

import ipaddress

from objstore.identity.conditions import parse_network
from objstore.identity.policy import Condition, Policy, Statement
from objstore.identity.principal import is_anybody

# Fixed values of these keys narrow the world down to somebody.
_NARROWING = frozenset(
    {
        "aws:sourceaccount", "aws:sourcearn", "aws:sourceip", "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpce",
        "aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths", "aws:userid",
        "aws:username", "s3:dataaccesspointaccount", "s3:dataaccesspointarn",
    }
)  # fmt: skip
_POSITIVE = frozenset({"StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "IpAddress"})
_WIDEST_IPV4, _WIDEST_IPV6 = 8, 32


def is_public(policy: Policy | None) -> bool:
    """Whether some statement lets anybody in whom no condition narrows down."""
    return policy is not None and any(
        statement.allow and is_anybody(statement) and not _is_narrowed(statement) for statement in policy.statements
    )


def _is_narrowed(statement: Statement) -> bool:
    return any(_narrows(condition) for condition in statement.conditions)


def _narrows(condition: Condition) -> bool:
    if condition.key not in _NARROWING or condition.operator not in _POSITIVE or condition.if_exists:
        return False
    if condition.quantifier == "ForAllValues":
        return False
    return all(_is_fixed(condition.key, value) for value in condition.values)


def _is_fixed(key: str, value: str) -> bool:
    if key == "aws:sourceip":
        network = parse_network(value)
        widest = _WIDEST_IPV4 if isinstance(network, ipaddress.IPv4Network) else _WIDEST_IPV6
        return network is not None and network.prefixlen >= widest
    return "*" not in value and "?" not in value and "${" not in value

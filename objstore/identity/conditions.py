"""Condition operators: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html

An operator compares one value of the request with one of the policy; what holds of lists, of absent keys and of
negation is the same for all and stands in ``holds``.
"""

import base64
import binascii
import ipaddress
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from objstore.identity.policy import Condition, Context
from objstore.identity.variables import expanded
from objstore.identity.wildcard import literally, matcher

Compare = Callable[[str, str], bool]
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NUMBER_CHARS_MAX = 64


@lru_cache(4096)
def parse_number(text: str) -> Decimal | None:
    """A number, or None."""
    try:
        value = Decimal(text.strip()) if len(text) <= _NUMBER_CHARS_MAX else None
    except InvalidOperation:
        return None
    return value if value is not None and value.is_finite() else None


@lru_cache(4096)
def parse_date(text: str) -> float | None:
    """Unix time of an ISO 8601 date or of a number of seconds, or None."""
    number = parse_number(text)
    if number is not None and not text.strip().count("-"):
        return float(number)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


@lru_cache(4096)
def parse_network(text: str) -> _Network | None:
    """A network or one address, or None; an IPv4 address in IPv6's clothes is the IPv4 address."""
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen == 128:
        mapped = network.network_address.ipv4_mapped
        return ipaddress.ip_network(mapped) if mapped else network
    return network


def _equals(found: str, wanted: str) -> bool:
    return matcher(_without_wildcards(wanted))(found)


def _without_wildcards(pattern: str) -> str:
    return literally(pattern)


def _equals_ignore_case(found: str, wanted: str) -> bool:
    return _equals(found.casefold(), wanted.casefold())


def _like(found: str, wanted: str) -> bool:
    return matcher(wanted)(found)


def _arn_like(found: str, wanted: str) -> bool:
    """Each of the six parts matches by itself: a star never reaches over a colon, but in the last part."""
    parts, patterns = found.split(":", 5), wanted.split(":", 5)
    if len(parts) != 6 or len(patterns) != 6:
        return wanted == "*"
    return all(matcher(pattern)(part) for part, pattern in zip(parts, patterns, strict=True))


def _bool(found: str, wanted: str) -> bool:
    return found.strip().lower() == wanted.strip().lower()


def _binary(found: str, wanted: str) -> bool:
    try:
        return base64.b64decode(found, validate=True) == base64.b64decode(wanted, validate=True)
    except (binascii.Error, ValueError):
        return False


def _ip(found: str, wanted: str) -> bool:
    address, network = parse_network(found), parse_network(wanted)
    if address is None or network is None or address.version != network.version:
        return False
    return address.network_address in network


def _number(compare: Callable[[Decimal, Decimal], bool]) -> Compare:
    def compared(found: str, wanted: str) -> bool:
        left, right = parse_number(found), parse_number(wanted)
        return left is not None and right is not None and compare(left, right)

    return compared


def _date(compare: Callable[[float, float], bool]) -> Compare:
    def compared(found: str, wanted: str) -> bool:
        left, right = parse_date(found), parse_date(wanted)
        return left is not None and right is not None and compare(left, right)

    return compared


# Operator → comparison and whether its outcome is turned round.
OPERATORS: dict[str, tuple[Compare, bool]] = {
    "StringEquals": (_equals, False),
    "StringNotEquals": (_equals, True),
    "StringEqualsIgnoreCase": (_equals_ignore_case, False),
    "StringNotEqualsIgnoreCase": (_equals_ignore_case, True),
    "StringLike": (_like, False),
    "StringNotLike": (_like, True),
    "NumericEquals": (_number(lambda a, b: a == b), False),
    "NumericNotEquals": (_number(lambda a, b: a == b), True),
    "NumericLessThan": (_number(lambda a, b: a < b), False),
    "NumericLessThanEquals": (_number(lambda a, b: a <= b), False),
    "NumericGreaterThan": (_number(lambda a, b: a > b), False),
    "NumericGreaterThanEquals": (_number(lambda a, b: a >= b), False),
    "DateEquals": (_date(lambda a, b: a == b), False),
    "DateNotEquals": (_date(lambda a, b: a == b), True),
    "DateLessThan": (_date(lambda a, b: a < b), False),
    "DateLessThanEquals": (_date(lambda a, b: a <= b), False),
    "DateGreaterThan": (_date(lambda a, b: a > b), False),
    "DateGreaterThanEquals": (_date(lambda a, b: a >= b), False),
    "Bool": (_bool, False),
    "BinaryEquals": (_binary, False),
    "IpAddress": (_ip, False),
    "NotIpAddress": (_ip, True),
    "ArnEquals": (_arn_like, False),
    "ArnLike": (_arn_like, False),
    "ArnNotEquals": (_arn_like, True),
    "ArnNotLike": (_arn_like, True),
}
NULL = "Null"
# By the lower-case name: AWS takes any spelling.
BY_NAME = {name.lower(): name for name in (*OPERATORS, NULL)}


def holds(condition: Condition, context: Context, variables: bool) -> bool:
    """Whether a request meets a condition.

    An absent key fails an operator and passes its negation, ``IfExists`` and ``ForAllValues``. Several values of the
    request without a quantifier are as ``ForAnyValue``, and for a negated operator none of them may match.
    """
    found = context.values(condition.key)
    if condition.operator == NULL:
        return any(_bool("false" if found else "true", wanted) for wanted in condition.values)
    compare, negated = OPERATORS[condition.operator]
    if not found:
        return condition.if_exists or condition.quantifier == "ForAllValues" or (negated and not condition.quantifier)
    wanted = [text for value in condition.values if (text := _value(value, context, variables)) is not None]

    def passes(value: str) -> bool:
        return any(compare(value, one) for one in wanted) != negated

    if condition.quantifier == "ForAllValues" or (negated and not condition.quantifier):
        return all(passes(value) for value in found)
    return any(passes(value) for value in found)


def _value(value: str, context: Context, variables: bool) -> str | None:
    return expanded(value, context) if variables and "${" in value else value


def operator_of(name: str) -> tuple[str, str, bool] | None:
    """Quantifier, operator and whether it says IfExists; None for what is no operator."""
    quantifier, colon, rest = name.partition(":")
    if colon:
        found = {"forallvalues": "ForAllValues", "foranyvalue": "ForAnyValue"}.get(quantifier.lower())
        if found is None:
            return None
        quantifier, name = found, rest
    else:
        quantifier = ""
    lower = name.lower()
    if_exists = lower.endswith("ifexists")
    operator = BY_NAME.get(lower[: -len("ifexists")] if if_exists else lower)
    if operator is None or (operator == NULL and (if_exists or quantifier)):
        return None
    return quantifier, operator, if_exists


def is_value_of(operator: str, value: str) -> bool:
    """Whether a value of a policy is one that the operator can use: what it cannot would never match."""
    if "${" in value:
        return True
    if operator.startswith("Numeric"):
        return parse_number(value) is not None
    if operator.startswith("Date"):
        return parse_date(value) is not None
    if operator in ("Bool", NULL):
        return value.strip().lower() in ("true", "false")
    if operator in ("IpAddress", "NotIpAddress"):
        return parse_network(value) is not None
    return True


def first(values: Sequence[str] | None) -> str | None:
    """The only value of a key that has one."""
    return values[0] if values and len(values) == 1 else None

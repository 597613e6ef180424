"""The same logic once more, on the JSON itself, written from AWS's pages in the plainest way and with other means."""

import ipaddress
import itertools
import re
from typing import Any

Json = dict[str, Any]
Facts = dict[str, list[str]]


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def glob(pattern: str, text: str) -> bool:
    """``\\0`` and ``\\1`` in the pattern stand for a literal star and question mark."""
    parts = {"*": ".*", "?": ".", "\0": r"\*", "\1": r"\?"}
    return re.fullmatch("".join(parts.get(one, re.escape(one)) for one in pattern), text, re.DOTALL) is not None


def fill(text: str, facts: Facts) -> str | None:
    out = ""
    while text:
        if not text.startswith("${"):
            out, text = out + text[0], text[1:]
            continue
        inner, _, text = text[2:].partition("}")
        if inner in ("*", "?"):
            out += {"*": "\0", "?": "\1"}[inner]
            continue
        values = facts.get(inner.lower(), [])
        if len(values) != 1:
            return None
        out += values[0].replace("*", "\0").replace("?", "\1")
    return out


def compare(operator: str, found: str, wanted: str) -> bool:
    plain = wanted.replace("\0", "*").replace("\1", "?")
    if operator == "StringEquals":
        return found == plain
    if operator == "StringEqualsIgnoreCase":
        return found.lower() == plain.lower()
    if operator == "StringLike":
        return glob(wanted, found)
    if operator.startswith("Numeric"):
        try:
            left, right = float(found), float(plain)
        except ValueError:
            return False
        return {"Equals": left == right, "LessThan": left < right, "LessThanEquals": left <= right,
                "GreaterThan": left > right, "GreaterThanEquals": left >= right}[operator[7:]]  # fmt: skip
    if operator == "Bool":
        return found.lower() == plain.lower()
    assert operator == "IpAddress"
    try:
        return ipaddress.ip_address(found) in ipaddress.ip_network(plain, strict=False)
    except ValueError:
        return False


def positive(operator: str) -> tuple[str, bool]:
    if operator == "NotIpAddress":
        return "IpAddress", True
    return operator.replace("Not", ""), "Not" in operator


def meets(name: str, key: str, wanted: list[str], facts: Facts) -> bool:
    quantifier, _, rest = name.rpartition(":")
    if_exists = rest.endswith("IfExists")
    operator = rest.removesuffix("IfExists")
    found = facts.get(key.lower()) or []
    if operator == "Null":
        return (not found) in [value == "true" for value in wanted]
    plain, negated = positive(operator)
    if not found:
        if if_exists or quantifier == "ForAllValues":
            return True
        return negated and not quantifier
    filled = [text for value in wanted if (text := fill(value, facts)) is not None]
    table = [[compare(plain, one, text) for text in filled] for one in found]
    matched = [any(row) for row in table]
    if quantifier == "ForAllValues":
        return all(one is not negated for one in matched)
    if quantifier == "ForAnyValue":
        return any(one is not negated for one in matched)
    return not any(matched) if negated else any(matched)


def speaks(statement: Json, action: str, resource: str, facts: Facts) -> bool:
    if "Action" in statement:
        if not any(glob(one.lower(), action.lower()) for one in listed(statement["Action"])):
            return False
    elif any(glob(one.lower(), action.lower()) for one in listed(statement["NotAction"])):
        return False
    name = "Resource" if "Resource" in statement else "NotResource"
    named = any((text := fill(one, facts)) is not None and glob(text, resource) for one in listed(statement[name]))
    if named is (name == "NotResource"):
        return False
    conditions = statement.get("Condition", {})
    return all(
        meets(operator, key, [str(value) for value in listed(values)], facts)
        for operator, keys in conditions.items()
        for key, values in keys.items()
    )


def names(statement: Json, who: Json) -> str:
    """``self``, ``account`` or ``nobody``."""
    field = "Principal" if "Principal" in statement else "NotPrincipal"
    value = statement[field]
    wanted = ["*"] if value == "*" else listed(value["AWS"])
    how = "nobody"
    for one in wanted:
        account = who["kind"] != "anonymous" and one in (who["account"], f"arn:aws:iam::{who['account']}:root")
        if one == "*" or (who["arn"] and one == who["arn"]) or (account and who["kind"] == "root"):
            how = "self"
        elif account and how == "nobody":
            how = "account"
    if field == "NotPrincipal":
        return "nobody" if how != "nobody" else "self"
    return how


def decide(who: Json, bucket_policy: Json | None, owner: str, action: str, resource: str, facts: Facts) -> bool:
    """``who``: kind, account, arn, policies, session. ``owner``: the account of the bucket's root."""
    own = list(itertools.chain(*(policy["Statement"] for policy in who["policies"])))
    theirs = bucket_policy["Statement"] if bucket_policy else []
    session = who["session"]["Statement"] if who["session"] else None
    own_said = [one for one in own if speaks(one, action, resource, facts)]
    their_said = [(one, names(one, who)) for one in theirs if speaks(one, action, resource, facts)]
    their_said = [(one, how) for one, how in their_said if how != "nobody"]
    session_said = [one for one in session or [] if speaks(one, action, resource, facts)]
    everything = [*own_said, *(one for one, _ in their_said), *session_said]
    if any(one["Effect"] == "Deny" for one in everything):
        return False
    if session is not None and not session_said:
        return False
    ways = {how for _, how in their_said}
    if who["kind"] == "anonymous":
        return "self" in ways
    if who["kind"] == "root":
        return who["account"] == owner or bool(ways)
    if who["account"] == owner:
        return bool(own_said) or "self" in ways
    return bool(own_said) and bool(ways)

"""The evaluator against the slow one: random policies, principals and requests; they never differ."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from objstore.identity.evaluate import Resource, is_allowed
from objstore.identity.parse import BUCKET, IDENTITY, parse_policy
from objstore.identity.policy import Ask
from objstore.identity.principal import ANONYMOUS, Principal
from tests.unit.identity import slow
from tests.unit.identity.asking import ACCOUNT, OTHER, Facts, root, user

TEXTS = st.sampled_from(
    ["a", "b", "ab", "A", "*", "?", "a*", "*b", "a?", "", "10", "9", "true", "10.1.2.3", "${aws:username}"]
)
VALUES = st.sampled_from(["a", "b", "ab", "A", "*", "a*", "10", "9.5", "true", "False", "10.1.2.3", "::1", ""])
STRINGS = ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase"]
NUMBERS = ["NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericGreaterThanEquals"]
KEYS = ["s3:prefix", "aws:username", "aws:userid"]
QUANTIFIERS = st.sampled_from(["", "", "ForAnyValue:", "ForAllValues:"])
IF_EXISTS = st.sampled_from(["", "", "IfExists"])


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(draw(st.integers(0, 2))):
        family = draw(st.sampled_from(["text", "number", "bool", "address", "null"]))
        key = draw(st.sampled_from(KEYS))
        if family == "null":
            found["Null"] = {key: draw(st.sampled_from(["true", "false"]))}
            continue
        operators = {"text": STRINGS, "number": NUMBERS, "bool": ["Bool"], "address": ["IpAddress", "NotIpAddress"]}
        values = {
            "text": TEXTS,
            "number": st.sampled_from(["1", "9.5", "10", "-3"]),
            "bool": st.sampled_from(["true", "false"]),
            "address": st.sampled_from(["10.0.0.0/8", "10.1.2.3", "0.0.0.0/0", "::/0"]),
        }
        name = draw(QUANTIFIERS) + draw(st.sampled_from(operators[family])) + draw(IF_EXISTS)
        found[name] = {key: draw(st.lists(values[family], min_size=1, max_size=3))}
    return found


@st.composite
def statements(draw: st.DrawFn, principals: bool) -> dict[str, Any]:
    actions = st.sampled_from(["s3:GetObject", "s3:PutObject", "s3:Get*", "s3:*", "s3:?etObject"])
    resources = st.sampled_from(
        ["arn:aws:s3:::b/*", "arn:aws:s3:::b/a", "arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::b/?"]
    )
    statement: dict[str, Any] = {"Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"]))}
    statement[draw(st.sampled_from(["Action", "Action", "NotAction"]))] = draw(
        st.lists(actions, min_size=1, max_size=2)
    )
    statement[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = draw(
        st.lists(resources, min_size=1, max_size=2)
    )
    if principals:
        names = ["*", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:user/ann", OTHER,
                 f"arn:aws:iam::{OTHER}:user/ann"]  # fmt: skip
        value = draw(
            st.just("*") | st.builds(lambda listed: {"AWS": listed}, st.lists(st.sampled_from(names), min_size=1))
        )
        statement[draw(st.sampled_from(["Principal", "Principal", "NotPrincipal"]))] = value
    if found := draw(conditions()):
        statement["Condition"] = found
    return statement


def policies(principals: bool) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda listed: {"Version": "2012-10-17", "Statement": listed},
        st.lists(statements(principals), min_size=1, max_size=3),
    )


FACTS = st.dictionaries(st.sampled_from(KEYS), st.lists(VALUES, max_size=3))


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(["anonymous", "root", "user"]),
    account=st.sampled_from([ACCOUNT, OTHER]),
    own=st.lists(policies(False), max_size=2),
    session=st.none() | policies(False),
    theirs=st.none() | policies(True),
    action=st.sampled_from(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]),
    key=st.sampled_from(["a", "b", "ab", "*"]),
    facts=FACTS,
)
def test_the_same_as_the_slow_one(
    kind: str,
    account: str,
    own: list[Any],
    session: Any,
    theirs: Any,
    action: str,
    key: str,
    facts: dict[str, list[str]],
) -> None:
    principal = _principal(kind, account, own if kind != "anonymous" else [], session if kind != "anonymous" else None)
    policy = None if theirs is None else parse_policy(json.dumps(theirs), BUCKET, "b")
    resource = f"arn:aws:s3:::b/{key}"
    fast = is_allowed(
        principal, Resource(ACCOUNT, f"owner-{ACCOUNT}", policy), Ask(action.lower(), resource, Facts(facts))
    )
    who = {
        "kind": kind, "account": principal.account, "arn": principal.arn,
        "policies": own if kind != "anonymous" else [], "session": session if kind != "anonymous" else None,
    }  # fmt: skip
    assert fast == slow.decide(who, theirs, ACCOUNT, action, resource, facts)


def _principal(kind: str, account: str, own: list[Any], session: Any) -> Principal:
    if kind == "anonymous":
        return ANONYMOUS
    parsed = tuple(parse_policy(json.dumps(one), IDENTITY) for one in own)
    limit = None if session is None else parse_policy(json.dumps(session), IDENTITY)
    if kind == "user":
        return user(*parsed, account=account, session=limit)

    return replace(root(account), policies=parsed, session=limit)

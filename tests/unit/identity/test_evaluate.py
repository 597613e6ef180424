"""Who may do what: the logic of evaluation, case by case, and names of principals, actions and resources."""

from typing import Any

import pytest

from objstore.identity.evaluate import Resource, is_allowed, is_denied
from objstore.identity.parse import BUCKET, IDENTITY, parse_policy
from objstore.identity.policy import Policy
from objstore.identity.principal import ANONYMOUS, Meant, Principal
from objstore.identity.wildcard import matches
from tests.unit.identity.asking import ACCOUNT, OTHER, ask, bucket, document, identity, root, user

ALLOW = {"Action": "s3:GetObject"}
DENY = {"Effect": "Deny", "Action": "s3:GetObject"}
ANN, ACCOUNT_ROOT = f"arn:aws:iam::{ACCOUNT}:user/ann", f"arn:aws:iam::{ACCOUNT}:root"
OTHER_ANN, OTHER_ROOT = f"arn:aws:iam::{OTHER}:user/ann", f"arn:aws:iam::{OTHER}:root"


def to(*names: str, **more: Any) -> Policy:
    return bucket({**ALLOW, "Principal": {"AWS": list(names)}, **more})


def deny_to(*names: str) -> Policy:
    return bucket({**DENY, "Principal": {"AWS": list(names)}})


READER = identity(ALLOW)
OWNER = f"owner-{ACCOUNT}"
OTHER_OWNER = user(account=OTHER, owns=True)
# Who, the bucket's policy, what its ACL grants, outcome. The bucket is of ACCOUNT's root.
LOGIC: dict[str, tuple[Principal, Policy | None, Meant, bool]] = {
    "root": (root(), None, Meant.NOT, True),
    "root-denied": (root(), deny_to("*"), Meant.NOT, False),
    "root-denied-by-account": (root(), deny_to(ACCOUNT_ROOT), Meant.NOT, False),
    "root-denied-by-id": (root(), deny_to(ACCOUNT), Meant.NOT, False),
    "root-while-another-is-denied": (root(), deny_to(ANN), Meant.NOT, True),
    "user-without-anything": (user(), None, Meant.NOT, False),
    "user-with-policy": (user(READER), None, Meant.NOT, True),
    "user-with-policy-denied-by-another": (user(READER, identity(DENY)), None, Meant.NOT, False),
    "user-denied-first": (user(identity(DENY), READER), None, Meant.NOT, False),
    "user-with-policy-denied-by-bucket": (user(READER), deny_to(ANN), Meant.NOT, False),
    "user-denied-by-account": (user(READER), deny_to(ACCOUNT_ROOT), Meant.NOT, False),
    "user-named": (user(), to(ANN), Meant.NOT, True),
    "user-named-by-id": (user(), to("AIDAann"), Meant.NOT, True),
    "user-of-a-named-account": (user(), to(ACCOUNT_ROOT), Meant.NOT, False),
    "user-of-a-named-account-with-policy": (user(READER), to(ACCOUNT_ROOT), Meant.NOT, True),
    "user-among-everybody": (user(), to("*"), Meant.NOT, True),
    "another-user-named": (user(), to(f"{ANN}x"), Meant.NOT, False),
    "no-wildcard-in-principals": (user(), to(f"arn:aws:iam::{ACCOUNT}:user/*"), Meant.NOT, False),
    "user-named-denied-by-own-policy": (user(identity(DENY)), to(ANN), Meant.NOT, False),
    "acl-for-the-account": (user(), None, Meant.ACCOUNT, False),
    "acl-for-the-account-and-policy": (user(READER), None, Meant.ACCOUNT, True),
    "acl-for-everybody": (user(), None, Meant.SELF, True),
    "acl-against-deny": (user(), deny_to("*"), Meant.SELF, False),
    "other-root": (root(OTHER), None, Meant.NOT, False),
    "other-root-named": (root(OTHER), to(OTHER_ROOT), Meant.NOT, True),
    "other-root-named-by-id": (root(OTHER), to(OTHER), Meant.NOT, True),
    "other-root-among-everybody": (root(OTHER), to("*"), Meant.NOT, True),
    "other-root-with-acl": (root(OTHER), None, Meant.SELF, True),
    "other-user-with-policy": (user(READER, account=OTHER), None, Meant.NOT, False),
    "other-user-named": (user(account=OTHER), to(OTHER_ANN), Meant.NOT, False),
    "other-user-named-with-policy": (user(READER, account=OTHER), to(OTHER_ANN), Meant.NOT, True),
    "other-user-by-account-with-policy": (user(READER, account=OTHER), to(OTHER_ROOT), Meant.NOT, True),
    "other-user-by-account": (user(account=OTHER), to(OTHER_ROOT), Meant.NOT, False),
    "other-user-among-everybody": (user(account=OTHER), to("*"), Meant.NOT, False),
    "other-user-acl-and-policy": (user(READER, account=OTHER), None, Meant.ACCOUNT, True),
    "other-user-acl": (user(account=OTHER), None, Meant.ACCOUNT, False),
    "other-user-denied": (user(READER, account=OTHER), bucket({**ALLOW}, {**DENY}), Meant.NOT, False),
    "other-owner": (OTHER_OWNER, None, Meant.NOT, False),
    "other-owner-named": (OTHER_OWNER, to(OTHER_ANN), Meant.NOT, True),
    "other-owner-with-acl": (OTHER_OWNER, None, Meant.SELF, True),
    "anonymous": (ANONYMOUS, None, Meant.NOT, False),
    "anonymous-among-everybody": (ANONYMOUS, to("*"), Meant.NOT, True),
    "anonymous-with-acl": (ANONYMOUS, None, Meant.SELF, True),
    "anonymous-is-no-account": (ANONYMOUS, to(ACCOUNT_ROOT), Meant.NOT, False),
    "anonymous-denied": (ANONYMOUS, bucket({**ALLOW}, {**DENY}), Meant.SELF, False),
    "canonical": (root(OTHER), bucket({**ALLOW, "Principal": {"CanonicalUser": f"owner-{OTHER}"}}), Meant.NOT, True),
    "canonical-other": (root(OTHER), bucket({**ALLOW, "Principal": {"CanonicalUser": "x"}}), Meant.NOT, False),
    "service": (root(OTHER), bucket({**ALLOW, "Principal": {"Service": "s3.amazonaws.com"}}), Meant.NOT, False),
    "session-without-leave": (user(READER, session=identity({"Action": "s3:PutObject"})), None, Meant.NOT, False),
    "session-with-leave": (user(READER, session=READER), None, Meant.NOT, True),
    "session-gives-nothing": (user(session=READER), None, Meant.NOT, False),
    "session-denies": (user(READER, session=identity(ALLOW, DENY)), None, Meant.NOT, False),
    "session-limits-an-owner": (user(owns=True, session=identity({"Action": "s3:PutObject"})), None, Meant.NOT, False),
    "boundary-without-leave": (user(READER, boundary=identity({"Action": "iam:*"})), None, Meant.NOT, False),
    "boundary-with-leave": (user(READER, boundary=identity({"Action": "s3:*"})), None, Meant.NOT, True),
}  # fmt: skip


@pytest.mark.parametrize("name", LOGIC)
def test_logic(name: str) -> None:
    principal, policy, granted, outcome = LOGIC[name]
    resource = Resource(ACCOUNT, OWNER, policy, granted)
    assert is_allowed(principal, resource, ask()) is outcome


def not_principal(effect: str, name: str) -> Policy:
    statement = {"Effect": effect, "Action": "s3:GetObject", "NotPrincipal": {"AWS": name}}
    return parse_policy(document({**statement, "Resource": "arn:aws:s3:::b/*"}), BUCKET, "b")


@pytest.mark.parametrize(
    ("principal", "policy", "outcome"),
    [
        (user(READER), not_principal("Deny", ANN), True),
        (user(READER, name="bob"), not_principal("Deny", ANN), False),
        (user(READER), not_principal("Deny", ACCOUNT_ROOT), True),
        (root(), not_principal("Deny", ANN), False),
        (root(OTHER), not_principal("Allow", ANN), True),
        (user(), not_principal("Allow", ANN), False),
        (ANONYMOUS, not_principal("Allow", ANN), True),
    ],
)
def test_not_principal(principal: Principal, policy: Policy, outcome: bool) -> None:
    assert is_allowed(principal, Resource(ACCOUNT, OWNER, policy), ask()) is outcome


def test_blocked_public_policies_let_nobody_else_in() -> None:
    everybody = to("*")
    for principal, outcome in ((ANONYMOUS, False), (root(OTHER), False), (user(), True), (root(), True)):
        assert is_allowed(principal, Resource(ACCOUNT, OWNER, everybody, policy_foreigners=False), ask()) is outcome


def test_anothers_policy_can_only_deny() -> None:
    assert not is_allowed(root(OTHER), Resource(ACCOUNT, OWNER, to("*"), policy_allows=False), ask())
    denied = Resource(OTHER, f"owner-{OTHER}", deny_to("*"), policy_allows=False)
    assert not is_allowed(root(OTHER), denied, ask())


def test_what_nobody_allows_is_not_denied() -> None:
    assert not is_denied(user(), None, ask())
    assert is_denied(user(identity(DENY)), None, ask())
    assert is_denied(user(), deny_to(ANN), ask())
    assert is_denied(user(session=identity(DENY)), None, ask())


# Action of the policy, action asked for, outcome.
ACTIONS = [
    ("s3:GetObject", "s3:GetObject", True),
    ("S3:GETOBJECT", "s3:GetObject", True),
    ("s3:getobject", "s3:GetObject", True),
    ("s3:Get*", "s3:GetObject", True),
    ("s3:Get*", "s3:PutObject", False),
    ("s3:*", "s3:PutObject", True),
    ("*", "s3:PutObject", True),
    ("s3:?etObject", "s3:GetObject", True),
    ("s3:?etObject", "s3:PutObject", False),
    ("s3:*Object", "s3:GetObjectAcl", False),
    ("s3:*ObjectAcl", "s3:GetObjectAcl", True),
    ("iam:*", "s3:GetObject", False),
    ("s3:GetObject", "s3:GetObjectVersion", False),
    ("s3:GetObject*", "s3:GetObjectVersion", True),
    ("s3:DeleteObject", "s3:DeleteObjectVersion", False),
    ("s3:ListBucket", "s3:ListBucketVersions", False),
]


@pytest.mark.parametrize(("pattern", "action", "outcome"), ACTIONS)
def test_actions(pattern: str, action: str, outcome: bool) -> None:
    question = ask(action)
    nothing = Resource(ACCOUNT, "somebody")
    assert is_allowed(user(identity({"Action": pattern})), nothing, question) is outcome
    reverse = {"Effect": "Allow", "NotAction": pattern, "Resource": "*"}
    assert is_allowed(user(parse_policy(document(reverse), IDENTITY)), nothing, question) is not outcome


# Resource of the policy, resource asked for, outcome.
RESOURCES = [
    ("arn:aws:s3:::b/*", "arn:aws:s3:::b/k", True),
    ("arn:aws:s3:::b/*", "arn:aws:s3:::b/", True),
    ("arn:aws:s3:::b/*", "arn:aws:s3:::b", False),
    ("arn:aws:s3:::b", "arn:aws:s3:::b", True),
    ("arn:aws:s3:::b", "arn:aws:s3:::bb", False),
    ("arn:aws:s3:::b*", "arn:aws:s3:::bb/k", True),
    ("arn:aws:s3:::*", "arn:aws:s3:::b", True),
    ("*", "arn:aws:s3:::b/k", True),
    ("arn:aws:s3:::b/a/*", "arn:aws:s3:::b/a/b/c", True),
    ("arn:aws:s3:::b/a/*", "arn:aws:s3:::b/b", False),
    ("arn:aws:s3:::b/?", "arn:aws:s3:::b/k", True),
    ("arn:aws:s3:::b/?", "arn:aws:s3:::b/kk", False),
    ("arn:aws:s3:::b/*.jpg", "arn:aws:s3:::b/x/y.jpg", True),
    ("arn:aws:s3:::b/*.jpg", "arn:aws:s3:::b/x/y.png", False),
    ("arn:aws:s3:::b/K", "arn:aws:s3:::b/k", False),
    ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/ann/x", True),
    ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/bob/x", False),
    ("arn:aws:s3:::b/${aws:nothing}/*", "arn:aws:s3:::b/x/x", False),
    ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*", True),
    ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/x", False),
    ("arn:aws:s3:::b/[k]", "arn:aws:s3:::b/k", False),
    ("arn:aws:s3::*:b/k", "arn:aws:s3:::b/k", True),
]


@pytest.mark.parametrize(("pattern", "resource", "outcome"), RESOURCES)
def test_resources(pattern: str, resource: str, outcome: bool) -> None:
    question = ask("s3:GetObject", resource, aws__username="ann")
    policy = identity({"Action": "s3:*", "Resource": pattern})
    assert is_allowed(user(policy), Resource(ACCOUNT, "somebody"), question) is outcome


WILDCARDS = [
    ("", "", True), ("", "a", False), ("a", "", False), ("*", "", True), ("**", "abc", True), ("?", "", False),
    ("??", "ab", True), ("??", "a", False), ("*a", "ba", True), ("*a", "bab", False), ("*a*", "bab", True),
    ("a*a", "a", False), ("a*a", "aa", True), ("*ab*ab", "abab", True), ("*ab*ab", "ab", False),
    ("?*?", "a", False), ("?*?", "ab", True), ("*?*", "", False), ("a*b?c", "aXXbYc", True), ("a*b?c", "abc", False),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "text", "outcome"), WILDCARDS)
def test_wildcards(pattern: str, text: str, outcome: bool) -> None:
    assert matches(pattern, text) is outcome


def test_a_pattern_made_to_be_slow_is_not() -> None:
    assert not matches("a*" * 500 + "b", "a" * 5000)


def test_no_case_is_lost() -> None:
    assert len(LOGIC) + len(ACTIONS) + len(RESOURCES) + len(WILDCARDS) >= 105

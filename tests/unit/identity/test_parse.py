"""Policy documents: what is taken, and what is refused with which words."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objstore.identity.parse import (
    BUCKET,
    DENY_ALL,
    IDENTITY,
    TRUST,
    Kind,
    PolicyError,
    parse_policy,
    stored_policy,
)
from objstore.identity.public import is_public
from tests.unit.identity.asking import bucket, document

GOOD: dict[str, Any] = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}
OWN: dict[str, Any] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
ASSUME: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole"}
JSON = "Policies must be valid JSON"


def but(base: dict[str, Any], **fields: Any) -> str:
    """A document of one statement like ``base``; a field that is None is left out."""
    return document({name: value for name, value in {**base, **fields}.items() if value is not None})


def when(condition: Any) -> str:
    return but(GOOD, Condition=condition)


REFUSED: dict[str, tuple[Kind, str, str]] = {
    "empty": (BUCKET, "", JSON),
    "no-json": (BUCKET, "{", JSON),
    "list": (BUCKET, "[]", JSON),
    "text": (BUCKET, '"x"', JSON),
    "number": (BUCKET, "1", JSON),
    "nan": (BUCKET, '{"Statement": NaN}', JSON),
    "deep": (BUCKET, "[" * 100_000, JSON),
    "deep-objects": (BUCKET, '{"a":' * 50_000 + "1" + "}" * 50_000, JSON),
    "surrogate": (BUCKET, '{"Id": "\ud800"}', JSON),
    "duplicate": (BUCKET, '{"Version": "2012-10-17", "Version": "2012-10-17"}', "Duplicate field"),
    "duplicate-effect": (BUCKET, '{"Statement": {"Effect": "Deny", "Effect": "Allow"}}', "Duplicate field"),
    "version": (BUCKET, document(GOOD, version="2010-10-17"), "valid version"),
    "version-number": (BUCKET, json.dumps({"Version": 2012, "Statement": [GOOD]}), "valid version"),
    "no-statement": (BUCKET, '{"Version": "2012-10-17"}', "Missing required field Statement"),
    "statements-empty": (BUCKET, document(), "Statement is empty"),
    "statement-text": (BUCKET, '{"Statement": ["x"]}', "Invalid policy syntax"),
    "statement-number": (BUCKET, '{"Statement": 3}', "Statement is empty"),
    "unknown-field": (BUCKET, '{"Statement": [], "Else": 1}', "Unknown field Else"),
    "unknown-statement-field": (BUCKET, but(GOOD, Actions="x"), "Unknown field Actions"),
    "lower-case-field": (BUCKET, but(GOOD, Effect=None, effect="Allow"), "Unknown field effect"),
    "id-number": (BUCKET, json.dumps({"Id": 1, "Statement": [GOOD]}), "Invalid policy syntax"),
    "no-effect": (BUCKET, but(GOOD, Effect=None), "Missing required field Effect"),
    "effect": (BUCKET, but(GOOD, Effect="allow"), "Invalid effect: allow"),
    "no-principal": (BUCKET, but(GOOD, Principal=None), "Missing required field Principal"),
    "both-principals": (BUCKET, but(GOOD, NotPrincipal="*"), "must not contain both"),
    "principal-text": (BUCKET, but(GOOD, Principal="me"), "Invalid principal"),
    "principal-list": (BUCKET, but(GOOD, Principal=["*"]), "Invalid principal"),
    "principal-empty": (BUCKET, but(GOOD, Principal={}), "Invalid principal"),
    "principal-type": (BUCKET, but(GOOD, Principal={"Me": "x"}), "Invalid principal"),
    "principal-arn": (BUCKET, but(GOOD, Principal={"AWS": "arn:aws:s3:::b"}), "Invalid principal"),
    "principal-no-arn": (BUCKET, but(GOOD, Principal={"AWS": "a b"}), "Invalid principal"),
    "principal-number": (BUCKET, but(GOOD, Principal={"AWS": 1}), "Invalid principal"),
    "principal-none": (BUCKET, but(GOOD, Principal={"AWS": []}), "Invalid principal"),
    "no-action": (BUCKET, but(GOOD, Action=None), "Missing required field Action"),
    "both-actions": (BUCKET, but(GOOD, NotAction="s3:PutObject"), "must not contain both"),
    "action-none": (BUCKET, but(GOOD, Action=[]), "invalid action"),
    "action-number": (BUCKET, but(GOOD, Action=1), "invalid action"),
    "action-blank": (BUCKET, but(GOOD, Action=""), "invalid action"),
    "action-form": (BUCKET, but(GOOD, Action="GetObject"), "invalid action"),
    "action-unknown": (BUCKET, but(GOOD, Action="s3:GetNothing"), "invalid action"),
    "action-pattern-of-nothing": (BUCKET, but(GOOD, Action="s3:*?Nothing"), "invalid action"),
    "action-of-another": (BUCKET, but(GOOD, Action="iam:CreateUser"), "invalid action"),
    "no-resource": (BUCKET, but(GOOD, Resource=None), "Missing required field Resource"),
    "both-resources": (BUCKET, but(GOOD, NotResource="arn:aws:s3:::b"), "must not contain both"),
    "resource-star": (BUCKET, but(GOOD, Resource="*"), "invalid resource"),
    "resource-form": (BUCKET, but(GOOD, Resource="b/*"), "invalid resource"),
    "resource-of-another": (BUCKET, but(GOOD, Resource="arn:aws:s3:::c/*"), "invalid resource"),
    "resource-service": (BUCKET, but(GOOD, Resource="arn:aws:sqs:::b/*"), "invalid resource"),
    "resource-none": (BUCKET, but(GOOD, Resource=[]), "invalid resource"),
    "resource-one-of-two": (BUCKET, but(GOOD, Resource=["arn:aws:s3:::b", "arn:aws:s3:::c"]), "invalid resource"),
    "object-action-on-bucket": (BUCKET, but(GOOD, Resource="arn:aws:s3:::b"), "does not apply"),
    "bucket-action-on-object": (BUCKET, but(GOOD, Action="s3:ListBucket"), "does not apply"),
    "condition-list": (BUCKET, when([]), "Invalid Condition"),
    "condition-operator": (BUCKET, when({"StringSame": {"aws:username": "x"}}), "Invalid Condition type : StringSame"),
    "condition-quantifier": (BUCKET, when({"ForOne:StringLike": {"aws:username": "x"}}), "Invalid Condition type"),
    "condition-values": (BUCKET, when({"StringEquals": "x"}), "Invalid Condition"),
    "condition-value": (BUCKET, when({"StringEquals": {"aws:username": {"x": 1}}}), "Invalid Condition"),
    "condition-key": (BUCKET, when({"StringEquals": {"username": "x"}}), "invalid condition key"),
    "condition-key-unknown": (BUCKET, when({"StringEquals": {"s3:nothing": "x"}}), "invalid condition key"),
    "condition-number": (BUCKET, when({"NumericLessThan": {"s3:max-keys": "x"}}), "Invalid value"),
    "condition-date": (BUCKET, when({"DateLessThan": {"aws:CurrentTime": "x"}}), "Invalid value"),
    "condition-address": (BUCKET, when({"IpAddress": {"aws:SourceIp": "10.0.0.0/99"}}), "Invalid value"),
    "sids": (BUCKET, document({**GOOD, "Sid": "a"}, {**GOOD, "Sid": "a"}), "must be unique"),
    "sid-form": (IDENTITY, but(OWN, Sid="a b"), "alpha-numeric"),
    "sid-number": (BUCKET, but(GOOD, Sid=1), "alpha-numeric"),
    "own-with-principal": (IDENTITY, but(OWN, Principal="*"), "should not specify a principal"),
    "own-with-not-principal": (IDENTITY, but(OWN, NotPrincipal="*"), "should not specify a principal"),
    "own-resource-form": (IDENTITY, but(OWN, Resource="b"), "must be in ARN format"),
    "own-action-form": (IDENTITY, but(OWN, Action="s3"), "invalid action"),
    "trust-with-resource": (TRUST, but(ASSUME, Resource="*"), "prohibited field Resource"),
    "trust-without-principal": (TRUST, but(ASSUME, Principal=None), "Missing required field Principal"),
    "trust-action": (TRUST, but(ASSUME, Action="s3:GetObject"), "AssumeRole"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    kind, text, words = REFUSED[name]
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, kind, "b" if kind is BUCKET else "")
    assert words in str(caught.value)


def test_no_refusal_is_lost() -> None:
    assert len(REFUSED) >= 68


TAKEN: dict[str, tuple[Kind, str]] = {
    "plain": (BUCKET, document(GOOD)),
    "one-statement": (BUCKET, json.dumps({"Version": "2012-10-17", "Statement": GOOD})),
    "no-version": (BUCKET, json.dumps({"Statement": [GOOD]})),
    "old-version": (BUCKET, document(GOOD, version="2008-10-17")),
    "with-id": (BUCKET, json.dumps({"Id": "x y", "Statement": [GOOD]})),
    "sid-with-blanks": (BUCKET, but(GOOD, Sid="a b")),
    "tenant-in-the-arn": (BUCKET, but(GOOD, Resource="arn:aws:s3::*:b/*")),
    "bucket-and-objects": (BUCKET, but(GOOD, Action="s3:*", Resource=["arn:aws:s3:::b", "arn:aws:s3:::b/*"])),
    "any-bucket": (BUCKET, but(GOOD, Resource="arn:aws:s3:::*")),
    "all-actions": (BUCKET, but(GOOD, Action="*")),
    "not-action": (BUCKET, but(GOOD, Action=None, NotAction="s3:DeleteObject")),
    "not-resource": (BUCKET, but(GOOD, Resource=None, NotResource="arn:aws:s3:::b/x")),
    "not-principal": (BUCKET, but(GOOD, Principal=None, NotPrincipal={"AWS": "111111111111"})),
    "account-of-letters": (BUCKET, but(GOOD, Principal={"AWS": "arn:aws:iam::tenant1:root"})),
    "no-account": (BUCKET, but(GOOD, Principal={"AWS": "arn:aws:iam:::user/x"})),
    "numbers": (BUCKET, when({"NumericLessThanEquals": {"s3:max-keys": 10}})),
    "booleans": (BUCKET, when({"Bool": {"aws:SecureTransport": False}})),
    "tags": (BUCKET, when({"StringEquals": {"s3:ExistingObjectTag/Security": "public"}})),
    "any-case": (BUCKET, when({"stringequals": {"S3:Prefix": "x"}})),
    "another-service": (IDENTITY, but(OWN, Action=["iam:CreateUser", "sts:*"])),
    "trust": (TRUST, document(ASSUME)),
    "trust-of-a-provider": (TRUST, but(ASSUME, Principal={"Federated": "x"}, Action="sts:AssumeRoleWithWebIdentity")),
}


@pytest.mark.parametrize("name", TAKEN)
def test_taken(name: str) -> None:
    kind, text = TAKEN[name]
    assert parse_policy(text, kind, "b" if kind is BUCKET else "").statements


def test_what_cannot_be_read_any_more_denies() -> None:
    assert stored_policy("{", BUCKET) is DENY_ALL


def test_keys_keep_the_case_of_tags_alone() -> None:
    policy = bucket({"Action": "s3:GetObject", "Condition": {"StringEquals": {"S3:ExistingObjectTag/Aa": "x"}}})
    assert policy.keys == {"s3:existingobjecttag/Aa"}


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["*", "s3:*", "Allow", "${"])
NAMES = st.sampled_from(
    ["Version", "Statement", "Effect", "Action", "NotAction", "Resource", "Principal", "AWS", "Condition", "StringLike",
     "Null", "aws:x", "Sid"]
)  # fmt: skip
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=50) | TREES.map(json.dumps))
def test_whatever_comes_it_is_a_policy_or_refused(text: str) -> None:
    for kind in (BUCKET, IDENTITY, TRUST):
        with suppress(PolicyError):
            assert parse_policy(text, kind, "b").statements


PUBLIC: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"Principal": {"AWS": "*"}}, True),
    ({"Principal": {"AWS": "111111111111"}}, False),
    ({"Effect": "Deny"}, False),
    ({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/32"}}}, False),
    ({"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}}, True),
    ({"Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/32", "0.0.0.0/1"]}}}, True),
    ({"Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/32"}}}, True),
    ({"Condition": {"IpAddressIfExists": {"aws:SourceIp": "10.0.0.0/32"}}}, True),
    ({"Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}, False),
    ({"Condition": {"StringLike": {"aws:SourceVpc": "vpc-*"}}}, True),
    ({"Condition": {"StringEquals": {"aws:PrincipalAccount": "111111111111"}}}, False),
    ({"Condition": {"StringEquals": {"aws:Referer": "x"}}}, True),
    ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, True),
    ({"Condition": {"ForAllValues:StringEquals": {"aws:PrincipalArn": "x"}}}, True),
]


@pytest.mark.parametrize(("fields", "public"), PUBLIC)
def test_public(fields: dict[str, Any], public: bool) -> None:
    assert is_public(bucket({"Action": "s3:GetObject", **fields})) is public

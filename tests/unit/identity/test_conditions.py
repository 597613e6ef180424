"""Condition operators, case by case, as AWS documents them."""

from collections.abc import Sequence

import pytest

from objstore.identity.conditions import holds, is_value_of, operator_of
from objstore.identity.policy import Condition
from tests.unit.identity.asking import Facts

TRUE, FALSE = True, False
# Operator, values of the policy, values of the request (None: it has no such key), outcome.
CASES: list[tuple[str, str | Sequence[str], str | Sequence[str] | None, bool]] = [
    ("StringEquals", "a", "a", TRUE),
    ("StringEquals", "a", "A", FALSE),
    ("StringEquals", "a", "", FALSE),
    ("StringEquals", "", "", TRUE),
    ("StringEquals", ["a", "b"], "b", TRUE),
    ("StringEquals", ["a", "b"], "c", FALSE),
    ("StringEquals", "a*", "a*", TRUE),
    ("StringEquals", "a*", "ab", FALSE),
    ("StringEquals", "?", "x", FALSE),
    ("StringEquals", "a", None, FALSE),
    ("StringEqualsIfExists", "a", None, TRUE),
    ("StringEqualsIfExists", "a", "b", FALSE),
    ("StringEqualsIfExists", "a", "a", TRUE),
    ("StringNotEquals", "a", "b", TRUE),
    ("StringNotEquals", "a", "a", FALSE),
    ("StringNotEquals", ["a", "b"], "b", FALSE),
    ("StringNotEquals", ["a", "b"], "c", TRUE),
    ("StringNotEquals", "a", None, TRUE),
    ("StringNotEqualsIfExists", "a", None, TRUE),
    ("StringNotEqualsIfExists", "a", "a", FALSE),
    ("StringEqualsIgnoreCase", "Ab", "aB", TRUE),
    ("StringEqualsIgnoreCase", "Ab", "ac", FALSE),
    ("StringEqualsIgnoreCase", "ÄB", "äb", TRUE),
    ("StringEqualsIgnoreCase", "a", None, FALSE),
    ("StringNotEqualsIgnoreCase", "Ab", "aB", FALSE),
    ("StringNotEqualsIgnoreCase", "Ab", "ac", TRUE),
    ("StringNotEqualsIgnoreCase", "Ab", None, TRUE),
    ("StringLike", "a*", "abc", TRUE),
    ("StringLike", "a*", "b", FALSE),
    ("StringLike", "*", "", TRUE),
    ("StringLike", "?", "", FALSE),
    ("StringLike", "a?c", "abc", TRUE),
    ("StringLike", "a?c", "ac", FALSE),
    ("StringLike", "*/b/*", "a/b/c", TRUE),
    ("StringLike", "*/b/*", "a/b", FALSE),
    ("StringLike", "a*b*c", "aXbYc", TRUE),
    ("StringLike", "a*b*c", "aXbYd", FALSE),
    ("StringLike", "A*", "abc", FALSE),
    ("StringLike", "[a]", "a", FALSE),
    ("StringLike", ".", "a", FALSE),
    ("StringLike", "public*", "public-read", TRUE),
    ("StringLike", ["x*", "public*"], "public-read", TRUE),
    ("StringLike", "a*", None, FALSE),
    ("StringNotLike", "a*", "abc", FALSE),
    ("StringNotLike", "a*", "bc", TRUE),
    ("StringNotLike", ["a*", "b*"], "bc", FALSE),
    ("StringNotLike", "a*", None, TRUE),
    ("StringLikeIfExists", "a*", None, TRUE),
    ("NumericEquals", "10", "10", TRUE),
    ("NumericEquals", "10", "10.0", TRUE),
    ("NumericEquals", "10", "010", TRUE),
    ("NumericEquals", "10", "11", FALSE),
    ("NumericEquals", "10", "ten", FALSE),
    ("NumericEquals", "10", None, FALSE),
    ("NumericNotEquals", "10", "11", TRUE),
    ("NumericNotEquals", "10", "10", FALSE),
    ("NumericNotEquals", "10", "ten", TRUE),
    ("NumericNotEquals", "10", None, TRUE),
    ("NumericLessThan", "10", "9", TRUE),
    ("NumericLessThan", "10", "10", FALSE),
    ("NumericLessThan", "10", "9.99", TRUE),
    ("NumericLessThan", "10", "-1", TRUE),
    ("NumericLessThan", "10", "x", FALSE),
    ("NumericLessThanEquals", "10", "10", TRUE),
    ("NumericLessThanEquals", "10", "11", FALSE),
    ("NumericLessThanEquals", ["1", "10"], "5", TRUE),
    ("NumericGreaterThan", "10", "11", TRUE),
    ("NumericGreaterThan", "10", "10", FALSE),
    ("NumericGreaterThanEquals", "10", "10", TRUE),
    ("NumericGreaterThanEquals", "10", "9", FALSE),
    ("NumericGreaterThanEqualsIfExists", "10", None, TRUE),
    ("NumericGreaterThan", "1e3", "1001", TRUE),
    ("NumericEquals", "10", "NaN", FALSE),
    ("NumericLessThan", "10", "-Infinity", FALSE),
    ("DateEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", TRUE),
    ("DateEquals", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", TRUE),
    ("DateEquals", "2026-01-01", "2026-01-01T00:00:00Z", TRUE),
    ("DateEquals", "1767225600", "2026-01-01T00:00:00Z", TRUE),
    ("DateEquals", "2026-01-01T00:00:00Z", "tomorrow", FALSE),
    ("DateNotEquals", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", TRUE),
    ("DateNotEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", FALSE),
    ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", TRUE),
    ("DateLessThan", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", FALSE),
    ("DateLessThanEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", TRUE),
    ("DateGreaterThan", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", TRUE),
    ("DateGreaterThan", "2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z", FALSE),
    ("DateGreaterThanEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", TRUE),
    ("DateGreaterThan", "2026-01-01T00:00:00Z", None, FALSE),
    ("DateGreaterThanIfExists", "2026-01-01T00:00:00Z", None, TRUE),
    ("Bool", "true", "true", TRUE),
    ("Bool", "true", "True", TRUE),
    ("Bool", "true", "false", FALSE),
    ("Bool", "false", "false", TRUE),
    ("Bool", "true", None, FALSE),
    ("Bool", "false", None, FALSE),
    ("BoolIfExists", "false", None, TRUE),
    ("BoolIfExists", "false", "true", FALSE),
    ("BinaryEquals", "YQ==", "YQ==", TRUE),
    ("BinaryEquals", "YQ==", "Yg==", FALSE),
    ("BinaryEquals", "YQ==", "not base64", FALSE),
    ("IpAddress", "10.0.0.0/8", "10.1.2.3", TRUE),
    ("IpAddress", "10.0.0.0/8", "11.1.2.3", FALSE),
    ("IpAddress", "10.1.2.3", "10.1.2.3", TRUE),
    ("IpAddress", "10.1.2.3/32", "10.1.2.4", FALSE),
    ("IpAddress", ["192.168.0.0/16", "10.0.0.0/8"], "10.1.2.3", TRUE),
    ("IpAddress", "0.0.0.0/0", "8.8.8.8", TRUE),
    ("IpAddress", "0.0.0.0/0", "2001:db8::1", FALSE),
    ("IpAddress", "::/0", "2001:db8::1", TRUE),
    ("IpAddress", "2001:db8::/32", "2001:db8::1", TRUE),
    ("IpAddress", "2001:db8::/32", "2001:db9::1", FALSE),
    ("IpAddress", "10.0.0.0/8", "::ffff:10.1.2.3", TRUE),
    ("IpAddress", "10.0.0.0/8", "10.1.2.3, 8.8.8.8", FALSE),
    ("IpAddress", "10.0.0.0/8", "nonsense", FALSE),
    ("IpAddress", "10.0.0.0/8", None, FALSE),
    ("NotIpAddress", "10.0.0.0/8", "11.1.2.3", TRUE),
    ("NotIpAddress", "10.0.0.0/8", "10.1.2.3", FALSE),
    ("NotIpAddress", ["192.168.0.0/16", "10.0.0.0/8"], "10.1.2.3", FALSE),
    ("NotIpAddress", "10.0.0.0/8", None, TRUE),
    ("ArnEquals", "arn:aws:iam::1:user/a", "arn:aws:iam::1:user/a", TRUE),
    ("ArnEquals", "arn:aws:iam::1:user/*", "arn:aws:iam::1:user/a", TRUE),
    ("ArnLike", "arn:aws:iam::*:user/a", "arn:aws:iam::1:user/a", TRUE),
    ("ArnLike", "arn:aws:iam::1:user/a", "arn:aws:iam::2:user/a", FALSE),
    ("ArnLike", "arn:*", "arn:aws:iam::1:user/a", FALSE),
    ("ArnLike", "arn:aws:*:user/a", "arn:aws:iam::1:user/a", FALSE),
    ("ArnLike", "arn:aws:s3:::b/*", "arn:aws:s3:::b/c:d/e", TRUE),
    ("ArnLike", "arn:aws:s3:::b", "not an arn", FALSE),
    ("ArnLike", "*", "arn:aws:s3:::b", TRUE),
    ("ArnLike", "arn:aws:s3:::b", None, FALSE),
    ("ArnNotEquals", "arn:aws:iam::1:user/a", "arn:aws:iam::1:user/b", TRUE),
    ("ArnNotEquals", "arn:aws:iam::1:user/a", "arn:aws:iam::1:user/a", FALSE),
    ("ArnNotLike", "arn:aws:iam::1:user/*", "arn:aws:iam::1:user/a", FALSE),
    ("ArnNotLike", "arn:aws:iam::1:user/*", "arn:aws:iam::1:role/a", TRUE),
    ("ArnNotLike", "arn:aws:iam::1:user/*", None, TRUE),
    ("Null", "true", None, TRUE),
    ("Null", "true", "x", FALSE),
    ("Null", "false", None, FALSE),
    ("Null", "false", "x", TRUE),
    ("Null", "true", [], TRUE),
    # Several values of the request.
    ("StringEquals", "a", ["a", "b"], TRUE),
    ("StringEquals", "c", ["a", "b"], FALSE),
    ("StringNotEquals", "a", ["a", "b"], FALSE),
    ("StringNotEquals", "c", ["a", "b"], TRUE),
    ("ForAnyValue:StringEquals", "a", ["a", "b"], TRUE),
    ("ForAnyValue:StringEquals", ["b", "c"], ["a", "b"], TRUE),
    ("ForAnyValue:StringEquals", "c", ["a", "b"], FALSE),
    ("ForAnyValue:StringEquals", "a", None, FALSE),
    ("ForAnyValue:StringEquals", "a", [], FALSE),
    ("ForAnyValue:StringNotEquals", "a", ["a", "b"], TRUE),
    ("ForAnyValue:StringNotEquals", "a", ["a"], FALSE),
    ("ForAnyValue:StringNotEquals", "a", None, FALSE),
    ("ForAnyValue:StringLike", "a*", ["x", "ab"], TRUE),
    ("ForAnyValue:StringEqualsIfExists", "a", None, TRUE),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], TRUE),
    ("ForAllValues:StringEquals", ["a", "b", "c"], ["a"], TRUE),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], FALSE),
    ("ForAllValues:StringEquals", "a", None, TRUE),
    ("ForAllValues:StringEquals", "a", [], TRUE),
    ("ForAllValues:StringNotEquals", "a", ["b", "c"], TRUE),
    ("ForAllValues:StringNotEquals", "a", ["a", "c"], FALSE),
    ("ForAllValues:StringNotEquals", "a", None, TRUE),
    ("ForAllValues:StringNotLike", "a*", ["b", "ab"], FALSE),
    ("ForAllValues:NumericLessThan", "10", ["1", "2"], TRUE),
    ("ForAllValues:NumericLessThan", "10", ["1", "20"], FALSE),
    # The spelling of an operator.
    ("stringequals", "a", "a", TRUE),
    ("STRINGEQUALSIFEXISTS", "a", None, TRUE),
    ("foranyvalue:stringlike", "a*", ["ab"], TRUE),
    # Variables.
    ("StringEquals", "${aws:username}", "ann", TRUE),
    ("StringEquals", "${aws:username}", "bob", FALSE),
    ("StringLike", "home/${aws:username}/*", "home/ann/x", TRUE),
    ("StringLike", "home/${aws:username}/*", "home/bob/x", FALSE),
    ("StringLike", "${starred}", "anything", FALSE),
    ("StringLike", "${starred}", "*", TRUE),
    ("StringEquals", "${absent}", "", FALSE),
    ("StringEquals", "${absent}", "${absent}", FALSE),
    ("StringEquals", "${absent, 'x'}", "x", TRUE),
    ("StringLike", "${absent, '*'}", "x", FALSE),
    ("StringLike", "a${*}", "a*", TRUE),
    ("StringLike", "a${*}", "ab", FALSE),
    ("StringLike", "a${?}", "a?", TRUE),
    ("StringLike", "a${?}", "ab", FALSE),
    ("StringEquals", "a${$}", "a$", TRUE),
    ("StringEquals", "${AWS:UserName}", "ann", TRUE),
    ("StringEquals", "${aws:principaltag/Team}", "red", TRUE),
    ("StringEquals", "${aws:PrincipalTag/team}", "red", FALSE),
    ("StringNotEquals", "${absent}", "x", TRUE),
]
KNOWN = {"aws:username": ["ann"], "starred": ["*"], "aws:principaltag/Team": ["red"]}


def _listed(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


@pytest.mark.parametrize(("operator", "wanted", "found", "outcome"), CASES)
def test_operator(operator: str, wanted: str | Sequence[str], found: str | Sequence[str] | None, outcome: bool) -> None:
    known = operator_of(operator)
    assert known is not None
    quantifier, name, if_exists = known
    facts = Facts(KNOWN if found is None else KNOWN | {"s3:x": list(_listed(found))})
    assert holds(Condition(name, "s3:x", _listed(wanted), quantifier, if_exists), facts, True) is outcome


def test_no_case_is_lost() -> None:
    assert len(CASES) >= 180


@pytest.mark.parametrize(
    "name",
    ["StringEqual", "", "Equals", "ForSomeValues:StringEquals", "NullIfExists", "ForAllValues:Null", "IfExists", ":"],
)
def test_no_operator(name: str) -> None:
    assert operator_of(name) is None


@pytest.mark.parametrize(
    ("operator", "value", "fits"),
    [
        ("NumericEquals", "x", False),
        ("NumericEquals", "1", True),
        ("NumericEquals", "9" * 100, False),
        ("DateLessThan", "soon", False),
        ("DateLessThan", "2026-01-01", True),
        ("Bool", "yes", False),
        ("IpAddress", "10.0.0.0/33", False),
        ("IpAddress", "10.0.0.1/8", True),
        ("IpAddress", "${aws:SourceIp}", True),
        ("StringLike", "anything", True),
        ("Null", "maybe", False),
    ],
)
def test_values_that_an_operator_can_use(operator: str, value: str, fits: bool) -> None:
    assert is_value_of(operator, value) is fits


def test_variables_are_text_in_old_policies() -> None:
    condition = Condition("StringEquals", "s3:x", ("${aws:username}",))
    assert holds(condition, Facts({"s3:x": ["${aws:username}"], "aws:username": ["ann"]}), False)

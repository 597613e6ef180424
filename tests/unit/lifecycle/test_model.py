"""The evaluator against the oracle, on rules and versions that hypothesis makes up."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from objstore.api.s3.lifecycle_order import check_order
from objstore.lifecycle.evaluate import decide, next_due
from objstore.lifecycle.facts import Decision, VersionFacts
from objstore.lifecycle.plan import Plan
from objstore.model import days
from objstore.model.errors import RequestError
from objstore.model.extended_rules import ExtendedRule
from objstore.model.lifecycle import (
    MINIMUM_FOR_ALL,
    MINIMUM_VARIES,
    Expiration,
    Filter,
    NoncurrentExpiration,
    NoncurrentTransition,
    Rule,
    Transition,
)
from tests.unit.lifecycle.make import MADE, MIB, at
from tests.unit.lifecycle.oracle import COLUMNS, Verdict, judge, midnights

HORIZON_DAYS = 45
counts = st.integers(1, 12)
classes = st.sampled_from(COLUMNS)
dates = st.integers(-5, 15).map(at)
filters = st.builds(
    Filter,
    st.sampled_from(["", "", "logs/", "other"]),
    st.sampled_from([(), (), (("a", "1"),), (("a", "1"), ("b", "2"))]),
    st.sampled_from([None, None, 10, MIB]),
    st.sampled_from([None, None, MIB + 1]),
)
expirations = st.one_of(
    st.builds(Expiration, days=counts),
    st.builds(Expiration, date=dates),
    st.builds(Expiration, marker=st.booleans()),
)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """A rule that the API takes."""
    by_date = draw(st.booleans())
    hops = draw(st.lists(classes, unique=True, max_size=3).map(lambda found: sorted(found, key=COLUMNS.index)))
    whens = sorted(draw(st.lists(st.integers(0, 12), unique=True, min_size=len(hops), max_size=len(hops))))
    made = [
        Transition(name, date=at(when)) if by_date else Transition(name, days=when)
        for name, when in zip(hops, whens, strict=True)
    ]
    later = [
        NoncurrentTransition(hop.storage_class, when, draw(st.integers(0, 3)))
        for hop, when in zip(made, whens, strict=True)
    ]
    rule = Rule(
        "",
        True,
        draw(filters),
        draw(st.none() | expirations),
        tuple(made),
        draw(st.none() | st.builds(NoncurrentExpiration, st.integers(1, 14), st.integers(0, 3))),
        tuple(later) if draw(st.booleans()) else (),
    )
    try:
        check_order(rule, "")
    except RequestError:
        rule = Rule("", True, rule.filter, rule.expiration, (), rule.noncurrent_expiration)
    return rule


extended = st.one_of(
    st.builds(ExtendedRule, st.just(""), st.just(True), filters, last_access_days=counts, storage_class=classes,
              versions=st.sampled_from([None, "Current", "Noncurrent", "All"])),
    st.builds(ExtendedRule, st.just(""), st.just(True), filters, last_access_days=counts, expire=st.just(True)),
)  # fmt: skip


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    found = draw(st.lists(rules(), max_size=4))
    own = draw(st.lists(extended, max_size=2))
    return Plan(
        tuple(_named(rule, f"r{number}") for number, rule in enumerate(found)),
        tuple(_named(rule, f"x{number}") for number, rule in enumerate(own)),
        (),
        draw(st.sampled_from([MINIMUM_FOR_ALL, MINIMUM_VARIES])),
        draw(st.sampled_from([None, "Enabled", "Suspended"])),
    )


def _named(rule: Any, name: str) -> Any:
    return type(rule)(**{part: getattr(rule, part) for part in rule.__slots__} | {"id": name})


@st.composite
def versions(draw: st.DrawFn) -> VersionFacts:
    modified = MADE + timedelta(minutes=draw(st.integers(0, 4 * 24 * 60)))
    is_latest, is_marker = draw(st.booleans()), draw(st.integers(0, 3)) == 0
    since = None if is_latest else modified + timedelta(minutes=draw(st.integers(0, 4 * 24 * 60)))
    return VersionFacts(
        draw(st.sampled_from([b"logs/a", b"other/b", b"x"])),
        0 if is_marker else draw(st.sampled_from([0, 10, 11, 131071, 131072, MIB, MIB + 1])),
        modified,
        None if is_marker else draw(st.sampled_from([None, {"a": "1"}, {"a": "1", "b": "2"}, {"a": "2"}])),
        "STANDARD" if is_marker else draw(st.sampled_from(["STANDARD", *COLUMNS])),
        draw(st.sampled_from(["hot", "capacity"])),
        is_latest,
        is_marker,
        is_latest and is_marker and draw(st.booleans()),
        since,
        draw(st.integers(0, 4)),
        draw(st.sampled_from([0, days.day_of(MADE) + 1, days.day_of(MADE) + 8])),
    )


def verdict(found: Decision | None) -> Verdict | None:
    return None if found is None else (found.kind.value, found.storage_class or found.tier)


@settings(max_examples=400, deadline=None)
@given(plans(), versions(), st.integers(0, HORIZON_DAYS * 24 * 60))
def test_decides_as_the_oracle(plan: Plan, facts: VersionFacts, minutes: int) -> None:
    start = facts.noncurrent_since or facts.modified
    now = start + timedelta(minutes=minutes)
    facts.accessed = min(facts.accessed, days.day_of(now))
    assert verdict(decide(plan, facts, now)) == judge(plan, facts, now)


@settings(max_examples=150, deadline=None)
@given(plans(), versions())
def test_forecasts_the_first_moment(plan: Plan, facts: VersionFacts) -> None:
    start = facts.noncurrent_since or facts.modified
    facts.accessed = min(facts.accessed, days.day_of(start))  # no accesses are known that are to come
    looked_at: list[datetime] = [start, *midnights(start, start + timedelta(days=HORIZON_DAYS))]
    first = next((moment for moment in looked_at if judge(plan, facts, moment)), None)
    found = next_due(plan, facts)
    if first is None:
        assert found is None
    else:
        assert found is not None
        assert verdict(found[1]) == judge(plan, facts, max(found[0], start))
        assert max(found[0], start) == first


@settings(max_examples=150, deadline=None)
@given(plans(), versions())
def test_steps_come_to_an_end(plan: Plan, facts: VersionFacts) -> None:
    """Doing what is decided, again and again, leads to a version that is left alone."""
    now = (facts.noncurrent_since or facts.modified) + timedelta(days=HORIZON_DAYS)
    for _ in range(8):
        found = decide(plan, facts, now)
        if found is None or found.kind.value in ("delete", "mark"):
            return
        facts.storage_class = found.storage_class or facts.storage_class
        facts.tier = found.tier or facts.tier
    raise AssertionError(f"still {found}")

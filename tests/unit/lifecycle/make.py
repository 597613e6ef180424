"""Rules and versions in few words."""

from datetime import UTC, datetime, timedelta
from typing import Any

from objstore.lifecycle.evaluate import decide
from objstore.lifecycle.facts import VersionFacts
from objstore.lifecycle.plan import Plan
from objstore.model import days
from objstore.model.lifecycle import Expiration, Filter, Rule, Transition

MADE = datetime(2026, 3, 1, tzinfo=UTC)  # a midnight: nothing is rounded
MIB = 2**20


def at(day: float) -> datetime:
    """So many days after ``MADE``."""
    return MADE + timedelta(days=day)


def facts(**changed: Any) -> VersionFacts:
    """A current version of 1 MiB that was last used when it was written."""
    given = {"key": b"logs/a", "size": MIB, "modified": MADE, "accessed": days.day_of(MADE)}
    return VersionFacts(**(given | changed))


def noncurrent(**changed: Any) -> VersionFacts:
    """A version that stopped being current at ``MADE``."""
    return facts(is_latest=False, noncurrent_since=MADE, **changed)


def rule(name: str = "r", **parts: Any) -> Rule:
    """An enabled rule for all objects unless a filter is among the parts."""
    return Rule(name, True, **parts)


def expire(count: int, name: str = "expire", **parts: Any) -> Rule:
    return rule(name, expiration=Expiration(days=count), **parts)


def move(count: int, storage_class: str, name: str | None = None, **parts: Any) -> Rule:
    return rule(name or storage_class, transitions=(Transition(storage_class, days=count),), **parts)


def prefix(text: str) -> Filter:
    return Filter(text)


def does(plan: Plan, what: VersionFacts, day: float, *chosen: str) -> str | None:
    """What is decided on a day: ``delete r``, ``transition r CLASS``, ``place  TIER/ACCESS_TIER``."""
    found = decide(plan, what, at(day), chosen)
    if found is None:
        return None
    target = found.storage_class or (f"{found.tier}/{found.access_tier}" if found.tier else "")
    return f"{found.kind.value} {found.rule_id} {target}".strip()

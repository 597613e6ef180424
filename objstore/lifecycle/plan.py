"""Plan: everything in a bucket's settings that decides what becomes of its versions, parsed once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from objstore.model import lifecycle, tiering
from objstore.model.extended_rules import ExtendedRule
from objstore.model.lifecycle import MINIMUM_FOR_ALL, Rule, from_json
from objstore.model.tiering import TieringConfiguration

_PARTS = (lifecycle.SETTING, tiering.SETTING, "versioning")
_PLANS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """Enabled rules only. ``versioning``: None for a bucket that never had it, else Enabled or Suspended."""

    rules: tuple[Rule, ...] = ()
    extended: tuple[ExtendedRule, ...] = ()
    tierings: tuple[TieringConfiguration, ...] = ()
    minimum: str = MINIMUM_FOR_ALL
    versioning: str | None = None


_plans: dict[int, tuple[list[Any], Plan]] = {}


def plan_of(bucket_id: int, settings: Mapping[str, Any]) -> Plan:
    """The plan of a bucket; parsed again only when what it is made of has changed."""
    parts = [settings.get(name) for name in _PARTS]
    known = _plans.get(bucket_id)
    if known is not None and known[0] == parts:
        return known[1]
    if len(_plans) >= _PLANS_MAX:
        _plans.clear()
    plan = _parse(*parts)
    _plans[bucket_id] = (parts, plan)
    return plan


def _parse(rules: Mapping[str, Any] | None, tierings: Mapping[str, Any] | None, versioning: str | None) -> Plan:
    rules = rules or {}
    return Plan(
        tuple(rule for rule in from_json(rules.get("rules", ()), Rule) if rule.enabled),
        tuple(rule for rule in from_json(rules.get("extended", ()), ExtendedRule) if rule.enabled),
        tuple(
            found
            for found in from_json([kept["rule"] for kept in (tierings or {}).values()], TieringConfiguration)
            if found.enabled
        ),
        rules.get("transition_default_minimum_object_size", MINIMUM_FOR_ALL),
        versioning,
    )

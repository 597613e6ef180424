"""Totals: what all rules together would do, each version counted once, under the rule that would act on it first.

Every version is asked about as the engine asks before it acts, pins and Intelligent-Tiering included. Of more versions
than ``VERSIONS_MAX`` a sample is asked, and stands for all.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import nsmallest
from math import ceil

from objstore.lifecycle.act import facts_of
from objstore.lifecycle.evaluate import decide, next_due
from objstore.lifecycle.facts import Decision, Kind, VersionFacts
from objstore.lifecycle.groups import step_of
from objstore.lifecycle.plan import Plan
from objstore.meta.database import Database
from objstore.meta.facts import VersionId, look
from objstore.meta.forecast import Count
from objstore.meta.groups import space_of, steps_that_go
from objstore.meta.pins import Pin, Pins, pinned_until
from objstore.meta.population import population
from objstore.model import days
from objstore.model.extended_rules import ExtendedRule
from objstore.model.tiers import HOT

VERSIONS_MAX = 20_000
SAMPLES_MAX = 8
_BATCH = 100  # clients of the same process wait while they are asked about


@dataclass(frozen=True, slots=True)
class Deed:
    """What a rule does first: as ``Decision`` has it, without when."""

    rule: str
    kind: str
    storage_class: str
    tier: str
    access_tier: str


@dataclass(slots=True)
class Share:
    """What falls to a deed. ``by_day[0]``: now; ``by_day[i]``: within the i-th day from now."""

    by_day: list[Count]
    samples: list[tuple[bytes, bytes]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Totals:
    """``asked``: how many versions there were to ask about; ``exact``: all of them."""

    exact: bool
    asked: int
    shares: dict[Deed, Share]


@dataclass(slots=True)
class _One:
    """A version: how many it stands for, and what would happen to it, if anything does."""

    name: VersionId
    facts: VersionFacts
    each: float
    first: tuple[int, Decision] | None

    @property
    def is_due(self) -> bool:
        """Something happens to it now."""
        return self.first is not None and self.first[0] == 0


async def totals(
    database: Database, bucket_id: int, plan: Plan, now: datetime, count: int, versions_max: int = VERSIONS_MAX
) -> Totals:
    """What is due now and becomes due in the next ``count`` days. Raises TooSlow, DatabaseUnavailable."""
    steps = {
        rule.id: frozenset(await steps_that_go(database, bucket_id, rule.filter.prefix.encode(), rule.keep_last))
        for rule in plan.extended
        if rule.keep_last is not None
    }
    asking = _Asking(database, plan, await Pins(database).list([bucket_id]), steps, now, count)
    exact = True
    for part in await population(database, bucket_id, versions_max):
        exact = exact and part.each == 1.0
        for at in range(0, len(part.names), _BATCH):
            await asking.ask(part.names[at : at + _BATCH], part.each)
    await asking.fill()
    return Totals(exact, len(asking.found), _summed(asking.found, count))


class _Asking:
    def __init__(
        self,
        database: Database,
        plan: Plan,
        pins: Sequence[Pin],
        steps: dict[str, frozenset[bytes]],
        now: datetime,
        count: int,
    ) -> None:
        self._database, self._plan, self._pins, self._steps = database, plan, pins, steps
        self._now, self._count = now, count
        self.found: list[_One] = []
        self._full: dict[str, list[_One]] = {rule.id: [] for rule in plan.extended if rule.tier_full is not None}

    async def ask(self, names: Sequence[VersionId], each: float) -> None:
        """What becomes of some versions."""
        for name, seen in zip(names, await look(self._database, names), strict=True):
            if seen is not None:
                facts = facts_of(seen, pinned_until(self._pins, name[0], name[1]))
                one = _One(name, facts, each, self._first(facts))
                self.found.append(one)
                self._offer(one)

    async def fill(self) -> None:
        """Rules by fill level take the coldest of what they may, as much as has to leave now."""
        for rule in self._plan.extended:
            if rule.tier_full is None:
                continue
            wanted = (await space_of(self._database, rule.tier_full.tier)).excess(rule.tier_full)
            for one in sorted(self._full[rule.id], key=lambda one: one.facts.accessed):
                if wanted <= 0:
                    break
                if not one.is_due:
                    one.first = (0, Decision(Kind.TRANSITION, rule.id, self._now, rule.storage_class or ""))
                    wanted -= round(one.facts.size * one.each)

    def _first(self, facts: VersionFacts) -> tuple[int, Decision] | None:
        following = next_due(self._plan, facts, self._chosen(facts), self._now)
        if following is None:
            return None
        due, decision = following
        if decision.kind is Kind.DELETE and facts.locked_until is not None:
            due = max(due, facts.locked_until)
        day = max(0, ceil((due - self._now) / days.days(1)))
        return (day, decision) if day <= self._count else None

    def _chosen(self, facts: VersionFacts) -> list[str]:
        """Rules by steps whose condition on the prefix holds; those by fill level come afterwards."""
        return [rule.id for rule in self._plan.extended if rule.tier_full is None and self._may_go(rule, facts.key)]

    def _may_go(self, rule: ExtendedRule, key: bytes) -> bool:
        return rule.keep_last is not None and step_of(rule.filter.prefix.encode(), key) in self._steps[rule.id]

    def _offer(self, one: _One) -> None:
        """To rules by fill level, what they could take now and nothing else does."""
        if one.is_due or one.facts.tier != HOT:
            return
        for rule in self._plan.extended:
            if rule.tier_full is not None and (rule.keep_last is None or self._may_go(rule, one.facts.key)):
                decision = decide(self._plan, one.facts, self._now, [*self._chosen(one.facts), rule.id])
                if decision is not None and decision.rule_id == rule.id:
                    self._full[rule.id].append(one)


def _summed(found: Sequence[_One], count: int) -> dict[Deed, Share]:
    sums: dict[Deed, list[list[float]]] = defaultdict(lambda: [[0.0, 0.0] for _ in range(count + 1)])
    samples: dict[Deed, list[tuple[int, bytes, bytes]]] = defaultdict(list)
    for one in found:
        if one.first is None:
            continue
        day, decision = one.first
        deed = _deed(decision)
        cell = sums[deed][day]
        cell[0] += one.each
        cell[1] += one.each * one.facts.size
        samples[deed].append((day, *one.name[1:]))
    return {
        deed: Share(
            [Count(round(objects), round(size)) for objects, size in cells],
            [(key, version_id) for _, key, version_id in nsmallest(SAMPLES_MAX, samples[deed])],
        )
        for deed, cells in sums.items()
    }


def _deed(decision: Decision) -> Deed:
    return Deed(
        decision.rule_id, decision.kind.value, decision.storage_class, decision.target_tier, decision.access_tier
    )

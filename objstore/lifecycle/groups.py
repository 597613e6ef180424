"""Groups: whether a rule's condition on the whole (fill level, steps) holds for a version, when it is acted on.

A walk has proposed the version; since then the tier may have got its room, or the steps may be others.
"""

from collections.abc import Collection, Sequence

from objstore.lifecycle.evaluate import NOBODY
from objstore.lifecycle.plan import Plan
from objstore.meta.database import Database
from objstore.meta.facts import Seen
from objstore.meta.groups import FULL_SUFFIX, STEPS_SUFFIX, Space, space_of, steps_that_go
from objstore.meta.tasks import Task
from objstore.model import clock, days
from objstore.model.extended_rules import ExtendedRule, KeepLast, TierFull

KNOWN_SECONDS = 5.0  # for so long the steps of a prefix are taken to be the same
KNOWN_MAX = 100


def is_of_group(task: Task) -> bool:
    """Whether a walk by fill level or by steps queued it."""
    return task.action.endswith((FULL_SUFFIX, STEPS_SUFFIX))


class Groups:
    """Answers for batches of tasks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._steps: dict[tuple[int, bytes, KeepLast], tuple[float, frozenset[bytes]]] = {}

    async def chosen(
        self, tasks: Sequence[Task], seen: Sequence[Seen | None], plans: dict[int, Plan]
    ) -> list[Collection[str]]:
        """For each task the ids of the rules whose condition holds: at most that of the rule that asked for it."""
        spaces: dict[str, Space] = {}
        return [
            (task.rule,)
            if found is not None and await self._holds(task, found, plans[task.bucket_id], spaces)
            else NOBODY
            for task, found in zip(tasks, seen, strict=True)
        ]

    async def _holds(self, task: Task, seen: Seen, plan: Plan, spaces: dict[str, Space]) -> bool:
        if not is_of_group(task):
            return False
        rule = next((rule for rule in plan.extended if rule.id == task.rule), None)
        if rule is None or not rule.needs_engine:
            return False
        if rule.tier_full is not None and not await self._is_full(rule.tier_full, task, seen, spaces):
            return False
        return rule.keep_last is None or await self._may_go(task.bucket_id, rule, rule.keep_last, task.key)

    async def _is_full(self, full: TierFull, task: Task, seen: Seen, spaces: dict[str, Space]) -> bool:
        """The tier is still above its lower mark, and the version has not been used since the walk found it."""
        if full.tier not in spaces:
            spaces[full.tier] = await space_of(self._database, full.tier)
        still = spaces[full.tier].excess(TierFull(full.low, full.low)) > 0
        return still and seen.version.accessed <= days.day_of(task.due)

    async def _may_go(self, bucket_id: int, rule: ExtendedRule, keep: KeepLast, key: bytes) -> bool:
        prefix = rule.filter.prefix.encode()
        name, now = (bucket_id, prefix, keep), clock.monotonic_seconds()
        known = self._steps.get(name)
        if known is None or known[0] < now:
            if len(self._steps) >= KNOWN_MAX:
                self._steps.clear()
            steps = frozenset(await steps_that_go(self._database, bucket_id, prefix, keep))
            known = self._steps[name] = (now + KNOWN_SECONDS, steps)
        return step_of(prefix, key) in known[1]


def step_of(prefix: bytes, key: bytes) -> bytes:
    """The step that a key below a prefix is of: up to the next slash, or the key."""
    end = key.find(b"/", len(prefix))
    return key[: end + 1 or len(key)]

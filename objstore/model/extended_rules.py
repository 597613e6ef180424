"""Extended rules: what our own JSON API has beyond AWS's lifecycle rules. They never stand in AWS's XML.

A rule's conditions must all hold. Two of them are about a bucket or a prefix as a whole, and only the engine can tell
whether they hold: ``tier_full`` and ``keep_last``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from re import findall

from objstore.model.lifecycle import ANY, Filter
from objstore.model.tiers import HOT, tier_of
from objstore.model.waterfall import targets

ID_CHARS_MAX = 255
CURRENT, NONCURRENT, ALL = "Current", "Noncurrent", "All"


@dataclass(frozen=True, slots=True)
class TierFull:
    """Above ``high`` percent of the tier's capacity the coldest objects go, until ``low`` percent are left."""

    high: float
    low: float
    tier: str = HOT


@dataclass(frozen=True, slots=True)
class KeepLast:
    """Below the filter's prefix, each next segment of a key is a step (``ckpt/step-100/…``): keep the ``last`` ones
    and, counted from the first, every ``every``-th.
    """

    last: int
    every: int | None = None


@dataclass(frozen=True, slots=True)
class ExtendedRule:
    """Then the object goes to ``storage_class``, or with ``expire`` it expires as by AWS's Expiration.

    ``days``, ``hours``: age; of a noncurrent version since it stopped being current. ``last_access_days``: without an
    access. ``access_count_less_than``: see model/heat.py. ``versions``: which it is about; None: current ones, by fill
    level all.
    """

    id: str
    enabled: bool
    filter: Filter = ANY
    days: int | None = None
    hours: int | None = None
    last_access_days: int | None = None
    access_count_less_than: float | None = None
    tier_full: TierFull | None = None
    keep_last: KeepLast | None = None
    storage_class: str | None = None
    expire: bool = False
    versions: str | None = None

    def is_about(self, *, noncurrent: bool) -> bool:
        """Whether it is about versions that are current, or are not."""
        versions = self.versions or (ALL if self.tier_full is not None and self.keep_last is None else CURRENT)
        return versions in (ALL, NONCURRENT if noncurrent else CURRENT)

    @property
    def needs_engine(self) -> bool:
        """Whether a condition is about more than the version itself."""
        return self.tier_full is not None or self.keep_last is not None

    def check(self) -> None:
        """Raise ValueError, which says what is wrong, unless the rule can be obeyed."""
        if not 1 <= len(self.id) <= ID_CHARS_MAX:
            raise ValueError(f"ID: 1 to {ID_CHARS_MAX} characters")
        self._check_ages()
        self._check_action()
        if self.tier_full is not None:
            _check_full(self.tier_full)
            if self.storage_class is not None and tier_of(self.storage_class) == self.tier_full.tier:
                raise ValueError("StorageClass: its objects lie on the tier that is full")
        if self.keep_last is not None:
            _check_keep(self.keep_last, self.filter)
            if self.expire and self.keep_last.every is not None:
                raise ValueError("KeepLast: Every counts from the first step on, so with Expire it would count anew")

    def _check_ages(self) -> None:
        named = {"Days": self.days, "Hours": self.hours, "LastAccessDays": self.last_access_days}
        for name, value in named.items():
            if value is not None and value < 1:
                raise ValueError(f"{name}: a positive integer")
        has_age = any(value is not None for value in named.values())
        if self.access_count_less_than is not None:
            if self.access_count_less_than <= 0:
                raise ValueError("AccessCountLessThan: more than 0, or it would never hold")
            if not has_age and not self.needs_engine:
                raise ValueError(
                    "AccessCountLessThan: name Days, Hours or LastAccessDays too, or it holds for every new object"
                )
        if not has_age and not self.needs_engine:
            raise ValueError(
                "a rule has at least one of Days, Hours, LastAccessDays, AccessCountLessThan, TierFullPercent, KeepLast"
            )

    def _check_action(self) -> None:
        if (self.storage_class is None) != self.expire:
            raise ValueError("a rule has exactly one of StorageClass and Expire")
        if self.storage_class is not None and self.storage_class not in targets():
            raise ValueError(f"StorageClass: one of {', '.join(sorted(targets()))}")
        if self.tier_full is not None and self.expire:
            raise ValueError("TierFullPercent: a full tier is no reason to delete; name a StorageClass")
        if self.is_about(noncurrent=True):
            if self.expire:
                raise ValueError("Versions: with Expire it is Current; NoncurrentVersionExpiration is about the others")
            if self.keep_last is not None:
                raise ValueError("Versions: with KeepLast it is Current; NewerNoncurrentVersions keeps those of a key")


def check_rules(rules: Sequence[ExtendedRule]) -> None:
    """Raise ValueError, which names the rule, unless all can be obeyed and their ids differ."""
    seen: set[str] = set()
    for rule in rules:
        try:
            rule.check()
        except ValueError as error:
            raise ValueError(f"rule {rule.id!r}: {error}") from None
        if rule.id in seen:
            raise ValueError(f"rule {rule.id!r}: the ID stands twice")
        seen.add(rule.id)


def steps_to_demote(steps: Sequence[str], keep: KeepLast) -> list[str]:
    """Of a prefix's steps, those that need not be kept, oldest first. ``step-9`` stands before ``step-10``."""
    ordered = sorted(steps, key=_natural)
    kept = set(ordered[len(ordered) - keep.last :] if keep.last < len(ordered) else ordered)
    if keep.every is not None:
        kept.update(ordered[:: keep.every])
    return [step for step in ordered if step not in kept]


def bytes_to_demote(used_bytes: int, capacity_bytes: int, full: TierFull) -> int:
    """How many bytes have to leave a tier: none unless it is more than ``high`` percent full."""
    if used_bytes * 100 <= capacity_bytes * full.high:
        return 0
    return ceil(used_bytes - capacity_bytes * full.low / 100)


def _natural(step: str) -> list[tuple[int, int, str]]:
    """Digits count as numbers, whatever they are padded to."""
    return [
        (0, int(part), part) if part.isascii() and part.isdigit() else (1, 0, part)
        for part in findall(r"\d+|\D+", step)
    ]


def _check_full(full: TierFull) -> None:
    if not 0 <= full.low < full.high <= 100:
        raise ValueError("TierFullPercent: 0 ≤ Low < High ≤ 100")
    if full.tier != HOT:
        raise ValueError("TierFullPercent: Tier is hot; of no other it is known what is coldest")


def _check_keep(keep: KeepLast, filter_: Filter) -> None:
    if keep.last < 0 or (keep.every is not None and keep.every < 1):
        raise ValueError("KeepLast: Last is 0 or more, Every a positive integer")
    if not filter_.prefix.endswith("/"):
        raise ValueError("KeepLast: the filter needs a Prefix that ends with a slash; the steps are what follows it")

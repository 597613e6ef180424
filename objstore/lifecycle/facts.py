"""What the evaluator is told of a version, and what it says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from objstore.model.tiers import HOT, tier_of


class Kind(Enum):
    """What is to be done with a version."""

    DELETE = "delete"  # for good
    TRANSITION = "transition"  # to another storage class, and to its tier
    MARK = "mark"  # as a DELETE without a version id in a bucket that has, or had, versioning
    PLACE = "place"  # to another tier, the class staying


@dataclass(slots=True)
class VersionFacts:
    """``is_only_marker``: a delete marker, and its key has no other version. ``newer_noncurrent``: how many noncurrent
    versions of the key are newer. ``tier``: name of the tier that the bytes lie on. ``accessed``: day of the last
    access (model/days.py), 0 if there was none; ``heat``: the count as of that day (model/heat.py). ``access_tier``:
    the archive access tier that an Intelligent-Tiering object lies in, None if in none. ``pinned_until``: it does not
    leave the hot tier before. ``locked_until``: Object Lock keeps it from being deleted for good before (``days.FAR``:
    under a legal hold). Rules find it due all the same: who acts asks the lock.
    """

    key: bytes
    size: int
    modified: datetime
    tags: Mapping[str, str] | None = None
    storage_class: str = "STANDARD"
    tier: str = HOT
    is_latest: bool = True
    is_marker: bool = False
    is_only_marker: bool = False
    noncurrent_since: datetime | None = None
    newer_noncurrent: int = 0
    accessed: int = 0
    heat: float = 0.0
    access_tier: str | None = None
    pinned_until: datetime | None = None
    locked_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """``due``: since when; ``rule_id``: whose doing it is, ``""`` for Intelligent-Tiering by itself.

    ``storage_class``: target of a TRANSITION; ``tier`` and ``access_tier``: target of a PLACE.
    """

    kind: Kind
    rule_id: str
    due: datetime
    storage_class: str = ""
    tier: str = ""
    access_tier: str = ""

    @property
    def target_tier(self) -> str:
        """The tier that the version goes to; empty if to none."""
        return self.tier or (tier_of(self.storage_class) if self.storage_class else "")

    @property
    def leaves_hot(self) -> bool:
        """Whether it is what a pin holds back."""
        return self.target_tier not in ("", HOT)

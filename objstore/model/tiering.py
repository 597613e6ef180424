"""Intelligent-Tiering: objects of that class move between tiers by access, and keep their class.

What a configuration has archived is not readable until it is restored, which brings it back for good.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/intelligent-tiering-overview.html
"""

from dataclasses import dataclass

from objstore.model.lifecycle import Filter
from objstore.model.limits import KIB
from objstore.model.storage_class import ARCHIVE_ACCESS, DEEP_ARCHIVE_ACCESS, INTELLIGENT_TIERING
from objstore.model.tiers import code_of_tier, tier_of

SETTING = "intelligent_tiering"
STORAGE_CLASS = INTELLIGENT_TIERING
CONFIGURATIONS_MAX = 1000
INFREQUENT_DAYS = 30  # without an access; then the object goes to the capacity tier
MONITORED_BYTES_MIN = 128 * KIB
FREQUENT, INFREQUENT = "FREQUENT_ACCESS", "INFREQUENT_ACCESS"
# The archive access tiers that a configuration may add, and after how many days at least.
ARCHIVE_DAYS_MIN = {ARCHIVE_ACCESS: 90, DEEP_ARCHIVE_ACCESS: 180}
ARCHIVE_DAYS_MAX = 730

_monitored_bytes_min = MONITORED_BYTES_MIN
_infrequent_days = INFREQUENT_DAYS


@dataclass(frozen=True, slots=True)
class TieringConfiguration:
    """What a bucket asks for some of its objects. ``archive_days``: access tier → days without an access."""

    id: str
    enabled: bool
    filter: Filter
    archive_days: dict[str, int]


def configure(monitored_bytes_min: int = MONITORED_BYTES_MIN, infrequent: int = INFREQUENT_DAYS) -> None:
    """Set, once, from which size on objects are monitored (smaller ones stay where they are), and after how many days
    without an access they go to the capacity tier.
    """
    global _infrequent_days, _monitored_bytes_min
    _monitored_bytes_min, _infrequent_days = monitored_bytes_min, infrequent


def infrequent_days() -> int:
    """See ``configure``."""
    return _infrequent_days


def is_monitored(storage_class: str, size: int) -> bool:
    """Whether an object moves by access."""
    return storage_class == STORAGE_CLASS and size >= _monitored_bytes_min


def is_misplaced(storage_class: str, size: int, tier: int) -> bool:
    """Whether an object that is being read should not be on the tier (its code) where it is."""
    return (
        storage_class == STORAGE_CLASS and tier != code_of_tier(tier_of(STORAGE_CLASS)) and size >= _monitored_bytes_min
    )

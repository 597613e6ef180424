"""Waterfall: which storage class an object may go to from which, and which of several is preferred.

A site's own class stands directly below the one that it is like; several of these in the order of the configuration.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
"""

from objstore.model.storage_class import ARCHIVED_BY_ACCESS, shown_class
from objstore.model.tiers import custom_classes, kin

# Each class, and those that objects of it may go to: never back.
_BELOW = {
    "STANDARD": ("STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"),
    "STANDARD_IA": ("INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"),
    "INTELLIGENT_TIERING": ("ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"),
    "ONEZONE_IA": ("GLACIER", "DEEP_ARCHIVE"),
    "GLACIER_IR": ("GLACIER", "DEEP_ARCHIVE"),
    "GLACIER": ("DEEP_ARCHIVE",),
    "DEEP_ARCHIVE": (),
}
# The cheapest last; Intelligent-Tiering stands above all that is not an archive.
_PREFERENCE = ("STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE")


def targets() -> list[str]:
    """The classes that a rule may name."""
    return [*_PREFERENCE, *custom_classes()]


def may_follow(storage_class: str, target: str) -> bool:
    """Whether an object may go from one class to another; REDUCED_REDUNDANCY and the like count as STANDARD."""
    (above, place), (below, place_below) = kin(shown_class(storage_class)), kin(target)
    above = above if above in _BELOW else "STANDARD"
    return place < place_below if above == below else below in _BELOW[above]


def preference(target: str) -> tuple[int, int]:
    """The higher, the cheaper: the class with the highest wins where several are due."""
    name, place = kin(target)
    return (_PREFERENCE.index(name) if name in _PREFERENCE else -1), place


def leads_on_from(target: str) -> list[str]:
    """Classes whose objects a transition to ``target`` finds nothing to do with: they are there, or below."""
    return [name for name in (*_BELOW, *custom_classes(), *ARCHIVED_BY_ACCESS) if not may_follow(name, target)]

"""Waterfall: which storage class an object may go to from which, and which of several is preferred.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
"""

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
TARGETS = frozenset(_PREFERENCE)


def may_follow(storage_class: str, target: str) -> bool:
    """Whether an object may go from one class to another; REDUCED_REDUNDANCY and the like count as STANDARD."""
    return target in _BELOW.get(storage_class, _BELOW["STANDARD"])


def preference(target: str) -> int:
    """The higher, the cheaper: the class with the highest wins where several are due."""
    return _PREFERENCE.index(target)


def leads_on_from(target: str) -> list[str]:
    """Classes whose objects a transition to ``target`` finds nothing to do with: they are there, or below."""
    return [name for name in _BELOW if not may_follow(name, target)]

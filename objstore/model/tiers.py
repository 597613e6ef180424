"""Tier: a class of drives with one erasure profile, and which storage class lies on which.

The map is configuration: ``configure`` is called once, before the first request. Tiers have codes, which are stored:
hot is 0, capacity 1, others follow in the order of the configuration. A site may name classes of its own: each is
``like`` one of S3's, which says how it is read, and where it stands in the waterfall.
"""

import re
from collections.abc import Collection, Mapping, Sequence

from objstore.model.storage_class import ARCHIVE_ACCESS, ARCHIVED_BY_ACCESS, DEEP_ARCHIVE_ACCESS, class_in

HOT = "hot"
CAPACITY = "capacity"
TIERS_DEFAULT = (HOT, CAPACITY)

# Classes that are read often, or whose moves follow access, start on the hot tier.
CLASSES_DEFAULT: Mapping[str, str] = {
    "STANDARD": HOT,
    "REDUCED_REDUNDANCY": HOT,
    "INTELLIGENT_TIERING": HOT,
    "EXPRESS_ONEZONE": HOT,
    "STANDARD_IA": CAPACITY,
    "ONEZONE_IA": CAPACITY,
    "GLACIER_IR": CAPACITY,
    "GLACIER": CAPACITY,
    "DEEP_ARCHIVE": CAPACITY,
}
# What S3 has clients name in a request; the others are for its own products.
_REQUESTED = frozenset(CLASSES_DEFAULT) - {"EXPRESS_ONEZONE"}
_ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
# Where Intelligent-Tiering's archives lie: with the classes that are as slow.
_ARCHIVED_BY_ACCESS = {class_in(ARCHIVE_ACCESS): "GLACIER", class_in(DEEP_ARCHIVE_ACCESS): "DEEP_ARCHIVE"}
_LIKE = frozenset({"STANDARD", "STANDARD_IA", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"})
_CUSTOM_NAME = re.compile("[A-Z][A-Z0-9_-]{0,63}")
_NO_CUSTOM: Mapping[str, str] = {}


def _with_archives(classes: Mapping[str, str]) -> dict[str, str]:
    return {**classes, **{name: classes[other] for name, other in _ARCHIVED_BY_ACCESS.items()}}


_tier_of: dict[str, str] = _with_archives(CLASSES_DEFAULT)
_names: tuple[str, ...] = TIERS_DEFAULT
_codes: dict[str, int] = {name: code for code, name in enumerate(TIERS_DEFAULT)}
_offered: frozenset[str] = _REQUESTED
_archived: frozenset[str] = _ARCHIVED | ARCHIVED_BY_ACCESS
_like: dict[str, str] = {}


def check(
    classes: Mapping[str, str], tiers: Sequence[str] = TIERS_DEFAULT, like: Mapping[str, str] = _NO_CUSTOM
) -> Mapping[str, str]:
    """The whole map, of what is said here and the defaults. Raises ValueError for an unknown class or tier.

    ``like``: the site's own classes, in their order down the waterfall, and which of S3's each is like.
    """
    if tuple(tiers[:2]) != TIERS_DEFAULT or len(set(tiers)) < len(tiers):
        raise ValueError(f"the tiers are {', '.join(TIERS_DEFAULT)}, and others after them")
    merged = {**CLASSES_DEFAULT, **classes}
    for name, tier in merged.items():
        if name not in CLASSES_DEFAULT and name not in like:
            raise ValueError(f"there is no storage class {name!r}")
        if tier not in tiers:
            raise ValueError(f"storage class {name}: there is no tier {tier!r}")
    if merged["STANDARD"] != HOT:
        raise ValueError("STANDARD is the class of the hot tier")
    _check_like(like, merged)
    return merged


def _check_like(like: Mapping[str, str], classes: Mapping[str, str]) -> None:
    for name, other in like.items():
        if name in CLASSES_DEFAULT or not _CUSTOM_NAME.fullmatch(name):
            raise ValueError(f"{name!r}: a class of your own is named with A-Z, 0-9, _ and -, and not as one of S3's")
        if name not in classes:
            raise ValueError(f"storage class {name}: name its tier")
        if other not in _LIKE:
            raise ValueError(f"storage class {name}: it can be like {', '.join(sorted(_LIKE))}")


def configure(
    classes: Mapping[str, str] = CLASSES_DEFAULT,
    tiers: Sequence[str] = TIERS_DEFAULT,
    available: Collection[str] | None = None,
    like: Mapping[str, str] = _NO_CUSTOM,
) -> None:
    """Set which class lies on which tier. ``tiers``: names in the order of their codes, hot and capacity first.

    ``available``: the tiers that have drives; a class of another one is offered to nobody. ``like``: see ``check``.
    Raises as that.
    """
    global _archived, _codes, _like, _names, _offered, _tier_of
    _tier_of = _with_archives(check(classes, tiers, like))
    _names, _codes = tuple(tiers), {name: code for code, name in enumerate(tiers)}
    _offered = frozenset(name for name in _REQUESTED | like.keys() if available is None or _tier_of[name] in available)
    _like = dict(like)
    own = {name for name, other in like.items() if other in _ARCHIVED}
    _archived = _ARCHIVED | ARCHIVED_BY_ACCESS | own


def tier_of(storage_class: str) -> str:
    """The tier of a storage class; classes that are not known here lie on the capacity tier."""
    return _tier_of.get(storage_class, CAPACITY)


def is_offered(storage_class: str) -> bool:
    """Whether a request may name the class: it is known, and there are drives behind it."""
    return storage_class in _offered


def is_archived(storage_class: str) -> bool:
    """Whether objects of the class are not readable until they are restored."""
    return storage_class in _archived


def kin(storage_class: str) -> tuple[str, int]:
    """Which of S3's classes one is like, and how far below that it stands: 0 for these themselves."""
    other = _like.get(storage_class)
    return (storage_class, 0) if other is None else (other, 1 + list(_like).index(storage_class))


def custom_classes() -> list[str]:
    """The site's own classes."""
    return list(_like)


def code_of_tier(name: str) -> int:
    """The stored code of a tier. Raises KeyError."""
    return _codes[name]


def tier_of_code(code: int) -> str:
    """Inverse of ``code_of_tier``. Raises IndexError."""
    return _names[code]

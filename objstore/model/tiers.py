"""Tier: a class of drives with one erasure profile, and which storage class lies on which.

The map is configuration: ``configure`` is called once, before the first request. Tiers have codes, which are stored:
hot is 0, capacity 1, others follow in the order of the configuration.
"""

from collections.abc import Collection, Mapping, Sequence

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

_tier_of: dict[str, str] = dict(CLASSES_DEFAULT)
_names: tuple[str, ...] = TIERS_DEFAULT
_codes: dict[str, int] = {name: code for code, name in enumerate(TIERS_DEFAULT)}
_offered: frozenset[str] = _REQUESTED


def check(classes: Mapping[str, str], tiers: Sequence[str] = TIERS_DEFAULT) -> Mapping[str, str]:
    """The whole map, of what is said here and the defaults. Raises ValueError for an unknown class or tier."""
    if tuple(tiers[:2]) != TIERS_DEFAULT or len(set(tiers)) < len(tiers):
        raise ValueError(f"the tiers are {', '.join(TIERS_DEFAULT)}, and others after them")
    merged = {**CLASSES_DEFAULT, **classes}
    for name, tier in merged.items():
        if name not in CLASSES_DEFAULT:
            raise ValueError(f"there is no storage class {name!r}")
        if tier not in tiers:
            raise ValueError(f"storage class {name}: there is no tier {tier!r}")
    if merged["STANDARD"] != HOT:
        raise ValueError("STANDARD is the class of the hot tier")
    return merged


def configure(
    classes: Mapping[str, str] = CLASSES_DEFAULT,
    tiers: Sequence[str] = TIERS_DEFAULT,
    available: Collection[str] | None = None,
) -> None:
    """Set which class lies on which tier. ``tiers``: names in the order of their codes, hot and capacity first.

    ``available``: the tiers that have drives; a class of another one is offered to nobody. Raises as ``check``.
    """
    global _codes, _names, _offered, _tier_of
    _tier_of = dict(check(classes, tiers))
    _names, _codes = tuple(tiers), {name: code for code, name in enumerate(tiers)}
    _offered = frozenset(name for name in _REQUESTED if available is None or _tier_of[name] in available)


def tier_of(storage_class: str) -> str:
    """The tier of a storage class; classes that are not known here lie on the capacity tier."""
    return _tier_of.get(storage_class, CAPACITY)


def is_offered(storage_class: str) -> bool:
    """Whether a request may name the class: it is known, and there are drives behind it."""
    return storage_class in _offered


def is_archived(storage_class: str) -> bool:
    """Whether objects of the class are not readable until they are restored."""
    return storage_class in _ARCHIVED


def code_of_tier(name: str) -> int:
    """The stored code of a tier. Raises KeyError."""
    return _codes[name]


def tier_of_code(code: int) -> str:
    """Inverse of ``code_of_tier``. Raises IndexError."""
    return _names[code]

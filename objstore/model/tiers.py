"""Tier: a class of drives with one erasure profile, and which storage class lies on which."""

HOT = "hot"
CAPACITY = "capacity"

# Classes that are read often, or whose moves follow access, start on the hot tier.
TIER_OF_CLASS = {
    "STANDARD": HOT,
    "REDUCED_REDUNDANCY": HOT,
    "INTELLIGENT_TIERING": HOT,
    "EXPRESS_ONEZONE": HOT,
    "STANDARD_IA": CAPACITY,
    "ONEZONE_IA": CAPACITY,
    "GLACIER_IR": CAPACITY,
}


def tier_of(storage_class: str) -> str:
    """The tier of a storage class; classes that are not known here lie on the capacity tier."""
    return TIER_OF_CLASS.get(storage_class, CAPACITY)

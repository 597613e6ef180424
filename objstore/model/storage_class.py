"""Storage classes and their stored codes: those of S3, and those that a site has named itself.

An Intelligent-Tiering object in an archive access tier has a class of its own here, which clients never see: they are
shown INTELLIGENT_TIERING, and its access tier beside it. So every row says whether it may be read at no cost to others.
"""

from collections.abc import Mapping

INTELLIGENT_TIERING = "INTELLIGENT_TIERING"
ARCHIVE_ACCESS, DEEP_ARCHIVE_ACCESS = "ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"

# Codes are stored: never change one, only add.
STORAGE_CLASS_CODES = {
    "STANDARD": 0,
    "REDUCED_REDUNDANCY": 1,
    "STANDARD_IA": 2,
    "ONEZONE_IA": 3,
    INTELLIGENT_TIERING: 4,
    "GLACIER": 5,
    "DEEP_ARCHIVE": 6,
    "OUTPOSTS": 7,
    "GLACIER_IR": 8,
    "SNOW": 9,
    "EXPRESS_ONEZONE": 10,
    "FSX_OPENZFS": 11,
    "FSX_ONTAP": 12,
    f"{INTELLIGENT_TIERING}/{ARCHIVE_ACCESS}": 13,
    f"{INTELLIGENT_TIERING}/{DEEP_ARCHIVE_ACCESS}": 14,
}
STORAGE_CLASS_NAMES = {code: name for name, code in STORAGE_CLASS_CODES.items()}
# Classes that a site names get codes from here on, in the database.
CUSTOM_CODE_MIN = 1000

_ACCESS_TIERS = {f"{INTELLIGENT_TIERING}/{tier}": tier for tier in (ARCHIVE_ACCESS, DEEP_ARCHIVE_ACCESS)}
_ARCHIVED_IN = {tier: name for name, tier in _ACCESS_TIERS.items()}
ARCHIVED_BY_ACCESS = frozenset(_ACCESS_TIERS)


def add_custom(codes: Mapping[str, int]) -> None:
    """Make known, once, which codes the site's own classes have. Raises ValueError for a code of S3's."""
    if any(code < CUSTOM_CODE_MIN for code in codes.values()):
        raise ValueError(f"codes of a site's own classes begin with {CUSTOM_CODE_MIN}")
    STORAGE_CLASS_CODES.update(codes)
    STORAGE_CLASS_NAMES.update({code: name for name, code in codes.items()})


def shown_class(storage_class: str) -> str:
    """The class that clients are told."""
    return INTELLIGENT_TIERING if storage_class in _ACCESS_TIERS else storage_class


def access_tier_of(storage_class: str) -> str | None:
    """The archive access tier that an object lies in, None if in no such."""
    return _ACCESS_TIERS.get(storage_class)


def class_in(access_tier: str) -> str:
    """The class of an Intelligent-Tiering object in an access tier."""
    return _ARCHIVED_IN.get(access_tier, INTELLIGENT_TIERING)

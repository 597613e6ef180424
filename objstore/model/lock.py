"""Object Lock: what keeps a version from being deleted or replaced before its time.

Kept as ``ObjectVersion.attrs["l"]``: mode, end of retention (ISO 8601), legal hold. What cannot be read counts as a
legal hold: a lock fails closed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

SETTING = "object_lock"
ATTR = "l"
GOVERNANCE, COMPLIANCE = "GOVERNANCE", "COMPLIANCE"
_MODE, _UNTIL, _HOLD = "m", "u", "h"


@dataclass(frozen=True, slots=True)
class Lock:
    """``mode`` and ``until`` are both set, or neither. ``hold``: legal hold; None: it never had one."""

    mode: str | None = None
    until: datetime | None = None
    hold: bool | None = None

    def pack(self) -> dict[str, Any]:
        """As it is kept; empty when there is nothing to keep."""
        fields = {_MODE: self.mode, _UNTIL: self.until.isoformat() if self.until else None, _HOLD: self.hold}
        return {name: value for name, value in fields.items() if value is not None}

    def retains(self, now: datetime) -> bool:
        """Whether its time of retention is not over."""
        return self.until is not None and self.until > now


UNLOCKED = Lock()
_UNREADABLE = Lock(hold=True)


def lock_of(attrs: Mapping[str, Any] | None) -> Lock:
    """The lock of a version."""
    if not attrs or ATTR not in attrs:
        return UNLOCKED
    try:
        kept = attrs[ATTR]
        mode, until, hold = kept.get(_MODE), kept.get(_UNTIL), kept.get(_HOLD)
        moment = None if until is None else datetime.fromisoformat(until)
    except (AttributeError, TypeError, ValueError):
        return _UNREADABLE
    known = mode in (None, GOVERNANCE, COMPLIANCE) and hold in (None, True, False)
    if not known or (mode is None) != (moment is None) or (moment is not None and moment.tzinfo is None):
        return _UNREADABLE
    return Lock(mode, moment, hold)


def is_lockable(settings: Mapping[str, Any]) -> bool:
    """Whether versions of a bucket can be locked."""
    return SETTING in settings


def with_default(attrs: dict[str, Any] | None, settings: Mapping[str, Any], now: datetime) -> dict[str, Any] | None:
    """Attributes of a new version with the bucket's default retention, where it has no retention of its own."""
    default = settings[SETTING].get("Rule", {}).get("DefaultRetention") if SETTING in settings else None
    if not default:
        return attrs
    lock = lock_of(attrs)
    if lock.mode is not None:
        return attrs
    days = default["Days"] if "Days" in default else default["Years"] * 365
    until = (now + timedelta(days=days)).astimezone(UTC)
    return {**(attrs or {}), ATTR: Lock(default["Mode"], until, lock.hold).pack()}

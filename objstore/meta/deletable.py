"""Deletable: the one place that says whether a version may be deleted for good. Every path that does so asks here."""

from collections.abc import Mapping
from typing import Any

from objstore.model import clock
from objstore.model.errors import AccessDenied, RequestError
from objstore.model.lock import COMPLIANCE, lock_of
from objstore.model.objects import ObjectVersion

_LOCKED = "Access Denied because object protected by object lock."


def refusal_to_delete(version: ObjectVersion, bucket_settings: Mapping[str, Any], bypass: bool) -> RequestError | None:
    """Why a version may not be deleted, or None. ``bypass``: the caller may, and asks to, override governance.

    A legal hold holds by itself, whatever else is so; a lock that cannot be read is one.
    """
    if version.marker or version.attrs is None:
        return None
    lock = lock_of(version.attrs)
    if lock.hold:
        return AccessDenied(_LOCKED)
    if lock.retains(clock.now()) and (lock.mode == COMPLIANCE or not bypass):
        return AccessDenied(_LOCKED)
    return None

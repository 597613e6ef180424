"""Deletable: the one place that says whether a version may be deleted for good. Every path that does so asks here."""

from collections.abc import Mapping
from typing import Any

from objstore.model.errors import RequestError
from objstore.model.objects import ObjectVersion


def refusal_to_delete(version: ObjectVersion, bucket_settings: Mapping[str, Any], bypass: bool) -> RequestError | None:
    """Why a version may not be deleted, or None. ``bypass``: the caller asks to override what it may override."""
    return None

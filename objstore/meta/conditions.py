"""Conditions of a write on the current version of its key."""

from objstore.model.errors import NoSuchKey, PreconditionFailed, RequestError
from objstore.model.objects import Condition


def refusal(condition: Condition, etag: bytes | None) -> RequestError | None:
    """Why a write may not happen when the current version has ``etag`` (None: there is none); None if it may."""
    if condition.if_match is not None:
        if etag is None:
            return NoSuchKey()
        if condition.if_match not in (b"*", etag):
            return PreconditionFailed(Condition="If-Match")
    if etag is None:
        return None
    if condition.if_none_match_any or condition.if_none_match == etag:
        return PreconditionFailed(Condition="If-None-Match")
    return None

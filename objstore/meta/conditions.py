"""Conditions of a write on the current version of its key, and of a delete on the version that it is about."""

from objstore.model.errors import NoSuchKey, PreconditionFailed, RequestError
from objstore.model.objects import Condition, ObjectVersion
from objstore.model.requests import UNCONDITIONAL


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


def refusal_of_delete(condition: Condition, found: ObjectVersion | None) -> RequestError | None:
    """Why a version may not be deleted.

    With If-Match it has to be there, as AWS has been seen to answer; with the other conditions it need not, as on
    directory buckets. A delete marker is nothing that could match, but where what is absent passes: there it is as any.
    """
    if condition is UNCONDITIONAL or (found is None and condition.absent_passes):
        return None
    if found is None or (found.marker and condition.if_match is not None and not condition.absent_passes):
        return None if condition.if_match is None else NoSuchKey()
    if condition.if_match is not None and condition.if_match not in (b"*", found.etag):
        return PreconditionFailed(Condition="If-Match")
    if condition.modified is not None and found.modified.replace(microsecond=0) != condition.modified:
        return PreconditionFailed(Condition="x-amz-if-match-last-modified-time")
    if condition.size is not None and found.size != condition.size:
        return PreconditionFailed(Condition="x-amz-if-match-size")
    if condition.if_none_match_any or (condition.if_none_match is not None and condition.if_none_match == found.etag):
        return PreconditionFailed(Condition="If-None-Match")
    return None

"""Headers that tell a client what a lifecycle rule will do: when an object expires, when an upload is aborted.

A bucket without rules costs one look into its settings, which the verb has just looked up.
"""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

from objstore.api.s3.call import Call, Headers
from objstore.api.s3.text import http_time
from objstore.lifecycle.evaluate import aborting
from objstore.lifecycle.plan import Plan, plan_of
from objstore.model import clock, days
from objstore.model.lifecycle import SETTING, Expiration
from objstore.model.objects import ObjectVersion, Upload

_UNQUOTED = "~()*!.'-_"


def add_expiration(headers: Headers, call: Call, version: ObjectVersion) -> None:
    """Add ``x-amz-expiration`` if a rule will expire the version, which is the current one of its key."""
    plan = _plan(call)
    if plan is not None:
        headers += _expiration(plan, version.key, version.size, version.tags, version.modified)


def add_expiration_of_put(headers: Headers, call: Call, size: int, tags: Mapping[str, str] | None) -> None:
    """As ``add_expiration``, for what was written right now."""
    plan = _plan(call)
    if plan is not None:
        headers += _expiration(plan, call.request.key, size, tags, clock.now())


def add_abort(headers: Headers, call: Call, upload: Upload) -> None:
    """Add ``x-amz-abort-date`` and ``x-amz-abort-rule-id`` if a rule will abort the upload."""
    plan = _plan(call)
    if plan is None:
        return
    count, rule = min(aborting(plan, upload.key), key=lambda found: found[0], default=(0, None))
    if rule is not None:
        headers.append((b"x-amz-abort-date", http_time(days.calendar_date(upload.created, count))))
        headers.append((b"x-amz-abort-rule-id", _quoted(rule.id)))


def _plan(call: Call) -> Plan | None:
    bucket = call.store.known_bucket(call.request.bucket)
    return plan_of(bucket.id, bucket.settings) if bucket is not None and SETTING in bucket.settings else None


def _expiration(plan: Plan, key: bytes, size: int, tags: Mapping[str, str] | None, modified: datetime) -> Headers:
    """The rule that expires an object first; always in calendar days."""
    found = [
        (when, rule.id)
        for rule in plan.rules
        if rule.expiration is not None
        and (when := _when(rule.expiration, modified)) is not None
        and rule.filter.matches(key, size, tags)
    ]
    when, name = min(found, default=(days.FAR, ""))
    if when == days.FAR:
        return []
    return [(b"x-amz-expiration", b'expiry-date="%b", rule-id="%b"' % (http_time(when), _quoted(name)))]


def _when(expiration: Expiration, modified: datetime) -> datetime | None:
    return expiration.date if expiration.days is None else days.calendar_date(modified, expiration.days)


def _quoted(name: str) -> bytes:
    return quote(name, safe=_UNQUOTED).encode()

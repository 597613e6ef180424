"""Server access logging: the configuration of a bucket. Delivery: objstore/api/access_log.py."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from objstore.api.s3.access_settings import LOGGING as SETTING
from objstore.api.s3.access_settings import policy_of
from objstore.api.s3.call import NO_CONTENT, Answer, Call, xml_answer
from objstore.api.s3.documents import read_input
from objstore.api.s3.errors import S3Error
from objstore.api.s3.text import http_time
from objstore.api.s3.xml_out import render
from objstore.identity.arn import bucket_arn
from objstore.identity.evaluate import applies
from objstore.identity.policy import Ask
from objstore.model import clock
from objstore.model.encryption import SETTING as ENCRYPTION
from objstore.model.errors import AccessDenied, InvalidArgument, NoSuchBucket, NoSuchKey
from objstore.model.limits import KEY_BYTES_MAX
from objstore.model.objects import Bucket

_SERVICE = "logging.s3.amazonaws.com"
_PAYER = "request_payment"
_CHANGED = "Changed"  # of a lenient server: when the configuration became what it is


async def put_bucket_logging(call: Call) -> Answer:
    """PutBucketLogging: an empty document ends it. The target has to be a bucket of the same owner."""
    given = (await read_input(call, call.operation)).get("LoggingEnabled")
    source = await call.store.get_bucket(call.request.bucket)
    if given is not None:
        name = given["TargetBucket"]
        try:
            target = await call.store.get_bucket(name)
        except NoSuchBucket:
            target = None
        if call.site.lenient:
            given = _as_others_take_it(call, given, source, target)
        elif target is None or target.owner != source.owner or _is_too_long(given):
            raise S3Error(
                "InvalidTargetBucketForLogging",
                "The target bucket for logging does not exist, is not owned by you, or does not have the appropriate "
                "grants for the log-delivery group.",
                TargetBucket=name[:100],
            )
    await call.store.set_setting(source.name, SETTING, given)
    return 200, [NO_CONTENT], b""


def _is_too_long(given: Mapping[str, Any]) -> bool:
    return len(given["TargetPrefix"].encode()) > KEY_BYTES_MAX // 2


async def get_bucket_logging(call: Call) -> Answer:
    """GetBucketLogging: an empty document if there is none."""
    bucket = await call.store.get_bucket(call.request.bucket)
    found = dict(bucket.settings.get(SETTING) or {})
    changed = found.pop(_CHANGED, None)
    headers, body = render(call.operation, {"LoggingEnabled": found} if found else {})
    if changed is not None:
        headers.append((b"last-modified", http_time(datetime.fromisoformat(changed))))
    return xml_answer(body, headers)


def _as_others_take_it(call: Call, given: dict[str, Any], source: Bucket, target: Bucket | None) -> dict[str, Any]:
    """A configuration by the rules of other servers: whoever owns the target lets logs in by its policy alone.

    Raises NoSuchKey, InvalidArgument, AccessDenied.
    """
    if target is None:
        raise NoSuchKey
    reason = _unfit(source, target)
    if reason or _is_too_long(given):
        raise InvalidArgument(reason or "The target prefix is too long", ArgumentName="TargetBucket")
    if call.principal.owner_id != source.owner or not _lets_logs_in(call, source, target, given["TargetPrefix"]):
        raise AccessDenied("Logging bucket does not let logs be delivered")
    kept = {name: value for name, value in given.items() if name != "TargetGrants"}
    wanted = {"TargetObjectKeyFormat": {"SimplePrefix": {}}, **kept}
    present = source.settings.get(SETTING) or {}
    is_same = wanted == {name: value for name, value in present.items() if name != _CHANGED}
    return wanted | {_CHANGED: present.get(_CHANGED) if is_same else clock.now().isoformat()}


def _unfit(source: Bucket, target: Bucket) -> str:
    """Why logs cannot go to a bucket; empty if they can."""
    if source.name == target.name:
        return "The source and the target of logging are the same bucket"
    if SETTING in target.settings:
        return "The target of logging is logged itself"
    if ENCRYPTION in target.settings:
        return "The target of logging has a default encryption"
    if (target.settings.get(_PAYER) or {}).get("Payer") == "Requester":
        return "Who asks pays for the target of logging"
    return ""


def _lets_logs_in(call: Call, source: Bucket, target: Bucket, prefix: str) -> bool:
    """Whether the target's policy lets the service of logging put what it logs of the source."""
    owner = call.site.directory.owner(source.owner)
    context = _Delivery(bucket_arn(source.name), [source.owner, *([owner.account] if owner else [])])
    ask = Ask("s3:putobject", f"{bucket_arn(target.name)}/{prefix}", context)
    policy = policy_of(target)
    named = [
        statement
        for statement in (policy.statements if policy else ())
        if _SERVICE in (statement.principals or {}).get("Service", ()) and applies(statement, ask)
    ]
    return bool(named) and all(statement.allow for statement in named)


class _Delivery:
    """What a delivery of logs says of itself to conditions."""

    def __init__(self, source: str, accounts: Sequence[str]) -> None:
        self._values = {"aws:sourcearn": [source], "aws:sourceaccount": accounts}

    def values(self, key: str) -> Sequence[str] | None:
        """See ``identity.policy.Context``."""
        return self._values.get(key)

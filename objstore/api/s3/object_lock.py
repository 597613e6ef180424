"""Object Lock: of a bucket, and the retention and legal hold of versions.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from objstore.api.s3.call import NO_CONTENT, Answer, Call, Headers, xml_answer
from objstore.api.s3.documents import read_input
from objstore.api.s3.errors import S3Error
from objstore.api.s3.text import iso_time, parse_iso_time
from objstore.api.s3.versions import VERSION_ID, add_version_id, parse_version_id
from objstore.api.s3.xml_out import render
from objstore.model import clock
from objstore.model.errors import AccessDenied, InvalidArgument, InvalidRequest, MalformedXML, NotImplementedS3
from objstore.model.lock import ATTR, COMPLIANCE, GOVERNANCE, SETTING, Lock, is_lockable, lock_of
from objstore.model.objects import Bucket, ObjectVersion

_PREFIX = b"x-amz-object-lock-"
_MODE, _UNTIL, _HOLD = _PREFIX + b"mode", _PREFIX + b"retain-until-date", _PREFIX + b"legal-hold"
BYPASS = b"x-amz-bypass-governance-retention"
DAYS_MAX, YEARS_MAX = 36_500, 100
_DENIED = "Access Denied because object protected by object lock."


def bypasses(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request asks to override governance."""
    return headers.get(BYPASS, b"").strip().lower() == b"true"


def read_lock(headers: Mapping[bytes, bytes]) -> Lock | None:
    """The lock that a write asks for; None if it says nothing. Raises InvalidArgument, NotImplementedS3."""
    for name in headers:
        if name.startswith(_PREFIX + b"event-hold"):
            raise NotImplementedS3("Event holds are not implemented", Header=name.decode())
    mode, until, hold = headers.get(_MODE), headers.get(_UNTIL), headers.get(_HOLD)
    if mode is None and until is None and hold is None:
        return None
    if (mode is None) != (until is None):
        raise InvalidArgument(
            "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
            ArgumentName=(_UNTIL if until is None else _MODE).decode(),
        )
    moment = None
    if mode is not None and until is not None:
        if mode.strip() not in (GOVERNANCE.encode(), COMPLIANCE.encode()):
            raise InvalidArgument("Unknown wormMode directive.", ArgumentName=_MODE.decode())
        moment = parse_iso_time(until.decode("latin-1").strip())
        if moment is None:
            raise InvalidArgument(
                "The retain until date must be provided in ISO 8601 format", ArgumentName=_UNTIL.decode()
            )
        _check_future(moment)
        moment = moment.replace(microsecond=0)
    if hold is not None and hold.strip() not in (b"ON", b"OFF"):
        raise InvalidArgument("Legal Hold must be either of 'ON' or 'OFF'", ArgumentName=_HOLD.decode())
    return Lock(mode.strip().decode() if mode else None, moment, None if hold is None else hold.strip() == b"ON")


def add_lock(headers: Headers, attrs: Mapping[str, Any]) -> None:
    """Add the headers that tell of a version's lock."""
    lock = lock_of(attrs)
    if lock.mode is not None and lock.until is not None:
        headers.append((_MODE, lock.mode.encode()))
        headers.append((_UNTIL, iso_time(lock.until).encode()))
    if lock.hold is not None:
        headers.append((_HOLD, b"ON" if lock.hold else b"OFF"))


async def put_object_lock_configuration(call: Call) -> Answer:
    """PutObjectLockConfiguration: of a bucket with versioning, from then on for good."""
    given = await read_input(call, call.operation)
    if "ObjectLockEnabled" not in given:
        raise MalformedXML
    _check_rule(given)
    bucket = await call.store.get_bucket(call.request.bucket)
    if bucket.versioning != "Enabled":
        raise S3Error(
            "InvalidBucketState", "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        )
    await call.store.set_setting(bucket.name, SETTING, given)
    return 200, [NO_CONTENT], b""


def _check_rule(given: Mapping[str, Any]) -> None:
    if "Rule" not in given:
        return
    default = given["Rule"].get("DefaultRetention")
    if default is None or "Mode" not in default or ("Days" in default) == ("Years" in default):
        raise MalformedXML
    count, most = default.get("Days", default.get("Years")), DAYS_MAX if "Days" in default else YEARS_MAX
    if count < 1:
        raise S3Error("InvalidRetentionPeriod", "Default retention period must be a positive integer value.")
    if count > most:
        raise S3Error("InvalidRetentionPeriod", f"Default retention period is too large: at most {most}.")


async def get_object_lock_configuration(call: Call) -> Answer:
    """GetObjectLockConfiguration: 404 where no version can be locked."""
    bucket = await call.store.get_bucket(call.request.bucket)
    if not is_lockable(bucket.settings):
        raise S3Error("ObjectLockConfigurationNotFoundError", BucketName=bucket.name)
    headers, body = render(call.operation, {"ObjectLockConfiguration": bucket.settings[SETTING]})
    return xml_answer(body, headers)


async def put_object_retention(call: Call) -> Answer:
    """PutObjectRetention: a longer time for all, anything else only past what holds already."""
    given = await read_input(call, call.operation, empty=True)
    mode, until = given.get("Mode"), given.get("RetainUntilDate")
    if (mode is None) != (until is None):
        raise MalformedXML
    if until is not None:
        _check_future(until)
    bypass = bypasses(call.request.headers)

    def change(lock: Lock) -> Lock:
        _check_change(lock, mode, until, bypass)
        return Lock(mode, until, lock.hold)

    return await _change(call, change)


def _check_change(lock: Lock, mode: str | None, until: datetime | None, bypass: bool) -> None:
    """Raise AccessDenied unless a version's retention may become this one."""
    if not lock.retains(clock.now()):
        return
    longer = mode == lock.mode and until is not None and lock.until is not None and until >= lock.until
    if longer or (lock.mode == GOVERNANCE and bypass):
        return
    raise AccessDenied(_DENIED)


async def get_object_retention(call: Call) -> Answer:
    """GetObjectRetention: 404 without one."""
    lock = lock_of((await _locked_version(call)).attrs)
    if lock.mode is None:
        raise S3Error("NoSuchObjectLockConfiguration")
    return _document(call, {"Retention": {"Mode": lock.mode, "RetainUntilDate": lock.until}})


async def put_object_legal_hold(call: Call) -> Answer:
    """PutObjectLegalHold."""
    status = (await read_input(call, call.operation)).get("Status")
    if status is None:
        raise MalformedXML
    return await _change(call, lambda lock: Lock(lock.mode, lock.until, status == "ON"))


async def get_object_legal_hold(call: Call) -> Answer:
    """GetObjectLegalHold: 404 for what never had one."""
    lock = lock_of((await _locked_version(call)).attrs)
    if lock.hold is None:
        raise S3Error("NoSuchObjectLockConfiguration")
    return _document(call, {"LegalHold": {"Status": "ON" if lock.hold else "OFF"}})


def check_lockable(bucket: Bucket, named: str = "Object Lock Configuration") -> None:
    """Raise InvalidRequest unless versions of a bucket can be locked. ``named``: what it lacks, as AWS writes it."""
    if not is_lockable(bucket.settings):
        raise InvalidRequest(f"Bucket is missing {named}")


async def _locked_version(call: Call) -> ObjectVersion:
    request = call.request
    check_lockable(await call.store.get_bucket(request.bucket))
    return await call.store.get(request.bucket, request.key, parse_version_id(call.query.get(VERSION_ID)))


async def _change(call: Call, change: Any) -> Answer:
    request = call.request
    check_lockable(await call.store.get_bucket(request.bucket))

    def changed(version: ObjectVersion) -> dict[str, Any] | None:
        kept = {name: value for name, value in (version.attrs or {}).items() if name != ATTR}
        if packed := change(lock_of(version.attrs)).pack():
            kept[ATTR] = packed
        return kept or None

    version_id = parse_version_id(call.query.get(VERSION_ID))
    version = await call.store.change_attrs(request.bucket, request.key, changed, version_id)
    headers: Headers = [NO_CONTENT]
    add_version_id(headers, version.shown_id)
    return 200, headers, b""


def _check_future(until: datetime) -> None:
    if until <= clock.now():
        raise InvalidArgument("The retain until date must be in the future!", ArgumentName=_UNTIL.decode())


def _document(call: Call, values: dict[str, Any]) -> Answer:
    headers, body = render(call.operation, values)
    return xml_answer(body, headers)

"""RestoreObject, and how a restore stands: ``x-amz-restore`` and RestoreStatus.

Beyond AWS: a request without Days makes the object one of class STANDARD, on the hot tier, for good. One that is in
an archive access tier of Intelligent-Tiering takes no Days: it comes back to the frequent tier, as with AWS.
"""

from typing import Any

from objstore.api.s3.call import NO_CONTENT, Answer, Call, Headers
from objstore.api.s3.documents import read_input
from objstore.api.s3.service import enum_of
from objstore.api.s3.text import iso_time
from objstore.api.s3.versions import VERSION_ID, parse_version_id
from objstore.model.errors import InvalidArgument, MalformedXML, NotImplementedS3
from objstore.model.objects import ObjectVersion
from objstore.model.restore import RestoreStatus
from objstore.model.storage_class import DEEP_ARCHIVE_ACCESS, access_tier_of
from objstore.model.tiers import is_archived

_DAYS_MAX = 2**31 - 1
_OPTIONAL = b"x-amz-optional-object-attributes"
_EXPEDITED, _DEEP = "Expedited", ("DEEP_ARCHIVE", DEEP_ARCHIVE_ACCESS)
_SELECT = ("Type", "SelectParameters", "OutputLocation")


async def restore_object(call: Call) -> Answer:
    """RestoreObject: 202 when a copy has been asked for, 200 when there is one, which is kept longer."""
    request = call.request
    version_id = parse_version_id(call.query.get(VERSION_ID))
    document = await read_input(call, "RestoreObject")
    days = _days(document)
    version = await call.store.get(request.bucket, request.key, version_id)
    _check_speed(document, version)
    there = await call.store.restore(version, days, call.store.known_bucket(request.bucket))
    return (200 if there else 202), [NO_CONTENT], b""


async def add_restore(headers: Headers, call: Call, version: ObjectVersion) -> None:
    """Add ``x-amz-restore``, and where it is archived by access, to what a GET or HEAD says of an archived version."""
    if is_archived(version.storage_class):
        access_tier = access_tier_of(version.storage_class)
        if access_tier is not None:
            headers.append((b"x-amz-archive-status", access_tier.encode()))
        statuses = await call.store.restore_statuses([version])
        headers += [(b"x-amz-restore", status.header) for status in statuses.values()]


async def restore_elements(call: Call, versions: list[ObjectVersion]) -> dict[tuple[int, bytes, bytes], str]:
    """RestoreStatus elements of those versions of a listing that have any, if it is asked for them.

    Raises InvalidArgument. One query a page, and none if nothing on it is archived.
    """
    asked = call.request.headers.get(_OPTIONAL)
    if asked is None:
        return {}
    names = {name.strip() for name in asked.decode("latin-1").split(",")}
    if not names <= enum_of("OptionalObjectAttributes"):
        raise InvalidArgument("Invalid attribute name specified.", ArgumentName=_OPTIONAL.decode())
    statuses = await call.store.restore_statuses(versions)
    return {name: _element(status) for name, status in statuses.items()}


def _element(status: RestoreStatus) -> str:
    ongoing = "true" if status.is_ongoing else "false"
    expires = f"<RestoreExpiryDate>{iso_time(status.expires)}</RestoreExpiryDate>" if status.expires else ""
    return f"<RestoreStatus><IsRestoreInProgress>{ongoing}</IsRestoreInProgress>{expires}</RestoreStatus>"


async def warm_up(call: Call, version: ObjectVersion) -> None:
    """A HEAD with ``Range: bytes=0-0`` asks for a version that lies cold to be made warm, where the site has it so."""
    days = call.site.warm_on_head_days
    if days and call.request.headers.get(b"range", b"").strip() == b"bytes=0-0":
        await call.store.warm(version, days)


def _check_speed(document: dict[str, Any], version: ObjectVersion) -> None:
    """AWS has no expedited way out of its deepest archives. Here all restores are as fast as the drives."""
    speeds = document.get("Tier"), document.get("GlacierJobParameters", {}).get("Tier")
    classes = version.storage_class, access_tier_of(version.storage_class)
    if _EXPEDITED in speeds and any(one in _DEEP for one in classes):
        raise InvalidArgument("Retrieval option is not supported by this storage class", ArgumentName="Tier")


def _days(document: dict[str, Any]) -> int | None:
    """How many days, None for ever."""
    for name in _SELECT:
        if name in document:
            raise NotImplementedS3("S3 Select is not implemented", Element=name)
    days = document.get("Days")
    if days is None:
        return None
    if not isinstance(days, int):
        raise MalformedXML
    if not 1 <= days <= _DAYS_MAX:
        raise InvalidArgument("restoration days should be at least 1", ArgumentName="Days", ArgumentValue=days)
    return days

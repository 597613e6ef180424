"""DeleteObject and DeleteObjects."""

from dataclasses import replace
from typing import Any

from objstore.api.s3.access_settings import LOGGING
from objstore.api.s3.authorizer import may_delete
from objstore.api.s3.call import Answer, BatchEntry, Call, Headers
from objstore.api.s3.conditions import delete_condition, if_match_etag
from objstore.api.s3.documents import read_input, render_page
from objstore.api.s3.errors import S3Error, status_of
from objstore.api.s3.object_headers import refuse_headers
from objstore.api.s3.object_lock import bypasses
from objstore.api.s3.versions import VERSION_ID, add_version_id, parse_version_id
from objstore.model.errors import (
    AccessDenied,
    KeyTooLongError,
    MalformedXML,
    NoSuchKey,
    NoSuchVersion,
    RequestError,
)
from objstore.model.limits import DELETE_KEYS_MAX, KEY_BYTES_MAX
from objstore.model.objects import Condition
from objstore.model.requests import UNCONDITIONAL, DeleteRequest, DeleteResult


async def delete_object(call: Call) -> Answer:
    """DeleteObject: 204 whether the key was there or not, unless a condition says otherwise."""
    request = call.request
    version_id = parse_version_id(call.query.get(VERSION_ID))
    refuse_headers(request.headers)
    condition, bypass = _for(call, delete_condition(request.headers)), bypasses(request.headers)
    result = await call.store.delete(request.bucket, DeleteRequest(request.key, version_id, condition, bypass))
    if result.size is not None:
        call.object_bytes = result.size
    headers: Headers = [(b"x-amz-delete-marker", b"true")] if result.marker else []
    add_version_id(headers, result.shown_id)
    return 204, headers, b""


async def delete_objects(call: Call) -> Answer:
    """DeleteObjects: up to 1000 keys, each with its own outcome."""
    document = await read_input(call, "DeleteObjects", strict=True)
    entries = document["Objects"]
    if not 1 <= len(entries) <= DELETE_KEYS_MAX:
        raise MalformedXML
    refused = await _refusals(call, entries)
    bypass = bypasses(call.request.headers)
    wanted = [_wanted(call, entry, bypass) for entry, error in zip(entries, refused, strict=True) if error is None]
    outcomes = iter(await call.store.delete_many(call.request.bucket, wanted))
    results = [error if error is not None else next(outcomes) for error in refused]
    deleted, errors = _outcomes(entries, results)
    bucket = call.store.known_bucket(call.request.bucket)
    if bucket is not None and LOGGING in bucket.settings:
        call.batch = [_logged(entry, result) for entry, result in zip(entries, results, strict=True)]
    shown = {"Deleted": [] if document.get("Quiet", False) else deleted, "Errors": errors}
    return await render_page("DeleteObjects", shown, len(entries))


async def _refusals(call: Call, entries: list[dict[str, Any]]) -> list[RequestError | None]:
    """Why each entry cannot be done, if so: it is none, or who calls may not."""
    refused = [_refusal(entry) for entry in entries]
    sound = [entry for entry, error in zip(entries, refused, strict=True) if error is None]
    may = iter(await may_delete(call, sound))
    return [error if error is not None else None if next(may) else AccessDenied() for error in refused]


def _refusal(entry: dict[str, Any]) -> RequestError | None:
    """Why an entry cannot be done at all."""
    key = entry["Key"].encode()
    if not key:
        return S3Error("UserKeyMustBeSpecified", "The key must be specified")
    if len(key) > KEY_BYTES_MAX:
        return KeyTooLongError()
    try:
        parse_version_id(entry.get("VersionId"))
    except RequestError as error:
        # Of one among many, what might be somebody else's kind of id is just not there.
        return NoSuchVersion() if entry["VersionId"].isalnum() else error
    return None


def _for(call: Call, condition: Condition) -> Condition:
    """A condition as the site takes it."""
    lenient = call.site.lenient and condition is not UNCONDITIONAL
    return replace(condition, absent_passes=True) if lenient else condition


def _wanted(call: Call, entry: dict[str, Any], bypass: bool) -> DeleteRequest:
    condition = UNCONDITIONAL
    if not entry.keys().isdisjoint(("ETag", "LastModifiedTime", "Size")):
        etag, modified = entry.get("ETag"), entry.get("LastModifiedTime")
        condition = Condition(
            if_match=None if etag is None else if_match_etag(etag),
            modified=None if modified is None else modified.replace(microsecond=0),
            size=entry.get("Size"),
        )
    return DeleteRequest(entry["Key"].encode(), parse_version_id(entry.get("VersionId")), _for(call, condition), bypass)


def _logged(entry: dict[str, Any], result: DeleteResult | RequestError) -> BatchEntry:
    """A key as the access log has it; what was not there counts as deleted."""
    size = result.size if isinstance(result, DeleteResult) else None
    refused = result if isinstance(result, RequestError) and not _is_gone(entry, result) else None
    status, code = (204, "") if refused is None else (status_of(refused), refused.code)
    return BatchEntry(entry["Key"].encode(), entry.get("VersionId"), status, code, size)


def _is_gone(entry: dict[str, Any], result: RequestError) -> bool:
    return isinstance(result, NoSuchKey) and "ETag" not in entry


def _outcomes(
    entries: list[dict[str, Any]], results: list[DeleteResult | RequestError]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What was deleted, and what was not and why; a key that was not there counts as deleted."""
    deleted, errors = [], []
    for entry, result in zip(entries, results, strict=True):
        named = {"Key": entry["Key"], "VersionId": entry.get("VersionId")}
        if isinstance(result, DeleteResult):
            marked = {"DeleteMarker": True, "DeleteMarkerVersionId": result.shown_id} if result.marker else {}
            deleted.append(named | marked)
        elif _is_gone(entry, result):
            deleted.append(named)
        else:
            errors.append(named | {"Code": result.code, "Message": str(result)})
    return deleted, errors

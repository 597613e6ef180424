"""DeleteObject and DeleteObjects."""

from typing import Any

from objstore.api.s3.call import Answer, Call
from objstore.api.s3.conditions import if_match_etag, write_condition
from objstore.api.s3.documents import read_input, render_page
from objstore.api.s3.errors import S3Error
from objstore.api.s3.object_headers import refuse_headers
from objstore.api.s3.versions import check_version_id
from objstore.model.errors import KeyTooLongError, MalformedXML, NoSuchKey, NotImplementedS3, RequestError
from objstore.model.limits import DELETE_KEYS_MAX, KEY_BYTES_MAX
from objstore.model.objects import Condition
from objstore.model.requests import UNCONDITIONAL


async def delete_object(call: Call) -> Answer:
    """DeleteObject: 204 whether the key was there or not, unless a condition says otherwise."""
    request = call.request
    check_version_id(call.query.get("versionId"))
    refuse_headers(request.headers)
    await call.store.delete(request.bucket, request.key, write_condition(request.headers))
    return 204, [], b""


async def delete_objects(call: Call) -> Answer:
    """DeleteObjects: up to 1000 keys, each with its own outcome."""
    document = await read_input(call, "DeleteObjects", strict=True)
    entries = document["Objects"]
    if not 1 <= len(entries) <= DELETE_KEYS_MAX:
        raise MalformedXML
    refused = [_refusal(entry) for entry in entries]
    wanted = [_wanted(entry) for entry, error in zip(entries, refused, strict=True) if error is None]
    outcomes = iter(await call.store.delete_many(call.request.bucket, wanted))
    results = [error if error is not None else next(outcomes) for error in refused]
    deleted, errors = _outcomes(entries, results)
    shown = {"Deleted": [] if document.get("Quiet", False) else deleted, "Errors": errors}
    return await render_page("DeleteObjects", shown, len(entries))


def _refusal(entry: dict[str, Any]) -> RequestError | None:
    """Why an entry cannot be done at all."""
    if "LastModifiedTime" in entry or "Size" in entry:
        return NotImplementedS3("Only an ETag is supported as a condition of a delete")
    key = entry["Key"].encode()
    if not key:
        return S3Error("UserKeyMustBeSpecified", "The key must be specified")
    if len(key) > KEY_BYTES_MAX:
        return KeyTooLongError()
    try:
        check_version_id(entry.get("VersionId"))
    except RequestError as error:
        return error
    return None


def _wanted(entry: dict[str, Any]) -> tuple[bytes, Condition]:
    etag = entry.get("ETag")
    return entry["Key"].encode(), UNCONDITIONAL if etag is None else Condition(if_match=if_match_etag(etag))


def _outcomes(
    entries: list[dict[str, Any]], results: list[RequestError | None]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What was deleted, and what was not and why; a key that was not there counts as deleted."""
    deleted, errors = [], []
    for entry, error in zip(entries, results, strict=True):
        named = {"Key": entry["Key"], "VersionId": entry.get("VersionId")}
        if error is None or (isinstance(error, NoSuchKey) and "ETag" not in entry):
            deleted.append(named)
        else:
            errors.append(named | {"Code": error.code, "Message": str(error)})
    return deleted, errors

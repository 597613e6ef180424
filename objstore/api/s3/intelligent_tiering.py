"""Intelligent-Tiering configurations of a bucket: from when on objects that nobody reads go to an archive tier."""

from typing import Any

from objstore.api.s3.call import NO_CONTENT, Answer, Call, xml_answer
from objstore.api.s3.documents import read_input, render_page
from objstore.api.s3.errors import S3Error
from objstore.api.s3.lifecycle_filter import check_tags
from objstore.api.s3.xml_out import render
from objstore.model.errors import InvalidArgument, InvalidRequest, MalformedXML
from objstore.model.lifecycle import Filter, to_json
from objstore.model.limits import KEY_BYTES_MAX
from objstore.model.tiering import (
    ARCHIVE_DAYS_MAX,
    ARCHIVE_DAYS_MIN,
    CONFIGURATIONS_MAX,
    SETTING,
    TieringConfiguration,
)

Fields = dict[str, Any]
ID_CHARS_MAX = 64
PAGE = 100


async def put_configuration(call: Call) -> Answer:
    """PutBucketIntelligentTieringConfiguration: a new one, or another of the same id."""
    bucket = await call.store.get_bucket(call.request.bucket)
    given = await read_input(call, "PutBucketIntelligentTieringConfiguration", strict=True)
    rule = _read(given, call.query["id"])
    entry = {"given": given, "rule": to_json([rule])[0]}

    def change(known: Fields | None) -> Fields:
        changed = {**(known or {}), rule.id: entry}
        if len(changed) > CONFIGURATIONS_MAX:
            raise S3Error(
                "TooManyConfigurations",
                "You are attempting to create a new configuration but have already reached the "
                f"{CONFIGURATIONS_MAX:,}-configuration limit.",
            )
        return changed

    await call.store.change_setting(bucket.name, SETTING, change)
    return 200, [NO_CONTENT], b""


async def get_configuration(call: Call) -> Answer:
    """GetBucketIntelligentTieringConfiguration: as it was sent."""
    entry = (await _entries(call)).get(call.query["id"])
    if entry is None:
        raise _not_there(call)
    headers, body = render(call.operation, {"IntelligentTieringConfiguration": entry["given"]})
    return xml_answer(body, headers)


async def list_configurations(call: Call) -> Answer:
    """ListBucketIntelligentTieringConfigurations: by id, some at a time."""
    entries = await _entries(call)
    token = call.query.get("continuation-token")
    names = sorted(name for name in entries if token is None or name > token)
    page = names[:PAGE]
    values: Fields = {
        "IsTruncated": len(names) > PAGE,
        "ContinuationToken": token,
        "NextContinuationToken": page[-1] if len(names) > PAGE else None,
        "IntelligentTieringConfigurationList": [entries[name]["given"] for name in page],
    }
    return await render_page(call.operation, values, len(page))


async def delete_configuration(call: Call) -> Answer:
    """DeleteBucketIntelligentTieringConfiguration: 204; 404 if there is none of that id."""
    await _entries(call)

    def change(known: Fields | None) -> Fields | None:
        if not known or call.query["id"] not in known:
            raise _not_there(call)
        return {name: entry for name, entry in known.items() if name != call.query["id"]} or None

    await call.store.change_setting(call.request.bucket, SETTING, change)
    return 204, [], b""


async def _entries(call: Call) -> Fields:
    bucket = await call.store.get_bucket(call.request.bucket)
    entries: Fields = bucket.settings.get(SETTING, {})
    return entries


def _not_there(call: Call) -> S3Error:
    return S3Error("NoSuchConfiguration", BucketName=call.request.bucket)


def _read(given: Fields, name: str) -> TieringConfiguration:
    """Raises MalformedXML, InvalidArgument, InvalidRequest."""
    if not 1 <= len(given["Id"]) <= ID_CHARS_MAX or given["Id"] != name:
        raise _argument("id", name, "The configuration ID in the request and in the document must be the same, "
                        f"and of 1 to {ID_CHARS_MAX} characters")  # fmt: skip
    return TieringConfiguration(name, given["Status"] == "Enabled", _filter(given.get("Filter", {})), _days(given))


def _filter(fields: Fields) -> Filter:
    if len(fields) > 1:
        raise MalformedXML
    if "And" in fields:
        fields = fields["And"]
        if len(fields) + max(0, len(fields.get("Tags", ())) - 1) < 2:
            raise MalformedXML
    prefix: str = fields.get("Prefix", "")
    if len(prefix.encode()) > KEY_BYTES_MAX:
        raise InvalidRequest(f"The maximum size of a prefix is {KEY_BYTES_MAX}.")
    return Filter(prefix, check_tags(fields.get("Tags", [fields["Tag"]] if "Tag" in fields else [])))


def _days(given: Fields) -> dict[str, int]:
    found: dict[str, int] = {}
    for tiering in given["Tierings"]:
        name, count = tiering["AccessTier"], tiering["Days"]
        if name in found:
            raise InvalidRequest(f"The access tier {name} must not be named twice")
        if not ARCHIVE_DAYS_MIN[name] <= count <= ARCHIVE_DAYS_MAX:
            raise _argument(
                "Days", count, f"Days for {name} must be between {ARCHIVE_DAYS_MIN[name]} and {ARCHIVE_DAYS_MAX}"
            )
        found[name] = count
    if not found:
        raise MalformedXML
    return found


def _argument(name: str, value: object, message: str) -> InvalidArgument:
    return InvalidArgument(message, ArgumentName=name, ArgumentValue=str(value)[:1000])

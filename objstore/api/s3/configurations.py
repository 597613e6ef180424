"""Configurations of buckets that are kept and given back as a whole, by one table.

What acts on them is elsewhere: cors.py, the store (encryption), events and inventory, website.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from objstore.api.s3.call import NO_CONTENT, Answer, Call, xml_answer
from objstore.api.s3.configuration_checks import (
    check_accelerate,
    check_by_id,
    check_encryption,
    check_website,
)
from objstore.api.s3.cors import check_cors
from objstore.api.s3.documents import read_input
from objstore.api.s3.errors import S3Error
from objstore.api.s3.list_params import make_token, parse_token
from objstore.api.s3.xml_out import render

Fields = dict[str, Any]
CONFIGURATIONS_MAX = 1000
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Kind:
    """``setting``: its name among a bucket's settings. ``absent``: the code of a 404, or what is given back.

    ``member``: of the answer, where the model wraps it.
    """

    setting: str
    absent: str | Fields
    check: Callable[[Mapping[str, Any]], None]
    member: str = ""


def _anything(_: Mapping[str, Any]) -> None:
    """Whatever fits the model."""


KINDS = {
    "Cors": Kind("cors", "NoSuchCORSConfiguration", check_cors),
    "Encryption": Kind(
        "encryption",
        "ServerSideEncryptionConfigurationNotFoundError",
        check_encryption,
        "ServerSideEncryptionConfiguration",
    ),
    "Website": Kind("website", "NoSuchWebsiteConfiguration", check_website),
    "AccelerateConfiguration": Kind("accelerate", {}, check_accelerate),
    "RequestPayment": Kind("request_payment", {"Payer": "BucketOwner"}, _anything),
}
# Configurations of which a bucket has several, by id.
LISTED = {"Analytics": "analytics", "Metrics": "metrics", "Inventory": "inventory"}


def _kind(call: Call) -> Kind:
    return KINDS[call.operation.removeprefix("PutBucket").removeprefix("GetBucket").removeprefix("DeleteBucket")]


async def put_configuration(call: Call) -> Answer:
    """PutBucketCors and its kin."""
    kind = _kind(call)
    given = await read_input(call, call.operation)
    kind.check(given)
    await call.store.set_setting(call.request.bucket, kind.setting, given)
    return 200, [NO_CONTENT], b""


async def get_configuration(call: Call) -> Answer:
    """GetBucketCors and its kin."""
    kind = _kind(call)
    bucket = await call.store.get_bucket(call.request.bucket)
    found = bucket.settings.get(kind.setting)
    if found is None:
        if isinstance(kind.absent, str):
            raise S3Error(kind.absent, BucketName=bucket.name)
        found = kind.absent
    headers, body = render(call.operation, {kind.member: found} if kind.member else found)
    return xml_answer(body, headers)


async def delete_configuration(call: Call) -> Answer:
    """DeleteBucketCors and its kin: 204, also when there was none."""
    await call.store.set_setting(call.request.bucket, _kind(call).setting, None)
    return 204, [], b""


def _listed(call: Call) -> str:
    return next(name for name in LISTED if name in call.operation)


async def put_listed(call: Call) -> Answer:
    """PutBucketAnalyticsConfiguration and its kin: sets the one of its id."""
    given, name = await read_input(call, call.operation), call.query["id"]
    check_by_id(_listed(call), given, name)

    def change(known: Fields | None) -> Fields:
        changed = {**(known or {}), name: given}
        if len(changed) > CONFIGURATIONS_MAX:
            raise S3Error(
                "TooManyConfigurations",
                "You are attempting to create a new configuration but have already reached the "
                f"{CONFIGURATIONS_MAX}-configuration limit.",
            )
        return changed

    await call.store.change_setting(call.request.bucket, LISTED[_listed(call)], change)
    return 200 if _listed(call) != "Inventory" else 204, [NO_CONTENT] if _listed(call) != "Inventory" else [], b""


async def get_listed(call: Call) -> Answer:
    """GetBucketAnalyticsConfiguration and its kin: 404 if there is none of that id."""
    kind = _listed(call)
    found = (await _entries(call)).get(call.query["id"])
    if found is None:
        raise S3Error("NoSuchConfiguration", BucketName=call.request.bucket)
    headers, body = render(call.operation, {f"{kind}Configuration": found})
    return xml_answer(body, headers)


async def delete_listed(call: Call) -> Answer:
    """DeleteBucketAnalyticsConfiguration and its kin: 404 if there is none of that id."""

    def change(known: Fields | None) -> Fields | None:
        if not known or call.query["id"] not in known:
            raise S3Error("NoSuchConfiguration", BucketName=call.request.bucket)
        return {name: entry for name, entry in known.items() if name != call.query["id"]} or None

    await call.store.change_setting(call.request.bucket, LISTED[_listed(call)], change)
    return 204, [], b""


async def list_configurations(call: Call) -> Answer:
    """ListBucketAnalyticsConfigurations and its kin: 100 at a time, by id."""
    kind, token = _listed(call), call.query.get("continuation-token")
    after = parse_token("", token).decode() if token else ""
    entries = await _entries(call)
    rest = [name for name in sorted(entries) if name > after]
    page = rest[:_PAGE]
    values: Fields = {
        "ContinuationToken": token,
        f"{kind}ConfigurationList": [entries[name] for name in page],
        "IsTruncated": len(rest) > len(page),
    }
    if len(rest) > len(page):
        values["NextContinuationToken"] = make_token("", page[-1].encode())
    headers, body = render(call.operation, values)
    return xml_answer(body, headers)


async def _entries(call: Call) -> Fields:
    bucket = await call.store.get_bucket(call.request.bucket)
    entries: Fields = bucket.settings.get(LISTED[_listed(call)], {})
    return entries


async def delete_replication(call: Call) -> Answer:
    """DeleteBucketReplication: there is never any."""
    await call.store.get_bucket(call.request.bucket)
    return 204, [], b""


HANDLERS: dict[str, Any] = {
    **{f"PutBucket{name}": put_configuration for name in KINDS},
    **{f"GetBucket{name}": get_configuration for name in KINDS},
    **{f"DeleteBucket{name}": delete_configuration for name in ("Cors", "Encryption", "Website")},
    **{f"PutBucket{name}Configuration": put_listed for name in LISTED},
    **{f"GetBucket{name}Configuration": get_listed for name in LISTED},
    **{f"DeleteBucket{name}Configuration": delete_listed for name in LISTED},
    **{f"ListBucket{name}Configurations": list_configurations for name in LISTED},
    "DeleteBucketReplication": delete_replication,
}

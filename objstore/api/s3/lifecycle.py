"""The lifecycle configuration of a bucket: put, get, delete. What it makes happen is the room ``lifecycle``'s."""

import asyncio
from typing import Any

from objstore.api.s3.call import NO_CONTENT, Answer, Call, xml_answer
from objstore.api.s3.documents import read_input
from objstore.api.s3.errors import S3Error
from objstore.api.s3.lifecycle_filter import with_and
from objstore.api.s3.lifecycle_rules import read_rules
from objstore.api.s3.xml_out import render
from objstore.model.errors import InvalidRequest
from objstore.model.lifecycle import MINIMUM_FOR_ALL, MINIMUM_VARIES, SETTING, Rule, to_json

MINIMUM_HEADER = b"x-amz-transition-default-minimum-object-size"
_EXTENDED = "extended"
_INLINE_RULES_MAX = 32  # reading and rendering one takes some 50 µs; more are a thread's work


async def put_bucket_lifecycle_configuration(call: Call) -> Answer:
    """PutBucketLifecycleConfiguration, and PutBucketLifecycle, whose rules have a Prefix of their own."""
    bucket = await call.store.get_bucket(call.request.bucket)
    minimum = call.request.header(MINIMUM_HEADER, MINIMUM_FOR_ALL)
    if minimum not in (MINIMUM_FOR_ALL, MINIMUM_VARIES):
        raise InvalidRequest("Invalid TransitionDefaultMinimumObjectSize found")
    given = (await read_input(call, "PutBucketLifecycleConfiguration", strict=True))["Rules"]
    if call.site.lenient:
        given = with_and(given)
    inline = len(given) <= _INLINE_RULES_MAX
    rules, document = _read(given) if inline else await asyncio.to_thread(_read, given)
    setting = {
        "xml": document.decode(),
        "rules": to_json(rules),
        "transition_default_minimum_object_size": minimum,
    }
    await call.store.change_setting(bucket.name, SETTING, lambda known: {**_extended(known), **setting})
    return 200, [NO_CONTENT, (MINIMUM_HEADER, minimum.encode())], b""


async def get_bucket_lifecycle_configuration(call: Call) -> Answer:
    """GetBucketLifecycleConfiguration: the rules as they were sent."""
    bucket = await call.store.get_bucket(call.request.bucket)
    setting = bucket.settings.get(SETTING, {})
    if "xml" not in setting:
        raise S3Error("NoSuchLifecycleConfiguration", BucketName=bucket.name)
    minimum = setting["transition_default_minimum_object_size"]
    return xml_answer(setting["xml"].encode(), [(MINIMUM_HEADER, minimum.encode())])


async def delete_bucket_lifecycle(call: Call) -> Answer:
    """DeleteBucketLifecycle: 204, whether there were rules or not. Extended rules stay: they are another API's."""
    bucket = await call.store.get_bucket(call.request.bucket)
    if SETTING in bucket.settings:
        await call.store.change_setting(bucket.name, SETTING, lambda known: _extended(known) or None)
    return 204, [], b""


def _read(given: list[dict[str, Any]]) -> tuple[list[Rule], bytes]:
    rules = read_rules(given)
    _, document = render("GetBucketLifecycleConfiguration", {"Rules": given})
    return rules, document


def _extended(known: dict[str, Any] | None) -> dict[str, Any]:
    return {_EXTENDED: known[_EXTENDED]} if known and _EXTENDED in known else {}

"""Notifications of events: the configuration of a bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html
"""

from collections.abc import Mapping
from typing import Any

from objstore.api.s3.call import NO_CONTENT, Answer, Call, xml_answer
from objstore.api.s3.documents import read_input
from objstore.api.s3.xml_out import render
from objstore.model import clock
from objstore.model.errors import InvalidArgument
from objstore.model.notification import LISTS, SETTING, entries, target_of, test_event

CONFIGURATIONS_MAX = 100


async def put_notification(call: Call) -> Answer:
    """PutBucketNotificationConfiguration: every target is sent a test event, and must be one that there is."""
    given = await read_input(call, "PutBucketNotificationConfiguration", empty=True)
    _check(given, call.site.event_targets)
    for name in LISTS:
        for entry in given.get(name, ()):
            entry.setdefault("Id", clock.random_bytes(16).hex())
    bucket = await call.store.set_setting(call.request.bucket, SETTING, given or None)
    request_id = call.request.request_id
    targets = sorted({target_of(arn) for arn, _ in entries(given)})
    await call.store.tell([test_event(bucket, target, request_id) for target in targets])
    return 200, [NO_CONTENT], b""


async def get_notification(call: Call) -> Answer:
    """GetBucketNotificationConfiguration: an empty document if there is none."""
    bucket = await call.store.get_bucket(call.request.bucket)
    headers, body = render(call.operation, bucket.settings.get(SETTING, {}))
    return xml_answer(body, headers)


def _check(given: Mapping[str, Any], targets: frozenset[str]) -> None:
    """Raise InvalidArgument for targets that there are not, filters that are none, ids given twice."""
    found = list(entries(given))
    if len(found) > CONFIGURATIONS_MAX:
        raise InvalidArgument(f"At most {CONFIGURATIONS_MAX} notification configurations are allowed")
    names = [entry["Id"] for _, entry in found if "Id" in entry]
    if len(set(names)) != len(names):
        raise InvalidArgument("Configuration Ids must be unique", ArgumentName="Id")
    for arn, entry in found:
        if not arn.startswith("arn:"):
            raise InvalidArgument("The ARN is not well formed", ArgumentName="ARN", ArgumentValue=arn[:200])
        if target_of(arn) not in targets:
            raise InvalidArgument(
                "Unable to validate the following destination configurations",
                ArgumentName=arn[:200],
                ArgumentValue="The destination does not exist",
            )
        rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules", ())
        kinds = [rule.get("Name", "").lower() for rule in rules]
        if any(kind not in ("prefix", "suffix") for kind in kinds):
            raise InvalidArgument("filter rule name must be either prefix or suffix", ArgumentName="FilterRule.Name")
        if len(set(kinds)) != len(kinds):
            raise InvalidArgument(
                "Cannot specify more than one prefix rule or suffix rule in a filter.", ArgumentName="FilterRule.Name"
            )

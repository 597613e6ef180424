"""Notifications: which targets a bucket's configuration tells of an event, and what they are told.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote_plus

import orjson

from objstore.model import clock
from objstore.model.objects import Bucket, ObjectVersion, etag_text

SETTING = "notification"
# Lists of a configuration, and which member of their entries names the target.
LISTS = {
    "TopicConfigurations": "TopicArn",
    "QueueConfigurations": "QueueArn",
    "LambdaFunctionConfigurations": "LambdaFunctionArn",
}
TEST = "s3:TestEvent"
DELETED, EXPIRED = "s3:ObjectRemoved:Delete", "s3:LifecycleExpiration:Delete"
# What a deletion is called when it has put a delete marker.
_MARKED = {
    DELETED: "s3:ObjectRemoved:DeleteMarkerCreated",
    EXPIRED: "s3:LifecycleExpiration:DeleteMarkerCreated",
}
TRANSITIONED, TIERED = "s3:LifecycleTransition", "s3:IntelligentTiering"
RESTORING, RESTORED, RESTORE_ENDED = "s3:ObjectRestore:Post", "s3:ObjectRestore:Completed", "s3:ObjectRestore:Delete"
ACL_PUT = "s3:ObjectAcl:Put"
# Who does what no request asks for.
_ITSELF = ("s3.amazonaws.com", "s3.amazonaws.com", "")


class Origin(Protocol):
    """Who caused an event, from where, by which request."""

    @property
    def cause(self) -> tuple[str, str, str]:
        """Id of the principal, address, id of the request."""
        ...


# Of the request that is being served in this context.
ORIGIN: ContextVar[Origin | None] = ContextVar("origin", default=None)


@dataclass(frozen=True, slots=True)
class Event:
    """One event for one target, as it waits in the outbox. ``payload``: JSON."""

    target: str
    bucket_id: int
    key: bytes
    payload: str


# What a change of a key has to tell: from the version that was written, deleted, or put as a marker.
Notify = Callable[[ObjectVersion], list[Event]]


def target_of(arn: str) -> str:
    """The name of a target: the last part of its ARN."""
    return arn.rpartition(":")[2]


def entries(configuration: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """(target's ARN, entry) of all lists."""
    for name, member in LISTS.items():
        for entry in configuration.get(name, ()):
            yield entry[member], entry


def wanted(settings: Mapping[str, Any], event: str, key: bytes) -> list[tuple[str, str]]:
    """(target, id of the configuration) of those that want to hear of an event of a key."""
    found = []
    for arn, entry in entries(settings.get(SETTING, {})):
        if any(_fits(name, event) for name in entry["Events"]) and _passes(entry, key):
            found.append((target_of(arn), entry.get("Id", "")))
    return found


def _fits(name: str, event: str) -> bool:
    return name == event or (name.endswith(":*") and event.startswith(name[:-1]))


def _passes(entry: Mapping[str, Any], key: bytes) -> bool:
    for rule in entry.get("Filter", {}).get("Key", {}).get("FilterRules", ()):
        value = rule.get("Value", "").encode()
        if not (key.startswith(value) if rule.get("Name", "").lower() == "prefix" else key.endswith(value)):
            return False
    return True


def teller(
    bucket: Bucket, event: str, *, may_mark: bool = True, details: Mapping[str, Any] | None = None
) -> Notify | None:
    """What a change of a key of this bucket has to tell; None where nobody listens. ``event``: DELETED of a delete.

    ``may_mark``: a delete marker that comes of it was put by it, and not deleted. ``details``: further members of the
    record.
    """
    if SETTING not in bucket.settings:
        return None
    origin = ORIGIN.get()
    cause = origin.cause if origin is not None else _ITSELF

    def tell(version: ObjectVersion) -> list[Event]:
        name = _MARKED.get(event, event) if version.marker and may_mark else event
        return [
            Event(target, bucket.id, version.key, record(bucket, version, name, id_, cause, details))
            for target, id_ in wanted(bucket.settings, name, version.key)
        ]

    return tell


def transition_details(storage_class: str) -> dict[str, Any]:
    """Of an event of the kind TRANSITIONED."""
    return {"lifecycleEventData": {"transitionEventData": {"destinationStorageClass": storage_class}}}


def tiering_details(access_tier: str) -> dict[str, Any]:
    """Of an event of the kind TIERED."""
    return {"intelligentTieringEventData": {"destinationAccessTier": access_tier}}


def restore_details(expires: datetime | None, storage_class: str) -> dict[str, Any]:
    """Of an event of the kind RESTORED. ``expires``: None for what was restored for good."""
    until = {} if expires is None else {"lifecycleRestorationExpiryTime": _time_text(expires)}
    return {"glacierEventData": {"restoreEventData": {**until, "lifecycleRestoreStorageClass": storage_class}}}


def _time_text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def record(
    bucket: Bucket,
    version: ObjectVersion,
    name: str,
    id_: str,
    cause: tuple[str, str, str],
    details: Mapping[str, Any] | None = None,
) -> str:
    """The document of one event."""
    principal, address, request_id = cause
    described: dict[str, Any] = {"key": quote_plus(version.key, safe="/")}
    if not name.startswith(("s3:ObjectRemoved", "s3:LifecycleExpiration")):
        described |= {"size": version.size, "eTag": etag_text(version.etag)}
    if version.versioned or bucket.versioning:
        described["versionId"] = version.version_text
    described["sequencer"] = f"{version.seq:016X}"
    one = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": bucket.region,
        "eventTime": _time_text(clock.now()),
        "eventName": name.removeprefix("s3:"),
        "userIdentity": {"principalId": principal},
        "requestParameters": {"sourceIPAddress": address},
        "responseElements": {"x-amz-request-id": request_id},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": id_,
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": bucket.owner},
                "arn": f"arn:aws:s3:::{bucket.name}",
            },
            "object": described,
        },
        **(details or {}),
    }
    return orjson.dumps({"Records": [one]}).decode()


def test_event(bucket: Bucket, target: str, request_id: str) -> Event:
    """What a target is told when a bucket begins to tell it of events."""
    document = {
        "Service": "Amazon S3",
        "Event": TEST,
        "Time": _time_text(clock.now()),
        "Bucket": bucket.name,
        "RequestId": request_id,
    }
    return Event(target, bucket.id, b"", orjson.dumps(document).decode())

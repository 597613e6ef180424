"""Rows of inventories: what each field says of a version. Values are text, numbers, truth or times; None: nothing."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import orjson

from objstore.identity.acl import ID, URIS, private
from objstore.lifecycle.act import facts_of
from objstore.lifecycle.evaluate import expiring
from objstore.lifecycle.plan import plan_of
from objstore.meta.facts import Seen
from objstore.model.checksum import Checksum
from objstore.model.encryption import BUCKET_KEY, KIND, SSE_C, SSE_KMS, SSE_KMS_DSSE, SSE_S3, envelope_of
from objstore.model.lock import lock_of
from objstore.model.objects import Bucket, ObjectVersion, etag_text
from objstore.model.storage_class import INTELLIGENT_TIERING, access_tier_of, shown_class
from objstore.model.tiers import HOT, code_of_tier

Value = str | int | bool | datetime | None
_ENCRYPTION = {SSE_S3: "SSE-S3", SSE_KMS: "SSE-KMS", SSE_KMS_DSSE: "DSSE-KMS", SSE_C: "SSE-C"}
_OWNER, _ACL = "o", "a"  # of ``attrs``
_ACL_FORMAT = "2022-11-10"  # which AWS says that its documents are of


@dataclass(frozen=True, slots=True)
class Listed:
    """A version as a list has it. ``newer_noncurrent``: how many newer noncurrent versions its key has."""

    version: ObjectVersion
    is_latest: bool = True
    newer_noncurrent: int = 0


def _encryption(version: ObjectVersion) -> str:
    kept = envelope_of(version.attrs)
    return "NOT-SSE" if kept is None else _ENCRYPTION.get(kept[KIND], "NOT-SSE")


def _bucket_key(version: ObjectVersion) -> str | None:
    kept = envelope_of(version.attrs)
    if kept is None or kept[KIND] != SSE_KMS:
        return None
    return "ENABLED" if kept.get(BUCKET_KEY) else "DISABLED"


def _access_tier(version: ObjectVersion) -> str | None:
    if shown_class(version.storage_class) != INTELLIGENT_TIERING:
        return None
    return access_tier_of(version.storage_class) or ("FREQUENT" if version.tier == code_of_tier(HOT) else "INFREQUENT")


def _hold(version: ObjectVersion) -> str | None:
    hold = lock_of(version.attrs).hold
    return None if hold is None else "ON" if hold else "OFF"


def _owner(bucket: Bucket, version: ObjectVersion) -> str:
    return str((version.attrs or {}).get(_OWNER, bucket.owner))


def _acl(bucket: Bucket, version: ObjectVersion) -> str:
    """The access control list as AWS has it there: a JSON document, in base64."""
    grants = (version.attrs or {}).get(_ACL) or private(_owner(bucket, version))
    shown = [
        {"uri": URIS[grantee], "permission": permission, "type": "Group"}
        if grantee in URIS
        else {"canonicalId": grantee.removeprefix(ID), "type": "CanonicalUser", "permission": permission}
        for grantee, permission in grants
    ]
    return b64encode(orjson.dumps({"version": _ACL_FORMAT, "status": "AVAILABLE", "grants": shown})).decode()


def _expiration(bucket: Bucket, listed: Listed) -> datetime | None:
    seen = Seen(listed.version, listed.is_latest, False, listed.newer_noncurrent)
    return expiring(plan_of(bucket.id, bucket.settings), facts_of(seen))


# Of a version that is no delete marker.
_FIELDS: dict[str, Callable[[ObjectVersion], Value]] = {
    "Size": lambda version: version.size,
    "StorageClass": lambda version: shown_class(version.storage_class),
    "ETag": lambda version: etag_text(version.etag),
    "IsMultipartUploaded": lambda version: len(version.etag) > 16,
    "ReplicationStatus": lambda _: None,
    "EncryptionStatus": _encryption,
    "ObjectLockRetainUntilDate": lambda version: lock_of(version.attrs).until,
    "ObjectLockMode": lambda version: lock_of(version.attrs).mode,
    "ObjectLockLegalHoldStatus": _hold,
    "IntelligentTieringAccessTier": _access_tier,
    "BucketKeyStatus": _bucket_key,
    "ChecksumAlgorithm": lambda version: Checksum.unpack(version.checksum).algorithm if version.checksum else None,
}
_ALWAYS, _OF_VERSIONS = ("Bucket", "Key"), ("VersionId", "IsLatest", "IsDeleteMarker")
_OF_ATTRS = frozenset(
    {
        "EncryptionStatus",
        "ObjectLockRetainUntilDate",
        "ObjectLockMode",
        "ObjectLockLegalHoldStatus",
        "BucketKeyStatus",
        "ObjectOwner",
        "IntelligentTieringAccessTier",
        "ObjectAccessControlList",
        "LifecycleExpirationDate",
    }
)
FIELDS = frozenset({*_FIELDS, "LastModifiedDate", "ObjectOwner", "ObjectAccessControlList", "LifecycleExpirationDate"})
# What they are about there is not here: they are refused when they are asked for.
REFUSED = frozenset({"ObjectLockEventHoldStatus", "ObjectLockEventHoldDuration", "IntelligentTieringReferenceDate"})


def columns_of(wanted: Mapping[str, Any]) -> list[str]:
    """Names of the columns of a configuration, in AWS's order."""
    versions = _OF_VERSIONS if wanted["IncludedObjectVersions"] == "All" else ()
    return [*_ALWAYS, *versions, *wanted.get("OptionalFields", ())]


def needs_attrs(columns: Sequence[str]) -> bool:
    """Whether a listing does not say enough."""
    return not _OF_ATTRS.isdisjoint(columns)


def row_of(bucket: Bucket, listed: Listed, columns: Sequence[str]) -> list[Value]:
    """A version's row. Keys are as in AWS's lists: percent-encoded."""
    return [_value(bucket, listed, column) for column in columns]


def _value(bucket: Bucket, listed: Listed, column: str) -> Value:
    version = listed.version
    match column:
        case "Bucket":
            return bucket.name
        case "Key":
            return quote(version.key, safe="/-_.~*")
        case "VersionId":
            return version.version_text if version.versioned else None
        case "IsLatest":
            return listed.is_latest
        case "IsDeleteMarker":
            return version.marker
        case "LastModifiedDate":
            return version.modified
        case "ObjectOwner":
            return _owner(bucket, version)
    return None if version.marker else _of_object(bucket, listed, column)


def _of_object(bucket: Bucket, listed: Listed, column: str) -> Value:
    match column:
        case "ObjectAccessControlList":
            return _acl(bucket, listed.version)
        case "LifecycleExpirationDate":
            return _expiration(bucket, listed)
    return _FIELDS[column](listed.version)

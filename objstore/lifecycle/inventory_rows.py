"""Rows of inventories: what each field says of a version. Values are text, numbers, truth or times; None: nothing."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from objstore.model.checksum import Checksum
from objstore.model.encryption import BUCKET_KEY, KIND, SSE_C, SSE_KMS, SSE_KMS_DSSE, SSE_S3, envelope_of
from objstore.model.lock import lock_of
from objstore.model.objects import Bucket, ObjectVersion, etag_text
from objstore.model.storage_class import INTELLIGENT_TIERING, access_tier_of, shown_class
from objstore.model.tiers import HOT, code_of_tier

Value = str | int | bool | datetime | None
_ENCRYPTION = {SSE_S3: "SSE-S3", SSE_KMS: "SSE-KMS", SSE_KMS_DSSE: "DSSE-KMS", SSE_C: "SSE-C"}
_OWNER = "o"


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
    }
)
# What a version has to have beside these is not known here: such fields are refused when they are asked for.
FIELDS = frozenset({*_FIELDS, "LastModifiedDate", "ObjectOwner"})


def columns_of(wanted: Mapping[str, Any]) -> list[str]:
    """Names of the columns of a configuration, in AWS's order."""
    versions = _OF_VERSIONS if wanted["IncludedObjectVersions"] == "All" else ()
    return [*_ALWAYS, *versions, *wanted.get("OptionalFields", ())]


def needs_attrs(columns: Sequence[str]) -> bool:
    """Whether a listing does not say enough."""
    return not _OF_ATTRS.isdisjoint(columns)


def row_of(bucket: Bucket, version: ObjectVersion, columns: Sequence[str], is_latest: bool) -> list[Value]:
    """A version's row. Keys are as in AWS's lists: percent-encoded."""
    return [_value(bucket, version, column, is_latest) for column in columns]


def _value(bucket: Bucket, version: ObjectVersion, column: str, is_latest: bool) -> Value:
    match column:
        case "Bucket":
            return bucket.name
        case "Key":
            return quote(version.key, safe="/-_.~*")
        case "VersionId":
            return version.version_text if version.versioned else None
        case "IsLatest":
            return is_latest
        case "IsDeleteMarker":
            return version.marker
        case "LastModifiedDate":
            return version.modified
        case "ObjectOwner":
            return str((version.attrs or {}).get(_OWNER, bucket.owner))
    return None if version.marker else _FIELDS[column](version)

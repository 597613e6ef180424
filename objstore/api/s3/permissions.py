"""The one table of what each operation needs: which action, on what, and which permission of an ACL stands for it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from dataclasses import dataclass
from enum import IntEnum

from objstore.api.s3.service import service_model


class On(IntEnum):
    """What an action is done to."""

    SERVICE = 0
    BUCKET = 1
    OBJECT = 2
    KEYS = 3  # of its document: the handler asks for each


@dataclass(frozen=True, slots=True)
class Need:
    """``action``: what must be allowed; ``versioned``: instead, where a version is named (both lower case).

    ``grant``: the permission of an ACL that is as good, "" where none is; ``grant_on``: of whose ACL. ``besides``:
    further actions that must be allowed too.
    """

    action: str
    on: On
    versioned: str = ""
    grant: str = ""
    grant_on: On = On.BUCKET
    besides: tuple[str, ...] = ()

    def action_for(self, version_named: bool) -> str:
        """The action of a request."""
        return self.versioned if version_named and self.versioned else self.action


def _bucket(action: str, grant: str = "") -> Need:
    return Need(f"s3:{action.lower()}", On.BUCKET, grant=grant)


def _read(action: str, versioned: str, grant: str, *besides: str) -> Need:
    extra = tuple(f"s3:{name.lower()}" for name in besides)
    return Need(f"s3:{action.lower()}", On.OBJECT, f"s3:{versioned.lower()}", grant, On.OBJECT, extra)


def _write(action: str, versioned: str = "", grant: str = "WRITE") -> Need:
    return Need(f"s3:{action.lower()}", On.OBJECT, f"s3:{versioned.lower()}" if versioned else "", grant)


def _pairs(*names: str) -> dict[str, Need]:
    """Operation and action, for configurations of buckets."""
    return {operation: _bucket(action) for operation, _, action in (name.partition("=") for name in names)}


GET_OBJECT = _read("GetObject", "GetObjectVersion", "READ")
PUT_OBJECT = _write("PutObject")
LIST_BUCKET = _bucket("ListBucket", "READ")
PERMISSIONS: dict[str, Need] = {
    "ListBuckets": Need("s3:listallmybuckets", On.SERVICE),
    "CreateBucket": Need("s3:createbucket", On.SERVICE),
    "DeleteBucket": _bucket("DeleteBucket"),
    "HeadBucket": LIST_BUCKET,
    "ListObjects": LIST_BUCKET,
    "ListObjectsV2": LIST_BUCKET,
    "ListObjectVersions": _bucket("ListBucketVersions", "READ"),
    "ListMultipartUploads": _bucket("ListBucketMultipartUploads", "READ"),
    "GetObject": GET_OBJECT,
    "HeadObject": GET_OBJECT,
    "GetObjectAttributes": _read("GetObject", "GetObjectVersion", "READ", "GetObjectAttributes"),
    "GetObjectTorrent": _read("GetObjectTorrent", "GetObjectVersionTorrent", "READ"),
    "SelectObjectContent": GET_OBJECT,
    "GetObjectAcl": _read("GetObjectAcl", "GetObjectVersionAcl", "READ_ACP"),
    "PutObjectAcl": _read("PutObjectAcl", "PutObjectVersionAcl", "WRITE_ACP"),
    "GetObjectTagging": _write("GetObjectTagging", "GetObjectVersionTagging", grant=""),
    "PutObjectTagging": _write("PutObjectTagging", "PutObjectVersionTagging", grant=""),
    "DeleteObjectTagging": _write("DeleteObjectTagging", "DeleteObjectVersionTagging", grant=""),
    "GetObjectRetention": _write("GetObjectRetention", grant=""),
    "PutObjectRetention": _write("PutObjectRetention", grant=""),
    "GetObjectLegalHold": _write("GetObjectLegalHold", grant=""),
    "PutObjectLegalHold": _write("PutObjectLegalHold", grant=""),
    "PutObject": PUT_OBJECT,
    "CopyObject": PUT_OBJECT,
    "RenameObject": PUT_OBJECT,
    "CreateMultipartUpload": PUT_OBJECT,
    "UploadPart": PUT_OBJECT,
    "UploadPartCopy": PUT_OBJECT,
    "CompleteMultipartUpload": PUT_OBJECT,
    "AbortMultipartUpload": _write("AbortMultipartUpload"),
    "ListParts": _write("ListMultipartUploadParts"),
    "DeleteObject": _write("DeleteObject", "DeleteObjectVersion"),
    "DeleteObjects": Need("s3:deleteobject", On.KEYS, "s3:deleteobjectversion", "WRITE"),
    "RestoreObject": _write("RestoreObject", grant=""),
    "UpdateObjectEncryption": _write("UpdateObjectEncryption", grant=""),
    "WriteGetObjectResponse": Need("s3-object-lambda:writegetobjectresponse", On.SERVICE),
    "ListDirectoryBuckets": Need("s3:listallmybuckets", On.SERVICE),
    "CreateSession": _bucket("CreateSession"),
    "GetBucketAcl": _bucket("GetBucketAcl", "READ_ACP"),
    "PutBucketAcl": _bucket("PutBucketAcl", "WRITE_ACP"),
    **_pairs(
        "DeleteBucketAnalyticsConfiguration=PutAnalyticsConfiguration",
        "DeleteBucketCors=PutBucketCORS",
        "DeleteBucketEncryption=PutEncryptionConfiguration",
        "DeleteBucketIntelligentTieringConfiguration=PutIntelligentTieringConfiguration",
        "DeleteBucketInventoryConfiguration=PutInventoryConfiguration",
        "DeleteBucketLifecycle=PutLifecycleConfiguration",
        "DeleteBucketMetricsConfiguration=PutMetricsConfiguration",
        "DeleteBucketOwnershipControls=PutBucketOwnershipControls",
        "DeleteBucketPolicy=DeleteBucketPolicy",
        "DeleteBucketReplication=PutReplicationConfiguration",
        "DeleteBucketTagging=PutBucketTagging",
        "DeleteBucketWebsite=DeleteBucketWebsite",
        "DeletePublicAccessBlock=PutBucketPublicAccessBlock",
        "GetBucketAccelerateConfiguration=GetAccelerateConfiguration",
        "GetBucketAnalyticsConfiguration=GetAnalyticsConfiguration",
        "GetBucketCors=GetBucketCORS",
        "GetBucketEncryption=GetEncryptionConfiguration",
        "GetBucketIntelligentTieringConfiguration=GetIntelligentTieringConfiguration",
        "GetBucketInventoryConfiguration=GetInventoryConfiguration",
        "GetBucketLifecycle=GetLifecycleConfiguration",
        "GetBucketLifecycleConfiguration=GetLifecycleConfiguration",
        "GetBucketLocation=GetBucketLocation",
        "GetBucketLogging=GetBucketLogging",
        "GetBucketMetricsConfiguration=GetMetricsConfiguration",
        "GetBucketNotification=GetBucketNotification",
        "GetBucketNotificationConfiguration=GetBucketNotification",
        "GetBucketOwnershipControls=GetBucketOwnershipControls",
        "GetBucketPolicy=GetBucketPolicy",
        "GetBucketPolicyStatus=GetBucketPolicyStatus",
        "GetBucketReplication=GetReplicationConfiguration",
        "GetBucketRequestPayment=GetBucketRequestPayment",
        "GetBucketTagging=GetBucketTagging",
        "GetBucketVersioning=GetBucketVersioning",
        "GetBucketWebsite=GetBucketWebsite",
        "GetObjectLockConfiguration=GetBucketObjectLockConfiguration",
        "GetPublicAccessBlock=GetBucketPublicAccessBlock",
        "ListBucketAnalyticsConfigurations=GetAnalyticsConfiguration",
        "ListBucketIntelligentTieringConfigurations=GetIntelligentTieringConfiguration",
        "ListBucketInventoryConfigurations=GetInventoryConfiguration",
        "ListBucketMetricsConfigurations=GetMetricsConfiguration",
        "PutBucketAccelerateConfiguration=PutAccelerateConfiguration",
        "PutBucketAnalyticsConfiguration=PutAnalyticsConfiguration",
        "PutBucketCors=PutBucketCORS",
        "PutBucketEncryption=PutEncryptionConfiguration",
        "PutBucketIntelligentTieringConfiguration=PutIntelligentTieringConfiguration",
        "PutBucketInventoryConfiguration=PutInventoryConfiguration",
        "PutBucketLifecycle=PutLifecycleConfiguration",
        "PutBucketLifecycleConfiguration=PutLifecycleConfiguration",
        "PutBucketLogging=PutBucketLogging",
        "PutBucketMetricsConfiguration=PutMetricsConfiguration",
        "PutBucketNotification=PutBucketNotification",
        "PutBucketNotificationConfiguration=PutBucketNotification",
        "PutBucketOwnershipControls=PutBucketOwnershipControls",
        "PutBucketPolicy=PutBucketPolicy",
        "PutBucketReplication=PutReplicationConfiguration",
        "PutBucketRequestPayment=PutBucketRequestPayment",
        "PutBucketTagging=PutBucketTagging",
        "PutBucketVersioning=PutBucketVersioning",
        "PutBucketWebsite=PutBucketWebsite",
        "PutObjectLockConfiguration=PutBucketObjectLockConfiguration",
        "PutPublicAccessBlock=PutBucketPublicAccessBlock",
    ),
}


def need_of(operation: str) -> Need:
    """What an operation needs; one that the table does not name is nobody's but the owner's."""
    found = PERMISSIONS.get(operation)
    if found is not None:
        return found
    path = service_model().operation_model(operation).http["requestUri"]
    on = On.OBJECT if "{Key+}" in path else On.BUCKET if "{Bucket}" in path else On.SERVICE
    return Need(f"s3:{operation.lower()}", on)

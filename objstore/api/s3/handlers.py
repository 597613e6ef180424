"""The table of operations: which function serves which. What is not in it answers 501."""

from collections.abc import Awaitable, Callable

from objstore.api.s3 import (
    acls,
    bucket_logging,
    buckets,
    configurations,
    intelligent_tiering,
    lifecycle,
    lists,
    multipart,
    multipart_lists,
    notification,
    object_lock,
    policies,
    probes,
    tagging,
    versioning,
)
from objstore.api.s3.attributes import get_object_attributes
from objstore.api.s3.call import Answer, Call
from objstore.api.s3.objects_copy import copy_object
from objstore.api.s3.objects_delete import delete_object, delete_objects
from objstore.api.s3.objects_get import get_object, head_object
from objstore.api.s3.objects_put import put_object
from objstore.api.s3.rename import rename_object
from objstore.api.s3.restore import restore_object
from objstore.model.errors import NotImplementedS3

Handler = Callable[[Call], Awaitable[Answer]]

HANDLERS: dict[str, Handler] = {
    "AbortMultipartUpload": multipart.abort_multipart_upload,
    "CompleteMultipartUpload": multipart.complete_multipart_upload,
    "CopyObject": copy_object,
    "CreateBucket": buckets.create_bucket,
    "CreateMultipartUpload": multipart.create_multipart_upload,
    "DeleteBucket": buckets.delete_bucket,
    "DeleteBucketIntelligentTieringConfiguration": intelligent_tiering.delete_configuration,
    "DeleteBucketLifecycle": lifecycle.delete_bucket_lifecycle,
    "DeleteBucketTagging": tagging.delete_bucket_tagging,
    "DeleteObject": delete_object,
    "DeleteObjectTagging": tagging.delete_object_tagging,
    "DeleteObjects": delete_objects,
    "DeleteBucketOwnershipControls": policies.delete_bucket_ownership_controls,
    "DeleteBucketPolicy": policies.delete_bucket_policy,
    "DeletePublicAccessBlock": policies.delete_public_access_block,
    "GetBucketAcl": acls.get_bucket_acl,
    "GetBucketOwnershipControls": policies.get_bucket_ownership_controls,
    "GetBucketPolicy": policies.get_bucket_policy,
    "GetBucketPolicyStatus": policies.get_bucket_policy_status,
    "GetPublicAccessBlock": policies.get_public_access_block,
    "PutBucketAcl": acls.put_bucket_acl,
    "PutBucketOwnershipControls": policies.put_bucket_ownership_controls,
    "PutBucketPolicy": policies.put_bucket_policy,
    "PutObjectAcl": acls.put_object_acl,
    "PutPublicAccessBlock": policies.put_public_access_block,
    "GetBucketIntelligentTieringConfiguration": intelligent_tiering.get_configuration,
    "GetBucketLifecycleConfiguration": lifecycle.get_bucket_lifecycle_configuration,
    "GetBucketLocation": buckets.get_bucket_location,
    "GetBucketTagging": tagging.get_bucket_tagging,
    "GetBucketVersioning": versioning.get_bucket_versioning,
    "GetObject": get_object,
    "GetObjectAcl": acls.get_object_acl,
    "GetObjectAttributes": get_object_attributes,
    "GetObjectLegalHold": object_lock.get_object_legal_hold,
    "GetObjectLockConfiguration": object_lock.get_object_lock_configuration,
    "GetObjectRetention": object_lock.get_object_retention,
    "GetObjectTagging": tagging.get_object_tagging,
    "HeadBucket": buckets.head_bucket,
    "HeadObject": head_object,
    "ListBucketIntelligentTieringConfigurations": intelligent_tiering.list_configurations,
    "ListBuckets": buckets.list_buckets,
    "ListMultipartUploads": multipart_lists.list_multipart_uploads,
    "ListObjectVersions": lists.list_object_versions,
    "ListObjects": lists.list_objects,
    "ListObjectsV2": lists.list_objects_v2,
    "ListParts": multipart_lists.list_parts,
    "PutBucketIntelligentTieringConfiguration": intelligent_tiering.put_configuration,
    "PutBucketLifecycleConfiguration": lifecycle.put_bucket_lifecycle_configuration,
    "PutBucketTagging": tagging.put_bucket_tagging,
    "PutBucketVersioning": versioning.put_bucket_versioning,
    "PutObject": put_object,
    "PutObjectLegalHold": object_lock.put_object_legal_hold,
    "PutObjectLockConfiguration": object_lock.put_object_lock_configuration,
    "PutObjectRetention": object_lock.put_object_retention,
    "PutObjectTagging": tagging.put_object_tagging,
    "RenameObject": rename_object,
    "RestoreObject": restore_object,
    "UploadPart": multipart.upload_part,
    "UploadPartCopy": multipart.upload_part_copy,
    "GetBucketNotificationConfiguration": notification.get_notification,
    "PutBucketNotificationConfiguration": notification.put_notification,
    "GetBucketLogging": bucket_logging.get_bucket_logging,
    "PutBucketLogging": bucket_logging.put_bucket_logging,
    "GetObjectTorrent": probes.get_object_torrent,
    **configurations.HANDLERS,
    **dict.fromkeys(probes.NOT_SET, probes.not_set),
}


async def not_implemented(call: Call) -> Answer:
    """501 for an operation of the model that has no handler."""
    raise NotImplementedS3(f"{call.operation} is not implemented")

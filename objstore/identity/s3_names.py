"""Names of S3's actions and condition keys, lower case: a policy that names others is refused, for it would do nothing.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

_OBJECT = """
AbortMultipartUpload BypassGovernanceRetention DeleteObject DeleteObjectTagging DeleteObjectVersion
DeleteObjectVersionTagging GetObject GetObjectAcl GetObjectAttributes GetObjectLegalHold GetObjectRetention
GetObjectTagging GetObjectTorrent GetObjectVersion GetObjectVersionAcl GetObjectVersionAttributes
GetObjectVersionForReplication GetObjectVersionTagging GetObjectVersionTorrent InitiateReplication
ListMultipartUploadParts ObjectOwnerOverrideToBucketOwner PutObject PutObjectAcl PutObjectLegalHold PutObjectRetention
PutObjectTagging PutObjectVersionAcl PutObjectVersionTagging ReplicateDelete ReplicateObject ReplicateTags RestoreObject
RenameObject UpdateObjectEncryption
"""
_BUCKET = """
CreateBucket CreateBucketMetadataTableConfiguration DeleteBucket DeleteBucketOwnershipControls DeleteBucketPolicy
DeleteBucketWebsite GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAbac GetBucketAcl GetBucketCORS
GetBucketLocation GetBucketLogging GetBucketMetadataTableConfiguration GetBucketNotification
GetBucketObjectLockConfiguration GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus
GetBucketPublicAccessBlock GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite
GetEncryptionConfiguration GetIntelligentTieringConfiguration GetInventoryConfiguration GetLifecycleConfiguration
GetMetricsConfiguration GetReplicationConfiguration ListBucket ListBucketMultipartUploads ListBucketVersions
PutAccelerateConfiguration PutAnalyticsConfiguration PutBucketAbac PutBucketAcl PutBucketCORS PutBucketLogging
PutBucketNotification PutBucketObjectLockConfiguration PutBucketOwnershipControls PutBucketPolicy
PutBucketPublicAccessBlock PutBucketRequestPayment PutBucketTagging PutBucketVersioning PutBucketWebsite
PutEncryptionConfiguration PutIntelligentTieringConfiguration PutInventoryConfiguration PutLifecycleConfiguration
PutMetricsConfiguration PutReplicationConfiguration CreateSession TagResource UntagResource ListTagsForResource
DeleteBucketMetadataTableConfiguration UpdateBucketMetadataInventoryTableConfiguration
UpdateBucketMetadataJournalTableConfiguration
"""
_SERVICE = "ListAllMyBuckets GetAccountPublicAccessBlock PutAccountPublicAccessBlock"

OBJECT_ACTIONS = frozenset(f"s3:{name.lower()}" for name in _OBJECT.split())
ACTIONS = OBJECT_ACTIONS | {f"s3:{name.lower()}" for name in (_BUCKET + _SERVICE).split()}

_KEY_NAMES = """
accessgrantsinstancearn accesspointnetworkorigin authtype bucketversioningstate createbuckettag
dataaccesspointaccount dataaccesspointarn delimiter existingjoboperation existingjobpriority if-match if-none-match
inventoryaccessibleoptionalfields isaccountregional jobsuspendedcause locationconstraint max-keys
object-lock-legal-hold object-lock-mode object-lock-remaining-retention-days object-lock-retain-until-date
objectcreationoperation prefix requestjoboperation requestjobpriority requestobjecttagkeys resourceaccount signatureage
signatureversion tlsversion versionid x-amz-acl x-amz-content-sha256 x-amz-copy-source x-amz-grant-full-control
x-amz-grant-read x-amz-grant-read-acp x-amz-grant-write x-amz-grant-write-acp x-amz-metadata-directive
x-amz-object-ownership x-amz-server-side-encryption x-amz-server-side-encryption-aws-kms-key-id
x-amz-server-side-encryption-customer-algorithm x-amz-storage-class x-amz-website-redirect-location xamz-tagging
"""
_KEYS = frozenset(f"s3:{name}" for name in _KEY_NAMES.split())
_TAG_KEYS = ("s3:existingobjecttag/", "s3:requestobjecttag/", "s3:buckettag/", "s3:accessgranttag/")


def is_condition_key(key: str) -> bool:
    """Whether S3 has the condition key (lower case)."""
    return key in _KEYS or key.startswith(_TAG_KEYS)

"""What clients ask of a bucket to find out what is set: nothing is, and each question has its own way to say so."""

from typing import Any

from objstore.api.s3.call import Answer, Call, xml_answer
from objstore.api.s3.errors import S3Error
from objstore.api.s3.owners import owner_fields
from objstore.api.s3.versions import VERSION_ID, parse_version_id
from objstore.api.s3.xml_out import render

# Operation → the code of its 404.
NOT_SET = {
    "GetBucketCors": "NoSuchCORSConfiguration",
    "GetBucketEncryption": "ServerSideEncryptionConfigurationNotFoundError",
    "GetBucketOwnershipControls": "OwnershipControlsNotFoundError",
    "GetBucketPolicy": "NoSuchBucketPolicy",
    "GetBucketReplication": "ReplicationConfigurationNotFoundError",
    "GetBucketWebsite": "NoSuchWebsiteConfiguration",
    "GetObjectLockConfiguration": "ObjectLockConfigurationNotFoundError",
    "GetPublicAccessBlock": "NoSuchPublicAccessBlockConfiguration",
}


async def not_set(call: Call) -> Answer:
    """404 with the operation's own code, or NoSuchBucket."""
    bucket = await call.store.get_bucket(call.request.bucket)
    raise S3Error(NOT_SET[call.operation], BucketName=bucket.name)


async def get_bucket_request_payment(call: Call) -> Answer:
    """GetBucketRequestPayment: the owner pays."""
    await call.store.get_bucket(call.request.bucket)
    return _render(call, {"Payer": "BucketOwner"})


async def get_bucket_acl(call: Call) -> Answer:
    """GetBucketAcl: the owner has full control, nobody else anything."""
    await call.store.get_bucket(call.request.bucket)
    return _render(call, _private(call))


async def get_object_acl(call: Call) -> Answer:
    """GetObjectAcl: as that of the bucket."""
    version_id = parse_version_id(call.query.get(VERSION_ID))
    await call.store.get(call.request.bucket, call.request.key, version_id)
    return _render(call, _private(call))


def _private(call: Call) -> dict[str, Any]:
    owner = owner_fields(call)
    grant = {"Grantee": {"Type": "CanonicalUser", **owner}, "Permission": "FULL_CONTROL"}
    return {"Owner": owner, "Grants": [grant]}


def _render(call: Call, values: dict[str, Any]) -> Answer:
    headers, body = render(call.operation, values)
    return xml_answer(body, headers)

"""Versioning of buckets."""

from objstore.api.s3.call import NO_CONTENT, Answer, Call, xml_answer
from objstore.api.s3.documents import read_input
from objstore.api.s3.errors import S3Error
from objstore.api.s3.xml_out import render
from objstore.model.errors import NotImplementedS3
from objstore.model.lock import is_lockable


async def put_bucket_versioning(call: Call) -> Answer:
    """PutBucketVersioning: what is written after this answer goes by it."""
    document = await read_input(call, "PutBucketVersioning")
    if document.get("MFADelete") == "Enabled":
        raise NotImplementedS3("MFA Delete is not implemented")
    status = document.get("Status")
    if status is None:
        raise S3Error("IllegalVersioningConfigurationException")
    if status != "Enabled" and is_lockable((await call.store.get_bucket(call.request.bucket)).settings):
        raise S3Error(
            "InvalidBucketState",
            "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
        )
    await call.store.set_versioning(call.request.bucket, status)
    return 200, [NO_CONTENT], b""


async def get_bucket_versioning(call: Call) -> Answer:
    """GetBucketVersioning: never enabled is an empty document."""
    bucket = await call.store.get_bucket(call.request.bucket)
    headers, body = render(call.operation, {"Status": bucket.versioning})
    return xml_answer(body, headers)

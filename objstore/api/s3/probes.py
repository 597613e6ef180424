"""What clients ask of a bucket to find out what is set: nothing is, and each question has its own way to say so."""

from objstore.api.s3.call import Answer, Call
from objstore.api.s3.errors import S3Error
from objstore.model.errors import NoSuchKey

# Operation → the code of its 404.
NOT_SET = {
    "GetBucketReplication": "ReplicationConfigurationNotFoundError",
}


async def not_set(call: Call) -> Answer:
    """404 with the operation's own code, or NoSuchBucket."""
    bucket = await call.store.get_bucket(call.request.bucket)
    raise S3Error(NOT_SET[call.operation], BucketName=bucket.name)


async def get_object_torrent(call: Call) -> Answer:
    """GetObjectTorrent: no object has one any more, as on AWS."""
    await call.store.get(call.request.bucket, call.request.key)
    raise NoSuchKey("The specified key does not have a torrent.", Key=call.request.key.decode())

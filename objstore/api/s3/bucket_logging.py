"""Server access logging: the configuration of a bucket. Delivery: objstore/api/access_log.py."""

from objstore.api.access_log import SETTING
from objstore.api.s3.call import NO_CONTENT, Answer, Call, xml_answer
from objstore.api.s3.documents import read_input
from objstore.api.s3.errors import S3Error
from objstore.api.s3.xml_out import render
from objstore.model.errors import NoSuchBucket
from objstore.model.limits import KEY_BYTES_MAX


async def put_bucket_logging(call: Call) -> Answer:
    """PutBucketLogging: an empty document ends it. The target has to be a bucket of the same owner."""
    given = (await read_input(call, call.operation)).get("LoggingEnabled")
    source = await call.store.get_bucket(call.request.bucket)
    if given is not None:
        name = given["TargetBucket"]
        try:
            target = await call.store.get_bucket(name)
        except NoSuchBucket:
            target = None
        if target is None or target.owner != source.owner or len(given["TargetPrefix"].encode()) > KEY_BYTES_MAX // 2:
            raise S3Error(
                "InvalidTargetBucketForLogging",
                "The target bucket for logging does not exist, is not owned by you, or does not have the appropriate "
                "grants for the log-delivery group.",
                TargetBucket=name[:100],
            )
    await call.store.set_setting(source.name, SETTING, given)
    return 200, [NO_CONTENT], b""


async def get_bucket_logging(call: Call) -> Answer:
    """GetBucketLogging: an empty document if there is none."""
    bucket = await call.store.get_bucket(call.request.bucket)
    found = bucket.settings.get(SETTING)
    headers, body = render(call.operation, {"LoggingEnabled": found} if found else {})
    return xml_answer(body, headers)

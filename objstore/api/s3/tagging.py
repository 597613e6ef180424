"""Tags of objects and of buckets."""

from collections.abc import Mapping

from objstore.api.s3.call import NO_CONTENT, Answer, Call, Headers, xml_answer
from objstore.api.s3.documents import read_input
from objstore.api.s3.errors import S3Error
from objstore.api.s3.tags import check_tags
from objstore.api.s3.versions import VERSION_ID, add_version_id, parse_version_id
from objstore.api.s3.xml_out import render
from objstore.model.errors import InvalidTag
from objstore.model.limits import BUCKET_TAGS_MAX, TAGS_MAX

SETTING = "tagging"


async def put_object_tagging(call: Call) -> Answer:
    """PutObjectTagging: replaces all tags of a version."""
    version_id = parse_version_id(call.query.get(VERSION_ID))
    try:
        tags = await _given(call, f"Object tags cannot be greater than {TAGS_MAX}", TAGS_MAX)
    except S3Error as error:
        if call.site.lenient and error.code == "BadRequest":
            raise InvalidTag(str(error)) from None
        raise
    return await _set(call, tags, version_id, 200)


async def delete_object_tagging(call: Call) -> Answer:
    """DeleteObjectTagging: 204."""
    return await _set(call, None, parse_version_id(call.query.get(VERSION_ID)), 204)


async def get_object_tagging(call: Call) -> Answer:
    """GetObjectTagging."""
    version_id = parse_version_id(call.query.get(VERSION_ID))
    version = await call.store.get(call.request.bucket, call.request.key, version_id)
    headers: Headers = []
    add_version_id(headers, version.shown_id)
    return _document(call, version.tags, headers)


async def put_bucket_tagging(call: Call) -> Answer:
    """PutBucketTagging: 204."""
    tags = await _given(call, f"Bucket tag count cannot be greater than {BUCKET_TAGS_MAX}", BUCKET_TAGS_MAX)
    await call.store.set_setting(call.request.bucket, SETTING, tags)
    return 204, [], b""


async def get_bucket_tagging(call: Call) -> Answer:
    """GetBucketTagging: 404 NoSuchTagSet if there are none."""
    bucket = await call.store.get_bucket(call.request.bucket)
    tags = bucket.settings.get(SETTING)
    if not tags:
        raise S3Error("NoSuchTagSet", BucketName=bucket.name)
    return _document(call, tags, [])


async def delete_bucket_tagging(call: Call) -> Answer:
    """DeleteBucketTagging: 204, also when there were none."""
    await call.store.set_setting(call.request.bucket, SETTING, None)
    return 204, [], b""


async def _given(call: Call, too_many: str, limit: int) -> dict[str, str] | None:
    document = await read_input(call, call.operation)
    pairs = [(tag["Key"], tag["Value"]) for tag in document["TagSet"]]
    return check_tags(pairs, limit, too_many)


async def _set(call: Call, tags: Mapping[str, str] | None, version_id: bytes | None, status: int) -> Answer:
    version = await call.store.set_tags(call.request.bucket, call.request.key, tags, version_id)
    headers: Headers = [NO_CONTENT] if status == 200 else []
    add_version_id(headers, version.shown_id)
    return status, headers, b""


def _document(call: Call, tags: Mapping[str, str] | None, headers: Headers) -> Answer:
    tag_set = [{"Key": name, "Value": value} for name, value in sorted((tags or {}).items())]
    _, body = render(call.operation, {"TagSet": tag_set})
    return xml_answer(body, headers)

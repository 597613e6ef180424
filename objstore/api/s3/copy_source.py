"""The ``x-amz-copy-source`` header: ``bucket/key``, percent-encoded, perhaps led by a slash, and ``?versionId=``."""

from objstore.api.request import percent_decoded
from objstore.api.s3.names import is_plausible
from objstore.api.s3.versions import parse_version_id
from objstore.model.errors import InvalidArgument, KeyTooLongError, NoSuchBucket
from objstore.model.limits import KEY_BYTES_MAX

_VERSION = b"?versionId="


def parse_copy_source(header: bytes) -> tuple[str, bytes, bytes | None]:
    """Bucket, key and version id (as ``parse_version_id``) of the source.

    Raises InvalidArgument, InvalidURI, KeyTooLongError, NoSuchBucket (no bucket can have such a name).
    """
    path, found, version_id = header.strip().rpartition(_VERSION)
    if not found:
        path = header.strip()
    bucket, slash, key = percent_decoded(path).removeprefix(b"/").partition(b"/")
    if not bucket or not slash or not key:
        raise InvalidArgument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            ArgumentName="x-amz-copy-source",
            ArgumentValue=header.decode("latin-1")[:2000],
        )
    if len(key) > KEY_BYTES_MAX:
        raise KeyTooLongError(Size=len(key), MaxSizeAllowed=KEY_BYTES_MAX)
    wanted = parse_version_id(percent_decoded(version_id).decode()) if found else None
    if not is_plausible(bucket.decode()):
        raise NoSuchBucket(BucketName=bucket.decode())
    return bucket.decode(), key, wanted

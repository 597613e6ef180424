"""Tags of objects: set as a whole, on the current version of a key or on one by its id."""

from collections.abc import Mapping

from objstore.model.errors import Overloaded
from objstore.model.objects import ObjectVersion
from objstore.store.context import Context
from objstore.store.read import Reads

ATTEMPTS_MAX = 20


class Tags:
    """PutObjectTagging, DeleteObjectTagging."""

    def __init__(self, context: Context) -> None:
        self._context, self._reads = context, Reads(context)

    async def set(
        self, bucket: str, key: bytes, tags: Mapping[str, str] | None, version_id: bytes | None = None
    ) -> ObjectVersion:
        """Set the tags (None: there are none); the version that has them now.

        Raises NoSuchBucket, NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker), InvalidArgument, Overloaded.
        """
        for _ in range(ATTEMPTS_MAX):
            version = await self._reads.get(bucket, key, version_id)
            if await self._context.objects.set_tags(version, tags):
                return version
            # It was replaced, or moved among the versions of its key, since we looked.
        raise Overloaded(f"the object was replaced {ATTEMPTS_MAX} times")

"""Tags and attributes of objects: set as a whole, on the current version of a key or on one by its id."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from objstore.model.errors import Overloaded
from objstore.model.notification import teller
from objstore.model.objects import ObjectVersion
from objstore.store.context import Context
from objstore.store.read import Reads

ATTEMPTS_MAX = 20
TAGGED, UNTAGGED = "s3:ObjectTagging:Put", "s3:ObjectTagging:Delete"


AttrsChange = Callable[[ObjectVersion], dict[str, Any] | None]


class Tags:
    """PutObjectTagging, DeleteObjectTagging; PutObjectRetention and others that change attributes."""

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
            tell = teller(await self._context.bucket(bucket), TAGGED if tags else UNTAGGED)
            events = [] if tell is None else tell(version)
            if await self._context.objects.set_tags(version, tags, events):
                return version
            # It was replaced, or moved among the versions of its key, since we looked.
        raise Overloaded(f"the object was replaced {ATTEMPTS_MAX} times")

    async def change_attrs(
        self, bucket: str, key: bytes, change: AttrsChange, version_id: bytes | None = None, event: str = ""
    ) -> ObjectVersion:
        """Set attributes to what ``change`` makes of the version, with nobody in between; the version as it is then.

        ``event``: what is to be told of it, if anything. ``change`` may run more than once; what it raises leaves all
        as it was. Raises as ``set``.
        """
        for _ in range(ATTEMPTS_MAX):
            version = await self._reads.get(bucket, key, version_id)
            attrs = change(version)
            tell = teller(await self._context.bucket(bucket), event) if event else None
            events = [] if tell is None else tell(version)
            if await self._context.objects.set_attrs(version, attrs, events):
                return replace(version, attrs=attrs)
        raise Overloaded(f"the object was replaced {ATTEMPTS_MAX} times")

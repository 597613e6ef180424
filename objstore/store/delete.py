"""DELETE: drop the reference; the bytes go later. In a bucket with versioning: a delete marker, and nothing goes.

| What happens        | What is left                | Who clears it                            |
|---------------------|-----------------------------|------------------------------------------|
| crash before commit | the object                  | nobody: the client may repeat the DELETE |
| crash after commit  | bytes in the garbage ledger | compaction                               |
"""

import asyncio
from collections.abc import Sequence

from objstore.meta.objects import Write
from objstore.model.errors import NoSuchBucket, RequestError
from objstore.model.notification import DELETED, teller
from objstore.model.objects import NULL_TEXT, Bucket
from objstore.model.requests import DeleteRequest, DeleteResult
from objstore.store.context import Context


class Deletes:
    """DeleteObject, DeleteObjects."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def delete(self, bucket: str, request: DeleteRequest) -> DeleteResult:
        """Delete the current version, or one by its id; what is not there is no error.

        Raises NoSuchBucket, NoSuchKey, PreconditionFailed.
        """
        known = await self._context.bucket(bucket)
        try:
            return await self._commit(known, request)
        except NoSuchBucket:
            fresh = await self._context.fresh_bucket(bucket)
            if fresh.id == known.id:
                raise
            return await self._commit(fresh, request)

    async def delete_many(self, bucket: str, requests: Sequence[DeleteRequest]) -> list[DeleteResult | RequestError]:
        """Delete several; for each what became of it, or why not. Raises NoSuchBucket."""
        fresh = await self._context.fresh_bucket(bucket)
        results = await asyncio.gather(*(self._commit(fresh, request) for request in requests), return_exceptions=True)
        outcomes: list[DeleteResult | RequestError] = []
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, RequestError):
                raise result
            outcomes.append(result)
        return outcomes

    async def _commit(self, bucket: Bucket, request: DeleteRequest) -> DeleteResult:
        target = request.version_id
        tell = teller(bucket, DELETED, may_mark=target is None) if bucket.settings else None
        write = Write(bucket.id, request.key, None, request.condition, target=target, bypass=request.bypass, tell=tell)
        found = await self._context.commits.submit(write)
        is_marker = found is not None and found.marker
        size = None if found is None or is_marker else found.size
        if target is not None:
            return DeleteResult(target.hex() or NULL_TEXT, is_marker, size)
        return DeleteResult(found.shown_id, True) if found is not None and is_marker else DeleteResult(size=size)

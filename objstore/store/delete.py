"""DELETE: drop the reference; the bytes go later.

| What happens        | What is left               | Who clears it                             |
|---------------------|----------------------------|-------------------------------------------|
| crash before commit | the object                 | nobody: the client may repeat the DELETE  |
| crash after commit  | bytes in the garbage ledger | compaction                               |
"""

import asyncio

from objstore.meta.objects import Write
from objstore.model.errors import NoSuchBucket, RequestError
from objstore.model.objects import Condition
from objstore.model.requests import UNCONDITIONAL
from objstore.store.context import Context


class Deletes:
    """DeleteObject, DeleteObjects."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def delete(self, bucket: str, key: bytes, condition: Condition = UNCONDITIONAL) -> None:
        """Delete the current version; a key that is not there is no error. Raises NoSuchBucket, PreconditionFailed."""
        bucket_id = (await self._context.bucket(bucket)).id
        try:
            await self._commit(bucket_id, key, condition)
        except NoSuchBucket:
            fresh = await self._context.fresh_bucket(bucket)
            if fresh.id == bucket_id:
                raise
            await self._commit(fresh.id, key, condition)

    async def delete_many(self, bucket: str, keys: list[tuple[bytes, Condition]]) -> list[RequestError | None]:
        """Delete several keys; None for each that is gone now, else why not. Raises NoSuchBucket."""
        bucket_id = (await self._context.fresh_bucket(bucket)).id
        results = await asyncio.gather(
            *(self._commit(bucket_id, key, condition) for key, condition in keys), return_exceptions=True
        )
        failures: list[RequestError | None] = []
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, RequestError):
                raise result
            failures.append(result if isinstance(result, RequestError) else None)
        return failures

    async def _commit(self, bucket_id: int, key: bytes, condition: Condition) -> None:
        await self._context.commits.submit(Write(bucket_id, key, None, condition))

"""RENAME: the object gets another key, in one transaction; no byte moves.

Its bytes bear the old name: links lead compaction to the new one, as after a copy.
"""

from dataclasses import replace

from objstore.format.extent import bytes_by_volume
from objstore.meta.objects import Guard, Role, Write
from objstore.model.errors import ConditionalRequestConflict, InvalidRequest, NoSuchKey, PreconditionFailed
from objstore.model.objects import ObjectVersion
from objstore.model.requests import RenameRequest
from objstore.store.context import Context
from objstore.store.read import Reads


class Renames:
    """RenameObject."""

    def __init__(self, context: Context, reads: Reads) -> None:
        self._context, self._reads = context, reads

    async def rename(self, request: RenameRequest) -> ObjectVersion:
        """Give the object of one key another; what has that key is replaced, unless a condition says otherwise.

        Raises NoSuchBucket, NoSuchKey, InvalidRequest (a bucket with versions, the same key), PreconditionFailed,
        ConditionalRequestConflict (somebody wrote one of the two meanwhile), ClusterError.
        """
        context = self._context
        bucket = await context.fresh_bucket(request.bucket)
        if bucket.versioning is not None:
            raise InvalidRequest("Renaming is not supported in a bucket with versioning")
        if request.source == request.key:
            raise InvalidRequest("The source and the destination of a rename must differ")
        source = await self._reads.get(request.bucket, request.source)
        request.source_check(source)
        guard = None
        if request.target_check is not None:
            try:
                target = await self._reads.get(request.bucket, request.key)
            except NoSuchKey:
                pass
            else:
                request.target_check(target)
                guard = Guard(target.version_id, Role.LATEST)
        version = replace(source, key=request.key)
        shared = frozenset(bytes_by_volume(source.extents))
        writes = [
            Write(bucket.id, request.key, version, request.condition, shared=shared, guard=guard),
            Write(bucket.id, request.source, None, guard=Guard(source.version_id, Role.LATEST)),
        ]
        try:
            await context.in_time(context.carry_on(context.objects.commit_together(writes, source.extents)))
        except PreconditionFailed as failed:
            if failed.details.get("Condition") == "version":
                raise ConditionalRequestConflict() from None
            raise
        return version

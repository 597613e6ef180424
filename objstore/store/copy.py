"""COPY: a new row over the same extents; bytes move only where the copy belongs on another tier.

The extents' volumes are locked at the commit: a volume that is being compacted refuses new references, and then the
bytes are copied after all.
"""

import asyncio
from collections.abc import Callable

from objstore.format.extent import bytes_by_volume, slice_packed
from objstore.meta.objects import Write
from objstore.model import clock
from objstore.model.checksum import Checksum
from objstore.model.errors import VolumeFenced
from objstore.model.objects import Condition, ObjectVersion
from objstore.model.requests import CopyRequest
from objstore.model.tiers import code_of_tier, tier_of
from objstore.store.context import Context
from objstore.store.digests import StreamDigests
from objstore.store.object_writer import ObjectWriter
from objstore.store.packer import Appended, Owner
from objstore.store.put import date, record_attrs, settle
from objstore.store.read import Reads
from objstore.store.restore import Restores

ATTEMPTS_MAX = 3
FENCED_PAUSE_SECONDS = 0.05


class Copies:
    """CopyObject, and the byte copies that others need."""

    def __init__(self, context: Context, reads: Reads) -> None:
        self._context, self._reads, self.restores = context, reads, Restores(context.restored)

    async def copy(self, request: CopyRequest) -> tuple[ObjectVersion, ObjectVersion]:
        """The new version, and that of which it is a copy; an access to that one.

        Raises NoSuchBucket, NoSuchKey, NoSuchVersion, InvalidRequest (a delete marker), PreconditionFailed,
        ObjectNotInActiveTierError, ClusterError.
        """
        copied: ObjectVersion | None = None
        for _ in range(ATTEMPTS_MAX):
            source = await self._reads.source(request.source_bucket, request.source_key, request.source_version)
            request.source_check(source)
            await self.restores.check_source(source)
            version = await self._described(request, source)
            if version.tier != source.tier:
                break
            try:
                copied = await self._share(version, source, request.condition)
                break
            except VolumeFenced:
                await asyncio.sleep(FENCED_PAUSE_SECONDS)
        copied = copied or await self._duplicate(version, source, request.condition)
        self._context.accesses.note(source)
        return copied, source

    async def _described(self, request: CopyRequest, source: ObjectVersion) -> ObjectVersion:
        bucket = await self._context.fresh_bucket(request.bucket)
        kept = await self._checksum(request.checksum_algorithm, source)
        storage_class = request.storage_class or source.storage_class
        version = ObjectVersion(
            bucket.id,
            request.key,
            clock.random_id(),
            source.size,
            source.etag,
            clock.now(),
            storage_class,
            source.extents,
            source.parts,
            request.attrs if request.replace_attrs else source.attrs,
            request.tags if request.replace_tags else source.tags,
            kept,
            tier=code_of_tier(tier_of(storage_class)),
        )
        date(version)
        return version

    async def _checksum(self, algorithm: str | None, source: ObjectVersion) -> bytes | None:
        """The copy's checksum: the source's, or one of another algorithm, for which all bytes are read."""
        known = Checksum.unpack(source.checksum) if source.checksum else None
        if algorithm is None or (known is not None and known.algorithm == algorithm):
            return source.checksum
        digests = StreamDigests({algorithm}, self._context.executor)
        async for piece in await self._reads.read(source, 0, source.size):
            await digests.update(piece)
        return Checksum(algorithm, digests.digests()[algorithm]).pack()

    async def _share(self, version: ObjectVersion, source: ObjectVersion, condition: Condition) -> ObjectVersion:
        shared = frozenset(bytes_by_volume(source.extents))
        write = Write(version.bucket_id, version.key, version, condition, shared=shared)
        written = await self._context.in_time(self._context.commits.submit(write))
        return written or version

    async def _duplicate(self, version: ObjectVersion, source: ObjectVersion, condition: Condition) -> ObjectVersion:
        owner = Owner(version.bucket_id, version.key, version.version_id, 0, record_attrs(version))
        appended = await self.rewrite(source, 0, source.size, tier_of(version.storage_class), owner)
        version.extents = appended.extents
        date(version)
        write = Write(version.bucket_id, version.key, version, condition, appended.volume_ids)
        await settle(self._context, write, appended)
        return version

    async def rewrite(self, source: ObjectVersion, start: int, end: int, tier: str, owner: Owner) -> Appended:
        """Copy bytes [start, end) of a version to a tier, durably; the caller commits and releases the volumes."""
        context = self._context
        reader = await self._reads.read(source, start, end)
        if reader.whole is not None and end - start <= context.pool.profile(tier).pack_bytes_max:
            return await context.packer.append(tier, owner, bytes(reader.whole))
        writer = ObjectWriter(context.pool, context.buffers, context.executor, tier, owner, end - start, None)
        try:
            async for piece in reader:
                await writer.feed(piece)
            await writer.flush()
            return await writer.finish(owner)
        except BaseException:
            context.abandon(writer)
            raise
        finally:
            await reader.aclose()


def shared_slice(source: ObjectVersion, span: tuple[int, int]) -> tuple[bytes, frozenset[bytes]]:
    """Extents of a part of a version, and the volumes that they lie in."""
    extents = slice_packed(source.extents, *span)
    return extents, frozenset(bytes_by_volume(extents))


SourceCheck = Callable[[ObjectVersion], None]

"""COPY: a new row over the same extents; bytes move only where the copy belongs on another tier.

The extents' volumes are locked at the commit: a volume that is being compacted refuses new references, and then the
bytes are copied after all.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from objstore.crypto.chunks import plain_max, seal_whole
from objstore.format.extent import bytes_by_volume, slice_packed
from objstore.meta.objects import Write
from objstore.model import clock
from objstore.model.checksum import DEFAULT_ALGORITHM, Checksum
from objstore.model.encryption import ATTR, KIND, SSE_C, CustomerKey, Encryption, default_of, envelope_of
from objstore.model.errors import VolumeFenced
from objstore.model.lock import with_default
from objstore.model.notification import Notify, teller
from objstore.model.objects import HEADER_ATTRS, Bucket, Condition, ObjectVersion
from objstore.model.requests import CopyRequest
from objstore.model.tiers import code_of_tier, tier_of
from objstore.store.context import Context
from objstore.store.digests import StreamDigests
from objstore.store.keys import Sealing, check_customer
from objstore.store.object_writer import ObjectWriter
from objstore.store.opened import read_plain
from objstore.store.packer import Appended, Owner
from objstore.store.put import date, record_attrs, settle
from objstore.store.read import Reads, as_stored
from objstore.store.restore import Restores
from objstore.store.sealed import writers

ATTEMPTS_MAX = 3
COPIED = "s3:ObjectCreated:Copy"
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
        bucket = await self._context.fresh_bucket(request.bucket)
        wanted = request.encryption or default_of(bucket.settings)
        request.extra = with_default(request.extra, bucket.settings, clock.now())
        copied: ObjectVersion | None = None
        for attempt in range(ATTEMPTS_MAX):
            source = await self._reads.source(request.source_bucket, request.source_key, request.source_version)
            request.source_check(source)
            await self.restores.check_source(source)
            if attempt == 0:
                self._context.limits.admit(bucket, source.size)
            opened = await self.opened(source, request.source_key_given)
            if not _may_share(source, opened, wanted, request.checksum_algorithm):
                sealing = None if wanted is None else await self._context.keys.new(wanted)
                copied = await self._recrypt(request, bucket, source, opened, sealing)
                break
            sealing = None
            if opened is not None and wanted is not None:
                sealing = await self._context.keys.again(opened, wanted)
            version = await self._described(request, bucket.id, source, sealing)
            if version.tier != source.tier:
                break
            try:
                copied = await self._share(version, source, request.condition, teller(bucket, COPIED))
                break
            except VolumeFenced:
                await asyncio.sleep(FENCED_PAUSE_SECONDS)
        copied = copied or await self._duplicate(version, source, request.condition, teller(bucket, COPIED))
        self._context.accesses.note(source)
        return copied, source

    async def opened(self, source: ObjectVersion, given: CustomerKey | None) -> Sealing | None:
        """The data key of a source; None if it is not encrypted. Raises InvalidRequest, KmsError."""
        kept = envelope_of(source.attrs)
        if kept is not None:
            return await self._context.keys.open(kept, given)
        check_customer(None, given)
        return None

    async def _recrypt(
        self,
        request: CopyRequest,
        bucket: Bucket,
        source: ObjectVersion,
        opened: Sealing | None,
        sealing: Sealing | None,
    ) -> ObjectVersion:
        """A copy with another data key, or without one: all bytes are read and written anew, as one segment."""
        bucket_id = bucket.id
        known = Checksum.unpack(source.checksum) if source.checksum else None
        algorithm = request.checksum_algorithm or (known.algorithm if known else DEFAULT_ALGORITHM)
        version = await self._described(request, bucket_id, source, sealing)
        version.parts = None
        owner = Owner(bucket_id, version.key, version.version_id, 0, record_attrs(version))
        digests = StreamDigests({algorithm}, self._context.executor)
        tier = tier_of(version.storage_class)
        span = (0, source.size)
        appended = await self.pour(source, span, tier, owner, digests, opened, sealing)
        found = digests.digests()
        version.extents = appended.extents
        version.etag = found["MD5"] if sealing is None else sealing.etag(found["MD5"])
        version.checksum = Checksum(algorithm, found[algorithm]).pack()
        date(version)
        tell = teller(bucket, COPIED)
        write = Write(bucket_id, version.key, version, request.condition, appended.volume_ids, tell=tell)
        return await settle(self._context, write, appended) or version

    async def pour(
        self,
        source: ObjectVersion,
        span: tuple[int, int],
        tier: str,
        owner: Owner,
        digests: StreamDigests,
        opened: Sealing | None,
        sealing: Sealing | None,
    ) -> Appended:
        """Bytes of a version, opened and sealed anew, durable on a tier; the caller commits and releases the volumes.

        ``owner``: its part number is the segment's.
        """
        context, size = self._context, span[1] - span[0]
        reader = await read_plain(context, self._reads, source, span, opened)
        try:
            if reader.whole is not None and size <= plain_max(context.pool.profile(tier).pack_bytes_max):
                whole = bytes(reader.whole)
                await digests.update(whole)
                stored = whole if sealing is None else seal_whole(sealing.key, owner.part_number, whole)
                return await context.packer.append(tier, owner, stored)
            writer, inlet = writers(context, tier, owner, size, digests, sealing, owner.part_number)
            try:
                async for piece in reader:
                    await inlet.feed(piece)
                await inlet.flush()
                return await writer.finish(owner)
            except BaseException:
                context.abandon(writer)
                raise
        finally:
            await reader.aclose()

    async def _described(
        self, request: CopyRequest, bucket_id: int, source: ObjectVersion, sealing: Sealing | None
    ) -> ObjectVersion:
        kept = await self._checksum(request.checksum_algorithm, source) if sealing is None else source.checksum
        storage_class = request.storage_class or source.storage_class
        version = ObjectVersion(
            bucket_id,
            request.key,
            clock.random_id(),
            source.size,
            source.etag,
            clock.now(),
            storage_class,
            source.extents,
            source.parts,
            _attrs_of(request, source, sealing),
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

    async def _share(
        self, version: ObjectVersion, source: ObjectVersion, condition: Condition, tell: Notify | None
    ) -> ObjectVersion:
        shared = frozenset(bytes_by_volume(source.extents))
        write = Write(version.bucket_id, version.key, version, condition, shared=shared, tell=tell)
        written = await self._context.in_time(self._context.commits.submit(write))
        return written or version

    async def _duplicate(
        self, version: ObjectVersion, source: ObjectVersion, condition: Condition, tell: Notify | None
    ) -> ObjectVersion:
        owner = Owner(version.bucket_id, version.key, version.version_id, 0, record_attrs(version))
        appended = await self.rewrite(as_stored(source), tier_of(version.storage_class), owner)
        version.extents = appended.extents
        date(version)
        write = Write(version.bucket_id, version.key, version, condition, appended.volume_ids, tell=tell)
        await settle(self._context, write, appended)
        return version

    async def rewrite(self, source: ObjectVersion, tier: str, owner: Owner, start: int = 0) -> Appended:
        """Copy the bytes of a version as they are stored, from ``start`` to its size, to a tier, durably.

        The caller commits and releases the volumes.
        """
        context, size = self._context, source.size - start
        reader = await self._reads.read(source, start, source.size)
        if reader.whole is not None and size <= context.pool.profile(tier).pack_bytes_max:
            return await context.packer.append(tier, owner, bytes(reader.whole))
        writer = ObjectWriter(context.pool, context.buffers, context.executor, tier, owner, size, None)
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


def _may_share(source: ObjectVersion, opened: Sealing | None, wanted: Encryption | None, algorithm: str | None) -> bool:
    """Whether a copy can have its source's bytes as they are: none or both are sealed, and not with clients' keys."""
    if opened is None and wanted is None:
        return True
    if opened is None or wanted is None or wanted.kind == SSE_C or opened.envelope[KIND] == SSE_C:
        return False
    known = Checksum.unpack(source.checksum) if source.checksum else None
    return algorithm is None or (known is not None and known.algorithm == algorithm)


def _attrs_of(request: CopyRequest, source: ObjectVersion, sealing: Sealing | None) -> dict[str, Any] | None:
    """Headers and metadata as the directive says; owner, ACL, lock and envelope are never the source's."""
    attrs = request.attrs if request.replace_attrs else source.attrs
    kept = {name: value for name, value in (attrs or {}).items() if name in HEADER_ATTRS}
    kept |= request.extra or {}
    if sealing is not None:
        kept[ATTR] = sealing.envelope
    return kept or None


def shared_slice(source: ObjectVersion, span: tuple[int, int]) -> tuple[bytes, frozenset[bytes]]:
    """Extents of a part of a version, and the volumes that they lie in."""
    extents = slice_packed(source.extents, *span)
    return extents, frozenset(bytes_by_volume(extents))


SourceCheck = Callable[[ObjectVersion], None]

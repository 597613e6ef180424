"""Multipart uploads: parts are stored like objects; completion is metadata alone.

| What happens                | What is left                          | Who clears it                        |
|-----------------------------|---------------------------------------|--------------------------------------|
| crash during a part         | stripes that nobody refers to         | compaction                           |
| crash after a part's commit | the part                              | Complete, Abort, or a lifecycle rule |
| crash during Complete       | the upload as it was, or the object   | nobody: Complete may be repeated     |
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from objstore.crypto.chunks import plain_max, seal_whole
from objstore.format.part import WHOLE, unpack_parts
from objstore.model import clock
from objstore.model.checksum import DEFAULT_ALGORITHM
from objstore.model.encryption import ATTR, KIND, SSE_C, CustomerKey, Encryption, default_of, envelope_of
from objstore.model.errors import InvalidRange, InvalidRequest, NoSuchUpload, VolumeFenced
from objstore.model.limits import PART_BYTES_MAX
from objstore.model.lock import with_default
from objstore.model.notification import teller
from objstore.model.objects import ObjectVersion, Part, Upload
from objstore.model.requests import Body, CompleteRequest, PartsPage
from objstore.model.states import UploadState
from objstore.model.tiers import code_of_tier, tier_of
from objstore.store.complete import assemble
from objstore.store.context import Context
from objstore.store.copy import Copies, shared_slice
from objstore.store.digests import StreamDigests, digests_of
from objstore.store.flows import count
from objstore.store.keys import Sealing, check_customer
from objstore.store.packer import Appended, Owner
from objstore.store.put import Payload
from objstore.store.read import Reads
from objstore.store.sealed import writers

ATTEMPTS_MAX = 3
COMPLETED = "s3:ObjectCreated:CompleteMultipartUpload"


class Multiparts:
    """The multipart verbs but for listings."""

    def __init__(self, context: Context, reads: Reads, copies: Copies) -> None:
        self._context, self._reads, self._copies = context, reads, copies

    async def create_upload(
        self,
        bucket: str,
        key: bytes,
        *,
        storage_class: str = "STANDARD",
        attrs: dict[str, Any] | None = None,
        tags: dict[str, str] | None = None,
        checksum_algorithm: str | None = None,
        checksum_type: str | None = None,
        encryption: Encryption | None = None,
    ) -> Upload:
        """Begin an upload. Raises NoSuchBucket, InvalidArgument, KmsError."""
        found = await self._context.fresh_bucket(bucket)
        self._context.pool.profile(tier_of(storage_class))
        attrs = with_default(attrs, found.settings, clock.now())
        wanted = encryption or default_of(found.settings)
        if wanted is not None:
            attrs = {**(attrs or {}), ATTR: (await self._context.keys.new(wanted)).envelope}
        upload = Upload(
            clock.random_id(), found.id, key, clock.now(), storage_class, attrs, tags, checksum_algorithm, checksum_type
        )
        await self._context.uploads.create(upload)
        return upload

    async def get_upload(self, bucket: str, key: bytes, upload_id: bytes) -> Upload:
        """The open upload. Raises NoSuchUpload, also when it belongs to another bucket or key."""
        upload = await self._find(bucket, key, upload_id)
        if upload.state != UploadState.OPEN:
            raise NoSuchUpload(UploadId=upload_id.hex())
        return upload

    async def put_part(
        self,
        bucket: str,
        key: bytes,
        upload_id: bytes,
        number: int,
        body: Body,
        customer: CustomerKey | None = None,
    ) -> Part:
        """Store a part, replacing one of the same number. ``customer``: the key of an upload with SSE-C.

        Raises NoSuchUpload, InvalidRequest, BadDigest, ClusterError.
        """
        upload = await self.get_upload(bucket, key, upload_id)
        limits = self._context.limits
        if limits.known:
            limits.admit(await self._context.bucket(bucket), body.length or 0, objects=0)
        _check_algorithm(upload.checksum_algorithm, body.checksum_algorithm())
        tier, algorithm = tier_of(upload.storage_class), upload.checksum_algorithm or DEFAULT_ALGORITHM
        sealing, small_max = None, self._context.pool.profile(tier).pack_bytes_max
        if (kept := envelope_of(upload.attrs)) is not None:
            sealing, small_max = await self._context.keys.open(kept, customer), plain_max(small_max)
        else:
            check_customer(None, customer)
        payload = Payload(body, small_max, PART_BYTES_MAX)
        payload.algorithms |= {algorithm}
        owner = Owner(upload.bucket_id, key, upload_id, number)
        whole = await payload.gather()
        if whole is None:
            return await self._large_part(upload, owner, tier, payload, algorithm, sealing)
        digests = digests_of(whole, payload.algorithms)
        body.verify(digests)
        size = len(whole)
        if sealing is not None:
            whole = seal_whole(sealing.key, number, whole)
        for attempt in range(ATTEMPTS_MAX):
            appended = await self._context.packer.append(tier, owner, whole)
            try:
                part = _part(owner, appended, size, digests, algorithm, sealing, upload.attrs)
                return self._written(await self._commit(part, appended), tier)
            except VolumeFenced:
                self._context.pool.retire(list(appended.volume_ids))
                if attempt == ATTEMPTS_MAX - 1:
                    raise
        raise AssertionError("unreachable")

    async def _large_part(
        self, upload: Upload, owner: Owner, tier: str, payload: Payload, algorithm: str, sealing: Sealing | None
    ) -> Part:
        context = self._context
        stream = StreamDigests(payload.algorithms, context.executor)
        writer, inlet = writers(context, tier, owner, payload.body.length, stream, sealing, owner.part_number)
        try:
            await payload.pour(inlet)
            await inlet.flush()
            digests = stream.digests()
            payload.body.verify(digests)
            appended = await writer.finish(owner)
        except BaseException:
            context.abandon(writer)
            raise
        part = _part(owner, appended, payload.size, digests, algorithm, sealing, upload.attrs)
        return self._written(await self._commit(part, appended), tier)

    def _written(self, part: Part, tier: str) -> Part:
        count(self._context.flows.written, code_of_tier(tier), part.size)
        return part

    async def copy_part(
        self,
        bucket: str,
        key: bytes,
        upload_id: bytes,
        number: int,
        source_bucket: str,
        source_key: bytes,
        span: tuple[int, int] | None,
        source_check: Callable[[ObjectVersion], None],
        source_version: bytes | None = None,
        customer: CustomerKey | None = None,
        source_customer: CustomerKey | None = None,
    ) -> tuple[Part, ObjectVersion]:
        """A part from bytes [start, end) of an object, all of it with None; shares its extents where it can.

        ``customer``, ``source_customer``: the keys of an upload, and of a source, with SSE-C. Also gives the version
        that it is a copy of. Raises NoSuchUpload, NoSuchKey, NoSuchVersion, InvalidRange, PreconditionFailed.
        """
        upload = await self.get_upload(bucket, key, upload_id)
        owner = Owner(upload.bucket_id, key, upload_id, number)
        tier, sealing = tier_of(upload.storage_class), None
        if (kept := envelope_of(upload.attrs)) is not None:
            sealing = await self._context.keys.open(kept, customer)
        else:
            check_customer(None, customer)
        for attempt in range(ATTEMPTS_MAX):
            source = await self._reads.source(source_bucket, source_key, source_version)
            source_check(source)
            await self._copies.restores.check_source(source)
            start, end = span or (0, source.size)
            if end > source.size or (start >= end and span is not None):
                raise InvalidRange("The specified copy range is invalid for the source object size")
            if attempt == 0:
                self._context.limits.admit(await self._context.bucket(bucket), end - start, objects=0)
            opened = await self._copies.opened(source, source_customer)
            if opened is not None or sealing is not None:
                part = await self._recrypted_part(upload, owner, source, (start, end), opened, sealing)
                self._context.accesses.note(source)
                return part, source
            digests = await self._digests(source, start, end, upload)
            if source.tier != code_of_tier(tier):
                break
            extents, volumes = shared_slice(source, (start, end))
            algorithm = upload.checksum_algorithm or DEFAULT_ALGORITHM
            part = _part(owner, Appended(extents, (), end - start), end - start, digests, algorithm, None)
            try:
                await self._context.in_time(self._context.uploads.put_part(part, frozenset(), volumes))
                self._context.accesses.note(source)
                return part, source
            except VolumeFenced:
                await asyncio.sleep(0.05)
        appended = await self._copies.rewrite(replace(source, size=end), tier, owner, start)
        copied = _part(owner, appended, end - start, digests, upload.checksum_algorithm or DEFAULT_ALGORITHM, None)
        part = await self._commit(copied, appended)
        self._context.accesses.note(source)
        return part, source

    async def _recrypted_part(
        self,
        upload: Upload,
        owner: Owner,
        source: ObjectVersion,
        span: tuple[int, int],
        opened: Sealing | None,
        sealing: Sealing | None,
    ) -> Part:
        """A part of which the source or the upload, or both, are encrypted: its bytes are sealed anew."""
        algorithm = upload.checksum_algorithm or DEFAULT_ALGORITHM
        stream = StreamDigests({algorithm}, self._context.executor)
        tier = tier_of(upload.storage_class)
        appended = await self._copies.pour(source, span, tier, owner, stream, opened, sealing)
        part = _part(owner, appended, span[1] - span[0], stream.digests(), algorithm, sealing, upload.attrs)
        return await self._commit(part, appended)

    async def _digests(self, source: ObjectVersion, start: int, end: int, upload: Upload) -> dict[str, bytes]:
        """A part needs its MD5 and checksum, so its bytes are read even though they do not move."""
        stream = StreamDigests({upload.checksum_algorithm or DEFAULT_ALGORITHM}, self._context.executor)
        reader = await self._reads.read(source, start, end)
        try:
            async for piece in reader:
                await stream.update(piece)
        finally:
            await reader.aclose()
        return stream.digests()

    async def _commit(self, part: Part, appended: Appended) -> Part:
        settled = False
        try:
            await self._context.in_time(self._context.uploads.put_part(part, appended.volume_ids))
            settled = True
            return part
        finally:
            appended.release(self._context.pool, settled)

    async def complete(self, request: CompleteRequest) -> ObjectVersion:
        """Make the object of the named parts. Completing twice gives the same answer.

        Raises NoSuchUpload, InvalidPart, InvalidPartOrder, EntityTooSmall, BadDigest, PreconditionFailed.
        """
        upload = await self._find(request.bucket, request.key, request.upload_id)
        kept = envelope_of(upload.attrs)
        needed = request.customer or request.needed or upload.checksum_algorithm
        if kept is not None and kept[KIND] == SSE_C and needed:
            await self._context.keys.open(kept, request.customer)
        bucket = await self._context.bucket(request.bucket)
        if upload.state == UploadState.OPEN:
            self._context.limits.admit(bucket, 0)  # its bytes were let in with its parts
        completing = self._context.uploads.complete(
            request.upload_id,
            lambda upload, parts: assemble(request, upload, parts),
            request.condition,
            teller(bucket, COMPLETED),
        )
        # 10,000 parts may take longer than a client is kept waiting: then the next try finds the answer.
        return await self._context.carry_on(completing)

    async def abort(self, bucket: str, key: bytes, upload_id: bytes) -> None:
        """Drop an upload and its parts. Raises NoSuchUpload."""
        await self.get_upload(bucket, key, upload_id)
        await self._context.carry_on(self._context.uploads.abort(upload_id))

    async def list_parts(self, bucket: str, key: bytes, upload_id: bytes, after: int, limit: int) -> PartsPage:
        """Parts with numbers above ``after``. Raises NoSuchUpload."""
        upload = await self.get_upload(bucket, key, upload_id)
        parts = await self._context.uploads.parts(upload_id, after, limit + 1)
        more = len(parts) > limit
        parts = parts[:limit]
        return PartsPage(upload, parts, (parts[-1].number if parts else after) if more else None)

    async def _find(self, bucket: str, key: bytes, upload_id: bytes) -> Upload:
        found = await self._context.fresh_bucket(bucket)
        upload = await self._context.uploads.get(upload_id)
        if upload is None or upload.bucket_id != found.id or upload.key != key:
            raise NoSuchUpload(UploadId=upload_id.hex())
        return upload


def parts_of(version: ObjectVersion) -> list[tuple[int, int, int, bytes]] | None:
    """(number, start, end, checksum) of each part of a multipart object, else None."""
    if version.parts is None:
        return None
    found, at, parts = [], 0, unpack_parts(version.parts)
    shift = 1 if parts and parts[0][0] == WHOLE else 0  # numbers of segments begin at 0, those of parts at 1
    for number, size, checksum in parts:
        found.append((number + shift, at, at + size, checksum))
        at += size
    return found


def _check_algorithm(expected: str | None, declared: str | None) -> None:
    """Parts carry the checksum that their upload was created for, any if it was created without. InvalidRequest."""
    if expected is not None and declared is not None and declared != expected:
        raise InvalidRequest(
            f"Checksum Type mismatch occurred, expected checksum Type: {expected.lower()}, "
            f"actual checksum Type: {declared.lower()}"
        )


def _part(
    owner: Owner,
    appended: Appended,
    size: int,
    digests: dict[str, bytes],
    algorithm: str,
    sealing: Sealing | None,
    attrs: dict[str, Any] | None = None,
) -> Part:
    return Part(
        owner.version_id,
        owner.part_number,
        size,
        digests["MD5"] if sealing is None else sealing.etag(digests["MD5"]),
        clock.now(),
        appended.extents,
        digests[algorithm],
        algorithm,
        attrs,
    )

"""APPEND: bytes behind an object's last one. What is there stays where it is; only the new bytes are written.

    1 append     the payload, as a PUT's
    2 verify     what the client claimed of its bytes
    3 commit     a new row over the old extents and the new ones, if the object is still the one that was looked at
                                                                                        ← THE COMMIT POINT

What a crash leaves is what a PUT's crash leaves, see put.py. Each append counts as a part: the ETag is that of a
multipart object, and no object takes more than 10,000.
"""

import hashlib

from objstore.format.extent import bytes_by_volume
from objstore.format.part import pack_parts, unpack_parts
from objstore.meta.objects import Guard, Role, Write
from objstore.model import clock, days
from objstore.model.append_errors import InvalidWriteOffset, TooManyParts
from objstore.model.checksum import DEFAULT_ALGORITHM, Checksum
from objstore.model.encryption import default_of, envelope_of
from objstore.model.errors import EntityTooLarge, InvalidRequest, NoSuchKey, PreconditionFailed
from objstore.model.limits import OBJECT_BYTES_MAX, PART_NUMBER_MAX, PUT_BYTES_MAX
from objstore.model.objects import Condition, ObjectVersion
from objstore.model.requests import Body, PutRequest, PutResult
from objstore.model.tiers import tier_of_code
from objstore.store.context import Context
from objstore.store.digests import StreamDigests, can_combine, combine_crcs, digests_of
from objstore.store.flows import count
from objstore.store.object_writer import ObjectWriter
from objstore.store.packer import Appended, Owner
from objstore.store.put import Payload, Puts, record_attrs
from objstore.store.read import Reads


class Appends:
    """PutObject with an offset."""

    def __init__(self, context: Context, reads: Reads, puts: Puts) -> None:
        self._context, self._reads, self._puts = context, reads, puts

    async def append(self, request: PutRequest, offset: int, body: Body) -> PutResult:
        """Add bytes at ``offset``, which has to be the object's size; at 0 the object may be a new one.

        Raises InvalidWriteOffset, TooManyParts, InvalidRequest (a bucket with versions, an encrypted object),
        PreconditionFailed, BadDigest, ClusterError.
        """
        context = self._context
        bucket = await context.fresh_bucket(request.bucket)
        if bucket.versioning is not None:
            raise InvalidRequest("Appending is not supported in a bucket with versioning")
        try:
            known = await self._reads.get(request.bucket, request.key)
        except NoSuchKey:
            if offset != 0:
                raise InvalidWriteOffset() from None
            if request.condition == Condition():
                request.condition = Condition(if_none_match_any=True)
            return await self._puts.put(request, body)
        if known.size != offset:
            raise InvalidWriteOffset()
        if envelope_of(known.attrs) or request.encryption or default_of(bucket.settings):
            raise InvalidRequest("Appending to an encrypted object is not supported")
        parts = _parts(known)
        if len(parts) >= PART_NUMBER_MAX:
            raise TooManyParts()
        if context.limits.known:
            context.limits.admit(bucket, body.length or 0, objects=0)
        appended, size, digests = await self._write(known, body)
        version = _grown(known, parts, appended.extents, size, digests)
        guard = Guard(known.version_id, Role.LATEST)
        shared = frozenset(bytes_by_volume(known.extents))
        write = Write(
            bucket.id, request.key, version, request.condition, appended.volume_ids, shared - appended.volume_ids,
            guard=guard,
        )  # fmt: skip
        settled = False
        try:
            await context.in_time(context.carry_on(context.objects.commit_together([write], known.extents)))
            settled = True
        except PreconditionFailed as failed:
            settled = True
            if failed.details.get("Condition") == "version":
                raise InvalidWriteOffset() from None
            raise
        finally:
            appended.release(context.pool, settled)
        count(context.flows.written, version.tier, size)
        kept = Checksum.unpack(version.checksum) if version.checksum else None
        return PutResult(version.version_id, version.etag, kept, version.size)

    async def _write(self, known: ObjectVersion, body: Body) -> tuple[Appended, int, dict[str, bytes]]:
        """The payload on the object's tier, durable and verified."""
        context, tier = self._context, tier_of_code(known.tier)
        payload = Payload(body, context.pool.profile(tier).pack_bytes_max, PUT_BYTES_MAX)
        wanted = Checksum.unpack(known.checksum).algorithm if known.checksum else DEFAULT_ALGORITHM
        payload.algorithms |= {wanted}
        owner = Owner(known.bucket_id, known.key, known.version_id, 0, record_attrs(known))
        whole = await payload.gather()
        if whole is not None:
            digests = digests_of(whole, payload.algorithms)
            body.verify(digests)
            _check_size(known.size + len(whole))
            return await context.packer.append(tier, owner, whole), len(whole), digests
        stream = StreamDigests(payload.algorithms, context.executor)
        writer = ObjectWriter(context.pool, context.buffers, context.executor, tier, owner, body.length, stream)
        try:
            await payload.pour(writer)
            await writer.flush()
            digests = stream.digests()
            body.verify(digests)
            _check_size(known.size + payload.size)
            return await writer.finish(owner), payload.size, digests
        except BaseException:
            context.abandon(writer)
            raise


def _check_size(size: int) -> None:
    if size > OBJECT_BYTES_MAX:
        raise EntityTooLarge(ProposedSize=size, MaxSizeAllowed=OBJECT_BYTES_MAX)


def _parts(known: ObjectVersion) -> list[tuple[int, int, bytes | None]]:
    if known.parts is not None:
        return list(unpack_parts(known.parts))
    checksum = Checksum.unpack(known.checksum).digest if known.checksum else None
    return [(1, known.size, checksum)]


def _grown(
    known: ObjectVersion,
    parts: list[tuple[int, int, bytes | None]],
    extents: bytes,
    size: int,
    digests: dict[str, bytes],
) -> ObjectVersion:
    now = clock.now()
    checksum = Checksum.unpack(known.checksum) if known.checksum else None
    algorithm = checksum.algorithm if checksum else DEFAULT_ALGORITHM
    added = digests[algorithm]
    combined = None
    if checksum is not None and not checksum.part_count and can_combine(algorithm):
        pieces = [(checksum.digest, known.size), (added, size)]
        combined = Checksum(algorithm, combine_crcs(algorithm, pieces)).pack()
    etag = hashlib.md5(known.etag[:16] + digests["MD5"], usedforsecurity=False).digest()
    number = parts[-1][0] + 1
    return ObjectVersion(
        known.bucket_id,
        known.key,
        clock.random_id(),
        known.size + size,
        etag + (len(parts) + 1).to_bytes(4, "little"),
        now,
        known.storage_class,
        known.extents + extents,
        pack_parts([*parts, (number, size, added if combined else None)]),
        known.attrs,
        known.tags,
        combined,
        accessed=days.day_of(now),
        tier=known.tier,
    )

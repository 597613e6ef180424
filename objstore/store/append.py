"""APPEND: bytes behind an object's last one. What is there stays where it is; only the new bytes are written.

    1 append     the payload, as a PUT's
    2 verify     what the client claimed of its bytes
    3 commit     a new row over the old extents and the new ones, if the object is still the one that was looked at
                                                                                        ← THE COMMIT POINT

What a crash leaves is what a PUT's crash leaves, see put.py. Each append counts as a part: the ETag is that of a
multipart object, and no object takes more than 10,000.

What is appended to an encrypted object is a segment of its own under the object's data key, with the next number and
nonces of its own: nothing that is there is read or sealed again. Its number and its being the last chunk are part of
what is authenticated, so it opens at its place alone. The records of appended bytes bear the number of their part and
the id of the version that they make, so that recovery never takes them for the object.
"""

import hashlib

from objstore.crypto.chunks import plain_max, seal_whole
from objstore.format.extent import bytes_by_volume
from objstore.format.part import WHOLE, pack_parts, unpack_parts
from objstore.meta.objects import Guard, Role, Write
from objstore.model import clock, days
from objstore.model.append_errors import InvalidWriteOffset, TooManyParts
from objstore.model.checksum import DEFAULT_ALGORITHM, Checksum
from objstore.model.encryption import KIND, SSE_C, Encryption, default_of, envelope_of
from objstore.model.errors import EntityTooLarge, InvalidRequest, NoSuchKey, PreconditionFailed
from objstore.model.limits import OBJECT_BYTES_MAX, PART_NUMBER_MAX, PUT_BYTES_MAX
from objstore.model.notification import teller
from objstore.model.objects import Bucket, Condition, ObjectVersion
from objstore.model.requests import Body, PutRequest, PutResult
from objstore.model.tiers import tier_of_code
from objstore.store.context import Context
from objstore.store.digests import StreamDigests, can_combine, combine_crcs, digests_of
from objstore.store.flows import count
from objstore.store.keys import Sealing
from objstore.store.packer import Appended, Owner
from objstore.store.put import Payload, Puts, record_attrs
from objstore.store.read import Reads
from objstore.store.sealed import writers


class Appends:
    """PutObject with an offset."""

    def __init__(self, context: Context, reads: Reads, puts: Puts) -> None:
        self._context, self._reads, self._puts = context, reads, puts

    async def append(self, request: PutRequest, offset: int, body: Body) -> PutResult:
        """Add bytes at ``offset``, which has to be the object's size; at 0 the object may be a new one.

        Raises InvalidWriteOffset, TooManyParts, InvalidRequest (a bucket with versions, not the object's encryption),
        KmsError, PreconditionFailed, BadDigest, ClusterError.
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
        sealing = await self._sealing(known, request.encryption, bucket)
        parts = _parts(known)
        if len(parts) >= PART_NUMBER_MAX:
            raise TooManyParts()
        if context.limits.known:
            context.limits.admit(bucket, body.length or 0, objects=0)
        id_, number = clock.random_id(), parts[-1][0] + 1
        owner = Owner(known.bucket_id, known.key, id_, number, record_attrs(known))
        appended, size, digests = await self._write(known, owner, body, sealing)
        version = _grown(known, id_, parts, appended.extents, size, digests, sealing)
        await self._commit(request, bucket, known, version, appended)
        count(context.flows.written, version.tier, size)
        kept = Checksum.unpack(version.checksum) if version.checksum else None
        return PutResult(version.version_id, version.etag, kept, version.size, attrs=version.attrs)

    async def _commit(
        self, request: PutRequest, bucket: Bucket, known: ObjectVersion, version: ObjectVersion, appended: Appended
    ) -> None:
        context, shared = self._context, frozenset(bytes_by_volume(known.extents))
        write = Write(
            bucket.id, request.key, version, request.condition, appended.volume_ids, shared - appended.volume_ids,
            guard=Guard(known.version_id, Role.LATEST), tell=teller(bucket, request.event),
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

    async def _sealing(self, known: ObjectVersion, asked: Encryption | None, bucket: Bucket) -> Sealing | None:
        """The object's data key, None if it has none. What is asked for has to be what the object has.

        Raises InvalidRequest, KmsError.
        """
        kept, keys = envelope_of(known.attrs), self._context.keys
        if kept is None:
            if asked is not None or default_of(bucket.settings):
                raise InvalidRequest(
                    "The object is not encrypted: copy it onto itself with encryption before appending encrypted bytes"
                )
            return None
        customer = asked.customer if asked is not None else None
        sealing = await keys.open(kept, customer)
        if asked is not None and kept[KIND] != SSE_C and not await keys.is_of(kept, asked):
            raise InvalidRequest("The encryption of an append has to be that of the object")
        return sealing

    async def _write(
        self, known: ObjectVersion, owner: Owner, body: Body, sealing: Sealing | None
    ) -> tuple[Appended, int, dict[str, bytes]]:
        """The payload on the object's tier, durable and verified."""
        context, tier = self._context, tier_of_code(known.tier)
        small_max = context.pool.profile(tier).pack_bytes_max
        payload = Payload(body, small_max if sealing is None else plain_max(small_max), PUT_BYTES_MAX)
        wanted = Checksum.unpack(known.checksum).algorithm if known.checksum else DEFAULT_ALGORITHM
        payload.algorithms |= {wanted}
        whole = await payload.gather()
        if whole is not None:
            digests = digests_of(whole, payload.algorithms)
            body.verify(digests)
            _check_size(known.size + len(whole))
            stored = whole if sealing is None else seal_whole(sealing.key, owner.part_number, whole)
            return await context.packer.append(tier, owner, stored), len(whole), digests
        stream = StreamDigests(payload.algorithms, context.executor)
        writer, inlet = writers(context, tier, owner, body.length, stream, sealing, owner.part_number)
        try:
            await payload.pour(inlet)
            await inlet.flush()
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
    return [(1 if envelope_of(known.attrs) is None else WHOLE, known.size, checksum)]


def _grown(
    known: ObjectVersion,
    id_: bytes,
    parts: list[tuple[int, int, bytes | None]],
    extents: bytes,
    size: int,
    digests: dict[str, bytes],
    sealing: Sealing | None,
) -> ObjectVersion:
    now = clock.now()
    checksum = Checksum.unpack(known.checksum) if known.checksum else None
    algorithm = checksum.algorithm if checksum else DEFAULT_ALGORITHM
    added = digests[algorithm]
    combined = None
    if checksum is not None and not checksum.part_count and can_combine(algorithm):
        pieces = [(checksum.digest, known.size), (added, size)]
        combined = Checksum(algorithm, combine_crcs(algorithm, pieces)).pack()
    md5 = digests["MD5"] if sealing is None else sealing.etag(digests["MD5"])
    etag = hashlib.md5(known.etag[:16] + md5, usedforsecurity=False).digest()
    return ObjectVersion(
        known.bucket_id,
        known.key,
        id_,
        known.size + size,
        etag + (len(parts) + 1).to_bytes(4, "little"),
        now,
        known.storage_class,
        known.extents + extents,
        pack_parts([*parts, (parts[-1][0] + 1, size, added if combined else None)]),
        known.attrs,
        known.tags,
        combined,
        accessed=days.day_of(now),
        tier=known.tier,
    )

"""PUT: the only place that knows this order.

    1 append     the payload joins the open batch of its tier, or streams as stripes; digests on the way
    2 verify     what the client claimed of its bytes
    3 commit     one transaction a batch: the version's row with its extents      ← THE COMMIT POINT
    4 answer

| What happens                      | What is left                         | Who clears it                             |
|-----------------------------------|--------------------------------------|-------------------------------------------|
| crash before the shards are synced | a torn tail in some shards          | the volume is sealed; the tail is garbage |
| a shard cannot be written         | a shorter stripe on the others       | sealed; the batch goes to a new volume    |
| crash after sync, before commit   | records that nobody refers to        | compaction                                |
| the client's digest differs       | the same                             | compaction                                |
| crash after commit, before answer | a live version                       | nobody: the client may repeat the PUT     |
"""

import functools
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

import orjson

from objstore.crypto.chunks import plain_max, seal_whole
from objstore.format.part import pack_parts, unpack_parts
from objstore.meta.objects import Outcome, Write
from objstore.model import clock, days
from objstore.model.checksum import DEFAULT_ALGORITHM, Checksum
from objstore.model.encryption import ATTR, default_of, envelope_of
from objstore.model.errors import EntityTooLarge, NoSuchBucket, RequestError, VolumeFenced
from objstore.model.limits import PUT_BYTES_MAX
from objstore.model.lock import SETTING as LOCKABLE
from objstore.model.lock import with_default
from objstore.model.notification import Notify, teller
from objstore.model.objects import Bucket, Condition, ObjectVersion
from objstore.model.requests import Body, PutRequest, PutResult
from objstore.model.tiers import code_of_tier, tier_of
from objstore.store.context import Context
from objstore.store.digests import StreamDigests, digests_of
from objstore.store.flows import count
from objstore.store.keys import Sealing
from objstore.store.object_writer import ObjectWriter
from objstore.store.packer import Appended, Owner, packed_record
from objstore.store.sealed import SealingWriter, writers
from objstore.volume.packed_stripe import PackedRecord
from objstore.work.batcher import Batcher

ATTEMPTS_MAX = 3
IN_FLIGHT = 3
# A second batch flies beside the first only when so many wait: a larger batch shares its flushes and its commit.
CROWD = 64
# A batch of mostly overwrites sends the next ones straight to the full commit, until new keys are tried again.
OVERWRITES_STEP = 16
OVERWRITES_HALF = 16


def record_attrs(version: ObjectVersion) -> bytes:
    """What a rebuilt row needs besides the payload, as JSON: see docs/architecture.md."""
    fields: dict[str, Any] = {
        "etag": version.etag.hex(),
        "modified": version.modified.isoformat(),
        "class": version.storage_class,
        "attrs": version.attrs,
        "tags": version.tags,
        "checksum": version.checksum.hex() if version.checksum else None,
    }
    if version.parts is not None and envelope_of(version.attrs) is not None:
        # Each part is sealed by itself: without their sizes nothing of it opens.
        fields["parts"] = b64encode(
            pack_parts([(n, size, None) for n, size, _ in unpack_parts(version.parts)])
        ).decode()
    return orjson.dumps({name: value for name, value in fields.items() if value is not None})


@dataclass(slots=True)
class _Small:
    """A small object on its way."""

    record: PackedRecord
    version: ObjectVersion
    condition: Condition
    versioned: bool  # the bucket may have versions, as far as is known
    tell: Notify | None = None
    stages: tuple[float, float, float] = (0.0, 0.0, 0.0)


def _weight(item: _Small) -> int:
    return item.record.size


class Payload:
    """A request's body, read as far as is needed to see whether it is small."""

    def __init__(self, body: Body, small_max: int, size_max: int) -> None:
        self.body, self._small_max, self._size_max = body, small_max, size_max
        self.head: list[bytes] = []
        self.size = 0
        algorithm = body.checksum_algorithm() or DEFAULT_ALGORITHM
        self.algorithm = algorithm
        self.algorithms = body.algorithms | {algorithm}

    async def gather(self) -> bytes | None:
        """The whole payload if it is small; else None, with its beginning in ``head``. Raises EntityTooLarge."""
        declared = self.body.length
        if declared is not None:
            self.check(declared)
            if declared > self._small_max:
                return None
        while piece := await self.body.read():
            self.head.append(piece)
            self.size += len(piece)
            if self.size > self._small_max:
                return None
        return self.head[0] if len(self.head) == 1 else b"".join(self.head)

    def check(self, size: int) -> None:
        """Raises EntityTooLarge."""
        if size > self._size_max:
            raise EntityTooLarge(ProposedSize=size, MaxSizeAllowed=self._size_max)

    async def pour(self, writer: ObjectWriter | SealingWriter) -> None:
        """All of the payload into a writer."""
        for piece in self.head:
            await writer.feed(piece)
        self.head.clear()
        while count := await self.body.read_into(writer.room()):
            self.size += count
            self.check(self.size)
            await writer.filled(count)


class Puts:
    """PutObject."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._batchers: dict[str, Batcher[_Small, ObjectVersion | None]] = {}
        self._overwrites = 0

    @property
    def depth(self) -> int:
        """Small objects that wait for a batch."""
        return sum(batcher.depth for batcher in self._batchers.values())

    async def put(self, request: PutRequest, body: Body) -> PutResult:
        """Store an object; durable and committed when this returns. Raises RequestError, ClusterError."""
        context, tier = self._context, tier_of(request.storage_class)
        bucket = await context.bucket(request.bucket)
        sealing, small_max, settings = None, context.pool.profile(tier).pack_bytes_max, bucket.settings
        if settings and LOCKABLE in settings:
            request.attrs = with_default(request.attrs, settings, clock.now())
        if request.encryption is not None or (settings and default_of(settings) is not None):
            sealing = await self._sealing(request, bucket)
            small_max = plain_max(small_max)
        if context.limits.known:
            context.limits.admit(bucket, body.length or 0)
        payload = Payload(body, small_max, PUT_BYTES_MAX)
        whole = await payload.gather()
        if whole is None:
            # The records that are about to be written carry the bucket's id: it must be the right one.
            bucket = await context.fresh_bucket(request.bucket)
            return await self._put_large(request, bucket, tier, payload, sealing)
        if body.length is None and context.limits.known:
            context.limits.admit(bucket, len(whole), objects=0)
        digests = digests_of(whole, payload.algorithms)
        body.verify(digests)
        version = _version(request, bucket.id, len(whole), digests, payload.algorithm)
        if sealing is not None:
            version.etag, whole = sealing.etag(version.etag), seal_whole(sealing.key, 0, whole)
        tell = teller(bucket, request.event) if settings else None
        return await self._put_small(request, version, tier, whole, bucket.versioning is not None, tell)

    async def _sealing(self, request: PutRequest, bucket: Bucket) -> Sealing:
        """The data key of an object that is to be encrypted; its envelope goes with the object's attributes."""
        wanted = request.encryption or default_of(bucket.settings)
        assert wanted is not None, "nothing asks for encryption"
        sealing = await self._context.keys.new(wanted)
        request.attrs = {**(request.attrs or {}), ATTR: sealing.envelope}
        return sealing

    async def _put_small(
        self,
        request: PutRequest,
        version: ObjectVersion,
        tier: str,
        whole: bytes,
        versioned: bool,
        tell: Notify | None,
    ) -> PutResult:
        context, received = self._context, clock.monotonic_seconds()
        batcher = self._batchers.get(tier)
        if batcher is None:
            batcher = self._batchers[tier] = Batcher(
                functools.partial(self._put_batch, tier),
                in_flight=IN_FLIGHT,
                crowd=CROWD,
                weigh=_weight,
                observe=context.observe_put,
                name="put batch",
            )
        for attempt in range(ATTEMPTS_MAX):
            owner = Owner(version.bucket_id, version.key, version.version_id, 0, record_attrs(version))
            try:
                record = packed_record(owner, whole)
                item = _Small(record, version, request.condition, versioned, tell)
                await batcher.submit(item)
                count(context.flows.written, version.tier, version.size)
                return _result(version, (received, *item.stages))
            except VolumeFenced:
                if attempt == ATTEMPTS_MAX - 1:
                    raise
            except NoSuchBucket:
                # Perhaps it was deleted and made again since we looked: then it has another id.
                bucket_id = (await context.fresh_bucket(request.bucket)).id
                if bucket_id == version.bucket_id or attempt == ATTEMPTS_MAX - 1:
                    raise
                version.bucket_id = bucket_id
        raise AssertionError("unreachable")

    async def _put_batch(self, tier: str, items: "list[_Small]") -> "list[Outcome]":
        """Append and commit what is in flight together: one stripe, one flush a shard, one transaction."""
        context, begun = self._context, clock.monotonic_seconds()
        extents, volume = await context.packer.append_batch(tier, [item.record for item in items])
        there = clock.monotonic_seconds()
        appended, settled = frozenset((volume.volume.id,)), False
        writes = []
        for item, packed in zip(items, extents, strict=True):
            version = item.version
            version.extents = packed
            writes.append(Write(version.bucket_id, version.key, version, item.condition, appended, tell=item.tell))
        try:
            outcomes = await self._commit_batch(writes, [item.versioned for item in items])
            settled = True  # what was refused has gone to the ledger with the commit
            stages = begun, there, clock.monotonic_seconds()
            for item in items:
                item.stages = stages
        finally:
            for _ in items:
                context.pool.release(volume, settled)
        if any(isinstance(outcome, VolumeFenced) for outcome in outcomes):
            context.pool.retire([volume.volume.id])
        return outcomes

    async def _commit_batch(self, writes: list[Write], versioned: list[bool]) -> "list[Outcome]":
        """New keys in one statement; the rest, or all while most of them turn out to be old ones, in full.

        ``versioned``: those whose bucket may have versions, which is never done in one statement.
        """
        objects = self._context.objects
        plain = [write for write, full in zip(writes, versioned, strict=True) if not full]
        if not plain:
            return await objects.commit(writes)
        if self._overwrites > OVERWRITES_HALF:
            self._overwrites -= 1
            return await objects.commit(writes)
        added = iter(await objects.add(plain))
        outcomes: list[Outcome] = [None if full else next(added) for full in versioned]
        left = [write for write, outcome in zip(writes, outcomes, strict=True) if outcome is None]
        if left:
            others_plain = len(left) - (len(writes) - len(plain))
            self._overwrites += OVERWRITES_STEP if 2 * others_plain > len(plain) else 0
            others = iter(await objects.commit(left))
            outcomes = [next(others) if outcome is None else outcome for outcome in outcomes]
        return outcomes

    async def _put_large(
        self, request: PutRequest, bucket: Bucket, tier: str, payload: Payload, sealing: Sealing | None
    ) -> PutResult:
        context, bucket_id = self._context, bucket.id
        digests = StreamDigests(payload.algorithms, context.executor)
        version = _blank(request, bucket_id)
        owner = Owner(bucket_id, request.key, version.version_id, 0, record_attrs(version))
        writer, inlet = writers(context, tier, owner, payload.body.length, digests, sealing)
        try:
            await payload.pour(inlet)
            received = clock.monotonic_seconds()
            await inlet.flush()
            if payload.body.length is None and context.limits.known:
                context.limits.admit(bucket, payload.size, objects=0)
            found = digests.digests()
            payload.body.verify(found)
            _describe(version, payload.size, found, payload.algorithm)
            if sealing is not None:
                version.etag = sealing.etag(version.etag)
            date(version)
            appended = await writer.finish(Owner(bucket_id, request.key, version.version_id, 0, record_attrs(version)))
        except BaseException:
            context.abandon(writer)
            raise
        # The commit point; from here on the volume's bytes are the version's or nobody's.
        there = clock.monotonic_seconds()
        version.extents = appended.extents
        tell = teller(bucket, request.event)
        write = Write(bucket_id, version.key, version, request.condition, appended.volume_ids, tell=tell)
        await settle(context, write, appended)
        count(context.flows.written, version.tier, version.size)
        return _result(version, (received, there, clock.monotonic_seconds()))


async def settle(context: Context, write: Write, appended: Appended) -> ObjectVersion | None:
    """Commit a change of one key, and let go of the volumes that it appended to."""
    settled = False
    try:
        written = await context.in_time(context.commits.submit(write))
        settled = True
        return written
    except (RequestError, VolumeFenced):
        settled = True  # the commit has put what was appended into the ledger
        raise
    finally:
        appended.release(context.pool, settled)


def _blank(request: PutRequest, bucket_id: int) -> ObjectVersion:
    now = clock.now()
    return ObjectVersion(
        bucket_id,
        request.key,
        clock.random_id(),
        0,
        b"",
        now,
        request.storage_class,
        b"",
        None,
        request.attrs,
        request.tags,
        accessed=days.day_of(now),
        tier=code_of_tier(tier_of(request.storage_class)),
    )


def _describe(version: ObjectVersion, size: int, digests: dict[str, bytes], algorithm: str) -> None:
    version.size, version.etag = size, digests["MD5"]
    version.checksum = Checksum(algorithm, digests[algorithm]).pack()


def date(version: ObjectVersion) -> None:
    """It is as old as its commit, not as its first byte: lifecycle rules walk by this time and never back."""
    version.modified = clock.now()
    version.accessed = days.day_of(version.modified)


def _version(
    request: PutRequest, bucket_id: int, size: int, digests: dict[str, bytes], algorithm: str
) -> ObjectVersion:
    version = _blank(request, bucket_id)
    _describe(version, size, digests, algorithm)
    return version


def _result(version: ObjectVersion, stages: tuple[float, ...]) -> PutResult:
    kept = Checksum.unpack(version.checksum) if version.checksum else None
    return PutResult(version.version_id, version.etag, kept, version.size, version.shown_id, version.attrs, stages)

"""Context: what all verbs share."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from objstore.meta.buckets import Buckets
from objstore.meta.events import Events
from objstore.meta.moves import Movements
from objstore.meta.objects import Objects, Write
from objstore.meta.restored import RestoredCopies
from objstore.meta.uploads import Uploads
from objstore.meta.volumes import Volumes
from objstore.model import clock
from objstore.model.errors import NoSuchBucket, Overloaded
from objstore.model.limits import ANSWER_SECONDS_MAX
from objstore.model.objects import Bucket, ObjectVersion
from objstore.store.accesses import Accesses
from objstore.store.catalog import Catalog
from objstore.store.flows import Flows
from objstore.store.keys import Keys
from objstore.store.object_writer import ObjectWriter
from objstore.store.packer import Packer
from objstore.store.pool import VolumePool
from objstore.store.quotas import Limits
from objstore.volume.buffers import BufferPool
from objstore.work.batcher import Batcher

BUCKET_SECONDS = 1.0  # how long a bucket's settings may be remembered; its existence is checked at every commit
BUCKETS_KEPT_MAX = 10_000
AFLOAT_SECONDS_MAX = 5.0  # what nobody waits for any more gets so long when the process ends
Result = TypeVar("Result")


@dataclass(slots=True)
class Context:
    """The rooms below, and the batchers in front of them."""

    buckets: Buckets
    objects: Objects
    events: Events
    uploads: Uploads
    volumes: Volumes
    movements: Movements
    restored: RestoredCopies
    catalog: Catalog
    pool: VolumePool
    packer: Packer
    lookups: Batcher[tuple[int, bytes], ObjectVersion | None]
    commits: Batcher[Write, ObjectVersion | None]
    executor: ThreadPoolExecutor
    observe_put: Callable[[int], None] | None = None  # told the size of each batch of small objects
    serves_clients: bool = True
    operations: int = 0  # lookups and commits so far
    p99_seconds: Callable[[], float] = float  # of small requests since it was last asked; 0: not known
    accesses: Accesses = field(default_factory=Accesses)
    flows: Flows = field(default_factory=Flows)
    buffers: BufferPool = field(default_factory=BufferPool)
    known: dict[str, tuple[Bucket, float]] = field(default_factory=dict)
    afloat: set[asyncio.Task[Any]] = field(default_factory=set)
    announce: Callable[[str], Awaitable[None]] | None = None  # tells all gateways that a bucket has changed
    keys: Keys = field(default_factory=Keys)
    limits: Limits = field(default_factory=Limits)

    async def bucket(self, name: str) -> Bucket:
        """The bucket, perhaps as it was a second ago. Raises NoSuchBucket."""
        return self.cached(name) or await self.fresh_bucket(name)

    def cached(self, name: str) -> Bucket | None:
        """The bucket as it was at most ``BUCKET_SECONDS`` ago, if that is known."""
        known = self.known.get(name)
        return known[0] if known is not None and known[1] > clock.monotonic_seconds() else None

    async def fresh_bucket(self, name: str) -> Bucket:
        """The bucket as it is now. Raises NoSuchBucket."""
        bucket = await self.buckets.get(name)
        if bucket is None:
            self.known.pop(name, None)
            raise NoSuchBucket(BucketName=name)
        return self.remember(bucket)

    def remember(self, bucket: Bucket) -> Bucket:
        """Keep a bucket that was just read or changed for ``BUCKET_SECONDS``; gives it back."""
        if len(self.known) >= BUCKETS_KEPT_MAX:
            self.known.clear()
        self.known[bucket.name] = (bucket, clock.monotonic_seconds() + BUCKET_SECONDS)
        return bucket

    def forget_bucket(self, name: str) -> None:
        """Look a bucket up anew next time: somebody has changed it."""
        self.known.pop(name, None)

    async def changed(self, bucket: Bucket) -> Bucket:
        """``remember``, once all other gateways have forgotten what they knew of it."""
        if self.announce is not None:
            await self.announce(bucket.name)
        return self.remember(bucket)

    def carry_on(self, work: Coroutine[Any, Any, Result]) -> "asyncio.Future[Result]":
        """Run ``work`` to its end, even if whoever awaits this is cut short because the client was kept waiting.

        What runs so is bounded by its own time-outs and by the connections to Postgres.
        """
        return asyncio.shield(self._float(work))

    async def in_time(self, commit: Awaitable[Result]) -> Result:
        """The outcome of a commit. Raises Overloaded, and nothing is known of it, when a client cannot wait longer."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                return await commit
        except TimeoutError:
            raise Overloaded("no commit in time") from None

    def abandon(self, writer: ObjectWriter) -> None:
        """Give a large payload up. The client is told at once: a drive that hangs would hold up the answer."""
        self._float(writer.abandon())

    def _float(self, work: Coroutine[Any, Any, Result]) -> "asyncio.Task[Result]":
        task = asyncio.ensure_future(work)
        self.afloat.add(task)
        task.add_done_callback(self.afloat.discard)
        return task

    async def drain(self) -> None:
        """Wait a little for what nobody waits for."""
        if self.afloat:
            await asyncio.wait(self.afloat, timeout=AFLOAT_SECONDS_MAX)

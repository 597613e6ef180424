"""Snapshots: the metadata, kept in the store itself, erasure-coded on the hot tier as any object.

They lie in a bucket that no client can name. Their records say whose they are, so that recovery finds them on the
drives without any database. A whole one is made now and then, one of what has changed much more often.

    full/<time>      everything but what only says what is going on just now
    changes/<time>   versions made or made noncurrent since the snapshot before, and the small tables whole
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from objstore.meta.database import Database
from objstore.meta.dump import dump
from objstore.model import clock
from objstore.model.errors import BucketAlreadyExists, BucketAlreadyOwnedByYou
from objstore.model.objects import Bucket, ObjectVersion
from objstore.model.requests import DeleteRequest, ListRequest, PutRequest
from objstore.store.store import Store

BUCKET_ID, BUCKET_NAME = 0, ".objstore"
FULL, CHANGES = b"full/", b"changes/"
FULL_KEPT = 3
# Commits become visible later than the time that they carry, and gateways' clocks differ.
OVERLAP = timedelta(minutes=10)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One that is kept."""

    key: bytes
    taken: datetime
    bytes: int

    @property
    def full(self) -> bool:
        """Whether it has everything."""
        return self.key.startswith(FULL)


Listing = list[Snapshot]  # the class has a method of the name list


class _Stream:
    """A payload that is made while it is stored."""

    algorithms: frozenset[str] = frozenset()
    length: int | None = None

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    async def read(self) -> bytes:
        return await anext(self._pieces, b"")

    async def read_into(self, buffer: memoryview) -> int:
        rest = self._rest or memoryview(await self.read())
        count = min(len(rest), len(buffer))
        buffer[:count] = rest[:count]
        self._rest = rest[count:]
        return count

    def verify(self, digests: Mapping[str, bytes]) -> None:
        """Nothing was claimed of it."""

    def checksum_algorithm(self) -> str | None:
        return None


class Snapshots:
    """Makes, lists and drops snapshots."""

    def __init__(self, store: Store, database: Database) -> None:
        self._store, self._database = store, database

    async def take(self, full: bool) -> Snapshot:
        """Make one; one of changes only if there is a whole one before it."""
        known = await self.list()
        last = known[-1] if known else None
        full = full or not any(one.full for one in known) or last is None
        began = clock.now()
        since = None if full or last is None else last.taken - OVERLAP
        key = (FULL if full else CHANGES) + began.strftime("%Y%m%dT%H%M%S.%fZ").encode()
        put = await self._store.put(PutRequest(BUCKET_NAME, key), _Stream(dump(self._database, since)))
        if full:
            await self._drop_old([*known, Snapshot(key, began, put.size)])
        log.info("snapshot_taken", key=key.decode(), bytes=put.size)
        return Snapshot(key, began, put.size)

    async def list(self) -> Listing:
        """All that are kept, the oldest first."""
        await self._ensure_bucket()
        found: list[Snapshot] = []
        for prefix in (FULL, CHANGES):
            after = b""
            while page := (await self._store.list(ListRequest(BUCKET_NAME, prefix=prefix, after=after))).versions:
                found += [Snapshot(one.key, taken_of(one), one.size) for one in page]
                after = page[-1].key
        return sorted(found, key=lambda one: one.taken)

    async def _drop_old(self, known: Listing) -> None:
        whole = sorted((one for one in known if one.full), key=lambda one: one.taken)[-FULL_KEPT:]
        for one in known:
            if one.taken < whole[0].taken:
                await self._store.delete(BUCKET_NAME, DeleteRequest(one.key))

    async def _ensure_bucket(self) -> None:
        try:
            await self._store.context.buckets.create(Bucket(BUCKET_ID, BUCKET_NAME, "", "", clock.now()))
        except (BucketAlreadyExists, BucketAlreadyOwnedByYou):
            return


def taken_of(version: ObjectVersion) -> datetime:
    """When a snapshot was begun, by its key."""
    text = version.key.rpartition(b"/")[2].decode()
    return datetime.strptime(text, "%Y%m%dT%H%M%S.%f%z")

"""Store: all verbs of one process, behind one object."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog

from objstore.model import clock
from objstore.model.errors import RestoreAlreadyInProgress
from objstore.model.objects import Bucket, ObjectVersion
from objstore.model.storage_class import access_tier_of
from objstore.model.tiering import is_misplaced
from objstore.model.tiers import is_archived
from objstore.store.context import Context
from objstore.store.copy import Copies
from objstore.store.delete import Deletes
from objstore.store.listing import Listings
from objstore.store.move import Moves
from objstore.store.multipart import Multiparts, parts_of
from objstore.store.put import Puts
from objstore.store.read import Reader, Reads
from objstore.store.relocate import Relocations
from objstore.store.restore import Restores
from objstore.store.tags import Tags

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 2.0


class Store:
    """Objects in, objects out. Made by ``objstore.store.build.open_store``."""

    def __init__(self, context: Context) -> None:
        self.context = context
        reads, deletes, listings = Reads(context), Deletes(context), Listings(context)
        copies = Copies(context, reads)
        multiparts = Multiparts(context, reads, copies)
        self.relocations = Relocations(context, reads)
        self.moves = Moves(context, reads)
        self.put = Puts(context).put
        self.get = reads.get
        self._reads, self._restores = reads, Restores(context.restored)
        self._note = context.accesses.note
        self.restore, self.restore_statuses = self._restores.restore, self._restores.statuses
        self.delete, self.delete_many = deletes.delete, deletes.delete_many
        self.copy = copies.copy
        self.list, self.list_uploads = listings.list, listings.list_uploads
        self.list_versions = listings.list_versions
        self.set_tags = Tags(context).set
        self.create_upload, self.get_upload = multiparts.create_upload, multiparts.get_upload
        self.put_part, self.copy_part = multiparts.put_part, multiparts.copy_part
        self.complete, self.abort, self.list_parts = multiparts.complete, multiparts.abort, multiparts.list_parts
        self.parts_of = parts_of
        self._heart = asyncio.ensure_future(self._beat())

    async def read(self, version: ObjectVersion, start: int, end: int) -> Reader:
        """Bytes [start, end) of a version; an archived one is read from its restored copy.

        The first piece is read and verified before this returns. It counts as an access. Raises
        InvalidObjectState, TooManyLost, CorruptData.
        """
        source = version
        if is_archived(version.storage_class):
            source = await self._restores.readable(version)
        reader = await self._reads.read(source, start, end)
        self._note(version)
        return reader

    async def warm(self, version: ObjectVersion, days: int) -> None:
        """Have a version that lies cold made warm: an archived one restored for some days, unless it is or will be.

        One that moves by access counts as accessed. All others stay where they are.
        """
        if not is_archived(version.storage_class):
            if is_misplaced(version.storage_class, version.size, version.tier):
                self._note(version)
        elif not await self._restores.statuses([version]):
            with suppress(RestoreAlreadyInProgress):
                await self._restores.restore(version, None if access_tier_of(version.storage_class) else days)

    async def create_bucket(self, name: str, owner: str, region: str) -> Bucket:
        """Make a bucket. Raises BucketAlreadyOwnedByYou, BucketAlreadyExists."""
        return await self.context.buckets.create(Bucket(clock.random_int63(), name, owner, region, clock.now()))

    async def get_bucket(self, name: str) -> Bucket:
        """The bucket as it is now. Raises NoSuchBucket."""
        return await self.context.fresh_bucket(name)

    async def list_buckets(self, owner: str, prefix: str = "", after: str = "", limit: int = 10000) -> list[Bucket]:
        """Buckets of an owner by name."""
        return await self.context.buckets.list(owner, prefix, after, limit)

    async def delete_bucket(self, name: str) -> None:
        """Remove an empty bucket. Raises NoSuchBucket, BucketNotEmpty."""
        await self.context.carry_on(self.context.buckets.delete(name))
        self.context.known.pop(name, None)

    def known_bucket(self, name: str) -> Bucket | None:
        """The bucket as a verb has found it a moment ago: what an answer about it is to be written by."""
        known = self.context.known.get(name)
        return None if known is None else known[0]

    async def set_versioning(self, name: str, state: str) -> Bucket:
        """Set versioning to "Enabled" or "Suspended": what is written from now on goes by it. Raises NoSuchBucket."""
        return self.context.remember(await self.context.buckets.set_versioning(name, state))

    async def set_setting(self, name: str, key: str, value: Any) -> Bucket:
        """Set one sub-resource of a bucket, or remove it (None). Raises NoSuchBucket."""
        return self.context.remember(await self.context.buckets.set_setting(name, key, value))

    async def change_setting(self, name: str, key: str, change: Callable[[Any], Any]) -> Bucket:
        """Set one sub-resource to what ``change`` makes of its present value, atomically; see ``Buckets``."""
        return self.context.remember(await self.context.buckets.change_setting(name, key, change))

    async def close(self) -> None:
        """Finish what is under way and seal what is open; the database and the drives are the caller's to close."""
        self._heart.cancel()
        await self.context.commits.drain()
        await self.context.drain()
        await self.context.pool.close()
        self.context.executor.shutdown(wait=True)

    async def _beat(self) -> None:
        """Say that this writer lives and how busy it is, and seal what somebody wants sealed."""
        context, counted, at = self.context, 0, clock.monotonic_seconds()
        while True:
            try:
                seconds, operations = clock.monotonic_seconds() - at, context.operations - counted
                load = operations / max(seconds, 1e-3) if context.serves_clients else 0.0
                at, counted = at + seconds, counted + operations
                context.pool.retire(await context.volumes.heartbeat(context.pool.writer_id, load))
                await context.pool.tidy()
            except Exception as error:
                # Whatever it was, the next beat may pass; without any the lease ends and others seal our volumes.
                log.warning("no heartbeat", error=repr(error))
            await asyncio.sleep(HEARTBEAT_SECONDS)

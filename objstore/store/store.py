"""Store: all verbs of one process, behind one object."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import structlog

from objstore.model import clock
from objstore.model.encryption import ATTR, CustomerKey, envelope_of
from objstore.model.errors import RestoreAlreadyInProgress
from objstore.model.notification import Event
from objstore.model.objects import Bucket, ObjectVersion
from objstore.model.storage_class import access_tier_of
from objstore.model.tiering import is_misplaced
from objstore.model.tiers import is_archived
from objstore.store.append import Appends
from objstore.store.context import Context
from objstore.store.copy import Copies
from objstore.store.delete import Deletes
from objstore.store.keys import check_customer
from objstore.store.listing import Listings
from objstore.store.move import Moves
from objstore.store.multipart import Multiparts, parts_of
from objstore.store.opened import read_opened
from objstore.store.put import Puts
from objstore.store.read import Reader, Reads
from objstore.store.relocate import Relocations
from objstore.store.rename import Renames
from objstore.store.restore import Restores
from objstore.store.roster import Roster
from objstore.store.tags import Tags

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 2.0


class Queue(Protocol):
    """Requests that wait for a batch."""

    @property
    def depth(self) -> int: ...


class Store:
    """Objects in, objects out. Made by ``objstore.store.build.open_store``."""

    def __init__(self, context: Context, roster: Roster) -> None:
        self.context, self.roster = context, roster
        reads, deletes, listings = Reads(context), Deletes(context), Listings(context)
        copies = Copies(context, reads)
        multiparts = Multiparts(context, reads, copies)
        self.relocations = Relocations(context, reads)
        self.moves = Moves(context, reads)
        puts = Puts(context)
        self.put = puts.put
        self.queues: dict[str, Queue] = {
            "lookup": context.lookups,
            "commit": context.commits,
            "append": context.packer,
            "put": puts,
        }
        self.append = Appends(context, reads, puts).append
        self.rename = Renames(context, reads).rename
        self.get = reads.get
        self._reads, self._restores = reads, Restores(context.restored)
        self._note = context.accesses.note
        self.restore, self.restore_statuses = self._restores.restore, self._restores.statuses
        self.delete, self.delete_many = deletes.delete, deletes.delete_many
        self.copy = copies.copy
        self.list, self.list_uploads = listings.list, listings.list_uploads
        self.list_versions = listings.list_versions
        self.set_tags, self.change_attrs = Tags(context).set, Tags(context).change_attrs
        self.create_upload, self.get_upload = multiparts.create_upload, multiparts.get_upload
        self.put_part, self.copy_part = multiparts.put_part, multiparts.copy_part
        self.complete, self.abort, self.list_parts = multiparts.complete, multiparts.abort, multiparts.list_parts
        self.parts_of = parts_of
        self._heart = asyncio.ensure_future(self._beat())
        self._watch = asyncio.ensure_future(roster.run())

    async def read(self, version: ObjectVersion, start: int, end: int, customer: CustomerKey | None = None) -> Reader:
        """Bytes [start, end) of a version; an archived one is read from its restored copy.

        The first piece is read and verified before this returns. It counts as an access. ``customer``: the key of a
        version with SSE-C. Raises InvalidObjectState, InvalidRequest, KmsError, TooManyLost, CorruptData.
        """
        source = version
        if is_archived(version.storage_class):
            source = await self._restores.readable(version)
        kept = version.attrs.get(ATTR) if version.attrs else None
        if kept is None:
            reader = await self._reads.read(source, start, end, self.context.flows)
        else:
            opened = await self.context.keys.open(kept, customer)
            executor, flows = self.context.executor, self.context.flows
            reader = await read_opened(self._reads, source, opened.key, start, end, executor, flows)
        self._note(version)
        return reader

    async def owners(self, versions: Sequence[ObjectVersion]) -> Mapping[tuple[bytes, bytes], str]:
        """Owners, by key and version id, of those of a bucket's versions that are not simply the bucket's owner's."""
        if not versions:
            return {}
        names = [(version.key, version.version_id) for version in versions]
        return await self.context.objects.owners(versions[0].bucket_id, names)

    async def check_key(self, version: ObjectVersion, customer: CustomerKey | None) -> None:
        """Raise InvalidRequest unless the key of an SSE-C version, and of no other, was given and is the right one."""
        kept = envelope_of(version.attrs)
        check_customer(kept, customer)
        if kept is not None and customer is not None:
            await self.context.keys.open(kept, customer)

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

    async def create_bucket(
        self, name: str, owner: str, region: str, settings: Mapping[str, Any] | None = None
    ) -> Bucket:
        """Make a bucket with these settings. Raises BucketAlreadyOwnedByYou, BucketAlreadyExists."""
        bucket = Bucket(clock.random_int63(), name, owner, region, clock.now(), settings or {})
        return await self.context.buckets.create(bucket)

    async def get_bucket(self, name: str) -> Bucket:
        """The bucket as it is now. Raises NoSuchBucket."""
        return await self.context.fresh_bucket(name)

    async def list_buckets(self, owner: str, prefix: str = "", after: str = "", limit: int = 10000) -> list[Bucket]:
        """Buckets of an owner by name."""
        return await self.context.buckets.list(owner, prefix, after, limit)

    async def tell(self, events: Sequence[Event]) -> None:
        """Put events into the outbox."""
        await self.context.events.add(events)

    async def delete_bucket(self, name: str) -> None:
        """Remove an empty bucket. Raises NoSuchBucket, BucketNotEmpty."""
        await self.context.carry_on(self.context.buckets.delete(name))
        self.context.forget_bucket(name)
        if self.context.announce is not None:
            await self.context.announce(name)  # the next bucket of this name may be somebody else's

    def cached_bucket(self, name: str) -> Bucket | None:
        """The bucket as a verb would take it without asking: at most a second old, or None."""
        return self.context.cached(name)

    def known_bucket(self, name: str) -> Bucket | None:
        """The bucket as a verb has found it a moment ago: what an answer about it is to be written by."""
        known = self.context.known.get(name)
        return None if known is None else known[0]

    async def set_versioning(self, name: str, state: str) -> Bucket:
        """Set versioning to "Enabled" or "Suspended": what is written from now on goes by it. Raises NoSuchBucket."""
        return await self.context.changed(await self.context.buckets.set_versioning(name, state))

    async def set_setting(self, name: str, key: str, value: Any) -> Bucket:
        """Set one sub-resource of a bucket, or remove it (None). Raises NoSuchBucket."""
        return await self.context.changed(await self.context.buckets.set_setting(name, key, value))

    async def change_setting(self, name: str, key: str, change: Callable[[Any], Any]) -> Bucket:
        """Set one sub-resource to what ``change`` makes of its present value, atomically; see ``Buckets``."""
        return await self.context.changed(await self.context.buckets.change_setting(name, key, change))

    async def close(self) -> None:
        """Finish what is under way and seal what is open; the database and the drives are the caller's to close."""
        self._heart.cancel()
        self._watch.cancel()
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
                p99 = context.p99_seconds()
                context.pool.retire(await context.volumes.heartbeat(context.pool.writer_id, load, p99))
                await context.catalog.refresh()
                await context.pool.tidy()
            except Exception as error:
                # Whatever it was, the next beat may pass; without any the lease ends and others seal our volumes.
                log.warning("no heartbeat", error=repr(error))
            await asyncio.sleep(HEARTBEAT_SECONDS)

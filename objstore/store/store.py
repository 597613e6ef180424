"""Store: all verbs of one process, behind one object."""

import asyncio

import structlog

from objstore.model import clock
from objstore.model.objects import Bucket
from objstore.store.context import Context
from objstore.store.copy import Copies
from objstore.store.delete import Deletes
from objstore.store.listing import Listings
from objstore.store.multipart import Multiparts, parts_of
from objstore.store.put import Puts
from objstore.store.read import Reads
from objstore.store.relocate import Relocations

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
        self.put = Puts(context).put
        self.get, self.read = reads.get, reads.read
        self.delete, self.delete_many = deletes.delete, deletes.delete_many
        self.copy = copies.copy
        self.list, self.list_uploads = listings.list, listings.list_uploads
        self.create_upload, self.get_upload = multiparts.create_upload, multiparts.get_upload
        self.put_part, self.copy_part = multiparts.put_part, multiparts.copy_part
        self.complete, self.abort, self.list_parts = multiparts.complete, multiparts.abort, multiparts.list_parts
        self.parts_of = parts_of
        self._heart = asyncio.ensure_future(self._beat())

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

    async def close(self) -> None:
        """Finish what is under way and seal what is open; the database and the drives are the caller's to close."""
        self._heart.cancel()
        await self.context.commits.drain()
        await self.context.drain()
        await self.context.pool.close()
        self.context.executor.shutdown(wait=True)

    async def _beat(self) -> None:
        """Say that this writer lives, and seal what somebody wants sealed."""
        while True:
            try:
                self.context.pool.retire(await self.context.volumes.heartbeat(self.context.pool.writer_id))
                await self.context.pool.tidy()
            except Exception as error:
                # Whatever it was, the next beat may pass; without any the lease ends and others seal our volumes.
                log.warning("no heartbeat", error=repr(error))
            await asyncio.sleep(HEARTBEAT_SECONDS)

"""move: a version's bytes to another tier; its old ones are let go of only when the new ones are sure to be good.

    1 read      from the old extents, verified
    2 append    to volumes of the target tier: small ones share stripes, large ones stream
    3 sync      every shard of these stripes is durable
    4 verify    every column read back from its drive, decoded, and the payload held against what was read in 1
    5 swap      extents, class and tier in one transaction, if the version still has its old extents
                                                                                           ← THE COMMIT POINT

| What happens                 | What is left                                 | Who clears it                          |
|------------------------------|----------------------------------------------|----------------------------------------|
| crash in 1–4                 | the version as it was, and a copy of it that | compaction of the copy's volume        |
|                              | nobody refers to                             |                                        |
| it does not verify           | the same; its volume is not used again       | the same; somebody moves it later      |
| overwritten, deleted, or     | the copy: the swap changes nothing           | the same, by the garbage ledger        |
| moved by another, meanwhile  |                                              |                                        |
| crash after 5                | the old bytes, in the garbage ledger         | compaction of their volume             |
| a reader has the old extents | their volume, until its grace is over        | compaction                             |
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from objstore.format.checksum import checksum, hasher
from objstore.format.extent import HEADER_UNIT_BYTES, Extent, unpack
from objstore.meta.moves import Replacement
from objstore.model.errors import CorruptData, DriveError, ObjstoreError
from objstore.model.objects import ObjectVersion
from objstore.store.context import Context
from objstore.store.object_writer import ObjectWriter
from objstore.store.packer import Appended, Owner
from objstore.store.put import record_attrs
from objstore.store.read import Reads
from objstore.volume.extent_reader import read_extents
from objstore.volume.verify import verify_stripe
from objstore.work.failpoint import reach

LARGE_AT_ONCE = 2  # each holds some tens of MiB
STRIPES_AT_ONCE = 4

Commit = Callable[[list[Replacement]], Awaitable[list[bool]]]
Throttle = Callable[[int], Awaitable[None]]
Result = bool | ObjstoreError


@dataclass(frozen=True, slots=True)
class Move:
    """``tier``: the name of the tier that it goes to; ``storage_class``: the class that it has there."""

    version: ObjectVersion
    storage_class: str
    tier: str


@dataclass(slots=True)
class _Copy:
    """A durable copy; ``digest`` is that of the payload as it was read."""

    move: Move
    appended: Appended
    digest: int


async def _unlimited(_: int) -> None:
    return None


class Moves:
    """Moves versions between tiers, in batches."""

    def __init__(self, context: Context, reads: Reads) -> None:
        self._context, self._reads = context, reads
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        self._stripes = asyncio.Semaphore(STRIPES_AT_ONCE)

    async def move(
        self, moves: Sequence[Move], commit: Commit | None = None, throttle: Throttle = _unlimited
    ) -> list[Result]:
        """Move versions; the keys of a batch must differ.

        One result a move: True; False if the version is no more what it was; or why it could not be moved. ``commit``
        swaps, in a transaction of the caller's; ``throttle`` is awaited with the number of bytes before they are read.
        """
        found = await asyncio.gather(*(self._copy(move, throttle) for move in moves), return_exceptions=True)
        copies = [copy for copy in found if isinstance(copy, _Copy)]
        settled = False
        try:
            _raise_unexpected(found)
            failed = await self._verify(copies)
            good = [copy for copy in copies if id(copy) not in failed]
            await reach("move.swap")
            swapped = dict(
                zip(map(id, good), await (commit or self._swap)([_replacement(copy) for copy in good]), strict=True)
            )
            settled = not failed
            await reach("move.done")
        finally:
            for copy in copies:
                copy.appended.release(self._context.pool, settled)
        outcomes: list[Result] = []
        for one in found:
            if isinstance(one, _Copy):
                outcomes.append(failed.get(id(one)) or swapped[id(one)])
            elif isinstance(one, ObjstoreError):
                outcomes.append(one)
        return outcomes

    async def _swap(self, replacements: list[Replacement]) -> list[bool]:
        return await self._context.movements.swap(replacements)

    async def _copy(self, move: Move, throttle: Throttle) -> _Copy:
        """The payload on the target tier, durable, not yet verified."""
        version = move.version
        owner = Owner(version.bucket_id, version.key, version.version_id, 0, record_attrs(version))
        if version.size <= self._context.pool.profile(move.tier).pack_bytes_max:
            await throttle(version.size)
            payload = await self._payload(version)
            await reach("move.read")
            appended = await self._context.packer.append(move.tier, owner, payload)
            await reach("move.synced")
            return _Copy(move, appended, checksum(payload))
        async with self._large:
            return await self._stream(move, owner, throttle)

    async def _payload(self, version: ObjectVersion) -> bytes:
        reader = await self._reads.read(version, 0, version.size)
        return b"".join([bytes(piece) async for piece in reader])

    async def _stream(self, move: Move, owner: Owner, throttle: Throttle) -> _Copy:
        context, version, digest = self._context, move.version, hasher()
        reader = await self._reads.read(version, 0, version.size)
        writer = ObjectWriter(context.pool, context.buffers, context.executor, move.tier, owner, version.size, None)
        try:
            async for piece in reader:
                await throttle(len(piece))
                digest.update(piece)
                await writer.feed(piece)
            await reach("move.read")
            await writer.flush()
            await reach("move.appended")
            appended = await writer.finish(owner)
        except BaseException:
            await writer.abandon()
            raise
        finally:
            await reader.aclose()
        await reach("move.synced")
        return _Copy(move, appended, digest.intdigest())

    async def _verify(self, copies: list[_Copy]) -> dict[int, ObjstoreError]:
        """Why a copy is not good, by its id; what does not come back right is not appended to any more."""
        stripes = {_stripe(extent): extent for copy in copies for extent in unpack(copy.appended.extents)}
        outcomes = await asyncio.gather(*map(self._verify_stripe, stripes.values()), return_exceptions=True)
        _raise_unexpected(outcomes)
        bad = {key: error for key, error in zip(stripes, outcomes, strict=True) if isinstance(error, ObjstoreError)}
        payloads = await asyncio.gather(*(self._verify_payload(copy, bad) for copy in copies), return_exceptions=True)
        _raise_unexpected(payloads)
        failed = {id(c): error for c, error in zip(copies, payloads, strict=True) if isinstance(error, ObjstoreError)}
        self._context.pool.retire([v for c in copies if id(c) in failed for v in c.appended.volume_ids])
        await reach("move.verified")
        return failed

    async def _verify_stripe(self, extent: Extent) -> None:
        async with self._stripes:
            volume, drives = await self._context.catalog.place(extent.volume_id)
            size = extent.header_units * HEADER_UNIT_BYTES
            try:
                await verify_stripe(volume, drives, extent.stripe_offset, size)
            except TimeoutError:
                raise DriveError(f"volume {volume.id.hex()} was not read back in time") from None

    async def _verify_payload(self, copy: _Copy, bad: dict[tuple[bytes, int], ObjstoreError]) -> None:
        digest, readers = hasher(), []
        for extent in unpack(copy.appended.extents):
            if _stripe(extent) in bad:
                raise bad[_stripe(extent)]
            readers.append((await self._reads.reader(extent), 0, extent.length))
        async for piece in read_extents(readers):
            digest.update(piece)
        if digest.intdigest() != copy.digest:
            raise CorruptData(f"the copy of {copy.move.version.version_id.hex()} differs from what was read")


def _stripe(extent: Extent) -> tuple[bytes, int]:
    return extent.volume_id, extent.stripe_offset


def _replacement(copy: _Copy) -> Replacement:
    move = copy.move
    return Replacement(move.version, copy.appended.extents, move.storage_class, move.tier)


def _raise_unexpected(results: Sequence[object]) -> None:
    """What is not an error of ours (a cancellation, a mistake in the program) is not one item's failure."""
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, ObjstoreError):
            raise result

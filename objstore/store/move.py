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
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from xxhash import xxh3_64

from objstore.format.checksum import hasher
from objstore.format.extent import Extent, unpack
from objstore.meta.moves import Replacement
from objstore.model.errors import CorruptData, DriveError, ObjstoreError
from objstore.model.limits import BATCH_BYTES_MAX, BATCH_ITEMS_MAX
from objstore.model.objects import ObjectVersion
from objstore.store.context import Context
from objstore.store.object_writer import ObjectWriter
from objstore.store.packer import Appended, Owner, packed_record
from objstore.store.put import record_attrs
from objstore.store.read import Reads, as_stored
from objstore.store.small_reads import read_small
from objstore.volume.verify import verify_stripe
from objstore.work.failpoint import reach

LARGE_AT_ONCE = 2  # each holds some tens of MiB
STRIPES_AT_ONCE = 4
SMALL_AT_ONCE = 2  # batches of small ones, each of up to BATCH_BYTES_MAX
STEP_BYTES_MAX = 128 * 1024 * 1024  # of payload before the next commit

Commit = Callable[[list[Replacement]], Awaitable[list[bool]]]
Throttle = Callable[[int], Awaitable[None]]
Result = bool | ObjstoreError


@dataclass(slots=True)
class Move:
    """``tier``: the name of the tier that it goes to; ``storage_class``: the class that it has there.

    ``stored``: the version with the size that its bytes have on the drives.
    """

    version: ObjectVersion
    storage_class: str
    tier: str
    stored: ObjectVersion = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.stored = as_stored(self.version)

    @property
    def size(self) -> int:
        """Of its bytes as they are on the drives."""
        return self.stored.size


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
        self._small = asyncio.Semaphore(SMALL_AT_ONCE)
        self._stripes = asyncio.Semaphore(STRIPES_AT_ONCE)

    async def move(
        self, moves: Sequence[Move], commit: Commit | None = None, throttle: Throttle = _unlimited
    ) -> list[Result]:
        """Move versions; the keys of a batch must differ.

        One result a move: True; False if the version is no more what it was; or why it could not be moved. ``commit``
        swaps, in a transaction of the caller's, perhaps only some of the moves at a time; ``throttle`` is awaited with
        the number of bytes before they are read.
        """
        outcomes: list[Result] = []
        for step in _steps(moves, STEP_BYTES_MAX, len(moves)):
            outcomes += await self._step(step, commit or self._swap, throttle)
        return outcomes

    async def _step(self, moves: Sequence[Move], commit: Commit, throttle: Throttle) -> list[Result]:
        """All of 1 to 5, for moves that are committed together."""
        found = await self._copies(moves, throttle)
        copies = [copy for copy in found if isinstance(copy, _Copy)]
        settled = False
        try:
            _raise_unexpected(found)
            failed = await self._verify(copies)
            good = [copy for copy in copies if id(copy) not in failed]
            await reach("move.swap")
            done = await commit([_replacement(copy) for copy in good]) if good else []
            swapped = dict(zip(map(id, good), done, strict=True))
            self._count(copy.move for copy in good if swapped[id(copy)])
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

    def _count(self, moves: Iterable[Move]) -> None:
        for move in moves:
            version = move.version
            self._context.flows.move(version.tier, move.tier, version.storage_class, version.size)

    async def _swap(self, replacements: list[Replacement]) -> list[bool]:
        return await self._context.movements.swap(replacements)

    async def _copies(self, moves: Sequence[Move], throttle: Throttle) -> "list[_Copy | BaseException]":
        """Payloads on their target tiers, durable, not yet verified; or why not."""
        order, large = dict[str, list[Move]](), list[Move]()
        packed = {tier: self._context.pool.profile(tier).pack_bytes_max for tier in {move.tier for move in moves}}
        for move in moves:
            if move.size > packed[move.tier]:
                large.append(move)
            else:
                order.setdefault(move.tier, []).append(move)
        batches = [
            (tier, batch) for tier, small in order.items() for batch in _steps(small, BATCH_BYTES_MAX, BATCH_ITEMS_MAX)
        ]
        singles, batched = await asyncio.gather(
            asyncio.gather(*(self._stream(move, throttle) for move in large), return_exceptions=True),
            asyncio.gather(*(self._pack(*batch, throttle) for batch in batches), return_exceptions=True),
        )
        found: dict[int, _Copy | BaseException] = dict(zip(map(id, large), singles, strict=True))
        for (_, batch), copies in zip(batches, batched, strict=True):
            each = [copies] * len(batch) if isinstance(copies, BaseException) else copies
            found |= zip(map(id, batch), each, strict=True)
        return [found[id(move)] for move in moves]

    async def _pack(self, tier: str, moves: Sequence[Move], throttle: Throttle) -> "list[_Copy | BaseException]":
        """Small ones, which share a stripe and its flushes."""
        async with self._small:
            await throttle(sum(move.size for move in moves))
            payloads = await read_small(self._context.catalog, self._reads, [move.stored for move in moves])
            await reach("move.read")
            there = [i for i, payload in enumerate(payloads) if not isinstance(payload, ObjstoreError)]
            owners = [_owner(moves[i].version) for i in there]
            appended = await self._append(tier, owners, [payloads[i] for i in there]) if there else []
            await reach("move.synced")
        outcomes: list[_Copy | BaseException] = list(payloads)
        for i, one in zip(there, appended, strict=True):
            outcomes[i] = one if isinstance(one, BaseException) else _Copy(moves[i], one, _digest_of(one))
        return outcomes

    async def _append(
        self, tier: str, owners: Sequence[Owner], payloads: Sequence[bytes]
    ) -> "Sequence[Appended | BaseException]":
        packer, pairs = self._context.packer, list(zip(owners, payloads, strict=True))
        if self._context.pool.is_write_once(tier):  # there it pays to gather what all batches have
            return await asyncio.gather(*(packer.append(tier, *pair) for pair in pairs), return_exceptions=True)
        extents, volume = await packer.append_batch(tier, [packed_record(*pair) for pair in pairs])
        return [Appended(one, (volume,), len(payload)) for one, payload in zip(extents, payloads, strict=True)]

    async def _stream(self, move: Move, throttle: Throttle) -> _Copy:
        async with self._large:
            return await self._stream_one(move, throttle)

    async def _stream_one(self, move: Move, throttle: Throttle) -> _Copy:
        context, version, digest, owner = self._context, move.stored, hasher(), _owner(move.version)
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
        groups: dict[tuple[bytes, int], list[_Copy]] = defaultdict(list)
        for copy in copies:  # small ones by the stripe that they share, each of the others by itself
            first = next(unpack(copy.appended.extents))
            groups[first.volume_id, first.stripe_offset].append(copy)
        outcomes = await asyncio.gather(*map(self._verify_group, groups.values()), return_exceptions=True)
        _raise_unexpected(outcomes)
        failed: dict[int, ObjstoreError] = {}
        for group, outcome in zip(groups.values(), outcomes, strict=True):
            if isinstance(outcome, ObjstoreError):
                failed |= {id(copy): outcome for copy in group}
            elif not isinstance(outcome, BaseException):
                failed |= {id(copy): _differs(copy) for copy, same in zip(group, outcome, strict=True) if not same}
        self._context.pool.retire([v for c in copies if id(c) in failed for v in c.appended.volume_ids])
        await reach("move.verified")
        return failed

    async def _verify_group(self, copies: Sequence[_Copy]) -> list[bool]:
        """Whether the payload of each came back; a stripe after the other, for one of several has many of its own."""
        digests = [hasher() for _ in copies]
        extents = [list(unpack(copy.appended.extents)) for copy in copies]
        for number in range(len(extents[0])):
            found = [(one[number], digest) for one, digest in zip(extents, digests, strict=True)]
            async with self._stripes:
                await self._verify_stripe(found)
        return [digest.intdigest() == copy.digest for digest, copy in zip(digests, copies, strict=True)]

    async def _verify_stripe(self, payloads: Sequence[tuple[Extent, xxh3_64]]) -> None:
        volume, drives = await self._context.catalog.place(payloads[0][0].volume_id)
        try:
            await verify_stripe(volume, drives, payloads, self._context.buffers)
        except TimeoutError:
            raise DriveError(f"volume {volume.id.hex()} was not read back in time") from None


def _steps(moves: Sequence[Move], bytes_max: int, items_max: int) -> Iterator[list[Move]]:
    """Moves in their order, cut before there are too many or too much; one alone may be larger."""
    step: list[Move] = []
    size = 0
    for move in moves:
        if step and (size + move.size > bytes_max or len(step) >= items_max):
            yield step
            step, size = [], 0
        step.append(move)
        size += move.size
    if step:
        yield step


def _owner(version: ObjectVersion) -> Owner:
    return Owner(version.bucket_id, version.key, version.version_id, 0, record_attrs(version))


def _digest_of(appended: Appended) -> int:
    """Of a small payload: its extent has it."""
    return next(unpack(appended.extents)).checksum


def _differs(copy: _Copy) -> CorruptData:
    return CorruptData(f"the copy of {copy.move.version.version_id.hex()} differs from what was read")


def _replacement(copy: _Copy) -> Replacement:
    move = copy.move
    return Replacement(move.version, copy.appended.extents, move.storage_class, move.tier)


def _raise_unexpected(results: Iterable[object]) -> None:
    """What is not an error of ours (a cancellation, a mistake in the program) is not one item's failure."""
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, ObjstoreError):
            raise result

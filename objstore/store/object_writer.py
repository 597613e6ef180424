"""ObjectWriter: a large payload on its way into volumes, with bounded memory; digest, parity and writes overlap."""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

from objstore.format.extent import Extent
from objstore.model.limits import ROWS_IN_FLIGHT_MAX
from objstore.store.digests import StreamDigests
from objstore.store.packer import Appended, Owner
from objstore.store.pool import STRIPED, VolumePool
from objstore.volume.buffers import BufferPool, Bytes
from objstore.volume.layout import stripe_bytes_for
from objstore.volume.open_volume import OpenVolume
from objstore.volume.stripe_writer import StripeWriter

CHUNK_BYTES = 2 * 1024 * 1024  # encoded and written in one go: amortises the hand-overs to threads
FIRST_CHUNKS = 4  # that the first stripe of a payload of unknown size has room for
STRIPES_CLOSING_MAX = 2  # of one object, being made durable behind the one that fills
OWNER_SLACK_BYTES = 2048  # room for what the last stripe's record carries and the first cannot know yet


class _Stripe:
    """A stripe and what is still being written of it."""

    def __init__(self, volume: OpenVolume, writer: StripeWriter, start: int, data_max: int) -> None:
        self.volume, self.writer, self.start, self.data_max = volume, writer, start, data_max
        self.filled = 0
        self.tasks: list[asyncio.Task[None]] = []


class ObjectWriter:
    """Feed pieces, then ``finish`` (durable) or ``abandon``.

    ``size``: payload bytes if known. ``spare``: see ``VolumePool.acquire``.
    """

    def __init__(
        self,
        pool: VolumePool,
        buffers: BufferPool,
        executor: Executor,
        tier: str,
        owner: Owner,
        size: int | None,
        digests: StreamDigests | None,
        spare: bool = False,
    ) -> None:
        self._pool, self._buffers, self._executor, self._tier = pool, buffers, executor, tier
        self._owner, self._size, self._digests = owner, size, digests
        self._spare = spare
        profile = pool.profile(tier)
        self._k, self._m, self._unit = profile.k, profile.m, profile.unit_bytes
        row = self._k * self._unit
        self._chunk = max(1, CHUNK_BYTES // row) * row
        self._stripe_max = max(1, profile.stripe_bytes_max // self._chunk) * self._chunk
        self._buffer: Bytes | None = None
        self._fill = 0
        self._stripe: _Stripe | None = None
        self._flying: deque[asyncio.Task[None]] = deque()
        self._closing: list[asyncio.Task[Extent]] = []
        self._volumes: list[OpenVolume] = []
        self.written = 0

    async def feed(self, piece: Any) -> None:
        """Add bytes. Raises DriveError, PlacementImpossible: then nothing of the object counts."""
        view = memoryview(piece)
        while len(view):
            room = self.room()
            taken = min(len(view), len(room))
            room[:taken] = view[:taken]
            await self.filled(taken)
            view = view[taken:]

    def room(self) -> memoryview:
        """Where the next bytes of the payload go: never empty; ``filled`` says how many have been put there."""
        if self._buffer is None:
            self._buffer, self._fill = self._buffers.take(self._chunk), 0
        return self._buffer[self._fill :].data

    async def filled(self, count: int) -> None:
        """So many bytes are in ``room``. Raises as ``feed``."""
        self._fill += count
        if self._fill == self._chunk:
            await self._flush()

    async def flush(self) -> None:
        """Send what is left on its way; after that the digests know all of the payload."""
        if self._buffer is not None:
            await self._flush()
        await asyncio.gather(*self._flying)

    async def finish(self, owner: Owner) -> Appended:
        """After ``flush``: make everything durable; ``owner`` carries what the last record says."""
        if self._stripe is not None:
            self._close(self._stripe, owner, True)
        extents = [await task for task in self._closing]
        await asyncio.gather(*(volume.sync() for volume in dict.fromkeys(self._volumes)))
        return Appended(b"".join(extent.pack() for extent in extents), tuple(self._volumes), self.written)

    async def abandon(self) -> None:
        """Give up: what was written is garbage."""
        await asyncio.gather(*self._flying, return_exceptions=True)
        for closed in await asyncio.gather(*self._closing, return_exceptions=True):
            if isinstance(closed, Extent):
                self._volume_of(closed).data_bytes -= closed.cost_bytes
        if self._stripe is not None:
            await asyncio.gather(self._stripe.writer.abandon(), return_exceptions=True)
        for volume in self._volumes:
            self._pool.release(volume)
        self._volumes.clear()

    def _volume_of(self, extent: Extent) -> OpenVolume:
        return next(volume for volume in self._volumes if volume.volume.id == extent.volume_id)

    async def _flush(self) -> None:
        """Send the gathered chunk on its way; waits while too many are under way."""
        buffer, fill = self._buffer, self._fill
        assert buffer is not None
        self._buffer = None
        while len(self._flying) >= ROWS_IN_FLIGHT_MAX - 1:
            await self._flying.popleft()
        stripe = self._stripe
        if stripe is not None and stripe.filled == stripe.data_max:
            self._close(stripe, self._owner, False)
            stripe = None
            if len(self._closing) > STRIPES_CLOSING_MAX:
                # A payload that comes faster than it gets durable waits here.
                await asyncio.shield(self._closing[-1 - STRIPES_CLOSING_MAX])
        if stripe is None:
            stripe = self._stripe = await self._begin(fill)
        digesting = self._digests.add(buffer[:fill].data) if self._digests is not None else ()
        task = asyncio.ensure_future(self._store(stripe, buffer, fill, stripe.filled, digesting))
        stripe.filled += fill
        self.written += fill
        stripe.tasks.append(task)
        self._flying.append(task)

    async def _begin(self, at_least: int) -> _Stripe:
        volume = await self._pool.acquire(self._tier, STRIPED, self._spare)
        self._volumes.append(volume)
        # Of a payload of unknown size each stripe may double it: one that is given up leaves no large hole behind.
        expected = max(self.written, FIRST_CHUNKS * self._chunk) if self._size is None else self._size - self.written
        left = max(expected, at_least)
        data_max = stripe_bytes_for(self._k, self._unit, self._stripe_max, left)
        head = self._owner.record(0, 0, 0, True)
        return _Stripe(volume, StripeWriter(volume, data_max, len(head) + OWNER_SLACK_BYTES), self.written, data_max)

    async def _store(
        self, stripe: _Stripe, buffer: Bytes, fill: int, at: int, digesting: "Sequence[asyncio.Future[None]]"
    ) -> None:
        loop = asyncio.get_running_loop()
        parity = self._buffers.take(self._parity_bytes())
        chunk = await loop.run_in_executor(self._executor, stripe.writer.encode, buffer[:fill], at, parity)
        await stripe.writer.write(chunk, fill)
        for digested in digesting:
            await digested
        self._buffers.give(buffer)
        self._buffers.give(parity)

    def _parity_bytes(self) -> int:
        return max(1, self._m * self._chunk // self._k)

    def _close(self, stripe: _Stripe, owner: Owner, last: bool) -> None:
        self._stripe = None
        self._closing.append(asyncio.ensure_future(self._finish_stripe(stripe, owner, last)))

    async def _finish_stripe(self, stripe: _Stripe, owner: Owner, last: bool) -> Extent:
        await asyncio.gather(*stripe.tasks)
        extent = await stripe.writer.close(owner.record(stripe.start, stripe.filled, 0, last))
        if not last:
            # Long objects are made durable as they go, so that the last flush is a short one.
            await stripe.volume.sync()
        return extent

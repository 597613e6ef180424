"""Sealed: encrypted payloads on their way into volumes. Everything below sees ciphertext only."""

import asyncio
from concurrent.futures import Executor
from typing import Any

from objstore.crypto.chunks import Sealer, sealed_size
from objstore.store.context import Context
from objstore.store.digests import StreamDigests
from objstore.store.keys import Sealing
from objstore.store.object_writer import ObjectWriter
from objstore.store.packer import Owner

GATHER_BYTES = 1024 * 1024


class SealingWriter:
    """An ObjectWriter for plaintext: takes its digests, seals it, passes it on."""

    def __init__(
        self, writer: ObjectWriter, key: bytes, segment: int, digests: StreamDigests | None, executor: Executor
    ) -> None:
        self._writer, self._digests, self._executor = writer, digests, executor
        self._sealer = Sealer(key, segment)
        self._gathered: list[Any] = []
        self._size = 0
        self._room = memoryview(bytearray(GATHER_BYTES))

    async def feed(self, piece: Any) -> None:
        """Add bytes."""
        self._gathered.append(bytes(piece))
        self._size += len(piece)
        if self._size >= GATHER_BYTES:
            await self._drain()

    def room(self) -> memoryview:
        """See ``ObjectWriter.room``."""
        return self._room

    async def filled(self, count: int) -> None:
        """See ``ObjectWriter.filled``."""
        await self.feed(self._room[:count])

    async def flush(self) -> None:
        """Send all that is left on its way; after that the digests know all of the payload."""
        await self._drain()
        if last := self._sealer.finish():
            await self._writer.feed(last)
        await self._writer.flush()

    async def _drain(self) -> None:
        if not self._gathered:
            return
        data = b"".join(self._gathered)
        self._gathered.clear()
        self._size = 0
        digesting = self._digests.add(data) if self._digests is not None else ()
        sealed = await asyncio.get_running_loop().run_in_executor(self._executor, self._sealer.feed, data)
        if sealed:
            await self._writer.feed(sealed)
        for done in digesting:
            await done


def writers(
    context: Context,
    tier: str,
    owner: Owner,
    size: int | None,
    digests: StreamDigests | None,
    sealing: Sealing | None,
    segment: int = 0,
) -> tuple[ObjectWriter, "ObjectWriter | SealingWriter"]:
    """The writer of a large payload, and what it is fed through: itself, unless the payload is to be sealed.

    ``size``: of the plaintext, if it is known.
    """
    pool, buffers, executor = context.pool, context.buffers, context.executor
    if sealing is None:
        writer = ObjectWriter(pool, buffers, executor, tier, owner, size, digests)
        return writer, writer
    stored = None if size is None else sealed_size(size)
    writer = ObjectWriter(pool, buffers, executor, tier, owner, stored, None)
    return writer, SealingWriter(writer, sealing.key, segment, digests, executor)

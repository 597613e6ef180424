"""Opened: encrypted payloads on their way out. A range reads and opens only the chunks that it touches."""

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import Executor
from typing import Any

from objstore.crypto.chunks import Opener, runs_of
from objstore.format.part import unpack_parts
from objstore.model.objects import ObjectVersion
from objstore.store.context import Context
from objstore.store.flows import Flows
from objstore.store.keys import Sealing
from objstore.store.read import Reader, Reads, as_stored

INLINE_BYTES_MAX = 256 * 1024  # more than that is opened in a thread: 0.1 ms a 256 KiB


def segments_of(version: ObjectVersion) -> list[tuple[int, int]]:
    """Number and bytes of plaintext of each segment of an encrypted version."""
    if version.parts is None:
        return [(0, version.size)]
    return [(number, size) for number, size, _ in unpack_parts(version.parts)]


async def read_plain(
    context: Context, reads: Reads, version: ObjectVersion, span: tuple[int, int], opened: Sealing | None
) -> Reader:
    """Bytes of a version as the client sent them. ``opened``: its data key, None if it is not encrypted."""
    if opened is None:
        return await reads.read(version, *span)
    return await read_opened(reads, version, opened.key, *span, context.executor)


async def read_opened(
    reads: Reads,
    version: ObjectVersion,
    key: bytes,
    start: int,
    end: int,
    executor: Executor,
    flows: Flows | None = None,
) -> Reader:
    """Bytes [start, end) of plaintext; as ``Reads.read``. Raises CorruptData for what was tampered with."""
    if start == end:
        return Reader(whole=b"")
    sources: list[str] = []
    pieces = _opened(reads, version, key, (start, end), executor, flows, sources)
    first = await anext(pieces)
    if len(first) == end - start:
        await pieces.aclose()
        return Reader(whole=first, source=sources[0])
    return Reader(first=first, rest=pieces, source=sources[0])


async def _opened(
    reads: Reads,
    version: ObjectVersion,
    key: bytes,
    span: tuple[int, int],
    executor: Executor,
    flows: Flows | None,
    sources: list[str],
) -> AsyncGenerator[Any, None]:
    stored, loop = as_stored(version), asyncio.get_running_loop()
    for run in runs_of(segments_of(version), *span):
        opener, reader = Opener(key, run), await reads.read(stored, run.start, run.end, flows)
        try:
            if not sources:
                sources.append(reader.source)
            async for piece in reader:
                if len(piece) <= INLINE_BYTES_MAX:
                    plain = opener.feed(piece)
                else:
                    plain = await loop.run_in_executor(executor, opener.feed, piece)
                if plain:
                    yield plain
            opener.finish()
        finally:
            await reader.aclose()

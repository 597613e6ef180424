"""GET: metadata, then bytes, each verified before it is sent."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import Any

from objstore.format.checksum import checksum
from objstore.format.extent import EXTENT_BYTES, PACKED, Extent, payload_bytes, unpack, unpack_fields
from objstore.model.errors import (
    CorruptData,
    DriveError,
    InvalidRequest,
    MethodNotAllowed,
    NoSuchKey,
    NoSuchVersion,
    RequestError,
    TooManyLost,
)
from objstore.model.objects import NULL_TEXT, NULL_VERSION, Bucket, ObjectVersion
from objstore.model.series import COLD_DRIVES, HOT_DRIVES, MEMORY
from objstore.store.context import Context
from objstore.store.flows import Flows, count
from objstore.volume.extent_reader import ExtentReader, read_extents

HEADER_UNIT_BYTES = 64
VERSION_HEADER = "x-amz-version-id"
_MARKER = (("x-amz-delete-marker", "true"),)
_NO_MARKER = (("x-amz-delete-marker", "false"),)


class Reader:
    """Bytes of an object, in order. ``whole`` is set when one piece is all of it.

    ``source``: where the first of them came from, see model/series.py.
    """

    __slots__ = ("_first", "_rest", "source", "whole")

    def __init__(
        self, whole: Any = None, first: Any = None, rest: AsyncGenerator[Any, None] | None = None, source: str = MEMORY
    ) -> None:
        self.whole, self._first, self._rest = whole, first, rest
        self.source = source

    async def __aiter__(self) -> AsyncIterator[Any]:
        if self.whole is not None:
            yield self.whole
            return
        yield self._first
        if self._rest is not None:
            async for piece in self._rest:
                yield piece

    async def aclose(self) -> None:
        """Stop reading."""
        if self._rest is not None:
            await self._rest.aclose()


class Reads:
    """GetObject, HeadObject."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def get(self, bucket: str, key: bytes, version_id: bytes | None = None) -> ObjectVersion:
        """The current version of a key, or one of its versions (NULL_VERSION: the ``null`` one).

        Raises NoSuchBucket, NoSuchKey, NoSuchVersion; MethodNotAllowed for a delete marker that is asked for by its id.
        """
        context = self._context
        known = await context.bucket(bucket)
        version = await self._find(known, key, version_id)
        if version is None:
            # The bucket may be gone, or have been made anew, or got versions, since we looked.
            known, was = await context.fresh_bucket(bucket), known
            if known.id != was.id:
                version = await self._find(known, key, version_id)
            if version is None:
                raise await self._missing(known, key, version_id)
        if version.versioned or known.versioning:
            version.shown_id = version.version_text
        if version.marker:
            raise _is_marker(version)
        return version

    async def source(self, bucket: str, key: bytes, version_id: bytes | None) -> ObjectVersion:
        """As ``get``, for what is to be copied; InvalidRequest in place of MethodNotAllowed."""
        try:
            return await self.get(bucket, key, version_id)
        except MethodNotAllowed:
            raise InvalidRequest(
                "The source of a copy request may not specifically refer to a delete marker by version id."
            ) from None

    async def _find(self, bucket: Bucket, key: bytes, version_id: bytes | None) -> ObjectVersion | None:
        if version_id is None:
            return await self._context.lookups.submit((bucket.id, key))
        return (await self._context.objects.lookup_versions([(bucket.id, key, version_id)]))[0]

    async def _missing(self, bucket: Bucket, key: bytes, version_id: bytes | None) -> RequestError:
        """Which error it is; a delete marker makes itself known."""
        named = key.decode("utf-8", "replace")
        if version_id is not None:
            return NoSuchVersion(Key=named, VersionId=version_id.hex() or NULL_TEXT)
        marker = await self._context.objects.latest_marker(bucket.id, key) if bucket.versioning else None
        error = NoSuchKey(Key=named)
        error.headers = _NO_MARKER if marker is None else (*_MARKER, (VERSION_HEADER, marker.version_text))
        return error

    async def read(self, version: ObjectVersion, start: int, end: int, flows: Flows | None = None) -> Reader:
        """Bytes [start, end). The first piece is read and verified before this returns.

        ``flows``: where it counts as read, if it is for a client. Raises TooManyLost, CorruptData, DatabaseUnavailable.
        """
        if start == end:
            return Reader(whole=b"")
        if len(version.extents) == EXTENT_BYTES and end - start == version.size:
            whole = self._read_now(version.extents)
            if whole is not None:
                if flows is not None:
                    count(flows.cached, version.tier, version.size)
                return Reader(whole=whole)
        cached = [False]
        pieces = self._pieces(version, start, end, cached)
        if flows is not None:
            pieces = _counted(pieces, cached, flows, version.tier)
        first = await anext(pieces)
        source = MEMORY if cached[0] else COLD_DRIVES if version.tier else HOT_DRIVES
        if len(first) == end - start:
            await pieces.aclose()
            return Reader(whole=first, source=source)
        return Reader(first=first, rest=pieces, source=source)

    def _read_now(self, packed: bytes) -> bytearray | None:
        """A small object that the page cache holds, without leaving the event loop; None if it is not so simple."""
        volume_id, kind, column, units, _, stripe_offset, data_offset, length, expected = unpack_fields(packed)
        place = self._context.catalog.cached(volume_id)
        if kind != PACKED or not expected or place is None:
            return None
        drive = place[1][column]
        if drive is None:
            return None
        content = bytearray(length)
        if not drive.read_now(volume_id, stripe_offset + units * HEADER_UNIT_BYTES + data_offset, (content,)):
            return None
        return content if checksum(content) == expected else None

    async def _pieces(
        self, version: ObjectVersion, start: int, end: int, cached: list[bool]
    ) -> AsyncGenerator[Any, None]:
        """Verified pieces; where a volume has gone because the object was moved, go on with its new extents."""
        at = start
        while True:
            try:
                readers = await self._readers(version.extents, at, end)
                async for piece in read_extents(readers, cached=cached):
                    at += len(piece)
                    yield piece
                return
            except (DriveError, TooManyLost, CorruptData):
                moved = await self._moved(version)
                if moved is None:
                    raise
                version = moved

    async def _moved(self, version: ObjectVersion) -> ObjectVersion | None:
        """The same version with other extents than before, if it has been relocated."""
        for extent in unpack(version.extents):
            self._context.catalog.forget(extent.volume_id)
        fresh = await self._context.lookups.submit((version.bucket_id, version.key))
        if fresh is None or fresh.version_id != version.version_id:  # not the current one, or no more
            name = (version.bucket_id, version.key, version.version_id if version.versioned else NULL_VERSION)
            fresh = (await self._context.objects.lookup_versions([name]))[0]
        same = fresh is not None and fresh.version_id == version.version_id and fresh.extents != version.extents
        return fresh if same else None

    async def _readers(self, packed: bytes, start: int, end: int) -> list[tuple[ExtentReader, int, int]]:
        """The extents that [start, end) touches, with the range of each."""
        found, at = [], 0
        for extent in unpack(packed):
            low, high = max(start, at), min(end, at + extent.length)
            if low < high:
                found.append((await self.reader(extent), low - at, high - at))
            at += extent.length
        return found

    async def reader(self, extent: Extent) -> ExtentReader:
        """Reader of one extent. Raises ShardMissing when its volume is gone."""
        volume, drives = await self._context.catalog.place(extent.volume_id)
        return ExtentReader(volume, drives, extent, self._context.catalog.damaged, self._context.buffers)


async def _counted(
    pieces: AsyncGenerator[Any, None], cached: list[bool], flows: Flows, tier: int
) -> AsyncGenerator[Any, None]:
    """The same pieces, counted: the object by its first one."""
    objects = 1
    try:
        async for piece in pieces:
            count(flows.cached if cached[0] else flows.read, tier, len(piece), objects)
            objects = 0
            yield piece
    finally:
        await pieces.aclose()


def as_stored(version: ObjectVersion) -> ObjectVersion:
    """The version with the size that its bytes have on the drives: what a mover of bytes goes by."""
    size = payload_bytes(version.extents)
    return version if size == version.size else replace(version, size=size)


def _is_marker(marker: ObjectVersion) -> MethodNotAllowed:
    """A delete marker has nothing to be read: the only thing that may be done with it is to delete it."""
    error = MethodNotAllowed(Method="GET", ResourceType="DeleteMarker")
    modified = marker.modified.strftime("%a, %d %b %Y %H:%M:%S GMT")
    error.headers = (
        *_MARKER,
        (VERSION_HEADER, marker.version_text),
        ("last-modified", modified),
        ("allow", "DELETE"),
    )
    return error

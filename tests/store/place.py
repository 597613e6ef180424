"""A whole store in one process: two tiers of local drives, a real Postgres."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from random import Random

from objstore.drive.identify import format_drive, read_identity
from objstore.drive.local import LocalDrive
from objstore.meta.database import Database
from objstore.model.errors import NoSuchKey
from objstore.model.objects import ObjectVersion
from objstore.model.profile import Profile
from objstore.model.requests import DeleteRequest, PutRequest
from objstore.store.build import open_store
from objstore.store.store import Store

CLUSTER = "c" * 32
HOT = Profile(4, 2, unit_bytes=32768, pack_bytes_max=65536, stripe_bytes_max=131072, shard_bytes_max=4_000_000)
CAPACITY = Profile(3, 2, unit_bytes=65536, pack_bytes_max=131072, stripe_bytes_max=393216, shard_bytes_max=4_000_000)
PROFILES = {"hot": HOT, "capacity": CAPACITY}


class Payload:
    """A body that is there at once."""

    algorithms: frozenset[str] = frozenset()

    def __init__(self, content: bytes) -> None:
        self.length: int | None = len(content)
        self._rest = content

    async def read(self) -> bytes:
        rest, self._rest = self._rest, b""
        return rest

    async def read_into(self, buffer: memoryview) -> int:
        piece, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)

    def verify(self, digests: Mapping[str, bytes]) -> None:
        assert "MD5" in digests

    def checksum_algorithm(self) -> str | None:
        return None


class Place:
    """``store`` over the drives under ``root``; several may share the drives, as processes do."""

    store: Store
    database: Database
    drives: list[LocalDrive]

    def __init__(self, root: Path, url: str) -> None:
        self.root, self.url = root, url

    async def open(self) -> "Place":
        """Format what is new, open everything."""
        self.drives = []
        for tier, profile in PROFILES.items():
            for number in range(profile.n):
                path = self.root / f"{tier}-{number}"
                identity = await read_identity(path) or await format_drive(path, CLUSTER, tier)
                self.drives.append(LocalDrive(path, identity))
        self.database = await Database.connect(self.url, pool_size=4)
        cluster_id = bytes.fromhex(CLUSTER)
        self.store = await open_store(self.database, self.drives, PROFILES, cluster_id=cluster_id, host="place", pid=1)
        return self

    async def close(self) -> None:
        """Seal and close everything."""
        await self.store.close()
        await self.database.close()
        for drive in self.drives:
            drive.close()

    async def put(self, bucket: str, key: bytes, content: bytes, storage_class: str = "STANDARD") -> ObjectVersion:
        """Put, and what is there then."""
        await self.store.put(PutRequest(bucket, key, storage_class), Payload(content))
        return await self.store.get(bucket, key)

    async def delete(self, bucket: str, key: bytes) -> None:
        """Delete the current version."""
        await self.store.delete(bucket, DeleteRequest(key))

    async def content(self, bucket: str, key: bytes) -> bytes | None:
        """What a GET gives, None if there is nothing."""
        try:
            found = await self.store.get(bucket, key)
        except NoSuchKey:
            return None
        return await self.read(found)

    async def read(self, version: ObjectVersion) -> bytes:
        """All bytes of a version, held against its ETag where that is an MD5."""
        reader = await self.store.read(version, 0, version.size)
        content = b"".join([bytes(piece) async for piece in reader])
        assert len(content) == version.size
        if len(version.etag) == 16:
            assert hashlib.md5(content).digest() == version.etag
        return content


def content_of(size: int, seed: int = 0) -> bytes:
    """Bytes that nobody confuses with others."""
    return Random(size * 31 + seed).randbytes(size)

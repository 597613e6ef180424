"""A bucket, volumes and the accounts of what was appended, for the metadata tests."""

import itertools
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg

from objstore.format.extent import EXTENT_BYTES, PACKED, RECORD_COST_BYTES, Extent, bytes_by_volume
from objstore.meta.buckets import Buckets
from objstore.meta.database import Database
from objstore.meta.objects import Objects, Write
from objstore.meta.uploads import Uploads
from objstore.meta.volumes import Volumes
from objstore.model import clock
from objstore.model.objects import Bucket, Condition, ObjectVersion, Part, Upload
from objstore.model.profile import Profile
from objstore.model.requests import UNCONDITIONAL
from objstore.model.volumes import Volume

BROKEN_KEYS = """
    SELECT key, array_agg((seq, latest, marker) ORDER BY seq) FROM (
        SELECT key, seq, true AS latest, false AS marker, versioned FROM object WHERE bucket_id = $1
        UNION ALL
        SELECT key, seq, noncurrent_since IS NULL, marker, versioned FROM version WHERE bucket_id = $1
    ) AS every GROUP BY key
    HAVING count(*) FILTER (WHERE latest) <> 1 OR max(seq) <> max(seq) FILTER (WHERE latest)
        OR count(*) <> count(DISTINCT seq) OR count(*) FILTER (WHERE NOT versioned) > 1
        OR EXISTS (SELECT FROM version AS v WHERE v.bucket_id = $1 AND v.key = every.key
                   AND NOT v.marker AND v.noncurrent_since IS NULL)
"""
LEDGER = """
    SELECT prefix, tier, storage_class, noncurrent, accessed, sum(objects)::bigint, sum(bytes)::bigint FROM usage
    WHERE bucket_id = $1 GROUP BY 1, 2, 3, 4, 5 HAVING sum(objects) <> 0 OR sum(bytes) <> 0 ORDER BY 1, 2, 3, 4, 5
"""
RECOUNT = """
    SELECT substring(key from 1 for position('/'::bytea in key)), tier, storage_class, noncurrent, accessed, count(*),
           sum(size)::bigint
    FROM (SELECT key, tier, storage_class, false AS noncurrent, accessed, size FROM object WHERE bucket_id = $1
          UNION ALL
          SELECT key, tier, storage_class, true, accessed, size FROM version WHERE bucket_id = $1 AND NOT marker) AS v
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""
WRITER = b"w" * 16
_numbers = itertools.count(1)


def cost(*lengths: int) -> int:
    """What extents of these lengths count in the accounts."""
    return sum(length + RECORD_COST_BYTES for length in lengths)


def md5(text: object) -> bytes:
    """Something that looks like an ETag and says what it stands for."""
    return str(text).encode().rjust(16, b"_")[-16:]


@dataclass
class World:
    """Makes versions whose extents lie in ``volume`` and counts what was appended."""

    raw: "asyncpg.Connection[asyncpg.Record]"
    buckets: Buckets
    objects: Objects
    uploads: Uploads
    volumes: Volumes
    bucket: Bucket
    volume: bytes = b""
    appended: Counter[bytes] = field(default_factory=Counter)

    @classmethod
    async def make(cls, database: Database, raw: "asyncpg.Connection[asyncpg.Record]") -> "World":
        """With a bucket and an open volume."""
        buckets = Buckets(database)
        bucket = await buckets.create(new_bucket())
        world = cls(raw, buckets, Objects(database), Uploads(database), Volumes(database), bucket)
        world.volume = await world.open_volume()
        return world

    async def open_volume(self, writer_id: bytes = WRITER, **other: Any) -> bytes:
        """A new open volume; its id."""
        volume = new_volume(writer_id, **other)
        await self.volumes.create(volume)
        return volume.id

    def extents(self, *lengths: int, volume: bytes | None = None) -> bytes:
        """Packed extents; they count as appended."""
        volume = volume or self.volume
        packed = b"".join(
            Extent(volume, PACKED, 0, 1, 0, 64, next(_numbers) * 4096, length, 1).pack() for length in lengths
        )
        self.appended.update(bytes_by_volume(packed))
        return packed

    def version(self, key: bytes, *lengths: int, volume: bytes | None = None, **other: Any) -> ObjectVersion:
        """A version of a key with freshly appended extents."""
        bucket_id = other.pop("bucket_id", self.bucket.id)
        etag = other.pop("etag", md5(next(_numbers)))
        extents = self.extents(*lengths, volume=volume)
        return ObjectVersion(
            bucket_id, key, clock.random_id(), sum(lengths), etag, now(), other.pop("storage_class", "STANDARD"),
            extents, **other,
        )  # fmt: skip

    def write(self, key: bytes, *lengths: int, condition: Condition = UNCONDITIONAL, **other: Any) -> Write:
        """A put of a key, 100 bytes unless told."""
        version = self.version(key, *(lengths or (100,)), **other)
        return Write(version.bucket_id, key, version, condition, frozenset(bytes_by_volume(version.extents)))

    def delete(self, key: bytes, condition: Condition = UNCONDITIONAL, target: bytes | None = None) -> Write:
        """A delete of a key, or of one of its versions."""
        return Write(self.bucket.id, key, None, condition, target=target)

    async def put(self, *keys: bytes, **other: Any) -> list[ObjectVersion]:
        """Put keys; they must succeed."""
        versions = await self.objects.commit([self.write(key, **other) for key in keys])
        assert all(isinstance(version, ObjectVersion) for version in versions), versions
        return versions  # type: ignore[return-value]

    async def current(self, key: bytes) -> ObjectVersion | None:
        """The current version of a key."""
        return (await self.objects.lookup([(self.bucket.id, key)]))[0]

    async def start_upload(self, key: bytes, **other: Any) -> Upload:
        """An open upload."""
        upload = new_upload(self.bucket.id, key, **other)
        await self.uploads.create(upload)
        return upload

    def part(self, upload: Upload, number: int, length: int = 100, volume: bytes | None = None) -> Part:
        """A part with freshly appended extents."""
        extents = self.extents(length, volume=volume)
        return Part(upload.id, number, length, md5(f"part {next(_numbers)}"), now(), extents, b"sum!")

    async def put_part(self, upload: Upload, number: int, length: int = 100) -> Part:
        """Append and put a part."""
        part = self.part(upload, number, length)
        await self.uploads.put_part(part, frozenset(bytes_by_volume(part.extents)))
        return part

    async def garbage(self) -> Counter[bytes]:
        """The ledger, by volume."""
        rows = await self.raw.fetch("SELECT volume_id, sum(bytes)::int8 FROM garbage GROUP BY volume_id")
        return Counter({row[0]: row[1] for row in rows if row[0] in self.appended})

    async def live(self) -> Counter[bytes]:
        """Bytes that objects and parts refer to, by volume."""
        rows = await self.raw.fetch(
            "SELECT extents FROM object UNION ALL SELECT extents FROM version UNION ALL SELECT extents FROM part"
        )
        total: Counter[bytes] = Counter()
        for (extents,) in rows:
            total.update({v: n for v, n in bytes_by_volume(extents).items() if v in self.appended})
        return total

    async def set_versioning(self, state: str) -> None:
        """Enable or suspend versioning of the bucket."""
        self.bucket = await self.buckets.set_versioning(self.bucket.name, state)

    async def versions(self, key: bytes = b"", limit: int = 10_000) -> list[ObjectVersion]:
        """All versions of keys that begin with ``key``, as they are listed."""
        found = await self.objects.list_versions(self.bucket.id, key, b"", (b"", None), limit)
        return [one for one in found if isinstance(one, ObjectVersion)]

    async def check_versions(self) -> None:
        """What has to hold of the two tables at any moment: one latest a key, one order, one ``null``, one place."""
        broken = await self.raw.fetch(BROKEN_KEYS, self.bucket.id)
        assert not broken, broken

    async def check_usage(self) -> None:
        """The ledger's sums are what a recount gives."""
        ledger = await self.raw.fetch(LEDGER, self.bucket.id)
        assert [tuple(row) for row in ledger] == [tuple(row) for row in await self.raw.fetch(RECOUNT, self.bucket.id)]

    async def check_conservation(self) -> None:
        """What was appended is live or garbage, byte for byte, volume by volume."""
        accounted = await self.live() + await self.garbage()
        assert accounted == Counter({v: n for v, n in self.appended.items() if n})


def decide_all(upload: Upload, parts: list[Part]) -> tuple[ObjectVersion, list[Part]]:
    """Complete with every part."""
    result: tuple[ObjectVersion, list[Part]] = decide_numbers({part.number for part in parts})(upload, parts)
    return result


def decide_numbers(numbers: set[int]) -> Any:
    """Complete with the parts of some numbers."""

    def decide(upload: Upload, parts: list[Part]) -> tuple[ObjectVersion, list[Part]]:
        used = [part for part in parts if part.number in numbers]
        version = ObjectVersion(
            upload.bucket_id, upload.key, upload.id, sum(part.size for part in used), b"m" * 16 + b"\2\0\0\0", now(),
            upload.storage_class, b"".join(part.extents for part in used), b"\1", upload.attrs, upload.tags, b"\1sum",
        )  # fmt: skip
        return version, [part for part in parts if part.number not in numbers]

    return decide


def new_bucket(name: str | None = None, owner: str = "owner") -> Bucket:
    """A bucket that nobody has yet."""
    return Bucket(clock.random_int63(), name or f"bucket-{next(_numbers)}", owner, "us-east-1", now())


def new_volume(writer_id: bytes = WRITER, **other: Any) -> Volume:
    """An open 4+2 volume."""
    drives = tuple(f"{number:032x}" for number in range(6))
    return Volume(clock.random_id(), other.pop("tier", "hot"), Profile(4, 2), drives, writer_id, **other)


def new_upload(bucket_id: int, key: bytes, **other: Any) -> Upload:
    """An upload that was just initiated."""
    created = other.pop("created", None) or now()
    fields: dict[str, Any] = {"attrs": {"h": {"a": "b"}}, "tags": None, **other}
    return Upload(
        clock.random_id(), bucket_id, key, created, "STANDARD", fields["attrs"], fields["tags"], "CRC32C", "COMPOSITE"
    )


def now() -> datetime:
    """Wall time."""
    return datetime.now(UTC)


def records(extents: bytes) -> list[bytes]:
    """The single extents of packed ones."""
    return [extents[at : at + EXTENT_BYTES] for at in range(0, len(extents), EXTENT_BYTES)]

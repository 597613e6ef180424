"""Inventory: lists of what is in a bucket, put into another one every day or week, as AWS lays them out.

    PREFIX/BUCKET/ID/data/<random>.csv.gz            the lists, FILE_ROWS rows each
    PREFIX/BUCKET/ID/<time>/manifest.json            which files there are, with their MD5
    PREFIX/BUCKET/ID/<time>/manifest.checksum        MD5 of that, written last
    PREFIX/BUCKET/ID/hive/dt=<time>/symlink.txt      the files, for Hive

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html

| What happens               | What is left                            | Who clears it                                |
|----------------------------|-----------------------------------------|----------------------------------------------|
| crash before the checksum  | files without a manifest that is whole  | nobody; the turn is taken again after LEASE  |
| the target is not there    | nothing                                 | the next turn                                |
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog

from objstore.lifecycle.inventory_rows import Listed, columns_of, needs_attrs, row_of
from objstore.lifecycle.inventory_writer import EXTENSIONS, Writer, schema_text, writer_of
from objstore.meta.inventories import SETTING, Inventories
from objstore.model import clock, days
from objstore.model.encryption import SSE_KMS, SSE_S3, Encryption
from objstore.model.errors import NoSuchBucket, ObjstoreError
from objstore.model.objects import NULL_VERSION, Bucket, ObjectVersion
from objstore.model.requests import ListRequest, ListVersionsRequest, PutRequest
from objstore.store.store import Store

LEASE = timedelta(hours=1)
KEEP_SECONDS = 300.0
PAGE = 1000
FILE_ROWS = 200_000  # of a file, which is gathered in memory: some tens of bytes a row, compressed
BUCKETS_AT_ONCE = 100

log = structlog.get_logger(__name__)


class _Whole:
    """A payload that is there already."""

    algorithms: frozenset[str] = frozenset()

    def __init__(self, content: bytes) -> None:
        self.length: int | None = len(content)
        self._rest = memoryview(content)

    async def read(self) -> bytes:
        rest, self._rest = self._rest, self._rest[:0]
        return bytes(rest)

    async def read_into(self, buffer: memoryview) -> int:
        count = min(len(self._rest), len(buffer))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count

    def verify(self, digests: Mapping[str, bytes]) -> None:
        """Nothing was claimed of it."""

    def checksum_algorithm(self) -> str | None:
        return None


@dataclass(slots=True)
class _Delivery:
    """One list that is being made. ``place``: what all of its keys begin with."""

    source: Bucket
    wanted: Mapping[str, Any]
    target: str
    place: str
    encryption: Encryption | None
    began: datetime
    files: list[dict[str, Any]] = field(default_factory=list)

    @property
    def format(self) -> str:
        return str(self.wanted["Destination"]["S3BucketDestination"]["Format"])


class Inventory:
    """Looks which lists are due, and makes them."""

    def __init__(self, store: Store, turns: Inventories) -> None:
        self._store, self._turns = store, turns

    async def step(self) -> int:
        """All that are due now; how many were delivered. Raises DatabaseUnavailable."""
        count, after = 0, ""
        while names := await self._turns.buckets(after, BUCKETS_AT_ONCE):
            for name in names:
                count += await self._bucket(name)
            after = names[-1]
        return count

    async def _bucket(self, name: str) -> int:
        try:
            bucket = await self._store.get_bucket(name)
        except NoSuchBucket:
            return 0
        count, configurations = 0, bucket.settings.get(SETTING, {})
        for id_, wanted in configurations.items():
            if not wanted.get("IsEnabled"):
                continue
            period = days.days(7 if wanted["Schedule"]["Frequency"] == "Weekly" else 1)
            began = await self._turns.begin(name, id_, period, LEASE)
            if began is None:
                continue
            count += await self._deliver(bucket, wanted, began)
            await self._turns.done(name, id_, began, list(configurations))
        return count

    async def _deliver(self, bucket: Bucket, wanted: Mapping[str, Any], began: datetime) -> bool:
        try:
            await self._make(await self._delivery(bucket, wanted, began))
        except (ObjstoreError, ImportError) as error:
            log.warning("inventory_not_delivered", bucket=bucket.name, id=wanted["Id"], error=repr(error))
            return False
        return True

    async def _delivery(self, bucket: Bucket, wanted: Mapping[str, Any], began: datetime) -> _Delivery:
        """Raises NoSuchBucket where the target is not there, or another's."""
        target = wanted["Destination"]["S3BucketDestination"]
        name = target["Bucket"].removeprefix("arn:aws:s3:::")
        if (await self._store.get_bucket(name)).owner != bucket.owner:
            raise NoSuchBucket(BucketName=name)
        asked, encryption = target.get("Encryption", {}), None
        if "SSEKMS" in asked:
            encryption = Encryption(SSE_KMS, asked["SSEKMS"]["KeyId"])
        elif "SSES3" in asked:
            encryption = Encryption(SSE_S3)
        prefix = target.get("Prefix", "").rstrip("/")
        place = "/".join(part for part in (prefix, bucket.name, wanted["Id"]) if part)
        return _Delivery(bucket, wanted, name, place, encryption, began)

    async def _make(self, delivery: _Delivery) -> None:
        columns = columns_of(delivery.wanted)
        writer, rows = writer_of(delivery.format, columns), 0
        async for page in self._pages(delivery):
            table = [row_of(delivery.source, listed, columns) for listed in page]
            await asyncio.to_thread(writer.add, table)
            rows += len(table)
            if rows >= FILE_ROWS:
                await self._file(delivery, writer)
                writer, rows = writer_of(delivery.format, columns), 0
        if rows or not delivery.files:
            await self._file(delivery, writer)
        await self._finish(delivery)

    async def _pages(self, delivery: _Delivery) -> AsyncIterator[list[Listed]]:
        """Versions, PAGE at a time, with attributes if these are needed."""
        name, bucket_id = delivery.source.name, delivery.source.id
        prefix = delivery.wanted.get("Filter", {}).get("Prefix", "").encode()
        with_attrs = needs_attrs(columns_of(delivery.wanted))
        all_versions = delivery.wanted["IncludedObjectVersions"] == "All"
        pages = self._versions(name, prefix) if all_versions else self._current(name, prefix)
        kept = clock.monotonic_seconds()
        async for page in pages:
            if with_attrs:
                found = await self._whole(bucket_id, [one.version for one in page], all_versions)
                yield [replace(old, version=new) for new, old in zip(found, page, strict=True) if new is not None]
            else:
                yield page
            if clock.monotonic_seconds() > kept + KEEP_SECONDS:
                await self._turns.keep(name, delivery.wanted["Id"])
                kept = clock.monotonic_seconds()

    async def _whole(
        self, bucket_id: int, listed: list[ObjectVersion], all_versions: bool
    ) -> list[ObjectVersion | None]:
        """The versions with what a listing leaves out; None for what is gone."""
        objects = self._store.context.objects
        if not all_versions:
            return await objects.lookup([(bucket_id, one.key) for one in listed])
        return await objects.lookup_versions(
            [(bucket_id, one.key, one.version_id if one.versioned else NULL_VERSION) for one in listed]
        )

    async def _current(self, bucket: str, prefix: bytes) -> AsyncIterator[list[Listed]]:
        after: bytes | None = b""
        while after is not None:
            page = await self._store.list(ListRequest(bucket, prefix=prefix, after=after, limit=PAGE))
            yield [Listed(version) for version in page.versions]
            after = page.next_after

    async def _versions(self, bucket: str, prefix: bytes) -> AsyncIterator[list[Listed]]:
        request: ListVersionsRequest | None = ListVersionsRequest(bucket, prefix=prefix, limit=PAGE)
        last_key, newer = b"", 0
        while request is not None:
            page = await self._store.list_versions(request)
            listed = []
            for version in page.versions:  # the newest of a key first
                is_latest = version.noncurrent_since is None
                newer = 0 if version.key != last_key else newer
                listed.append(Listed(version, is_latest, newer))
                last_key, newer = version.key, newer + (not is_latest)
            yield listed
            request = None
            if page.next_after is not None:
                key, last = page.next_after
                marker = None if last is None else (last.version_id, last.seq)
                request = ListVersionsRequest(bucket, prefix=prefix, key_marker=key, version_marker=marker, limit=PAGE)

    async def _file(self, delivery: _Delivery, writer: Writer) -> None:
        content = await asyncio.to_thread(writer.finish)
        key = f"{delivery.place}/data/{clock.random_id().hex()}{EXTENSIONS[delivery.format]}"
        await self._put(delivery, key, content, "application/octet-stream")
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        delivery.files.append({"key": key, "size": len(content), "MD5checksum": md5})

    async def _finish(self, delivery: _Delivery) -> None:
        """What names the files; the checksum comes last."""
        columns, began = columns_of(delivery.wanted), delivery.began
        manifest = orjson.dumps(
            {
                "sourceBucket": delivery.source.name,
                "destinationBucket": f"arn:aws:s3:::{delivery.target}",
                "version": "2016-11-30",
                "creationTimestamp": str(int(began.timestamp() * 1000)),
                "fileFormat": delivery.format,
                "fileSchema": schema_text(delivery.format, columns),
                "files": delivery.files,
            },
            option=orjson.OPT_INDENT_2,
        )
        links = "\n".join(f"s3://{delivery.target}/{one['key']}" for one in delivery.files).encode()
        await self._put(delivery, f"{delivery.place}/hive/dt={began:%Y-%m-%d-%H-%M}/symlink.txt", links, "text/plain")
        folder = f"{delivery.place}/{began:%Y-%m-%dT%H-%MZ}"
        await self._put(delivery, f"{folder}/manifest.json", manifest, "application/json")
        digest = hashlib.md5(manifest, usedforsecurity=False).hexdigest().encode()
        await self._put(delivery, f"{folder}/manifest.checksum", digest, "text/plain")

    async def _put(self, delivery: _Delivery, key: str, content: bytes, content_type: str) -> None:
        request = PutRequest(
            delivery.target, key.encode(), attrs={"h": {"content-type": content_type}}, encryption=delivery.encryption
        )
        await self._store.put(request, _Whole(content))

"""A store in memory: the verbs of ``objstore.api.s3.verbs`` in their plainest form, slow and obvious."""

import asyncio
import hashlib
import zlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from awscrt import checksums

from objstore.api.s3.verbs import Piece, SourceCheck
from objstore.meta.conditions import refusal_of_delete
from objstore.model import clock
from objstore.model.checksum import DEFAULT_ALGORITHM, Checksum
from objstore.model.encryption import CustomerKey, Encryption
from objstore.model.errors import (
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    EntityTooSmall,
    InvalidPart,
    InvalidPartOrder,
    InvalidRange,
    NoSuchBucket,
    NoSuchKey,
    NoSuchUpload,
    NoSuchVersion,
    PreconditionFailed,
    RequestError,
)
from objstore.model.limits import PART_BYTES_MIN
from objstore.model.notification import Event
from objstore.model.objects import Bucket, Condition, ObjectVersion, Part, Upload, etag_bytes
from objstore.model.requests import (
    Body,
    CompleteRequest,
    CopyRequest,
    DeleteRequest,
    DeleteResult,
    ListPage,
    ListRequest,
    ListVersionsPage,
    ListVersionsRequest,
    PartsPage,
    PutRequest,
    PutResult,
    RenameRequest,
    UploadsPage,
)
from objstore.store.keys import check_customer

PIECE_BYTES = 64 * 1024

DIGESTS: dict[str, Callable[[bytes], bytes]] = {
    "MD5": lambda data: hashlib.md5(data).digest(),
    "SHA1": lambda data: hashlib.sha1(data).digest(),
    "SHA256": lambda data: hashlib.sha256(data).digest(),
    "CRC32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "CRC32C": lambda data: checksums.crc32c(data).to_bytes(4, "big"),
    "CRC64NVME": lambda data: checksums.crc64nvme(data).to_bytes(8, "big"),
}


class FakeReader:
    """Pieces of a fixed size; ``fail_after`` of them it breaks."""

    def __init__(self, content: bytes, fail_after: int | None) -> None:
        self._pieces = [content[at : at + PIECE_BYTES] for at in range(0, len(content), PIECE_BYTES)]
        self._fail_after = fail_after
        self.whole: Piece | None = content if len(self._pieces) < 2 and fail_after is None else None
        self.source = "hot"
        self.closed = False
        self.read_pieces = 0

    async def __aiter__(self) -> AsyncIterator[Piece]:
        for piece in self._pieces:
            if self._fail_after is not None and self.read_pieces >= self._fail_after:
                raise OSError("the drive has gone")
            self.read_pieces += 1
            yield piece
            await asyncio.sleep(0)  # as the store's do: others have their turn

    async def aclose(self) -> None:
        self.closed = True


@dataclass
class FakeBucket:
    """``objects``: key → (version, bytes, parts)."""

    bucket: Bucket
    objects: dict[bytes, tuple[ObjectVersion, bytes, list[tuple[int, int, int, bytes]] | None]] = field(
        default_factory=dict
    )


@dataclass
class FakeUpload:
    upload: Upload
    bucket: str
    parts: dict[int, tuple[Part, bytes]] = field(default_factory=dict)
    completed: ObjectVersion | None = None


class FakeStore:
    """``failure``: raised by the next verb instead of doing anything. ``readers``: every reader given out."""

    def __init__(self) -> None:
        self.buckets: dict[str, FakeBucket] = {}
        self.uploads: dict[bytes, FakeUpload] = {}
        self.failure: Exception | None = None
        self.fail_after: int | None = None
        self.readers: list[FakeReader] = []

    def _bucket(self, name: str) -> FakeBucket:
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        if name not in self.buckets:
            raise NoSuchBucket(BucketName=name)
        return self.buckets[name]

    async def create_bucket(
        self, name: str, owner: str, region: str, settings: Mapping[str, Any] | None = None
    ) -> Bucket:
        known = self.buckets.get(name)
        if known is not None:
            raise BucketAlreadyOwnedByYou() if known.bucket.owner == owner else BucketAlreadyExists()
        bucket = Bucket(clock.random_int63(), name, owner, region, clock.now(), settings or {})
        self.buckets[name] = FakeBucket(bucket)
        return bucket

    async def get_bucket(self, name: str) -> Bucket:
        return self._bucket(name).bucket

    async def list_buckets(self, owner: str, prefix: str = "", after: str = "", limit: int = 10000) -> list[Bucket]:
        names = sorted(name for name in self.buckets if name.startswith(prefix) and name > after)
        mine = [self.buckets[name].bucket for name in names]
        return [bucket for bucket in mine if bucket.owner == owner][:limit]

    async def delete_bucket(self, name: str) -> None:
        if self._bucket(name).objects:
            raise BucketNotEmpty(BucketName=name)
        del self.buckets[name]

    def cached_bucket(self, name: str) -> Bucket | None:
        return None

    def known_bucket(self, name: str) -> Bucket | None:
        found = self.buckets.get(name)
        return found.bucket if found else None

    async def set_setting(self, name: str, key: str, value: Any) -> Bucket:
        return await self.change_setting(name, key, lambda _: value)

    async def change_setting(self, name: str, key: str, change: Callable[[Any], Any]) -> Bucket:
        found = self._bucket(name)
        settings = dict(found.bucket.settings)
        value = change(settings.pop(key, None))
        found.bucket = replace(found.bucket, settings=settings if value is None else settings | {key: value})
        return found.bucket

    async def put(self, request: PutRequest, body: Body) -> PutResult:
        found = self._bucket(request.bucket)
        content, digests = await _drain(body)
        self._check(found, request.key, request.condition)
        algorithm = body.checksum_algorithm() or DEFAULT_ALGORITHM
        checksum = Checksum(algorithm, DIGESTS[algorithm](content))
        version = ObjectVersion(
            found.bucket.id, request.key, clock.random_id(), len(content), digests["MD5"], clock.now(),
            request.storage_class, b"", None, request.attrs, request.tags, checksum.pack(),
        )  # fmt: skip
        found.objects[request.key] = (version, content, None)
        return PutResult(version.version_id, version.etag, checksum, version.size, None, version.attrs)

    def _check(self, found: FakeBucket, key: bytes, condition: Condition) -> None:
        current = found.objects.get(key)
        etag = current[0].etag if current else None
        if condition.if_match is not None:
            if etag is None:
                raise NoSuchKey(Key=key.decode())
            if condition.if_match not in (b"*", etag):
                raise PreconditionFailed(Condition="If-Match")
        if etag is not None and (condition.if_none_match_any or condition.if_none_match == etag):
            raise PreconditionFailed(Condition="If-None-Match")

    async def get(self, bucket: str, key: bytes, version_id: bytes | None = None) -> ObjectVersion:
        if version_id:
            self._bucket(bucket)
            raise NoSuchVersion(VersionId=version_id.hex())
        return self._object(bucket, key)[0]

    async def set_versioning(self, name: str, state: str) -> Bucket:
        return await self.set_setting(name, "versioning", state)

    async def owners(self, versions: Sequence[ObjectVersion]) -> Mapping[tuple[bytes, bytes], str]:
        return {(one.key, one.version_id): one.attrs["o"] for one in versions if one.attrs and "o" in one.attrs}

    async def set_tags(
        self, bucket: str, key: bytes, tags: Mapping[str, str] | None, version_id: bytes | None = None
    ) -> ObjectVersion:
        version = await self.get(bucket, key, version_id)
        version.tags = dict(tags) if tags else None
        return version

    def _object(self, bucket: str, key: bytes) -> tuple[ObjectVersion, bytes, list[tuple[int, int, int, bytes]] | None]:
        found = self._bucket(bucket).objects.get(key)
        if found is None:
            raise NoSuchKey(Key=key.decode())
        return found

    async def tell(self, events: Sequence[Event]) -> None:
        return None

    async def append(self, request: PutRequest, offset: int, body: Body) -> PutResult:
        raise AssertionError("not asked of this store")

    async def rename(self, request: RenameRequest) -> ObjectVersion:
        raise AssertionError("not asked of this store")

    async def check_key(self, version: ObjectVersion, customer: CustomerKey | None) -> None:
        check_customer(None, customer)

    async def change_attrs(
        self,
        bucket: str,
        key: bytes,
        change: Callable[[ObjectVersion], dict[str, Any] | None],
        version_id: bytes | None = None,
        event: str = "",
    ) -> ObjectVersion:
        version = await self.get(bucket, key, version_id)
        version.attrs = change(version)
        return version

    async def read(
        self, version: ObjectVersion, start: int, end: int, customer: CustomerKey | None = None
    ) -> FakeReader:
        name = next(name for name, found in self.buckets.items() if found.bucket.id == version.bucket_id)
        reader = FakeReader(self._object(name, version.key)[1][start:end], self.fail_after)
        self.readers.append(reader)
        return reader

    async def delete(self, bucket: str, request: DeleteRequest) -> DeleteResult:
        found = self._bucket(bucket)
        current = found.objects.get(request.key)
        error = refusal_of_delete(request.condition, current[0] if current else None)
        if error is not None:
            raise error
        if not request.version_id:
            found.objects.pop(request.key, None)
        return DeleteResult(None if request.version_id is None else request.version_id.hex() or "null")

    async def delete_many(self, bucket: str, requests: Sequence[DeleteRequest]) -> list[DeleteResult | RequestError]:
        self._bucket(bucket)
        outcomes: list[DeleteResult | RequestError] = []
        for request in requests:
            try:
                outcomes.append(await self.delete(bucket, request))
            except RequestError as error:
                outcomes.append(error)
        return outcomes

    async def copy(self, request: CopyRequest) -> tuple[ObjectVersion, ObjectVersion]:
        source, content, parts = self._object(request.source_bucket, request.source_key)
        request.source_check(source)
        found = self._bucket(request.bucket)
        self._check(found, request.key, request.condition)
        checksum = source.checksum
        if request.checksum_algorithm:
            checksum = Checksum(request.checksum_algorithm, DIGESTS[request.checksum_algorithm](content)).pack()
        version = ObjectVersion(
            found.bucket.id, request.key, clock.random_id(), source.size, source.etag, clock.now(),
            request.storage_class or source.storage_class, b"", None,
            request.attrs if request.replace_attrs else source.attrs,
            request.tags if request.replace_tags else source.tags, checksum,
        )  # fmt: skip
        found.objects[request.key] = (version, content, parts)
        return version, source

    async def list_versions(self, request: ListVersionsRequest) -> ListVersionsPage:
        keys = ListRequest(request.bucket, request.prefix, request.delimiter, request.key_marker, request.limit)
        page = await self.list(keys)
        last = None
        if page.next_after is not None:
            known = self._bucket(request.bucket).objects.get(page.next_after)
            last = (page.next_after, known[0] if known and page.next_after not in page.prefixes else None)
        return ListVersionsPage(page.versions, page.prefixes, last)

    async def list(self, request: ListRequest) -> ListPage:
        page, last = ListPage([], []), b""
        for key, (version, _, _) in sorted(self._bucket(request.bucket).objects.items()):
            group = _group(key, request.prefix, request.delimiter)
            if not key.startswith(request.prefix) or (group or key) <= request.after or group in page.prefixes:
                continue
            if len(page.versions) + len(page.prefixes) == request.limit:
                page.next_after = last
                break
            last = group or key
            if group is None:
                page.versions.append(version)
            else:
                page.prefixes.append(group)
        return page

    async def create_upload(
        self,
        bucket: str,
        key: bytes,
        *,
        storage_class: str,
        attrs: dict[str, Any] | None,
        tags: dict[str, str] | None,
        checksum_algorithm: str | None,
        checksum_type: str | None,
        encryption: Encryption | None = None,
    ) -> Upload:
        bucket_id = self._bucket(bucket).bucket.id
        upload = Upload(
            clock.random_id(), bucket_id, key, clock.now(), storage_class, attrs, tags, checksum_algorithm,
            checksum_type,
        )  # fmt: skip
        self.uploads[upload.id] = FakeUpload(upload, bucket)
        return upload

    async def get_upload(self, bucket: str, key: bytes, upload_id: bytes) -> Upload:
        return self._upload(bucket, key, upload_id).upload

    def _upload(self, bucket: str, key: bytes, upload_id: bytes, completed: bool = False) -> FakeUpload:
        self._bucket(bucket)
        found = self.uploads.get(upload_id)
        if found is None or (found.bucket, found.upload.key) != (bucket, key) or (found.completed and not completed):
            raise NoSuchUpload(UploadId=upload_id.hex())
        return found

    async def put_part(
        self,
        bucket: str,
        key: bytes,
        upload_id: bytes,
        number: int,
        body: Body,
        customer: CustomerKey | None = None,
    ) -> Part:
        found = self._upload(bucket, key, upload_id)
        content, _ = await _drain(body)
        return self._keep(found, number, content)

    def _keep(self, found: FakeUpload, number: int, content: bytes) -> Part:
        algorithm = found.upload.checksum_algorithm or DEFAULT_ALGORITHM
        part = Part(
            found.upload.id, number, len(content), DIGESTS["MD5"](content), clock.now(), b"",
            DIGESTS[algorithm](content), algorithm,
        )  # fmt: skip
        found.parts[number] = (part, content)
        return part

    async def copy_part(
        self,
        bucket: str,
        key: bytes,
        upload_id: bytes,
        number: int,
        source_bucket: str,
        source_key: bytes,
        span: tuple[int, int] | None,
        source_check: SourceCheck,
        source_version: bytes | None = None,
        customer: CustomerKey | None = None,
        source_customer: CustomerKey | None = None,
    ) -> tuple[Part, ObjectVersion]:
        found = self._upload(bucket, key, upload_id)
        source, content, _ = self._object(source_bucket, source_key)
        source_check(source)
        start, end = span or (0, source.size)
        if end > source.size:
            raise InvalidRange("The specified copy range is invalid for the source object size")
        return self._keep(found, number, content[start:end]), source

    async def complete(self, request: CompleteRequest) -> ObjectVersion:
        found = self._upload(request.bucket, request.key, request.upload_id, completed=True)
        if found.completed:
            return found.completed
        numbers = [part.number for part in request.parts]
        if numbers != sorted(set(numbers)):
            raise InvalidPartOrder
        chosen = []
        for named in request.parts:
            kept = found.parts.get(named.number)
            if kept is None or etag_bytes(named.etag) != kept[0].etag:
                raise InvalidPart(PartNumber=named.number)
            chosen.append(kept)
        if any(part.size < PART_BYTES_MIN for part, _ in chosen[:-1]):
            raise EntityTooSmall
        self._check(self._bucket(request.bucket), request.key, request.condition)
        found.completed = self._assemble(found, request, chosen)
        return found.completed

    def _assemble(
        self, found: FakeUpload, request: CompleteRequest, chosen: "list[tuple[Part, bytes]]"
    ) -> ObjectVersion:
        upload = found.upload
        content = b"".join(data for _, data in chosen)
        etag = DIGESTS["MD5"](b"".join(part.etag for part, _ in chosen)) + len(chosen).to_bytes(4, "little")
        algorithm = upload.checksum_algorithm or DEFAULT_ALGORITHM
        if upload.checksum_type == "COMPOSITE":
            joined = b"".join(part.checksum or b"" for part, _ in chosen)
            checksum = Checksum(algorithm, DIGESTS[algorithm](joined), len(chosen))
        else:
            checksum = Checksum(algorithm, DIGESTS[algorithm](content))
        parts, at = [], 0
        for part, data in chosen:
            parts.append((part.number, at, at + len(data), part.checksum or b""))
            at += len(data)
        version = ObjectVersion(
            upload.bucket_id, upload.key, upload.id, len(content), etag, clock.now(), upload.storage_class, b"", b"",
            upload.attrs, upload.tags, checksum.pack(),
        )  # fmt: skip
        self._bucket(request.bucket).objects[upload.key] = (version, content, parts)
        return version

    async def abort(self, bucket: str, key: bytes, upload_id: bytes) -> None:
        del self.uploads[self._upload(bucket, key, upload_id).upload.id]

    async def list_parts(self, bucket: str, key: bytes, upload_id: bytes, after: int, limit: int) -> PartsPage:
        found = self._upload(bucket, key, upload_id)
        parts = [part for number, (part, _) in sorted(found.parts.items()) if number > after]
        page = parts[:limit]
        return PartsPage(found.upload, page, page[-1].number if len(parts) > limit else None)

    async def list_uploads(
        self,
        bucket: str,
        prefix: bytes,
        delimiter: bytes,
        key_marker: bytes,
        upload_marker: bytes | None,
        limit: int,
    ) -> UploadsPage:
        self._bucket(bucket)
        mine = [found.upload for found in self.uploads.values() if found.bucket == bucket and not found.completed]
        mine.sort(key=lambda upload: (upload.key, upload.created, upload.id))
        page = UploadsPage([], [])
        passed = upload_marker is None
        for upload in mine:
            if upload.key == key_marker and not passed:
                passed = upload.id == upload_marker
                continue
            if not upload.key.startswith(prefix) or upload.key < key_marker:
                continue
            if upload.key == key_marker and upload_marker is None:
                continue
            group = _group(upload.key, prefix, delimiter)
            if group is not None and group in page.prefixes:
                continue
            if len(page.uploads) + len(page.prefixes) == limit:
                last = page.uploads[-1]
                page.next_key, page.next_upload_id = last.key, last.id
                break
            if group is None:
                page.uploads.append(upload)
            else:
                page.prefixes.append(group)
        return page

    def parts_of(self, version: ObjectVersion) -> "list[tuple[int, int, int, bytes]] | None":
        name = next(name for name, found in self.buckets.items() if found.bucket.id == version.bucket_id)
        return self._object(name, version.key)[2]


async def _drain(body: Body) -> tuple[bytes, dict[str, bytes]]:
    content = bytearray()
    while piece := await body.read():
        content += piece
    data = bytes(content)
    digests = {name: DIGESTS[name](data) for name in {"MD5", *body.algorithms}}
    body.verify(digests)
    return data, digests


def _group(key: bytes, prefix: bytes, delimiter: bytes) -> bytes | None:
    at = key.find(delimiter, len(prefix)) if delimiter and key.startswith(prefix) else -1
    return key[: at + len(delimiter)] if at >= 0 else None

"""What the S3 surface asks of the store: the verbs by which a handler reaches it, and nothing else."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol

from objstore.model.encryption import CustomerKey, Encryption
from objstore.model.errors import RequestError
from objstore.model.notification import Event
from objstore.model.objects import Bucket, ObjectVersion, Part, Upload
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
from objstore.model.restore import RestoreStatus

Piece = bytes | bytearray | memoryview
AttrsChange = Callable[[ObjectVersion], dict[str, Any] | None]
SourceCheck = Callable[[ObjectVersion], None]
PartSpans = list[tuple[int, int, int, bytes]]  # number, start, end, checksum of each part of an object


class Reader(Protocol):
    """Verified bytes of an object; ``whole`` is set when one piece is all. ``source``: of its first byte."""

    whole: Piece | None
    source: str

    def __aiter__(self) -> AsyncIterator[Piece]: ...

    async def aclose(self) -> None:
        """Stop reading; harmless when it has ended."""
        ...


class Verbs(Protocol):
    """``objstore.store.store.Store`` as the S3 surface sees it; errors as in ``objstore.model.errors``."""

    async def create_bucket(
        self, name: str, owner: str, region: str, settings: Mapping[str, Any] | None = None
    ) -> Bucket: ...
    async def get_bucket(self, name: str) -> Bucket: ...
    async def list_buckets(self, owner: str, prefix: str = "", after: str = "", limit: int = 10000) -> list[Bucket]: ...
    async def delete_bucket(self, name: str) -> None: ...
    def cached_bucket(self, name: str) -> Bucket | None: ...
    def known_bucket(self, name: str) -> Bucket | None: ...
    async def set_setting(self, name: str, key: str, value: Any) -> Bucket: ...
    async def change_setting(self, name: str, key: str, change: Callable[[Any], Any]) -> Bucket: ...
    async def put(self, request: PutRequest, body: Body) -> PutResult: ...
    async def tell(self, events: Sequence[Event]) -> None: ...
    async def append(self, request: PutRequest, offset: int, body: Body) -> PutResult: ...
    async def rename(self, request: RenameRequest) -> ObjectVersion: ...
    async def set_versioning(self, name: str, state: str) -> Bucket: ...
    async def get(self, bucket: str, key: bytes, version_id: bytes | None = None) -> ObjectVersion: ...
    async def set_tags(
        self, bucket: str, key: bytes, tags: Mapping[str, str] | None, version_id: bytes | None = None
    ) -> ObjectVersion: ...
    async def restore(self, version: ObjectVersion, days: int | None, bucket: Bucket | None = None) -> bool: ...
    async def warm(self, version: ObjectVersion, days: int) -> None: ...
    async def restore_statuses(self, versions: list[ObjectVersion]) -> Mapping[Any, RestoreStatus]: ...
    async def read(
        self, version: ObjectVersion, start: int, end: int, customer: CustomerKey | None = None
    ) -> Reader: ...
    async def owners(self, versions: Sequence[ObjectVersion]) -> Mapping[tuple[bytes, bytes], str]: ...
    async def check_key(self, version: ObjectVersion, customer: CustomerKey | None) -> None: ...
    async def change_attrs(
        self, bucket: str, key: bytes, change: AttrsChange, version_id: bytes | None = None, event: str = ""
    ) -> ObjectVersion: ...
    async def delete(self, bucket: str, request: DeleteRequest) -> DeleteResult: ...
    async def delete_many(
        self, bucket: str, requests: Sequence[DeleteRequest]
    ) -> list[DeleteResult | RequestError]: ...
    async def copy(self, request: CopyRequest) -> tuple[ObjectVersion, ObjectVersion]: ...
    async def list_versions(self, request: ListVersionsRequest) -> ListVersionsPage: ...
    async def list(self, request: ListRequest) -> ListPage: ...
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
    ) -> Upload: ...
    async def get_upload(self, bucket: str, key: bytes, upload_id: bytes) -> Upload: ...
    async def put_part(
        self,
        bucket: str,
        key: bytes,
        upload_id: bytes,
        number: int,
        body: Body,
        customer: CustomerKey | None = None,
    ) -> Part: ...
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
    ) -> tuple[Part, ObjectVersion]: ...
    async def complete(self, request: CompleteRequest) -> ObjectVersion: ...
    async def abort(self, bucket: str, key: bytes, upload_id: bytes) -> None: ...
    async def list_parts(self, bucket: str, key: bytes, upload_id: bytes, after: int, limit: int) -> PartsPage: ...
    async def list_uploads(
        self,
        bucket: str,
        prefix: bytes,
        delimiter: bytes,
        key_marker: bytes,
        upload_marker: bytes | None,
        limit: int,
    ) -> UploadsPage: ...
    def parts_of(self, version: ObjectVersion) -> PartSpans | None: ...

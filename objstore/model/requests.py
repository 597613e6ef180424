"""What the api asks of the store's verbs, and the pages that it gets back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from objstore.model.checksum import Checksum
from objstore.model.encryption import CustomerKey, Encryption
from objstore.model.objects import Condition, ObjectVersion, Part, Upload

UNCONDITIONAL = Condition()


class Body(Protocol):
    """The decoded payload of a request, in pieces.

    ``length``: decoded bytes that the client declared, None if it did not. ``algorithms``: digests that ``verify``
    wants besides MD5 (names as in model/checksum.py; SHA256 also for a signed payload hash).
    """

    length: int | None
    algorithms: frozenset[str]

    async def read(self) -> bytes:
        """Next piece, ``b""`` at the end. Raises IncompleteBody when the client vanishes or sends too little."""
        ...

    async def read_into(self, buffer: memoryview) -> int:
        """Put what comes next into ``buffer``; how many bytes, 0 at the end. Raises as ``read``."""
        ...

    def verify(self, digests: Mapping[str, bytes]) -> None:
        """Compare what was computed (``"MD5"`` and ``algorithms``) with what the client claimed, once, after the end.

        Raises BadDigest, XAmzContentSHA256Mismatch, InvalidRequest: then nothing is committed.
        """
        ...

    def checksum_algorithm(self) -> str | None:
        """The algorithm whose value the client declared and wants kept; None: the store takes its default."""
        ...


@dataclass(slots=True)
class PutRequest:
    """PutObject. ``key``: percent-decoded bytes."""

    bucket: str
    key: bytes
    storage_class: str = "STANDARD"
    attrs: dict[str, Any] | None = None
    tags: dict[str, str] | None = None
    condition: Condition = UNCONDITIONAL
    encryption: Encryption | None = None  # None: as the bucket's default says
    event: str = "s3:ObjectCreated:Put"


@dataclass(slots=True)
class DeleteRequest:
    """One key of DeleteObject or DeleteObjects.

    ``version_id``: of the version to be deleted for good, NULL_VERSION for the ``null`` one; None: the current one.
    """

    key: bytes
    version_id: bytes | None = None
    condition: Condition = UNCONDITIONAL
    bypass: bool = False


@dataclass(frozen=True, slots=True)
class DeleteResult:
    """``shown_id``: of the version that was deleted or of the marker that was made, as answers give it.

    ``marker``: one was made, or deleted. ``size``: of the version that went, bytes; None: none did.
    """

    shown_id: str | None = None
    marker: bool = False
    size: int | None = None


@dataclass(slots=True)
class CopyRequest:
    """CopyObject. ``attrs``/``tags``/``storage_class``: None keeps the source's (directive COPY).

    ``source_check`` is called with the source version before anything is done and may raise PreconditionFailed.
    ``source_version``: its id, NULL_VERSION for the ``null`` version; None: the current one. ``source_key_given``: the
    key of a source with SSE-C. ``extra``: attributes besides headers and metadata, which are never the source's.
    """

    source_bucket: str
    source_key: bytes
    bucket: str
    key: bytes
    source_check: Any
    replace_attrs: bool = False
    attrs: dict[str, Any] | None = None
    replace_tags: bool = False
    tags: dict[str, str] | None = None
    storage_class: str | None = None
    checksum_algorithm: str | None = None
    condition: Condition = UNCONDITIONAL
    source_version: bytes | None = None
    encryption: Encryption | None = None
    source_key_given: CustomerKey | None = None
    extra: dict[str, Any] | None = None


@dataclass(slots=True)
class RenameRequest:
    """RenameObject. ``source``: the key that the object has. The checks may raise PreconditionFailed.

    ``target_check``: of what has the new key, if there is anything; None: whatever it is.
    """

    bucket: str
    key: bytes
    source: bytes
    source_check: Any
    target_check: Any = None
    condition: Condition = UNCONDITIONAL


@dataclass(slots=True)
class CompletePart:
    """One part as Complete names it. ``etag``: as sent, without quotes. ``checksums``: algorithm → base64 text."""

    number: int
    etag: str
    checksums: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class CompleteRequest:
    """CompleteMultipartUpload. ``checksum``: full-object value that the client claims, (algorithm, base64 text).

    ``customer``: the key of an upload with SSE-C; of one with checksums, or if it is ``needed``, it has to be given.
    """

    bucket: str
    key: bytes
    upload_id: bytes
    parts: list[CompletePart]
    checksum: tuple[str, str] | None = None
    checksum_type: str | None = None
    size: int | None = None
    condition: Condition = UNCONDITIONAL
    customer: CustomerKey | None = None
    needed: bool = False


@dataclass(slots=True)
class ListRequest:
    """A page of keys. ``after``: exclusive lower bound: a key, or a common prefix (all keys below it are skipped)."""

    bucket: str
    prefix: bytes = b""
    delimiter: bytes = b""
    after: bytes = b""
    limit: int = 1000


@dataclass(slots=True)
class ListPage:
    """``next_after`` is the last key or common prefix of the page, None when the listing is complete."""

    versions: list[ObjectVersion]
    prefixes: list[bytes]
    next_after: bytes | None = None


@dataclass(slots=True)
class ListVersionsRequest:
    """A page of versions. ``key_marker`` as ``ListRequest.after``, but for versions of it after ``version_marker``.

    ``version_marker``: id (NULL_VERSION for ``null``), and seq if it is known.
    """

    bucket: str
    prefix: bytes = b""
    delimiter: bytes = b""
    key_marker: bytes = b""
    version_marker: tuple[bytes, int | None] | None = None
    limit: int = 1000


@dataclass(slots=True)
class ListVersionsPage:
    """``versions`` with their delete markers by key, newest first in a key.

    ``next_after``: the last key or common prefix of the page and, if it is a key, its last version; None when the
    listing is complete.
    """

    versions: list[ObjectVersion]
    prefixes: list[bytes]
    next_after: tuple[bytes, ObjectVersion | None] | None = None


@dataclass(slots=True)
class PartsPage:
    """A page of parts by number; ``next_number`` is the last number of the page, None when complete."""

    upload: Upload
    parts: list[Part]
    next_number: int | None = None


@dataclass(slots=True)
class UploadsPage:
    """A page of uploads by (key, upload id)."""

    uploads: list[Upload]
    prefixes: list[bytes]
    next_key: bytes | None = None
    next_upload_id: bytes | None = None


@dataclass(slots=True)
class PutResult:
    """What PutObject answers with. ``shown_id``: see ``ObjectVersion``.

    ``stages``: ends of what it took, on the monotonic clock: the payload was there, its batch began, it was appended,
    committed; or, of a large one, it was there (and written), flushed, committed.
    """

    version_id: bytes
    etag: bytes
    checksum: Checksum | None
    size: int
    shown_id: str | None = None
    attrs: Mapping[str, Any] | None = None
    stages: tuple[float, ...] | None = None

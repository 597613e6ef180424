"""What an object carries besides its bytes: read from the headers of a write, given back with a read."""

import re
from collections.abc import Mapping
from typing import Any

from objstore.api.s3.call import Headers
from objstore.api.s3.encryption import WRITE_HEADERS, add_encryption
from objstore.api.s3.errors import S3Error
from objstore.api.s3.object_lock import add_lock
from objstore.api.s3.tags import parse_tagging
from objstore.api.s3.text import http_time
from objstore.model.checksum import Checksum
from objstore.model.encryption import ATTR as ENCRYPTED
from objstore.model.encryption import CustomerKey
from objstore.model.errors import (
    InvalidArgument,
    InvalidStorageClass,
    MetadataTooLarge,
    NotImplementedS3,
)
from objstore.model.limits import USER_METADATA_BYTES_MAX
from objstore.model.lock import ATTR as LOCKED
from objstore.model.objects import ObjectVersion, etag_text
from objstore.model.storage_class import shown_class
from objstore.model.tiers import is_offered

DEFAULT_TYPE = b"binary/octet-stream"

_META = b"x-amz-meta-"
_SYSTEM = frozenset(
    {
        b"content-type",
        b"cache-control",
        b"content-disposition",
        b"content-encoding",
        b"content-language",
        b"expires",
        b"x-amz-website-redirect-location",
    }
)
OFFSET = b"x-amz-write-offset-bytes"
_LOCK = b"x-amz-object-lock-"
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Given:
    """What the headers of a write give: ``attrs``, ``tags``, ``storage_class`` as ``ObjectVersion`` keeps them.

    ``encrypts``, ``locks``: some header asks for encryption, or for a lock; see ``protection.py``.
    """

    __slots__ = ("attrs", "encrypts", "locks", "storage_class", "tags")

    def __init__(self) -> None:
        self.attrs: dict[str, Any] | None = None
        self.tags: dict[str, str] | None = None
        self.storage_class = ""
        self.encrypts = self.locks = False

    def take(self, attrs: dict[str, Any] | None) -> None:
        """Have the object made with these attributes too."""
        if attrs:
            self.attrs = {**(self.attrs or {}), **attrs}

    @property
    def class_or_standard(self) -> str:
        """The storage class, STANDARD unless one was named."""
        return self.storage_class or "STANDARD"


def read_given(headers: Mapping[bytes, bytes]) -> Given:
    """Read and check what a PUT, Create or Copy says of the object.

    Raises InvalidArgument, InvalidRequest, InvalidStorageClass, InvalidTag, MetadataTooLarge, NotImplementedS3,
    AccessControlListNotSupported.
    """
    given = Given()
    system: dict[str, str] = {}
    meta: dict[str, str] = {}
    for name, value in headers.items():
        if name in _SYSTEM:
            _take_system(system, name, value)
        elif name.startswith(b"x-amz-"):
            if name.startswith(_META):
                meta[_meta_name(name)] = _clean(name, value)
            else:
                _take_amz(given, name, value)
    if meta:
        _check_size(meta)
    if system or meta:
        given.attrs = {part: values for part, values in (("h", system), ("m", meta)) if values}
    return given


def _take_system(system: dict[str, str], name: bytes, value: bytes) -> None:
    if name == b"content-type" and value in (DEFAULT_TYPE, b""):
        return
    text = _clean(name, value)
    if name == b"content-encoding":
        text = _without_chunked(text)
        if not text:
            return
    if name == b"x-amz-website-redirect-location" and not text.startswith(("/", "http://", "https://")):
        raise S3Error(
            "InvalidRedirectLocation",
            "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
        )
    system[name.decode("ascii")] = text


def _without_chunked(encoding: str) -> str:
    """Content-Encoding without ``aws-chunked``, which is of the transfer and not of the object."""
    tokens = (token.strip() for token in encoding.split(","))
    return ",".join(token for token in tokens if token and token.lower() != "aws-chunked")


def _meta_name(name: bytes) -> str:
    short = name[len(_META) :]
    if not short:
        raise InvalidArgument("A metadata header must have a name", ArgumentName="x-amz-meta-")
    return short.decode("latin-1")


def _clean(name: bytes, value: bytes) -> str:
    """A header value to be given back later, one character a byte; raises InvalidArgument on control bytes."""
    if _CONTROL.search(value):
        raise InvalidArgument("A header value contains control characters", ArgumentName=name.decode("latin-1"))
    return value.decode("latin-1").strip(" \t")


def _check_size(meta: dict[str, str]) -> None:
    size = sum(len(name) + len(value) for name, value in meta.items())
    if size > USER_METADATA_BYTES_MAX:
        raise MetadataTooLarge(Size=size, MaxSizeAllowed=USER_METADATA_BYTES_MAX)


def _take_amz(given: Given, name: bytes, value: bytes) -> None:
    if name == b"x-amz-storage-class":
        given.storage_class = value.decode("latin-1").strip()
        if not is_offered(given.storage_class):
            raise InvalidStorageClass(StorageClassRequested=given.storage_class[:100])
    elif name == b"x-amz-tagging":
        given.tags = parse_tagging(value)
    elif name in WRITE_HEADERS:
        given.encrypts = True
    elif name.startswith(_LOCK):
        given.locks = True


def refuse_headers(headers: Mapping[bytes, bytes]) -> None:
    """Raise NotImplementedS3 for a header that a request without attributes of its own must not ignore."""
    if OFFSET in headers:
        raise NotImplementedS3("Appending in this request is not implemented", Header=OFFSET.decode())


def quoted_etag(version: ObjectVersion) -> bytes:
    """The ETag header's value."""
    etag = version.etag
    return b'"%b"' % (etag.hex() if len(etag) == 16 else etag_text(etag)).encode()


def object_headers(version: ObjectVersion, region: str = "", customer: CustomerKey | None = None) -> Headers:
    """Headers that every GET and HEAD of the version gives, without length, checksum and request ids.

    ``customer``: the key of a version with SSE-C.
    """
    headers: Headers = [
        (b"etag", quoted_etag(version)),
        (b"last-modified", http_time(version.modified)),
        (b"accept-ranges", b"bytes"),
    ]
    attrs = version.attrs
    system = attrs.get("h") if attrs else None
    if not system or "content-type" not in system:
        headers.append((b"content-type", DEFAULT_TYPE))
    if attrs:
        _append_attrs(headers, system, attrs.get("m"))
        if ENCRYPTED in attrs:
            add_encryption(headers, attrs, customer, region)
        if LOCKED in attrs:
            add_lock(headers, attrs)
    if version.storage_class != "STANDARD":
        headers.append((b"x-amz-storage-class", shown_class(version.storage_class).encode()))
    if version.tags:
        headers.append((b"x-amz-tagging-count", b"%d" % len(version.tags)))
    if version.shown_id is not None:
        headers.append((b"x-amz-version-id", version.shown_id.encode()))
    return headers


def _append_attrs(headers: Headers, system: dict[str, str] | None, meta: dict[str, str] | None) -> None:
    for name, value in (system or {}).items():
        headers.append((name.encode("ascii"), value.encode("latin-1")))
    for name, value in (meta or {}).items():
        headers.append((_META + name.encode("latin-1"), value.encode("latin-1")))


def checksum_headers(checksum: Checksum) -> Headers:
    """``x-amz-checksum-<algorithm>`` and ``x-amz-checksum-type``."""
    return [
        (b"x-amz-checksum-" + checksum.algorithm.lower().encode(), checksum.text.encode()),
        (b"x-amz-checksum-type", checksum.type.encode()),
    ]

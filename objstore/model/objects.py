"""Bucket, object version, upload, part: what the verbs of the store take and give."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

NULL_TEXT = "null"
HEADER_ATTRS = frozenset({"h", "m"})  # those of ``attrs`` that a copy takes over
NULL_VERSION = b""  # names the ``null`` version of a key, whatever its id


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket. ``settings`` holds its sub-resources by name; ``versioning``: "Enabled", "Suspended", or never was."""

    id: int
    name: str
    owner: str
    region: str
    created: datetime
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def versioning(self) -> str | None:
        """The state of versioning; once it is one, a bucket may have versions for good."""
        return self.settings.get("versioning")


@dataclass(slots=True)
class ObjectVersion:
    """The row of one object version.

    ``etag``: 16 bytes of MD5, or 20: MD5 of the parts' MD5s and the number of parts (u32, little-endian).
    ``extents``: packed, see format/extent.py. ``parts``: packed, see format/part.py; None unless multipart.
    ``attrs``: what is given back as headers: ``{"h": {"content-type": …, "cache-control": …},
    "m": {user metadata: names without prefix, lower case}}``; besides the lock ("l", see model/lock.py), the envelope
    of encrypted bytes ("e", see model/encryption.py), whose ``size`` is that of the plaintext. None when empty.
    ``tags``: object tags or None. ``checksum``: packed, see model/checksum.py, or None.
    ``seq`` counts the versions of a key: the order of versions comes from the database, never from a clock.
    ``accessed``: day of the last access, see model/days.py; ``heat``: decayed count of accesses as of that day.
    ``tier``: code of the tier that the bytes lie on. ``versioned``: False for the ``null`` version.
    ``marker``: a delete marker, which has no bytes. ``noncurrent_since``: None for the latest version of a key.
    ``shown_id``: the version id as answers give it, set on the way out; None in a bucket that never had versions,
    and for the writer of a ``null`` version.
    """

    bucket_id: int
    key: bytes
    version_id: bytes
    size: int
    etag: bytes
    modified: datetime
    storage_class: str
    extents: bytes
    parts: bytes | None = None
    attrs: dict[str, Any] | None = None
    tags: dict[str, str] | None = None
    checksum: bytes | None = None
    seq: int = 1
    accessed: int = 0
    tier: int = 0
    versioned: bool = False
    heat: float = 0.0
    marker: bool = False
    noncurrent_since: datetime | None = None
    shown_id: str | None = field(default=None, compare=False)

    @property
    def version_text(self) -> str:
        """The version id as clients name it."""
        return self.version_id.hex() if self.versioned else NULL_TEXT


@dataclass(frozen=True, slots=True)
class Condition:
    """Condition of a write on the current version of its key; ETags in the form of ``ObjectVersion.etag``.

    ``if_match`` may also be ``b"*"``: there must be a current version. ``modified`` (whole seconds) and ``size``: of a
    version that is to be deleted. ``absent_passes``: what is not there is deleted, whatever is asked of it.
    """

    if_none_match_any: bool = False
    if_match: bytes | None = None
    if_none_match: bytes | None = None
    modified: datetime | None = None
    size: int | None = None
    absent_passes: bool = False


@dataclass(slots=True)
class Upload:
    """A multipart upload; its id is the version id of the object that it will become."""

    id: bytes
    bucket_id: int
    key: bytes
    created: datetime
    storage_class: str
    attrs: dict[str, Any] | None
    tags: dict[str, str] | None
    checksum_algorithm: str | None
    checksum_type: str | None
    state: int = 0
    etag: bytes | None = None


@dataclass(slots=True)
class Part:
    """One uploaded part. ``etag``: 16 bytes of MD5. ``checksum``: raw bytes of the upload's algorithm, or None.

    ``algorithm``: which that is, and ``attrs``: those of the upload, where the part was just written.
    """

    upload_id: bytes
    number: int
    size: int
    etag: bytes
    modified: datetime
    extents: bytes
    checksum: bytes | None = None
    algorithm: str | None = None
    attrs: Mapping[str, Any] | None = field(default=None, compare=False)


def etag_text(etag: bytes) -> str:
    """Hex form of a stored ETag, without quotes: ``9a03…`` or ``9a03…-3``."""
    if len(etag) == 16:
        return etag.hex()
    return f"{etag[:16].hex()}-{int.from_bytes(etag[16:20], 'little')}"


def etag_bytes(text: str) -> bytes | None:
    """Inverse of ``etag_text``; None if the text cannot be an ETag of ours."""
    digest, dash, count = text.partition("-")
    try:
        raw = bytes.fromhex(digest)
        if len(raw) != 16 or len(digest) != 32:
            return None
        return raw + int(count).to_bytes(4, "little") if dash else raw
    except (ValueError, OverflowError):
        return None

"""Checksums as S3 names them in headers and in XML."""

import base64
from collections.abc import Mapping
from typing import Any

from objstore.model.checksum import ALGORITHM_CODES, DEFAULT_ALGORITHM, DIGEST_BYTES, Checksum
from objstore.model.errors import InvalidRequest

_UNSUPPORTED = (
    "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
    f"[{', '.join(sorted(ALGORITHM_CODES))}]"
)
# Which type each algorithm allows, its default first.
_TYPES = {
    "CRC32": ("COMPOSITE", "FULL_OBJECT"),
    "CRC32C": ("COMPOSITE", "FULL_OBJECT"),
    "CRC64NVME": ("FULL_OBJECT",),
    "SHA1": ("COMPOSITE",),
    "SHA256": ("COMPOSITE",),
    "SHA512": ("COMPOSITE",),
    "MD5": ("COMPOSITE",),
    "XXHASH64": ("COMPOSITE",),
    "XXHASH3": ("COMPOSITE",),
    "XXHASH128": ("COMPOSITE",),
}


def parse_algorithm(header: bytes | None) -> str | None:
    """The algorithm of ``x-amz-checksum-algorithm``; raises InvalidRequest."""
    if header is None:
        return None
    name = header.decode("latin-1").strip().upper()
    if name not in ALGORITHM_CODES:
        raise InvalidRequest(_UNSUPPORTED)
    return name


def parse_type(header: bytes | None, algorithm: str | None) -> str | None:
    """The type of ``x-amz-checksum-type``, or the algorithm's default; raises InvalidRequest."""
    if header is None:
        return _TYPES[algorithm][0] if algorithm else None
    wanted = header.decode("latin-1").strip().upper()
    if wanted not in ("COMPOSITE", "FULL_OBJECT"):
        raise InvalidRequest("Value for x-amz-checksum-type header is invalid.")
    if algorithm is None:
        raise InvalidRequest(
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
        )
    if wanted not in _TYPES[algorithm]:
        raise InvalidRequest(
            f"The {wanted} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        )
    return wanted


def declared_checksum(headers: Mapping[bytes, bytes]) -> tuple[str, str] | None:
    """(algorithm, base64 text) of the one ``x-amz-checksum-<algorithm>`` header; raises InvalidRequest on two."""
    found = [
        (name, headers[header].decode("latin-1").strip())
        for name in ALGORITHM_CODES
        if (header := b"x-amz-checksum-" + name.lower().encode()) in headers
    ]
    if len(found) > 1:
        raise InvalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
    return found[0] if found else None


def checksum_fields(checksum: Checksum | None) -> dict[str, Any]:
    """Members ``Checksum<ALGORITHM>`` and ``ChecksumType`` of an answer."""
    if checksum is None:
        return {}
    return {f"Checksum{checksum.algorithm}": checksum.text, "ChecksumType": checksum.type}


def part_checksum(digest: bytes | None, algorithm: str | None) -> tuple[str, str] | None:
    """(algorithm, base64 text) of a part's digest; ``algorithm``: that of its upload."""
    name = algorithm or DEFAULT_ALGORITHM
    return (name, base64.b64encode(digest).decode()) if digest and len(digest) == DIGEST_BYTES[name] else None

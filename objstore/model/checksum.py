"""Checksum: the additional checksum of an object or part, as S3 knows it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

import base64
from dataclasses import dataclass

# Codes are stored: never change one, only add.
ALGORITHM_CODES = {
    "CRC32": 1,
    "CRC32C": 2,
    "CRC64NVME": 3,
    "SHA1": 4,
    "SHA256": 5,
    "SHA512": 6,
    "MD5": 7,
    "XXHASH64": 8,
    "XXHASH3": 9,
    "XXHASH128": 10,
}
DIGEST_BYTES = {
    "CRC32": 4,
    "CRC32C": 4,
    "CRC64NVME": 8,
    "SHA1": 20,
    "SHA256": 32,
    "SHA512": 64,
    "MD5": 16,
    "XXHASH64": 8,
    "XXHASH3": 8,
    "XXHASH128": 16,
}
_NAMES = {code: name for name, code in ALGORITHM_CODES.items()}
DEFAULT_ALGORITHM = "CRC64NVME"  # what AWS computes when the client names none


@dataclass(frozen=True, slots=True)
class Checksum:
    """``digest``: raw bytes, big-endian as S3 base64-encodes it. ``part_count``: for COMPOSITE only, else 0."""

    algorithm: str
    digest: bytes
    part_count: int = 0

    @property
    def type(self) -> str:
        """``FULL_OBJECT`` or ``COMPOSITE``."""
        return "COMPOSITE" if self.part_count else "FULL_OBJECT"

    @property
    def text(self) -> str:
        """Value of the ``x-amz-checksum-*`` header."""
        value = base64.b64encode(self.digest).decode()
        return f"{value}-{self.part_count}" if self.part_count else value

    def pack(self) -> bytes:
        """Stored form: algorithm code (u8), part count (u16, little-endian), digest."""
        return bytes([ALGORITHM_CODES[self.algorithm]]) + self.part_count.to_bytes(2, "little") + self.digest

    @classmethod
    def unpack(cls, raw: bytes) -> "Checksum":
        """Inverse of ``pack``; raises KeyError on an unknown code."""
        return cls(_NAMES[raw[0]], raw[3:], int.from_bytes(raw[1:3], "little"))

"""Superblock: the first 4096 bytes of a shard file, version 1, little-endian:

    offset size field
    0      8    magic "OBJSTORV"
    8      2    format_version = 1
    10     2    column         of this shard; data columns 0…k-1, parity k…k+m-1
    12     2    k
    14     2    m
    16     16   volume_id
    32     16   drive_id
    48     16   cluster_id
    64     4    generation     0 when written with the volume, +1 each time the shard is rebuilt
    68     4    unit_bytes
    72     24   codec          "rs-0x11d-fcr0-gen2", zero-padded: reedsolo's defaults, one codeword a byte position
    96     8    checksum       "xxh3-64", zero-padded
    104    24   tier, zero-padded
    128    8    XXH3-64 of bytes 0–127
    136    …    zeros up to 4096

The code: for each byte position p, the k data bytes and m parity bytes are a codeword of
``reedsolo.RSCodec(m)`` (field 0x11d, first consecutive root 0, generator 2).
"""

import struct
from dataclasses import dataclass

from objstore.format.checksum import CHECKSUM_NAME, checksum
from objstore.model.errors import CorruptData

SUPERBLOCK_BYTES = 4096
CODEC_NAME = b"rs-0x11d-fcr0-gen2"
VERSION = 1
_MAGIC = b"OBJSTORV"
_LAYOUT = struct.Struct("<8sHHHH16s16s16sII24s8s24s")


@dataclass(frozen=True, slots=True)
class Superblock:
    """Whose shard a file is, and how to read it."""

    volume_id: bytes
    column: int
    k: int
    m: int
    drive_id: bytes
    cluster_id: bytes
    unit_bytes: int
    tier: str
    generation: int = 0

    def pack(self) -> bytes:
        """The 4096 bytes."""
        head = _LAYOUT.pack(
            _MAGIC,
            VERSION,
            self.column,
            self.k,
            self.m,
            self.volume_id,
            self.drive_id,
            self.cluster_id,
            self.generation,
            self.unit_bytes,
            CODEC_NAME,
            CHECKSUM_NAME,
            self.tier.encode(),
        )
        return (head + checksum(head).to_bytes(8, "little")).ljust(SUPERBLOCK_BYTES, b"\0")

    @classmethod
    def unpack(cls, raw: bytes) -> "Superblock":
        """Raises CorruptData if these are not the bytes of a superblock that this release can read."""
        size = _LAYOUT.size
        if (
            len(raw) < size + 8
            or raw[:8] != _MAGIC
            or raw[size : size + 8] != checksum(raw[:size]).to_bytes(8, "little")
        ):
            raise CorruptData("not a superblock, or a damaged one")
        (_, version, column, k, m, volume_id, drive_id, cluster_id, generation, unit_bytes, codec, sum_name, tier) = (
            _LAYOUT.unpack_from(raw)
        )
        if version != VERSION or codec.rstrip(b"\0") != CODEC_NAME or sum_name.rstrip(b"\0") != CHECKSUM_NAME:
            raise CorruptData(f"shard of format {version}, codec {codec!r}, checksum {sum_name!r}: not readable here")
        return cls(volume_id, column, k, m, drive_id, cluster_id, unit_bytes, tier.rstrip(b"\0").decode(), generation)

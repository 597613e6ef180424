"""The checksum of everything stored: XXH3, 64 bits, seed 0 (https://xxhash.com), little-endian where written."""

from collections.abc import Sequence

from xxhash import xxh3_64, xxh3_64_intdigest

from objstore.model.limits import BLOCK_BYTES

CHECKSUM_NAME = b"xxh3-64"

checksum = xxh3_64_intdigest
hasher = xxh3_64  # the same of bytes that come in pieces: ``update``, then ``intdigest``


def block_checksums(column: memoryview) -> list[int]:
    """One checksum per ``BLOCK_BYTES`` of a column; the last block may be short."""
    return [checksum(column[at : at + BLOCK_BYTES]) for at in range(0, len(column), BLOCK_BYTES)]


def first_bad_block(column: memoryview, expected: Sequence[int]) -> int | None:
    """Index of the first block that differs from ``expected``, or None; ``column`` starts at a block border."""
    for index, want in enumerate(expected):
        if checksum(column[index * BLOCK_BYTES : (index + 1) * BLOCK_BYTES]) != want:
            return index
    return None

"""Formats on drives: a released version is frozen, and nothing damaged is taken for whole."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objstore.format.extent import (
    EXTENT_BYTES,
    PACKED,
    STRIPED,
    Extent,
    bytes_by_volume,
    slice_packed,
    unpack,
)
from objstore.format.identity import Identity
from objstore.format.part import pack_parts, unpack_parts
from objstore.format.record import Record, pack_record, unpack_record
from objstore.format.stripe import StripeHeader, header_bytes_for, unpack_header
from objstore.format.superblock import SUPERBLOCK_BYTES, Superblock
from objstore.model.errors import CorruptData

GOLDEN = Path(__file__).parent / "golden"
VOLUME, DRIVE, CLUSTER, VERSION = bytes(range(16)), b"d" * 16, b"c" * 16, b"v" * 16

SUPERBLOCK = Superblock(VOLUME, 5, 4, 2, DRIVE, CLUSTER, 262144, "hot", 3)
HEADER = StripeHeader(1, 2, VOLUME, 4096, 300, 0, 192, header_bytes_for(4, 192, 0), 320, (192, 64, 44, 0), b"", (77,))
RECORD = (
    1234567890123456789,
    "schlüssel/\x00".encode(),
    VERSION,
    7,
    65536,
    42,
    0x0123456789ABCDEF,
    b'{"etag":"00"}',
    1,
)
EXTENTS = (
    Extent(VOLUME, PACKED, 2, 3, 0, 4096, 88, 42, 99),
    Extent(VERSION, STRIPED, 0, 90, 262144, 8192, 0, 5000000, 5000000),
)
FILES = {
    "superblock-v1.bin": SUPERBLOCK.pack(),
    "stripe-header-v1.bin": HEADER.pack(),
    "record-v1.bin": pack_record(*RECORD),
    "extents-v1.bin": b"".join(extent.pack() for extent in EXTENTS),
    "parts-v1.bin": pack_parts([(1, 5 << 20, b"\1\2\3\4"), (9, 17, None)]),
    "identity-v1.json": Identity("c" * 32, "d" * 32, "hot").pack(),
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_golden_files_are_what_we_write(name: str) -> None:
    assert (GOLDEN / name).read_bytes() == FILES[name]


def test_golden_files_are_read() -> None:
    assert Superblock.unpack((GOLDEN / "superblock-v1.bin").read_bytes()) == SUPERBLOCK
    assert unpack_header((GOLDEN / "stripe-header-v1.bin").read_bytes(), VOLUME, 4096, 2) == HEADER
    bucket_id, key, version_id, part, fragment, size, digest, attrs, flags = RECORD
    assert unpack_record((GOLDEN / "record-v1.bin").read_bytes()) == Record(
        bucket_id, key, version_id, part, fragment, size, digest, attrs, flags
    )
    assert tuple(unpack((GOLDEN / "extents-v1.bin").read_bytes())) == EXTENTS
    assert unpack_parts((GOLDEN / "parts-v1.bin").read_bytes()) == [(1, 5 << 20, b"\1\2\3\4"), (9, 17, b"")]
    assert Identity.unpack((GOLDEN / "identity-v1.json").read_bytes()).tier == "hot"


def test_sizes_are_those_of_the_tables() -> None:
    assert len(FILES["superblock-v1.bin"]) == SUPERBLOCK_BYTES == 4096
    assert EXTENT_BYTES == 56
    assert len(FILES["record-v1.bin"]) == 72 + len(RECORD[1]) + len(RECORD[7])
    assert len(FILES["stripe-header-v1.bin"]) % 64 == 0


@given(st.integers(0, 135), st.integers(1, 255))
def test_a_damaged_superblock_is_seen(at: int, flip: int) -> None:
    raw = bytearray(SUPERBLOCK.pack())
    raw[at] ^= flip
    with pytest.raises(CorruptData):
        Superblock.unpack(bytes(raw))


@given(st.integers(0, 83), st.integers(1, 255))
def test_a_damaged_stripe_header_is_seen(at: int, flip: int) -> None:
    raw = bytearray(HEADER.pack())
    raw[at] ^= flip
    with pytest.raises(CorruptData):
        unpack_header(raw, VOLUME, 4096, 2)


@pytest.mark.parametrize(("volume", "offset", "column"), [(VERSION, 4096, 2), (VOLUME, 8192, 2), (VOLUME, 4096, 1)])
def test_a_misdirected_stripe_header_is_seen(volume: bytes, offset: int, column: int) -> None:
    with pytest.raises(CorruptData, match="elsewhere"):
        unpack_header(HEADER.pack(), volume, offset, column)


@given(st.integers(0, 71 + len(RECORD[1]) + len(RECORD[7])), st.integers(1, 255))
def test_a_damaged_record_is_seen(at: int, flip: int) -> None:
    raw = bytearray(pack_record(*RECORD))
    raw[at] ^= flip
    with pytest.raises(CorruptData):
        unpack_record(raw)


@given(st.binary(max_size=200))
def test_noise_raises_only_the_declared_error(raw: bytes) -> None:
    for reader in (Superblock.unpack, unpack_record, lambda r: unpack_header(r, VOLUME, 0, 0), Identity.unpack):
        with pytest.raises(CorruptData):
            reader(raw)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=8), st.data())
def test_slices_of_extents_cover_just_the_range(sizes: list[int], data: st.DataObject) -> None:
    packed = b"".join(Extent(bytes([i]) * 16, PACKED, 0, 1, 0, 0, 10, size, 5).pack() for i, size in enumerate(sizes))
    total = sum(sizes)
    start = data.draw(st.integers(0, total))
    end = data.draw(st.integers(start, total))
    pieces = list(unpack(slice_packed(packed, start, end)))
    assert sum(piece.length for piece in pieces) == end - start
    borders = [sum(sizes[:i]) for i in range(len(sizes))]
    covered = [(borders[p.volume_id[0]] + p.data_offset - 10, p.length) for p in pieces]
    at = start
    for begin, length in covered:
        assert begin == at
        at += length
    for piece in pieces:
        assert (piece.checksum == 5) == (piece.length == sizes[piece.volume_id[0]])


def test_bytes_by_volume_adds_up() -> None:
    packed = b"".join(extent.pack() for extent in (*EXTENTS, EXTENTS[0]))
    assert bytes_by_volume(packed) == {VOLUME: 84 + 128, VERSION: 5000064}
    assert bytes_by_volume(packed[:EXTENT_BYTES]) == {VOLUME: 42 + 64}
    assert bytes_by_volume(b"") == {}

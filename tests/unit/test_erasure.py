"""The code is reedsolo's, whoever computes it."""

import itertools
import random

import numpy as np
import pytest
import reedsolo

from objstore.erasure import Codec, codec_name, isal

CODES = [
    (1, 0),
    (1, 1),
    (1, 2),
    (2, 1),
    (3, 0),
    (3, 2),
    (4, 2),
    (5, 5),
    (8, 3),
    (10, 4),
    (12, 4),
    (17, 3),
    (100, 30),
    (251, 4),
]
SMALL = [(k, m) for k, m in CODES if k + m <= 8]
BOTH = [pytest.param(True, id="reedsolo"), pytest.param(False, id="isal")]


def columns(codec: Codec, width: int, seed: int) -> list[bytes]:
    data = np.frombuffer(random.Random(seed).randbytes(codec.k * width), np.uint8).reshape(codec.k, width)
    parity = np.full((codec.m, width), 0xAA, np.uint8)
    codec.encode(data, parity)
    return [bytes(row) for row in data] + [bytes(row) for row in parity]


def test_the_fast_path_is_in_use_here() -> None:
    assert codec_name() == "isal"


@pytest.mark.parametrize(("k", "m"), CODES)
def test_parity_is_reedsolos_byte_for_byte(k: int, m: int) -> None:
    found = columns(Codec(k, m), 67, k * 256 + m)
    code = reedsolo.RSCodec(m) if m else None
    for position in range(67):
        word = bytes(column[position] for column in found)
        assert word == (bytes(code.encode(word[:k])) if code else word)


@pytest.mark.parametrize(("k", "m"), CODES)
def test_isal_and_reedsolo_agree(k: int, m: int) -> None:
    assert columns(Codec(k, m), 33, 7) == columns(Codec(k, m, pure=True), 33, 7)


@pytest.mark.parametrize("pure", BOTH)
@pytest.mark.parametrize(("k", "m"), SMALL)
def test_every_erasure_pattern_of_small_codes(k: int, m: int, pure: bool) -> None:
    codec = Codec(k, m, pure=pure)
    whole = columns(codec, 9, 3)
    for count in range(1, m + 1):
        for lost in itertools.combinations(range(k + m), count):
            present = {column: whole[column] for column in range(k + m) if column not in lost}
            assert [bytes(found) for found in codec.rebuild(present, list(lost))] == [whole[column] for column in lost]


@pytest.mark.parametrize(("k", "m"), [code for code in CODES if code not in SMALL])
def test_random_erasures_of_large_codes(k: int, m: int) -> None:
    codec, dice = Codec(k, m), random.Random(k)
    whole = columns(codec, 129, 5)
    for _ in range(25):
        lost = dice.sample(range(k + m), dice.randint(1, m))
        present = {column: whole[column] for column in range(k + m) if column not in lost}
        assert [bytes(found) for found in codec.rebuild(present, lost)] == [whole[column] for column in lost]


def test_fewer_than_k_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="4 needed"):
        Codec(4, 2).rebuild({0: b"a", 1: b"b", 2: b"c"}, [3])


def test_rows_at_a_stride() -> None:
    wide = np.frombuffer(random.Random(1).randbytes(4 * 100), np.uint8).reshape(4, 100)
    parity = np.zeros((2, 200), np.uint8)
    Codec(4, 2).encode(wide[:, :60], parity[:, 50:110])
    expected = np.zeros((2, 60), np.uint8)
    Codec(4, 2, pure=True).encode(np.ascontiguousarray(wide[:, :60]), expected)
    assert (parity[:, 50:110] == expected).all()
    assert not parity[:, :50].any()
    assert not parity[:, 110:].any()


def test_without_the_library_reedsolo_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isal, "load", lambda: None)
    assert codec_name() == "reedsolo"
    codec = Codec(4, 2)
    whole = columns(codec, 5, 2)
    assert bytes(codec.rebuild({i: whole[i] for i in (0, 2, 4, 5)}, [3])[0]) == whole[3]

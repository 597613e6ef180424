"""Fuzzing: a moment of it for each target here, and minutes of it, led by coverage, in the long tests."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
SOAK_SECONDS = 600


def mutated(seeds: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """Seeds with a piece taken out, repeated, or replaced."""

    def change(seed: bytes, start: int, length: int, piece: bytes, times: int) -> bytes:
        start %= len(seed) + 1
        return seed[:start] + piece * times + seed[start + length :]

    lengths, pieces = st.integers(0, 40), st.one_of(st.binary(max_size=20), st.sampled_from(seeds))
    return st.one_of(
        st.binary(max_size=300),
        st.builds(change, st.sampled_from(seeds), st.integers(0, 2000), lengths, pieces, st.integers(0, 5)),
    )


@pytest.mark.parametrize("name", TARGETS)
def test_a_moment(name: str) -> None:
    target, seeds = TARGETS[name]
    for seed in seeds:
        target(seed)

    @settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(mutated(seeds))
    def run(data: bytes) -> None:
        target(data)

    run()


@pytest.mark.soak
@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris has no wheel for this Python")
@pytest.mark.parametrize("name", TARGETS)
def test_minutes(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz.run", name, str(SOAK_SECONDS), str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=SOAK_SECONDS * 2)
    assert run.returncode == 0, run.stderr[-4000:]

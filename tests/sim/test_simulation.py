"""Seeded faults over the whole store. A failing seed is printed; make it a named test below."""

import pytest

from tests.sim.seeds import run_seeds
from tests.sim.simulation import simulate

SEEDS, SOAK_SEEDS = 200, 5000
GROUP = 20
STEPS, SOAK_STEPS = 12, 40


@pytest.mark.parametrize("first", range(0, SEEDS, GROUP))
def test_seeds(first: int, database_url: str) -> None:
    counts = run_seeds(simulate, range(first, first + GROUP), database_url, STEPS)
    for what in ("acked", "crashes", "flips", "faults", "passes"):
        assert counts[what], f"no {what}: the seeds test nothing"


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_many_seeds(database_url: str) -> None:
    counts = run_seeds(simulate, range(SEEDS, SEEDS + SOAK_SEEDS), database_url, SOAK_STEPS)
    print(dict(counts))

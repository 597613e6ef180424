"""Seeded faults with healers at work. A failing seed is printed; make it a named test below."""

from random import Random

import pytest

from objstore.model import clock
from tests.sim.healing import HealingSimulation
from tests.sim.seeds import run_seeds

SEEDS, SOAK_SEEDS, GROUP = 8, 2000, 8
STEPS, SOAK_STEPS = 25, 25


async def simulate(seed: int, url: str, steps: int) -> dict[str, int]:
    """Run one seed."""
    simulation = HealingSimulation(seed, url)
    true_random, clock.random_bytes = clock.random_bytes, Random(seed).randbytes
    try:
        await simulation.run(steps)
    finally:
        clock.random_bytes = true_random
    return simulation.counts


@pytest.mark.parametrize("first", range(0, SEEDS, GROUP))
def test_seeds(first: int, database_url: str) -> None:
    counts = run_seeds(simulate, range(first, first + GROUP), database_url, STEPS)
    for what in ("acked", "crashes", "flips", "healed", "drains", "scrubs", "returns", "partitions"):
        assert counts[what], f"no {what}: the seeds test nothing"


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_many_seeds(database_url: str) -> None:
    counts = run_seeds(simulate, range(SEEDS, SEEDS + SOAK_SEEDS), database_url, SOAK_STEPS)
    print(dict(counts))

"""Seeded faults with healers at work. A failing seed is printed; make it a named test below."""

import asyncio
from collections import Counter
from random import Random

import pytest

from objstore.model import clock
from tests.sim.healing import HealingSimulation
from tests.sim.test_simulation import _wiped

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


async def _run(seeds: range, url: str, steps: int) -> Counter[str]:
    total: Counter[str] = Counter()
    for seed in seeds:
        await _wiped(url)
        try:
            total += Counter(await simulate(seed, url, steps))
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error
    return total


@pytest.mark.parametrize("first", range(0, SEEDS, GROUP))
def test_seeds(first: int, database_url: str) -> None:
    counts = asyncio.run(_run(range(first, first + GROUP), database_url, STEPS))
    for what in ("acked", "crashes", "flips", "healed", "drains", "scrubs", "returns", "partitions"):
        assert counts[what], f"no {what}: the seeds test nothing"


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_many_seeds(database_url: str) -> None:
    counts = asyncio.run(_run(range(SEEDS, SEEDS + SOAK_SEEDS), database_url, SOAK_STEPS))
    print(dict(counts))

"""Seeded faults over the whole store. A failing seed is printed; make it a named test below."""

import asyncio
from collections import Counter

import asyncpg
import pytest

from objstore.meta.tables import metadata
from tests.sim.simulation import simulate

SEEDS, SOAK_SEEDS = 200, 5000
GROUP = 20
STEPS, SOAK_STEPS = 12, 40


async def _wiped(url: str) -> None:
    connection = await asyncpg.connect(url)
    # Few rows: deleting them is far quicker than giving every table a new file.
    await connection.execute(";".join(f'DELETE FROM "{table.name}"' for table in reversed(metadata.sorted_tables)))
    await connection.close()


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
    for what in ("acked", "crashes", "flips", "faults", "passes"):
        assert counts[what], f"no {what}: the seeds test nothing"


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_many_seeds(database_url: str) -> None:
    counts = asyncio.run(_run(range(SEEDS, SEEDS + SOAK_SEEDS), database_url, SOAK_STEPS))
    print(dict(counts))

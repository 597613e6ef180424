"""Runs of seeds: each over an empty database, and the first that fails says which it was."""

import asyncio
import gc
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from unittest.mock import patch

import asyncpg
import uvloop

from objstore.meta import pool
from objstore.model.limits import MAINTENANCE_SECONDS_MAX
from tests.harness.rows import wipe

Simulate = Callable[[int, str, int], Awaitable[Mapping[str, int]]]


def run_seeds(simulate: Simulate, seeds: range, url: str, steps: int) -> Counter[str]:
    """What all of them counted together, on the event loop that servers run on. Raises AssertionError with the seed."""
    # What is claimed is not about time: on a busy machine a connection may be waited for as long as a statement.
    patient = patch.object(pool, "QUEUE_SECONDS_MAX", MAINTENANCE_SECONDS_MAX)
    with patient, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(simulate, seeds, url, steps))


async def _run(simulate: Simulate, seeds: range, url: str, steps: int) -> Counter[str]:
    total: Counter[str] = Counter()
    for seed in seeds:
        await _wipe(url)
        try:
            total += Counter(await simulate(seed, url, steps))
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error
        gc.collect()  # drives in memory, which refer to each other
    return total


async def _wipe(url: str) -> None:
    connection = await asyncpg.connect(url)
    await wipe(connection)
    await connection.close()

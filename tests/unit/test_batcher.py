"""Batcher: nobody waits in a queue for ever, whatever becomes of the batch in front."""

import asyncio

import pytest

from objstore.model.errors import Overloaded
from objstore.work.batcher import Batcher

WAIT_SECONDS = 0.1


async def _hanging(released: asyncio.Event) -> tuple[Batcher[int, int], "asyncio.Future[int]"]:
    """A batcher whose first batch hangs until ``released``, and what was submitted first."""

    async def work(items: list[int]) -> list[int]:
        await released.wait()
        return items

    batcher = Batcher(work, items_max=1, wait_seconds=WAIT_SECONDS)
    first = batcher.submit(1)
    await asyncio.sleep(0)
    return batcher, first


async def test_who_waits_behind_a_batch_that_hangs_is_refused() -> None:
    released = asyncio.Event()
    batcher, first = await _hanging(released)
    behind = [batcher.submit(number) for number in (2, 3)]
    for waiter in behind:
        with pytest.raises(Overloaded):
            await asyncio.wait_for(waiter, 5)
    assert batcher.depth == 0
    later = batcher.submit(4)
    released.set()
    assert await asyncio.wait_for(asyncio.gather(first, later), 5) == [1, 4]


async def test_each_is_refused_when_its_own_time_is_over() -> None:
    released, begun = asyncio.Event(), asyncio.get_running_loop().time()
    batcher, first = await _hanging(released)
    early = batcher.submit(2)
    await asyncio.sleep(WAIT_SECONDS / 2)
    late = batcher.submit(3)
    with pytest.raises(Overloaded):
        await asyncio.wait_for(early, 5)
    assert not late.done()
    with pytest.raises(Overloaded):
        await asyncio.wait_for(late, 5)
    assert asyncio.get_running_loop().time() - begun >= 1.5 * WAIT_SECONDS
    released.set()
    assert await first == 1

"""A volume whose users have all gone before it was there: it is sealed, for an open one is never healed."""

import asyncio
from typing import Any

import pytest

from objstore.model.states import VolumeState
from tests.store.place import Place

SPOT = ("hot", "unclaimed", False)
STATES = "SELECT state FROM volume WHERE NOT id = ANY($1::bytea[])"


class Gate:
    """Volumes are made behind it."""

    def __init__(self, create: Any) -> None:
        self._create, self.opens = create, asyncio.Event()

    async def create(self, tier: str, spare: bool) -> Any:
        await self.opens.wait()
        return await self._create(tier, spare)


@pytest.fixture
def gate(place: Place, monkeypatch: pytest.MonkeyPatch) -> Gate:
    pool = place.store.context.pool
    found = Gate(pool._create)
    monkeypatch.setattr(pool, "_create", found.create)
    return found


async def ask(place: Place, count: int) -> list["asyncio.Task[Any]"]:
    """So many who wait for one volume."""
    tasks = [asyncio.ensure_future(place.store.context.pool.acquire(*SPOT)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def known(raw: Any) -> list[bytes]:
    return [row["id"] for row in await raw.fetch("SELECT id FROM volume")]


async def until_sealed(raw: Any, before: list[bytes]) -> None:
    async with asyncio.timeout(20):
        while [row["state"] for row in await raw.fetch(STATES, before)] != [VolumeState.SEALED]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_all_have_gone_while_it_is_made(place: Place, raw: Any, gate: Gate) -> None:
    before = await known(raw)
    tasks = await ask(place, 3)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    gate.opens.set()
    await until_sealed(raw, before)


async def test_the_last_one_goes_as_it_comes(place: Place, raw: Any, gate: Gate) -> None:
    before = await known(raw)
    [task] = await ask(place, 1)
    place.store.context.pool._opening[SPOT].task.add_done_callback(lambda _: task.cancel())
    gate.opens.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until_sealed(raw, before)


async def test_one_of_them_stays(place: Place, raw: Any, gate: Gate) -> None:
    before = await known(raw)
    tasks = await ask(place, 3)
    tasks[0].cancel()
    tasks[2].cancel()
    gate.opens.set()
    volume = await tasks[1]
    assert [row["state"] for row in await raw.fetch(STATES, before)] == [VolumeState.OPEN]
    assert await place.store.context.pool.acquire(*SPOT) is volume
    for _ in range(2):
        place.store.context.pool.release(volume)
    place.store.context.pool.retire([volume.volume.id])
    await until_sealed(raw, before)

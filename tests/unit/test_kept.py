"""What pages show is kept for a moment, and made once for all who ask meanwhile."""

import asyncio

import pytest
from pydantic import BaseModel

from objstore.api.admin.kept import KEPT_MAX, KEPT_SECONDS, Kept
from objstore.model import clock


class Shown(BaseModel):
    number: int


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set."""
    now = [100.0]
    monkeypatch.setattr(clock, "monotonic_seconds", lambda: now[0])
    return now


class Maker:
    """Counts how often it was asked."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self) -> Shown:
        self.count += 1
        await asyncio.sleep(0)
        return Shown(number=self.count)


async def test_once_a_second(seconds: list[float]) -> None:
    kept, make = Kept(), Maker()
    bodies = [answer.body for answer in await asyncio.gather(*(kept.answer(("a",), make) for _ in range(9)))]
    assert bodies == [b'{"number":1}'] * 9
    seconds[0] += KEPT_SECONDS / 2
    assert (await kept.answer(("a",), make)).body == bodies[0]
    assert (await kept.answer(("b",), make)).body == b'{"number":2}'
    seconds[0] += KEPT_SECONDS / 2
    answer = await kept.answer(("a",), make)
    assert answer.body == b'{"number":3}'
    assert answer.media_type == "application/json"


async def test_errors_are_everybodys_and_not_kept(seconds: list[float]) -> None:
    kept, make = Kept(), Maker()

    async def fail() -> Shown:
        await make()
        raise ValueError("no")

    found = await asyncio.gather(*(kept.get(("a",), fail) for _ in range(3)), return_exceptions=True)
    assert [str(one) for one in found] == ["no"] * 3
    assert make.count == 1
    assert (await kept.get(("a",), make)).number == 2


async def test_who_gives_up_takes_nothing_from_the_others(seconds: list[float]) -> None:
    kept, make = Kept(), Maker()
    first, second = (asyncio.create_task(kept.get(("a",), make)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).number == 1
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_it_is_bounded(seconds: list[float]) -> None:
    kept, make = Kept(), Maker()
    for number in range(KEPT_MAX + 9):
        await kept.get((number,), make)
    assert len(kept._values) == KEPT_MAX
    assert (await kept.get((0,), make)).number == KEPT_MAX + 10
    assert (await kept.get((KEPT_MAX,), make)).number == KEPT_MAX + 1
    seconds[0] += KEPT_SECONDS
    await kept.get((-1,), make)
    assert len(kept._values) == 1

"""Pace: windows of the day, rates, and rest while clients are busy."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from objstore.work import pace as module
from objstore.work.governor import Clients
from objstore.work.pace import Pace, TokenBucket, Window


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 1, 1, hour, minute, tzinfo=UTC)


def test_windows() -> None:
    night = Pace(windows=[Window.parse("22:00-06:30"), Window.parse("12:00-13:00")])
    assert [hour for hour in range(24) if night.is_open(at(hour))] == [0, 1, 2, 3, 4, 5, 6, 12, 22, 23]
    assert not night.is_open(at(6, 30))
    assert Pace().is_open(at(3))
    assert Pace(windows=[Window.parse("00:00-24:00")]).is_open(at(23, 59))


@pytest.mark.parametrize("text", ["", "10:00", "10-11", "25:00-26:00", "10:61-11:00", "a:b-c:d"])
def test_what_is_no_window(text: str) -> None:
    with pytest.raises(ValueError, match=r"window|time of day"):
        Window.parse(text)


@pytest.mark.timeout(20)
async def test_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is taken beyond the rate is waited for, by whoever comes next."""
    now = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(module.clock, "monotonic_seconds", lambda: now)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    bucket = TokenBucket(100.0)
    await bucket.take(1000)
    assert now == 0
    await bucket.take(1)
    assert now == pytest.approx(9.0, abs=0.01)
    for _ in range(1000):
        await bucket.take(1)
    paid = now
    assert 18.9 < paid < 20.5
    unlimited = TokenBucket(None)
    await unlimited.take(1e18)
    assert now == paid


@pytest.mark.timeout(20)
async def test_another_rate_while_somebody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    rates: list[tuple[float, float | None]] = []  # from when on

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        while rates and now >= rates[0][0]:
            bucket.set_rate(rates.pop(0)[1])

    monkeypatch.setattr(module.clock, "monotonic_seconds", lambda: now)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    bucket = TokenBucket(100.0)
    rates.append((5.0, 1000.0))
    await bucket.take(10_100)  # a debt of 100 seconds
    await bucket.take(0)
    assert now == pytest.approx(5 + 9.5, abs=1.1)
    rates.append((now + 3, None))
    await bucket.take(1_000_000)
    began = now
    await bucket.take(1)
    assert now - began < 5
    bucket.set_rate(10.0)
    await bucket.take(10)  # what may be taken at once
    assert now - began < 5
    await bucket.take(10)
    await bucket.take(0)
    assert now - began == pytest.approx(4, abs=1.2)


async def test_clients_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    load, now = 0.0, 0.0

    async def clients() -> Clients:
        return Clients(load)

    monkeypatch.setattr(module.clock, "monotonic_seconds", lambda: now)
    pace = Pace(clients=clients, quiet=10, rest=2)
    assert await pace.rest_after(timedelta(seconds=3)) == 0
    load, now = 11.0, 1.0
    assert await pace.rest_after(timedelta(seconds=3)) == 6
    assert await Pace().rest_after(timedelta(seconds=3)) == 0


async def test_long_work_takes_breath_and_never_less_than_its_least(monkeypatch: pytest.MonkeyPatch) -> None:
    load, now, rests = 0.0, 10.0, []

    async def clients() -> Clients:
        return Clients(load)

    async def sleep(_pace: Pace, seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(module.clock, "monotonic_seconds", lambda: now)
    monkeypatch.setattr(Pace, "_sleep", sleep)
    pace = Pace(clients=clients, quiet=10, rest=2, factor=1.5)
    await pace.breathe(9.0, 0.1)
    assert not rests
    load, now = 11.0, 11.0
    await pace.breathe(10.0, 0.1)  # how long their requests take is not known: a third of the time
    await pace.breathe(10.0, 0.5)
    assert rests == pytest.approx([2, 1])

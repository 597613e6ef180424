"""The governor: clients' latency stays within a factor of what it is without us, and nobody is slowed for nobody."""

import asyncio
from collections.abc import Callable

import pytest

from objstore.api.metrics import SMALL_REQUESTS_MIN, Metrics
from objstore.work import pace as module
from objstore.work.governor import LEARN_AGAIN_SECONDS, SHARE_MIN, TURN_SECONDS, Clients, Governor
from objstore.work.pace import LISTEN_SECONDS_MAX, Pace

FACTOR, QUIET, UNKNOWN = 1.5, 10.0, 0.4
BASE = 0.004


def governor() -> Governor:
    return Governor(FACTOR, QUIET, UNKNOWN)


def clients(seconds: float = BASE, operations: float = 1000.0) -> Clients:
    return Clients(operations, seconds)


def settled(latency: Callable[[float], float], turns: int = 60) -> tuple[float, float]:
    """Share and latency in the end, where clients have ``latency(share)`` beside us."""
    one, now, share = governor(), 0.0, 0.0
    one.share(clients(latency(0.0)), now, TURN_SECONDS)
    for _ in range(turns):
        now += TURN_SECONDS
        if now > LEARN_AGAIN_SECONDS:
            break
        share = one.share(clients(latency(share)), now, 0.0)
    return share, latency(share)


def test_nobody_there_full_speed() -> None:
    one = governor()
    assert one.share(Clients(), 0.0, 0.0) == 1.0
    assert one.share(clients(operations=QUIET), 1.0, 0.0) == 1.0


def test_too_few_to_know() -> None:
    assert governor().share(clients(0.0, 20.0), 0.0, 0.0) == UNKNOWN


def test_what_is_not_known_is_listened_to_first() -> None:
    one = governor()
    assert one.share(clients(), 0.0, 0.0) == 0.0
    assert one.share(clients(), 3.0, 3.0) == 0.0  # what was measured may still be of our work
    assert one.share(clients(), TURN_SECONDS, TURN_SECONDS) == UNKNOWN
    assert one.share(clients(), TURN_SECONDS + 1, 0.0) == UNKNOWN  # nothing is known of this share yet


@pytest.mark.parametrize("harm", [0.6, 1.0, 3.0, 10.0])
def test_it_settles_where_clients_can_bear_it(harm: float) -> None:
    """Latency that grows with our part of the time, little or much: as much of it as may be, within a tenth."""
    share, latency = settled(lambda share: BASE * (1 + harm * share))
    assert 0.85 * FACTOR * BASE <= latency <= 1.15 * FACTOR * BASE
    assert SHARE_MIN < share < 1.0


def test_no_harm_full_speed() -> None:
    assert settled(lambda share: BASE * (1 + 0.2 * share)) == (1.0, pytest.approx(1.2 * BASE))


def test_it_always_goes_on() -> None:
    """Clients that suffer whatever we do: a little work is done in any case."""
    assert settled(lambda share: BASE * (9 if share else 1))[0] == SHARE_MIN


def test_it_learns_anew() -> None:
    one = governor()
    one.share(clients(), 0.0, TURN_SECONDS)
    assert one.share(clients(), LEARN_AGAIN_SECONDS, 0.0) > 0
    assert one.share(clients(), LEARN_AGAIN_SECONDS + 1, 0.0) == 0.0
    assert one.share(clients(), LEARN_AGAIN_SECONDS + 7, TURN_SECONDS) > 0
    # Other clients have another latency, which is not our doing.
    assert one.share(clients(5 * BASE, 3000.0), LEARN_AGAIN_SECONDS + 8, 0.0) == 0.0
    share = one.share(clients(5 * BASE, 3000.0), LEARN_AGAIN_SECONDS + 20, TURN_SECONDS)
    assert one.share(clients(6 * BASE, 3000.0), LEARN_AGAIN_SECONDS + 30, 0.0) > share


def test_clients_that_do_less_may_be_waiting_for_us() -> None:
    """Once for each time that they are listened to."""
    one = governor()
    one.share(clients(), 0.0, TURN_SECONDS)
    for _ in range(3):
        assert one.share(clients(operations=400.0), 1.0, 0.0) == 0.0
    assert one.share(clients(operations=1000.0), 6.0, TURN_SECONDS) == UNKNOWN / 2


def test_one_slow_moment_is_not_believed_at_once() -> None:
    one = governor()
    one.share(clients(), 0.0, TURN_SECONDS)
    before = one.share(clients(), 5.0, 0.0)
    after = one.share(clients(1.6 * BASE), 10.0, 0.0)
    assert after >= before


async def test_batches_wait_for_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients are listened to once; then batches are smaller, one at a time, with rests between."""
    now, rested, heard = 0.0, list[float](), clients(0.0, 0.0)

    async def sleep(_: Pace, seconds: float) -> None:
        nonlocal now
        now += seconds
        rested.append(seconds)

    async def ask() -> Clients:
        return heard

    monkeypatch.setattr(module.clock, "monotonic_seconds", lambda: now)
    monkeypatch.setattr(Pace, "_sleep", sleep)
    pace = Pace(clients=ask, quiet=QUIET, rest=3.0, factor=FACTOR)
    async with pace.batch(), pace.batch():  # nobody there: as many at a time as there are workers
        assert pace.items(256) == 256
    assert not rested
    now, heard = 1.0, clients()
    async with pace.batch():
        assert now == pytest.approx(TURN_SECONDS)  # nobody has worked since 0
        rested.clear()
        assert pace.share == 0.25
        assert pace.items(256) == 128
        now += 2.0
    assert rested == [module.REST_SECONDS_MAX]  # 6 s would be of no use: clients beside us were not heard of
    heard = clients(100 * BASE)
    for _ in range(100):
        async with pace.batch():
            now += 0.02
    assert pace.share == SHARE_MIN
    assert pace.items(256) == 64
    assert rested[-1] == pytest.approx(0.02 * (1 - SHARE_MIN) / SHARE_MIN)
    async with pace.batch():  # large objects: clients are heard of while they move, and the rest is longer
        for _ in range(5):
            now += 2.0
            await pace.bytes(1)
        rested.clear()
    assert sum(rested) == pytest.approx(40.0)
    rested.clear()
    async with pace.batch():  # they leave meanwhile: nobody to rest for
        for _ in range(5):
            now += 2.0
            await pace.bytes(1)
        heard = Clients()
        rested.clear()
    assert rested == [module.REST_SECONDS_MAX]
    heard = clients()
    for _ in range(300):
        async with pace.batch():
            now += 0.5
    assert pace.share == 1.0


async def test_a_rest_ends_when_the_process_does() -> None:
    stop = asyncio.Event()

    async def ask() -> Clients:
        return clients(0.0)

    pace = Pace(clients=ask, quiet=QUIET, rest=100.0, factor=FACTOR, stop=stop)
    stop.set()
    async with asyncio.timeout(LISTEN_SECONDS_MAX):
        for _ in range(100):
            async with pace.batch():
                await asyncio.sleep(0.001)


def test_what_gateways_say_of_small_requests() -> None:
    metrics = Metrics()
    for _ in range(SMALL_REQUESTS_MIN - 1):
        metrics.observe("GetObject", 200, 0.01, 0, 4096)
    assert metrics.p99_seconds() == 0.0
    for number in range(1000):
        metrics.observe("GetObject", 200, 0.001 if number < 985 else 0.05, 0, 4096)
        metrics.observe("PutObject", 200, 9.0, 10**8, 0)  # takes as long as its client's network
    assert metrics.p99_seconds() == pytest.approx(0.05, rel=0.2)
    for _ in range(1000):
        metrics.observe("GetObject", 200, 0.001, 0, 4096)
    assert metrics.p99_seconds() == pytest.approx(0.001, rel=0.2)
    for _ in range(SMALL_REQUESTS_MIN):
        metrics.observe("GetObject", 200, 1000.0, 0, 0)
    assert 20 < metrics.p99_seconds() < 30

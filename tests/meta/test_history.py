"""History: what all processes add, how it is rolled up, and what is kept."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import asyncpg
import pytest

from objstore.cli.keeper import Keeper
from objstore.cli.recorder import Recorder
from objstore.meta.database import Database
from objstore.meta.history_keeper import Held, Keeping, places
from objstore.meta.history_samples import Line, Samples, Span
from objstore.meta.place_sums import sums_below, sums_of_buckets, sums_of_prefixes
from objstore.model.places import places_of
from objstore.model.series import BAND_DAYS, DAY, HOUR, KEPT_SECONDS, LEVELS, MINUTE, STEP, TEN_MINUTES, code_of
from tests.meta.world import World

PUT, READ, BACKLOG, DRIVE = (code_of(name) for name in ("put_bytes", "read_bytes", "backlog", "drive_bytes"))
NOON = 1_800_000_000 // HOUR * HOUR


@pytest.fixture
async def clean(raw: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """No history."""
    await raw.execute("DELETE FROM history; DELETE FROM history_keeper")
    return raw


async def put(raw: "asyncpg.Connection[asyncpg.Record]", *rows: tuple[int, int, int, float]) -> None:
    """Rows of one process: series, step, start, value."""
    await raw.executemany(
        "INSERT INTO history (series, step, start, value, label, node) VALUES ($1, $2, $3, $4, 'hot', 'a#0')", rows
    )


@dataclass(frozen=True)
class Point:
    series: int
    label: str
    start: int
    value: float


async def points(samples: Samples, codes: Sequence[int], span: Span, every: int) -> list[Point]:
    """Of all lines, one by one."""
    lines = await samples.lines(codes, span, every)
    return [Point(line.series, line.label, start, value) for line in lines for start, value in line.points]


async def test_processes_add_up(database: Database, clean: "asyncpg.Connection[asyncpg.Record]") -> None:
    samples = Samples(database)
    for process, value in (("a#0", 10.0), ("a#1", 5.0), ("b#0", 1.0)):
        assert await samples.add(process, [(PUT, "hot", value), (READ, "hot", 1.0)])
    assert await samples.add("a#0", [])
    now = await clean.fetchval("SELECT extract(epoch FROM now())::bigint")
    span = Span(STEP, now - 60, now + 60)
    halves = (Span(STEP, now - 60, now), Span(STEP, now, now + 60))
    assert await samples.many_sums([([PUT], halves), ([READ], [span]), ([BACKLOG], halves)]) == [
        {(PUT, "hot"): 16.0},
        {(READ, "hot"): 3.0},
        {},
    ]
    assert await samples.sums([PUT, READ], span) == {(PUT, "hot"): 16.0, (READ, "hot"): 3.0}
    assert await samples.by_node([PUT], span) == {("a#0", PUT): 10.0, ("a#1", PUT): 5.0, ("b#0", PUT): 1.0}
    newest = await samples.newest([PUT], now - 60)
    assert newest is not None
    assert newest % STEP == 0
    assert now - 2 * STEP < newest <= now
    assert await samples.newest([PUT], now + 60) is None


async def test_a_second_writing_adds_to_rates_and_replaces_levels(
    database: Database, clean: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    samples = Samples(database)
    start = None
    while start is None:  # unless a step ends in between
        await clean.execute("DELETE FROM history")
        for value in (3.0, 4.0):
            await samples.add("a#0", [(PUT, "hot", value), (BACKLOG, "", value)])
        starts = await clean.fetch("SELECT DISTINCT start FROM history")
        start = starts[0][0] if len(starts) == 1 else None
    span = Span(STEP, start, start + STEP)
    assert await samples.sums([PUT], span) == {(PUT, "hot"): 7.0}
    assert await samples.last([BACKLOG], span) == {(BACKLOG, ""): 4.0}


async def test_points(database: Database, clean: "asyncpg.Connection[asyncpg.Record]") -> None:
    await put(clean, *((PUT, STEP, NOON + at, 1.0) for at in range(0, 60, STEP)))
    await put(clean, (BACKLOG, STEP, NOON, 10.0), (BACKLOG, STEP, NOON + 10, 20.0))
    found = await points(Samples(database), [PUT, BACKLOG], Span(STEP, NOON, NOON + 60), 30)
    assert found == [
        Point(PUT, "hot", NOON, 3.0),
        Point(PUT, "hot", NOON + 30, 3.0),
        Point(BACKLOG, "hot", NOON, 15.0),
    ]


async def test_one_process_keeps(database: Database, clean: "asyncpg.Connection[asyncpg.Record]") -> None:
    keepers = [Keeping(database, bytes([i]) * 16) for i in range(4)]
    held = await asyncio.gather(*(keeper.take() for keeper in keepers))
    (holder,) = [keeper for keeper, one in zip(keepers, held, strict=True) if one is not None]
    assert await holder.take() is not None
    await clean.execute("UPDATE history_keeper SET lease_until = now() - interval '1 second'")
    other = next(keeper for keeper in keepers if keeper is not holder)
    assert await other.take() is not None
    assert await holder.take() is None
    await other.release()
    assert await holder.take() is not None


async def test_steps_become_minutes_and_hours_and_go(
    database: Database, clean: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Two hours of steps, then the time at which each of them is too old."""
    keeping = Keeping(database, b"k" * 16)
    assert await keeping.take() is not None
    await put(clean, *((PUT, STEP, NOON + at, 2.0) for at in range(0, 2 * HOUR, STEP)))
    await put(clean, *((DRIVE, STEP, NOON + at, 1.0) for at in range(0, 2 * HOUR, STEP)))
    await put(clean, *((BACKLOG, STEP, NOON + at, at / STEP) for at in range(0, MINUTE, STEP)))
    now = NOON + 2 * HOUR + MINUTE
    for _ in range(6):
        held = await held_at(clean, now)
        await keeping.roll_up(held)
    samples = Samples(database)
    minutes = await points(samples, [PUT, BACKLOG], Span(MINUTE, NOON, now), MINUTE)
    assert {point.value for point in minutes if point.series == PUT} == {12.0}
    assert [point.value for point in minutes if point.series == BACKLOG] == [2.5]
    assert len([point for point in minutes if point.series == PUT]) == 120
    tens = await points(samples, [PUT, DRIVE], Span(TEN_MINUTES, NOON, now), TEN_MINUTES)
    assert [point.value for point in tens] == [120.0] * 12
    hours = await points(samples, [PUT, DRIVE], Span(HOUR, NOON, now), HOUR)
    assert hours == [Point(PUT, "hot", NOON, 720.0), Point(PUT, "hot", NOON + HOUR, 720.0)]
    assert await keeping.roll_up(await held_at(clean, now)) == 0
    # Once more over the same stretch: nothing changes.
    await clean.execute("UPDATE history_keeper SET minutes_until = $1", NOON)
    assert await keeping.roll_up(await held_at(clean, now)) > 0
    assert await points(samples, [PUT], Span(HOUR, NOON, now), HOUR) == hours
    await clean.execute("UPDATE history_keeper SET minutes_until = $1", now)
    assert await count(clean) == {STEP: 1446, MINUTE: 241, TEN_MINUTES: 13, HOUR: 3}
    await keeping.purge(await held_at(clean, now))
    assert await count(clean) == {STEP: 828, MINUTE: 241, TEN_MINUTES: 13, HOUR: 3}
    assert min(await clean.fetch("SELECT start FROM history WHERE step = 10"))[0] == now - KEPT_SECONDS[STEP]
    await keeping.purge(await held_at(clean, NOON + KEPT_SECONDS[MINUTE] + 4 * HOUR))
    assert await count(clean) == {HOUR: 3}
    after = NOON + KEPT_SECONDS[HOUR] + 4 * HOUR
    await keeping.purge(await held_at(clean, after))
    assert await count(clean) == {HOUR: 3}  # of the day there are no sums yet
    await clean.execute("UPDATE history_keeper SET days_until = $1", after)
    await keeping.purge(await held_at(clean, after))
    assert await count(clean) == {}


async def test_hours_become_days(database: Database, clean: "asyncpg.Connection[asyncpg.Record]") -> None:
    keeping = Keeping(database, b"k" * 16)
    assert await keeping.take() is not None
    begin = NOON // DAY * DAY
    await put(clean, *((PUT, HOUR, begin + at, 2.0) for at in range(0, 50 * DAY + 5 * HOUR, HOUR)))
    await put(clean, *((BACKLOG, HOUR, begin + at, at / HOUR) for at in range(0, DAY, HOUR)))
    now = begin + 50 * DAY + 6 * HOUR
    await clean.execute("UPDATE history_keeper SET minutes_until = $1, hours_until = $1", now)
    assert await keeping.roll_up(await held_at(clean, now)) == 31
    assert await keeping.roll_up(await held_at(clean, now)) == 20
    assert await keeping.roll_up(await held_at(clean, now)) == 0
    span = Span(DAY, begin, now)
    assert await Samples(database).lines([PUT], span, DAY) == [
        Line(PUT, "hot", [(begin + at * DAY, 48.0) for at in range(50)])
    ]
    assert await points(Samples(database), [BACKLOG], span, DAY) == [Point(BACKLOG, "hot", begin, 11.5)]


async def test_what_was_not_rolled_up_is_not_deleted(
    database: Database, clean: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    keeping = Keeping(database, b"k" * 16)
    await keeping.take()
    await put(clean, (PUT, STEP, NOON, 2.0), (PUT, MINUTE, NOON, 2.0))
    await keeping.purge(Held(0, 0, 0, NOON + 100 * 366 * DAY))
    assert await count(clean) == {STEP: 1, MINUTE: 1}


async def test_who_lost_the_lease_rolls_nothing_up(
    database: Database, clean: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    late, other = Keeping(database, b"l" * 16), Keeping(database, b"o" * 16)
    held = await late.take()
    assert held is not None
    await put(clean, (PUT, STEP, NOON, 2.0))
    await clean.execute("UPDATE history_keeper SET lease_until = now() - interval '1 second'")
    assert await other.take() is not None
    assert await late.roll_up(Held(0, 0, 0, NOON + HOUR)) == 0
    assert await count(clean) == {STEP: 1}


async def test_places_are_kept(database: Database, clean: "asyncpg.Connection[asyncpg.Record]") -> None:
    assert await places(database) == ({}, None)
    keeping = Keeping(database, b"k" * 16)
    await keeping.take()
    assert await places(database) == ({}, None)
    await keeping.put_places({"shown": [1]})
    kept, since = await places(database)
    assert kept == {"shown": [1]}
    assert since is not None


async def test_sums_of_places(world: World, database: Database) -> None:
    today = 20_000
    await world.put(b"a/1", b"a/2", b"b", accessed=today)
    await world.put(b"a/x/3", accessed=today - 40, tier=1, storage_class="STANDARD_IA")
    await world.put(b"c/4", accessed=today + 1)
    found = [one for one in await sums_of_buckets(database, today, BAND_DAYS) if one.name == world.bucket.name]
    assert {(one.tier, one.band): (one.objects, one.bytes) for one in found} == {(0, 0): (4, 400), (1, 4): (1, 100)}
    sums, total = await sums_of_prefixes(database, world.bucket.id, today, BAND_DAYS, 1)
    assert total == 3
    assert {(one.name, one.tier, one.band): one.objects for one in sums} == {
        (b"a/", 0, 0): 2,
        (b"a/", 1, 4): 1,
        (None, 0, 0): 2,
    }
    below, complete = await sums_below(database, world.bucket.id, b"a/", today, BAND_DAYS)
    assert complete
    assert {(one.name, one.tier): one.objects for one in below} == {(b"1", 0): 1, (b"2", 0): 1, (b"x/", 1): 1}


def test_places() -> None:
    sums = [("b", "hot", 0, 1, 10), ("a", "hot", 0, 1, 50), ("a", "capacity", 6, 1, 50), (None, "hot", 1, 7, 70)]
    found = places_of([*sums, ("c", "hot", 0, 2, 5)], 2)
    assert [(place.name, place.bytes, place.heat) for place in found.shown] == [("a", 100, 0.5), ("b", 10, 1.0)]
    assert found.shown[0].tiers == {"hot": 50, "capacity": 50}
    assert (found.rest.objects, found.rest.bytes, found.rest_count) == (9, 75, 1)
    assert places_of([], 2).rest.heat == 0


async def held_at(raw: "asyncpg.Connection[asyncpg.Record]", now: int) -> Held:
    row = await raw.fetchrow("SELECT minutes_until, hours_until, days_until FROM history_keeper")
    assert row is not None
    return Held(*row, now)


async def count(raw: "asyncpg.Connection[asyncpg.Record]") -> dict[int, int]:
    return {row[0]: row[1] for row in await raw.fetch("SELECT step, count(*) FROM history GROUP BY step")}


async def test_what_could_not_be_written_is_a_gap(
    database_url: str, database: Database, clean: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """A database that was away: what was counted meanwhile does not come as one burst."""
    away = await Database.connect(database_url, pool_size=1)
    await away.close()
    total = 100.0
    recorders = [Recorder(one, "a#0", [lambda: [("put_bytes", "hot", total)]]) for one in (away, database)]
    await recorders[0].record()
    assert await count(clean) == {}
    broken = recorders[0]
    broken._samples = Samples(database)
    await broken.record()
    assert await count(clean) == {}
    total = 130.0
    await broken.record()
    assert await clean.fetchval("SELECT value FROM history") == 30.0
    await recorders[1].record()
    assert await clean.fetchval("SELECT sum(value) FROM history") == 160.0


async def test_a_keeper_writes_levels(
    database: Database, world: World, clean: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await world.put(b"a/1", b"b")
    first, second = Keeper(database), Keeper(database)
    assert await first.step()
    assert not await second.step()
    now = await clean.fetchval("SELECT extract(epoch FROM now())::bigint")
    levels = await Samples(database).last(LEVELS, Span(STEP, now - 60, now + 60))
    assert levels[BACKLOG, ""] == 0
    assert levels[code_of("tier_bytes"), "hot"] >= 200
    kept, _ = await places(database)
    assert world.bucket.name in {place["name"] for place in kept["shown"]}

"""Lines of the past: of the longest steps that are enough, and of shorter ones where those are not there yet."""

from typing import TypeAlias

import asyncpg
import pytest

from objstore.api.admin.history import HistoryAnswer, lines_of
from objstore.meta.database import Database
from objstore.model.series import DAY, HOUR, MINUTE, TEN_MINUTES, code_of

Raw: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
BEGIN = 1_800_000_000 // DAY * DAY
PUT, BACKLOG = code_of("put_bytes"), code_of("backlog")
DAYS = 150


@pytest.fixture
async def clean(raw: Raw) -> Raw:
    await raw.execute("DELETE FROM history")
    return raw


async def put(raw: Raw, step: int, begin: int, end: int, label: str = "hot") -> None:
    """One byte a second, in steps of a time."""
    await raw.execute(
        "INSERT INTO history (series, step, start, value, label, node) "
        "SELECT $1::smallint, $2::int, at, $2::int, $5::text, '' "
        "FROM generate_series($3::bigint, $4::bigint - 1, $2::int) AS at",
        *(PUT, step, begin, end, label),
    )


async def asked(database: Database, now: int, seconds: int, label: str | None = None) -> HistoryAnswer:
    return await lines_of(database, [PUT, BACKLOG], now - seconds, now, 0, label, now)


async def test_days_and_hours_where_days_are_not_there_yet(database: Database, clean: Raw) -> None:
    now = BEGIN + DAYS * DAY + 5 * HOUR
    await put(clean, DAY, BEGIN, BEGIN + (DAYS - 1) * DAY)
    await put(clean, HOUR, BEGIN + (DAYS - 4) * DAY, now)
    found = await asked(database, now, DAYS * DAY)
    assert found.step_seconds == DAY
    (line,) = found.series
    assert line.points == [(BEGIN + at * DAY, 1.0) for at in range(DAYS)]  # today has not ended


async def test_a_day_whose_last_hours_are_not_there_yet_is_left_out(database: Database, clean: Raw) -> None:
    now = BEGIN + DAYS * DAY + MINUTE
    await put(clean, DAY, BEGIN, BEGIN + (DAYS - 1) * DAY)
    await put(clean, HOUR, BEGIN + (DAYS - 3) * DAY, BEGIN + DAYS * DAY - 2 * HOUR)
    (line,) = (await asked(database, now, DAYS * DAY)).series
    assert line.points[-1] == (BEGIN + (DAYS - 2) * DAY, 1.0)


async def test_of_the_first_day_there_are_hours(database: Database, clean: Raw) -> None:
    now = BEGIN + 6 * HOUR
    await put(clean, HOUR, BEGIN, BEGIN + 5 * HOUR)
    await put(clean, MINUTE, BEGIN, now)
    found = await asked(database, now, 366 * DAY)
    assert found.step_seconds % HOUR == 0
    assert found.step_seconds < DAY


async def test_hours_and_minutes(database: Database, clean: Raw) -> None:
    now = BEGIN + 6 * DAY + 10 * MINUTE
    await put(clean, HOUR, BEGIN, now - HOUR)
    await put(clean, MINUTE, BEGIN, now)
    found = await asked(database, now, 6 * DAY)
    (line,) = found.series
    assert (found.step_seconds, len(line.points)) == (HOUR, 6 * 24)
    assert {value for _, value in line.points} == {1.0}


async def test_only_lines_of_a_label(database: Database, clean: Raw) -> None:
    now = BEGIN + 6 * DAY
    for label in ("hot", "capacity", "hot:capacity"):
        await put(clean, MINUTE, now - DAY, now, label)
    found = await asked(database, now, DAY)
    assert [line.label for line in found.series] == ["capacity", "hot", "hot:capacity"]
    found = await asked(database, now, DAY, "hot")
    assert [(line.label, line.points[0]) for line in found.series] == [("hot", (now - DAY, 1.0))]
    assert (await asked(database, now, DAY, "cold")).series == []


async def test_a_day_by_ten_minutes_and_the_newest_by_minutes(database: Database, clean: Raw) -> None:
    now = BEGIN + DAY + 7 * MINUTE
    await put(clean, TEN_MINUTES, BEGIN, now - 12 * MINUTE)
    await put(clean, MINUTE, now - 2 * HOUR, now)
    found = await asked(database, now, DAY)
    (line,) = found.series
    assert found.step_seconds == TEN_MINUTES
    assert line.points == [(at, 1.0) for at in range(BEGIN, BEGIN + DAY, TEN_MINUTES)]


async def test_where_ten_minutes_do_not_reach_back_there_are_minutes(database: Database, clean: Raw) -> None:
    now = BEGIN + DAY
    await put(clean, TEN_MINUTES, now - 3 * HOUR, now)
    await put(clean, MINUTE, now - 20 * HOUR, now)
    found = await asked(database, now, DAY)
    (line,) = found.series
    assert found.step_seconds < TEN_MINUTES
    assert line.points[0][0] <= now - 20 * HOUR
    assert {value for _, value in line.points} == {1.0}

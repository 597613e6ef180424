"""Days: rounding, horizons, short days, ages that no calendar holds."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objstore.model import days

MORNING = datetime(2014, 1, 15, 10, 30, tzinfo=UTC)
moments = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("moment", "count", "due"),
    [
        (MORNING, 3, datetime(2014, 1, 19, tzinfo=UTC)),  # AWS's own example
        (MORNING, 0, datetime(2014, 1, 16, tzinfo=UTC)),
        (datetime(2014, 1, 15, tzinfo=UTC), 3, datetime(2014, 1, 18, tzinfo=UTC)),
        (datetime(2014, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), 1, datetime(2015, 1, 2, tzinfo=UTC)),
        (MORNING, 2**31 - 1, days.FAR),
    ],
)
def test_ages_end_at_midnight(moment: datetime, count: int, due: datetime) -> None:
    assert days.due_after(moment, count) == due
    assert days.calendar_date(moment, count) == due


def test_short_days_are_not_rounded() -> None:
    days.configure(10)
    assert days.due_after(MORNING, 5) == MORNING + timedelta(seconds=50)
    assert days.calendar_date(MORNING, 5) == datetime(2014, 1, 21, tzinfo=UTC)
    assert days.hours(12) == timedelta(seconds=5)
    assert days.day_of(days.EPOCH + timedelta(seconds=29)) == 2
    assert days.start_of(2) == days.EPOCH + timedelta(seconds=20)
    assert days.idle_since(2, 3) == days.EPOCH + timedelta(seconds=60)


def test_times_that_cannot_be_said() -> None:
    assert days.start_of(2**62) == days.start_of(10_000_000) == days.FAR
    assert days.due_after(days.FAR, 1) == days.FAR
    assert days.days(10**12) == days.hours(10**14) == timedelta.max
    assert days.horizon(MORNING, 2**31 - 1).year == 1


@given(moments, moments, st.integers(0, 4000), st.sampled_from([86400, 10, 7]))
def test_horizon_is_the_inverse(moment: datetime, now: datetime, count: int, day_seconds: int) -> None:
    days.configure(day_seconds)
    latest = days.horizon(now, count)
    assert days.due_after(latest, count) <= now < days.due_after(latest + timedelta(microseconds=1), count)
    assert (days.due_after(moment, count) <= now) == (moment <= latest)


@given(moments, st.sampled_from([86400, 10, 7]))
def test_a_moment_lies_in_its_day(moment: datetime, day_seconds: int) -> None:
    days.configure(day_seconds)
    day = days.day_of(moment)
    assert days.start_of(day) <= moment < days.start_of(day + 1)

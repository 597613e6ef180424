"""Which steps a question about the past is answered from."""

from itertools import pairwise

import pytest

from objstore.api.picture.flows import percentile
from objstore.api.picture.forecast import growth_of
from objstore.api.picture.spans import POINTS_MAX, pieces_of, rest_of, stretch, window
from objstore.meta.history_samples import Span
from objstore.model.series import DAY, HOUR, MINUTE, STEP, TEN_MINUTES

NOW = 1_800_000_000.0 + 7


@pytest.mark.parametrize(
    ("ago", "length", "step"),
    [
        (HOUR, HOUR, STEP),
        (600, 600, STEP),
        (2 * HOUR, HOUR, MINUTE),
        (12 * HOUR, 12 * HOUR, MINUTE),
        (DAY, DAY, TEN_MINUTES),
        (6 * DAY, 6 * DAY, HOUR),
        (6 * DAY, DAY, TEN_MINUTES),
        (30 * DAY, HOUR, HOUR),
        (99 * DAY, 99 * DAY, HOUR),
        (1000 * DAY, 1000 * DAY, DAY),
        (1000 * DAY, 30 * DAY, HOUR),
    ],
)
def test_steps_of_a_stretch(ago: int, length: int, step: int) -> None:
    span, every = stretch(NOW - ago, NOW - ago + length, 0, NOW)
    assert span.step == step
    assert every % step == 0
    assert span.start % every == 0
    assert span.start <= NOW - ago
    assert NOW - ago + length <= span.end
    assert span.seconds / every <= POINTS_MAX + 1


def test_coarser_points_and_shorter_series() -> None:
    assert stretch(NOW - HOUR, NOW, 90, NOW)[1] == 90
    assert stretch(NOW - HOUR, NOW, 61, NOW)[1] == 70
    assert stretch(NOW - 6 * DAY, NOW, 0, NOW, MINUTE)[0].step == MINUTE
    assert stretch(NOW - 900 * DAY, NOW, 0, NOW, HOUR)[0].step == HOUR


def test_what_is_not_rolled_up_yet() -> None:
    span, every = stretch(NOW - 6 * DAY, NOW, 0, NOW)
    rest = rest_of(span, every, NOW)
    assert rest is not None
    assert (rest.step, rest.start % every, rest.end) == (MINUTE, 0, span.end)
    assert rest.seconds <= 4 * HOUR + every
    span, every = stretch(NOW - 900 * DAY, NOW, 0, NOW)
    rest = rest_of(span, every, NOW)
    assert rest is not None
    assert (rest.step, rest.start % every, rest.end) == (HOUR, 0, span.end)
    assert rest.seconds <= 3 * DAY + every
    span, every = stretch(NOW - DAY, NOW, 0, NOW)
    rest = rest_of(span, every, NOW)
    assert rest is not None
    assert (rest.step, rest.start % every, rest.end) == (MINUTE, 0, span.end)
    assert rest.seconds <= 40 * MINUTE
    assert rest_of(Span(HOUR, 0, HOUR), HOUR, NOW) is None
    assert rest_of(Span(STEP, 0, int(NOW)), STEP, NOW) is None


def test_pieces_are_the_whole() -> None:
    now = NOW // MINUTE * MINUTE + 30
    for begin, end in ((3600, 0), (3610, 10), (3550, 600), (300, 0), (4000, 3990), (400, 300)):
        span = Span(STEP, int(now) - begin, int(now) - end)
        pieces = pieces_of(span, now)
        assert (pieces[0].start, pieces[-1].end) == (span.start, span.end)
        assert all(one.end == next_.start for one, next_ in pairwise(pieces))
        assert all(one.start < one.end and one.start % one.step == one.end % one.step == 0 for one in pieces)
        minutes = sum(one.seconds for one in pieces if one.step == MINUTE)
        assert span.seconds - minutes <= 300 + 2 * MINUTE
        assert all(one.end <= now - 300 for one in pieces if one.step == MINUTE)
    for span in (Span(STEP, int(now) - 60, int(now)), Span(MINUTE, 0, 600)):
        assert pieces_of(span, now) == [span]


def test_windows() -> None:
    live = window(None, 30, NOW)
    assert (live.step, live.seconds) == (STEP, 30)
    assert NOW - 2 * STEP < live.end <= NOW
    assert window(NOW - 2 * DAY, 30, NOW).step == MINUTE
    assert window(NOW - 2 * DAY, 30, NOW).seconds == MINUTE
    assert window(NOW + DAY, 30, NOW).end <= NOW


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ({}, None),
        ({0.001: 100.0}, 0.001),
        ({0.001: 98.0, 0.5: 2.0}, 0.5),
        ({0.001: 99.0, 0.5: 1.0}, 0.001),
        ({0.001: 1.0, float("inf"): 99.0}, 10.0),
        ({float("inf"): 3.0}, 10.0),
    ],
)
def test_percentiles(counts: dict[float, float], found: float | None) -> None:
    assert percentile(counts, 0.99) == found


def test_growth() -> None:
    day = [(at * HOUR, 1000.0 + at * 10) for at in range(24)]
    growth = growth_of(day, 2400)
    assert growth is not None
    assert growth.bytes_per_day == pytest.approx(240)
    assert growth.days_left == pytest.approx(10)
    shrinking = growth_of([(at, -used) for at, used in day], 2400)
    assert shrinking is not None
    assert shrinking.days_left is None
    assert growth_of(day[:2], 5) is None
    assert growth_of([(at / HOUR, used) for at, used in day], 5) is None

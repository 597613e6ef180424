"""Which steps of the history a question is about: short ones as long as they are there, then longer ones."""

from math import ceil

from objstore.meta.history_samples import Span
from objstore.model.series import DAY, HOUR, KEPT_SECONDS, MINUTE, STEP, TEN_MINUTES

# All processes have written a step so long after its end.
WRITTEN_SECONDS = 3
# Steps that are about to be deleted, or are not rolled up yet, are not relied on.
MARGIN_SECONDS = {STEP: 5 * MINUTE, MINUTE: 2 * HOUR}
POINTS_MAX, POINTS_WANTED = 500, 100
# Steps whose last ones are not there yet, and where these are found meanwhile.
SHORTER = {DAY: HOUR, HOUR: MINUTE, TEN_MINUTES: MINUTE, MINUTE: STEP}
NOT_YET_SECONDS = {DAY: 2 * DAY, HOUR: 3 * HOUR, TEN_MINUTES: 25 * MINUTE, MINUTE: 5 * MINUTE}
# Steps are there so long after their end.
ROLLED_SECONDS = {HOUR: 5 * MINUTE, MINUTE: 2 * MINUTE, STEP: WRITTEN_SECONDS}
LAST_SECONDS = {STEP: 15 * MINUTE, MINUTE: 30 * MINUTE, HOUR: 3 * HOUR}


def step_at(begin: float, now: float) -> int:
    """The shortest step that is kept of a time."""
    for step, margin in MARGIN_SECONDS.items():
        if now - begin < KEPT_SECONDS[step] - margin:
            return step
    return HOUR


def window(at: float | None, seconds: int, now: float) -> Span:
    """Steps whose average says what was going on at a time (None: now): about ``seconds``, at least one."""
    end = now - WRITTEN_SECONDS if at is None else min(at, now - WRITTEN_SECONDS)
    step = STEP if at is None else step_at(end - seconds, now)
    last = int(end) // step * step
    return Span(step, last - ceil(max(seconds, step) / step) * step, last)


def levels_of(span: Span, live: bool) -> Span:
    """Where the newest level is looked for: some are only written now and then. ``live``: up to now."""
    return Span(span.step, span.end - LAST_SECONDS[span.step], span.end + (2 * STEP if live else 0))


def stretch(begin: float, end: float, coarsest: int, now: float, longest: int = DAY) -> tuple[Span, int]:
    """Steps of a time, and of how many seconds a point is, so that there are at most ``POINTS_MAX`` of them.

    The longest steps that give enough points: that is least to read. ``coarsest``: at least so many seconds a point.
    ``longest``: the longest step that there is.
    """
    enough = [step for step in KEPT_SECONDS if step <= (end - begin) / POINTS_WANTED]
    step = min(max([step_at(begin, now), *enough]), longest)
    first, last = int(begin) // step * step, ceil(end / step) * step
    every = max(step, ceil(coarsest / step) * step, ceil((last - first) / POINTS_MAX / step) * step)
    return Span(step, first // every * every, last), every


def rest_of(span: Span, every: int, now: float) -> Span | None:
    """Shorter steps for the end of a span whose own steps are not rolled up yet; None if they are."""
    if span.step not in SHORTER or span.end < now - NOT_YET_SECONDS[span.step]:
        return None
    begin = max(span.start, int(now - NOT_YET_SECONDS[span.step]) // every * every)
    return Span(SHORTER[span.step], begin, span.end)


def pieces_of(span: Span, now: float) -> list[Span]:
    """The same time, in minutes where these are there: that is less to read than short steps of every process."""
    if span.step != STEP:
        return [span]
    first, last = ceil(span.start / MINUTE) * MINUTE, int(now - NOT_YET_SECONDS[MINUTE]) // MINUTE * MINUTE
    last = min(last, span.end // MINUTE * MINUTE)
    if first >= last:
        return [span]
    pieces = [Span(STEP, span.start, first), Span(MINUTE, first, last), Span(STEP, last, span.end)]
    return [piece for piece in pieces if piece.seconds]

"""Days of the lifecycle rules: 86400 s, or fewer where a test or a trial wants to see rules act within seconds.

A rule's age of N days ends as on AWS, N days after the moment rounded up to the next midnight UTC. With shorter days
there is no rounding: it ends after N of them. What clients are told (``x-amz-expiration``) is always in calendar days.
"""

from datetime import UTC, datetime, timedelta

CALENDAR_DAY_SECONDS = 86400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAR = datetime.max.replace(tzinfo=UTC)  # what cannot be said as a time: due never
_CALENDAR_DAY = timedelta(days=1)

_day = _CALENDAR_DAY


def configure(day_seconds: int = CALENDAR_DAY_SECONDS) -> None:
    """Set the length of a day, once, before the first rule is looked at."""
    global _day
    _day = timedelta(seconds=day_seconds)


def day_of(moment: datetime) -> int:
    """Number of the day that a moment lies in, counted from 1970."""
    return (moment - EPOCH) // _day


def start_of(day: int) -> datetime:
    """The moment at which a day begins; ``FAR`` if there is no such moment."""
    return later(EPOCH, day * _day if abs(day) < 1 << 31 else timedelta.max)


def days(count: int) -> timedelta:
    """So many days; at most what a ``timedelta`` can hold."""
    try:
        return _day * count
    except OverflowError:
        return timedelta.max


def hours(count: int) -> timedelta:
    """So many 24ths of a day."""
    try:
        return _day * count / 24
    except OverflowError:
        return timedelta.max


def due_after(moment: datetime, count: int) -> datetime:
    """When an age of ``count`` days ends that began at ``moment``; ``FAR`` if that cannot be said."""
    due = later(moment, days(count))
    return due if _day != _CALENDAR_DAY else _rounded_up(due)


def horizon(now: datetime, count: int) -> datetime:
    """The latest moment ``m`` with ``due_after(m, count) <= now``: where a walk by age has to stop."""
    if _day == _CALENDAR_DAY:
        now -= (now - EPOCH) % _CALENDAR_DAY
    try:
        return now - days(count)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def idle_since(day: int, count: int) -> datetime:
    """When something last used on ``day`` has been idle for ``count`` whole days: accesses are known by the day."""
    return start_of(day + count + 1)


def calendar_date(moment: datetime, count: int) -> datetime:
    """``due_after`` in calendar days, whatever the length of ours."""
    try:
        return _rounded_up(later(moment, timedelta(days=count)))
    except OverflowError:
        return FAR


def later(moment: datetime, span: timedelta) -> datetime:
    """``moment + span``; ``FAR`` where that is no time."""
    try:
        return moment + span
    except OverflowError:
        return FAR


def _rounded_up(moment: datetime) -> datetime:
    past = (moment - EPOCH) % _CALENDAR_DAY
    return later(moment, _CALENDAR_DAY - past) if past else moment

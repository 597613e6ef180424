"""Heat: how often an object is read, as a count that decays by half in ``HALF_LIFE_DAYS``."""

import math

HALF_LIFE_DAYS = 7


def decayed(heat: float, days: int) -> float:
    """What is left of a count ``days`` days later."""
    return heat * 0.5 ** (days / HALF_LIFE_DAYS) if days > 0 else heat


def days_until_below(heat: float, limit: float) -> int:
    """The least number of days after which the count is less than ``limit`` (which is above 0)."""
    if heat < limit:
        return 0
    days = max(0, math.floor(HALF_LIFE_DAYS * math.log2(heat / limit)) - 1)
    while decayed(heat, days) >= limit:
        days += 1
    return days

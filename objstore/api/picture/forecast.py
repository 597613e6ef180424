"""When a tier is full, if it grows on as it did: a straight line through what it used."""

from collections.abc import Sequence
from dataclasses import dataclass

from objstore.model.series import HOUR

SECONDS_MIN = HOUR
POINTS_MIN = 3
DAY = 86400


@dataclass(frozen=True, slots=True)
class Growth:
    """``days_left``: None if it does not grow."""

    bytes_per_day: float
    days_left: float | None


def growth_of(points: Sequence[tuple[float, float]], free_bytes: int) -> Growth | None:
    """From (seconds, bytes used), by least squares; None while there is too little to go by."""
    if len(points) < POINTS_MIN or points[-1][0] - points[0][0] < SECONDS_MIN:
        return None
    mean_at = sum(at for at, _ in points) / len(points)
    mean = sum(used for _, used in points) / len(points)
    spread = sum((at - mean_at) ** 2 for at, _ in points)
    slope = sum((at - mean_at) * (used - mean) for at, used in points) / spread
    days_left = None if slope <= 0 else max(0.0, free_bytes / slope / DAY)
    return Growth(round(slope * DAY, 1), None if days_left is None else round(days_left, 2))

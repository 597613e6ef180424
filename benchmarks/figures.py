"""Figure: one measured number, with the bound that it is held to."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """``value`` in ``unit``; ``at_least`` or ``at_most`` is its target, neither: it is only reported.

    ``note``: how it came about, in a few words.
    """

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.at_least is not None:
            return self.value >= self.at_least
        return self.value <= self.at_most if self.at_most is not None else None

    @property
    def target(self) -> str:
        """The target as text, empty without one."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g}"
        return f"≤ {self.at_most:g}" if self.at_most is not None else ""

    @property
    def text(self) -> str:
        """The value as a table shows it: three digits that count, thousands apart."""
        if abs(self.value) >= 1000 or float(self.value).is_integer():
            return f"{self.value:,.0f} {self.unit}"
        return f"{self.value:.3g} {self.unit}"

    def as_json(self) -> dict[str, Any]:
        """Fields, with ``met``."""
        return {**asdict(self), "met": self.met}


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What one case found. ``error``: why it could not be measured, else empty."""

    case: str
    figures: list[Figure]
    seconds: float
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """Fields, figures included."""
        return {
            "case": self.case,
            "seconds": round(self.seconds, 1),
            "error": self.error,
            "figures": [figure.as_json() for figure in self.figures],
        }


class BenchmarkError(Exception):
    """A run whose figure would not mean what it says: failed requests, a client that ran out, a server that died."""


def spread(values: Sequence[float]) -> str:
    """The runs behind a median, for a note: ``runs 17,200–17,900``."""
    return (
        f"runs {min(values):,.4g}–{max(values):,.4g}"
        if min(values) < 1000
        else f"runs {min(values):,.0f}–{max(values):,.0f}"
    )


def middle(values: Sequence[float]) -> float:
    """Median as a float."""
    return float(median(values))

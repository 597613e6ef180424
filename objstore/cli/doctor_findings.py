"""Findings of the doctor: what was looked at, how it is, what to do."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["ok", "warning", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``advice``: what to do, empty if all is well."""

    about: str
    level: Level
    found: str
    advice: str = ""

    def json(self) -> dict[str, Any]:
        """As --json prints it."""
        return asdict(self)


def ok(about: str, found: str) -> Finding:
    """All is well."""
    return Finding(about, "ok", found)


def warning(about: str, found: str, advice: str) -> Finding:
    """It works, and is not as it should be."""
    return Finding(about, "warning", found, advice)


def wrong(about: str, found: str, advice: str) -> Finding:
    """Data or service is at risk."""
    return Finding(about, "wrong", found, advice)

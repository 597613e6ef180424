"""Spans of time as commands are given them: 90m, 12h, 30d, 8w."""

import re
from datetime import timedelta

from objstore.cli.problem import CommandError

_AGE = re.compile(r"(\d{1,9})([smhdw])\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def parse_age(text: str) -> timedelta:
    """Raises CommandError."""
    found = _AGE.match(text)
    if found is None:
        raise CommandError(f"{text!r} is no age: write 90m, 12h, 30d or 8w")
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])

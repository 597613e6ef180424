"""Wait for what has to come."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
POLL_SECONDS = 0.05


def until(holds: Callable[[], Found], seconds: float = 60) -> Found:
    """Ask until something true is answered, and give that; fails if it takes longer."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(POLL_SECONDS)
    return found

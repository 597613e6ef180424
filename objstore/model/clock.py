"""The only source of wall time and randomness, so that a simulation can replace both."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

now_seconds: Callable[[], float] = time.time
monotonic_seconds: Callable[[], float] = time.monotonic
random_bytes: Callable[[int], bytes] = os.urandom


def now() -> datetime:
    """Wall time, UTC, microseconds."""
    return datetime.fromtimestamp(now_seconds(), UTC)


def before(seconds: float) -> datetime:
    """Wall time ``seconds`` ago."""
    return now() - timedelta(seconds=seconds)


def random_id() -> bytes:
    """16 random bytes: a version, an upload, a volume."""
    return random_bytes(16)


def random_int63() -> int:
    """A positive random number that fits Postgres' bigint and is not 0."""
    return (int.from_bytes(random_bytes(8), "little") >> 1) or 1

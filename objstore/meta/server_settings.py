"""What a Postgres server says of itself."""

from dataclasses import dataclass, field

import asyncpg

from objstore.model import clock

TIMEOUT_SECONDS = 10
_NOW = "SELECT clock_timestamp()"
_SETTINGS = "SELECT name, setting FROM pg_settings WHERE name = ANY($1)"
_NAMES = [
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "max_connections",
    "data_checksums",
    "superuser_reserved_connections",
]


@dataclass(slots=True)
class Postgres:
    """``version``: the major one. ``ahead_seconds``: of its clock, known as well as ``round_trip_seconds`` is short."""

    version: int
    ahead_seconds: float
    round_trip_seconds: float
    settings: dict[str, str] = field(default_factory=dict)


async def look_at(url: str) -> Postgres:
    """Connect and ask. Raises OSError, ValueError, TimeoutError, asyncpg's errors."""
    connection = await asyncpg.connect(
        url, timeout=TIMEOUT_SECONDS, command_timeout=TIMEOUT_SECONDS, statement_cache_size=0
    )
    try:
        began = clock.now()
        theirs = await connection.fetchval(_NOW)
        ours = clock.now()
        ahead, taken = (theirs - ours).total_seconds(), (ours - began).total_seconds()
        rows = await connection.fetch(_SETTINGS, _NAMES)
        version = connection.get_server_version().major
        return Postgres(version, ahead, taken, {row["name"]: row["setting"] for row in rows})
    finally:
        await connection.close(timeout=TIMEOUT_SECONDS)

"""Series: what is kept of the past, and what the picture is drawn from. Codes are stored: never change one, only add.

A *rate* counts what happened in a step, in each process; a *level* is what somebody who holds a lease has found. Steps
are rolled up from 10 s to minutes, ten minutes, hours and days: rates are summed up, of levels the mean is taken.
"""

from dataclasses import dataclass

STEP, MINUTE, TEN_MINUTES, HOUR, DAY = 10, 60, 600, 3600, 86400
# Step in seconds → for how long it is kept: an hour, a week, three years, and some more of the first, so that a whole
# hour can always be asked for.
KEPT_SECONDS = {STEP: 4200, MINUTE: 7 * DAY, TEN_MINUTES: 7 * DAY, HOUR: 3 * 366 * DAY, DAY: 3 * 366 * DAY}

# Ages of last access, in days: where each band begins. The last has no end.
BANDS = ("today", "yesterday", "week", "month", "quarter", "year", "older")
BAND_DAYS = (0, 1, 2, 7, 30, 90, 365)
# How hot a byte of each band is: 1 is used today.
BAND_HEAT = (1.0, 0.8, 0.6, 0.4, 0.2, 0.1, 0.0)

# Where the first byte of an answer came from.
MEMORY, HOT_DRIVES, COLD_DRIVES = "memory", "hot", "cold"
SOURCES = (MEMORY, HOT_DRIVES, COLD_DRIVES)
FIRST_BYTE_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Series:
    """``label``: what tells its lines apart, in words; ``hourly``: whether it is kept beyond minutes."""

    code: int
    name: str
    is_level: bool
    unit: str
    label: str
    text: str
    hourly: bool = True


def _moves(code: int, verb: str, label: str) -> tuple[Series, Series]:
    return (
        Series(code, f"{verb}_objects", False, "objects", label, f"Objects that were {verb}."),
        Series(code + 1, f"{verb}_bytes", False, "bytes", label, f"Payload of objects that were {verb}."),
    )


def _shares(code: int, kind: str, label: str, hourly: bool) -> tuple[Series, ...]:
    return (
        Series(code, f"{kind}_requests", False, "requests", label, "S3 requests answered without an error.", hourly),
        Series(code + 1, f"{kind}_in_bytes", False, "bytes", label, "Bodies of these, declared.", hourly),
        Series(code + 2, f"{kind}_out_bytes", False, "bytes", label, "Bodies of their answers.", hourly),
    )


_ALL = (
    Series(1, "requests", False, "requests", "get, put, list, delete or other", "S3 requests answered."),
    Series(2, "errors", False, "requests", "4xx or 5xx", "S3 requests answered with an error."),
    Series(3, "received_bytes", False, "bytes", "", "Bodies of S3 requests, declared."),
    Series(4, "sent_bytes", False, "bytes", "", "Bodies of answers to S3 requests."),
    Series(5, "put_objects", False, "objects", "tier", "Objects and parts that clients wrote."),
    Series(6, "put_bytes", False, "bytes", "tier", "Payload that clients wrote."),
    Series(7, "memory_objects", False, "objects", "tier", "Reads whose first byte was in the page cache."),
    Series(8, "memory_bytes", False, "bytes", "tier", "Payload that was read from the page cache."),
    Series(9, "read_objects", False, "objects", "tier", "Reads whose first byte came from a drive."),
    Series(10, "read_bytes", False, "bytes", "tier", "Payload that was read from drives."),
    *_moves(11, "demoted", "from:to"),
    *_moves(13, "promoted", "from:to"),
    *_moves(15, "restored", "from:to"),
    *_moves(17, "expired", "tier"),
    Series(19, "healed_shards", False, "shards", "", "Shards that were written anew."),
    Series(20, "healed_bytes", False, "bytes", "", "Bytes of shards that were written anew."),
    Series(21, "drive_operations", False, "operations", "drive", "Reads and writes of a drive.", hourly=False),
    Series(22, "drive_bytes", False, "bytes", "drive", "Bytes that a drive read and wrote.", hourly=False),
    Series(23, "ttfb", False, "answers", "source:seconds", "Reads by source and time to the first byte, at most."),
    *_shares(24, "bucket", "bucket, empty: others", hourly=False),
    *_shares(27, "client", "kind of program, empty: others", hourly=True),
    Series(40, "tier_capacity_bytes", True, "bytes", "tier", "Capacity of a tier's drives."),
    Series(41, "tier_used_bytes", True, "bytes", "tier", "What of it is used."),
    Series(42, "tier_objects", True, "objects", "tier", "Versions that lie on a tier."),
    Series(43, "tier_bytes", True, "bytes", "tier", "Their payload."),
    Series(44, "band_objects", True, "objects", "tier:band", "Versions by age of their last access."),
    Series(45, "band_bytes", True, "bytes", "tier:band", "Their payload."),
    Series(46, "backlog", True, "tasks", "", "Versions and uploads that wait for lifecycle rules."),
    Series(47, "lag_seconds", True, "seconds", "", "Since when the oldest of them is due."),
    Series(48, "volumes_short", True, "volumes", "", "Volumes with fewer healthy shards than they should have."),
    Series(49, "short_bytes", True, "bytes", "", "Payload of those that are sealed."),
)
BY_NAME = {one.name: one for one in _ALL}
BY_CODE = {one.code: one for one in _ALL}
LEVELS = tuple(one.code for one in _ALL if one.is_level)
HOURLY = tuple(one.code for one in _ALL if one.hourly)


def code_of(name: str) -> int:
    """The stored code of a series. Raises KeyError."""
    return BY_NAME[name].code

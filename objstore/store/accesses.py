"""Accesses: who reads what, counted in memory until it is folded into the rows; some hundred nanoseconds a read.

A version becomes due at once when its row does not know of an access on this day, or when it lies where it should not
while it is read; else when it has been read again as often as its heat says, so that a row changes a few times a day at
most, however often it is read. When a day ends, all that was counted on it is due.

| What happens                     | What is left                                                              |
|----------------------------------|---------------------------------------------------------------------------|
| the process is killed            | counts of the last seconds, and those below the heat of their row, are    |
|                                  | lost: the day of the last access of what was read since the last fold     |
| more names than ``NAMES_MAX``    | reads of further ones are dropped, and counted as such                    |
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from objstore.model import clock
from objstore.model.objects import ObjectVersion
from objstore.model.tiering import is_misplaced

NAMES_MAX = 100_000
CROWDED = NAMES_MAX * 3 // 4
_CHANCES = 1 << 32


@dataclass(slots=True, eq=False)
class Access:
    """Reads of one version on one day. ``enough``: from how many on it is due. ``tries``: folds that missed it."""

    bucket_id: int
    key: bytes
    seq: int
    version_id: bytes
    day: int
    enough: int
    count: int = 1
    tries: int = 0


class Accesses:
    """What one process counts. ``crowded`` is set when it should be folded earlier than in its turn."""

    def __init__(self, day: int = 0) -> None:
        self._day = day
        self._seen: dict[bytes, Access] = {}
        self._due: deque[Access] = deque()
        self.crowded = asyncio.Event()
        self.dropped = 0

    def note(self, version: ObjectVersion) -> None:
        """Count one read. HOT."""
        access = self._seen.get(version.version_id)
        if access is None:
            self._first(version)
            return
        access.count = count = access.count + 1
        if count == access.enough:
            self._due.append(access)

    def _first(self, version: ObjectVersion) -> None:
        names = len(self._seen)
        if names >= NAMES_MAX or len(self._due) >= NAMES_MAX:
            self.dropped += 1
            return
        if names == CROWDED:
            self.crowded.set()
        day = self._day
        is_news = version.accessed < day or is_misplaced(version.storage_class, version.size, version.tier)
        enough = 1 if is_news else max(1, ceil(version.heat))
        access = Access(version.bucket_id, version.key, version.seq, version.version_id, day, enough)
        self._seen[version.version_id] = access
        if enough == 1:
            self._due.append(access)

    def turn(self, today: int) -> None:
        """Once before each fold: with the end of a day, everything that was counted on it is due."""
        if today != self._day:
            self._day = today
            self.flush()
        elif len(self._seen) >= CROWDED:
            self._thin()
        self.crowded.clear()

    def flush(self) -> None:
        """All is due."""
        self._due.extend(access for access in self._seen.values() if access.count < access.enough)
        self._seen = {}

    def _thin(self) -> None:
        """Make room: of those that are not due a share becomes so, each counted for the others.

        One that was read half as often as is enough has half a chance. So on average the heat is right, and a working
        set that is larger than this memory does not have its rows written time and again.
        """
        waiting = [access for access in self._seen.values() if access.count < access.enough]
        self._seen = {}
        chances = memoryview(clock.random_bytes(4 * len(waiting))).cast("I")
        for access, chance in zip(waiting, chances, strict=True):
            if chance * access.enough < access.count * _CHANCES:
                access.count = access.enough
                self._due.append(access)

    def __len__(self) -> int:
        """How many are due."""
        return len(self._due)

    def take(self, limit: int) -> list[Access]:
        """At most so many that are due, the oldest first; they are the caller's from then on."""
        due, seen = self._due, self._seen
        taken = [due.popleft() for _ in range(min(limit, len(due)))]
        for access in taken:
            if seen.get(access.version_id) is access:
                del seen[access.version_id]
        return taken

    def give_back(self, accesses: Sequence[Access]) -> None:
        """They could not be folded now: later again."""
        room = max(0, NAMES_MAX - len(self._due))
        self._due.extend(accesses[:room])
        self.dropped += sum(access.count for access in accesses[room:])

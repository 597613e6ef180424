"""History: the versions of one key that a transaction has locked, and what a batch of changes makes of them.

Pure: it is told what is stored, takes changes in order, and says what has to be written. By the rules of S3:

| state     | write without a version id                  | delete without a version id                       |
|-----------|---------------------------------------------|---------------------------------------------------|
| never     | replaces the ``null`` version               | removes it                                        |
| Enabled   | a new version; others stay                  | a new delete marker; others stay                  |
| Suspended | a new ``null`` version replaces the old one | a ``null`` delete marker replaces the old version |

A delete of a version removes it for good, and the newest of the others is the latest from then on.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any

from objstore.meta.rows import Row, row_of, version_of
from objstore.meta.versioning import ENABLED
from objstore.model import clock, days
from objstore.model.objects import NULL_VERSION, ObjectVersion
from objstore.model.storage_class import STORAGE_CLASS_CODES

Name = tuple[int, bytes]  # bucket id and key


class Place(Enum):
    """Where a version is stored now."""

    OBJECT = 0
    VERSION = 1
    NOWHERE = 2


# How many columns stand before the version's own in a record.
RECORD_KEYS = {Place.OBJECT: 1, Place.VERSION: 2}


class Entry:
    """One version: stored, from the record of a statement on VERSION_COLUMNS or OLD_COLUMNS; or new, with its row."""

    __slots__ = (
        *(
            "_record",
            "_version",
            "etag",
            "extents",
            "marker",
            "place",
            "row",
            "seq",
            "since",
            "version_id",
            "versioned",
        ),
    )

    def __init__(self, place: Place, found: Any, row: Row | None = None) -> None:
        """``found``: the record, or the new version, whose row is ``row``."""
        self.place, self.row = place, row
        self.marker = False
        self.since: datetime | None = None
        self._version: ObjectVersion | None = None
        self._record = found
        if isinstance(found, ObjectVersion):
            self._version = found
            self.version_id, self.etag, self.extents = found.version_id, found.etag, found.extents
            self.seq, self.versioned, self.marker = found.seq, found.versioned, found.marker
            return
        self.version_id, self.etag, self.extents = found["version_id"], found["etag"], found["extents"]
        self.seq, self.versioned = found["seq"], found["versioned"]
        if place is Place.VERSION:
            self.marker, self.since = found["marker"], found["noncurrent_since"]

    def version(self, name: Name) -> ObjectVersion:
        """The whole version; built when somebody asks."""
        if self._version is None:
            self._version = version_of(*name, self._record[RECORD_KEYS[self.place] :])
        return self._version

    def counted(self) -> dict[str, int]:
        """What the ledger of usage wants to know."""
        new, record = self._version, self._record
        if self.place is Place.NOWHERE and new is not None:
            code = STORAGE_CLASS_CODES[new.storage_class]
            return {"size": new.size, "tier": new.tier, "storage_class": code, "accessed": new.accessed}
        return {name: record[name] for name in ("size", "tier", "storage_class", "accessed")}


class History:
    """``state``: of the bucket. ``entries``: those known, newest first; the latest is always among them.

    Whoever asks for k deletes of versions has to make the k + 1 newest known, and those that are named; whoever writes
    in a suspended bucket, the ``null`` version.
    """

    __slots__ = ("current", "entries", "gone", "name", "state")

    def __init__(self, name: Name, state: str | None, current: Entry | None, others: Sequence[Entry] = ()) -> None:
        """``current``: the row of ``object``."""
        self.name, self.state, self.current = name, state, current
        self.entries = [] if current is None else [current]
        if others:
            self.entries = sorted((*self.entries, *others), key=lambda entry: entry.seq, reverse=True)
        self.gone: list[Entry] = []

    @property
    def latest(self) -> Entry | None:
        """The latest version, which may be a marker."""
        return self.entries[0] if self.entries else None

    @property
    def etag(self) -> bytes | None:
        """ETag of the current version; None if there is none, or a marker."""
        latest = self.latest
        return None if latest is None or latest.marker else latest.etag

    def find(self, target: bytes) -> Entry | None:
        """The version with that id; NULL_VERSION: the ``null`` version."""
        if target == NULL_VERSION:
            return self.null
        return next((entry for entry in self.entries if entry.versioned and entry.version_id == target), None)

    @property
    def null(self) -> Entry | None:
        """The ``null`` version, which may be a marker."""
        return next((entry for entry in self.entries if not entry.versioned), None)

    def replaced(self) -> Entry | None:
        """What a write, or a delete without a version id, would remove for good."""
        return None if self.state == ENABLED else self.null

    def put(self, version: ObjectVersion) -> None:
        """A new latest one; sets its ``seq`` and ``versioned``. Raises InvalidArgument: then nothing has changed."""
        version.seq = self.entries[0].seq + 1 if self.entries else 1
        version.versioned = self.state == ENABLED
        self._add(Entry(Place.NOWHERE, version, row_of(version)))

    def mark(self) -> ObjectVersion:
        """A delete marker as the latest version."""
        now = clock.now()
        marker = ObjectVersion(
            *self.name, clock.random_id(), 0, b"", now, "STANDARD", b"", accessed=days.day_of(now), marker=True
        )
        self.put(marker)
        return marker

    def remove(self, entry: Entry) -> None:
        """Remove a version for good."""
        self.entries.remove(entry)
        self.gone.append(entry)

    def _add(self, entry: Entry) -> None:
        replaced = self.replaced()
        if replaced is not None:
            self.remove(replaced)
        self.entries.insert(0, entry)

"""Changes: the rows that the histories of a batch come to, written in an order in which none is in another's way.

1 removed versions go              5 rows of ``object`` are replaced, or inserted
2 current ones are copied over     6 markers become noncurrent, or the latest
3 rows of ``object`` go            7 new markers, and what was superseded within the batch
4 versions come back to ``object``
"""

from objstore.meta import current, versions
from objstore.meta.database import Transaction
from objstore.meta.history import Entry, History, Name, Place
from objstore.meta.ledger import Waste
from objstore.meta.rows import Row
from objstore.meta.tasks import examine
from objstore.meta.usage_ledger import Usage
from objstore.meta.versions import Seat


class Changes:
    """``reserved``: names whose row of ``object`` this transaction has put there, with that row."""

    def __init__(self, reserved: dict[Name, Row]) -> None:
        self._reserved = reserved
        self._removed: list[Seat] = []
        self._demoted: list[Seat] = []
        self._freed: list[Name] = []
        self._promoted: list[Seat] = []
        # What rules may see otherwise from now on, and no walk of theirs would find again.
        self._changed: list[tuple[int, bytes, bytes]] = []
        self._updated: list[Row] = []
        self._inserted: list[Row] = []
        self._closed: list[Seat] = []
        self._reopened: list[Seat] = []
        self._added: list[tuple[Row, bool, bool]] = []
        self.usage = Usage()

    def take(self, history: History, waste: Waste) -> None:
        """What has to be done for one key."""
        latest = history.entries[0] if history.entries else None
        shown = latest if latest is not None and not latest.marker else None
        for entry in history.gone:
            waste.add(entry.extents)
            if entry.place is Place.VERSION:
                self._removed.append((*history.name, entry.seq))
            self._uncount(history.name, entry)
        if history.gone and latest is not None and latest.marker:
            # It may be all that is left of the key.
            self._changed.append((*history.name, latest.version_id))
        self._put_current(history, shown)
        for entry in history.entries:
            if entry is not shown:
                self._put_other(history.name, entry, entry is latest)

    def _put_current(self, history: History, shown: Entry | None) -> None:
        name, was = history.name, history.current
        has_row = was is not None or name in self._reserved
        if shown is None:
            if has_row:
                self._freed.append(name)
        elif shown.place is Place.NOWHERE:
            assert shown.row is not None, "a new version without a row"
            if not has_row:
                self._inserted.append(shown.row)
            elif self._reserved.get(name) != shown.row:
                self._updated.append(shown.row)
            self.usage.count(name, noncurrent=False, **shown.counted())
        elif shown.place is Place.VERSION:
            if has_row:
                self._freed.append(name)
            self._promoted.append((*name, shown.seq))
            self._changed.append((*name, shown.version_id))
            self._uncount(name, shown)
            self.usage.count(name, noncurrent=False, **shown.counted())

    def _put_other(self, name: Name, entry: Entry, is_latest: bool) -> None:
        seat = (*name, entry.seq)
        if entry.place is Place.OBJECT:
            self._demoted.append(seat)
            self._uncount(name, entry)
            self.usage.count(name, noncurrent=True, **entry.counted())
        elif entry.place is Place.NOWHERE:
            assert entry.row is not None, "a new version without a row"
            self._added.append((entry.row, entry.marker, not is_latest))
            if not entry.marker:
                self.usage.count(name, noncurrent=True, **entry.counted())
        elif is_latest != (entry.since is None):
            (self._reopened if is_latest else self._closed).append(seat)

    def _uncount(self, name: Name, entry: Entry) -> None:
        if entry.place is not Place.NOWHERE and not entry.marker:
            self.usage.count(name, noncurrent=entry.place is Place.VERSION, sign=-1, **entry.counted())

    async def write(self, transaction: Transaction, waste: Waste) -> None:
        """Write them, and the ledgers."""
        await versions.remove(transaction, self._removed)
        await versions.demote(transaction, self._demoted)
        if self._freed:
            await current.delete_rows(transaction, self._freed)
        await versions.promote(transaction, self._promoted)
        if self._updated:
            await current.update_rows(transaction, self._updated)
        if self._inserted:
            await current.insert_rows(transaction, self._inserted, self.usage)
        await versions.make_noncurrent(transaction, self._closed)
        await versions.make_latest(transaction, self._reopened)
        await versions.add(transaction, self._added)
        await examine(transaction, self._changed)
        await waste.record(transaction, None if self._inserted else self.usage)

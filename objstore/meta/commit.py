"""Commit: a batch of changes to keys in one transaction; THE COMMIT POINT of PUT and DELETE.

    1 claim    buckets FOR KEY SHARE, volumes FOR SHARE: a bucket that is gone and a volume that is no longer open
               refuse their items
    2 lock     the current versions of the batch's keys, in key order
    3 decide   conditions, in the order of the batch; a later change of the same key supersedes an earlier one
    4 change   insert, update, delete; a key that appeared since the lock: from the start
    5 record   replaced and refused extents to the garbage ledger, names of shared extents to the links
    6 COMMIT

| What happens                     | What is left             | Who clears it                                       |
|----------------------------------|--------------------------|-----------------------------------------------------|
| crash or lost connection in 1–5  | nothing                  | Postgres rolls back; tried once more                |
| lost connection in 6             | all or nothing           | database.py finds out which                         |
| neither can be found out         | all or nothing           | the client gets a 503 and may repeat its request    |
"""

from collections.abc import Sequence
from dataclasses import dataclass

from objstore.meta import current
from objstore.meta.conditions import refusal
from objstore.meta.current import Current, Name
from objstore.meta.database import Transaction
from objstore.meta.ledger import NO_VOLUMES, Claim, Waste, claim, record_links
from objstore.meta.rows import Row, row_of
from objstore.model.errors import InvalidArgument, NoSuchBucket, RequestError, VolumeFenced
from objstore.model.objects import Condition, ObjectVersion
from objstore.model.requests import UNCONDITIONAL


@dataclass(slots=True)
class Write:
    """A change of one key: ``version`` becomes its current one, or (None) the current one is deleted.

    ``appended``: volumes that this write appended to, must still be open. ``shared``: volumes whose extents it takes
    over without appending, must be open or sealed.
    """

    bucket_id: int
    key: bytes
    version: ObjectVersion | None
    condition: Condition = UNCONDITIONAL
    appended: frozenset[bytes] = NO_VOLUMES
    shared: frozenset[bytes] = NO_VOLUMES


Outcome = ObjectVersion | RequestError | VolumeFenced | None


async def commit(transaction: Transaction, writes: Sequence[Write]) -> list[Outcome]:
    """Apply ``writes`` as one; see ``Objects.commit``."""
    buckets = {write.bucket_id for write in writes}
    volumes = NO_VOLUMES.union(*[write.appended for write in writes], *[write.shared for write in writes])
    claimed = await claim(transaction, buckets, sorted(volumes))
    refused = [_refusal(write, claimed) for write in writes]
    names = sorted({(w.bucket_id, w.key) for w, error in zip(writes, refused, strict=True) if error is None})
    decision = _Decision(claimed, await current.lock(transaction, names) if names else {})
    outcomes = [
        decision.apply(write) if error is None else decision.refuse(write, error)
        for write, error in zip(writes, refused, strict=True)
    ]
    await decision.write(transaction)
    return outcomes


def _refusal(write: Write, claimed: Claim) -> RequestError | VolumeFenced | None:
    if write.bucket_id not in claimed.buckets:
        return NoSuchBucket()
    if write.appended or write.shared:
        return claimed.fenced(write.appended, write.shared)
    return None


class _Decision:
    """What becomes of each name of the batch."""

    def __init__(self, claimed: Claim, locked: dict[Name, Current]) -> None:
        self._claimed = claimed
        self._locked = locked
        self._rows: dict[Name, tuple[ObjectVersion, Row] | None] = {}
        self._links: set[tuple[bytes, int, bytes]] = set()
        self._waste = Waste()

    def apply(self, write: Write) -> Outcome:
        name = (write.bucket_id, write.key)
        pending = self._rows.get(name)
        before = pending[0] if pending else None if name in self._rows else self._locked.get(name)
        error = refusal(write.condition, before.etag if before else None)
        if error is not None:
            return self.refuse(write, error)
        if write.version is None:
            self._replace(name, pending)
            self._rows[name] = None
            return before.version(name) if isinstance(before, Current) else before
        write.version.seq = before.seq + 1 if before else 1
        try:
            row = row_of(write.version)
        except InvalidArgument as invalid:
            return self.refuse(write, invalid)
        self._replace(name, pending)
        self._rows[name] = (write.version, row)
        self._links.update((volume_id, *name) for volume_id in write.shared)
        return write.version

    def refuse(self, write: Write, error: RequestError | VolumeFenced) -> RequestError | VolumeFenced:
        if write.version is not None:
            self._waste.add_appended(write.version.extents, write.appended, self._claimed.volumes)
        return error

    def _replace(self, name: Name, pending: tuple[ObjectVersion, Row] | None) -> None:
        if pending:
            self._waste.add(pending[0].extents)
        elif name in self._locked and name not in self._rows:
            self._waste.add(self._locked[name].extents)

    async def write(self, transaction: Transaction) -> None:
        names = sorted(self._rows)
        decided = [self._rows[name] for name in names]
        rows = [entry[1] for entry in decided if entry]
        if rows:
            await current.put_rows(transaction, rows, self._locked)
        if len(rows) < len(names):
            gone = [name for name in names if self._rows[name] is None and name in self._locked]
            await current.delete_rows(transaction, gone)
        await self._waste.record(transaction)
        await record_links(transaction, self._links)

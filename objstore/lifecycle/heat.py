"""Folding: what this process has counted of accesses becomes days and heat of rows, batch by batch.

An Intelligent-Tiering object that was read where it should not lie is queued for the engine, which moves it back. That
is a transaction of its own, after the fold: the row of a task may be held by somebody who waits for that of the object.

| What happens                     | What is left                                    | Who clears it         |
|----------------------------------|-------------------------------------------------|-----------------------|
| crash after the fold             | an object that was read, on the cold tier       | the next read of it   |
| the database is away             | the counts, in memory                           | the next fold         |
| the outcome is not known         | perhaps the row; the counts, in memory: its     | it decays             |
|                                  | heat may count them twice, the ledger does not  |                       |
"""

import asyncio
from collections.abc import Sequence

from objstore.meta.database import Database
from objstore.meta.heat import Folded, Reads, fold
from objstore.meta.tasks import Task, TaskKind, Tasks
from objstore.model import clock, days
from objstore.model.errors import ObjstoreError
from objstore.model.tiering import is_misplaced
from objstore.store.accesses import Access, Accesses

BATCH_ACCESSES = 500
TRIES_MAX = 2  # a row that somebody holds is tried again; one that is gone is not there the second time either


class Folding:
    """``folded``: how many rows were told; ``missed``: how many were not found; ``seconds``: spent in the database."""

    def __init__(self, accesses: Accesses, database: Database) -> None:
        self._accesses, self._database, self._tasks = accesses, database, Tasks(database)
        self.folded = self.missed = 0
        self.seconds = 0.0
        accesses.turn(days.day_of(clock.now()))

    async def step(self) -> int:
        """Fold what is due now; how many versions. Between batches it rests as long as one took.

        Raises DatabaseUnavailable: what was not folded is counted on.
        """
        self._accesses.turn(days.day_of(clock.now()))
        return await self._fold(len(self._accesses), rest=True)

    async def finish(self) -> int:
        """Fold everything: the process ends. Raises DatabaseUnavailable."""
        self._accesses.flush()
        return await self._fold(len(self._accesses), rest=False)

    async def _fold(self, left: int, *, rest: bool) -> int:
        before = self.folded
        while left > 0:
            accesses = self._accesses.take(min(left, BATCH_ACCESSES))
            left -= len(accesses)
            begun = clock.monotonic_seconds()
            await self._batch(accesses)
            took = clock.monotonic_seconds() - begun
            self.seconds += took
            if rest and left:
                await asyncio.sleep(took)
        return self.folded - before

    async def _batch(self, accesses: Sequence[Access]) -> None:
        try:
            found = await fold(self._database, [_reads(access) for access in accesses])
        except ObjstoreError:
            self._accesses.give_back(accesses)
            raise
        self.folded += len(found)
        told = {one.index for one in found}
        self._again([access for i, access in enumerate(accesses) if i not in told])
        await self._promote([accesses[one.index] for one in found if _is_misplaced(one)])

    def _again(self, accesses: Sequence[Access]) -> None:
        for access in accesses:
            access.tries += 1
        again = [access for access in accesses if access.tries < TRIES_MAX]
        self.missed += len(accesses) - len(again)
        self._accesses.give_back(again)

    async def _promote(self, accesses: Sequence[Access]) -> None:
        """Have the engine look at versions that should lie elsewhere now that they are read."""
        now = clock.now()
        names = [(access.bucket_id, access.key, access.version_id) for access in accesses]
        await self._tasks.add([Task(*name, TaskKind.VERSION, now, 0, "", "promote") for name in names])


def _reads(access: Access) -> Reads:
    return Reads(access.bucket_id, access.key, access.seq, access.version_id, access.day, access.count)


def _is_misplaced(one: Folded) -> bool:
    return is_misplaced(one.storage_class, one.size, one.tier)

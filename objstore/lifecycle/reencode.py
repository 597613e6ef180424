"""Reencoder: brings the volumes of a tier to the profile that is configured for it now.

A volume keeps its profile for life. So each one with another profile is emptied into new volumes, as compaction does
with one that has garbage; the jobs are rows, and any number of processes may work on them, a volume by its lease.

| What happens                    | What is left                                  | Who goes on                       |
|---------------------------------|-----------------------------------------------|-----------------------------------|
| a worker dies                   | the volume, with a lease that runs out        | anyone, when it has run out       |
| a volume cannot be read whole   | it, as it was                                 | the same job, after a while       |
| a server runs with the old one  | open volumes of that profile, again and again | the job ends when it is restarted |
"""

import structlog

from objstore.lifecycle.compact import Compactor, Pass
from objstore.meta.database import Database
from objstore.meta.reencode import add_done, finish_job, jobs, other_volumes, volumes_left
from objstore.model.errors import PlacementImpossible
from objstore.store.store import Store

BATCH_VOLUMES = 4

log = structlog.get_logger(__name__)


class Reencoder:
    """One bounded step at a time."""

    def __init__(self, compactor: Compactor, store: Store, database: Database) -> None:
        self._compactor, self._store, self._database = compactor, store, database

    async def step(self) -> int:
        """Some volumes of every job to a profile that this process has; how many are done."""
        done = 0
        for tier, job in (await jobs(self._database)).items():
            if job.finished is not None or not self._has(tier, job.profile):
                continue
            for volume, garbage_bytes in await other_volumes(self._database, tier, job.profile, BATCH_VOLUMES):
                outcome = await self._compactor.rewrite(volume, garbage_bytes)
                await self._note(tier, outcome)
                done += outcome.retired
            if not (await volumes_left(self._database, tier, job.profile)).volumes:
                await finish_job(self._database, tier)
                log.info("tier_reencoded", tier=tier, profile=str(job.profile))
        return done

    def _has(self, tier: str, profile: object) -> bool:
        try:
            return self._store.context.pool.profile(tier) == profile
        except PlacementImpossible:
            return False

    async def _note(self, tier: str, outcome: Pass) -> None:
        error = "a volume could not be emptied; it is tried again later" if outcome.left else ""
        await add_done(self._database, tier, outcome.retired, outcome.moved_bytes, error)

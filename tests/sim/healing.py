"""The simulation with drives that are given up, return, are emptied and scrubbed, while healers, sweepers and the
compactor work: whatever happens, nothing is lost, and at the end every volume has its full redundancy.

Every drive is a node of its own. Clients are served by one process, healers are another, and each has its own way to
every node: one may be cut off, or not hear the answers, from a node that the other sees well.

Leases end at once: two healers take the same volume from each other as often as they can.
"""

import asyncio
from collections.abc import Sequence

import asyncpg

from objstore.drive.base import Drive
from objstore.meta.inspections import InspectionKind
from objstore.meta.redundancy import short_of_redundancy
from objstore.model.errors import ClusterError
from objstore.model.states import DriveState
from objstore.model.volumes import Drive as DriveRow
from objstore.repair.context import RepairContext, RepairSettings
from objstore.repair.fsck import Fsck
from objstore.repair.mend import Mender
from objstore.repair.planner import Planner
from objstore.repair.scrub import Scrubber
from objstore.repair.sweep import Sweeper
from objstore.store.build import open_store
from objstore.store.store import Store
from tests.sim.sight import Link, Sight
from tests.sim.simulation import PROFILE, Simulation

SETTINGS = RepairSettings(
    scrub_seconds={"hot": 1e6}, orphan_seconds=3600.0, grace_seconds=0.0, lease_seconds=0.0, retry_seconds=0.0
)
STEPS_MAX = 400


class HealingSimulation(Simulation):
    """One seed. At most m drives are bad at a time; once all is healed, others may be."""

    def __init__(self, seed: int, url: str) -> None:
        super().__init__(seed, url)
        self.counts |= dict.fromkeys(("healed", "drains", "scrubs", "returns", "partitions", "changed_victims"), 0)

    async def run(self, steps: int) -> None:
        await self._open()
        await self.store.create_bucket("sim", "root", "us-east-1")
        await self.versions.create()
        actions = {
            self._work: 8, self._crash: 1.5, self._rot: 2, self._lose: 2.5, self._fault: 1, self._compact: 1.5,
            self._heal: 4, self._drain: 1, self._scrub: 1.5, self._come_back: 2.5, self._partition: 2,
        }  # fmt: skip
        for _ in range(steps):
            await self.random.choices(list(actions), list(actions.values()))[0]()
        for drive in self.drives:
            drive.fail_next_sync = drive.fail_next_write = False
        await self._check_all()
        await self._make_whole()
        await self._check_all()
        await self._clear()
        await self._close()

    def _seen(self) -> Sequence[Drive]:
        self.clients_sights = {drive.id: Sight(drive) for drive in self.drives}
        return list(self.clients_sights.values())

    async def _open(self) -> None:
        await super()._open()
        self.healers_sights = {drive.id: Sight(drive) for drive in self.drives}
        self.healer: Store = await open_store(
            self.database, list(self.healers_sights.values()), {"hot": PROFILE}, cluster_id=b"c" * 16, host="healer",
            pid=2, serves_clients=False,
        )  # fmt: skip
        context = RepairContext(self.healer, self.database, b"c" * 16, SETTINGS)
        for drive in self.drives:
            node = f"n{drive.id}"
            await context.rows.register(DriveRow(drive.id, "hot", node, "", capacity_bytes=10**9, free_bytes=9 * 10**8))
        await self._hear()
        self.context = context
        self.planner, self.mender, self.sweeper = Planner(context), Mender(context), Sweeper(context)
        self.scrubber, self.fsck = Scrubber(context), Fsck(context)

    async def _hear(self) -> None:
        """Both processes, of what has become of the drives."""
        await self.store.roster.refresh()
        await self.healer.roster.refresh()

    async def _partition(self) -> None:
        """The ways to the victims break, each on its own, or are mended."""
        self.counts["partitions"] += 1
        for drive in self.victims:
            for sights in (self.clients_sights, self.healers_sights):
                sights[drive.id].link = self.random.choice(list(Link))
        await self._heal()

    def _mend(self) -> None:
        for sight in (*self.clients_sights.values(), *self.healers_sights.values()):
            sight.link = Link.WELL

    async def _heal(self) -> None:
        """Two healers, a sweeper and the compactor at once, while clients work."""
        await self._try(self.planner.step())
        before = sum(one.volumes for one in await self.context.stats.figures())
        works = [self.mender.step(), self.mender.step(), self.compactor.step()]
        await asyncio.gather(self._work(), *map(self._try, works))
        await self.store.context.catalog.refresh()  # within the grace, which is nothing here
        await asyncio.gather(self._work(), self._try(self.sweeper.step()))
        self.counts["healed"] += sum(one.volumes for one in await self.context.stats.figures()) - before

    async def _try(self, work: object) -> None:
        try:
            await work  # type: ignore[misc]
        except ClusterError:
            self.counts["unknown"] += 1

    async def _lose(self) -> None:
        """A drive is gone, and after a while it is known to be."""
        drive = self.random.choice(self.victims)
        drive.gone = True
        if self.random.random() < 0.7:
            await self.context.rows.set_state(drive.id, DriveState.GONE, "lost")
            await self._hear()

    async def _come_back(self) -> None:
        """With what was on it when it went."""
        for drive in self.victims:
            if drive.gone:
                drive.gone = False
                self.counts["returns"] += 1
                await self.context.rows.set_state(drive.id, DriveState.UP, "back")
        await self._hear()

    async def _drain(self) -> None:
        self.counts["drains"] += 1
        drive = self.random.choice(self.drives)
        rows = {row.id: row.state for row in await self.context.rows.list()}
        if rows[drive.id] is DriveState.DRAINING:
            await self.context.rows.set_state(drive.id, DriveState.UP, "undrained")
        elif rows[drive.id] is DriveState.UP and DriveState.DRAINING not in rows.values():
            await self.context.rows.set_state(drive.id, DriveState.DRAINING, "drained")
        await self._hear()
        await self._heal()

    async def _scrub(self) -> None:
        """A pass over every drive; if all is whole after it, other drives may fail from now on."""
        self.counts["scrubs"] += 1
        self._mend()  # what the scrubber does not reach may have rotted
        await self.scrubber.ensure()
        await self.context.inspections.start(InspectionKind.SCRUB, [drive.id for drive in self.drives])
        for _ in self.drives:
            await self._try(self.scrubber.step())
        await self._settle()
        is_whole = not await short_of_redundancy(self.database) and not any(drive.gone for drive in self.drives)
        # Unsealed volumes are not scrubbed: what may have rotted in them stays with the old victims.
        await self.store.context.catalog.refresh()  # clients hear where shards are now, as with a heartbeat
        if is_whole and not await self._open_volumes():
            self.victims = self.random.sample(self.drives, PROFILE.m)
            self.counts["changed_victims"] += 1

    async def _open_volumes(self) -> int:
        raw = await asyncpg.connect(self._url)
        count = await raw.fetchval("SELECT count(*) FROM volume WHERE state = 0")
        await raw.close()
        return int(count)

    async def _settle(self) -> None:
        await self.context.volumes.request_seal(None)
        pool = self.store.context.pool
        pool.retire(await self.context.volumes.heartbeat(pool.writer_id))
        for _ in range(STEPS_MAX):
            planned, tried = await self.planner.step(), await self.mender.step()
            if not planned and not tried:
                return
            if not planned and all(one.volumes == one.failing for one in await self.context.repairs.waiting()):
                return  # what is left cannot be done now

    async def _make_whole(self) -> None:
        """Everybody is back or given up for good; then every volume becomes whole, and every byte is sound."""
        for drive in self.drives:
            state = DriveState.GONE if drive.gone else DriveState.UP
            await self.context.rows.set_state(drive.id, state, "at the end")
        await self._close()
        await self._open()
        await self.store.context.volumes.seal_orphans(0.0)
        for _ in range(3):
            await self._scrub()
        await self._settle()
        assert await short_of_redundancy(self.database) == 0
        await self._scrub()
        assert await short_of_redundancy(self.database) == 0, "a pass over what was healed finds something"

    async def _close(self) -> None:
        await self.healer.close()
        await super()._close()

    async def _clear(self) -> None:
        raw = await asyncpg.connect(self._url)
        await raw.execute("UPDATE volume SET retry_after = NULL")
        await self.sweeper.step(0.0)
        await self._empty()
        await raw.execute("UPDATE volume SET retry_after = NULL")
        await self.compactor.full_pass(0.0)
        while await self.sweeper.step(0.0):
            pass
        await raw.close()

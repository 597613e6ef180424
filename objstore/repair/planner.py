"""Planner: finds what has to be mended and queues it, a bounded number of volumes a step.

    heal        volumes with a shard that is damaged or on a drive that is gone, fewest spare columns first
    drain       volumes with a shard on a drive that is to be emptied
    rebalance   moves that make a tier's drives evenly full, planned a batch at a time from how things are then

Steps may be repeated and run in several processes at once: what is queued already stays as it is.
"""

from collections import defaultdict

import structlog

from objstore.meta.repair_stats import RebalanceState
from objstore.meta.repairs import RepairKind, Wanted
from objstore.model.states import DriveState
from objstore.model.volumes import Drive
from objstore.placement.moves import Lying, Step, plan_moves, spread_step
from objstore.repair.context import RepairContext

log = structlog.get_logger(__name__)

BATCH_VOLUMES = 1000
BATCH_MOVES = 64
SHARDS_A_DRIVE = 200  # that are looked at for a batch of moves
SLACK = 0.05  # a drive may be so much fuller than its share


class Planner:
    """One bounded step at a time."""

    def __init__(self, context: RepairContext) -> None:
        self._context = context

    async def step(self) -> int:
        """Queue what has to be mended; how many volumes."""
        await self._context.repairs.seal()
        queued = await self._context.repairs.queue(RepairKind.HEAL, BATCH_VOLUMES)
        queued += await self._context.repairs.queue(RepairKind.DRAIN, BATCH_VOLUMES)
        for job in await self._context.rebalances.jobs():
            if job.state is RebalanceState.RUNNING:
                queued += await self._rebalance(job.tier)
        return queued

    async def _rebalance(self, tier: str) -> int:
        """The next moves of a tier, once those before are done; none left: the job is over."""
        context = self._context
        if await context.repairs.left(RepairKind.REBALANCE, tier):
            return 0
        moves, size = await self._plan(tier)
        queued = await context.repairs.want(moves)
        if queued:
            await context.rebalances.planned(tier, queued, size)
        else:
            await context.rebalances.end(tier, RebalanceState.DONE)
            log.info("rebalanced", tier=tier)
        return queued

    async def _plan(self, tier: str) -> tuple[list[Wanted], int]:
        """Safety first: what stands too close together is spread; then drives are made evenly full."""
        rows = {row.id: row for row in await self._context.rows.list() if row.tier == tier}
        drives = [row for row in rows.values() if row.state is DriveState.UP]
        steps = await self._spread(tier, rows, drives) or await self._level(rows, drives)
        moves = [Wanted(step.shard.volume_id, step.shard.column, step.target) for step in steps]
        return moves, sum(step.shard.bytes for step in steps)

    async def _spread(self, tier: str, rows: dict[str, Drive], drives: list[Drive]) -> list[Step]:
        """Volumes of which a node has more than it has to, as after a drain that left too few nodes."""
        nodes = len({(row.zone, row.rack, row.node) for row in drives})
        sizes = await self._context.shards.crowded(tier, nodes, BATCH_MOVES)
        shards: dict[bytes, list[Lying]] = defaultdict(list)
        for volume_id, drive_id, column in await self._context.shards.holders(sizes):
            shards[volume_id].append(Lying(volume_id, column, drive_id, sizes[volume_id]))
        found = [spread_step(lying, rows, drives) for lying in shards.values()]
        return [step for step in found if step is not None]

    async def _level(self, rows: dict[str, Drive], drives: list[Drive]) -> list[Step]:
        context = self._context
        counts = await context.shards.counts([row.id for row in drives])
        used = {row.id: counts.get(row.id, (0, 0))[1] for row in drives}
        lying: list[Lying] = []
        for drive in drives:
            found = await context.shards.largest(drive.id, SHARDS_A_DRIVE)
            lying += [Lying(volume_id, column, drive.id, size) for volume_id, column, size in found]
        holders: dict[bytes, list[Drive]] = defaultdict(list)
        for volume_id, drive_id, _ in await context.shards.holders({one.volume_id for one in lying}):
            if drive_id in rows:
                holders[volume_id].append(rows[drive_id])
        return plan_moves(lying, drives, holders, used, SLACK, BATCH_MOVES)

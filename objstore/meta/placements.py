"""Where volumes are: each combination of drives, and how many volumes are on it. For reports."""

from dataclasses import dataclass

from sqlalchemy import func, select

from objstore.meta.database import Database
from objstore.meta.statement import Statement, constant
from objstore.meta.tables import shard, volume
from objstore.model.states import VolumeState

v = volume.c
_drives = (
    func.array(select(shard.c.drive_id).where(shard.c.volume_id == v.id).order_by(shard.c.drive_id).scalar_subquery())
).label("drives")
_each = select(v.tier, v.k, v.m, _drives).where(v.state != constant(VolumeState.RETIRED.value)).subquery("each_volume")
_PLACEMENTS = Statement(select(*_each.c, func.count()).group_by(*_each.c).order_by(_each.c.tier, _each.c.drives))


@dataclass(frozen=True, slots=True)
class Placement:
    """A combination of drives, in no order that means anything, and how many volumes of k+m are on it."""

    tier: str
    k: int
    m: int
    drive_ids: tuple[str, ...]
    volumes: int


async def placements(database: Database) -> list[Placement]:
    """All of them, by tier. Looks at every volume: for reports, not for requests of clients."""
    rows = await database.patient.fetch(_PLACEMENTS)
    return [Placement(tier, k, m, tuple(drives), volumes) for tier, k, m, drives, volumes in rows]

"""Fragments: on which drive each column of a volume is, how that drive is, and what is known to be wrong with it."""

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import and_, any_, select
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta.database import Database
from objstore.meta.statement import Statement, array
from objstore.meta.tables import damage, drive, shard, volume
from objstore.model.states import DriveState, VolumeState

s, d, v = shard.c, drive.c, volume.c
_FRAGMENTS = Statement(
    select(
        *(v.id, v.tier, v.state, v.k, v.m, s.column_index, s.drive_id),
        *(d.node, d.address, d.zone, d.rack, d.state, damage.c.reason),
    )
    .join_from(volume, shard, s.volume_id == v.id)
    .outerjoin(drive, d.id == s.drive_id)
    .outerjoin(damage, and_(damage.c.volume_id == s.volume_id, damage.c.column_index == s.column_index))
    .where(v.id == any_(array("ids", BYTEA)))
    .order_by(v.id, s.column_index),
    "ids",
)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A column. ``drive_id``: None where it is on no drive yet; ``damaged``: what was found wrong."""

    column: int
    drive_id: str | None
    node: str
    address: str
    zone: str
    rack: str
    state: DriveState | None
    damaged: str | None

    @property
    def is_lost(self) -> bool:
        """Whether it cannot be counted on."""
        return self.damaged is not None or self.state in (None, DriveState.SUSPECT, DriveState.GONE)


@dataclass(slots=True)
class PlacedVolume:
    """A volume of k+m columns, and where they are."""

    id: bytes
    tier: str
    state: VolumeState
    k: int
    m: int
    fragments: list[Fragment] = field(default_factory=list)

    @property
    def can_lose(self) -> int:
        """How many more columns may be lost before bytes are."""
        return max(0, self.m - sum(fragment.is_lost for fragment in self.fragments))


async def placed(database: Database, volume_ids: Collection[bytes]) -> dict[bytes, PlacedVolume]:
    """Volumes by id; those that are gone are left out."""
    found: dict[bytes, PlacedVolume] = {}
    for row in await database.fetch(_FRAGMENTS, sorted(volume_ids)):
        id_, tier, state, k, m, column, drive_id, node, address, zone, rack, drive_state, reason = row
        one = found.setdefault(id_, PlacedVolume(id_, tier, VolumeState(state), k, m))
        there = drive_state is not None
        one.fragments.append(
            Fragment(
                column,
                drive_id if there else None,
                *(node or "", address or "", zone or "", rack or ""),
                DriveState(drive_state) if there else None,
                reason,
            )
        )
    return found

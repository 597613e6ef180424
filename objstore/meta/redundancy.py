"""How many volumes have fewer healthy shards than they should."""

from sqlalchemy import BigInteger, cast, func, select, union

from objstore.meta.database import Database
from objstore.meta.statement import Statement, constant
from objstore.meta.tables import damage, drive, shard, volume
from objstore.model.states import DriveState, VolumeState

# From what is wrong to the volumes, not the other way round: most of the time nothing is. A column that was never
# written is in ``damage`` since its row was made, and rows of drives are never deleted.
_wrong = union(
    select(shard.c.volume_id)
    .join_from(drive, shard, shard.c.drive_id == drive.c.id)
    .where(drive.c.state.in_([constant(DriveState.SUSPECT.value), constant(DriveState.GONE.value)])),
    select(damage.c.volume_id),
).subquery("wrong")
_SHORT = Statement(
    select(func.count())
    .join_from(_wrong, volume, volume.c.id == _wrong.c.volume_id)
    .where(volume.c.state != constant(VolumeState.RETIRED.value))
)


_SHORT_BYTES = Statement(
    select(cast(func.coalesce(func.sum(volume.c.data_bytes), constant(0)), BigInteger))
    .join_from(_wrong, volume, volume.c.id == _wrong.c.volume_id)
    .where(volume.c.state != constant(VolumeState.RETIRED.value))
)


async def short_of_redundancy(database: Database) -> int:
    """Volumes with a shard that is missing, damaged, or on a drive that is suspect or gone.

    A shard on a drive that is being drained counts as healthy. 0 is what "healed" means.
    """
    return int((await database.patient.fetch(_SHORT))[0][0])


async def short_bytes(database: Database) -> int:
    """Payload of these volumes: of those that are sealed, for open ones have no sums yet."""
    return int((await database.patient.fetch(_SHORT_BYTES))[0][0])

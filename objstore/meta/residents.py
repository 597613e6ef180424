"""Residents of a drive, the metadata half: its volumes, the links of each, and who refers to them."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, Text, and_, select, tuple_
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.meta.current import Name
from objstore.meta.database import Database
from objstore.meta.relocate import Referent, referents_of
from objstore.meta.statement import Statement, batch, constant, param
from objstore.meta.tables import link, shard, volume
from objstore.model.states import VolumeState

REFERENTS_MAX = 10_000

s = shard.c
_volume = param("volume", BYTEA)
# By the index on drives: as many rows as the drive has shards, which its size bounds.
_VOLUMES = Statement(
    select(s.volume_id, s.column_index)
    .join_from(shard, volume, volume.c.id == s.volume_id)
    .where(
        s.drive_id == param("drive", Text),
        s.volume_id >= param("low", BYTEA),
        volume.c.state != constant(VolumeState.RETIRED.value),
    )
    .order_by(s.volume_id)
    .limit(param("limit", BigInteger)),
    *("drive", "low", "limit"),
)
_asked = batch("asked", {"bucket_id": BigInteger, "key": BYTEA})
_LINKED = Statement(
    select(link.c.bucket_id, link.c.key).join_from(
        _asked,
        link,
        and_(link.c.volume_id == _volume, link.c.bucket_id == _asked.c.bucket_id, link.c.key == _asked.c.key),
    ),
    *("volume", "bucket_id", "key"),
)
_LINKS = Statement(
    select(link.c.bucket_id, link.c.key)
    .where(
        link.c.volume_id == _volume,
        tuple_(link.c.bucket_id, link.c.key) >= tuple_(param("low_bucket", BigInteger), param("low_key", BYTEA)),
    )
    .order_by(link.c.bucket_id, link.c.key)
    .limit(param("limit", BigInteger)),
    *("volume", "low_bucket", "low_key", "limit"),
)


class ResidentRows:
    """What the tables know of a drive's volumes and of what lies in these."""

    def __init__(self, database: Database) -> None:
        self._database = database.patient

    async def volumes(self, drive_id: str, low: bytes, limit: int) -> list[tuple[bytes, int]]:
        """Volumes with a shard on the drive, from ``low`` on, by id, and which column that is."""
        return [(row[0], row[1]) for row in await self._database.fetch(_VOLUMES, drive_id, low, limit)]

    async def linked(self, volume_id: bytes, names: Sequence[Name]) -> set[Name]:
        """Those of the names that the volume has a link to."""
        buckets, keys = [one for one, _ in names], [key for _, key in names]
        return {(row[0], row[1]) for row in await self._database.fetch(_LINKED, volume_id, buckets, keys)}

    async def links(self, volume_id: bytes, low: Name, limit: int) -> list[Name]:
        """Names that the volume has links to, from ``low`` on, in order."""
        return [(row[0], row[1]) for row in await self._database.fetch(_LINKS, volume_id, *low, limit)]

    async def referents(self, volume_id: bytes, names: Sequence[Name]) -> list[Referent]:
        """Who of these names refers to the volume, ``REFERENTS_MAX`` at most."""
        return await referents_of(self._database, volume_id, names, REFERENTS_MAX) if names else []

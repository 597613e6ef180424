"""What every writing transaction begins and ends with: the claim on buckets and volumes; garbage and links.

The claim keeps buckets from being deleted and volumes from changing their state until the transaction has ended. So
when a volume is seen sealed, everything that was ever appended to it and committed is visible; and when it is seen
compacting, so is everything that shares its bytes.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from sqlalchemy import BigInteger, Text, any_, cast, func, literal_column, null, select, union_all
from sqlalchemy.dialects.postgresql import BYTEA, insert

from objstore.format.extent import EXTENT_BYTES, bytes_by_volume
from objstore.meta.database import Transaction
from objstore.meta.statement import Statement, array, batch
from objstore.meta.tables import bucket, garbage, link, volume
from objstore.meta.usage_ledger import ARRAYS, Usage, recording
from objstore.model.errors import VolumeFenced
from objstore.model.states import VolumeState

NO_VOLUMES: frozenset[bytes] = frozenset()


class Unsettled(Exception):
    """Versioning of a bucket is being switched on: writers that have not heard of it may still be under way."""

    def __init__(self, bucket_id: int) -> None:
        super().__init__(f"versioning of bucket {bucket_id} is being switched on")
        self.bucket_id = bucket_id


_SHAREABLE = (VolumeState.OPEN, VolumeState.SEALED)

# Where versioning is being switched on, writers have to wait: see versioning.py.
UNSETTLED = "unsettled"
_versioning = literal_column(
    f"CASE WHEN settings ? 'versioning_unsettled' THEN '{UNSETTLED}' ELSE settings ->> 'versioning' END", Text
)
_buckets = (
    select(bucket.c.id, _versioning.label("versioning"))
    .where(bucket.c.id == any_(array("buckets", BigInteger)))
    .order_by(bucket.c.id)
    .with_for_update(read=True, key_share=True)
    .cte("claimed_bucket")
)
_volumes = (
    select(volume.c.id, volume.c.state)
    .where(volume.c.id == any_(array("volumes", BYTEA)))
    .order_by(volume.c.id)
    .with_for_update(read=True)
    .cte("claimed_volume")
)
_CLAIM = Statement(
    union_all(
        select(func.pg_current_xact_id(), _buckets.c.id, _buckets.c.versioning, cast(null(), BYTEA), null()),
        select(func.pg_current_xact_id(), null(), null(), _volumes.c.id, _volumes.c.state),
    ),
    "buckets",
    "volumes",
)

_waste = batch("waste", {"volume_id": BYTEA, "bytes": BigInteger})
_add_garbage = insert(garbage).from_select(["volume_id", "bytes"], select(_waste.c.volume_id, _waste.c.bytes))
_ADD_GARBAGE = Statement(_add_garbage, "volume_id", "bytes")
_ACCOUNT = Statement(_add_garbage.add_cte(recording().cte("counting")), "volume_id", "bytes", *ARRAYS)
_names = batch("name", {"volume_id": BYTEA, "bucket_id": BigInteger, "key": BYTEA})
_ADD_LINKS = Statement(
    insert(link)
    .from_select(["volume_id", "bucket_id", "key"], select(_names.c.volume_id, _names.c.bucket_id, _names.c.key))
    .on_conflict_do_nothing(),
    "volume_id",
    "bucket_id",
    "key",
)


@dataclass(slots=True)
class Claim:
    """What of the buckets and volumes asked for is there, held until the transaction ends.

    ``buckets``: id → "Enabled", "Suspended", or None where there never was versioning.
    """

    buckets: dict[int, str | None] = field(default_factory=dict)
    volumes: dict[bytes, int] = field(default_factory=dict)

    def fenced(self, appended: Iterable[bytes], shared: Iterable[bytes]) -> VolumeFenced | None:
        """The error if a volume may not be appended to, or not be shared, any more."""
        for volume_id in appended:
            if self.volumes.get(volume_id) != VolumeState.OPEN:
                return VolumeFenced(f"volume {volume_id.hex()} is not open")
        for volume_id in shared:
            if self.volumes.get(volume_id) not in _SHAREABLE:
                return VolumeFenced(f"volume {volume_id.hex()} is being emptied")
        return None


async def claim(transaction: Transaction, buckets: Collection[int], volumes: Collection[bytes]) -> Claim:
    """Lock what is there of ``buckets`` and ``volumes``; makes the transaction's number known. Raises Unsettled."""
    found = Claim()
    for xid, bucket_id, versioning, volume_id, state in await transaction.fetch(_CLAIM, list(buckets), list(volumes)):
        transaction.xid = xid
        if bucket_id is not None:
            if versioning == UNSETTLED:
                raise Unsettled(bucket_id)
            found.buckets[bucket_id] = versioning
        else:
            found.volumes[volume_id] = state
    if transaction.xid is None:
        await transaction.identify()
    return found


class Waste:
    """Bytes by volume that the transaction makes garbage."""

    __slots__ = ("_totals",)

    def __init__(self) -> None:
        self._totals: dict[bytes, int] = {}

    def add(self, extents: bytes) -> None:
        """All bytes of packed extents."""
        for volume_id, count in bytes_by_volume(extents).items():
            self._totals[volume_id] = self._totals.get(volume_id, 0) + count

    def credit(self, extents: bytes) -> None:
        """Take back what the replacing of their referent has added: another one of the transaction has them."""
        for volume_id, count in bytes_by_volume(extents).items():
            self._totals[volume_id] = self._totals.get(volume_id, 0) - count

    def add_appended(self, extents: bytes, appended: Collection[bytes], known: Collection[bytes]) -> None:
        """Bytes of a write that was refused: only what it appended itself, and to volumes that are still there."""
        for volume_id, count in bytes_by_volume(extents).items():
            if volume_id in appended and volume_id in known:
                self._totals[volume_id] = self._totals.get(volume_id, 0) + count

    async def record(self, transaction: Transaction, usage: Usage | None = None) -> None:
        """Write the ledger rows, and those of the ledger of usage with them."""
        totals = {volume_id: count for volume_id, count in self._totals.items() if count}
        if usage and totals:
            await transaction.execute(_ACCOUNT, list(totals), list(totals.values()), *usage.columns())
        elif usage:
            await usage.record(transaction)
        elif totals:
            await transaction.execute(_ADD_GARBAGE, list(totals), list(totals.values()))


async def record_links(transaction: Transaction, names: Collection[tuple[bytes, int, bytes]]) -> None:
    """Write link rows (volume, bucket, key)."""
    if names:
        volumes, buckets, keys = zip(*sorted(names), strict=True)
        await transaction.execute(_ADD_LINKS, volumes, buckets, keys)


def records_only_in(first: bytes, second: bytes) -> bytes:
    """The packed extents of ``first`` that are not in ``second``."""
    if len(first) == len(second) == EXTENT_BYTES:
        return b"" if first == second else first
    kept = set(_records(second))
    return b"".join(record for record in _records(first) if record not in kept)


def _records(packed: bytes) -> Iterable[bytes]:
    return (packed[at : at + EXTENT_BYTES] for at in range(0, len(packed), EXTENT_BYTES))

"""Moves, the metadata half: a version's extents, class and tier are replaced if it still has its old extents.

| What happens in ``swap``         | What is left                         | Who clears it              |
|----------------------------------|--------------------------------------|----------------------------|
| the version was replaced, or     | the new bytes, in the garbage ledger | compaction of the target   |
| the target sealed meanwhile      |                                      |                            |
| commit                           | the old bytes, in the garbage ledger | compaction of the source   |
| crash or lost connection before  | the new bytes, unknown to the ledger | the target's audit         |

What others share (a copy's extents) stays where it is: each referent lets go of its own reference, and compaction,
which looks at all of them, decides about the bytes.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from objstore.format.extent import bytes_by_volume
from objstore.meta import places
from objstore.meta.database import Database, Transaction
from objstore.meta.ledger import Claim, Waste, claim, records_only_in
from objstore.meta.places import Placed
from objstore.meta.usage_ledger import Usage
from objstore.meta.versioning import transact
from objstore.model.objects import ObjectVersion
from objstore.model.storage_class import STORAGE_CLASS_CODES
from objstore.model.tiers import code_of_tier


@dataclass(frozen=True, slots=True)
class Replacement:
    """``version`` as it was read; ``extents``: packed, the new ones, with the class and the tier that go with them.

    ``accessed``: the day of the last access becomes at least that.
    """

    version: ObjectVersion
    extents: bytes
    storage_class: str
    tier: str
    accessed: int = 0


class Movements:
    """Replaces where versions lie."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def swap(self, replacements: Sequence[Replacement]) -> list[bool]:
        """See ``swap``."""
        return await transact(self._database, lambda transaction: swap(transaction, replacements))


async def swap(
    transaction: Transaction, replacements: Sequence[Replacement], refused: Collection[int] = ()
) -> list[bool]:
    """Replace extents, class and tier where the version is there with its old extents, and the target volumes are open.

    Which of them were; for the others, and for those whose index is ``refused``, the new bytes are garbage. The
    versions of a batch must differ.
    """
    appended = [records_only_in(one.extents, one.version.extents) for one in replacements]
    buckets = {one.version.bucket_id for one in replacements}
    claimed = await claim(transaction, buckets, sorted(set().union(*map(bytes_by_volume, appended))))
    good = [i for i, new in enumerate(appended) if i not in refused and not claimed.fenced(bytes_by_volume(new), ())]
    good.sort(key=lambda i: (replacements[i].version.bucket_id, replacements[i].version.key))
    locked = await places.lock(transaction, [replacements[i].version for i in good])
    held = {
        i: placed
        for i, placed in zip(good, locked, strict=True)
        if placed is not None and placed.extents == replacements[i].version.extents
    }
    for noncurrent in (False, True):
        rows = [_row(replacements[i]) for i, placed in held.items() if placed.noncurrent is noncurrent]
        await places.put(transaction, noncurrent, rows)
    await _account(transaction, replacements, appended, held, claimed)
    return [i in held for i in range(len(replacements))]


async def _account(
    transaction: Transaction,
    replacements: Sequence[Replacement],
    appended: list[bytes],
    held: Mapping[int, Placed],
    claimed: Claim,
) -> None:
    waste, usage = Waste(), Usage()
    for i, one in enumerate(replacements):
        placed = held.get(i)
        if placed is None:
            waste.add_appended(appended[i], claimed.volumes, claimed.volumes)
            continue
        waste.add(records_only_in(one.version.extents, one.extents))
        _count(usage, one, placed)
    await waste.record(transaction, usage)


def _count(usage: Usage, one: Replacement, placed: Placed) -> None:
    """The version where it was, less; where it is now, more. (A marker has no bytes to be moved.)"""
    name, size = (one.version.bucket_id, one.version.key), one.version.size
    noncurrent = placed.noncurrent_since is not None
    usage.count(
        name,
        size=size,
        tier=placed.tier,
        storage_class=placed.storage_class,
        accessed=placed.accessed,
        noncurrent=noncurrent,
        sign=-1,
    )
    usage.count(
        name,
        size=size,
        tier=code_of_tier(one.tier),
        storage_class=STORAGE_CLASS_CODES[one.storage_class],
        accessed=max(placed.accessed, one.accessed),
        noncurrent=noncurrent,
    )


def _row(one: Replacement) -> tuple[ObjectVersion, bytes, int, int, int]:
    return one.version, one.extents, STORAGE_CLASS_CODES[one.storage_class], code_of_tier(one.tier), one.accessed

"""Relocate, the metadata half: who refers to a volume, and replacing extents only where they still hold.

| What happens in ``swap``         | What is left                         | Who clears it              |
|----------------------------------|--------------------------------------|----------------------------|
| the version was replaced, or     | the new bytes, in the garbage ledger | compaction of the target   |
| the target sealed meanwhile      |                                      |                            |
| commit                           | the old bytes, in the garbage ledger | compaction of the source   |
| crash or lost connection before  | the new bytes, unknown to the ledger | the target's audit         |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Select, SmallInteger, cast, func, select, union_all, update
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.format.extent import bytes_by_volume
from objstore.meta import current
from objstore.meta.current import Name
from objstore.meta.database import Database, Transaction
from objstore.meta.ledger import Claim, Waste, claim, record_links, records_only_in
from objstore.meta.statement import Statement, batch, constant, param
from objstore.meta.tables import link, object_, part, slot_of, upload

WHOLE_OBJECT = 0  # in place of a part number


@dataclass(frozen=True, slots=True)
class Referent:
    """An object, or (``part_number`` > 0) a part of the open upload ``version_id``, that has extents in a volume."""

    bucket_id: int
    key: bytes
    version_id: bytes
    part_number: int
    size: int
    extents: bytes


@dataclass(frozen=True, slots=True)
class Swap:
    """New extents for a referent. What is in ``new`` and not in its old extents was appended for this.

    ``linked``: the records appended bear another name than the referent's, as after a copy: so it needs links to them.
    """

    referent: Referent
    new: bytes
    linked: bool = False


o = object_.c
_asked_part = batch("asked", {"upload_id": BYTEA, "number": SmallInteger}, ordinal="i")
_LOCK_PARTS = Statement(
    select(_asked_part.c.i, part.c.extents)
    .join_from(
        _asked_part, part, (part.c.upload_id == _asked_part.c.upload_id) & (part.c.number == _asked_part.c.number)
    )
    .order_by(_asked_part.c.i)
    .with_for_update(of=part),
    *("upload_id", "number"),
)
_moved = batch("moved", {"bucket_id": BigInteger, "key": BYTEA, "slot": SmallInteger, "extents": BYTEA})
_MOVE_OBJECTS = Statement(
    update(object_)
    .values(extents=_moved.c.extents)
    .where(o.bucket_id == _moved.c.bucket_id, o.key == _moved.c.key, o.slot == _moved.c.slot),
    *("bucket_id", "key", "slot", "extents"),
)
_moved_part = batch("moved", {"upload_id": BYTEA, "number": SmallInteger, "extents": BYTEA})
_MOVE_PARTS = Statement(
    update(part)
    .values(extents=_moved_part.c.extents)
    .where(part.c.upload_id == _moved_part.c.upload_id, part.c.number == _moved_part.c.number),
    *("upload_id", "number", "extents"),
)


def _referents() -> Select[Any]:
    """One statement, so one snapshot: a part that becomes an object's while we look is seen as one or the other."""
    volume_id = param("volume_id", BYTEA)
    found = batch("found", {"bucket_id": BigInteger, "key": BYTEA})
    linked = select(link.c.bucket_id, link.c.key).where(link.c.volume_id == volume_id)
    name = select(found.c.bucket_id, found.c.key).union(linked).cte("name")
    objects = (
        select(o.bucket_id, o.key, o.version_id, cast(constant(WHOLE_OBJECT), SmallInteger), o.size, o.extents)
        .join_from(name, object_, (o.bucket_id == name.c.bucket_id) & (o.key == name.c.key))
        .where(func.pg_catalog.position(o.extents, volume_id) > constant(0))
    )
    parts = (
        select(upload.c.bucket_id, upload.c.key, part.c.upload_id, part.c.number, part.c.size, part.c.extents)
        .join_from(name, upload, (upload.c.bucket_id == name.c.bucket_id) & (upload.c.key == name.c.key))
        .join(part, part.c.upload_id == upload.c.id)
        .where(func.pg_catalog.position(part.c.extents, volume_id) > constant(0))
    )
    every = union_all(objects, parts).subquery("every")
    return select(every).limit(param("limit", BigInteger))


_REFERENTS = Statement(_referents(), *("volume_id", "bucket_id", "key", "limit"))


async def referents(database: Database, volume_id: bytes, names: Sequence[Name], limit: int) -> list[Referent]:
    """See ``Objects.referents``."""
    buckets, keys = [bucket_id for bucket_id, _ in names], [key for _, key in names]
    records = await database.fetch(_REFERENTS, volume_id, buckets, keys, limit)
    return [Referent(*record) for record in records]


async def swap(transaction: Transaction, swaps: Sequence[Swap]) -> list[bool]:
    """See ``Objects.swap``. Parts are locked before objects, as Complete does."""
    appended = [records_only_in(one.new, one.referent.extents) for one in swaps]
    claimed = await claim(transaction, (), sorted(set().union(*map(bytes_by_volume, appended))))
    held = await _lock_parts(transaction, [one.referent for one in swaps if one.referent.part_number])
    held |= await _lock_objects(transaction, [one.referent for one in swaps if not one.referent.part_number])
    done = [_holds(one, new, held, claimed) for one, new in zip(swaps, appended, strict=True)]
    await _move(transaction, [one for one, swapped in zip(swaps, done, strict=True) if swapped])
    await record_links(
        transaction,
        {
            (volume_id, one.referent.bucket_id, one.referent.key)
            for one, new, swapped in zip(swaps, appended, done, strict=True)
            if swapped and one.linked
            for volume_id in bytes_by_volume(new)
        },
    )
    waste = Waste()
    for one, new, swapped in zip(swaps, appended, done, strict=True):
        if swapped:
            waste.add(records_only_in(one.referent.extents, one.new))
        else:
            waste.add_appended(new, claimed.volumes, claimed.volumes)
    await waste.record(transaction)
    return done


def _holds(one: Swap, appended: bytes, held: dict[Referent, bytes], claimed: Claim) -> bool:
    return held.get(one.referent) == one.referent.extents and not claimed.fenced(bytes_by_volume(appended), ())


async def _lock_parts(transaction: Transaction, asked: list[Referent]) -> dict[Referent, bytes]:
    if not asked:
        return {}
    asked = sorted(asked, key=lambda one: (one.version_id, one.part_number))
    uploads, numbers = [one.version_id for one in asked], [one.part_number for one in asked]
    return {asked[i - 1]: extents for i, extents in await transaction.fetch(_LOCK_PARTS, uploads, numbers)}


async def _lock_objects(transaction: Transaction, asked: list[Referent]) -> dict[Referent, bytes]:
    if not asked:
        return {}
    by_name = {(one.bucket_id, one.key): one for one in asked}
    locked = await current.lock(transaction, sorted(by_name))
    return {by_name[name]: row.extents for name, row in locked.items() if row.version_id == by_name[name].version_id}


async def _move(transaction: Transaction, swaps: list[Swap]) -> None:
    parts = [(one.referent.version_id, one.referent.part_number, one.new) for one in swaps if one.referent.part_number]
    if parts:
        await transaction.execute(_MOVE_PARTS, *zip(*parts, strict=True))
    names = [(one.referent.bucket_id, one.referent.key, one.new) for one in swaps if not one.referent.part_number]
    if names:
        rows = [(bucket_id, key, slot_of(bucket_id, key), new) for bucket_id, key, new in names]
        await transaction.execute(_MOVE_OBJECTS, *zip(*rows, strict=True))

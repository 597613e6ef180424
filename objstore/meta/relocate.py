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

from sqlalchemy import BigInteger, Select, SmallInteger, Table, and_, cast, func, select, union_all, update
from sqlalchemy.dialects.postgresql import BYTEA

from objstore.format.extent import bytes_by_volume
from objstore.meta.current import Name
from objstore.meta.database import Database, Transaction
from objstore.meta.ledger import Claim, Waste, claim, record_links, records_only_in
from objstore.meta.lifecycle_tables import restored
from objstore.meta.statement import AnyType, Statement, batch, constant, param
from objstore.meta.tables import link, object_, part, slot_of, upload, version

WHOLE_OBJECT, RESTORED_COPY = 0, -1  # in place of a part number


@dataclass(frozen=True, slots=True)
class Referent:
    """What has extents in a volume: a version, or by ``part_number`` (> 0) a part of the open upload ``version_id``,
    or (RESTORED_COPY) the hot copy of an archived version.

    ``seq``: of the version, by which it is found in whichever of the two tables it is then.
    """

    bucket_id: int
    key: bytes
    version_id: bytes
    part_number: int
    size: int
    extents: bytes
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Swap:
    """New extents for a referent. What is in ``new`` and not in its old extents was appended for this.

    ``linked``: the records appended bear another name than the referent's, as after a copy: so it needs links to them.
    """

    referent: Referent
    new: bytes
    linked: bool = False


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
_SEAT_TYPES: dict[str, AnyType] = {
    "bucket_id": BigInteger(),
    "key": BYTEA(),
    "slot": SmallInteger(),
    "seq": BigInteger(),
}
_asked = batch("asked", _SEAT_TYPES, ordinal="i")
_moved = batch("moved", {**_SEAT_TYPES, "extents": BYTEA()})


def _lock(table: Table) -> Statement:
    seat = and_(*[table.c[name] == _asked.c[name] for name in _SEAT_TYPES])
    found = select(_asked.c.i, table.c.version_id, table.c.extents).join_from(_asked, table, seat)
    return Statement(found.order_by(_asked.c.i).with_for_update(of=table), *_SEAT_TYPES)


def _move_in(table: Table) -> Statement:
    moved = update(table).values(extents=_moved.c.extents)
    return Statement(moved.where(*[table.c[name] == _moved.c[name] for name in _SEAT_TYPES]), *_SEAT_TYPES, "extents")


# Rows of ``object`` before those of ``version``, as commits lock them.
_VERSIONS = [(_lock(table), _move_in(table)) for table in (object_, version)]
_moved_part = batch("moved", {"upload_id": BYTEA, "number": SmallInteger, "extents": BYTEA})
_MOVE_PARTS = Statement(
    update(part)
    .values(extents=_moved_part.c.extents)
    .where(part.c.upload_id == _moved_part.c.upload_id, part.c.number == _moved_part.c.number),
    *("upload_id", "number", "extents"),
)


_COPY_TYPES: dict[str, AnyType] = {"bucket_id": BigInteger(), "key": BYTEA(), "version_id": BYTEA()}
_asked_copy = batch("asked", _COPY_TYPES, ordinal="i")
_LOCK_COPIES = Statement(
    select(_asked_copy.c.i, restored.c.extents)
    .join_from(_asked_copy, restored, and_(*[restored.c[name] == _asked_copy.c[name] for name in _COPY_TYPES]))
    .order_by(_asked_copy.c.i)
    .with_for_update(of=restored),
    *_COPY_TYPES,
)
_moved_copy = batch("moved", {**_COPY_TYPES, "extents": BYTEA()})
_MOVE_COPIES = Statement(
    update(restored)
    .values(extents=_moved_copy.c.extents)
    .where(*[restored.c[name] == _moved_copy.c[name] for name in _COPY_TYPES]),
    *(*_COPY_TYPES, "extents"),
)


def _referents(with_links: bool) -> Select[Any]:
    """One statement, so one snapshot: a part that becomes an object's while we look is seen as one or the other."""
    volume_id = param("volume_id", BYTEA)
    found = batch("found", {"bucket_id": BigInteger, "key": BYTEA})
    linked = select(link.c.bucket_id, link.c.key).where(link.c.volume_id == volume_id)
    named_ = select(found.c.bucket_id, found.c.key)
    name = (named_.union(linked) if with_links else named_.distinct()).cte("name")
    whole = [_versions_in(table.c, table, name, volume_id) for table in (object_, version)]
    parts = (
        select(
            *(upload.c.bucket_id, upload.c.key, part.c.upload_id, part.c.number, part.c.size, part.c.extents),
            cast(constant(0), BigInteger),
        )
        .join_from(name, upload, (upload.c.bucket_id == name.c.bucket_id) & (upload.c.key == name.c.key))
        .join(part, part.c.upload_id == upload.c.id)
        .where(func.pg_catalog.position(part.c.extents, volume_id) > constant(0))
    )
    r = restored.c
    copies = (
        select(
            *(r.bucket_id, r.key, r.version_id, cast(constant(RESTORED_COPY), SmallInteger)),
            *(cast(constant(0), BigInteger), r.extents, cast(constant(0), BigInteger)),
        )
        .join_from(name, restored, (r.bucket_id == name.c.bucket_id) & (r.key == name.c.key))
        .where(func.pg_catalog.position(r.extents, volume_id) > constant(0))
    )
    every = union_all(*whole, parts, copies).subquery("every")
    return select(every).limit(param("limit", BigInteger))


def _versions_in(c: Any, table: Table, name: Any, volume_id: Any) -> Select[Any]:
    part_number = cast(constant(WHOLE_OBJECT), SmallInteger)
    return (
        select(c.bucket_id, c.key, c.version_id, part_number, c.size, c.extents, c.seq)
        .join_from(name, table, (c.bucket_id == name.c.bucket_id) & (c.key == name.c.key))
        .where(func.pg_catalog.position(c.extents, volume_id) > constant(0))
    )


_GIVEN = ("volume_id", "bucket_id", "key", "limit")
_REFERENTS, _OF_NAMES = (Statement(_referents(with_links), *_GIVEN) for with_links in (True, False))


async def referents(database: Database, volume_id: bytes, names: Sequence[Name], limit: int) -> list[Referent]:
    """See ``Objects.referents``."""
    buckets, keys = [bucket_id for bucket_id, _ in names], [key for _, key in names]
    records = await database.fetch(_REFERENTS, volume_id, buckets, keys, limit)
    return [Referent(*record) for record in records]


async def referents_of(database: Database, volume_id: bytes, names: Sequence[Name], limit: int) -> list[Referent]:
    """As ``referents``, of these names alone: the volume's links add none."""
    buckets, keys = [bucket_id for bucket_id, _ in names], [key for _, key in names]
    return [Referent(*record) for record in await database.fetch(_OF_NAMES, volume_id, buckets, keys, limit)]


async def swap(transaction: Transaction, swaps: Sequence[Swap]) -> list[bool]:
    """See ``Objects.swap``. Parts are locked before versions, as Complete does."""
    appended = [records_only_in(one.new, one.referent.extents) for one in swaps]
    claimed = await claim(transaction, (), sorted(set().union(*map(bytes_by_volume, appended))))
    held = await _lock_parts(transaction, [one.referent for one in swaps if one.referent.part_number > 0])
    held |= await _lock_copies(transaction, [one.referent for one in swaps if one.referent.part_number < 0])
    places = await _lock_versions(transaction, [one.referent for one in swaps if not one.referent.part_number])
    held |= {referent: extents for found in places for referent, extents in found.items()}
    done = [_holds(one, new, held, claimed) for one, new in zip(swaps, appended, strict=True)]
    await _move(transaction, [one for one, swapped in zip(swaps, done, strict=True) if swapped], places)
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


async def _lock_copies(transaction: Transaction, asked: list[Referent]) -> dict[Referent, bytes]:
    if not asked:
        return {}
    asked = sorted(asked, key=lambda one: (one.bucket_id, one.key, one.version_id))
    names = [(one.bucket_id, one.key, one.version_id) for one in asked]
    return {asked[i - 1]: extents for i, extents in await transaction.fetch(_LOCK_COPIES, *zip(*names, strict=True))}


async def _lock_versions(transaction: Transaction, asked: list[Referent]) -> list[dict[Referent, bytes]]:
    """The extents of those that are there, by table; one that moves over at this moment may be in neither."""
    places: list[dict[Referent, bytes]] = []
    asked = sorted(asked, key=lambda one: (one.bucket_id, one.key, one.seq))
    for lock, _ in _VERSIONS:
        records = await transaction.fetch(lock, *zip(*map(_seat, asked), strict=True)) if asked else ()
        places.append({asked[i - 1]: extents for i, id_, extents in records if id_ == asked[i - 1].version_id})
        asked = [one for one in asked if one not in places[-1]]
    return places


async def _move(transaction: Transaction, swaps: list[Swap], places: list[dict[Referent, bytes]]) -> None:
    found_parts = [one for one in swaps if one.referent.part_number > 0]
    parts = [(one.referent.version_id, one.referent.part_number, one.new) for one in found_parts]
    if parts:
        await transaction.execute(_MOVE_PARTS, *zip(*parts, strict=True))
    of_copies = [one for one in swaps if one.referent.part_number < 0]
    copies = [(one.referent.bucket_id, one.referent.key, one.referent.version_id, one.new) for one in of_copies]
    if copies:
        await transaction.execute(_MOVE_COPIES, *zip(*copies, strict=True))
    for found, (_, move) in zip(places, _VERSIONS, strict=True):
        rows = [(*_seat(one.referent), one.new) for one in swaps if one.referent in found]
        if rows:
            await transaction.execute(move, *zip(*rows, strict=True))


def _seat(one: Referent) -> tuple[int, bytes, int, int]:
    return one.bucket_id, one.key, slot_of(one.bucket_id, one.key), one.seq

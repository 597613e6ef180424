"""Strays: files on drives that no shard row names, and why they may be removed.

BUILDING      made by a repair that is under way; the row is there before the file, so that no crash leaves one
              that nobody knows. It becomes a shard's in the transaction that deletes this row.
REPLACED      was a shard's file until a repair put another one in its place: proof enough to delete it
ORPHAN        found on a drive, and no row knows it: only looked at, until it has been one for long
QUARANTINED   an orphan that was set aside on its drive; only an operator deletes it
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Interval,
    SmallInteger,
    Text,
    and_,
    any_,
    delete,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import BYTEA, insert

from objstore.meta.database import Database, Transaction
from objstore.meta.repair_tables import stray
from objstore.meta.statement import Statement, array, constant, param
from objstore.meta.tables import TIME


class StrayReason(IntEnum):
    """See the module. Codes are stored: never change one, only add."""

    BUILDING = 0
    REPLACED = 1
    ORPHAN = 2
    QUARANTINED = 3


@dataclass(frozen=True, slots=True)
class Stray:
    """A file. ``volume_id``: whose shard it is or was, as far as is known. ``seen``: since when it is one."""

    drive_id: str
    file_id: bytes
    volume_id: bytes
    reason: StrayReason
    bytes: int = 0
    seen: datetime | None = None


t = stray.c
_now = func.clock_timestamp(type_=TIME)
_drive, _file = param("its_drive", Text), param("its_file", BYTEA)
_is_it = and_(t.drive_id == _drive, t.file_id == _file)
_BUILDING, _REPLACED, _ORPHAN, _QUARANTINED = (constant(reason.value) for reason in StrayReason)


def _seconds(name: str) -> ColumnElement[Any]:
    return param(name, Double) * literal_column("'1 second'::interval", Interval)


_row = {"drive_id": _drive, "file_id": _file, "volume_id": param("its_volume", BYTEA),
        "reason": param("why", SmallInteger), "bytes": param("size", BigInteger)}  # fmt: skip
_NAMES = ("its_drive", "its_file", "its_volume", "why", "size")
# What is an orphan already stays one since it was first seen.
_ADD = Statement(
    insert(stray)
    .values(_row | {"seen": _now})
    .on_conflict_do_update(
        index_elements=[t.drive_id, t.file_id],
        set_={"reason": _row["reason"], "seen": _now, "bytes": _row["bytes"]},
        where=t.reason != _row["reason"],
    ),
    *_NAMES,
)
_CLAIM = Statement(delete(stray).where(_is_it, t.reason == _BUILDING), "its_drive", "its_file")
_RENEW = Statement(update(stray).where(_is_it, t.reason == _BUILDING).values(seen=_now), "its_drive", "its_file")
_DROP = Statement(delete(stray).where(_is_it, t.reason == param("why", SmallInteger)), "its_drive", "its_file", "why")
# From BUILDING to REPLACED: from here on no repair can make it a shard's.
_CONDEMN = Statement(
    update(stray)
    .where(t.reason == _BUILDING, t.seen < func.now() - _seconds("age"))
    .values(reason=_REPLACED, seen=_now),
    "age",
)
_COLUMNS = (t.drive_id, t.file_id, t.volume_id, t.reason, t.bytes, t.seen)
_DUE = Statement(
    select(*_COLUMNS)
    .where(
        t.drive_id == any_(array("drives", Text)),
        t.reason == param("why", SmallInteger),
        t.seen < func.now() - _seconds("age"),
    )
    .order_by(t.seen)
    .limit(param("limit", BigInteger)),
    *("drives", "why", "age", "limit"),
)
_LIST = Statement(
    select(*_COLUMNS)
    .where(t.reason == any_(array("reasons", SmallInteger)))
    .order_by(t.drive_id, t.file_id)
    .limit(param("limit", BigInteger)),
    *("reasons", "limit"),
)
_RANGE = Statement(
    select(t.file_id, t.reason).where(
        t.drive_id == _drive, t.file_id > param("low", BYTEA), t.file_id <= param("high", BYTEA)
    ),
    *("its_drive", "low", "high"),
)
_FORGET_DRIVE = Statement(delete(stray).where(t.drive_id == _drive), "its_drive")


async def add(transaction: Transaction, found: Stray) -> None:
    """Note a file; one that was noted for another reason has this one from now on."""
    await transaction.execute(_ADD, found.drive_id, found.file_id, found.volume_id, found.reason, found.bytes)


async def claim(transaction: Transaction, drive_id: str, file_id: bytes) -> bool:
    """A file that was being built becomes a shard's; False if it was given up meanwhile."""
    return bool(await transaction.execute(_CLAIM, drive_id, file_id))


Listing = list[Stray]  # the class has a method of the name list


class Strays:
    """The table of strays."""

    def __init__(self, database: Database) -> None:
        self._database = database.patient

    async def add(self, found: Stray) -> None:
        """See ``add``."""
        await self._database.change(_ADD, found.drive_id, found.file_id, found.volume_id, found.reason, found.bytes)

    async def renew(self, drive_id: str, file_id: bytes) -> bool:
        """A file is still being built; False if somebody has given it up."""
        return bool(await self._database.change(_RENEW, drive_id, file_id))

    async def drop(self, found: Stray) -> None:
        """Forget a file, unless it has another reason now."""
        await self._database.change(_DROP, found.drive_id, found.file_id, found.reason)

    async def condemn(self, age_seconds: float) -> int:
        """Give up files that were being built by somebody who has not been heard of for so long; how many."""
        return await self._database.change(_CONDEMN, age_seconds)

    async def due(self, drive_ids: Sequence[str], reason: StrayReason, age_seconds: float, limit: int) -> Listing:
        """Files on these drives that have had this reason for so long, the oldest first."""
        found = await self._database.fetch(_DUE, list(drive_ids), reason, age_seconds, limit)
        return [_stray(record) for record in found]

    async def list(self, reasons: Sequence[StrayReason], limit: int) -> Listing:
        """Files with one of these reasons, by drive."""
        return [_stray(record) for record in await self._database.fetch(_LIST, [*reasons], limit)]

    async def between(self, drive_id: str, low: bytes, high: bytes) -> dict[bytes, StrayReason]:
        """What is known of files in (low, high] of a drive."""
        found = await self._database.fetch(_RANGE, drive_id, low, high)
        return {file_id: StrayReason(reason) for file_id, reason in found}

    async def forget_drive(self, drive_id: str) -> None:
        """A drive will not come back: nothing is known of its files any more."""
        await self._database.change(_FORGET_DRIVE, drive_id)


def _stray(record: Any) -> Stray:
    drive_id, file_id, volume_id, reason, size, seen = record
    return Stray(drive_id, file_id, volume_id, StrayReason(reason), size, seen)

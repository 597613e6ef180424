"""Population: the versions of a bucket, all of them or a fair sample, for questions that no index answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Double, Table, func, select, tablesample

from objstore.meta.database import Database
from objstore.meta.facts import VersionId
from objstore.meta.forecast import SCANNED_MAX, bounded, rows_of
from objstore.meta.statement import Statement, param
from objstore.meta.tables import object_, version
from objstore.meta.usage_report import stored

_bucket, _rows = param("bucket_id", BigInteger), param("rows", BigInteger)


def _all(table: Table) -> Statement:
    c = table.c
    return Statement(select(c.key, c.version_id).where(c.bucket_id == _bucket).limit(_rows), "bucket_id", "rows")


def _some(table: Table) -> Statement:
    some: Any = tablesample(table, func.system(param("percent", Double)), name="some")
    wanted = select(some.c.key, some.c.version_id).where(some.c.bucket_id == _bucket).limit(_rows)
    return Statement(wanted, "bucket_id", "rows", "percent")


_STATEMENTS = {table.name: (_all(table), _some(table)) for table in (object_, version)}


@dataclass(frozen=True, slots=True)
class Population:
    """``each``: how many versions each of ``names`` stands for; 1.0 if these are all."""

    names: Sequence[VersionId]
    each: float


async def population(database: Database, bucket_id: int, rows_max: int) -> list[Population]:
    """Current versions, and the others. Raises TooSlow, DatabaseUnavailable."""
    return [await _of(database, table, bucket_id, rows_max) for table in (object_, version)]


async def _of(database: Database, table: Table, bucket_id: int, rows_max: int) -> Population:
    everything, some = _STATEMENTS[table.name]
    records = await bounded(database, everything, bucket_id, rows_max + 1)
    if len(records) <= rows_max:
        return Population([(bucket_id, *record) for record in records], 1.0)
    mine = sum(one.objects for one in await stored(database, bucket_id) if one.noncurrent is (table is version))
    total = await rows_of(database, table)
    percent = 100.0 * min(1.0, rows_max / max(mine, 1), SCANNED_MAX / max(total, 1.0))
    records = await bounded(database, some, bucket_id, 4 * rows_max, percent)
    # The ledger knows how many there are, but not of delete markers.
    each = mine / len(records) if records and table is object_ else 100.0 / percent
    return Population([(bucket_id, *record) for record in records], each)

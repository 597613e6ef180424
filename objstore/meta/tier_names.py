"""Names of tiers, and of the site's own storage classes, by their stored codes: a code, once given out, means the same
for good.
"""

from collections.abc import Sequence

from sqlalchemy import SmallInteger, Table, Text, cast, func, select
from sqlalchemy.dialects.postgresql import insert

from objstore.meta.database import Database
from objstore.meta.lifecycle_tables import storage_class
from objstore.meta.statement import Statement, constant, param
from objstore.meta.tables import tier
from objstore.model.storage_class import CUSTOM_CODE_MIN


def _list(table: Table) -> Statement:
    return Statement(select(table.c.name, table.c.code).order_by(table.c.code))


def _add(table: Table, first: int) -> Statement:
    following = cast(func.coalesce(func.max(table.c.code) + constant(1), constant(first)), SmallInteger)
    return Statement(
        insert(table)
        .from_select(["code", "name"], select(following, param("new_name", Text)).select_from(table))
        .on_conflict_do_nothing(),
        "new_name",
    )


_TIERS = (_list(tier), _add(tier, 0))
_CLASSES = (_list(storage_class), _add(storage_class, CUSTOM_CODE_MIN))
_PLANNED = [*_TIERS, *_CLASSES]


async def tier_names(database: Database, configured: Sequence[str]) -> list[str]:
    """All tiers that there ever were, in the order of their codes; those that are new get the next ones."""
    return list(await _codes(database, configured, *_TIERS))


async def class_codes(database: Database, configured: Sequence[str]) -> dict[str, int]:
    """All storage classes of the site's own that there ever were, with their codes; new ones get the next."""
    return await _codes(database, configured, *_CLASSES)


async def _codes(database: Database, configured: Sequence[str], known: Statement, add: Statement) -> dict[str, int]:
    while True:
        codes = {record["name"]: record["code"] for record in await database.fetch(known)}
        missing = [name for name in configured if name not in codes]
        if not missing:
            return codes
        # Where two start at once, one of them finds the code taken and takes the next.
        await database.change(add, missing[0])

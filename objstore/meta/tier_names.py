"""Names of tiers by their stored codes: a code, once given out, means the same tier for good."""

from collections.abc import Sequence

from sqlalchemy import SmallInteger, Text, cast, func, select
from sqlalchemy.dialects.postgresql import insert

from objstore.meta.database import Database
from objstore.meta.statement import Statement, constant, param
from objstore.meta.tables import tier

_LIST = Statement(select(tier.c.name).order_by(tier.c.code))
_next = cast(func.coalesce(func.max(tier.c.code) + constant(1), constant(0)), SmallInteger)
_ADD = Statement(
    insert(tier)
    .from_select(["code", "name"], select(_next, param("tier_name", Text)).select_from(tier))
    .on_conflict_do_nothing(),
    "tier_name",
)


async def tier_names(database: Database, configured: Sequence[str]) -> list[str]:
    """All tiers that there ever were, in the order of their codes; those that are new get the next ones."""
    while missing := [name for name in configured if name not in await _known(database)]:
        # Where two start at once, one of them finds the code taken and takes the next.
        await database.change(_ADD, missing[0])
    return await _known(database)


async def _known(database: Database) -> list[str]:
    return [record["name"] for record in await database.fetch(_LIST)]

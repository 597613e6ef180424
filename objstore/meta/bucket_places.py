"""Places of buckets: the largest prefixes of each bucket whose ledger of usage is long, kept so that nobody waits.

A short ledger is summed up when somebody asks, see place_sums.py: nothing is kept of it.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import TIMESTAMP, BigInteger, delete, literal_column, select
from sqlalchemy.dialects.postgresql import BYTEA, insert

from objstore.meta.database import Database
from objstore.meta.history_tables import bucket_places
from objstore.meta.place_sums import STRETCH_ROWS
from objstore.meta.statement import Statement, constant, param
from objstore.meta.tables import usage
from objstore.model.places import Place, Places

BEFORE_EVERY_BUCKET = -(2**63)

u, p = usage.c, bucket_places.c
_after = param("after", BigInteger)
_following = select(u.bucket_id).where(u.bucket_id > _after).order_by(u.bucket_id).limit(constant(1)).subquery("found")
_its = usage.alias("its")
_long = (
    select(literal_column("true"))
    .select_from(_its)
    .where(_its.c.bucket_id == _following.c.bucket_id)
    .order_by(_its.c.prefix)
    .offset(constant(STRETCH_ROWS))
    .limit(constant(1))
    .scalar_subquery()
)
_NEXT = Statement(select(_following.c.bucket_id, _long), "after")
_PUT = insert(bucket_places).values(
    bucket_id=param("id", BigInteger), at=param("now", TIMESTAMP(timezone=True)), sums=param("json", BYTEA)
)
_KEEP = Statement(
    _PUT.on_conflict_do_update(index_elements=[p.bucket_id], set_={"at": _PUT.excluded.at, "sums": _PUT.excluded.sums}),
    *("id", "now", "json"),
)
_FORGET = Statement(delete(bucket_places).where(p.bucket_id > _after, p.bucket_id < param("before", BigInteger)),
                    *("after", "before"))  # fmt: skip
_FORGET_LAST = Statement(delete(bucket_places).where(p.bucket_id > _after), "after")
_KEPT = Statement(select(p.sums, p.at).where(p.bucket_id == param("id", BigInteger)), "id")


async def next_bucket(database: Database, after: int) -> tuple[int, bool] | None:
    """The bucket with a ledger whose id comes next, and whether it is a long one; None after the last."""
    rows = await database.fetch(_NEXT, after)
    return (rows[0][0], bool(rows[0][1])) if rows else None


async def keep(database: Database, bucket_id: int, places: Places, at: datetime) -> None:
    """Put the places of a bucket aside, in place of those that were."""
    await database.change(_KEEP, bucket_id, at, orjson.dumps(asdict(places)))


async def forget(database: Database, after: int, before: int | None) -> int:
    """Drop those of buckets between two ids, or of all that come after; how many."""
    if before is None:
        return await database.change(_FORGET_LAST, after)
    return await database.change(_FORGET, after, before)


async def kept(database: Database, bucket_id: int) -> tuple[Places, datetime] | None:
    """What was put aside, and of when it is; None where nothing was."""
    rows = await database.fetch(_KEPT, bucket_id)
    return (_places(orjson.loads(rows[0][0])), rows[0][1]) if rows else None


def _places(found: Any) -> Places:
    return Places([Place(**one) for one in found["shown"]], Place(**found["rest"]), found["rest_count"])

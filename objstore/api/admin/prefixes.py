"""GET /prefixes: buckets, first segments of keys, or what is below a prefix, by size and heat."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query

from objstore.api.admin.lifecycle_rules import bucket_named
from objstore.api.admin.state import AdminState, admin_state
from objstore.api.picture.models import PlaceMap
from objstore.api.picture.place_map import map_below, map_of_buckets, map_of_prefixes
from objstore.meta.history_keeper import places
from objstore.meta.place_sums import sums_below, sums_of_prefixes
from objstore.model import clock, days
from objstore.model.limits import KEY_BYTES_MAX
from objstore.model.series import BAND_DAYS

router = APIRouter(tags=["picture"])


@router.get("/prefixes")
async def get_prefixes(
    state: Annotated[AdminState, Depends(admin_state)],
    bucket: Annotated[str, Query(description="Without: all buckets.", max_length=255)] = "",
    prefix: Annotated[str, Query(description="Below it; without: first segments of keys.")] = "",
    limit: Annotated[int, Query(ge=1, le=256)] = 64,
) -> PlaceMap:
    """The largest, and all others together. Sums of buckets are up to a minute old."""
    if not bucket:
        kept, at = await places(state.database)
        return map_of_buckets(kept, at, limit)
    below = prefix.encode()
    if len(below) > KEY_BYTES_MAX:
        raise HTTPException(422, f"prefix: at most {KEY_BYTES_MAX} bytes")
    found, now = await bucket_named(bucket, state), clock.now()
    today, database = days.day_of(now), state.database
    if not below:
        sums, count = await sums_of_prefixes(database, found.id, today, BAND_DAYS, limit)
        return map_of_prefixes(bucket, sums, count, limit, now)
    sums, complete = await sums_below(database, found.id, below, today, BAND_DAYS)
    return map_below(bucket, prefix, sums, complete, limit, now)

"""GET /prefixes: buckets, first segments of keys, or what is below a prefix, by size and heat."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Response

from objstore.api.admin.lifecycle_rules import bucket_named
from objstore.api.admin.state import AdminState, admin_state
from objstore.api.picture.models import PlaceMap
from objstore.api.picture.place_map import map_below, map_of_buckets, map_of_prefixes
from objstore.meta import bucket_places
from objstore.meta.database import Database
from objstore.meta.history_keeper import places
from objstore.meta.place_sums import last_prefix, sums_below, sums_of_prefixes
from objstore.model import clock, days
from objstore.model.limits import KEY_BYTES_MAX
from objstore.model.places import places_of
from objstore.model.series import BAND_DAYS

router = APIRouter(tags=["picture"])


@router.get("/prefixes", response_model=PlaceMap)
async def get_prefixes(
    state: Annotated[AdminState, Depends(admin_state)],
    bucket: Annotated[str, Query(description="Without: all buckets.", max_length=255)] = "",
    prefix: Annotated[str, Query(description="Below it; without: first segments of keys.")] = "",
    limit: Annotated[int, Query(ge=1, le=256)] = 64,
) -> Response:
    """The largest, and all others together. Sums of buckets, and of the prefixes of large ones, are some time old."""
    below = prefix.encode()
    if len(below) > KEY_BYTES_MAX:
        raise HTTPException(422, f"prefix: at most {KEY_BYTES_MAX} bytes")
    return await state.kept.answer(("prefixes", bucket, below, limit), lambda: _map(state, bucket, prefix, limit))


async def _map(state: AdminState, bucket: str, prefix: str, limit: int) -> PlaceMap:
    if not bucket:
        kept, at = await places(state.database)
        return map_of_buckets(kept, at, limit)
    found = await bucket_named(bucket, state)
    if not prefix:
        return await prefixes_of(state.database, bucket, found.id, limit)
    now = clock.now()
    sums, complete = await sums_below(state.database, found.id, prefix.encode(), days.day_of(now), BAND_DAYS)
    return map_below(bucket, prefix, sums, complete, limit, now)


async def prefixes_of(database: Database, bucket: str, bucket_id: int, limit: int) -> PlaceMap:
    """As they were put aside, or summed up now where the ledger is short."""
    kept, now = await bucket_places.kept(database, bucket_id), clock.now()
    if kept is not None:
        return map_of_prefixes(bucket, kept[0], limit, True, kept[1])
    last = await last_prefix(database, bucket_id)
    sums, count = await sums_of_prefixes(database, bucket_id, days.day_of(now), BAND_DAYS, limit, last=last)
    found = places_of([one.named for one in sums], limit)
    found.rest_count = count - len(found.shown)
    return map_of_prefixes(bucket, found, limit, last is None, now)

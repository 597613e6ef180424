"""GET /cells: which places hold what lies on a tier and was last used so long ago: a cell of the picture's matrix."""

import base64
import binascii
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel

from objstore.api.admin.lifecycle_rules import bucket_named
from objstore.api.admin.state import AdminState, admin_state
from objstore.meta.cells import Cell, Position, places_of_cell
from objstore.model import clock, days
from objstore.model.limits import KEY_BYTES_MAX
from objstore.model.tiers import code_of_tier

router = APIRouter(tags=["picture"])
PLACES_MAX = 200
_BUCKET_BYTES = 8


class PlaceOfCell(BaseModel):
    """``prefix``: the first segment of keys with its slash; empty: keys without one. ``old_…``: of the objects and
    bytes, what belongs to versions that are not current."""

    bucket: str
    prefix: str
    objects: int
    bytes: int
    old_objects: int
    old_bytes: int


class CellPage(BaseModel):
    """In an order of its own. ``next``: ask again with ``after`` set to this, also when nothing was found: a page looks
    at a limited part of the ledger; null when all was looked at."""

    places: list[PlaceOfCell]
    next: str | None


@router.get("/cells")
async def list_cell(
    state: Annotated[AdminState, Depends(admin_state)],
    tier: Annotated[str, Query(description="Without: all tiers.", max_length=64)] = "",
    from_days: Annotated[int, Query(ge=0, le=100_000, description="Last used at least so many days ago.")] = 0,
    to_days: Annotated[int | None, Query(ge=1, le=100_000, description="And less than so many.")] = None,
    bucket: Annotated[str, Query(description="Without: all buckets.", max_length=255)] = "",
    after: Annotated[str, Query(max_length=2048)] = "",
    limit: Annotated[int, Query(ge=1, le=PLACES_MAX)] = 50,
) -> CellPage:
    """A page of buckets and first segments of keys; read from sums, never from objects."""
    if to_days is not None and to_days <= from_days:
        raise HTTPException(422, "to_days has to be more than from_days")
    today = days.day_of(clock.now())
    # What was used today may be of a clock that is ahead.
    last = today - from_days if from_days else None
    cell = Cell(_code(tier), None if to_days is None else today - to_days + 1, last)
    bucket_id = (await bucket_named(bucket, state)).id if bucket else None
    page = await places_of_cell(state.database, cell, _position(after), limit, bucket_id)
    return CellPage(
        places=[
            PlaceOfCell(
                bucket=one.bucket,
                prefix=one.prefix.decode("utf-8", "replace"),
                objects=one.objects,
                bytes=one.bytes,
                old_objects=one.old_objects,
                old_bytes=one.old_bytes,
            )
            for one in page.places
        ],
        next=None if page.after is None else _token(page.after),
    )


def _code(tier: str) -> int | None:
    if not tier:
        return None
    try:
        return code_of_tier(tier)
    except (KeyError, ValueError):
        raise HTTPException(422, f"there is no tier {tier!r}") from None


def _token(position: Position) -> str:
    bucket_id, prefix = position
    return base64.urlsafe_b64encode(bucket_id.to_bytes(_BUCKET_BYTES, "big", signed=True) + prefix).decode()


def _position(token: str) -> Position | None:
    if not token:
        return None
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not _BUCKET_BYTES <= len(raw) <= _BUCKET_BYTES + KEY_BYTES_MAX + 1:
        raise HTTPException(422, "after: next of the page before")
    return int.from_bytes(raw[:_BUCKET_BYTES], "big", signed=True), raw[_BUCKET_BYTES:]

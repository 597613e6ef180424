"""GET /buckets: buckets with their objects and bytes, counted now, as far as that is quick."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from objstore.api.admin.state import AdminState, admin_state
from objstore.meta.usage import usage_by_bucket
from objstore.model.limits import LIST_KEYS_MAX

router = APIRouter(tags=["buckets"])


class Bucket(BaseModel):
    """``bytes``: payload of the current versions, before erasure coding.

    Unless ``exact``, counting was given up: there are at least so many.
    """

    name: str
    owner: str
    created: datetime
    objects: int
    bytes: int
    exact: bool


class BucketList(BaseModel):
    """By name. ``next``: ask again with ``after`` set to this; null when the list is complete."""

    buckets: list[Bucket]
    next: str | None


@router.get("/buckets")
async def list_buckets(
    state: Annotated[AdminState, Depends(admin_state)],
    after: Annotated[str, Query(description="Only buckets whose names are greater.")] = "",
    limit: Annotated[int, Query(ge=1, le=LIST_KEYS_MAX)] = LIST_KEYS_MAX,
) -> BucketList:
    """A page of buckets. Counts rows for some seconds at most, so a page may be shorter than asked for."""
    usage, following = await usage_by_bucket(state.database, after, limit)
    return BucketList(
        buckets=[
            Bucket(
                name=row.name,
                owner=row.owner,
                created=row.created,
                objects=row.objects,
                bytes=row.bytes,
                exact=row.exact,
            )
            for row in usage
        ],
        next=following,
    )

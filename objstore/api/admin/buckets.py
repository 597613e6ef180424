"""GET /buckets: buckets with their objects and bytes, by the ledger of usage."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from objstore.api.admin.state import AdminState, admin_state
from objstore.meta.usage import usage_by_bucket
from objstore.model.limits import LIST_KEYS_MAX

router = APIRouter(tags=["buckets"])


class Bucket(BaseModel):
    """``bytes``: payload of the current versions, before erasure coding."""

    name: str
    owner: str
    created: datetime
    objects: int
    bytes: int


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
    """A page of buckets."""
    usage, following = await usage_by_bucket(state.database, after, limit)
    return BucketList(
        buckets=[
            Bucket(
                name=row.name,
                owner=row.owner,
                created=row.created,
                objects=row.objects,
                bytes=row.bytes,
            )
            for row in usage
        ],
        next=following,
    )

"""GET /buckets: every bucket with its objects and bytes, counted now."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from objstore.api.admin.state import AdminState, admin_state
from objstore.meta.usage import usage_by_bucket

router = APIRouter(tags=["buckets"])


class Bucket(BaseModel):
    """``bytes``: payload of the current versions, before erasure coding."""

    name: str
    owner: str
    created: datetime
    objects: int
    bytes: int


class BucketList(BaseModel):
    """By name."""

    buckets: list[Bucket]


@router.get("/buckets")
async def list_buckets(state: Annotated[AdminState, Depends(admin_state)]) -> BucketList:
    """Counts rows: some seconds for many millions of objects."""
    usage = await usage_by_bucket(state.database)
    return BucketList(
        buckets=[
            Bucket(name=row.name, owner=row.owner, created=row.created, objects=row.objects, bytes=row.bytes)
            for row in usage
        ]
    )

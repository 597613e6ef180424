"""POST /compact: reclaim what can be reclaimed, now. GET /compact: how it went."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from objstore.api.admin.state import AdminState, admin_state

router = APIRouter(tags=["compact"])


class Compacted(BaseModel):
    """``running``: a pass is under way in the process that answered. ``last``: figures of its last pass."""

    running: bool
    last: dict[str, Any] | None


@router.post("/compact")
async def compact(
    state: Annotated[AdminState, Depends(admin_state)],
    seal_all: Annotated[bool, Query(alias="all", description="Also seal open volumes without garbage.")] = False,
    grace_seconds: Annotated[
        float | None,
        Query(ge=0, le=86400, description="Unlink what was retired this long ago; readers may still hold on to it."),
    ] = None,
) -> Compacted:
    """One full pass; answers when it is done."""
    last = await state.compaction.run(seal_all=seal_all, grace_seconds=grace_seconds)
    return Compacted(running=False, last=last)


@router.get("/compact")
async def compact_status(state: Annotated[AdminState, Depends(admin_state)]) -> Compacted:
    """The last pass of the process that answers."""
    return Compacted(running=state.compaction.running, last=state.compaction.last)

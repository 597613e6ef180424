"""GET /drives: every drive that the database knows, and how those of this server are."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from objstore.api.admin.state import AdminState, admin_state
from objstore.meta.drives import Drives
from objstore.meta.usage import shards_by_drive

router = APIRouter(tags=["drives"])


class Drive(BaseModel):
    """``open``: this server serves it. ``usable``: new volumes may be placed on it now.

    ``errors`` and ``last_error`` are those of the process that answers.
    """

    id: str
    tier: str
    node: str
    address: str
    state: str
    capacity_bytes: int
    free_bytes: int
    shards: int
    open: bool
    usable: bool
    errors: int
    last_error: str


class DriveList(BaseModel):
    """``problems``: drives that were left out at the start, and why."""

    drives: list[Drive]
    problems: list[str]


@router.get("/drives")
async def list_drives(state: Annotated[AdminState, Depends(admin_state)]) -> DriveList:
    """Drives by tier and address."""
    here = {drive.id: drive for drive in state.readiness.drives}
    shards = await shards_by_drive(state.database)
    rows = await Drives(state.database).list()
    drives = [
        Drive(
            id=row.id,
            tier=row.tier,
            node=row.node,
            address=row.address,
            state=row.state.name.lower(),
            capacity_bytes=row.capacity_bytes,
            free_bytes=row.free_bytes,
            shards=shards.get(row.id, 0),
            open=row.id in here,
            usable=row.id in here and here[row.id].usable,
            errors=here[row.id].health.errors if row.id in here else 0,
            last_error=here[row.id].health.last_error if row.id in here else "",
        )
        for row in sorted(rows, key=lambda row: (row.tier, row.node, row.address))
    ]
    return DriveList(drives=drives, problems=state.readiness.problems)

"""GET /volumes: how much is stored, and how much of it is garbage."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from objstore.api.admin.state import AdminState, admin_state
from objstore.meta.volumes import Volumes

router = APIRouter(tags=["volumes"])


class VolumeSum(BaseModel):
    """Volumes of one tier in one state. ``data_bytes``: payload, counted from when they are sealed."""

    tier: str
    state: str
    volumes: int
    data_bytes: int
    garbage_bytes: int


class VolumeSums(BaseModel):
    """By tier and state."""

    sums: list[VolumeSum]


@router.get("/volumes")
async def sum_volumes(state: Annotated[AdminState, Depends(admin_state)]) -> VolumeSums:
    """Sums over all volumes that the database knows."""
    return VolumeSums(
        sums=[
            VolumeSum(
                tier=row.tier,
                state=row.state.name.lower(),
                volumes=row.volumes,
                data_bytes=row.data_bytes,
                garbage_bytes=row.garbage_bytes,
            )
            for row in await Volumes(state.database).totals()
        ]
    )

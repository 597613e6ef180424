"""GET /server: what runs here."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from objstore import __version__
from objstore.api.admin.state import AdminState, admin_state
from objstore.model import clock

router = APIRouter(tags=["server"])


class Server(BaseModel):
    """``codec``: who computes parity. ``profiles``: k+m of each tier. ``health``: as /-/health/ready gives it."""

    version: str
    uptime_seconds: float
    region: str
    codec: str
    profiles: dict[str, str]
    workers: int
    health: dict[str, Any]


@router.get("/server")
async def get_server(state: Annotated[AdminState, Depends(admin_state)]) -> Server:
    """The server and its health."""
    return Server(
        version=__version__,
        uptime_seconds=clock.now_seconds() - state.started,
        region=state.region,
        codec=state.codec,
        profiles={tier: str(profile) for tier, profile in state.profiles.items()},
        workers=state.workers,
        health=await state.readiness.report(),
    )

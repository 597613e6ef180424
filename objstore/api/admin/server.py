"""GET /server: what runs here."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from objstore import __version__
from objstore.api.admin.state import AdminState, admin_state
from objstore.model import clock, days
from objstore.model.tiering import infrequent_days

router = APIRouter(tags=["server"])


class Server(BaseModel):
    """``codec``: who computes parity. ``profiles``: k+m of each tier. ``health``: as /-/health/ready gives it.

    ``lifecycle_day_seconds``: how long a day of rules lasts. ``intelligent_tiering_days``: after so many without an
    access objects of that class go to the capacity tier.
    """

    version: str
    uptime_seconds: float
    region: str
    codec: str
    profiles: dict[str, str]
    workers: int
    lifecycle_day_seconds: float
    intelligent_tiering_days: int
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
        lifecycle_day_seconds=days.days(1).total_seconds(),
        intelligent_tiering_days=infrequent_days(),
        health=await state.readiness.report(),
    )

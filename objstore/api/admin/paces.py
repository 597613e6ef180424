"""/paces: how fast repair, rebalancing, scrub and lifecycle may go, changed while they run."""

from datetime import datetime
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from objstore.api.admin.own_rights import caller
from objstore.api.admin.state import AdminState, admin_state
from objstore.api.auth.authenticator import Authenticated
from objstore.meta.paces import Paces
from objstore.model.paces import KINDS

router = APIRouter(tags=["paces"])
State = Annotated[AdminState, Depends(admin_state)]

log = structlog.get_logger(__name__)


class PaceState(BaseModel):
    """Of the whole cluster, a second. ``value``: what holds, null for no bound; ``configured``: what holds when
    nothing is set here. ``changed``, ``by``: when it was set, and by whom."""

    name: str
    unit: Literal["bytes", "operations"]
    text: str
    value: float | None
    configured: float | None
    is_set: bool
    least: float
    most: float
    changed: datetime | None
    by: str | None


class PaceList(BaseModel):
    """All that there are."""

    paces: list[PaceState]


class NewPace(BaseModel):
    """``value``: bytes or operations a second."""

    model_config = ConfigDict(extra="forbid")

    value: float = Field(gt=0, allow_inf_nan=False)


@router.get("/paces")
async def list_paces(state: State) -> PaceList:
    """What holds, and what the configuration says."""
    found = await Paces(state.database).all()
    shown = []
    for name, kind in KINDS.items():
        given, configured = found.get(name), state.configured_paces.get(name)
        shown.append(
            PaceState(
                name=name,
                unit="bytes" if kind.unit == "bytes" else "operations",
                text=kind.text,
                value=configured if given is None else given.value,
                configured=configured,
                is_set=given is not None,
                least=kind.least,
                most=kind.most,
                changed=None if given is None else given.changed,
                by=None if given is None else given.by,
            )
        )
    return PaceList(paces=shown)


@router.put("/paces/{name}", status_code=204)
async def set_pace(name: str, new: NewPace, state: State, who: Annotated[Authenticated, Depends(caller)]) -> None:
    """Set one: background processes take it over within seconds, also for what is under way."""
    _known(name)
    by = who.identity.principal.arn
    try:
        await Paces(state.database).set(name, new.value, by)
    except ValueError as error:
        raise HTTPException(422, str(error)) from None
    log.info("pace_set", name=name, value=new.value, by=by)


@router.delete("/paces/{name}", status_code=204)
async def reset_pace(name: str, state: State, who: Annotated[Authenticated, Depends(caller)]) -> None:
    """Let the configuration's hold again; 404 if nothing was set."""
    _known(name)
    if not await Paces(state.database).reset(name):
        raise HTTPException(404, f"{name} is not set")
    log.info("pace_reset", name=name, by=who.identity.principal.arn)


def _known(name: str) -> None:
    if name not in KINDS:
        raise HTTPException(404, f"there is no pace {name!r}: there are {', '.join(KINDS)}")

"""POST /drives/{name}/drain, undrain, retire, replace: what an operator does with a drive, or all drives of a node."""

from collections.abc import Awaitable
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel

from objstore.api.admin.state import AdminState, admin_state
from objstore.repair.drive_states import DriveLoad, DriveRefusal, DriveStates

router = APIRouter(tags=["drives"])
State = Annotated[AdminState, Depends(admin_state)]


class Load(BaseModel):
    """A drive, and what is still on it; ``bytes``: about."""

    id: str
    tier: str
    node: str
    address: str
    state: str
    shards: int
    bytes: int


class Loads(BaseModel):
    """The drives that were named."""

    drives: list[Load]


@router.get("/drives/{name:path}/load")
async def load(name: str, state: State) -> Loads:
    """What is still on a drive (its id, or the beginning of it, or its path), or on the drives of a node."""
    return _shown(await _find(DriveStates(state.database), name))


@router.post("/drives/{name:path}/drain", status_code=202)
async def drain(name: str, state: State) -> Loads:
    """Put nothing new on it, and move away what is there; clients go on."""
    states = DriveStates(state.database)
    await _do(states.drain([one.drive for one in await _find(states, name)]))
    return await load(name, state)


@router.post("/drives/{name:path}/undrain")
async def undrain(name: str, state: State) -> Loads:
    """Use it as any other again."""
    states = DriveStates(state.database)
    await _do(states.undrain([one.drive for one in await _find(states, name)]))
    return await load(name, state)


@router.post("/drives/{name:path}/retire")
async def retire(name: str, state: State) -> Loads:
    """Take an empty drive out for good; 409 while anything is on it."""
    states = DriveStates(state.database)
    await _do(states.retire(await _find(states, name)))
    return await load(name, state)


@router.post("/drives/{name:path}/replace", status_code=202)
async def replace(name: str, state: State) -> Loads:
    """Give a drive up: its shards are rebuilt, and an empty directory at its place becomes a new drive."""
    states = DriveStates(state.database)
    await _do(states.replace([one.drive for one in await _find(states, name)]))
    return await load(name, state)


async def _find(states: DriveStates, name: str) -> list[DriveLoad]:
    try:
        return await states.find(name)
    except DriveRefusal as error:
        raise HTTPException(404, str(error)) from None


async def _do(work: Awaitable[None]) -> None:
    try:
        await work
    except DriveRefusal as error:
        raise HTTPException(409, str(error)) from None


def _shown(loads: list[DriveLoad]) -> Loads:
    return Loads(
        drives=[
            Load(
                id=one.drive.id,
                tier=one.drive.tier,
                node=one.drive.node,
                address=one.drive.address,
                state=one.drive.state.name.lower(),
                shards=one.shards,
                bytes=one.bytes,
            )
            for one in loads
        ]
    )

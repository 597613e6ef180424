"""/backups: snapshots of the metadata that are kept in the store itself, and one to take away."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from objstore.api.admin.state import AdminState, admin_state
from objstore.meta.dump import dump
from objstore.repair.snapshots import Snapshot, Snapshots

router = APIRouter(tags=["backup"])
State = Annotated[AdminState, Depends(admin_state)]


class Backup(BaseModel):
    """``full``: it has everything; else what had changed since the one before."""

    name: str
    taken: datetime
    bytes: int
    full: bool


class Backups(BaseModel):
    """The oldest first."""

    backups: list[Backup]


@router.get("/backups")
async def list_backups(state: State) -> Backups:
    """Those that are kept in the store."""
    return Backups(backups=[_shown(one) for one in await _snapshots(state).list()])


@router.post("/backups", status_code=201)
async def back_up(state: State) -> Backup:
    """Put a whole one into the store now; answers when it is durable."""
    return _shown(await _snapshots(state).take(full=True))


@router.get("/backups/stream")
async def stream_backup(state: State) -> StreamingResponse:
    """A whole one, consistent, as it is made; without its last frame it is not whole (format/snapshot.py)."""

    async def pieces() -> AsyncIterator[bytes]:
        async for piece in dump(state.database):
            yield piece

    return StreamingResponse(pieces(), media_type="application/octet-stream")


def _snapshots(state: AdminState) -> Snapshots:
    assert state.snapshots is not None
    return state.snapshots


def _shown(one: Snapshot) -> Backup:
    return Backup(name=one.key.decode(), taken=one.taken, bytes=one.bytes, full=one.full)

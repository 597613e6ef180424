"""GET /events and /audit: what waits for the targets of events, and the newest records of who did what."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from objstore.api.admin.state import AdminState, admin_state
from objstore.meta.events import Events

router = APIRouter(tags=["events"])
State = Annotated[AdminState, Depends(admin_state)]
RECORDS_MAX = 1000


class Target(BaseModel):
    """``configured``: this server knows it. ``attempts``: of the event that has failed most often."""

    name: str
    configured: bool
    waiting: int
    oldest: datetime | None
    attempts: int
    last_error: str | None


class Targets(BaseModel):
    """By name."""

    targets: list[Target]


class AuditRecords(BaseModel):
    """The newest first. ``enabled``: the host of this gateway writes records to a file, which is what is shown."""

    enabled: bool
    records: list[dict[str, Any]]


@router.get("/events")
async def list_targets(state: State) -> Targets:
    """Targets that are configured, or that something waits for."""
    waiting = {one.target: one for one in await Events(state.database).backlog()}
    configured = state.site.event_targets if state.site else frozenset[str]()
    return Targets(
        targets=[
            Target(
                name=name,
                configured=name in configured,
                waiting=found.waiting if found else 0,
                oldest=found.oldest if found else None,
                attempts=found.attempts if found else 0,
                last_error=found.problem if found else None,
            )
            for name in sorted(configured | waiting.keys())
            for found in [waiting.get(name)]
        ]
    )


@router.get("/audit")
async def audit(
    state: State,
    limit: Annotated[int, Query(ge=1, le=RECORDS_MAX)] = 200,
    contains: Annotated[str, Query(max_length=200, description="Only records with this text in them.")] = "",
    denied: Annotated[bool, Query(description="Only what was not allowed.")] = False,
) -> AuditRecords:
    """The newest records, as far as the end of the file goes that is looked at (4 MiB)."""
    if state.audit_tail is None:
        return AuditRecords(enabled=False, records=[])
    return AuditRecords(enabled=True, records=[dict(one) for one in await state.audit_tail(limit, contains, denied)])

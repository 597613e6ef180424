"""AdminState: what the admin API acts on."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request

from objstore.api.admin.compaction import Compaction
from objstore.api.readiness import Readiness
from objstore.meta.database import Database
from objstore.model.profile import Profile


@dataclass(frozen=True, slots=True)
class AdminState:
    """``started``: when the server was, seconds since the epoch. ``codec``: who computes parity."""

    database: Database
    compaction: Compaction
    readiness: Readiness
    region: str
    codec: str
    profiles: Mapping[str, Profile]
    workers: int
    started: float


def admin_state(request: Request) -> AdminState:
    """Dependency of the routes."""
    state: AdminState = request.app.state.admin
    return state

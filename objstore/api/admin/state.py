"""AdminState: what the admin API acts on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fastapi import Request

from objstore.api.admin.compaction import Compaction
from objstore.api.iam.desk import Desk
from objstore.api.readiness import Readiness
from objstore.meta.database import Database
from objstore.model.profile import Profile
from objstore.store.kms import LocalKms


@dataclass(frozen=True, slots=True)
class AdminState:
    """``started``: when the server was, seconds since the epoch. ``codec``: who computes parity.

    ``desk``: where identities are changed. ``kms``: None where keys are kept elsewhere. ``tier_prices``: of 10**12
    bytes of a tier's drives for a month, in whatever currency.
    """

    database: Database
    compaction: Compaction
    readiness: Readiness
    region: str
    codec: str
    profiles: Mapping[str, Profile]
    workers: int
    started: float
    desk: Desk
    tier_prices: Mapping[str, float] = field(default_factory=dict)
    kms: LocalKms | None = None


def admin_state(request: Request) -> AdminState:
    """Dependency of the routes."""
    state: AdminState = request.app.state.admin
    return state

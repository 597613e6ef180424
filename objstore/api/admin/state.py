"""AdminState: what the admin API acts on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fastapi import Request

from objstore.api.admin.compaction import Compaction
from objstore.api.iam.desk import Desk
from objstore.api.readiness import Readiness
from objstore.api.s3.call import Site
from objstore.api.s3.verbs import Verbs
from objstore.meta.database import Database
from objstore.model.profile import Profile
from objstore.repair.snapshots import Snapshots
from objstore.store.kms import LocalKms


@dataclass(frozen=True, slots=True)
class AdminState:
    """``started``: when the server was, seconds since the epoch. ``codec``: who computes parity.

    ``desk``: where identities are changed. ``kms``: None where keys are kept elsewhere. ``drive_out_seconds``: after
    how long a drive that is not heard of is given up. ``tier_prices``: of 10**12 bytes of a tier's drives for a month,
    in whatever currency. ``store``, ``site``: of the S3 surface, for what is asked with the caller's own rights;
    ``secret_of``: the secret of an access key that may be used now, raises RequestError.
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
    drive_out_seconds: float = 900.0
    tier_prices: Mapping[str, float] = field(default_factory=dict)
    kms: LocalKms | None = None
    snapshots: Snapshots | None = None
    store: Verbs | None = None
    site: Site | None = None
    secret_of: Callable[[str], str] | None = None


def admin_state(request: Request) -> AdminState:
    """Dependency of the routes."""
    state: AdminState = request.app.state.admin
    return state

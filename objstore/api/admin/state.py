"""AdminState: what the admin API acts on."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from objstore.api.admin.compaction import Compaction
from objstore.api.admin.kept import Kept
from objstore.api.iam.desk import Desk
from objstore.api.readiness import Readiness
from objstore.api.s3.call import Site
from objstore.api.s3.verbs import Verbs
from objstore.meta.database import Database
from objstore.model.profile import Profile
from objstore.repair.snapshots import Snapshots
from objstore.store.kms import LocalKms
from objstore.store.residents import Residents


@dataclass(frozen=True, slots=True)
class AdminState:
    """``started``: when the server was, seconds since the epoch. ``codec``: who computes parity.

    ``desk``: where identities are changed. ``kms``: None where keys are kept elsewhere. ``drive_out_seconds``: after
    how long a drive that is not heard of is given up. ``tier_prices``: of 10**12 bytes of a tier's drives for a month,
    in whatever currency. ``store``, ``site``: of the S3 surface, for what is asked with the caller's own rights;
    ``secret_of``: the secret of an access key that may be used now, raises RequestError.
    ``kept``: what pages show. ``residents``: tells which objects are on a drive; None where no volumes are read.
    ``configured_paces``: by name (model/paces.py).
    ``audit_tail``: the newest records (how many, a text in them, only denied ones); None where no file is written.
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
    configured_paces: Mapping[str, float | None] = field(default_factory=dict)
    kms: LocalKms | None = None
    snapshots: Snapshots | None = None
    residents: Residents | None = None
    store: Verbs | None = None
    site: Site | None = None
    secret_of: Callable[[str], str] | None = None
    kept: Kept = field(default_factory=Kept)
    audit_tail: Callable[[int, str, bool], Awaitable[list[Mapping[str, Any]]]] | None = None


def admin_state(request: Request) -> AdminState:
    """Dependency of the routes."""
    state: AdminState = request.app.state.admin
    return state

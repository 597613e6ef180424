"""The FastAPI application, behind a guard that checks the signature before FastAPI sees the request."""

from fastapi import FastAPI

from objstore import __version__
from objstore.api.admin import (
    backups,
    buckets,
    cells,
    cluster,
    compact,
    drive_objects,
    drive_states,
    drives,
    dry_run,
    events,
    explain,
    extended_rules,
    history,
    identities,
    kms,
    lifecycle_rules,
    lifecycle_status,
    locate,
    paces,
    picture,
    policy_test,
    prefixes,
    presign,
    quotas,
    repairs,
    search,
    server,
    tiers,
    usage,
    volumes,
    warm,
)
from objstore.api.admin.guard import Guard
from objstore.api.admin.state import AdminState
from objstore.api.audit import Note
from objstore.api.auth.authenticator import Authenticator

PREFIX = "/-/admin/v1"
MODULES = (
    server,
    cluster,
    drives,
    tiers,
    volumes,
    buckets,
    usage,
    lifecycle_rules,
    extended_rules,
    dry_run,
    explain,
    lifecycle_status,
    warm,
    compact,
    identities,
    quotas,
    kms,
    repairs,
    drive_states,
    drive_objects,
    paces,
    backups,
    events,
    search,
    presign,
    policy_test,
    picture,
    history,
    prefixes,
    cells,
    locate,
)


def admin_application(state: AdminState, authenticator: Authenticator, audit: Note | None = None) -> Guard:
    """An ASGI application for all paths below ``PREFIX``; OpenAPI is at ``PREFIX``/openapi.json."""
    app = FastAPI(
        title="objstore admin",
        version=__version__,
        description="Sign requests with AWS Signature Version 4, service `s3`, and the root credentials.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
    )
    app.state.admin = state
    for module in MODULES:
        app.include_router(module.router, prefix=PREFIX)
    return Guard(app, authenticator, audit)

"""POST /presign: a link to one object, signed here with the caller's own key, for a limited time.

The link can do what the caller can, no more: whoever uses it is asked about as the caller is, when they use it. It
names the host that the request came to.
"""

from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from objstore.api.admin.own_rights import caller, refusals
from objstore.api.admin.state import AdminState, admin_state
from objstore.api.auth import sigv4
from objstore.api.auth.authenticator import Authenticated
from objstore.api.auth.checks import UNSIGNED_PAYLOAD
from objstore.api.s3.names import is_plausible
from objstore.model import clock
from objstore.model.limits import KEY_BYTES_MAX, PRESIGN_SECONDS_MAX

router = APIRouter(tags=["objects"])
SIGNED = "host"


class PresignRequest(BaseModel):
    """``seconds``: how long the link can be used, a week at most. ``download``: under which name browsers keep it."""

    model_config = ConfigDict(extra="forbid")

    bucket: str
    key: str = Field(min_length=1, max_length=KEY_BYTES_MAX)
    method: Literal["GET", "PUT"] = "GET"
    version_id: str | None = Field(None, max_length=64)
    seconds: int = Field(3600, ge=1, le=PRESIGN_SECONDS_MAX)
    download: str | None = Field(None, max_length=255)


class Presigned(BaseModel):
    """``expires``: seconds since the epoch."""

    url: str
    method: str
    expires: float


@router.post("/presign")
async def presign(
    given: PresignRequest,
    request: Request,
    state: Annotated[AdminState, Depends(admin_state)],
    who: Annotated[Authenticated, Depends(caller)],
) -> Presigned:
    """Sign a link; nothing is asked about the object, which may not be there yet."""
    host = request.headers.get("host", "")
    if not host or not is_plausible(given.bucket):
        raise HTTPException(422, "name a bucket")
    access_key = who.identity.access_key
    with refusals():
        assert state.secret_of is not None
        secret = state.secret_of(access_key)
    now = clock.now_seconds()
    timestamp = sigv4.timestamp_of(now)
    path = f"/{given.bucket}/{_encoded(given.key)}"
    query = _query(given, access_key, timestamp, state.region)
    url = f"{request.url.scheme}://{host}{path}?{query}&X-Amz-Signature="
    return Presigned(
        url=url + _signature(given.method, path, query, host, secret, timestamp, state.region),
        method=given.method,
        expires=now + given.seconds,
    )


def _encoded(key: str) -> str:
    """A key in a path; clients fold dots between slashes away, so there the slashes are encoded too."""
    folded = any(part in (".", "..") for part in key.split("/"))
    return quote(key.encode(), safe="" if folded else "/")


def _query(given: PresignRequest, access_key: str, timestamp: str, region: str) -> str:
    """All of the query but the signature, in canonical order."""
    pairs = {
        "X-Amz-Algorithm": sigv4.ALGORITHM,
        "X-Amz-Credential": f"{access_key}/{timestamp[:8]}/{region}/{sigv4.SERVICE}/{sigv4.TERMINATOR}",
        "X-Amz-Date": timestamp,
        "X-Amz-Expires": str(given.seconds),
        "X-Amz-SignedHeaders": SIGNED,
    }
    if given.version_id:
        pairs["versionId"] = given.version_id
    if given.download and given.method == "GET":
        name = quote(given.download, safe="")
        pairs["response-content-disposition"] = f"attachment; filename*=UTF-8''{name}"
    return "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(pairs.items()))


def _signature(method: str, path: str, query: str, host: str, secret: str, timestamp: str, region: str) -> str:
    scope = sigv4.scope_of(f"-/{timestamp[:8]}/{region}/{sigv4.SERVICE}/{sigv4.TERMINATOR}")
    unsigned = sigv4.Signature(scope, timestamp, (b"host",), SIGNED, "")
    message = "\n".join((method, path, query, f"host:{host.strip()}", "", SIGNED, UNSIGNED_PAYLOAD)).encode()
    key = sigv4.signing_key(secret, timestamp[:8], region)
    return key.hex(sigv4.string_to_sign(unsigned, message))

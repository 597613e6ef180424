"""/quotas: how much buckets, and accounts with all of their buckets, may hold."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field, model_validator

from objstore.api.admin.identities import account_named
from objstore.api.admin.lifecycle_rules import bucket_named
from objstore.api.admin.state import AdminState, admin_state
from objstore.identity.entity import Kind
from objstore.meta.quotas import Quotas
from objstore.model.errors import RequestError
from objstore.model.quota import Quota

router = APIRouter(tags=["quotas"])
State = Annotated[AdminState, Depends(admin_state)]
_MAX = 2**62


class Bounds(BaseModel):
    """``bytes``: payload of all versions, and parts of open uploads, before erasure coding. Null: no bound."""

    model_config = ConfigDict(extra="forbid")

    bytes: int | None = Field(None, ge=0, le=_MAX)
    objects: int | None = Field(None, ge=0, le=_MAX)

    @model_validator(mode="after")
    def _something(self) -> "Bounds":
        if self.bytes is None and self.objects is None:
            raise ValueError("give bytes, objects, or both")
        return self


class QuotaState(BaseModel):
    """Of a bucket, or of an account (id or name; the canonical id of an owner without one)."""

    bucket: str | None
    account: str | None
    bytes: int | None
    objects: int | None
    used_bytes: int
    used_objects: int


class QuotaList(BaseModel):
    """Buckets by name, then accounts."""

    quotas: list[QuotaState]


@router.get("/quotas")
async def list_quotas(state: State) -> QuotaList:
    """All quotas, and what is there."""
    names = {state.desk.directory.owner_id: "default"}
    for entity in state.desk.directory.of(Kind.ACCOUNT, ""):
        names[state.desk.directory.canonical_of(entity.id)] = entity.id
    found = []
    for use in await Quotas(state.database).uses():
        quota = use.quota
        found.append(
            QuotaState(
                bucket=use.bucket or None,
                account=None if use.bucket else names.get(quota.owner, quota.owner),
                bytes=quota.bytes_max,
                objects=quota.objects_max,
                used_bytes=use.bytes,
                used_objects=use.objects,
            )
        )
    return QuotaList(quotas=found)


@router.put("/buckets/{bucket}/quota", status_code=204)
async def put_bucket_quota(bucket: str, bounds: Bounds, state: State) -> None:
    """Bound a bucket; what is there already stays."""
    found = await bucket_named(bucket, state)
    await _set(state, Quota(found.id, "", bounds.bytes, bounds.objects))


@router.delete("/buckets/{bucket}/quota", status_code=204)
async def delete_bucket_quota(bucket: str, state: State) -> None:
    """Let a bucket grow again; 404 if it has no quota."""
    await _remove(state, (await bucket_named(bucket, state)).id, "")


@router.put("/accounts/{account}/quota", status_code=204)
async def put_account_quota(account: str, bounds: Bounds, state: State) -> None:
    """Bound all buckets of an account (id, name, ``default``) or of an owner (canonical id) together."""
    await _set(state, Quota(0, _owner(state, account), bounds.bytes, bounds.objects))


@router.delete("/accounts/{account}/quota", status_code=204)
async def delete_account_quota(account: str, state: State) -> None:
    """Let an account grow again; 404 if it has no quota."""
    await _remove(state, 0, _owner(state, account))


def _owner(state: AdminState, named: str) -> str:
    """The canonical id."""
    directory = state.desk.directory
    if directory.owner(named) is not None:
        return named
    return directory.canonical_of(account_named(directory, named))


async def _set(state: AdminState, quota: Quota) -> None:
    try:
        await Quotas(state.database).set(quota)
    except RequestError as error:
        raise HTTPException(409, str(error)) from None
    await state.desk.announce("quota")


async def _remove(state: AdminState, bucket_id: int, owner: str) -> None:
    if not await Quotas(state.database).remove(bucket_id, owner):
        raise HTTPException(404, "there is no such quota")
    await state.desk.announce("quota")

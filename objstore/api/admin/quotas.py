"""/quotas: how much buckets, and accounts with all of their buckets, may hold."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from objstore.api.admin.identities import account_named
from objstore.api.admin.lifecycle_rules import bucket_named
from objstore.api.admin.state import AdminState, admin_state
from objstore.identity.entity import Kind
from objstore.meta.quotas import QUOTAS_MAX, Quotas
from objstore.model.errors import RequestError
from objstore.model.quota import Quota, QuotaUse

router = APIRouter(tags=["quotas"])
State = Annotated[AdminState, Depends(admin_state)]
_MAX = 2**62
_BUCKET, _OWNER = "bucket", "owner"


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
    """Buckets by name, then accounts. ``next``: ask again with ``after`` set to this; null when that was all."""

    quotas: list[QuotaState]
    next: str | None


@router.get("/quotas")
async def list_quotas(
    state: State,
    bucket: Annotated[str, Query(description="Only of this bucket.", max_length=255)] = "",
    after: Annotated[str, Query(description="`next` of the page before.", max_length=300)] = "",
    limit: Annotated[int, Query(ge=1, le=QUOTAS_MAX)] = 100,
) -> QuotaList:
    """A page of the quotas, and what is there."""
    quotas = Quotas(state.database)
    if bucket:
        found = await quotas.of_buckets("", 1, (await bucket_named(bucket, state)).id)
        return QuotaList(quotas=_shown(state, found), next=None)
    kind, _, name = after.partition(":")
    if after and kind not in (_BUCKET, _OWNER):
        raise HTTPException(422, "after: next of the page before")
    found = [] if kind == _OWNER else await quotas.of_buckets(name, limit)
    if len(found) < limit:
        found += await quotas.of_owners(name if kind == _OWNER else "", limit - len(found))
    return QuotaList(quotas=_shown(state, found), next=_place(found[-1]) if len(found) == limit else None)


def _place(use: QuotaUse) -> str:
    return f"{_BUCKET}:{use.bucket}" if use.bucket else f"{_OWNER}:{use.quota.owner}"


def _shown(state: AdminState, uses: Sequence[QuotaUse]) -> list[QuotaState]:
    directory = state.desk.directory
    names = {directory.owner_id: "default"}
    for entity in directory.of(Kind.ACCOUNT, ""):
        names[directory.canonical_of(entity.id)] = entity.id
    return [
        QuotaState(
            bucket=use.bucket or None,
            account=None if use.bucket else names.get(use.quota.owner, use.quota.owner),
            bytes=use.quota.bytes_max,
            objects=use.quota.objects_max,
            used_bytes=use.bytes,
            used_objects=use.objects,
        )
        for use in uses
    ]


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

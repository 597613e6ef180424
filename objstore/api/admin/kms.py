"""Named keys of the built-in key management: list, make, rotate, switch on and off, aliases.

Their material never leaves the server.
"""

import re
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, Field

from objstore.api.admin.state import AdminState, admin_state
from objstore.model.errors import RequestError
from objstore.store.kms import LocalKms, arn_of

router = APIRouter(tags=["keys"])
ACCOUNT = "000000000000"
_ALIAS = re.compile(r"alias/[!-~]{1,120}")


class Key(BaseModel):
    """``versions``: how often it was rotated, and once more."""

    id: str
    arn: str
    versions: int
    enabled: bool
    created: datetime
    aliases: list[str]


class KeyList(BaseModel):
    """By id."""

    keys: list[Key]


class NewKey(BaseModel):
    """``id``: printable ASCII without a slash."""

    id: str = Field(min_length=1, max_length=128)


class KeyChange(BaseModel):
    """What is not given stays as it is."""

    enabled: bool | None = None
    aliases: list[str] | None = None


class Rotated(BaseModel):
    """``version``: the number of the newest one."""

    version: int


def _kms(state: AdminState) -> LocalKms:
    if state.kms is None:
        raise HTTPException(409, "keys are kept elsewhere: see the settings of Vault")
    return state.kms


@router.get("/kms/keys")
async def list_keys(state: Annotated[AdminState, Depends(admin_state)]) -> KeyList:
    """All named keys."""
    kms = _kms(state)
    aliases: dict[str, list[str]] = {}
    for alias, key_id in (await kms.keys.aliases()).items():
        aliases.setdefault(key_id, []).append(alias)
    found = [
        Key(
            id=one.id,
            arn=arn_of(one.id, state.region, ACCOUNT),
            versions=one.versions,
            enabled=one.enabled,
            created=one.created,
            aliases=aliases.get(one.id, []),
        )
        for one in await kms.keys.list()
    ]
    return KeyList(keys=found)


@router.post("/kms/keys", status_code=201)
async def create_key(new: NewKey, state: Annotated[AdminState, Depends(admin_state)]) -> Rotated:
    """Make a key; 409 if there is one of that id."""
    try:
        made = await _kms(state).create(new.id)
    except RequestError as error:
        raise HTTPException(400, str(error)) from None
    if not made:
        raise HTTPException(409, "there is a key of that id")
    return Rotated(version=1)


@router.post("/kms/keys/{key_id}/rotate")
async def rotate_key(key_id: str, state: Annotated[AdminState, Depends(admin_state)]) -> Rotated:
    """Give a key a new version, which seals from now on; what older ones have sealed can still be opened."""
    try:
        return Rotated(version=await _kms(state).rotate(key_id))
    except RequestError as error:
        raise HTTPException(404, str(error)) from None


@router.patch("/kms/keys/{key_id}", status_code=204)
async def change_key(key_id: str, change: KeyChange, state: Annotated[AdminState, Depends(admin_state)]) -> None:
    """Switch a key on or off, or set its aliases. While it is off nothing that it has sealed can be read."""
    kms = _kms(state)
    if any(not _ALIAS.fullmatch(alias) for alias in change.aliases or ()):
        raise HTTPException(400, "an alias is written alias/NAME")
    if await kms.keys.get(key_id) is None:
        raise HTTPException(404, "there is no such key")
    if change.enabled is not None:
        await kms.keys.enable(key_id, change.enabled)
        kms.forget(key_id)
    if change.aliases is not None:
        known = await kms.keys.aliases()
        for alias in [alias for alias, owner in known.items() if owner == key_id and alias not in change.aliases]:
            await kms.keys.drop_alias(alias)
        for alias in change.aliases:
            await kms.keys.set_alias(alias, key_id)

"""GET /drives/{name}/objects: whose bytes are in the volumes that have a shard on a drive."""

import base64
import struct
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel

from objstore.api.admin.state import AdminState, admin_state
from objstore.meta.facts import buckets_of, look
from objstore.meta.relocate import RESTORED_COPY, WHOLE_OBJECT
from objstore.repair.drive_states import DriveRefusal, DriveStates
from objstore.store.residents import Position, Resident

router = APIRouter(tags=["drives"])
ROWS_MAX = 200
KINDS = {WHOLE_OBJECT: "object", RESTORED_COPY: "restored"}
_HEAD = struct.Struct(">16sq?")
_RANK = struct.Struct(">q16si")


class DriveObject(BaseModel):
    """``kind``: object (a version), part (of an unfinished upload, which ``version_id`` is) or restored (the copy of an
    archived version). ``size``: of all of it; ``bytes``: those in this volume.

    ``is_latest``: of its key. ``holds_bytes``: some of it is on the drive itself; else that only helps to rebuild it.
    """

    bucket: str
    key: str
    version_id: str
    kind: str
    is_latest: bool
    size: int
    bytes: int
    tier: str
    volume: str
    holds_bytes: bool


class DriveObjects(BaseModel):
    """By volume. ``next``: ask again with ``after`` set to this, also when nothing was found: a page looks at a limited
    number of stripes; null at the end. ``unread``: stripes or volumes that could not be read, so their objects are
    missing here."""

    drive: str
    objects: list[DriveObject]
    next: str | None
    unread: int


@router.get("/drives/{name:path}/objects")
async def list_drive_objects(
    name: str,
    state: Annotated[AdminState, Depends(admin_state)],
    after: Annotated[str, Query(max_length=2048)] = "",
    limit: Annotated[int, Query(ge=1, le=ROWS_MAX)] = 50,
) -> DriveObjects:
    """Objects in the volumes of a drive (its id, or the beginning of it, or its path), as the records there name them.

    Nothing is sampled: all pages together have every object, once for each of the drive's volumes that it is in. The
    drive itself need not be readable.
    """
    begin = _position(after)
    drive_id = await _one_drive(state, name)
    if state.residents is None:
        raise HTTPException(503, "this server reads no volumes")
    page = await state.residents.page(drive_id, begin, limit)
    return DriveObjects(
        drive=drive_id,
        objects=await _shown(state, page.residents),
        next=None if page.next is None else _token(page.next),
        unread=page.unread,
    )


async def _one_drive(state: AdminState, name: str) -> str:
    try:
        found = await DriveStates(state.database).find(name)
    except DriveRefusal as error:
        raise HTTPException(404, str(error)) from None
    if len(found) > 1:
        raise HTTPException(422, f"{name}: that is {len(found)} drives; name one by its id")
    return found[0].drive.id


async def _shown(state: AdminState, residents: Sequence[Resident]) -> list[DriveObject]:
    """Without what has gone meanwhile. A version's id as its clients know it is in its row."""
    buckets = await buckets_of(state.database, {one.referent.bucket_id for one in residents})
    referents = [one.referent for one in residents]
    seen = await look(state.database, [(one.bucket_id, one.key, one.version_id) for one in referents])
    shown = []
    for one, row in zip(residents, seen, strict=True):
        referent, kind = one.referent, KINDS.get(one.referent.part_number, "part")
        if referent.bucket_id not in buckets or (row is None and kind != "part"):
            continue
        shown.append(
            DriveObject(
                bucket=buckets[referent.bucket_id].name,
                key=referent.key.decode("utf-8", "replace"),
                version_id=referent.version_id.hex() if row is None else row.version.version_text,
                kind=kind,
                is_latest=row is not None and row.is_latest,
                size=referent.size,
                bytes=one.bytes,
                tier=one.tier,
                volume=one.volume_id.hex(),
                holds_bytes=one.holds_bytes,
            )
        )
    return shown


def _token(position: Position) -> str:
    raw = _HEAD.pack(position.volume_id, position.offset, position.last is not None)
    if position.last is not None:
        bucket_id, key, version_id, part = position.last
        raw += _RANK.pack(bucket_id, version_id, part) + key
    return base64.urlsafe_b64encode(raw).decode()


def _position(token: str) -> Position | None:
    if not token:
        return None
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
        volume_id, offset, is_within = _HEAD.unpack_from(raw)
        if not is_within:
            return Position(volume_id, offset)
        bucket_id, version_id, part = _RANK.unpack_from(raw, _HEAD.size)
    except (ValueError, struct.error):
        raise HTTPException(422, "after: next of the page before") from None
    return Position(volume_id, offset, (bucket_id, raw[_HEAD.size + _RANK.size :], version_id, part))

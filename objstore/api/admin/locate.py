"""GET /locate: where an object is, fragment by fragment, how hot it is, and what happens to it next."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel

from objstore.api.admin.lifecycle_rules import bucket_named
from objstore.api.admin.state import AdminState, admin_state
from objstore.api.s3.versions import parse_version_id
from objstore.format.extent import PACKED, Extent, unpack
from objstore.lifecycle.act import facts_of
from objstore.lifecycle.evaluate import next_due
from objstore.lifecycle.facts import VersionFacts
from objstore.lifecycle.plan import Plan, plan_of
from objstore.meta.facts import Seen, look
from objstore.meta.fragments import Fragment, PlacedVolume, placed
from objstore.meta.pins import Pins, pinned_until
from objstore.meta.version_listing import PAST_EVERY_SEQ, page
from objstore.meta.versions import lookup
from objstore.model import clock, days, heat
from objstore.model.errors import RequestError
from objstore.model.objects import ObjectVersion, etag_text
from objstore.model.tiers import tier_of_code

router = APIRouter(tags=["picture"])
State = Annotated[AdminState, Depends(admin_state)]
VERSIONS_MAX, EXTENTS_MAX = 100, 16


class ShardPlace(BaseModel):
    """A column of a volume. ``holds_bytes``: whether the extent has bytes in it; parity protects them either way.

    ``drive``: None while it is on none. ``damaged``: what was found wrong.
    """

    column: int
    role: str
    holds_bytes: bool
    drive: str | None
    node: str
    address: str
    zone: str
    rack: str
    drive_state: str
    damaged: str | None


class ExtentPlace(BaseModel):
    """A stretch of the object's bytes. ``state``: of its volume. ``kind``: packed (whole in one column) or striped."""

    volume: str
    offset: int
    length: int
    profile: str
    state: str
    kind: str
    shards: list[ShardPlace]


class NextStep(BaseModel):
    """The first thing that a rule does with it. ``state``: due or waiting."""

    rule: str
    action: str
    to: str
    at: datetime
    state: str


class LocatedVersion(BaseModel):
    """``last_access``: the day; ``heat``: accesses, decayed by half every seven days. ``can_lose``: so many more drives
    may be lost before some of its bytes are; None where it has none."""

    version_id: str
    is_latest: bool
    delete_marker: bool
    size: int
    etag: str
    modified: datetime
    storage_class: str
    tier: str | None
    last_access: date | None
    heat: float
    fragments_total: int
    extents: list[ExtentPlace]
    extents_truncated: bool
    can_lose: int | None
    next: NextStep | None


class Located(BaseModel):
    """Versions of a key, newest first."""

    bucket: str
    key: str
    truncated: bool
    versions: list[LocatedVersion]


@router.get("/locate")
async def locate(
    state: State,
    bucket: Annotated[str, Query(max_length=255)],
    key: Annotated[str, Query(min_length=1, max_length=1024)],
    version_id: Annotated[str | None, Query(description="Without: the newest 100 versions.")] = None,
) -> Located:
    """Each version of a key, each extent of it, each fragment of that."""
    found, name = await bucket_named(bucket, state), key.encode()
    ids = await _ids(state, found.id, name, version_id)
    seen = [one for one in await look(state.database, ids[:VERSIONS_MAX]) if one is not None]
    if not seen:
        raise HTTPException(404, "there is no such key" if version_id is None else "there is no such version")
    extents = {one.version.version_id: list(unpack(one.version.extents)) for one in seen}
    wanted = {extent.volume_id for many in extents.values() for extent in many[:EXTENTS_MAX]}
    volumes = await placed(state.database, wanted)
    plan = plan_of(found.id, found.settings)
    pinned = pinned_until(await Pins(state.database).list([found.id]), found.id, name)
    versions = [
        _version(one, extents[one.version.version_id], volumes, _next(plan, facts_of(one, pinned))) for one in seen
    ]
    return Located(bucket=bucket, key=key, truncated=len(ids) > VERSIONS_MAX, versions=versions)


async def _ids(state: AdminState, bucket_id: int, key: bytes, text: str | None) -> list[tuple[int, bytes, bytes]]:
    """Names of the versions that are asked for, by the ids that they are stored with."""
    try:
        wanted = parse_version_id(text)
    except RequestError as error:
        raise HTTPException(422, f"version_id: {error}") from None
    if wanted is not None:
        found = [one for one in await lookup(state.database, [(bucket_id, key, wanted)]) if one is not None]
    else:
        listed = await page(state.database, bucket_id, key, b"", (key, PAST_EVERY_SEQ), VERSIONS_MAX + 1)
        found = [one for one in listed if isinstance(one, ObjectVersion) and one.key == key]
    return [(bucket_id, key, one.version_id) for one in found]


def _version(
    seen: Seen, extents: Sequence[Extent], volumes: Mapping[bytes, PlacedVolume], following: NextStep | None
) -> LocatedVersion:
    version, today = seen.version, days.day_of(clock.now())
    there = [volumes[extent.volume_id] for extent in extents[:EXTENTS_MAX] if extent.volume_id in volumes]
    return LocatedVersion(
        version_id=version.version_text,
        is_latest=seen.is_latest,
        delete_marker=version.marker,
        size=version.size,
        etag="" if version.marker else etag_text(version.etag),
        modified=version.modified,
        storage_class=facts_of(seen).storage_class,
        tier=None if version.marker else tier_of_code(version.tier),
        last_access=days.start_of(version.accessed).date() if version.accessed else None,
        heat=round(heat.decayed(version.heat, today - version.accessed), 3),
        fragments_total=sum(len(one.fragments) for one in there),
        extents=[
            _extent(extent, volumes[extent.volume_id])
            for extent in extents[:EXTENTS_MAX]
            if extent.volume_id in volumes
        ],
        extents_truncated=len(extents) > EXTENTS_MAX,
        can_lose=min((one.can_lose for one in there), default=None),
        next=following,
    )


def _extent(extent: Extent, volume: PlacedVolume) -> ExtentPlace:
    return ExtentPlace(
        volume=volume.id.hex(),
        offset=extent.stripe_offset,
        length=extent.length,
        profile=f"{volume.k}+{volume.m}",
        state=volume.state.name.lower(),
        kind="packed" if extent.kind == PACKED else "striped",
        shards=[_shard(extent, volume, fragment) for fragment in volume.fragments],
    )


def _shard(extent: Extent, volume: PlacedVolume, fragment: Fragment) -> ShardPlace:
    is_data = fragment.column < volume.k
    return ShardPlace(
        column=fragment.column,
        role="data" if is_data else "parity",
        holds_bytes=fragment.column == extent.column if extent.kind == PACKED else is_data,
        drive=fragment.drive_id,
        node=fragment.node,
        address=fragment.address,
        zone=fragment.zone,
        rack=fragment.rack,
        drive_state=fragment.state.name.lower() if fragment.state is not None else "none",
        damaged=fragment.damaged,
    )


def _next(plan: Plan, facts: VersionFacts) -> NextStep | None:
    following = next_due(plan, facts)
    if following is None:
        return None
    due, decision = following
    return NextStep(
        rule=decision.rule_id,
        action=decision.kind.value,
        to=decision.storage_class or decision.access_tier or decision.tier,
        at=due,
        state="due" if due <= clock.now() else "waiting",
    )

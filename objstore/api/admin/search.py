"""GET /buckets/{bucket}/search: current objects by prefix, tags, metadata, size, age, tier, class, ETag.

For whoever may list the bucket. Who asks about tags or metadata is shown the objects of which they may read these.
"""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from objstore.api.admin.own_rights import call_of, caller, refusals
from objstore.api.admin.state import AdminState, admin_state
from objstore.api.auth.authenticator import Authenticated
from objstore.api.s3.authorizer import authorize, may
from objstore.api.s3.call import Call
from objstore.api.s3.list_params import make_token, parse_token
from objstore.meta.forecast import TooSlow
from objstore.meta.search import Found, Wanted, search
from objstore.meta.walks import ANY_SIZE
from objstore.model import clock, days
from objstore.model.objects import etag_bytes, etag_text
from objstore.model.storage_class import STORAGE_CLASS_CODES, STORAGE_CLASS_NAMES, shown_class
from objstore.model.tiers import code_of_tier, tier_of_code

router = APIRouter(tags=["objects"])
PAGE_MAX = 200
Text = Annotated[str, Field(max_length=1024)]
Size = Annotated[int | None, Field(ge=0, le=ANY_SIZE)]
Age = Annotated[float | None, Field(ge=0, le=100_000)]
Pairs = Annotated[list[Text], Field(max_length=10)]


class SearchFilter(BaseModel):
    """All that is said must hold. ``tag``, ``meta``: ``name=value``, or a name alone: there with any value. Ages in
    days of 24 hours since the last modification; ``idle_days``: not read or written for so many days of the rules;
    ``used_within_days``: read or written less than so many of them ago.
    ``after``: ``next`` of the page before."""

    model_config = ConfigDict(extra="forbid")

    prefix: Text = ""
    contains: Text = ""
    tag: Pairs = []
    meta: Pairs = []
    size_min: Size = None
    size_max: Size = None
    older_than_days: Age = None
    newer_than_days: Age = None
    modified_since: datetime | None = None
    modified_until: datetime | None = None
    idle_days: Annotated[int | None, Field(ge=0, le=100_000)] = None
    used_within_days: Annotated[int | None, Field(ge=1, le=100_000)] = None
    tier: Text = ""
    storage_class: Text = ""
    etag: Text = ""
    after: str = Field("", max_length=2048)
    limit: int = Field(50, ge=1, le=PAGE_MAX)


class FoundObject(BaseModel):
    """``idle_days``: since the day of its last access or writing."""

    key: str
    size: int
    etag: str
    modified: datetime
    storage_class: str
    tier: str
    idle_days: int
    heat: float
    tags: dict[str, str]
    meta: dict[str, str]


class SearchPage(BaseModel):
    """In the order of keys. ``next``: ask again with ``after`` set to this, also when nothing was found: a page looks
    at a limited number of objects; null when all were looked at. ``looked_until``: the last key of these."""

    bucket: str
    objects: list[FoundObject]
    next: str | None
    looked_until: str | None


@router.get("/buckets/{bucket}/search")
async def search_objects(
    bucket: str,
    request: Request,
    given: Annotated[SearchFilter, Query()],
    state: Annotated[AdminState, Depends(admin_state)],
    who: Annotated[Authenticated, Depends(caller)],
) -> SearchPage:
    """A page of what matches, of those that the caller may list."""
    wanted = _wanted(given)
    call = call_of(state, request, who, "ListObjectsV2", bucket)
    with refusals():
        await authorize(call)
        found = await call.store.get_bucket(bucket)
        start = parse_token(bucket, given.after) if given.after else b""
        try:
            page = await search(state.database, found.id, wanted, start, given.limit)
        except TooSlow as slow:
            raise HTTPException(503, f"the database is busy, try again: {slow}") from None
        shown = [await _shown(call, one, given) for one in page.found]
    return SearchPage(
        bucket=bucket,
        objects=[one for one in shown if one is not None],
        next=None if page.after is None else make_token(bucket, page.after),
        looked_until=None if page.after is None else page.after.decode("utf-8", "replace"),
    )


def _wanted(given: SearchFilter) -> Wanted:
    """Raises HTTPException (422)."""
    now = clock.now()
    since = [moment for moment in (given.modified_since, _ago(now, given.newer_than_days)) if moment]
    until = [moment for moment in (given.modified_until, _ago(now, given.older_than_days)) if moment]
    if any(moment.tzinfo is None for moment in (*since, *until)):
        raise HTTPException(422, "a time has its offset, as in 2030-01-01T00:00:00Z")
    tags, tag_names = _pairs(given.tag)
    meta, meta_names = _pairs(given.meta)
    etag = etag_bytes(given.etag.strip().strip('"').lower()) if given.etag else None
    if given.etag and etag is None:
        raise HTTPException(422, "etag: 32 hex digits, and -n for an object of n parts")
    return Wanted(
        prefix=given.prefix.encode(),
        contains=given.contains.encode(),
        size_min=given.size_min or 0,
        size_max=ANY_SIZE if given.size_max is None else given.size_max,
        since=max(since, default=None),
        until=min(until, default=None),
        idle_before=None if given.idle_days is None else days.day_of(now) - given.idle_days + 1,
        used_since=None if given.used_within_days is None else days.day_of(now) - given.used_within_days + 1,
        tags=tags,
        tag_names=tag_names,
        meta={name.lower(): value for name, value in meta.items()},
        meta_names=[name.lower() for name in meta_names],
        tier=_tier(given.tier),
        classes=_classes(given.storage_class),
        etag=etag,
    )


def _ago(now: datetime, age: float | None) -> datetime | None:
    return None if age is None else now - timedelta(days=age)


def _pairs(given: list[str]) -> tuple[dict[str, str], list[str]]:
    parts = [one.partition("=") for one in given]
    if any("\0" in one or not name for one, (name, _, _) in zip(given, parts, strict=True)):
        raise HTTPException(422, "tag and meta: name=value, or a name")
    return {name: value for name, equals, value in parts if equals}, [name for name, equals, _ in parts if not equals]


def _tier(name: str) -> int | None:
    if not name:
        return None
    try:
        return code_of_tier(name)
    except (KeyError, ValueError):
        raise HTTPException(422, f"there is no tier {name!r}") from None


def _classes(name: str) -> list[int] | None:
    """All codes that clients know by this name."""
    codes = [code for code, known in STORAGE_CLASS_NAMES.items() if shown_class(known) == name]
    if name and (not codes or name not in STORAGE_CLASS_CODES):
        raise HTTPException(422, f"there is no storage class {name!r}")
    return codes if name else None


async def _shown(call: Call, one: Found, given: SearchFilter) -> FoundObject | None:
    """None: it was found by what the caller may not read of it."""
    reads_tags = await may(call, "s3:GetObjectTagging", one.key)
    reads_meta = await may(call, "s3:GetObject", one.key)
    if (given.tag and not reads_tags) or (given.meta and not reads_meta):
        return None
    return FoundObject(
        key=one.key.decode("utf-8", "replace"),
        size=one.size,
        etag=etag_text(one.etag),
        modified=one.modified,
        storage_class=shown_class(one.storage_class),
        tier=tier_of_code(one.tier),
        idle_days=max(0, days.day_of(clock.now()) - one.accessed),
        heat=round(one.heat, 3),
        tags=dict(one.tags) if reads_tags else {},
        meta=dict(one.meta) if reads_meta else {},
    )

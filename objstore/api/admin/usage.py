"""/buckets/{bucket}/heat and /savings: what is read how seldom, where it lies, and what that saves."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from objstore.api.admin.lifecycle_rules import bucket_named
from objstore.api.admin.state import AdminState, admin_state
from objstore.meta.lifecycle_status import Figures, figures_by_action
from objstore.meta.reencode import ProfileTotals, profile_totals
from objstore.meta.usage_report import Aged, Stored, by_last_access, stored
from objstore.model import clock, days
from objstore.model.tiers import HOT, tier_of_code

router = APIRouter(tags=["usage"])
State = Annotated[AdminState, Depends(admin_state)]
AGES = (1, 2, 3, 7, 14, 30, 60, 90, 180, 365)
TERABYTE = 10**12


class AgeStep(BaseModel):
    """Last accessed (or written) at least ``from_days`` and less than ``to_days`` days ago; None: any longer."""

    from_days: int
    to_days: int | None
    objects: int
    bytes: int


class Heat(BaseModel):
    """A prefix's bytes on a tier by age of last access; ``prefix`` is None for all of them together."""

    prefix: str | None
    tier: str
    objects: int
    bytes: int
    ages: list[AgeStep]


class HeatMap(BaseModel):
    """By prefix and tier. Days have the length that the server is configured for."""

    bucket: str
    at: datetime
    heat: list[Heat]


class ClassUsage(BaseModel):
    """What is stored of a class on a tier. ``raw_bytes``: on its drives, parity included."""

    tier: str
    storage_class: str
    noncurrent: bool
    objects: int
    bytes: int
    raw_bytes: int


class TierUsage(BaseModel):
    """``overhead``: raw bytes a byte of payload, (k+m)/k over the volumes that are there. ``cost``: a month; None
    without a price (``tier_prices``)."""

    tier: str
    overhead: float
    objects: int
    bytes: int
    raw_bytes: int
    price: float | None
    cost: float | None


class RuleWork(BaseModel):
    """What rules and access have done since the beginning: moves by tier, deletions, markers, aborted uploads."""

    action: str
    tier: str
    objects: int
    bytes: int


class Savings(BaseModel):
    """``hot_raw_bytes_avoided``: what the hot tier's drives would have to hold more if everything lay there;
    ``raw_bytes_saved``: by how much the drives of all tiers together hold less than they would then. ``cost_…``: a
    month, None unless every tier in use has a price."""

    at: datetime
    tiers: list[TierUsage]
    classes: list[ClassUsage]
    raw_bytes: int
    raw_bytes_if_all_hot: int
    raw_bytes_saved: int
    hot_raw_bytes_avoided: int
    cost: float | None
    cost_if_all_hot: float | None
    cost_saved: float | None
    done: list[RuleWork]


@router.get("/buckets/{bucket}/heat")
async def get_heat(
    bucket: str,
    state: State,
    prefix: Annotated[
        str | None, Query(description="First segment of keys with its slash; empty: keys without one.")
    ] = None,
    by: Annotated[Literal["age", "prefix"], Query(description="Over all prefixes, or one by one.")] = "age",
) -> HeatMap:
    """Histogram of bytes by age of last access: kept as it changes, so this is one cheap query."""
    found = await bucket_named(bucket, state)
    now = clock.now()
    wanted = None if prefix is None else prefix.encode()
    rows = await by_last_access(state.database, found.id, wanted, days.day_of(now), AGES, by == "prefix")
    groups: dict[tuple[str | None, int], list[Aged]] = {}
    for row in rows:
        name = row.prefix.decode("utf-8", "replace") if by == "prefix" else prefix
        groups.setdefault((name, row.tier), []).append(row)
    return HeatMap(bucket=bucket, at=now, heat=[_heat(name, tier, aged) for (name, tier), aged in groups.items()])


@router.get("/savings")
async def get_savings(
    state: State, bucket: Annotated[str | None, Query(description="Of one bucket; without, of all.")] = None
) -> Savings:
    """What is stored where, what it takes on drives, and what it would if it all lay on the hot tier."""
    bucket_id = None if bucket is None else (await bucket_named(bucket, state)).id
    rows = await stored(state.database, bucket_id)
    overheads = _overheads(state, await profile_totals(state.database))
    classes = [_class(row, overheads) for row in rows]
    names = dict.fromkeys(row.tier for row in classes)
    tiers = [_tier(name, classes, overheads, state.tier_prices.get(name)) for name in names]
    hot, raw = overheads[HOT], sum(tier.raw_bytes for tier in tiers)
    cold = sum(tier.bytes for tier in tiers if tier.tier != HOT)
    if_hot = round(hot * sum(tier.bytes for tier in tiers))
    cost = _sum_of_costs(tiers)
    price = state.tier_prices.get(HOT)
    hot_cost = None if price is None or cost is None else _cost(if_hot, price)
    return Savings(
        at=clock.now(),
        tiers=tiers,
        classes=classes,
        raw_bytes=raw,
        raw_bytes_if_all_hot=if_hot,
        raw_bytes_saved=if_hot - raw,
        hot_raw_bytes_avoided=round(hot * cold),
        cost=cost,
        cost_if_all_hot=hot_cost,
        cost_saved=None if cost is None or hot_cost is None else round(hot_cost - cost, 4),
        done=_done(await figures_by_action(state.database)) if bucket is None else [],
    )


def _heat(prefix: str | None, tier: int, rows: Sequence[Aged]) -> Heat:
    bounds = (0, *AGES, None)
    ages = [
        AgeStep(from_days=bounds[row.step] or 0, to_days=bounds[row.step + 1], objects=row.objects, bytes=row.bytes)
        for row in rows
    ]
    return Heat(
        prefix=prefix,
        tier=tier_of_code(tier),
        objects=sum(age.objects for age in ages),
        bytes=sum(age.bytes for age in ages),
        ages=ages,
    )


def _overheads(state: AdminState, totals: Sequence[ProfileTotals]) -> dict[str, float]:
    """Of each tier, weighted by what its volumes hold; of one that holds nothing, what new volumes get."""
    found = {name: profile.n / profile.k for name, profile in state.profiles.items()}
    for name in {total.tier for total in totals}:
        mine = [total for total in totals if total.tier == name and total.data_bytes]
        if data := sum(total.data_bytes for total in mine):
            found[name] = sum(total.data_bytes * (total.k + total.m) / total.k for total in mine) / data
    return found


def _class(row: Stored, overheads: dict[str, float]) -> ClassUsage:
    tier = tier_of_code(row.tier)
    return ClassUsage(
        tier=tier,
        storage_class=row.storage_class,
        noncurrent=row.noncurrent,
        objects=row.objects,
        bytes=row.bytes,
        raw_bytes=round(row.bytes * overheads.get(tier, 1.0)),
    )


def _tier(name: str, classes: Sequence[ClassUsage], overheads: dict[str, float], price: float | None) -> TierUsage:
    mine = [row for row in classes if row.tier == name]
    raw = sum(row.raw_bytes for row in mine)
    return TierUsage(
        tier=name,
        overhead=round(overheads.get(name, 1.0), 4),
        objects=sum(row.objects for row in mine),
        bytes=sum(row.bytes for row in mine),
        raw_bytes=raw,
        price=price,
        cost=None if price is None else _cost(raw, price),
    )


def _cost(raw_bytes: int, price: float) -> float:
    return round(raw_bytes / TERABYTE * price, 4)


def _sum_of_costs(tiers: Sequence[TierUsage]) -> float | None:
    costs = [tier.cost for tier in tiers]
    return None if None in costs else round(sum(cost for cost in costs if cost is not None), 4)


def _done(figures: Sequence[Figures]) -> list[RuleWork]:
    sums: dict[tuple[str, str], list[int]] = {}
    for one in figures:
        total = sums.setdefault(one.kind, [0, 0])
        total[0] += one.objects
        total[1] += one.bytes
    return [
        RuleWork(action=action, tier=tier, objects=objects, bytes=size)
        for (action, tier), (objects, size) in sorted(sums.items())
    ]

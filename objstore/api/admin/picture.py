"""GET /picture: where all bytes are, how hot they are, and how they flow; read from sums, never from objects."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from objstore.api.admin.state import AdminState, admin_state
from objstore.api.picture.flows import (
    FLOW_CODES,
    GATEWAY_CODES,
    TTFB,
    Rates,
    first_bytes,
    flows_of,
    gateways_of,
    hit_ratio,
)
from objstore.api.picture.forecast import growth_of
from objstore.api.picture.hardware import DRIVES_MAX, nodes_of, tier_of
from objstore.api.picture.health import reasons_of, worst
from objstore.api.picture.models import (
    Band,
    BandSum,
    Heat,
    HitRatio,
    Lifecycle,
    NextMove,
    NodePicture,
    Picture,
    Reduced,
    Threshold,
    TierPicture,
    UsableBytes,
    Verdict,
)
from objstore.api.picture.place_map import map_of_buckets
from objstore.api.picture.spans import levels_of, window
from objstore.meta.drives import Drives
from objstore.meta.history_keeper import places
from objstore.meta.history_samples import Samples, Span, Sums
from objstore.meta.next_moves import extended_rules, next_moves
from objstore.meta.nodes import Nodes
from objstore.meta.redundancy import short_bytes, short_of_redundancy
from objstore.model import clock
from objstore.model.extended_rules import ExtendedRule
from objstore.model.lifecycle import from_json
from objstore.model.series import BAND_DAYS, BANDS, HOUR, LEVELS, MINUTE, STEP, code_of
from objstore.model.tiers import HOT, code_of_tier

router = APIRouter(tags=["picture"])
State = Annotated[AdminState, Depends(admin_state)]
PERCENTILE_SECONDS = 300
WEEK = 7 * 86400
BUCKETS_MAX, MOVES_MAX, THRESHOLDS_MAX = 64, 64, 32
_READS = tuple(code_of(f"{kind}_{what}") for kind in ("memory", "read") for what in ("objects", "bytes"))
_DRIVE_CODES = (code_of("drive_bytes"), code_of("drive_operations"))


@router.get("/picture")
async def get_picture(
    state: State,
    seconds: Annotated[int, Query(alias="window", ge=10, le=3600, description="Flows are averages of so long.")] = 30,
    at: Annotated[datetime | None, Query(description="A time of the past.")] = None,
) -> Picture:
    """All of it, now or as it was; in the past what lies where, nodes and next moves are those of now."""
    samples, now = Samples(state.database), clock.now_seconds()
    span = window(None if at is None else at.timestamp(), seconds, now)
    sums = await samples.sums([*FLOW_CODES, *_DRIVE_CODES, TTFB], span)
    levels = await samples.last(LEVELS, levels_of(span, at is None))
    if at is None:
        levels |= await _shortage(state)
    rates = Rates(sums, span)
    tiers, nodes, truncated = await _hardware(state, samples, rates, levels, now)
    kept, kept_at = await places(state.database)
    newest = await samples.newest([code_of("backlog")], int(now) - HOUR)
    age = None if newest is None else max(0.0, round(now - newest - STEP, 1))
    verdict = await _verdict(state, samples, rates, levels, tiers, nodes, span, age)
    by_gateway = await samples.by_node(GATEWAY_CODES, span) if span.step == STEP else {}
    return Picture(
        at=_moment(span.end if at is not None else now),
        begun=_moment(span.start),
        to=_moment(span.end),
        step_seconds=span.step,
        age_seconds=age,
        verdict=verdict,
        flows=flows_of(rates, [tier.name for tier in tiers]),
        gateways=gateways_of(by_gateway, span),
        tiers=tiers,
        heat=await _heat(state, levels, tiers, kept_at),
        places=map_of_buckets(kept, kept_at, BUCKETS_MAX),
        nodes=nodes,
        next_moves=[_move(one) for one in await next_moves(state.database, MOVES_MAX)],
        truncated=truncated,
    )


async def _shortage(state: AdminState) -> Sums:
    """What is short of redundancy at this moment: nobody should wait for the next sample to hear of that."""
    return {
        (code_of("volumes_short"), ""): await short_of_redundancy(state.database),
        (code_of("short_bytes"), ""): await short_bytes(state.database),
    }


async def _hardware(
    state: AdminState, samples: Samples, rates: Rates, levels: Sums, now: float
) -> tuple[list[TierPicture], list[NodePicture], bool]:
    table = Drives(state.database)
    standing, out = {one.id: one for one in await table.standing()}, await table.out()
    drives = [drive for drive in await table.list() if drive.id not in out]
    remote = {drive.tier for drive in state.readiness.drives if drive.write_once}
    local = [drive for drive in drives if drive.tier not in remote]
    used = await _used(samples, now)
    tiers = []
    for name in sorted(state.profiles, key=code_of_tier):
        free = sum(drive.free_bytes for drive in local if drive.tier == name)
        growth = growth_of(used.get(name, ()), free)
        tiers.append(tier_of(name, state.profiles[name], name in remote, levels, drives, growth, now))
    nodes = nodes_of(await Nodes(state.database).list(), local, standing, rates)
    return tiers, nodes, len(local) > DRIVES_MAX


async def _used(samples: Samples, now: float) -> dict[str, list[tuple[float, float]]]:
    """What drives of each tier held, by hours of a week, or by minutes where there are no hours yet."""
    for step, seconds in ((HOUR, WEEK), (MINUTE, 6 * HOUR)):
        span = Span(step, int(now) - seconds, int(now))
        found: dict[str, list[tuple[float, float]]] = {}
        for point in await samples.points([code_of("tier_used_bytes")], span, step):
            found.setdefault(point.label, []).append((point.start, point.value))
        if any(len(points) > 2 for points in found.values()):
            break
    return found


async def _verdict(
    state: AdminState,
    samples: Samples,
    rates: Rates,
    levels: Sums,
    tiers: Sequence[TierPicture],
    nodes: Sequence[NodePicture],
    span: Span,
    age: float | None,
) -> Verdict:
    def level(name: str) -> float:
        return levels.get((code_of(name), ""), 0.0)

    ready = (await state.readiness.report())["ready"]
    short, lag = round(level("volumes_short")), level("lag_seconds")
    reasons = reasons_of(tiers, nodes, rates, short=short, lag_seconds=lag, ready=ready, age_seconds=age)
    longer = Span(span.step, min(span.start, span.end - PERCENTILE_SECONDS), span.end)
    usable = [tier for tier in tiers if tier.capacity_bytes is not None and tier.free_bytes is not None]
    filling = [(tier.days_left, tier.name) for tier in tiers if tier.days_left is not None]
    days_left = min(filling, default=None)
    return Verdict(
        health=worst(reasons),
        reasons=reasons,
        usable_bytes=UsableBytes(
            total=sum(round((tier.capacity_bytes or 0) / tier.overhead) for tier in usable),
            free=sum(round((tier.free_bytes or 0) / tier.overhead) for tier in usable),
        ),
        days_left=days_left[0] if days_left else None,
        days_left_tier=days_left[1] if days_left else None,
        hit_ratio=await _hit_ratio(samples, rates, span),
        ttfb_p99_seconds=first_bytes(await samples.sums([TTFB], longer)),
        reduced_redundancy=Reduced(bytes=round(level("short_bytes")), volumes=short),
        lifecycle=Lifecycle(backlog=round(level("backlog")), lag_seconds=round(lag, 1)),
        requests_per_second=rates.rate("requests"),
        errors_per_second=rates.rate("errors", "5xx"),
    )


async def _hit_ratio(samples: Samples, rates: Rates, span: Span) -> HitRatio:
    """Of the span, or of the hour before its end if nobody has read anything in it."""
    found = hit_ratio(rates)
    if found.requests is not None or span.step != STEP:
        return found
    hour = Span(span.step, span.end - HOUR, span.end)
    return hit_ratio(Rates(await samples.sums(_READS, hour), hour))


async def _heat(state: AdminState, levels: Sums, tiers: Sequence[TierPicture], at: datetime | None) -> Heat:
    def band(tier: str, name: str) -> BandSum:
        label = f"{tier}:{name}"
        objects, size = (levels.get((code_of(f"band_{what}"), label), 0.0) for what in ("objects", "bytes"))
        return BandSum(objects=round(objects), bytes=round(size))

    ends = [*BAND_DAYS[1:], None]
    return Heat(
        bands=[
            Band(name=name, from_days=begin, to_days=end)
            for name, begin, end in zip(BANDS, BAND_DAYS, ends, strict=True)
        ],
        tiers={tier.name: [band(tier.name, name) for name in BANDS] for tier in tiers},
        thresholds=await _thresholds(state),
        at=at,
    )


async def _thresholds(state: AdminState) -> list[Threshold]:
    found = []
    for bucket, kept in await extended_rules(state.database):
        found += [
            Threshold(tier=HOT, days=rule.last_access_days, bucket=bucket, rule=rule.id)
            for rule in from_json(kept, ExtendedRule)
            if rule.enabled and rule.last_access_days is not None
        ]
    return found[:THRESHOLDS_MAX]


def _move(one: Any) -> NextMove:
    return NextMove(
        bucket=one.bucket,
        rule=one.rule,
        action=one.action,
        waiting=one.waiting,
        failing=one.failing,
        oldest_due=one.oldest_due,
        next_look=one.next_look,
        done_objects=one.objects,
        done_bytes=one.bytes,
        last_error=one.last_error,
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

"""GET /picture: where all bytes are, how hot they are, and how they flow; read from sums, never from objects."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from objstore.api.admin.state import AdminState, admin_state
from objstore.api.picture.flows import (
    FLOW_CODES,
    GATEWAY_CODES,
    SHARE_CODES,
    TTFB,
    Rates,
    first_bytes,
    flows_of,
    gateways_of,
    hit_ratio,
    shares_of,
)
from objstore.api.picture.forecast import growth_of
from objstore.api.picture.hardware import DRIVES_MAX, nodes_of, tier_of
from objstore.api.picture.health import reasons_of, worst
from objstore.api.picture.models import (
    Band,
    BandSum,
    Heat,
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
from objstore.api.picture.spans import levels_of, pieces_of, window
from objstore.meta.drives import Drives, Standing
from objstore.meta.history_keeper import places
from objstore.meta.history_samples import Samples, Span, Sums
from objstore.meta.next_moves import extended_rules, next_moves
from objstore.meta.nodes import Node, Nodes
from objstore.meta.redundancy import short_bytes, short_of_redundancy
from objstore.model import clock
from objstore.model.extended_rules import ExtendedRule
from objstore.model.lifecycle import from_json
from objstore.model.series import BAND_DAYS, BANDS, HOUR, LEVELS, MINUTE, STEP, code_of
from objstore.model.tiers import HOT, code_of_tier
from objstore.model.volumes import Drive

router = APIRouter(tags=["picture"])
State = Annotated[AdminState, Depends(admin_state)]
PERCENTILE_SECONDS = 300
WEEK = 7 * 86400
BUCKETS_MAX, MOVES_MAX, THRESHOLDS_MAX = 64, 64, 32
_READS = tuple(code_of(f"{kind}_{what}") for kind in ("memory", "read") for what in ("objects", "bytes"))
_DRIVE_CODES = (code_of("drive_bytes"), code_of("drive_operations"))


@dataclass(frozen=True, slots=True)
class _Around:
    """What is there now, whatever time is asked for. ``used``: of drives, by tier: (seconds, bytes)."""

    drives: Sequence[Drive]
    standing: Mapping[str, Standing]
    nodes: Sequence[Node]
    used: Mapping[str, list[tuple[int, float]]]
    kept: Mapping[str, Any]
    kept_at: datetime | None
    newest: int | None
    moves: list[NextMove]
    thresholds: list[Threshold]
    ready: bool


@dataclass(frozen=True, slots=True)
class _Counted:
    """Sums of the span, of reads of the hour before its end if there were none in it, and of first bytes."""

    rates: Rates
    reads: Rates
    first: Sums
    levels: Sums
    by_gateway: Mapping[tuple[str, int], float]


@router.get("/picture", response_model=Picture)
async def get_picture(
    state: State,
    seconds: Annotated[int, Query(alias="window", ge=10, le=3600, description="Flows are averages of so long.")] = 30,
    at: Annotated[datetime | None, Query(description="A time of the past.")] = None,
) -> Response:
    """All of it, now or as it was; in the past what lies where, nodes and next moves are those of now."""
    return await state.kept.answer(("picture", seconds, at), lambda: _picture(state, seconds, at))


async def _picture(state: AdminState, seconds: int, at: datetime | None) -> Picture:
    now = clock.now_seconds()
    span = window(None if at is None else at.timestamp(), seconds, now)
    around, counted = await asyncio.gather(
        state.kept.get(("around",), lambda: _around(state, now)), _counted(state, span, at is None, now)
    )
    tiers, nodes, truncated = _hardware(state, around, counted, now)
    age = None if around.newest is None else max(0.0, round(now - around.newest - STEP, 1))
    return Picture(
        at=_moment(span.end if at is not None else now),
        begun=_moment(span.start),
        to=_moment(span.end),
        step_seconds=span.step,
        age_seconds=age,
        verdict=_verdict(around, counted, tiers, nodes, age),
        flows=flows_of(counted.rates, [tier.name for tier in tiers]),
        gateways=gateways_of(counted.by_gateway, span),
        by_bucket=shares_of(counted.rates, "bucket"),
        by_client=shares_of(counted.rates, "client"),
        tiers=tiers,
        heat=_heat(around, counted.levels, tiers),
        places=map_of_buckets(around.kept, around.kept_at, BUCKETS_MAX),
        nodes=nodes,
        next_moves=around.moves,
        truncated=truncated,
    )


async def _shortage(state: AdminState) -> Sums:
    """What is short of redundancy at this moment: nobody should wait for the next sample to hear of that."""
    return {
        (code_of("volumes_short"), ""): await short_of_redundancy(state.database),
        (code_of("short_bytes"), ""): await short_bytes(state.database),
    }


async def _around(state: AdminState, now: float) -> _Around:
    """On two connections, one statement after the other on each."""
    database = state.database

    async def hardware() -> tuple[Any, ...]:
        drives = Drives(database)
        standing = {one.id: one for one in await drives.standing()}
        out = await drives.out()
        here = [drive for drive in await drives.list() if drive.id not in out]
        return here, standing, await Nodes(database).list(), await _used(Samples(database), now)

    async def others() -> tuple[Any, ...]:
        newest = await Samples(database).newest([code_of("backlog")], int(now) - HOUR)
        moves = [_move(one) for one in await next_moves(database, MOVES_MAX)]
        thresholds = await _thresholds(state)
        return *await places(database), newest, moves, thresholds, (await state.readiness.report())["ready"]

    found = await asyncio.gather(hardware(), others())
    return _Around(*found[0], *found[1])


async def _counted(state: AdminState, span: Span, live: bool, now: float) -> _Counted:
    samples = Samples(state.database)
    longer = Span(span.step, min(span.start, span.end - PERCENTILE_SECONDS), span.end)
    sums, first = await samples.many_sums(
        [([*FLOW_CODES, *SHARE_CODES, *_DRIVE_CODES], pieces_of(span, now)), ([TTFB], pieces_of(longer, now))]
    )
    levels = await samples.last(LEVELS, levels_of(span, live))
    if live:
        levels |= await _shortage(state)
    by_gateway = await samples.by_node(GATEWAY_CODES, span) if span.step == STEP else {}
    rates = reads = Rates(sums, span)
    if hit_ratio(rates).requests is None and span.step == STEP:
        hour = Span(span.step, span.end - HOUR, span.end)
        reads = Rates(await samples.sums(_READS, *pieces_of(hour, now)), hour)
    return _Counted(rates, reads, first, levels, by_gateway)


def _hardware(
    state: AdminState, around: _Around, counted: _Counted, now: float
) -> tuple[list[TierPicture], list[NodePicture], bool]:
    remote = {drive.tier for drive in state.readiness.drives if drive.write_once}
    local = [drive for drive in around.drives if drive.tier not in remote]
    tiers = []
    for name in sorted(state.profiles, key=code_of_tier):
        free = sum(drive.free_bytes for drive in local if drive.tier == name)
        growth = growth_of(around.used.get(name, ()), free)
        profile = state.profiles[name]
        tiers.append(tier_of(name, profile, name in remote, counted.levels, around.drives, growth, now))
    nodes = nodes_of(around.nodes, local, around.standing, counted.rates)
    return tiers, nodes, len(local) > DRIVES_MAX


async def _used(samples: Samples, now: float) -> dict[str, list[tuple[int, float]]]:
    """What drives of each tier held, by hours of a week, or by minutes where there are no hours yet."""
    for step, seconds in ((HOUR, WEEK), (MINUTE, 6 * HOUR)):
        span = Span(step, int(now) - seconds, int(now))
        lines = await samples.lines([code_of("tier_used_bytes")], span, step)
        found = {line.label: line.points for line in lines}
        if any(len(points) > 2 for points in found.values()):
            break
    return found


def _verdict(
    around: _Around,
    counted: _Counted,
    tiers: Sequence[TierPicture],
    nodes: Sequence[NodePicture],
    age: float | None,
) -> Verdict:
    def level(name: str) -> float:
        return counted.levels.get((code_of(name), ""), 0.0)

    rates, short, lag = counted.rates, round(level("volumes_short")), level("lag_seconds")
    reasons = reasons_of(tiers, nodes, rates, short=short, lag_seconds=lag, ready=around.ready, age_seconds=age)
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
        hit_ratio=hit_ratio(counted.reads),
        ttfb_p99_seconds=first_bytes(counted.first),
        reduced_redundancy=Reduced(bytes=round(level("short_bytes")), volumes=short),
        lifecycle=Lifecycle(backlog=round(level("backlog")), lag_seconds=round(lag, 1)),
        requests_per_second=rates.rate("requests"),
        errors_per_second=rates.rate("errors", "5xx"),
    )


def _heat(around: _Around, levels: Sums, tiers: Sequence[TierPicture]) -> Heat:
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
        thresholds=around.thresholds,
        at=around.kept_at,
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

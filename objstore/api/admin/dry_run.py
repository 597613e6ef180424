"""POST /buckets/{bucket}/lifecycle/dry-run: what rules would do, before they are enabled. Nothing is changed."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel

from objstore.api.admin.lifecycle_rules import Configuration, bucket_named
from objstore.api.admin.state import AdminState, admin_state
from objstore.lifecycle.forecast import Expected, expect
from objstore.lifecycle.plan import Plan, plan_of
from objstore.lifecycle.totals import VERSIONS_MAX, Totals, totals
from objstore.meta.forecast import Count, TooSlow
from objstore.meta.forecast_statements import ROWS_MAX
from objstore.model import clock
from objstore.model.extended_rules import ExtendedRule
from objstore.model.lifecycle import MINIMUM_FOR_ALL, SETTING, Rule, from_json
from objstore.model.objects import Bucket

router = APIRouter(tags=["lifecycle"])
_rules = Body(description="Rules to try; without a body those that the bucket has.")


class Sample(BaseModel):
    """A version that the action is about."""

    key: str
    version_id: str


class DayCount(BaseModel):
    """What becomes due on the ``day``-th day from now; 0 is due now."""

    day: int
    objects: int
    bytes: int


class Margin(BaseModel):
    """How far off an estimate may be, in 19 of 20 cases; 0 for what was counted."""

    objects: int
    bytes: int


class ActionForecast(BaseModel):
    """``action``: delete, mark (a delete marker), transition, abort; ``of``: current, noncurrent, marker, upload.

    ``exact``: counted; else estimated from a sample, or not at all, for which ``error`` says why. ``total``: now and
    in the days that were asked for. ``margin``, ``margin_now``: of these. ``by_day``: days with something only.
    """

    rule: str
    action: str
    of: str
    storage_class: str
    tier: str
    exact: bool
    now: DayCount
    total: DayCount
    by_day: list[DayCount]
    margin: Margin
    margin_now: Margin
    samples: list[Sample]
    error: str


class Share(BaseModel):
    """What falls to one rule: the versions on which it would act first. ``rule`` is empty for Intelligent-Tiering by
    itself. ``action``: delete, mark, transition, place (another tier, or ``access_tier``, of the same class)."""

    rule: str
    action: str
    storage_class: str
    tier: str
    access_tier: str
    now: DayCount
    total: DayCount
    by_day: list[DayCount]
    samples: list[Sample]


class Together(BaseModel):
    """What all rules would do, with pins and Intelligent-Tiering: each version once, under the rule that acts on it
    first. ``versions``: how many were asked about; ``exact``: all there are. Uploads are no versions."""

    exact: bool
    versions: int
    now: DayCount
    total: DayCount
    by_day: list[DayCount]
    shares: list[Share]
    error: str


class DryRun(BaseModel):
    """``actions``: one entry an action of a rule, enabled or not, as if it were alone: what several are about counts
    under each. ``together``: all of them, overlaps resolved."""

    bucket: str
    at: datetime
    days: int
    actions: list[ActionForecast]
    together: Together


@router.post("/buckets/{bucket}/lifecycle/dry-run")
async def dry_run(
    bucket: str,
    state: Annotated[AdminState, Depends(admin_state)],
    rules: Annotated[Configuration | None, _rules] = None,
    days: Annotated[int, Query(ge=0, le=366, description="How many days ahead.")] = 30,
    rows: Annotated[
        int, Query(ge=0, le=ROWS_MAX, description="Beyond so many rows of an index, an estimate.")
    ] = ROWS_MAX,
) -> DryRun:
    """Count by index, rule by rule: a second or two, however many objects there are."""
    found = await bucket_named(bucket, state)
    setting = found.settings.get(SETTING, {}) if rules is None else await rules.settings()
    now, plan = clock.now(), _plan(found, setting)
    expected, together = await asyncio.gather(
        expect(state.database, found.id, plan, now, days, rows),
        _together(state, found.id, plan, now, days, min(rows, VERSIONS_MAX)),
    )
    return DryRun(bucket=bucket, at=now, days=days, actions=[_shown(one) for one in expected], together=together)


async def _together(state: AdminState, bucket_id: int, plan: Plan, now: datetime, days: int, most: int) -> Together:
    error = ""
    try:
        found = await totals(state.database, bucket_id, plan, now, days, most)
    except TooSlow as slow:
        error, found = f"not counted: {slow}", Totals(False, 0, {})
    sums = [
        Count(sum(one.by_day[day].objects for one in found.shares.values()),
              sum(one.by_day[day].bytes for one in found.shares.values()))
        for day in range(days + 1)
    ]  # fmt: skip
    shares = [
        Share(
            rule=deed.rule,
            action=deed.kind,
            storage_class=deed.storage_class,
            tier=deed.tier,
            access_tier=deed.access_tier,
            samples=_samples(share.samples),
            **_counted(share.by_day),
        )
        for deed, share in found.shares.items()
    ]
    return Together(exact=found.exact, versions=found.asked, shares=shares, error=error, **_counted(sums))


def _plan(bucket: Bucket, setting: dict[str, list[object]]) -> Plan:
    """All rules, those that are disabled too; Intelligent-Tiering as the bucket has it."""
    return Plan(
        from_json(setting.get("rules", ()), Rule),
        from_json(setting.get("extended", ()), ExtendedRule),
        plan_of(bucket.id, bucket.settings).tierings,
        str(setting.get("transition_default_minimum_object_size", MINIMUM_FOR_ALL)),
        bucket.versioning,
    )


def _shown(one: Expected) -> ActionForecast:
    action = one.action
    return ActionForecast(
        rule=action.rule,
        action=action.action,
        of=action.of,
        storage_class=action.storage_class,
        tier=action.tier,
        exact=one.forecast.exact,
        margin=_margin(one.forecast.margin),
        margin_now=_margin(one.forecast.margin_now),
        samples=_samples(one.forecast.samples),
        error=one.error,
        **_counted(one.forecast.by_day),
    )


def _counted(by_day: Sequence[Count]) -> dict[str, Any]:
    """The fields ``now``, ``total`` and ``by_day``."""
    counts = [DayCount(day=day, objects=count.objects, bytes=count.bytes) for day, count in enumerate(by_day)]
    objects, size = sum(count.objects for count in counts), sum(count.bytes for count in counts)
    return {
        "now": counts[0],
        "total": DayCount(day=len(counts) - 1, objects=objects, bytes=size),
        "by_day": [count for count in counts if count.objects],
    }


def _margin(count: Count) -> Margin:
    return Margin(objects=count.objects, bytes=count.bytes)


def _samples(found: Sequence[tuple[bytes, bytes]]) -> list[Sample]:
    return [Sample(key=key.decode("utf-8", "replace"), version_id=version_id.hex()) for key, version_id in found]

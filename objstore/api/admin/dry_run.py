"""POST /buckets/{bucket}/lifecycle/dry-run: what rules would do, before they are enabled. Nothing is changed."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel

from objstore.api.admin.lifecycle_rules import Configuration, bucket_named
from objstore.api.admin.state import AdminState, admin_state
from objstore.lifecycle.forecast import Expected, expect
from objstore.lifecycle.plan import Plan
from objstore.meta.forecast import ROWS_MAX
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


class ActionForecast(BaseModel):
    """``action``: delete, mark (a delete marker), transition, abort; ``of``: current, noncurrent, marker, upload.

    ``exact``: counted; else estimated from a sample, or not at all, for which ``error`` says why. ``total``: now and
    in the days that were asked for. ``by_day``: days with something only.
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
    samples: list[Sample]
    error: str


class DryRun(BaseModel):
    """One entry an action of a rule, whether the rule is enabled or not. A version that several are about counts
    under each; which of them would act on it is what ``explain`` tells."""

    bucket: str
    at: datetime
    days: int
    actions: list[ActionForecast]


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
    """Count by index, rule by rule: seconds at tens of millions of objects."""
    found = await bucket_named(bucket, state)
    setting = found.settings.get(SETTING, {}) if rules is None else await rules.settings()
    now = clock.now()
    expected = await expect(state.database, found.id, _plan(found, setting), now, days, rows)
    return DryRun(bucket=bucket, at=now, days=days, actions=[_shown(one) for one in expected])


def _plan(bucket: Bucket, setting: dict[str, list[object]]) -> Plan:
    """All rules, those that are disabled too."""
    return Plan(
        from_json(setting.get("rules", ()), Rule),
        from_json(setting.get("extended", ()), ExtendedRule),
        minimum=str(setting.get("transition_default_minimum_object_size", MINIMUM_FOR_ALL)),
        versioning=bucket.versioning,
    )


def _shown(one: Expected) -> ActionForecast:
    counts = [
        DayCount(day=day, objects=count.objects, bytes=count.bytes) for day, count in enumerate(one.forecast.by_day)
    ]
    objects, size = sum(count.objects for count in counts), sum(count.bytes for count in counts)
    action = one.action
    return ActionForecast(
        rule=action.rule,
        action=action.action,
        of=action.of,
        storage_class=action.storage_class,
        tier=action.tier,
        exact=one.forecast.exact,
        now=counts[0],
        total=DayCount(day=len(counts) - 1, objects=objects, bytes=size),
        by_day=[count for count in counts if count.objects],
        samples=[
            Sample(key=key.decode("utf-8", "replace"), version_id=version_id.hex())
            for key, version_id in one.forecast.samples
        ],
        error=one.error,
    )

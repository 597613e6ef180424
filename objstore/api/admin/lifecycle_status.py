"""/lifecycle/status and /buckets/{bucket}/lifecycle/status: what waits, how late it is, what was done."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from objstore.api.admin.lifecycle_rules import bucket_named
from objstore.api.admin.state import AdminState, admin_state
from objstore.meta.lifecycle_status import (
    Backlog,
    WalkRow,
    backlog_of_bucket,
    queue_length,
    series_of,
    status_by_bucket,
    walks_of_bucket,
)
from objstore.meta.rule_stats import RuleStats, rule_figures
from objstore.model import clock, days

router = APIRouter(tags=["lifecycle"])
State = Annotated[AdminState, Depends(admin_state)]


class ActionStatus(BaseModel):
    """One action of a rule. ``seen_until``: everything modified (noncurrent, begun, last used) before has been looked
    at; None before the first look. ``found``: versions that its walk has queued; ``backlog`` of them wait.
    ``lag_seconds``: since when the oldest of them is due. ``objects``, ``bytes``: done. ``failing``: have failed, and
    will be tried again. ``series``: what the metrics call the rule.
    """

    rule: str
    action: str
    series: str
    seen_until: datetime | None
    next_look: datetime | None
    found: int
    backlog: int
    failing: int
    lag_seconds: float
    objects: int
    bytes: int
    errors: int
    last_done: datetime | None
    last_lag_seconds: float
    last_failed: datetime | None
    last_error: str | None


class BucketLifecycle(BaseModel):
    """By rule and action; rule "" is Intelligent-Tiering, and what was asked for by name."""

    bucket: str
    at: datetime
    backlog: int
    lag_seconds: float
    actions: list[ActionStatus]


class BucketSum(BaseModel):
    """A bucket for which something waits or was done."""

    bucket: str
    backlog: int
    failing: int
    lag_seconds: float
    objects: int
    bytes: int
    errors: int


class LifecycleStatus(BaseModel):
    """``backlog``: tasks of all buckets; ``lag_seconds``: since when the oldest is due."""

    at: datetime
    backlog: int
    lag_seconds: float
    buckets: list[BucketSum]


@router.get("/lifecycle/status")
async def lifecycle_status(state: State) -> LifecycleStatus:
    """Every bucket, by name."""
    now = clock.now()
    backlog, oldest = await queue_length(state.database)
    buckets = [
        BucketSum(
            bucket=one.bucket,
            backlog=one.tasks,
            failing=one.failing,
            lag_seconds=_lag(one.oldest_due, now),
            objects=one.objects,
            bytes=one.bytes,
            errors=one.errors,
        )
        for one in await status_by_bucket(state.database)
    ]
    return LifecycleStatus(at=now, backlog=backlog, lag_seconds=_lag(oldest, now), buckets=buckets)


@router.get("/buckets/{bucket}/lifecycle/status")
async def bucket_lifecycle_status(bucket: str, state: State) -> BucketLifecycle:
    """Every action of every rule."""
    found = await bucket_named(bucket, state)
    now = clock.now()
    walks = {(row.rule, row.action): row for row in await walks_of_bucket(state.database, found.id)}
    waiting = {(row.rule, row.action): row for row in await backlog_of_bucket(state.database, found.id)}
    done = {(row.rule, row.action): row for row in await rule_figures(state.database, found.id)}
    names = sorted(walks.keys() | waiting.keys() | done.keys())
    actions = [_action(found.id, name, walks.get(name), waiting.get(name), done.get(name), now) for name in names]
    return BucketLifecycle(
        bucket=bucket,
        at=now,
        backlog=sum(action.backlog for action in actions),
        lag_seconds=max((action.lag_seconds for action in actions), default=0.0),
        actions=actions,
    )


def _action(
    bucket_id: int,
    name: tuple[str, str],
    walk: WalkRow | None,
    waiting: Backlog | None,
    done: RuleStats | None,
    now: datetime,
) -> ActionStatus:
    return ActionStatus(
        rule=name[0],
        action=name[1],
        series=series_of(bucket_id, name[0]),
        seen_until=_seen_until(walk),
        next_look=walk.next_run if walk else None,
        found=walk.found if walk else 0,
        backlog=waiting.tasks if waiting else 0,
        failing=waiting.failing if waiting else 0,
        lag_seconds=_lag(waiting.oldest_due if waiting else None, now),
        objects=done.objects if done else 0,
        bytes=done.bytes if done else 0,
        errors=done.errors if done else 0,
        last_done=done.last_done if done else None,
        last_lag_seconds=done.lag_milliseconds / 1000 if done else 0.0,
        last_failed=done.last_failed if done else None,
        last_error=(waiting.last_error if waiting else None) or (done.last_error if done else None),
    )


def _seen_until(walk: WalkRow | None) -> datetime | None:
    if walk is None or walk.time is not None:
        return walk.time if walk else None
    return days.start_of(walk.number) if walk.number else None


def _lag(oldest: datetime | None, now: datetime) -> float:
    return 0.0 if oldest is None else max(0.0, round((now - oldest).total_seconds(), 3))
